//! What a comparison of both sides has found.

use std::collections::BTreeMap;

use transhume_model::mail::{MailboxName, Uid, UidSet};
use transhume_model::verify::{Difference, Finding, Standing};

/// Details that are kept of one kind of difference in one mailbox.
const DETAILS: usize = 1_000;

/// The whole account.
#[derive(Clone, Debug, Default)]
pub struct Verification {
    /// A mailbox each: those of the source in its order, then those that are on the target only.
    pub mailboxes: Vec<MailboxVerification>,
    /// Subscriptions that are not the same, by the target's names.
    pub subscriptions: Vec<(MailboxName, Difference)>,
    /// Lines of the source's list of mailboxes that could not be read.
    pub unreadable_mailboxes: u64,
    /// Whether there was a base to compare with; without, messages are known by their marks only.
    pub has_base: bool,
    /// Whether the source's texts were fetched again.
    pub is_deep: bool,
    /// How often the connection was made anew.
    pub reconnects: u32,
}

/// One mailbox.
#[derive(Clone, Debug, Default)]
pub struct MailboxVerification {
    /// On the source; `None` where it is on the target only.
    pub source: Option<MailboxName>,
    /// On the target; `None` where it has no place there.
    pub target: Option<MailboxName>,
    /// Messages on the source.
    pub on_source: u64,
    /// Messages on the target.
    pub on_target: u64,
    /// Messages of the source that are the same on both sides in every respect.
    pub equal: u64,
    /// Octets that were read from the target's disk.
    pub bytes_read: u64,
    /// What differs, by cause.
    pub differences: BTreeMap<Difference, Group>,
}

/// All that differs in one mailbox for one cause.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// How many messages; 1 where it is about the mailbox.
    pub count: u64,
    /// Their UIDs: the source's, or the target's where they are there only. Messages without a UID are not in it.
    pub uids: UidSet,
    /// What is particular about some: for the first thousand.
    pub details: Vec<(Option<Uid>, String)>,
}

impl MailboxVerification {
    pub(crate) fn note(&mut self, uid: Option<Uid>, finding: Finding) {
        let group = self.differences.entry(finding.difference).or_default();
        group.count += 1;
        if let Some(uid) = uid {
            group.uids.insert(uid);
        }
        if group.details.len() < DETAILS {
            group.details.extend(finding.detail.map(|detail| (uid, detail)));
        }
    }

    /// Adds messages that have no number.
    pub(crate) fn note_many(&mut self, difference: Difference, count: u64) {
        if count > 0 {
            self.differences.entry(difference).or_default().count += count;
        }
    }

    /// How many differences of this standing there are.
    pub fn count(&self, standing: Standing) -> u64 {
        self.differences
            .iter()
            .filter(|(difference, _)| difference.standing() == standing)
            .map(|(_, group)| group.count)
            .sum()
    }
}

impl Verification {
    /// How many differences of this standing there are in all.
    pub fn count(&self, standing: Standing) -> u64 {
        self.totals()
            .iter()
            .filter(|(difference, _)| difference.standing() == standing)
            .map(|(_, count)| count)
            .sum()
    }

    /// How many differences there are of each kind.
    pub fn totals(&self) -> BTreeMap<Difference, u64> {
        let mut totals: BTreeMap<Difference, u64> = BTreeMap::new();
        for mailbox in &self.mailboxes {
            for (difference, group) in &mailbox.differences {
                *totals.entry(*difference).or_default() += group.count;
            }
        }
        for (_, difference) in &self.subscriptions {
            *totals.entry(*difference).or_default() += 1;
        }
        if self.unreadable_mailboxes > 0 {
            *totals.entry(Difference::MailboxUnreadable).or_default() += self.unreadable_mailboxes;
        }
        totals
    }

    /// Whether everything of the source is on the target, and every difference explained.
    pub fn is_good(&self) -> bool {
        self.count(Standing::Behind) == 0 && self.count(Standing::Unexplained) == 0
    }
}
