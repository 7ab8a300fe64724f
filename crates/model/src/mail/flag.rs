//! Flags: the five system flags that are kept, and keywords.

use std::fmt;
use std::sync::Arc;

/// A system flag (RFC 9051 section 2.3.2). `\Recent` is not among them: it belongs to a session, not to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SystemFlag {
    /// `\Answered`
    Answered = 1,
    /// `\Flagged`
    Flagged = 2,
    /// `\Deleted`
    Deleted = 4,
    /// `\Seen`
    Seen = 8,
    /// `\Draft`
    Draft = 16,
}

impl SystemFlag {
    /// All five.
    pub const ALL: [Self; 5] = [
        Self::Answered,
        Self::Flagged,
        Self::Deleted,
        Self::Seen,
        Self::Draft,
    ];

    /// The flag on the wire, its backslash included.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Seen => "\\Seen",
            Self::Draft => "\\Draft",
        }
    }

    const fn bit(self) -> u8 {
        self as u8
    }
}

/// A keyword: a flag that clients and users invent (`$Forwarded`, `NonJunk`, …). Keywords are compared without
/// regard to ASCII case, as servers do, and keep the spelling in which they were first seen.
#[derive(Clone, Debug)]
pub struct Keyword(Arc<str>);

impl Keyword {
    /// `None` for the empty word, a system flag, or one with a blank or control character in it.
    pub fn new(word: &str) -> Option<Self> {
        let plain =
            !word.is_empty() && !word.starts_with('\\') && !word.chars().any(|c| c.is_control() || c == ' ');
        plain.then(|| Self(Arc::from(word)))
    }

    /// The spelling.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded().cmp(other.folded())
    }
}

impl std::hash::Hash for Keyword {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded().for_each(|byte| byte.hash(state));
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The flags of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FlagSet {
    system: u8,
    /// Ascending, none twice.
    keywords: Vec<Keyword>,
}

impl FlagSet {
    /// No flag at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a system flag.
    pub fn insert(&mut self, flag: SystemFlag) {
        self.system |= flag.bit();
    }

    /// Adds a keyword; the spelling of one that is there already stays.
    pub fn insert_keyword(&mut self, keyword: Keyword) {
        if let Err(at) = self.keywords.binary_search(&keyword) {
            self.keywords.insert(at, keyword);
        }
    }

    /// Adds a flag as it stands on the wire. Gives `false` for `\Recent` and for words that are no flag.
    pub fn insert_word(&mut self, word: &str) -> bool {
        if let Some(flag) = SystemFlag::ALL
            .into_iter()
            .find(|flag| flag.name().eq_ignore_ascii_case(word))
        {
            self.insert(flag);
            return true;
        }
        match Keyword::new(word) {
            Some(keyword) => {
                self.insert_keyword(keyword);
                true
            }
            None => false,
        }
    }

    /// Whether a system flag is set.
    pub const fn contains(&self, flag: SystemFlag) -> bool {
        self.system & flag.bit() != 0
    }

    /// The system flags that are set.
    pub fn system(&self) -> impl Iterator<Item = SystemFlag> + '_ {
        SystemFlag::ALL.into_iter().filter(|flag| self.contains(*flag))
    }

    /// The keywords, ascending.
    pub fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    /// The system flags as one number, for storing: 1 answered, 2 flagged, 4 deleted, 8 seen, 16 draft.
    pub const fn system_bits(&self) -> u8 {
        self.system
    }

    /// The reverse of [`FlagSet::system_bits`]; unknown bits are dropped.
    pub fn from_system_bits(bits: u8) -> Self {
        Self {
            system: bits & 0b1_1111,
            keywords: Vec::new(),
        }
    }

    /// The flags that are not in `other`.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.system &= !other.system;
        rest.keywords.retain(|word| !other.keywords.contains(word));
        rest
    }

    /// Three-way merge, flag by flag: what changed between `base` and `source` is applied to `target`.
    /// A flag that both sides changed has the same value on both, so nothing can be in conflict.
    #[must_use]
    pub fn merge(base: &Self, source: &Self, target: &Self) -> Self {
        let set = source.system & !base.system;
        let cleared = base.system & !source.system;
        let mut merged = Self {
            system: (target.system | set) & !cleared,
            keywords: target.keywords.clone(),
        };
        merged
            .keywords
            .retain(|word| source.keywords.contains(word) || !base.keywords.contains(word));
        for word in &source.keywords {
            if !base.keywords.contains(word) {
                merged.insert_keyword(word.clone());
            }
        }
        merged
    }
}

impl<'a> FromIterator<&'a str> for FlagSet {
    fn from_iter<I: IntoIterator<Item = &'a str>>(words: I) -> Self {
        let mut set = Self::new();
        for word in words {
            set.insert_word(word);
        }
        set
    }
}

impl fmt::Display for FlagSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<&str> = self.system().map(SystemFlag::name).collect();
        words.extend(self.keywords.iter().map(Keyword::as_str));
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> FlagSet {
        text.split_whitespace().collect()
    }

    #[test]
    fn words_become_flags_in_any_case_and_recent_is_dropped() {
        assert_eq!(
            flags("\\seen \\RECENT $Forwarded nonjunk NonJunk").to_string(),
            "\\Seen $Forwarded nonjunk"
        );
    }

    #[test]
    fn what_is_in_both_is_left_out() {
        let check = |flags_: &str, other: &str, expected: &str| {
            assert_eq!(flags(flags_).without(&flags(other)), flags(expected));
        };
        check("\\Seen work play", "\\Draft WORK", "\\Seen play");
        check("\\Seen", "\\Seen", "");
        check("", "x", "");
    }

    #[test]
    fn merge_applies_only_what_changed_on_the_source() {
        let check = |base: &str, source: &str, target: &str, expected: &str| {
            assert_eq!(
                FlagSet::merge(&flags(base), &flags(source), &flags(target)),
                flags(expected)
            );
        };
        check("", "\\Seen", "\\Flagged", "\\Seen \\Flagged");
        check("\\Seen", "", "\\Seen \\Flagged", "\\Flagged");
        // The owner set a flag on the target: it survives a source that never had it.
        check("\\Seen", "\\Seen", "\\Seen work", "\\Seen work");
        check("work", "", "work play", "play");
        check("work", "work", "", "");
        check("", "a B", "A", "A B");
    }
}
