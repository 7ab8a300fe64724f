//! Stored passwords, as Dovecot spells them.

use std::fmt;

/// What a password is checked against: `{SCHEME}` and the data of that scheme. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword(Box<str>);

impl StoredPassword {
    /// Takes a text that begins with a scheme in braces. `None` when it does not.
    pub fn from_stored(text: &str) -> Option<Self> {
        let (scheme, _) = text.strip_prefix('{')?.split_once('}')?;
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        (!scheme.is_empty() && scheme.chars().all(is_name)).then(|| Self(text.into()))
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scheme, without its braces.
    pub fn scheme(&self) -> &str {
        self.0
            .strip_prefix('{')
            .and_then(|rest| rest.split_once('}'))
            .map_or("", |(scheme, _)| scheme)
    }
}

impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}…", self.scheme())
    }
}
