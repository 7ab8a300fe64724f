//! Whether both sides hold the same, and where not, why: from what is there, what is here and what the base knows of it, to
//! differences, each with its explanation. Pure.
//!
//! [`compare_mailbox`] holds one mailbox as a whole against the base, [`compare_window`] the messages of a range of UIDs;
//! [`judge_stranger`] says what a message is that has no counterpart on the source, [`compare_subscriptions`] what became of
//! the subscriptions. What none of the known causes explains is [`Standing::Unexplained`]: there are none after a good move.

mod account;
mod difference;
mod file;
mod messages;

pub use account::{Condition, MailboxSight, compare_mailbox, compare_subscriptions};
pub use difference::{Difference, Finding, Standing};
pub use file::{File, is_as_recorded};
pub use messages::{
    Circumstances, Counterpart, Known, MessageSight, Text, Window, compare_window, judge_stranger,
};
