//! Words and decisions.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no SQL, no async. What a mailbox is
//! stands in [`mail`]; what is to be done with one is decided in [`plan`], whether all of it is where it should be in
//! [`verify`], and what is put on record of that stands in [`report`]. Who has an account on a platform, and which address leads where, is spelled in [`directory`];
//! [`import`] reads it from what other platforms hand over. How far the move of an account is, and what may become of it,
//! stands in [`migration`]; what becomes of people who log in, in [`admission`]; who may ask for what, in [`rights`]. Whoever reads
//! or writes real servers, files or databases lives in another crate and uses these words.

pub mod admission;
pub mod directory;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod import;
pub mod mail;
pub mod migration;
pub mod offlineimap;
pub mod plan;
pub mod report;
pub mod rights;
pub mod verify;
