//! Whole passes between a simulated server and a Maildir, by the thousand: arbitrary histories, power cuts between any two
//! actions, and trouble at every octet. What must hold is checked by code that shares nothing with what it checks.

#![allow(
    clippy::unwrap_used,
    reason = "a broken assumption should stop the test where it happens"
)]

mod emptied;
mod faults;
mod fence;
mod history;
mod interruption;
mod ledger;
mod once;
mod power;
mod property;
mod workers;
mod world;
