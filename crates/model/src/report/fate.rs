//! Where a message of the source is, in one word.

use crate::verify::{Difference, Finding};

/// Where a message of the source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// In its place on the target.
    Here,
    /// Elsewhere on the target, where its owner has put it.
    Moved,
    /// Its owner has removed it on the target.
    Removed,
    /// It is still to be carried.
    ToCome,
    /// The source does not deliver it.
    Quarantined,
    /// Not on the target, and nothing says why.
    Missing,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Here,
        Self::Moved,
        Self::Removed,
        Self::ToCome,
        Self::Quarantined,
        Self::Missing,
    ];

    /// From what was found of a message, and whether it is in its place.
    pub fn of(is_here: bool, findings: &[Finding]) -> Self {
        if is_here {
            return Self::Here;
        }
        let told = findings.iter().find_map(|finding| match finding.difference {
            Difference::MovedHere => Some(Self::Moved),
            Difference::RemovedHere => Some(Self::Removed),
            Difference::NotYetMoved => Some(Self::ToCome),
            Difference::Quarantined => Some(Self::Quarantined),
            _ => None,
        });
        told.unwrap_or(Self::Missing)
    }

    /// Its word, by which programs know it; never changed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Moved => "moved_here",
            Self::Removed => "removed_here",
            Self::ToCome => "to_come",
            Self::Quarantined => "quarantined",
            Self::Missing => "missing",
        }
    }

    /// What the word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fate| fate.word() == word)
    }

    /// What it means, to follow a number of messages.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Here => "in their place on the new side",
            Self::Moved => "elsewhere on the new side, where their owner has put them",
            Self::Removed => "removed on the new side by their owner",
            Self::ToCome => "still to come",
            Self::Quarantined => "in quarantine: the old server does not deliver them",
            Self::Missing => "missing, and nothing says why",
        }
    }

    /// Whether the message is in its place on the target.
    pub const fn is_in_place(self) -> bool {
        matches!(self, Self::Here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_says_where_a_message_is() {
        for (is_here, differences, fate) in [
            (true, &[][..], Fate::Here),
            (true, &[Difference::BytesDiffer], Fate::Here),
            (false, &[Difference::MovedHere], Fate::Moved),
            (false, &[Difference::RemovedHere], Fate::Removed),
            (false, &[Difference::NotYetMoved], Fate::ToCome),
            (false, &[Difference::Quarantined], Fate::Quarantined),
            (false, &[Difference::Missing], Fate::Missing),
            (false, &[], Fate::Missing),
        ] {
            let findings: Vec<Finding> = differences.iter().map(|found| (*found).into()).collect();
            assert_eq!(Fate::of(is_here, &findings), fate, "{differences:?}");
        }
        for fate in Fate::ALL {
            assert_eq!(Fate::named(fate.word()), Some(fate));
        }
    }
}
