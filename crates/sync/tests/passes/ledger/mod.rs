//! What must be on the target, kept by counting: independent of how the program comes to its decisions.
//!
//! Messages are known by their bytes. For each mailbox and message the ledger knows how many the source has shown, how many
//! came another way, and how many their owner has removed; what the Maildir may hold follows. Where the power was cut, both
//! outcomes of what was under way are right, and the ledger remembers both.

mod flags;
mod removals;
mod whole;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use transhume_testkit::maildir::DiskMailbox;
use transhume_testkit::simulated::Account;

use self::flags::{Agreed, Flags, flags_of};
use self::removals::Missing;

/// What a pass that is cut may leave behind where the next one has nothing to do: its lock, which Dovecot and passes take over,
/// and the beginnings of a lock or of a small file, which Dovecot clears away with all that is old in `tmp/`. No message.
fn is_of_a_dead_pass(file: &str) -> bool {
    ["dovecot-uidlist.lock", "subscriptions.lock"].contains(&file)
        || ["lock", "subscriptions", "identity", "stale"]
            .iter()
            .any(|purpose| file.starts_with(&format!("transhume.{purpose}.")))
}

/// The Maildir as it was read.
type Disk = BTreeMap<String, DiskMailbox>;
type Bytes = Vec<u8>;

#[derive(Clone, Default)]
pub(crate) struct Ledgers {
    mailboxes: BTreeMap<String, Ledger>,
    /// Which message a mailbox has shown under a UIDVALIDITY and UID: never another.
    shown: HashMap<(String, u32, u32), Bytes>,
    /// The highest UIDNEXT under a UIDVALIDITY.
    next: HashMap<(String, u32), u32>,
    /// Whether the power was ever cut: the dead pass's locks may lie about. Dovecot takes them over, as passes do.
    was_cut: bool,
    /// Whether it was since the last complete pass: the base may not know yet what is on the target, and then brings again
    /// what its owner removes.
    is_uncertain: bool,
    /// Whether a mailbox was renamed on the source since the last complete pass.
    renamed: bool,
    /// Subscriptions that their owner has ended, and whether a complete pass had brought them before.
    ended: BTreeMap<String, bool>,
    brought: BTreeSet<String>,
}

#[derive(Clone, Default)]
struct Ledger {
    /// The messages that passes may have seen.
    seen: BTreeMap<Bytes, BTreeSet<u64>>,
    /// How many came another way.
    delivered: BTreeMap<Bytes, u64>,
    /// How many their owner has removed.
    removed: BTreeMap<Bytes, u64>,
    /// How many their owner has removed under an earlier name, or when the base may not have known them: they may be there.
    removed_before: BTreeMap<Bytes, u64>,
    mailbox_removed: Removed,
    /// The messages that it held then, or might have held: they stay away, those that come later come.
    removed_with: BTreeSet<u64>,
    /// The source's UIDVALIDITY when it was last seen, and whether it has ever been another.
    uid_validity: Option<u32>,
    has_changed_validity: bool,
    /// Changed since the last complete pass.
    is_renumbered: bool,
    /// What may be agreed on, by the message's number.
    agreed: BTreeMap<u64, Agreed>,
    /// Whether a complete pass has been over it since it was made.
    is_settled: bool,
    /// What the source has had, and has no longer.
    missing: Missing,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Removed {
    #[default]
    No,
    /// After a complete pass: what was in it must not come back.
    Surely,
    /// When it was not certain that it was filled: it may come back.
    Perhaps,
}

impl Ledgers {
    fn ledger(&mut self, mailbox: &str) -> &mut Ledger {
        self.mailboxes.entry(mailbox.to_owned()).or_default()
    }

