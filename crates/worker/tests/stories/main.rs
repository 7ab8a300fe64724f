//! Whole stories: a real old server, a directory in a real PostgreSQL, and several processes of the real binary that share it; some of
//! them are killed, stopped and continued, asked to end, while the old server goes away and comes back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a broken assumption should stop the test where it happens"
)]

mod cut_over;
mod few;
mod people;
mod platform;
mod processes;
mod thousand;
