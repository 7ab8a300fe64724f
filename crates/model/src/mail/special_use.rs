//! Roles of mailboxes (RFC 6154).

mod names;

use std::fmt;

pub use names::suggested;

/// What a mailbox is for. `\Important` (RFC 8457) and unknown attributes are not kept: no client files mail by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpecialUse {
    /// `\All`: every message of the account.
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`: every flagged message.
    Flagged,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

/// A mailbox's role, and how it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// What the mailbox is for.
    pub special_use: SpecialUse,
    /// Whether only its name says so; else the server does.
    pub guessed: bool,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}",
            self.special_use,
            if self.guessed { " by its name" } else { "" }
        )
    }
}

impl SpecialUse {
    /// Reads a LIST attribute, its backslash included, in any case; also the words of XLIST, from before RFC 6154.
    pub fn from_attribute(attribute: &str) -> Option<Self> {
        const XLIST: [(&str, SpecialUse); 3] = [
            ("\\AllMail", SpecialUse::All),
            ("\\Spam", SpecialUse::Junk),
            ("\\Starred", SpecialUse::Flagged),
        ];
        let from_xlist = XLIST
            .into_iter()
            .find_map(|(word, role)| word.eq_ignore_ascii_case(attribute).then_some(role));
        [
            Self::All,
            Self::Archive,
            Self::Drafts,
            Self::Flagged,
            Self::Junk,
            Self::Sent,
            Self::Trash,
        ]
        .into_iter()
        .find(|role| role.attribute().eq_ignore_ascii_case(attribute))
        .or(from_xlist)
    }

    /// The LIST attribute, its backslash included.
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::All => "\\All",
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Flagged => "\\Flagged",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }

    /// Whether the mailbox only shows messages that lie in other mailboxes (RFC 6154 section 2).
    pub const fn is_virtual(self) -> bool {
        matches!(self, Self::All | Self::Flagged)
    }
}

impl fmt::Display for SpecialUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.attribute())
    }
}
