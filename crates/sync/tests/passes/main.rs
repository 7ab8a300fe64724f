//! Whole passes between a simulated server and a Maildir, by the thousand: arbitrary histories, power cuts between any two
//! actions, and trouble at every octet. What must hold is checked by code that shares nothing with what it checks.

mod faults;
mod history;
mod interruption;
mod ledger;
mod power;
mod property;
mod workers;
mod world;
