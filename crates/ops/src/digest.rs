//! Digests of what browsers and programs show: what is kept of it cannot be shown in its place.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The SHA-256 digest of a secret, for one use: the digest for one tells nothing of that for another.
pub(crate) fn of(r#use: &str, secret: &str) -> String {
    let digest = Sha256::new()
        .chain_update(r#use)
        .chain_update([0])
        .chain_update(secret);
    hex(&digest.finalize())
}

/// Hexadecimal digits.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}
