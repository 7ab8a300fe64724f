//! The chain of a report: each line's link holds all lines before it.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// A running digest over lines. A link is the SHA-256 of the link before it, as 64 hexadecimal digits in lower case, followed by
/// the bytes of the line; before the first line it is 64 zeros. Whoever changes, removes, adds or moves a line changes every link
/// from there on.
///
/// It is SHA-256, and not the function of [`crate::mail::Digest`]: every machine has a program for it, and nobody should need
/// this one to recompute a chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain([u8; 32]);

impl Chain {
    /// Adds a line, without its end. What it comes to then is the line's link.
    #[must_use]
    pub fn with(self, line: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.to_string());
        hasher.update(line);
        Self(hasher.finalize().into())
    }
}

impl fmt::Display for Chain {
    /// 64 hexadecimal digits in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_what_sha256sum_says_of_the_one_before_and_the_line() {
        assert_eq!(Chain::default().to_string(), "0".repeat(64));
        // { printf %064d 0; printf one; } | sha256sum
        let one = Chain::default().with(b"one");
        assert_eq!(
            one.to_string(),
            "b627d25a115ae30803a86662d383ae7f16947a9443c4b7938ee3c0e20f5f3778"
        );
        // { printf %s …; printf two; } | sha256sum
        assert_eq!(
            one.with(b"two").to_string(),
            "34987decb86cba1df57280a758dd162863cb3f7014fb4a944a57f4c6b55f6b31"
        );
    }

    #[test]
    fn every_change_shows_to_the_end() {
        let end = |lines: &[&str]| {
            lines
                .iter()
                .fold(Chain::default(), |chain, line| chain.with(line.as_bytes()))
        };
        let whole = end(&["a", "b", "c"]);
        for other in [
            &["a", "b"][..],
            &["a", "c", "b"],
            &["a", "b", "c", ""],
            &["b", "c"],
            &["ab", "c"],
            &["a", "B", "c"],
        ] {
            assert_ne!(end(other), whole, "{other:?}");
        }
    }
}
