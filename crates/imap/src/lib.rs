//! An IMAP client that streams (RFC 3501, RFC 9051).
//!
//! * [`wire`] turns bytes into events and commands into bytes. It does no I/O and forgives servers what
//!   they are known to do wrong; a message's text passes through in pieces and is never held whole.
//! * [`session`] holds one file per exchange: what to send and what the answers mean. No I/O either.
//! * [`client`] brings the bytes: TCP, TLS, time limits. [`Connection`] is where to begin.
//!
//! Nothing here knows what the mail is fetched for.

pub mod client;
mod error;
#[doc(hidden)]
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
#[cfg(test)]
mod quirks;
pub mod session;
pub mod wire;

pub use client::{
    CertificateRule, Compression, Connection, Endpoint, Fingerprint, Security, Spoken, Timeouts, Tunnel,
};
pub use error::{CertificateFault, ImapError};
