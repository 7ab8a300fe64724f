//! What each message of a mailbox needs.

use std::collections::HashSet;

use crate::mail::{FlagSet, MessageRow, Uid};

/// Where one source message stands in the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairState {
    /// Its bytes lie safely on the target, but not yet in its mailbox.
    Staged,
    /// It is in the target's mailbox.
    Placed,
    /// It was in the target's mailbox, and its owner has removed it: it is never brought again.
    Gone,
}

/// A source message and what the base knows of its counterpart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// On the source.
    pub uid: Uid,
    /// Where it stands.
    pub state: PairState,
    /// The flags that both sides last agreed on.
    pub flags: FlagSet,
    /// The name of its counterpart, where that does not bear its mark.
    pub target_name: Option<String>,
    /// Whether it was missing on the source in an earlier pass.
    pub was_missing: bool,
}

/// What the target's mailbox holds.
#[derive(Clone, Copy)]
pub struct TargetView<'a> {
    /// The flags of the message of this name, or without one of that which bears the mark of this source UID; `None`
    /// when there is none.
    pub flags_of: &'a dyn Fn(Uid, Option<&str>) -> Option<FlagSet>,
    /// Sizes, in octets on the wire, of the messages that came by other ways.
    pub foreign_sizes: &'a HashSet<u64>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Bring the message over.
    Carry {
        /// The message.
        row: MessageRow,
        /// The target holds a message of this size that came by another way: if the bytes turn out to be the
        /// same, it is paired with it instead of being doubled.
        perhaps_there: bool,
    },
    /// The message is on the target by the mark it bears, though the base does not know: pair them.
    Adopt {
        /// The message.
        row: MessageRow,
    },
    /// The source's flags have changed: apply the changes to the target's, whatever those are by then
    /// ([`FlagSet::merge`]); its owner's own changes survive.
    SetFlags {
        /// On the source.
        uid: Uid,
        /// What both sides last agreed on.
        base_flags: FlagSet,
        /// The source's flags, which the base then records.
        source_flags: FlagSet,
        /// The name of its counterpart, where that does not bear its mark.
        target_name: Option<String>,
    },
    /// The source's flags have changed, and the target has them already: only the base learns it.
    Agree {
        /// On the source.
        uid: Uid,
        /// The source's flags.
        source_flags: FlagSet,
    },
    /// The source does not list the message: that is remembered.
    Miss {
        /// On the source.
        uid: Uid,
        /// Since when, in seconds since 1970-01-01 UTC.
        since: i64,
    },
    /// The source lists the message again: that it was missing is forgotten.
    Find {
        /// On the source.
        uid: Uid,
    },
    /// The source has removed the message: it is removed on the target too, unless its owner has changed its flags since.
    Expunge {
        /// On the source.
        uid: Uid,
        /// The flags that both sides last agreed on.
        flags: FlagSet,
    },
    /// The source has removed the message, and its counterpart was not brought by this program: that stays, and is a pair no more.
    Release {
        /// On the source.
        uid: Uid,
    },
    /// The owner has removed the message on the target: it is remembered, so that it is never brought again.
    Forget {
        /// On the source.
        uid: Uid,
    },
}

/// Plans one window of a mailbox: `rows` and `pairs` of the same range of UIDs, both ascending.
///
/// Messages that the source no longer has are left alone here ([`plan_removals`](super::plan_removals)). A staged pair needs no action of its
/// own: whatever is staged is placed when the mailbox is committed.
pub fn plan_messages(rows: &[MessageRow], pairs: &[Pair], target: TargetView<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut pairs = pairs.iter().peekable();
    for row in rows {
        while pairs.next_if(|pair| pair.uid < row.uid).is_some() {}
        let pair = pairs.next_if(|pair| pair.uid == row.uid);
        if pair.is_some_and(|pair| pair.was_missing) {
            actions.push(Action::Find { uid: row.uid });
        }
        actions.extend(plan_message(row, pair, target));
    }
    actions
}

