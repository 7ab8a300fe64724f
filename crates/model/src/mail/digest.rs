//! SHA-256 digests, by which two messages are known to be the same bytes.

use std::fmt;

/// The SHA-256 digest of a message's bytes as the source served them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// From the 32 bytes that the hash function gave.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
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

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
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
        assert_eq!(Digest::from_hex(&plain).unwrap().to_string(), plain);
        assert_eq!(Digest::from_hex(&colons.to_uppercase()), Digest::from_hex(&plain));
        assert_eq!(Digest::from_hex(&plain[2..]), None);
        assert_eq!(Digest::from_hex(&format!("{plain}0")), None);
        assert_eq!(Digest::from_hex("zz"), None);
    }
}
