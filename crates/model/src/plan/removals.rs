//! Messages that the source has no longer.
//!
//! By default they are kept. Where removals are followed, a message is removed only if it was missing in two passes, each time in
//! a list that was complete (I8), and only if its owner has not touched it here since (I7) and this program
//! has brought it (I14).

use super::{Action, PairState};
use crate::mail::{FlagSet, Uid};

/// How many times a message counts of a mailbox that is empty all at once: that is more often a server in trouble than a tidy
/// owner.
const EMPTIED: u64 = 10;

/// What is done about messages that the source has no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletions {
    /// Nothing.
    Keep,
    /// They are removed from the target too.
    Follow {
        /// In one mailbox and pass not more than these: a source that has lost its mail takes nothing with it.
        most: u32,
    },
}

impl Deletions {
    /// Whether it matters which messages are missing.
    pub fn is_follow(self) -> bool {
        matches!(self, Self::Follow { .. })
    }

    /// Whether so many messages may go at once from a mailbox in which the source has so many left. If not: the least number that
    /// `most` would have to be.
    pub fn permits(self, gone: u64, left: u64) -> Result<(), u64> {
        let counted = if left == 0 {
            gone.saturating_mul(EMPTIED)
        } else {
            gone
        };
        match self {
            Self::Follow { most } if counted <= u64::from(most) => Ok(()),
            _ => Err(counted),
        }
    }
}

/// A pair whose message the source has not listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// On the source.
    pub uid: Uid,
    /// Where it stands.
    pub state: PairState,
    /// The flags that both sides last agreed on.
    pub flags: FlagSet,
    /// The name of its counterpart, where that does not bear its mark.
    pub target_name: Option<String>,
    /// When it was first missing, in seconds since 1970-01-01 UTC.
    pub missing_since: Option<i64>,
}

/// Plans what becomes of them. `began` is when the pass did, in seconds since 1970-01-01 UTC: later than all earlier passes.
pub fn plan_removals(absent: &[Absent], began: i64) -> Vec<Action> {
    let plan = |pair: &Absent| match (pair.state, pair.missing_since) {
        // It is placed first; then its turn comes.
        (PairState::Staged, _) => None,
        (_, None) => Some(Action::Miss {
            uid: pair.uid,
            since: began,
        }),
        (_, Some(since)) if since >= began => None,
        // I14: what another program has put there is not ours to delete.
        (_, Some(_)) if pair.target_name.is_some() => Some(Action::Release { uid: pair.uid }),
        (_, Some(_)) => Some(Action::Expunge {
            uid: pair.uid,
            flags: pair.flags.clone(),
        }),
    };
    absent.iter().filter_map(plan).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I8
    #[test]
    fn a_source_that_loses_its_mail_takes_nothing_with_it() {
        let follow = Deletions::Follow { most: 100 };
        for (deletions, gone, left, expected) in [
            (follow, 100, 1, Ok(())),
            (follow, 101, 1_000, Err(101)),
            (follow, 10, 0, Ok(())),
            (follow, 11, 0, Err(110)),
            (Deletions::Keep, 1, 1, Err(1)),
        ] {
            assert_eq!(deletions.permits(gone, left), expected, "{gone} of {left}");
        }
    }

    /// I8, I14
    #[test]
    fn only_what_was_missing_in_an_earlier_pass_is_removed() {
        let absent = |uid, state, missing_since| Absent {
            uid: Uid::new(uid).unwrap(),
            state,
            flags: ["\\Seen"].into_iter().collect(),
            target_name: None,
            missing_since,
        };
        let pairs = [
            absent(1, PairState::Placed, None),
            absent(2, PairState::Placed, Some(99)),
            absent(3, PairState::Placed, Some(100)),
            absent(4, PairState::Staged, Some(1)),
            absent(5, PairState::Gone, Some(1)),
            absent(6, PairState::Gone, None),
            Absent {
                target_name: Some("1.of.another".to_owned()),
                ..absent(7, PairState::Placed, Some(99))
            },
        ];
        let shown: Vec<String> = plan_removals(&pairs, 100)
            .iter()
            .map(|action| match action {
                Action::Miss { uid, since } => format!("miss {uid} since {since}"),
                Action::Expunge { uid, flags, .. } => format!("expunge {uid} if {flags}"),
                Action::Release { uid } => format!("release {uid}"),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(
            shown,
            [
                "miss 1 since 100",
                "expunge 2 if \\Seen",
                "expunge 5 if \\Seen",
                "miss 6 since 100",
                "release 7"
            ]
        );
    }
}
