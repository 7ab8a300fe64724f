//! Mailboxes that the source calls by another name than before: their messages are on the target already.
//!
//! Servers keep UIDVALIDITY and UIDs when a mailbox is renamed (RFC 9051 section 6.3.6), but some have the same UIDVALIDITY for
//! all, and a new mailbox may get that of an old one: so what both say is checked against some messages.

use super::MailboxBase;
use crate::mail::{Checkpoint, InternalDate, MessageRow, Uid};

/// Pairs of a mailbox that is known and no longer listed with one that is listed and not known: by their numbers, the second may
/// be the first. Both are positions in what was given.
pub fn perhaps_renamed(lost: &[MailboxBase], appeared: &[Checkpoint]) -> Vec<(usize, usize)> {
    let mut candidates = Vec::new();
    for (from, base) in lost.iter().enumerate() {
        for (to, checkpoint) in appeared.iter().enumerate() {
            let grown = match base.agreed.and_then(|agreed| agreed.uid_next) {
                Some(then) => checkpoint.uid_next.is_none_or(|now| now >= then),
                None => true,
            };
            if base.uid_validity.is_some() && base.uid_validity == checkpoint.uid_validity && grown {
                candidates.push((from, to));
            }
        }
    }
    candidates
}

/// A message as the base knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// On the source.
    pub uid: Uid,
    /// Octets.
    pub size: u64,
    /// When it arrived.
    pub internal_date: InternalDate,
}

/// Whether a mailbox holds messages that another was known to hold: some of these samples, and none that differs. Some only, because
/// its owner may have filed and removed many since.
pub fn holds_the_same(samples: &[Sample], rows: &[MessageRow]) -> bool {
    let mut found = false;
    for sample in samples {
        let Some(row) = rows.iter().find(|row| row.uid == sample.uid) else {
            continue;
        };
        if row.size != sample.size || row.internal_date.is_some_and(|date| date != sample.internal_date) {
            return false;
        }
        found = true;
    }
    found
}

/// Those that leave no doubt: of which neither side has another candidate.
pub fn certain(candidates: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let is_only = |&(from, to): &(usize, usize)| {
        let other = |&&(f, t): &&(usize, usize)| (f == from) != (t == to);
        candidates.iter().find(other).is_none()
    };
    candidates.iter().filter(|pair| is_only(pair)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{FlagSet, UidValidity};

    fn checkpoint(validity: u32, next: u32) -> Checkpoint {
        Checkpoint {
            uid_validity: UidValidity::new(validity),
            uid_next: Uid::new(next),
            highest_mod_seq: None,
            messages: 3,
        }
    }

    fn base(validity: u32, next: u32) -> MailboxBase {
        MailboxBase {
            uid_validity: UidValidity::new(validity),
            target_uid_validity: None,
            target_uid_next: None,
            agreed: Some(checkpoint(validity, next)),
        }
    }

    #[test]
    fn numbers_name_candidates() {
        let lost = [base(7, 10), base(8, 10), base(0, 10)];
        let appeared = [
            checkpoint(8, 9),
            checkpoint(7, 12),
            checkpoint(7, 10),
            checkpoint(0, 10),
        ];
        assert_eq!(perhaps_renamed(&lost, &appeared), [(0, 1), (0, 2)]);
    }

    #[test]
    fn what_has_two_candidates_is_not_certain() {
        assert_eq!(certain(&[(0, 0), (1, 1)]), [(0, 0), (1, 1)]);
        assert_eq!(certain(&[(0, 0), (0, 1), (2, 2)]), [(2, 2)]);
        assert_eq!(certain(&[(0, 0), (1, 0)]), []);
    }

    #[test]
    fn messages_decide() {
        let sample = |uid, size, date| Sample {
            uid: Uid::new(uid).unwrap(),
            size,
            internal_date: InternalDate::from_unix(date),
        };
        let row = |uid, size, date: Option<i64>| MessageRow {
            uid: Uid::new(uid).unwrap(),
            flags: FlagSet::new(),
            internal_date: date.map(InternalDate::from_unix),
            size,
        };
        let samples = [sample(1, 10, 100), sample(2, 20, 200), sample(9, 90, 900)];
        let cases = [
            (
                vec![
                    row(1, 10, Some(100)),
                    row(2, 20, Some(200)),
                    row(9, 90, Some(900)),
                ],
                true,
            ),
            // Some have been removed; one has no date that can be read.
            (vec![row(1, 10, Some(100)), row(9, 90, None)], true),
            (vec![row(1, 10, Some(100))], true),
            (
                vec![
                    row(1, 10, Some(100)),
                    row(2, 21, Some(200)),
                    row(9, 90, Some(900)),
                ],
                false,
            ),
            (
                vec![
                    row(1, 10, Some(100)),
                    row(2, 20, Some(201)),
                    row(9, 90, Some(900)),
                ],
                false,
            ),
            (vec![], false),
        ];
        for (rows, expected) in cases {
            assert_eq!(holds_the_same(&samples, &rows), expected, "{rows:?}");
        }
        assert!(!holds_the_same(&[], &[]), "empty mailboxes are all alike");
    }
}
