//! A connection with its bytes: TCP, TLS, time limits.

mod connect;
mod connection;
mod deflated;
mod tls;

pub use connect::{CertificateRule, Compression, Endpoint, Security, Timeouts};
pub use connection::Connection;

#[cfg(test)]
mod tests;
