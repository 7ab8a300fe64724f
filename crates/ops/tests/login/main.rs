//! People log in for the first time, and again, with a real old server behind it.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../csv/places.rs"]
mod places;

mod admitted;
mod checked;
mod guarded;
mod platform;
