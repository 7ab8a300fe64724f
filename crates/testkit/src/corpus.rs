//! Accounts with known contents: one with every oddity a mailbox may have, and believable ones to show.
//!
//! They are the same at every call and on every machine, and hold no mail of anybody.

mod acceptance;
mod attachments;
mod believable;
mod edges;
mod phrases;

pub use acceptance::{acceptance, acceptance_special_use};
pub use believable::{Language, believable};
pub use edges::edge_messages;
