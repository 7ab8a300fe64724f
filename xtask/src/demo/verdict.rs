//! One account's comparison in numbers: of what the old server holds, how much the new one serves the same.

use transhume_testkit::{AccountView, FolderView, MessageView};

/// How many of a kind are the same, of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    same: usize,
    all: usize,
}

impl Tally {
    fn add(&mut self, same: bool) {
        self.all += 1;
        self.same += usize::from(same);
    }

    fn text(self) -> String {
        if self.same == self.all {
            format!("{} ✓", self.all)
        } else {
            format!("{}/{} ✗", self.same, self.all)
        }
    }
}

/// What was found in one account.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    folders: Tally,
    uid_validity: Tally,
    uids: Tally,
    flags: Tally,
    dates: Tally,
    bodies: Tally,
    bytes: u64,
    differences: usize,
}

impl Verdict {
    /// Holds one side against the other; `differences` is what the full comparison found.
    pub(super) fn of(before: &AccountView, after: &AccountView, differences: usize) -> Self {
        let mut verdict = Self {
            differences,
            ..Self::default()
        };
        for (name, folder) in before.folders.iter().filter(|(_, folder)| folder.selectable) {
            let other = after.folders.get(name).filter(|other| other.selectable);
            verdict.folders.add(other.is_some());
            verdict
                .uid_validity
                .add(other.is_some_and(|other| other.uid_validity == folder.uid_validity));
            verdict.messages(folder, other);
        }
        verdict
    }

    fn messages(&mut self, folder: &FolderView, other: Option<&FolderView>) {
        for (uid, message) in &folder.messages {
            let twin = other.and_then(|other| other.messages.get(uid));
            let same = |compare: fn(&MessageView, &MessageView) -> bool| {
                twin.is_some_and(|twin| compare(message, twin))
            };
            self.bytes += message.body_len;
            self.uids.add(twin.is_some());
            self.flags.add(same(|one, two| one.flags == two.flags));
            self.dates
                .add(same(|one, two| one.internal_date == two.internal_date));
            self.bodies
                .add(same(|one, two| one.body_sha256 == two.body_sha256));
        }
    }

    /// The heading of the table.
    pub(super) fn head() -> Vec<String> {
        [
            "account",
            "folders",
            "UIDVALIDITY",
            "messages",
            "MB",
            "UIDs",
            "flags",
            "dates",
            "SHA-256",
            "differences",
            "took",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// The cells after the account's name, up to the differences.
    pub(super) fn cells(&self) -> Vec<String> {
        #[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
        let mega = self.bytes as f64 / 1e6;
        vec![
            self.folders.text(),
            self.uid_validity.text(),
            self.uids.all.to_string(),
            format!("{mega:.1}"),
            self.uids.text(),
            self.flags.text(),
            self.dates.text(),
            self.bodies.text(),
            self.differences.to_string(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transhume_testkit::MailboxSpec;

    fn account() -> AccountView {
        let inbox = MailboxSpec::new(&["INBOX"], 7)
            .message(5, b"one\n")
            .message(6, b"two\n");
        AccountView::expected(&[inbox, MailboxSpec::new(&["Archive"], 8)], &[], '/')
    }

    #[test]
    fn the_same_on_both_sides() {
        let cells = Verdict::of(&account(), &account(), 0).cells();
        assert_eq!(cells, ["2 ✓", "2 ✓", "2", "0.0", "2 ✓", "2 ✓", "2 ✓", "2 ✓", "0"]);
    }

    #[test]
    fn what_is_missing_or_other_is_counted() {
        let mut after = account();
        after.folders.remove(&vec!["Archive".to_owned()]);
        let inbox = after.folder_mut(&["INBOX"]);
        inbox.uid_validity = 9;
        inbox.messages.remove(&2);
        inbox
            .messages
            .get_mut(&1)
            .unwrap()
            .flags
            .insert("\\Seen".to_owned());
        let cells = Verdict::of(&account(), &after, 4).cells();
        assert_eq!(
            cells,
            [
                "1/2 ✗", "0/2 ✗", "2", "0.0", "1/2 ✗", "0/2 ✗", "1/2 ✗", "1/2 ✗", "4"
            ]
        );
        assert_eq!(cells.len() + 2, Verdict::head().len());
    }
}
