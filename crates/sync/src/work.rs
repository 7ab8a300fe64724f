//! What a round knows of each mailbox that it reads, and of messages that ended connections.

use std::collections::{BTreeMap, HashMap, VecDeque};

use transhume_db::MailboxRecord;
use transhume_imap::wire::WireName;
use transhume_model::mail::{Checkpoint, MailboxName, Uid};

use crate::endpoint::Look;
use crate::report::{Counts, FailedMessage};
use crate::window::windows;

/// Times that the connection may end at one message before it stays behind.
pub(crate) const SUSPICIONS: u32 = 3;

/// Messages at which the connection has ended, with the number of times. Some servers hang up on a message that they cannot
/// read (Dovecot does), and would do so for ever.
#[derive(Debug, Default)]
pub(crate) struct Suspects(HashMap<MailboxName, BTreeMap<Uid, u32>>);

impl Suspects {
    pub(crate) fn add(&mut self, mailbox: &MailboxName, uid: Uid) {
        *self.0.entry(mailbox.clone()).or_default().entry(uid).or_default() += 1;
    }

    pub(crate) fn of(&self, mailbox: &MailboxName) -> Vec<(Uid, u32)> {
        let found = self.0.get(mailbox).into_iter().flatten();
        found.map(|(uid, times)| (*uid, *times)).collect()
    }
}

/// A mailbox that has to be read.
pub(crate) struct Work {
    pub(crate) record: MailboxRecord,
    pub(crate) wire: WireName,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) look: Look,
    pub(crate) windows: VecDeque<(Uid, Uid)>,
    /// Commands in flight and texts not yet asked for.
    pub(crate) open: usize,
    pub(crate) closed: bool,
    /// Messages handed to the stager.
    pub(crate) handed_over: u64,
    /// Rows that the source has sent, and the number of messages that it says the mailbox has.
    pub(crate) listed: u64,
    pub(crate) expected: Option<u64>,
    /// Messages that the source counts, but does not list.
    pub(crate) unlisted: u64,
    /// Whether the mailbox is to be filled in one stroke.
    pub(crate) fills: bool,
    /// Whether it waits for the next round.
    pub(crate) held_back: bool,
    pub(crate) counts: Counts,
    pub(crate) failed: Vec<FailedMessage>,
    pub(crate) error: Option<String>,
}

impl Work {
    pub(crate) fn new(
        record: MailboxRecord,
        wire: WireName,
        checkpoint: Checkpoint,
        look: Look,
        fills: bool,
    ) -> Self {
        Self {
            record,
            wire,
            windows: windows(&checkpoint),
            checkpoint,
            look,
            open: 0,
            closed: false,
            handed_over: 0,
            listed: 0,
            expected: None,
            unlisted: 0,
            fills,
            held_back: false,
            counts: Counts::default(),
            failed: Vec::new(),
            error: None,
        }
    }

    /// The mailbox cannot be moved now: nothing more of it is asked for.
    pub(crate) fn fail(&mut self, reason: String) {
        self.error.get_or_insert(reason);
        self.windows.clear();
    }
}
