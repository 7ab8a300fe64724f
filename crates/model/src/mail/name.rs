//! Mailbox names as people see them: a path of components, in Unicode.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// The character that separates levels on one server (`LIST`'s second field). `None` stands for NIL: a flat namespace.
pub type HierarchyDelimiter = Option<char>;

/// A mailbox's place in the account: its components from the top, below the personal namespace. Free of any
/// server's delimiter, prefix and encoding; `INBOX` is always spelled in capitals at the top (RFC 9051 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName {
    components: Vec<String>,
}

impl MailboxName {
    /// From components, top first. `None` when there is none, or one is empty.
    pub fn from_components<I, S>(components: I) -> Option<Self>
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        let mut components: Vec<String> = components.into_iter().map(Into::into).collect();
        if components.is_empty() || components.iter().any(String::is_empty) {
            return None;
        }
        if components[0].eq_ignore_ascii_case("INBOX") {
            "INBOX".clone_into(&mut components[0]);
        }
        Some(Self { components })
    }

    /// From a server's name, already decoded, and the delimiter it uses. Empty levels (a trailing delimiter,
    /// or a doubled one) are passed over. `None` when nothing is left.
    pub fn from_path(path: &str, delimiter: HierarchyDelimiter) -> Option<Self> {
        match delimiter {
            Some(delimiter) => Self::from_components(path.split(delimiter).filter(|part| !part.is_empty())),
            None => Self::from_components([path]),
        }
    }

    /// The mailbox that every account has.
    pub fn inbox() -> Self {
        Self {
            components: vec!["INBOX".to_owned()],
        }
    }

    /// Whether this is INBOX itself.
    pub fn is_inbox(&self) -> bool {
        self.components.len() == 1 && self.components[0] == "INBOX"
    }

    /// The components, top first; at least one, none empty.
    pub fn components(&self) -> &[String] {
        &self.components
    }

    /// The mailbox one level up; `None` at the top.
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.components.split_last()?;
        (!above.is_empty()).then(|| Self {
            components: above.to_vec(),
        })
    }
}

impl fmt::Display for MailboxName {
    /// With `/` between levels, whatever the servers use: for people, never for the wire.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.components.join("/"))
    }
}

/// A name as people compare it: `CAFÉ` is `café`, whichever way the é is put together. Mailboxes that differ no
/// more than so are two for every server, and one for some clients and file systems.
pub fn folded(name: &str) -> String {
    // Small letters may come out of order: composed again, they compare.
    name.nfc().flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str, delimiter: char) -> Option<String> {
        MailboxName::from_path(path, Some(delimiter)).map(|name| name.components().join("|"))
    }

    #[test]
    fn only_the_topmost_inbox_is_folded() {
        assert_eq!(name("inbox", '/').as_deref(), Some("INBOX"));
        assert_eq!(name("Inbox.x", '.').as_deref(), Some("INBOX|x"));
        assert_eq!(name("a/inbox", '/').as_deref(), Some("a|inbox"));
    }

    #[test]
    fn empty_levels_are_passed_over() {
        assert_eq!(name("a//b/", '/').as_deref(), Some("a|b"));
        assert_eq!(name("/", '/'), None);
        assert_eq!(MailboxName::from_path("a.b", None).unwrap().components(), ["a.b"]);
    }

    #[test]
    fn names_are_compared_as_people_do() {
        for (one, other) in [
            ("café", "cafe\u{301}"),
            ("CAFÉ", "café"),
            ("ŻÓŁW", "z\u{307}ółw"),
            ("Å", "\u{212b}"),
        ] {
            assert_eq!(folded(one), folded(other), "{one}");
        }
        for (one, other) in [("cafe", "café"), ("a", "b"), ("a b", "ab")] {
            assert_ne!(folded(one), folded(other), "{one}");
        }
    }
}
