//! What came of a pass, as the history of its migration keeps it.

/// What came of a pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassReport {
    /// When it began, in seconds since 1970 UTC.
    pub began: i64,
    /// When it ended.
    pub ended: i64,
    /// How it ended.
    pub outcome: PassOutcome,
    /// Messages that it carried.
    pub messages: u64,
    /// Octets of these.
    pub octets: u64,
    /// What was wrong, for a person; `None` where nothing was.
    pub error: Option<String>,
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PassOutcome {
    /// Both sides are equal.
    Complete,
    /// It went to its end; some messages or mailboxes stay behind.
    Partial,
    /// It could not go on.
    Failed,
    /// It was asked to end.
    Interrupted,
}

impl PassOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Complete, Self::Partial, Self::Failed, Self::Interrupted];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// What the word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

impl PassReport {
    /// Whether it says nothing that one of this outcome, error and number of messages right before it did not say: the same
    /// trouble again, or again nothing to do. A year of hours is then one line.
    pub fn says_the_same(&self, outcome: PassOutcome, error: Option<&str>, messages: u64) -> bool {
        let is_idle = self.messages == 0 && messages == 0;
        self.outcome == outcome
            && self.error.as_deref() == error
            && (is_idle || matches!(outcome, PassOutcome::Partial | PassOutcome::Failed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_again_is_no_news() {
        use PassOutcome::{Complete, Failed, Interrupted, Partial};
        for (outcome, error, messages, before, says_the_same) in [
            (Complete, None, 0, (Complete, None, 0), true),
            (Complete, None, 3, (Complete, None, 0), false),
            (Complete, None, 0, (Complete, None, 3), false),
            (Failed, Some("full"), 3, (Failed, Some("full"), 9), true),
            (Failed, Some("full"), 0, (Failed, Some("refused"), 0), false),
            (Failed, Some("full"), 0, (Partial, Some("full"), 0), false),
            (Partial, Some("1 left"), 0, (Partial, Some("1 left"), 5), true),
            (Interrupted, None, 2, (Interrupted, None, 2), false),
        ] {
            let report = PassReport {
                began: 1,
                ended: 2,
                outcome,
                messages,
                octets: 0,
                error: error.map(str::to_owned),
            };
            let (outcome, error, messages) = before;
            assert_eq!(
                report.says_the_same(outcome, error, messages),
                says_the_same,
                "{report:?}"
            );
        }
        for outcome in PassOutcome::ALL {
            assert_eq!(PassOutcome::named(outcome.as_str()), Some(outcome));
        }
    }
}
