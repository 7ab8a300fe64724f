//! What a round knows of each mailbox that it reads.

use std::collections::VecDeque;

use transhume_db::MailboxRecord;
use transhume_imap::wire::WireName;
use transhume_model::mail::{Checkpoint, Uid, UidSet};
use transhume_model::plan::Reading;

use crate::endpoint::Look;
use crate::report::{Counts, FailedMessage};
use crate::window::{Ask, Window, places, windows, windows_from};

/// The weight of suspicion at which a message stays behind. Some servers hang up on a message that they cannot read (Dovecot
/// does), and would do so for ever.
pub(crate) const CONDEMNED: u32 = 9;

/// The weight when the connection ends before the first octet of a message has come, and when it ends within: the latter is
/// more often the line's fault, above all with long messages.
pub(crate) const ENDED_BEFORE: u32 = 3;
pub(crate) const ENDED_WITHIN: u32 = 1;

/// How reading a mailbox has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All of it that comes has come.
    Read,
    /// It waits for the next round: a message of it did not come, and would lose its UID if it were filled now.
    HeldBack,
}

/// A mailbox that has to be read.
pub(crate) struct Work {
    pub(crate) record: MailboxRecord,
    pub(crate) wire: WireName,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) look: Look,
    pub(crate) reading: Reading,
    /// Places in the mailbox at which windows should begin: to be asked for before there are windows.
    pub(crate) places: Vec<u32>,
    /// Commands for places in flight, and what they have found.
    pub(crate) places_asked: usize,
    pub(crate) begins: Vec<Uid>,
    pub(crate) windows: VecDeque<Window>,
    /// Whether it is to be opened though there is nothing to read: to hear from the source itself that it is empty.
    pub(crate) is_to_be_opened: bool,
    /// Messages at which the connection has ended before, with the weight of that.
    pub(crate) suspects: Vec<(Uid, u32)>,
    /// Commands in flight and texts not yet asked for.
    pub(crate) open: usize,
    /// `None` while it is being read.
    pub(crate) end: Option<End>,
    /// Messages handed to the stager.
    pub(crate) handed_over: u64,
    /// Rows that the source has sent, and the number of messages that it says the mailbox has.
    pub(crate) listed: u64,
    pub(crate) expected: Option<u64>,
    /// Messages that came whole.
    pub(crate) whole: UidSet,
    /// Known messages that the source has not listed; only where removals are followed.
    pub(crate) absent: UidSet,
    /// Messages that are missing for the first time: the mailbox is read again with the next pass.
    pub(crate) missed: u64,
    /// Why nothing is removed though messages are gone.
    pub(crate) warning: Option<String>,
    /// Whether a window that was asked for whole was refused.
    pub(crate) refused: bool,
    /// Messages that the source counts, but does not list.
    pub(crate) unlisted: u64,
    /// Whether the mailbox is to be filled in one stroke.
    pub(crate) fills: bool,
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
        reading: Reading,
        fills: bool,
    ) -> Self {
        let places = places(&checkpoint, reading);
        let windows = if places.is_empty() {
            windows(&checkpoint, reading)
        } else {
            VecDeque::new()
        };
        Self {
            record,
            wire,
            reading,
            places,
            places_asked: 0,
            begins: Vec::new(),
            windows,
            is_to_be_opened: false,
            checkpoint,
            suspects: Vec::new(),
            look,
            whole: UidSet::new(),
            absent: UidSet::new(),
            missed: 0,
            warning: None,
            refused: false,
            open: 0,
            end: None,
            handed_over: 0,
            listed: 0,
            expected: None,
            unlisted: 0,
            fills,
            counts: Counts::default(),
            failed: Vec::new(),
            error: None,
        }
    }

    /// The mailbox cannot be moved now: nothing more of it is asked for.
    pub(crate) fn fail(&mut self, reason: String) {
        self.error.get_or_insert(reason);
        self.windows.clear();
        self.places.clear();
        self.is_to_be_opened = false;
    }

    /// All that was asked about places has been answered: now there are windows.
    pub(crate) fn cut_at_places(&mut self) {
        let ask = match self.reading {
            Reading::Whole => Ask::Whole,
            Reading::Rows | Reading::Since(_) => Ask::Rows,
        };
        let begins = std::mem::take(&mut self.begins);
        // A server that does not understand the question is asked in windows of the mean width.
        self.windows = if begins.is_empty() {
            windows(&self.checkpoint, self.reading)
        } else {
            windows_from(begins, ask)
        };
    }

    /// Messages that are to be read, about.
    pub(crate) fn to_read(&self) -> u64 {
        match self.reading {
            Reading::Since(agreed) => {
                let new = self
                    .checkpoint
                    .uid_next
                    .map_or(0, |next| next.get() - agreed.uid_next.get());
                u64::from(new.min(self.checkpoint.messages))
            }
            Reading::Rows | Reading::Whole => u64::from(self.checkpoint.messages),
        }
    }

    /// Messages that the source counts and has not listed.
    pub(crate) fn missing(&self) -> u64 {
        let listed = match self.reading {
            // Those that were there before are not listed again.
            Reading::Since(agreed) => u64::from(agreed.messages) + self.listed,
            Reading::Rows | Reading::Whole => self.listed,
        };
        self.expected.unwrap_or(0).saturating_sub(listed)
    }

    /// When a short cut has left messages out, begins to read every row, and says so. What came whole does not come again.
    pub(crate) fn resurvey(&mut self) -> bool {
        if self.reading == Reading::Rows || (self.missing() == 0 && !self.refused) {
            return false;
        }
        self.reading = Reading::Rows;
        self.refused = false;
        self.listed = 0;
        self.windows = windows(&self.checkpoint, Reading::Rows);
        !self.windows.is_empty()
    }
}
