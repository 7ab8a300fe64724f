//! Test support: real mail servers, mailboxes with known contents, and an independent reader
//! that says whether two accounts hold the same mail.
//!
//! It must not depend on the product's own crates: a fault in a shared parser or writer would then
//! hide on both sides of a comparison. It must not be part of a release either: it panics where that
//! makes a test easier to read, and runs programs that only a development machine has.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "test support: a broken assumption should stop the test where it happens"
)]

mod account;
mod axe;
pub mod compare;
pub mod corpus;
pub mod courier;
pub mod cyrus;
pub mod databases;
pub mod delay_proxy;
pub mod dovecot;
mod enclosure;
pub mod encode;
mod error;
pub mod fault_proxy;
pub mod lmtp;
pub mod mailbox;
pub mod maildir;
pub mod memory;
pub mod oracle;
pub mod packages;
mod place;
pub mod postfix;
mod rng;
mod schemathesis;
pub mod scripted;
mod sieve;
pub mod simulated;
pub mod smtp;
pub mod tls;
mod unpacked;
pub mod view;
mod wire;

pub use axe::{axe, install_axe};
pub use compare::{CompareOptions, Difference, compare, compare_with, snapshot};
pub use courier::Courier;
pub use cyrus::Cyrus;
pub use databases::{Mariadb, Postgres};
pub use delay_proxy::{DelayProxy, Traffic};
pub use dovecot::{Dovecot, Mode};
pub use error::TestkitError;
pub use fault_proxy::{Fault, FaultProxy};
pub use lmtp::Lmtp;
pub use mailbox::{Body, MailboxSpec, MessageSpec, write_account};
pub use maildir::Maildir;
pub use memory::{Measured, run_measured};
pub use oracle::Oracle;
pub use packages::{install_missing, missing_packages};
pub use postfix::Postfix;
pub use schemathesis::{install_schemathesis, schemathesis};
pub use scripted::ScriptedServer;
pub use sieve::compile_sieve;
pub use simulated::SimulatedServer;
pub use smtp::{Smtp, SmtpSink};
pub use unpacked::{missing_servers, unpack_missing};
pub use view::{AccountView, FolderView, MessageView};
