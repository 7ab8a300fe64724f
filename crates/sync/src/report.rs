//! What a pass found and did, for people and for machines to read.

use transhume_db::{MailboxRecord, Quarantined};
use transhume_model::mail::{MailboxName, ModSeq, Role, Uid, UidValidity};
use transhume_model::plan::{Action, MailboxStep, Note};

/// The whole pass.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// A mailbox each, in the source's order.
    pub mailboxes: Vec<MailboxReport>,
    /// What a person should know about the tree.
    pub notes: Vec<Note>,
    /// Subscriptions that were added.
    pub subscribed: usize,
    /// Whether the last round found nothing that it could do.
    pub settled: bool,
    /// Lines of the source's list of mailboxes that could not be read: nothing is known of what they were about.
    pub unreadable_mailboxes: usize,
    /// How often the connection was made anew.
    pub reconnects: u32,
}

/// One mailbox.
#[derive(Clone, Debug)]
pub struct MailboxReport {
    /// On the source.
    pub source: MailboxName,
    /// On the target.
    pub target: MailboxName,
    /// Its role.
    pub role: Option<Role>,
    /// The source's UIDVALIDITY.
    pub uid_validity: Option<UidValidity>,
    /// The source's HIGHESTMODSEQ, where it keeps one.
    pub highest_mod_seq: Option<ModSeq>,
    /// What was decided about it.
    pub state: MailboxState,
    /// Messages on the source.
    pub messages: u64,
    /// What was done, or in a dry run is to be done.
    pub done: Counts,
    /// Messages that could not be brought over.
    pub failed: Vec<FailedMessage>,
    /// The same messages as they stand in quarantine at the end: since when, and how often they were tried.
    pub quarantined: Vec<Quarantined>,
    /// Messages that the source counts, but does not list.
    pub unlisted: u64,
    /// Keywords that the target's format has no room for, with the number of messages that have them.
    pub keywords_left_out: Vec<(String, u64)>,
    /// Why the whole mailbox could not be moved.
    pub error: Option<String>,
}

/// What was decided about a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxState {
    /// Nothing has changed since the last pass.
    Unchanged,
    /// Filled in one stroke with the source's numbers.
    Filled,
    /// Changes were added.
    Followed,
    /// The source has numbered its messages anew; they were recognised by their bytes.
    Reidentified,
    /// The owner has removed the mailbox on the target: it was not brought back.
    RemovedByOwner,
}

impl MailboxReport {
    fn is_free_of_trouble(&self) -> bool {
        self.failed.is_empty() && self.unlisted == 0 && self.error.is_none()
    }

    /// Of a mailbox of which nothing is known yet.
    pub(crate) fn new(record: &MailboxRecord) -> Self {
        Self {
            source: record.source.clone(),
            target: record.target.clone(),
            role: None,
            uid_validity: None,
            highest_mod_seq: None,
            state: MailboxState::Unchanged,
            messages: 0,
            done: Counts::default(),
            failed: Vec::new(),
            quarantined: Vec::new(),
            unlisted: 0,
            keywords_left_out: Vec::new(),
            error: None,
        }
    }

    /// Adds what earlier rounds of the same pass did. Their state is told, as the more telling one; what they could not
    /// do is forgotten, since this round has tried again.
    pub(crate) fn continue_from(&mut self, before: Self) {
        self.done.add(&before.done);
        if self.state != MailboxState::RemovedByOwner && before.state != MailboxState::Unchanged {
            self.state = before.state;
        }
        for (word, messages) in before.keywords_left_out {
            match self
                .keywords_left_out
                .iter_mut()
                .find(|(known, _)| *known == word)
            {
                Some((_, known)) => *known += messages,
                None => self.keywords_left_out.push((word, messages)),
            }
        }
    }
}

impl MailboxState {
    pub(crate) fn of(step: MailboxStep) -> Self {
        match step {
            MailboxStep::Unchanged => Self::Unchanged,
            MailboxStep::Fill(_) | MailboxStep::Restart(_) | MailboxStep::Anew => Self::Filled,
            MailboxStep::Follow => Self::Followed,
            MailboxStep::Reidentify => Self::Reidentified,
            MailboxStep::RemovedByOwner => Self::RemovedByOwner,
        }
    }
}

/// Numbers of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Brought over.
    pub carried: u64,
    /// Octets of those.
    pub bytes: u64,
    /// Found on the target, and paired.
    pub adopted: u64,
    /// Given the source's new flags.
    pub flags_set: u64,
    /// Removed on the target by their owner, and left so.
    pub removed_by_owner: u64,
    /// Removed on the target, since the source has removed them.
    pub expunged: u64,
    /// Placed under another UID than the source's, since the target had given that UID already.
    pub renumbered: u64,
    /// Without a date on the source: they bear the time of the move.
    pub undated: u64,
}

impl Counts {
    /// What actions other than carrying come to.
    pub(crate) fn of(actions: &[Action]) -> Self {
        let mut counts = Self::default();
        for action in actions {
            match action {
                Action::Adopt { .. } => counts.adopted += 1,
                Action::SetFlags { .. } => counts.flags_set += 1,
                Action::Forget { .. } => counts.removed_by_owner += 1,
                Action::Carry { .. }
                | Action::Agree { .. }
                | Action::Miss { .. }
                | Action::Find { .. }
                | Action::Expunge { .. }
                | Action::Release { .. } => {}
            }
        }
        counts
    }

    /// Whether anything was to be done.
    pub fn is_empty(&self) -> bool {
        self.carried + self.adopted + self.flags_set == 0
    }

    /// Adds another round's counts.
    pub fn add(&mut self, other: &Self) {
        self.carried += other.carried;
        self.bytes += other.bytes;
        self.adopted += other.adopted;
        self.flags_set += other.flags_set;
        self.removed_by_owner += other.removed_by_owner;
        self.expunged += other.expunged;
        self.renumbered += other.renumbered;
        self.undated += other.undated;
    }
}

/// A message that stays behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedMessage {
    /// On the source.
    pub uid: Uid,
    /// Why, in plain words.
    pub reason: String,
}

impl Report {
    /// Sums over all mailboxes.
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        self.mailboxes
            .iter()
            .for_each(|mailbox| totals.add(&mailbox.done));
        totals
    }

    /// Whether everything that the source holds is on the target, or was removed there by its owner: the last survey of
    /// both sides left nothing to do, and nothing was left out because of trouble.
    pub fn is_complete(&self) -> bool {
        self.settled && self.is_free_of_trouble()
    }

    /// Whether nothing was left out because of trouble.
    pub fn is_free_of_trouble(&self) -> bool {
        self.unreadable_mailboxes == 0 && self.mailboxes.iter().all(MailboxReport::is_free_of_trouble)
    }
}
