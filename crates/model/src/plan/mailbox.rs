//! What one mailbox needs as a whole.

use crate::mail::{Checkpoint, Uid, UidValidity};

/// What both sides last agreed on about a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxBase {
    /// The source's UIDVALIDITY that the pairs belong to.
    pub uid_validity: Option<UidValidity>,
    /// The UIDVALIDITY that the target had at that time.
    pub target_uid_validity: Option<UidValidity>,
    /// The source's checkpoint at the end of the last pass that left nothing to do.
    pub agreed: Option<Checkpoint>,
}

/// The target's own numbers of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetHeader {
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The next UID to be given.
    pub uid_next: Uid,
}

/// What a mailbox needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxStep {
    /// Nothing has changed since the last pass: not even its rows are read.
    Unchanged,
    /// It is filled in one stroke under this UIDVALIDITY, with the source's UIDs; what the target holds
    /// already is numbered above.
    Fill(Option<UidValidity>),
    /// Changes are added to what is there.
    Follow,
    /// The source has numbered its messages anew: they are recognised by their bytes, and the target keeps its
    /// own numbers.
    Reidentify,
    /// The target's mailbox was filled, and its owner has removed or renamed it since: it is not brought back.
    RemovedByOwner,
}

/// Decides the step. `target` is `None` when the target has no such mailbox, or one that was never numbered.
pub fn decide_mailbox(
    source: &Checkpoint,
    base: Option<&MailboxBase>,
    target_exists: bool,
    target: Option<TargetHeader>,
) -> MailboxStep {
    let Some(base) = base.filter(|base| base.target_uid_validity.is_some()) else {
        // Never filled, or the base was lost: when the numbers agree, an earlier run filled it.
        return match (target, source.uid_validity) {
            (Some(target), Some(wanted)) if target.uid_validity == wanted => MailboxStep::Follow,
            (_, wanted) => MailboxStep::Fill(wanted),
        };
    };
    if !target_exists {
        return MailboxStep::RemovedByOwner;
    }
    if target.map(|target| target.uid_validity) != base.target_uid_validity {
        // Something has numbered the target anew (a lost uidlist): the numbers that clients know are put back.
        return MailboxStep::Fill(base.target_uid_validity);
    }
    if base.uid_validity != source.uid_validity {
        return MailboxStep::Reidentify;
    }
    match &base.agreed {
        Some(agreed) if source.proves_unchanged_since(agreed) => MailboxStep::Unchanged,
        _ => MailboxStep::Follow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::ModSeq;

    fn checkpoint(validity: u32, next: u32) -> Checkpoint {
        Checkpoint {
            uid_validity: UidValidity::new(validity),
            uid_next: Uid::new(next),
            highest_mod_seq: Some(ModSeq(9)),
            messages: 3,
        }
    }

    fn base(validity: u32, target: Option<u32>, agreed: Option<Checkpoint>) -> MailboxBase {
        MailboxBase {
            uid_validity: UidValidity::new(validity),
            target_uid_validity: target.and_then(UidValidity::new),
            agreed,
        }
    }

    fn header(validity: u32) -> Option<TargetHeader> {
        UidValidity::new(validity).map(|uid_validity| TargetHeader {
            uid_validity,
            uid_next: Uid::FIRST,
        })
    }

    #[test]
    fn each_case() {
        let seen = checkpoint(7, 10);
        let check =
            |base: Option<MailboxBase>, exists: bool, target: Option<TargetHeader>, step: MailboxStep| {
                assert_eq!(decide_mailbox(&seen, base.as_ref(), exists, target), step);
            };
        let fill = MailboxStep::Fill(UidValidity::new(7));
        check(None, false, None, fill);
        check(None, true, header(3), fill);
        check(None, true, header(7), MailboxStep::Follow);
        check(Some(base(7, None, None)), true, None, fill);
        let done = Some(base(7, Some(7), Some(seen)));
        check(done, true, header(7), MailboxStep::Unchanged);
        check(done, true, header(8), fill);
        check(done, true, None, fill);
        check(done, false, None, MailboxStep::RemovedByOwner);
        check(
            Some(base(7, Some(7), Some(checkpoint(7, 9)))),
            true,
            header(7),
            MailboxStep::Follow,
        );
        check(Some(base(7, Some(7), None)), true, header(7), MailboxStep::Follow);
        check(
            Some(base(5, Some(5), Some(checkpoint(5, 10)))),
            true,
            header(5),
            MailboxStep::Reidentify,
        );
    }
}
