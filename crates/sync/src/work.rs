//! What a round knows of each mailbox that it reads.

use std::collections::VecDeque;

use transhume_db::MailboxRecord;
use transhume_imap::wire::WireName;
use transhume_model::mail::{Checkpoint, Uid};

use crate::endpoint::Look;
use crate::report::{Counts, FailedMessage};
use crate::window::windows;

/// The weight of suspicion at which a message stays behind. Some servers hang up on a message that they cannot read (Dovecot
/// does), and would do so for ever.
pub(crate) const CONDEMNED: u32 = 9;

/// The weight when the connection ends before the first octet of a message has come, and when it ends within: the latter is
/// more often the line's fault, above all with long messages.
pub(crate) const ENDED_BEFORE: u32 = 3;
pub(crate) const ENDED_WITHIN: u32 = 1;

/// A mailbox that has to be read.
pub(crate) struct Work {
    pub(crate) record: MailboxRecord,
    pub(crate) wire: WireName,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) look: Look,
    pub(crate) windows: VecDeque<(Uid, Uid)>,
    /// Messages at which the connection has ended before, with the weight of that.
    pub(crate) suspects: Vec<(Uid, u32)>,
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
            suspects: Vec::new(),
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
