//! What flags messages must have: what the source's changes, since both sides last agreed, make of the target's.

use std::collections::BTreeSet;

use transhume_testkit::maildir::{DiskMailbox, DiskMessage};
use transhume_testkit::simulated;

use super::{Disk, Ledger, get, text};
use crate::history::FLAGS;

/// For each of [`FLAGS`], whether it is set.
pub(super) type Flags = [bool; FLAGS.len()];

/// The states of flags that both sides may have agreed on last.
#[derive(Clone, Debug)]
pub(super) struct Agreed(pub(super) BTreeSet<Flags>);

impl Ledger {
    /// Flags are what the source's changes make of the target's (I7), and new messages have the source's flags and dates.
    pub(super) fn check_flags(
        &mut self,
        name: &str,
        mailbox: &simulated::Mailbox,
        before: &Disk,
        disk: &DiskMailbox,
    ) -> Result<(), String> {
        for message in &mailbox.messages {
            let source = flags_of(&message.flags);
            let agreed = self.agreed.insert(message.serial, Agreed([source].into()));
            let Some(found) = self.only_copy(message, disk) else {
                continue;
            };
            let flags = flags_of(&found.flags);
            // Under another name, where the mailbox was renamed.
            let mut was = before.values().flat_map(|mailbox| &mailbox.messages);
            let was = was.find(|was| was.base == found.base);
            let Some(was) = was else {
                if flags != source || found.modified != message.internal_date {
                    return Err(format!(
                        "{name}: {} came with {:?} of {}; the source has {:?} of {}",
                        text(&message.bytes),
                        found.flags,
                        found.modified,
                        message.flags,
                        message.internal_date
                    ));
                }
                continue;
            };
            let was_flags = flags_of(&was.flags);
            let agreed = agreed.unwrap_or_else(Agreed::nothing);
            let mut may: BTreeSet<Flags> = agreed
                .0
                .iter()
                .map(|agreed| merge(*agreed, source, was_flags))
                .collect();
            if self.is_renumbered {
                // What the source changed at the same time cannot be told from what was so before.
                may.insert(was_flags);
            }
            if !may.contains(&flags) {
                return Err(format!(
                    "{name}: {} has {:?}; it had {:?}, and the source has {:?} (agreed: {agreed:?})",
                    text(&message.bytes),
                    found.flags,
                    was.flags,
                    message.flags
                ));
            }
        }
        Ok(())
    }

    /// The message's counterpart, where there can be only one.
    fn only_copy<'a>(&self, message: &simulated::Message, disk: &'a DiskMailbox) -> Option<&'a DiskMessage> {
        let bytes = message.bytes.to_vec();
        let is_unique = self.seen.get(&bytes).is_some_and(|serials| serials.len() == 1)
            && get(&self.delivered, &bytes) == 0;
        let mut copies = disk.messages.iter().filter(|other| other.bytes == bytes);
        copies.next().filter(|_| is_unique)
    }
}

impl Agreed {
    /// What was never agreed on is taken for "none": flags are added then, and none is taken away.
    pub(super) fn nothing() -> Self {
        Self([Flags::default()].into())
    }
}

fn merge(agreed: Flags, source: Flags, target: Flags) -> Flags {
    std::array::from_fn(|at| {
        if agreed[at] == source[at] {
            target[at]
        } else {
            source[at]
        }
    })
}

pub(super) fn flags_of(flags: &BTreeSet<String>) -> Flags {
    FLAGS.map(|flag| flags.contains(flag))
}