    /// A pass begins, or ends, with the source in this state.
    pub(crate) fn seen(&mut self, account: &Account) {
        for (name, mailbox) in account.mailboxes() {
            let ledger = self.ledger(name);
            if ledger.uid_validity != Some(mailbox.uid_validity) {
                ledger.is_renumbered |= ledger.uid_validity.is_some();
                ledger.has_changed_validity |= ledger.uid_validity.is_some();
                ledger.uid_validity = Some(mailbox.uid_validity);
                ledger.missing.is_uncertain();
            }
            for message in &mailbox.messages {
                ledger.missing.returned(message.serial);
                ledger
                    .seen
                    .entry(message.bytes.to_vec())
                    .or_default()
                    .insert(message.serial);
            }
        }
    }

    /// Under its new name a mailbox may come anew, or be renamed on the target, too.
    pub(crate) fn renamed(&mut self, from: &str, to: &str) {
        self.renamed = true;
        self.ledger(from).missing.is_uncertain();
        let old = self.ledger(from).clone();
        let new = self.ledger(to);
        new.missing.joined(old.missing);
        for (bytes, serials) in old.seen {
            new.seen.entry(bytes).or_default().extend(serials);
        }
        for (bytes, count) in old.delivered {
            *new.delivered.entry(bytes).or_default() += count;
        }
        for removed in [old.removed, old.removed_before] {
            for (bytes, count) in removed {
                *new.removed_before.entry(bytes).or_default() += count;
            }
        }
        if old.mailbox_removed != Removed::No || new.mailbox_removed != Removed::No {
            new.mailbox_removed = Removed::Perhaps;
        }
        new.has_changed_validity |= old.has_changed_validity || new.uid_validity.is_some();
        for (serial, agreed) in old.agreed {
            let known = new.agreed.entry(serial).or_insert_with(Agreed::nothing);
            known.0.extend(agreed.0);
            // As when the mailbox comes anew.
            known.0.insert(Flags::default());
        }
    }

    pub(crate) fn delivered(&mut self, mailbox: &str, bytes: Bytes) {
        *self.ledger(mailbox).delivered.entry(bytes).or_default() += 1;
    }

    pub(crate) fn removed(&mut self, mailbox: &str, bytes: &[u8]) {
        let is_uncertain = self.is_uncertain;
        let ledger = self.ledger(mailbox);
        let removed = if is_uncertain {
            &mut ledger.removed_before
        } else {
            &mut ledger.removed
        };
        *removed.entry(bytes.to_vec()).or_default() += 1;
    }

    pub(crate) fn mailbox_removed(&mut self, mailbox: &str) {
        let ledger = self.ledger(mailbox);
        let surely = ledger.is_settled && ledger.mailbox_removed == Removed::No;
        let mut removed_with = std::mem::take(&mut ledger.removed_with);
        removed_with.extend(ledger.seen.values().flatten());
        *ledger = Ledger {
            mailbox_removed: if surely { Removed::Surely } else { Removed::Perhaps },
            removed_with,
            uid_validity: ledger.uid_validity,
            has_changed_validity: true,
            ..Ledger::default()
        };
        // Made anew, it may begin anew.
        self.shown.retain(|(name, ..), _| name != mailbox);
        self.next.retain(|(name, _), _| name != mailbox);
    }

    pub(crate) fn unsubscribed(&mut self, mailbox: &str) {
        let surely = self.brought.contains(mailbox);
        self.ended.insert(mailbox.to_owned(), surely);
    }

    /// The power was cut, or the source changed meanwhile: what both sides agree on may be the old or the new.
    pub(crate) fn cut(&mut self, account: &Account, after: &Disk) {
        self.was_cut = true;
        self.is_uncertain = true;
        for ledger in self.mailboxes.values_mut() {
            ledger.missing.is_uncertain();
        }
        for (name, mailbox) in account.mailboxes() {
            let on_disk = after.contains_key(name);
            let ledger = self.ledger(name);
            if on_disk && !ledger.is_settled && ledger.mailbox_removed == Removed::Surely {
                ledger.mailbox_removed = Removed::Perhaps;
            }
            for message in &mailbox.messages {
                let agreed = ledger
                    .agreed
                    .entry(message.serial)
                    .or_insert_with(Agreed::nothing);
                agreed.0.insert(flags_of(&message.flags));
            }
        }
    }

