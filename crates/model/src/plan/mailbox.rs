//! What one mailbox needs as a whole.

use crate::mail::{Checkpoint, Uid, UidValidity};

/// What both sides last agreed on about a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxBase {
    /// The source's UIDVALIDITY that the pairs belong to.
    pub uid_validity: Option<UidValidity>,
    /// The UIDVALIDITY that the target had at that time; `None` until it was filled.
    pub target_uid_validity: Option<UidValidity>,
    /// The target's UIDNEXT at that time.
    pub target_uid_next: Option<Uid>,
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

/// The target's mailbox as it is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TargetState {
    /// Whether there is such a mailbox.
    pub exists: bool,
    /// Its numbers; `None` where it was never numbered.
    pub header: Option<TargetHeader>,
    /// Whether it holds any message that this program brought. Only asked for when its numbers are not those that
    /// the base knows.
    pub holds_ours: bool,
}

/// What a mailbox needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxStep {
    /// Nothing has changed since the last pass: not even its rows are read.
    Unchanged,
    /// It is filled in one stroke under this UIDVALIDITY, with the source's UIDs; what the target holds
    /// already is numbered above.
    Fill(Option<UidValidity>),
    /// As [`Fill`](Self::Fill), after forgetting its pairs: the mailbox that the base knows is no more, and another
    /// has taken its place, or an older state of it. What is there is recognised by its marks.
    Restart(Option<UidValidity>),
    /// Changes are added to what is there.
    Follow,
    /// The source has numbered its messages anew: they are recognised by their bytes, and the target keeps its
    /// own numbers.
    Reidentify,
    /// The target's mailbox was filled, and its owner has removed it since. What was in it stays removed; what has come to the source
    /// since comes here.
    Anew,
    /// The target's mailbox was filled, and its owner has removed it since: it is not brought back as long as nothing new comes.
    RemovedByOwner,
}

/// Decides the step.
pub fn decide_mailbox(source: &Checkpoint, base: Option<&MailboxBase>, target: &TargetState) -> MailboxStep {
    let found = target.header.map(|header| header.uid_validity);
    let Some(base) = base.filter(|base| base.target_uid_validity.is_some()) else {
        // Never filled, or the base was lost: when the numbers agree, an earlier run filled it.
        return if found.is_some() && found == source.uid_validity {
            MailboxStep::Follow
        } else {
            MailboxStep::Fill(source.uid_validity)
        };
    };
    if !target.exists {
        return removed(source, base);
    }
    let renumbered = base.uid_validity != source.uid_validity;
    if found != base.target_uid_validity {
        // Something has numbered the target anew. Where our messages are still there (a lost uidlist), the numbers
        // that clients know are put back; else it is another mailbox of that name.
        return match base.target_uid_validity {
            known if target.holds_ours && !renumbered => MailboxStep::Fill(known),
            _ if target.holds_ours => MailboxStep::Fill(source.uid_validity),
            _ => MailboxStep::Restart(source.uid_validity),
        };
    }
    if target.header.map(|header| header.uid_next) < base.target_uid_next {
        // UIDs only ever grow: the target has been set back, as from a backup.
        return MailboxStep::Restart(base.target_uid_validity);
    }
    if renumbered {
        return MailboxStep::Reidentify;
    }
    match &base.agreed {
        Some(agreed) if source.proves_unchanged_since(agreed) => MailboxStep::Unchanged,
        _ => MailboxStep::Follow,
    }
}

/// What becomes of a mailbox that its owner has removed: whether there may be mail in it that was not there then.
fn removed(source: &Checkpoint, base: &MailboxBase) -> MailboxStep {
    let has_news = match base.agreed {
        Some(agreed) => source.uid_next.is_none_or(|next| Some(next) > agreed.uid_next),
        None => true,
    };
    if source.messages > 0 && (has_news || base.uid_validity != source.uid_validity) {
        MailboxStep::Anew
    } else {
        MailboxStep::RemovedByOwner
    }
}

