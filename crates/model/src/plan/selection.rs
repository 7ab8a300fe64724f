//! Which mailboxes a person asked for.

use crate::mail::MailboxName;

/// A pattern over mailbox names, written with `/` between levels whatever the server uses.
///
/// `*` stands for any characters, `%` for any but `/` (as in LIST, RFC 9051 section 6.3.9). A pattern also covers
/// everything below the mailboxes it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// From what was typed. `INBOX` at the top is folded as in names.
    pub fn new(text: &str) -> Self {
        match text.get(..5) {
            Some(top)
                if top.eq_ignore_ascii_case("INBOX")
                    && matches!(text.as_bytes().get(5), None | Some(b'/')) =>
            {
                Self(format!("INBOX{}", &text[5..]))
            }
            _ => Self(text.to_owned()),
        }
    }

    /// Whether the pattern names the mailbox or one above it.
    pub fn covers(&self, name: &MailboxName) -> bool {
        let components = name.components();
        (1..=components.len())
            .any(|levels| glob(self.0.as_bytes(), components[..levels].join("/").as_bytes()))
    }
}

/// Wildcard match by trying: names and patterns are short.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let Some((&first, rest)) = pattern.split_first() else {
        return text.is_empty();
    };
    match first {
        b'*' => (0..=text.len()).any(|taken| glob(rest, &text[taken..])),
        b'%' => {
            let level = text.iter().position(|&byte| byte == b'/').unwrap_or(text.len());
            (0..=level).any(|taken| glob(rest, &text[taken..]))
        }
        _ => text.first() == Some(&first) && glob(rest, &text[1..]),
    }
}

/// The mailboxes to carry: all, or those included, without those excluded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// When not empty, only mailboxes that one of these covers.
    pub include: Vec<Pattern>,
    /// Mailboxes that one of these covers are left out; stronger than `include`.
    pub exclude: Vec<Pattern>,
}

impl Selection {
    /// Whether a mailbox is to be carried.
    pub fn takes(&self, name: &MailboxName) -> bool {
        let included = self.include.is_empty() || self.include.iter().any(|pattern| pattern.covers(name));
        included && !self.exclude.iter().any(|pattern| pattern.covers(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, path: &str) -> bool {
        Pattern::new(pattern).covers(&MailboxName::from_path(path, Some('/')).unwrap())
    }

    #[test]
    fn patterns_cover_what_lies_below() {
        assert!(covers("Trash", "Trash"));
        assert!(covers("Trash", "Trash/2019"));
        assert!(!covers("Trash", "Trash2"));
        assert!(covers("Lists/%", "Lists/debian"));
        assert!(covers("Lists/%", "Lists/debian/devel"));
        assert!(!covers("Lists/%", "Lists"));
        assert!(covers("*2019", "Archive/2019"));
        assert!(!covers("%2019", "Archive/2019"));
        assert!(covers("inbox", "INBOX"));
        assert!(covers("Entwürfe", "Entwürfe"));
    }

    #[test]
    fn exclusion_is_stronger() {
        let selection = Selection {
            include: vec![Pattern::new("A")],
            exclude: vec![Pattern::new("A/B")],
        };
        let takes = |path| selection.takes(&MailboxName::from_path(path, Some('/')).unwrap());
        assert!(takes("A"));
        assert!(takes("A/C"));
        assert!(!takes("A/B/D"));
        assert!(!takes("X"));
    }
}
