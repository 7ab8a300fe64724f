//! What may go from the target, and what must, where the source's removals are followed.

use std::collections::BTreeSet;

use transhume_testkit::maildir::DiskMailbox;
use transhume_testkit::simulated::Account;

use super::flags::flags_of;
use super::{Disk, Ledger, Ledgers, get, text};

/// Messages, by their numbers, that a mailbox of the source has shown and did not have in a later pass.
#[derive(Clone, Default)]
pub(super) struct Missing {
    /// A pass may have found them missing: the next one may remove them.
    perhaps: BTreeSet<u64>,
    /// A complete pass has found them missing, and nothing has happened since that excuses the next from removing them.
    surely: BTreeSet<u64>,
    /// Their owner has had them in hand when they were to be removed: they are his.
    kept: BTreeSet<u64>,
}

impl Missing {
    pub(super) fn returned(&mut self, message: u64) {
        self.perhaps.remove(&message);
        self.surely.remove(&message);
    }

    /// What passes know of the mailbox may be the old or the new.
    pub(super) fn is_uncertain(&mut self) {
        self.kept.append(&mut self.surely);
    }

    /// The mailbox has got the messages of another.
    pub(super) fn joined(&mut self, other: Self) {
        self.is_uncertain();
        self.perhaps.extend(other.perhaps);
        self.kept.extend(other.kept);
    }
}

impl Ledgers {
    /// A pass has ended, and has seen the source in this state.
    pub(crate) fn missed(&mut self, account: &Account) {
        for (name, mailbox) in account.mailboxes() {
            let there: BTreeSet<u64> = mailbox.messages.iter().map(|message| message.serial).collect();
            let is_uncertain = self.is_uncertain;
            let ledger = self.ledger(name);
            let seen = ledger.seen.values().flatten();
            let missing: Vec<u64> = seen.copied().filter(|message| !there.contains(message)).collect();
            ledger.missing.perhaps.extend(&missing);
            if is_uncertain {
                ledger.missing.kept.extend(&missing);
            } else {
                ledger.missing.surely.extend(&missing);
            }
        }
    }

    /// How many copies of a message a pass may have removed, of those that are gone: as many as a pass before it has found
    /// missing (I8), with flags that both sides had agreed on (I7), and never one that came another way (I14).
    pub(super) fn may_be_followed(
        &self,
        name: &str,
        bytes: &[u8],
        before: &DiskMailbox,
        after: &Disk,
    ) -> u64 {
        let (Some(ledger), Some(after)) = (self.mailboxes.get(name), after.get(name)) else {
            return 0;
        };
        let copies = |disk: &DiskMailbox| {
            let of_it = disk.messages.iter().filter(|message| message.bytes == bytes);
            of_it.count() as u64
        };
        if copies(after) + get(&ledger.removed, bytes) < get(&ledger.delivered, bytes) {
            return 0;
        }
        let serials = ledger.seen.get(bytes).into_iter().flatten();
        let missing: Vec<&u64> = serials
            .filter(|message| ledger.missing.perhaps.contains(message))
            .collect();
        let gone = before.messages.iter().filter(|message| {
            message.bytes == bytes && !after.messages.iter().any(|other| other.base == message.base)
        });
        let untouched = gone.filter(|message| {
            let flags = flags_of(&message.flags);
            let agreed = |serial: &&u64| {
                let agreed = ledger.agreed.get(serial);
                agreed.is_some_and(|agreed| agreed.0.contains(&flags))
            };
            missing.iter().any(agreed)
        });
        untouched.count().min(missing.len()) as u64
    }

    /// After a complete pass that follows removals: what was missing before, too, is gone, unless its owner has touched it.
    pub(crate) fn check_followed(&mut self, account: &Account, after: &Disk) -> Result<(), String> {
        for (name, _) in account.mailboxes() {
            if let Some(disk) = after.get(name) {
                self.ledger(name).check_followed(name, disk)?;
            }
        }
        Ok(())
    }
}

impl Ledger {
    fn check_followed(&mut self, name: &str, disk: &DiskMailbox) -> Result<(), String> {
        let Missing { surely, kept, .. } = &mut self.missing;
        for (bytes, serials) in &self.seen {
            // Which copy of several it is cannot be told.
            let Some(serial) = serials.first().filter(|_| serials.len() == 1) else {
                continue;
            };
            let is_ours = get(&self.delivered, bytes) == 0 && !self.has_changed_validity;
            if !is_ours || !surely.contains(serial) || kept.contains(serial) {
                continue;
            }
            let Some(found) = disk.messages.iter().find(|message| message.bytes == *bytes) else {
                continue;
            };
            let agreed = self.agreed.get(serial).map(|agreed| &agreed.0);
            let flags = flags_of(&found.flags);
            if agreed.is_some_and(|agreed| agreed.len() == 1 && agreed.contains(&flags)) {
                return Err(format!(
                    "{name} still has {}, which the source had no longer in two passes",
                    text(bytes)
                ));
            }
            kept.insert(*serial);
        }
        Ok(())
    }
}
