//! Words and decisions.
//!
//! Everything here is pure: no I/O, no clock, no randomness, no SQL, no async. What a mailbox is
//! stands in [`mail`]; what is to be done with one is decided in [`plan`]. Whoever reads or writes
//! real servers, files or databases lives in another crate and uses these words.

pub mod mail;
pub mod plan;