/// Decides the step for a target that gives messages UIDs of its own: nothing can be filled there with the source's numbers.
/// What is there is known by the UIDs that the base has recorded, and by its bytes where those do not hold.
pub fn decide_mailbox_by_content(
    source: &Checkpoint,
    base: &MailboxBase,
    target: &TargetState,
) -> MailboxStep {
    let Some(known) = base.target_uid_validity else {
        return MailboxStep::Follow;
    };
    if !target.exists {
        return removed(source, base);
    }
    let renumbered = base.uid_validity != source.uid_validity;
    match target.header {
        // Numbered anew, or another mailbox that has taken its place.
        Some(header) if header.uid_validity != known && !target.holds_ours => {
            return MailboxStep::Restart(source.uid_validity);
        }
        Some(header) if header.uid_validity != known => return MailboxStep::Reidentify,
        // UIDs only ever grow: the target has been set back, as from a backup.
        Some(header) if Some(header.uid_next) < base.target_uid_next => {
            return MailboxStep::Restart(source.uid_validity);
        }
        _ => {}
    }
    if renumbered {
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
            target_uid_next: Uid::new(1),
            agreed,
        }
    }

    fn state(validity: u32, holds_ours: bool) -> TargetState {
        let header = UidValidity::new(validity).map(|uid_validity| TargetHeader {
            uid_validity,
            uid_next: Uid::FIRST,
        });
        TargetState {
            exists: true,
            header,
            holds_ours,
        }
    }

    #[test]
    fn each_case() {
        let seen = checkpoint(7, 10);
        let check = |base: Option<MailboxBase>, target: TargetState, step: MailboxStep| {
            assert_eq!(decide_mailbox(&seen, base.as_ref(), &target), step);
        };
        let missing = TargetState::default();
        let fill = MailboxStep::Fill(UidValidity::new(7));
        check(None, missing, fill);
        check(None, state(0, false), fill);
        check(None, state(3, false), fill);
        check(None, state(7, false), MailboxStep::Follow);
        check(Some(base(7, None, None)), state(0, false), fill);
        let done = Some(base(7, Some(7), Some(seen)));
        check(done, state(7, false), MailboxStep::Unchanged);
        check(done, state(8, true), fill);
        check(done, state(0, true), fill);
        check(done, state(8, false), MailboxStep::Restart(UidValidity::new(7)));
        check(done, missing, MailboxStep::RemovedByOwner);
        let earlier = Some(base(7, Some(7), Some(checkpoint(7, 9))));
        check(earlier, missing, MailboxStep::Anew);
        check(Some(base(7, Some(7), None)), missing, MailboxStep::Anew);
        check(Some(base(6, Some(7), Some(seen))), missing, MailboxStep::Anew);
        check(
            Some(base(7, Some(7), Some(checkpoint(7, 9)))),
            state(7, false),
            MailboxStep::Follow,
        );
        check(Some(base(7, Some(7), None)), state(7, false), MailboxStep::Follow);
        check(
            Some(base(5, Some(5), Some(checkpoint(5, 10)))),
            state(5, false),
            MailboxStep::Reidentify,
        );
        // Both sides numbered anew: the source's new numbers are as good as any.
        check(
            Some(base(5, Some(5), Some(checkpoint(5, 10)))),
            state(6, true),
            fill,
        );
        // Set back to before what the base knows.
        let later = MailboxBase {
            target_uid_next: Uid::new(9),
            ..base(7, Some(7), Some(seen))
        };
        check(
            Some(later),
            state(7, true),
            MailboxStep::Restart(UidValidity::new(7)),
        );
    }

    #[test]
    fn each_case_where_the_target_gives_the_numbers() {
        let seen = checkpoint(7, 10);
        let restart = MailboxStep::Restart(UidValidity::new(7));
        let (missing, found) = (TargetState::default(), state(3, false));
        let done = base(7, Some(3), Some(seen));
        let later = MailboxBase {
            target_uid_next: Uid::new(9),
            ..done
        };
        for (case, base, target, step) in [
            ("never written", base(7, None, None), missing, MailboxStep::Follow),
            (
                "never written, but there",
                base(7, None, None),
                found,
                MailboxStep::Follow,
            ),
            ("done", done, found, MailboxStep::Unchanged),
            ("not done", base(7, Some(3), None), found, MailboxStep::Follow),
            ("numbered anew", done, state(4, true), MailboxStep::Reidentify),
            ("another", done, state(4, false), restart),
            ("set back", later, found, restart),
            ("removed", done, missing, MailboxStep::RemovedByOwner),
            (
                "removed, and mail has come",
                base(7, Some(3), Some(checkpoint(7, 9))),
                missing,
                MailboxStep::Anew,
            ),
            (
                "the source numbered anew",
                base(6, Some(3), Some(checkpoint(6, 10))),
                found,
                MailboxStep::Reidentify,
            ),
        ] {
            assert_eq!(decide_mailbox_by_content(&seen, &base, &target), step, "{case}");
        }
    }
}