    /// What holds after any pass, however it ended.
    pub(crate) fn check_any(&mut self, account: &Account, before: &Disk, after: &Disk) -> Result<(), String> {
        self.check_nothing_lost(account, before, after)?;
        for (name, disk) in after {
            self.check_shown(name, disk)?;
            self.check_not_doubled(name, disk)?;
            if let Some(before) = before.get(name) {
                self.check_others_untouched(name, before, disk)?;
            }
        }
        Ok(())
    }

    // I14: nothing is deleted that this program did not write; of what it wrote nothing but what the source has removed.
    fn check_nothing_lost(&self, account: &Account, before: &Disk, after: &Disk) -> Result<(), String> {
        let all = |disk: &Disk| {
            let mut counts: BTreeMap<Bytes, u64> = BTreeMap::new();
            for message in disk.values().flat_map(|mailbox| &mailbox.messages) {
                *counts.entry(message.bytes.clone()).or_default() += 1;
            }
            counts
        };
        for (name, mailbox) in before {
            let (held, holds) = (counts(Some(mailbox)), counts(after.get(name)));
            for (bytes, count) in held {
                let now = holds.get(&bytes).copied().unwrap_or(0);
                // A mailbox that is renamed on the source may be renamed on the target.
                let has_moved = self.renamed
                    && account.mailbox(name).is_none()
                    && all(after).get(&bytes) >= all(before).get(&bytes);
                let followed = self.may_be_followed(name, &bytes, mailbox, after);
                if now + followed < count && !has_moved {
                    return Err(format!(
                        "{name} had {} {count} times, and has it {now} times",
                        text(&bytes)
                    ));
                }
            }
            if !after.contains_key(name) && !self.renamed {
                return Err(format!("{name} is gone"));
            }
        }
        Ok(())
    }

    /// A UID never comes to stand for another message, and UIDNEXT only grows.
    fn check_shown(&mut self, name: &str, disk: &DiskMailbox) -> Result<(), String> {
        let Some((validity, next)) = disk.numbers else {
            return Ok(());
        };
        let known_next = self.next.entry((name.to_owned(), validity)).or_default();
        if next < *known_next {
            return Err(format!(
                "the UIDNEXT of {name} goes back from {known_next} to {next}"
            ));
        }
        *known_next = next;
        for message in &disk.messages {
            let Some(uid) = message.uid else { continue };
            let key = (name.to_owned(), validity, uid);
            let known = self.shown.entry(key).or_insert_with(|| message.bytes.clone());
            if *known != message.bytes {
                return Err(format!(
                    "UID {uid} of {name} was {}, and is {}",
                    text(known),
                    text(&message.bytes)
                ));
            }
        }
        Ok(())
    }

    // I6: duplicates keep their number: none more than were seen.
    fn check_not_doubled(&mut self, name: &str, disk: &DiskMailbox) -> Result<(), String> {
        let ledger = self.ledger(name);
        for (bytes, count) in counts(Some(disk)) {
            let seen = ledger.seen.get(&bytes).map_or(0, |serials| serials.len() as u64);
            let delivered = get(&ledger.delivered, &bytes);
            let removed = get(&ledger.removed, &bytes);
            if count + removed > seen + delivered {
                return Err(format!(
                    "{name} has {} {count} times: the source has shown {seen}, {delivered} came another way, the owner \
                     has removed {removed}",
                    text(&bytes)
                ));
            }
        }
        Ok(())
    }

    // I14: what came another way keeps its bytes (by its count), name, flags and date. One that the source has, too, is
    // paired, and gets the source's changes.
    fn check_others_untouched(
        &mut self,
        name: &str,
        before: &DiskMailbox,
        after: &DiskMailbox,
    ) -> Result<(), String> {
        let ledger = self.ledger(name);
        for message in &before.messages {
            if ledger.seen.contains_key(&message.bytes) {
                continue;
            }
            let same = after.messages.iter().any(|other| {
                (
                    &other.base,
                    &other.bytes,
                    &other.flags,
                    other.modified,
                    other.is_new,
                ) == (
                    &message.base,
                    &message.bytes,
                    &message.flags,
                    message.modified,
                    message.is_new,
                )
            });
            if !same {
                return Err(format!("{name}: {} was changed", message.base));
            }
        }
        Ok(())
    }

