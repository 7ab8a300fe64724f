//! The letters after `:2,` in a file's name: flags and keywords.

use std::fmt;

use transhume_model::mail::SystemFlag;

/// The flag letters of one message in four bytes: the six of the Maildir specification and Dovecot's 26 for
/// keywords. What the latter mean is told by the mailbox's [`KeywordTable`](crate::KeywordTable).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Letters(u32);

/// In ASCII order, as the Maildir specification demands. `P` (passed) has no flag in IMAP and is only kept.
const CAPITALS: [u8; 6] = *b"DFPRST";

impl Letters {
    /// Reads the letters up to the first byte that is none. Dovecot ends them at a comma.
    pub(crate) fn parse(info: &[u8]) -> Self {
        info.iter()
            .take_while(|&&byte| byte != b',')
            .filter_map(|&byte| bit_of(byte))
            .fold(Self::default(), |letters, bit| Self(letters.0 | 1 << bit))
    }

    pub(crate) fn with_flag(self, flag: SystemFlag) -> Self {
        self.with(letter_of(flag))
    }

    pub(crate) fn with_keyword(self, index: u8) -> Self {
        self.with(b'a' + index)
    }

    fn with(self, letter: u8) -> Self {
        bit_of(letter).map_or(self, |bit| Self(self.0 | 1 << bit))
    }

    /// Whether the letter of a system flag is among them.
    pub fn contains(self, flag: SystemFlag) -> bool {
        self.has(letter_of(flag))
    }

    /// Whether `P` is among them.
    pub fn is_passed(self) -> bool {
        self.has(b'P')
    }

    fn has(self, letter: u8) -> bool {
        bit_of(letter).is_some_and(|bit| self.0 & 1 << bit != 0)
    }

    /// The indexes (0 for `a`) of the keyword letters.
    pub fn keyword_indexes(self) -> impl Iterator<Item = u8> {
        (0..26).filter(move |index| self.has(b'a' + index))
    }

    /// Puts what no flag speaks for back in: `P`, and keyword letters whose meaning nobody knows.
    pub(crate) fn keeping(self, old: Self, known_keywords: impl Fn(u8) -> bool) -> Self {
        let kept = old
            .keyword_indexes()
            .filter(|&index| !known_keywords(index))
            .fold(self, Self::with_keyword);
        if old.is_passed() { kept.with(b'P') } else { kept }
    }
}

const fn letter_of(flag: SystemFlag) -> u8 {
    match flag {
        SystemFlag::Draft => b'D',
        SystemFlag::Flagged => b'F',
        SystemFlag::Answered => b'R',
        SystemFlag::Seen => b'S',
        SystemFlag::Deleted => b'T',
    }
}

fn bit_of(letter: u8) -> Option<u32> {
    match letter {
        b'a'..=b'z' => Some(u32::from(letter - b'a')),
        _ => (26..)
            .zip(CAPITALS)
            .find_map(|(bit, capital)| (capital == letter).then_some(bit)),
    }
}

impl fmt::Display for Letters {
    /// In ASCII order, as they stand in a name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        CAPITALS
            .into_iter()
            .chain(b'a'..=b'z')
            .filter(|&letter| self.has(letter))
            .try_for_each(|letter| write!(f, "{}", char::from(letter)))
    }
}

impl fmt::Debug for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Letters({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_written_in_ascii_order() {
        assert_eq!(Letters::parse(b"zSaPT").to_string(), "PSTaz");
        assert_eq!(Letters::parse(b"DFPRSTabcdefghijklmnopqrstuvwxyz").0, u32::MAX);
        assert_eq!(Letters::parse(b"").to_string(), "");
    }

    #[test]
    fn end_at_a_comma_and_skip_what_is_no_letter() {
        assert_eq!(Letters::parse(b"S!X,F").to_string(), "S");
    }

    #[test]
    fn keep_what_no_flag_speaks_for() {
        let new = Letters::default().with_flag(SystemFlag::Seen);
        let kept = new.keeping(Letters::parse(b"FPab"), |index| index == 0);
        assert_eq!(kept.to_string(), "PSb");
    }
}
