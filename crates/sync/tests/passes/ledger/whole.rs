//! Whether all of a mailbox is there, and under the right numbers.

use transhume_testkit::maildir::DiskMailbox;
use transhume_testkit::simulated;

use super::{Disk, Ledger, Removed, counts, get, text};

impl Ledger {
    /// The mailbox is back, with what has come since: what had been in it counts as removed by its owner, one by one. Where it is
    /// not certain that it had been filled, all of it may be back.
    pub(super) fn remove_what_went_with_it(&mut self) {
        let removed = match self.mailbox_removed {
            Removed::No => return,
            Removed::Surely => &mut self.removed,
            Removed::Perhaps => &mut self.removed_before,
        };
        for (bytes, serials) in &self.seen {
            let went = serials.intersection(&self.removed_with).count() as u64;
            if went > 0 {
                *removed.entry(bytes.clone()).or_default() += went;
            }
        }
    }

    // I3: no message is on the source that is neither on the target nor was removed there by its owner. I6: as many.
    pub(super) fn check_all_there(
        &self,
        name: &str,
        mailbox: &simulated::Mailbox,
        disk: &DiskMailbox,
    ) -> Result<(), String> {
        let holds = counts(Some(disk));
        for message in &mailbox.messages {
            let bytes = message.bytes.to_vec();
            let wanted = mailbox
                .messages
                .iter()
                .filter(|other| other.bytes == message.bytes)
                .count() as u64;
            let there = get(&holds, &bytes);
            let removed = get(&self.removed, &bytes) + get(&self.removed_before, &bytes);
            if there + removed < wanted {
                return Err(format!(
                    "{name} lacks {}: {there} of {wanted} are there, {removed} were removed by the owner",
                    text(&bytes)
                ));
            }
        }
        Ok(())
    }

    // I13: UIDs and UIDVALIDITY of a mailbox are the source's, from when it is filled until other mail takes numbers.
    pub(super) fn check_numbers(
        &self,
        name: &str,
        mailbox: &simulated::Mailbox,
        before: &Disk,
        disk: &DiskMailbox,
    ) -> Result<(), String> {
        let Some((validity, next)) = disk.numbers else {
            return Err(format!("{name} is not numbered"));
        };
        if validity == mailbox.uid_validity && next < mailbox.uid_next {
            return Err(format!(
                "the UIDNEXT of {name} is {next}, and the source's {}",
                mailbox.uid_next
            ));
        }
        // One that had these numbers under another name was renamed.
        let mut earlier = before.values().filter_map(|before| before.numbers);
        let was_filled_now = !earlier.any(|(earlier, _)| earlier == validity);
        // What is brought again gets a new number, which may be that of a new message.
        let is_alone =
            self.delivered.is_empty() && !self.has_changed_validity && self.removed_before.is_empty();
        if !(is_alone || was_filled_now) {
            return Ok(());
        }
        if validity != mailbox.uid_validity {
            return Err(format!(
                "the UIDVALIDITY of {name} is {validity}, and the source's {}",
                mailbox.uid_validity
            ));
        }
        for message in &mailbox.messages {
            let bytes = message.bytes.to_vec();
            let removed = get(&self.removed, &bytes) + get(&self.removed_before, &bytes);
            // A twin keeps its own.
            let is_certain = removed == 0 && get(&self.delivered, &bytes) == 0;
            let found = disk.messages.iter().find(|other| other.uid == Some(message.uid));
            if is_certain && found.is_none_or(|found| found.bytes != bytes) {
                return Err(format!("UID {} of {name} is not {}", message.uid, text(&bytes)));
            }
        }
        Ok(())
    }
}