    /// Subscriptions that the source has, and that their owner has not ended here, are there; none goes.
    pub(crate) fn check_subscriptions(
        &mut self,
        account: &Account,
        before: &BTreeSet<String>,
        after: &BTreeSet<String>,
        complete: bool,
    ) -> Result<(), String> {
        if !before.is_subset(after) {
            return Err(format!("subscriptions were {before:?}, and are {after:?}"));
        }
        for name in after {
            // I7: what the owner has ended stays ended.
            if !before.contains(name) && self.ended.get(name) == Some(&true) {
                return Err(format!("the subscription to {name} was ended, and is back"));
            }
            if !before.contains(name) && !account.subscriptions.contains(name) && !complete {
                continue;
            }
            if !before.contains(name) && !account.subscriptions.contains(name) {
                return Err(format!("nobody has subscribed to {name}"));
            }
        }
        if complete {
            for name in &account.subscriptions {
                if !after.contains(name) && !self.ended.contains_key(name) {
                    return Err(format!("the subscription to {name} is missing"));
                }
                self.brought.insert(name.clone());
            }
        }
        Ok(())
    }

    /// All messages are there.
    pub(crate) fn check_messages(&mut self, account: &Account, after: &Disk) -> Result<(), String> {
        for (name, mailbox) in account.mailboxes() {
            let disk = after.get(name).ok_or_else(|| format!("{name} is missing"))?;
            self.ledger(name).check_all_there(name, mailbox, disk)?;
        }
        Ok(())
    }

    /// What holds after a complete pass.
    pub(crate) fn check_complete(
        &mut self,
        account: &Account,
        before: &Disk,
        after: &Disk,
    ) -> Result<(), String> {
        let was_cut = self.was_cut;
        for (name, mailbox) in account.mailboxes() {
            let ledger = self.ledger(name);
            let news = mailbox
                .messages
                .iter()
                .find(|message| !ledger.removed_with.contains(&message.serial));
            let Some(disk) = after.get(name) else {
                match (ledger.mailbox_removed, news) {
                    (Removed::No, _) => return Err(format!("{name} is missing")),
                    // I3: what arrived later was not removed by anybody.
                    (Removed::Surely, Some(message)) => {
                        return Err(format!(
                            "{name}, which its owner has removed, lacks {}",
                            text(&message.bytes)
                        ));
                    }
                    _ => continue,
                }
            };
            let was_removed = ledger.mailbox_removed == Removed::Surely;
            if was_removed && news.is_none() && !ledger.is_renumbered {
                // I7: what the owner removed does not return.
                return Err(format!("{name} was removed by its owner, and is back"));
            }
            ledger.remove_what_went_with_it();
            ledger.mailbox_removed = Removed::No;
            let is_excused = |file: &String| was_cut && is_of_a_dead_pass(file);
            if !disk.leftovers.iter().all(is_excused) {
                return Err(format!("left behind in {name}: {:?}", disk.leftovers));
            }
            ledger.check_all_there(name, mailbox, disk)?;
            if !was_removed {
                ledger.check_numbers(name, mailbox, before, disk)?;
            }
            ledger.check_flags(name, mailbox, before, disk)?;
            ledger.is_renumbered = false;
            ledger.is_settled = true;
        }
        self.renamed = false;
        self.is_uncertain = false;
        Ok(())
    }
}

fn counts(mailbox: Option<&DiskMailbox>) -> BTreeMap<Bytes, u64> {
    let mut counts = BTreeMap::new();
    for message in mailbox.into_iter().flat_map(|mailbox| &mailbox.messages) {
        *counts.entry(message.bytes.clone()).or_default() += 1;
    }
    counts
}

fn get(counts: &BTreeMap<Bytes, u64>, bytes: &[u8]) -> u64 {
    counts.get(bytes).copied().unwrap_or(0)
}

/// The message's first line.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}
