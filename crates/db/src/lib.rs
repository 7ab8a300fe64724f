//! All SQL. Nothing else in the project writes a query.
//!
//! The base of the moves: [`Base`], one account's pairs and checkpoints, in a [`Store`], which is one SQLite file. And the
//! [`directory`]: who is on the platform. Writes are batched: a statement for hundreds of rows, never one for each.

mod base;
pub mod directory;
mod known;
mod missing;
mod pairs;
mod quarantine;
mod rows;
mod seam;
mod store;

pub use base::{Base, MailboxId, MailboxRecord};
pub use pairs::{Placed, StagedMessage};
pub use quarantine::Quarantined;
#[cfg(feature = "power-cut")]
pub use seam::{Gate, Supply, supply};
pub use store::{DbError, Store};
