//! All SQL. Nothing else in the project writes a query.
//!
//! The base of the moves: [`Base`], one account's pairs and checkpoints, in a [`Store`], which is one SQLite file. And the
//! [`directory`]: who is on the platform. Writes are batched: a statement for hundreds of rows, never one for each.
//! Secrets that have to be read again are written by a [`Sealer`] only.

mod base;
pub mod directory;
mod known;
mod missing;
mod pairs;
mod quarantine;
mod rows;
mod sealed;
mod seam;
mod store;

pub use base::{Base, MailboxId, MailboxRecord};
pub use pairs::{Placed, StagedMessage};
pub use quarantine::Quarantined;
pub use sealed::{SealError, Sealer};
#[cfg(feature = "power-cut")]
pub use seam::{Gate, Supply, supply};
pub use store::{DbError, Store};
