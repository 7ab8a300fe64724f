//! The API, asked over HTTP: what was recorded of the reference, and what the reference lacks.

#![allow(clippy::unwrap_used, reason = "tests")]

mod conformance;
mod differences;
mod served;
mod stories;