fn plan_message(row: &MessageRow, pair: Option<&Pair>, target: TargetView<'_>) -> Option<Action> {
    let Some(pair) = pair else {
        return Some(if (target.flags_of)(row.uid, None).is_some() {
            Action::Adopt { row: row.clone() }
        } else {
            let perhaps_there = target.foreign_sizes.contains(&row.size);
            Action::Carry {
                row: row.clone(),
                perhaps_there,
            }
        });
    };
    if pair.state == PairState::Gone || pair.flags == row.flags {
        return None;
    }
    let (uid, source_flags) = (row.uid, row.flags.clone());
    let Some(target_flags) = (target.flags_of)(uid, pair.target_name.as_deref()) else {
        // A staged message gets its flags when it is placed; one that was placed and is gone, its owner has removed.
        return Some(match pair.state {
            PairState::Staged => Action::Agree { uid, source_flags },
            PairState::Placed | PairState::Gone => Action::Forget { uid },
        });
    };
    Some(
        if FlagSet::merge(&pair.flags, &row.flags, &target_flags) == target_flags {
            Action::Agree { uid, source_flags }
        } else {
            Action::SetFlags {
                uid,
                base_flags: pair.flags.clone(),
                source_flags,
                target_name: pair.target_name.clone(),
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::InternalDate;

    fn uid(value: u32) -> Uid {
        Uid::new(value).unwrap()
    }

    fn flags(text: &str) -> FlagSet {
        text.split_whitespace().collect()
    }

    fn row(value: u32, words: &str) -> MessageRow {
        MessageRow {
            uid: uid(value),
            flags: flags(words),
            internal_date: Some(InternalDate::from_unix(0)),
            size: u64::from(value) * 100,
        }
    }

    fn pair(value: u32, state: PairState, words: &str) -> Pair {
        Pair {
            uid: uid(value),
            state,
            flags: flags(words),
            target_name: None,
            was_missing: false,
        }
    }

    fn plan(rows: &[MessageRow], pairs: &[Pair], ours: &[(u32, &str)], foreign: &[u64]) -> Vec<Action> {
        let find = |wanted: Uid, _: Option<&str>| {
            ours.iter()
                .find(|(origin, _)| uid(*origin) == wanted)
                .map(|(_, words)| flags(words))
        };
        let foreign_sizes = foreign.iter().copied().collect();
        plan_messages(
            rows,
            pairs,
            TargetView {
                flags_of: &find,
                foreign_sizes: &foreign_sizes,
            },
        )
    }

    #[test]
    fn unknown_messages_are_carried_unless_they_bear_our_mark() {
        let actions = plan(
            &[row(1, ""), row(2, ""), row(3, "")],
            &[],
            &[(2, "\\Seen")],
            &[300],
        );
        assert_eq!(
            actions,
            [
                Action::Carry {
                    row: row(1, ""),
                    perhaps_there: false
                },
                Action::Adopt { row: row(2, "") },
                Action::Carry {
                    row: row(3, ""),
                    perhaps_there: true
                },
            ]
        );
    }

    #[test]
    fn a_pair_with_the_same_flags_needs_nothing_whatever_the_target_says() {
        let placed = pair(1, PairState::Placed, "\\Seen");
        assert_eq!(plan(&[row(1, "\\Seen")], &[placed], &[], &[]), []);
    }

    /// I7: the owner's own flags survive.
    #[test]
    fn flag_changes_are_merged_into_the_targets() {
        let placed = [pair(1, PairState::Placed, ""), pair(2, PairState::Placed, "")];
        let actions = plan(
            &[row(1, "\\Seen"), row(2, "\\Seen")],
            &placed,
            &[(1, "work"), (2, "\\Seen")],
            &[],
        );
        assert_eq!(
            actions,
            [
                Action::SetFlags {
                    uid: uid(1),
                    base_flags: flags(""),
                    source_flags: flags("\\Seen"),
                    target_name: None,
                },
                Action::Agree {
                    uid: uid(2),
                    source_flags: flags("\\Seen")
                },
            ]
        );
    }

    #[test]
    fn what_its_owner_removed_is_never_brought_again() {
        let placed = pair(1, PairState::Placed, "");
        let gone = pair(2, PairState::Gone, "");
        let actions = plan(&[row(1, "\\Seen"), row(2, "\\Seen")], &[placed, gone], &[], &[]);
        assert_eq!(actions, [Action::Forget { uid: uid(1) }]);
    }

    #[test]
    fn a_staged_message_that_was_placed_after_all_gets_changed_flags() {
        let staged = [pair(1, PairState::Staged, ""), pair(2, PairState::Staged, "")];
        let actions = plan(&[row(1, "\\Seen"), row(2, "\\Seen")], &staged, &[(1, "")], &[]);
        assert!(matches!(actions[0], Action::SetFlags { .. }), "{actions:?}");
        assert!(matches!(actions[1], Action::Agree { .. }), "{actions:?}");
    }

    #[test]
    fn messages_gone_from_the_source_are_left_alone() {
        let pairs = [1, 2, 3].map(|value| pair(value, PairState::Placed, ""));
        assert_eq!(plan(&[row(2, "")], &pairs, &[(1, ""), (2, ""), (3, "")], &[]), []);
    }
}
