//! A connection with its bytes: TCP, TLS, time limits.

mod buffers;
mod connect;
mod connection;
mod deflated;
mod fingerprint;
mod tls;

pub use connect::{CertificateRule, Compression, Endpoint, Security, Timeouts};
pub use connection::Connection;
pub use fingerprint::Fingerprint;

#[cfg(test)]
mod tests;
