//! What every target does: the same cases over a Maildir that Dovecot serves, and over accounts on servers that can more
//! or less. Where UIDs cannot be kept, all else is compared.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "conformance/changes.rs"]
mod changes;
#[path = "conformance/copies.rs"]
mod copies;
#[path = "conformance/interrupted.rs"]
mod interrupted;
#[path = "conformance/refused.rs"]
mod refused;
#[path = "conformance/scene.rs"]
mod scene;
#[path = "conformance/server.rs"]
mod server;
