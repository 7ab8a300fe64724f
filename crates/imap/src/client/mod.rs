//! A connection with its bytes: TCP, TLS, time limits.

mod buffers;
mod connect;
mod connection;
mod deflated;
mod fingerprint;
mod tls;
mod tunnel;

pub use connect::{CertificateRule, Compression, Endpoint, Security, Timeouts};
pub use connection::Connection;
pub use fingerprint::Fingerprint;
pub use tunnel::{Spoken, Tunnel};

#[cfg(test)]
mod tests;
