//! Certificates by their fingerprints, as administrators compare them.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The SHA-256 fingerprint of a certificate (of its DER form).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// Reads 64 hexadecimal digits; colons and blanks between them are passed over, as certificate viewers
    /// print them. `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut digits = text.bytes().filter(|byte| !matches!(byte, b':' | b' '));
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            let high = char::from(digits.next()?).to_digit(16)?;
            let low = char::from(digits.next()?).to_digit(16)?;
            *byte = u8::try_from(high * 16 + low).ok()?;
        }
        digits.next().is_none().then_some(Self(bytes))
    }
}

impl From<[u8; 32]> for Fingerprint {
    /// The digest itself.
    fn from(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_that_viewers_print() {
        let plain = "00ff".repeat(16);
        let colons = plain
            .as_bytes()
            .chunks(2)
            .map(|c| std::str::from_utf8(c).unwrap())
            .collect::<Vec<_>>()
            .join(":");
        assert_eq!(Fingerprint::from_hex(&plain).unwrap().to_string(), plain);
        assert_eq!(
            Fingerprint::from_hex(&colons.to_uppercase()),
            Fingerprint::from_hex(&plain)
        );
        assert_eq!(Fingerprint::from_hex(&plain[2..]), None);
        assert_eq!(Fingerprint::from_hex(&format!("{plain}0")), None);
        assert_eq!(Fingerprint::from_hex("zz"), None);
    }
}
