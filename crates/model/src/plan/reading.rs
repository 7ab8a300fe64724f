//! How a mailbox's messages are read.

use super::{MailboxBase, MailboxStep};
use crate::mail::{Checkpoint, ModSeq, Uid};

/// How a mailbox's messages are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Every message's row, then the texts of those that are wanted.
    Rows,
    /// Rows and texts at once: all of it is wanted, since nothing of it is on the target. It spares a turn, and on servers that
    /// keep no sizes a second reading of every message.
    Whole,
    /// The rows of messages that have come or changed since both sides last agreed.
    Since(Agreed),
}

/// What a later look has to know of the checkpoint that both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// UIDNEXT: messages from here on are new.
    pub uid_next: Uid,
    /// HIGHESTMODSEQ.
    pub mod_seq: ModSeq,
    /// How many messages there were.
    pub messages: u32,
}

/// What is known of a mailbox before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Whether the target's mailbox holds any message, or the base any pair of it.
    pub anything: bool,
    /// Whether the server can list what has changed since (CONDSTORE), and that is all that is wanted: it does not list what is
    /// there no longer.
    pub tells_changes: bool,
    /// Whether this pass has read before, be it that a connection has ended or that messages did not come: they are then asked
    /// for by their rows, to find out which.
    pub had_trouble: bool,
}

/// Decides how.
pub fn decide_reading(source: &Checkpoint, base: &MailboxBase, step: MailboxStep, known: Known) -> Reading {
    match step {
        MailboxStep::Fill(_) if !known.anything && !known.had_trouble => Reading::Whole,
        MailboxStep::Follow if known.tells_changes => {
            match base.agreed.and_then(|agreed| provable(source, &agreed)) {
                Some(agreed) => Reading::Since(agreed),
                None => Reading::Rows,
            }
        }
        _ => Reading::Rows,
    }
}

/// What changed since `agreed` can be asked for only if the server's numbers have not gone back: a server that has lost its
/// modification sequences begins again below those that it gave before.
fn provable(source: &Checkpoint, agreed: &Checkpoint) -> Option<Agreed> {
    let (now, then) = (source.highest_mod_seq?, agreed.highest_mod_seq?);
    let (uid_next, next_now) = (agreed.uid_next?, source.uid_next?);
    let sound = source.uid_validity.is_some()
        && source.uid_validity == agreed.uid_validity
        && then.0 > 0
        && now >= then
        && next_now >= uid_next;
    sound.then_some(Agreed {
        uid_next,
        mod_seq: then,
        messages: agreed.messages,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::UidValidity;

    fn checkpoint(validity: u32, next: u32, mod_seq: Option<u64>) -> Checkpoint {
        Checkpoint {
            uid_validity: UidValidity::new(validity),
            uid_next: Uid::new(next),
            highest_mod_seq: mod_seq.map(ModSeq),
            messages: 3,
        }
    }

    const CAN: Known = Known {
        anything: true,
        tells_changes: true,
        had_trouble: false,
    };

    fn decide(now: Checkpoint, agreed: Option<Checkpoint>, step: MailboxStep, known: Known) -> Reading {
        let base = MailboxBase {
            uid_validity: now.uid_validity,
            target_uid_validity: now.uid_validity,
            target_uid_next: None,
            agreed,
        };
        decide_reading(&now, &base, step, known)
    }

    #[test]
    fn changes_are_asked_for_only_where_the_numbers_can_be_believed() {
        let then = checkpoint(7, 10, Some(5));
        let since = Reading::Since(Agreed {
            uid_next: Uid::new(10).unwrap(),
            mod_seq: ModSeq(5),
            messages: 3,
        });
        let cases = [
            (checkpoint(7, 12, Some(9)), Some(then), CAN, since),
            (checkpoint(7, 10, Some(5)), Some(then), CAN, since),
            // Never agreed; numbers gone back; none; another numbering; UIDNEXT gone back.
            (checkpoint(7, 12, Some(9)), None, CAN, Reading::Rows),
            (checkpoint(7, 12, Some(4)), Some(then), CAN, Reading::Rows),
            (checkpoint(7, 12, None), Some(then), CAN, Reading::Rows),
            (
                checkpoint(7, 12, Some(9)),
                Some(checkpoint(7, 10, None)),
                CAN,
                Reading::Rows,
            ),
            (
                checkpoint(7, 12, Some(9)),
                Some(checkpoint(7, 10, Some(0))),
                CAN,
                Reading::Rows,
            ),
            (checkpoint(8, 12, Some(9)), Some(then), CAN, Reading::Rows),
            (checkpoint(7, 9, Some(9)), Some(then), CAN, Reading::Rows),
            (
                checkpoint(0, 12, Some(9)),
                Some(checkpoint(0, 10, Some(5))),
                CAN,
                Reading::Rows,
            ),
            (
                checkpoint(7, 12, Some(9)),
                Some(then),
                Known {
                    tells_changes: false,
                    ..CAN
                },
                Reading::Rows,
            ),
        ];
        for (now, agreed, known, expected) in cases {
            assert_eq!(
                decide(now, agreed, MailboxStep::Follow, known),
                expected,
                "{now:?} after {agreed:?}, {known:?}"
            );
        }
    }

    #[test]
    fn all_comes_at_once_only_where_nothing_is_there() {
        let now = checkpoint(7, 12, Some(9));
        let fill = MailboxStep::Fill(now.uid_validity);
        let nothing = Known {
            anything: false,
            ..CAN
        };
        assert_eq!(decide(now, None, fill, nothing), Reading::Whole);
        assert_eq!(decide(now, None, fill, CAN), Reading::Rows);
        assert_eq!(
            decide(
                now,
                None,
                fill,
                Known {
                    had_trouble: true,
                    ..nothing
                }
            ),
            Reading::Rows
        );
        assert_eq!(decide(now, None, MailboxStep::Follow, nothing), Reading::Rows);
        assert_eq!(
            decide(now, None, MailboxStep::Restart(now.uid_validity), nothing),
            Reading::Rows
        );
    }
}
