//! What a pass tells while it runs.

use std::time::Duration;

use transhume_model::mail::MailboxName;

/// Something that has happened.
#[derive(Debug)]
pub enum Progress<'a> {
    /// The tree has been read.
    Surveyed {
        /// Mailboxes that are carried.
        mailboxes: usize,
        /// Messages in those that have to be looked at.
        messages: u64,
    },
    /// More is to be carried.
    Planned {
        /// Messages.
        messages: u64,
    },
    /// Bytes have come in.
    Received {
        /// Octets since the last time.
        bytes: u64,
    },
    /// A message has come in whole.
    Message {
        /// Its mailbox on the source.
        mailbox: &'a MailboxName,
    },
    /// All of a mailbox has come in.
    Mailbox {
        /// On the source.
        mailbox: &'a MailboxName,
        /// Messages carried.
        carried: u64,
    },
    /// The pass is looking once more whether anything is left.
    Verifying,
    /// The connection was lost, and is made anew after a while.
    Reconnecting {
        /// Why.
        reason: &'a str,
        /// After this time.
        after: Duration,
    },
}

/// Hears of progress. Called from one task only, and must return at once.
pub trait Observer {
    /// Takes one event.
    fn hear(&self, progress: &Progress<'_>);
}

/// Hears nothing.
impl Observer for () {
    fn hear(&self, _: &Progress<'_>) {}
}
