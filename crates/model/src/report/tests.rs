use super::*;
use crate::mail::{Digest, FlagSet, InternalDate, MailboxName, Uid, UidValidity};
use crate::report::Spot;

fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

fn section() -> Section {
    let inbox = MailboxName::inbox();
    Section {
        source: inbox.clone(),
        target: Some(inbox),
        uid_validity: UidValidity::new(7),
        on_source: Some(true),
    }
}

fn here() -> Whereabouts {
    let digest = Some(Digest::of(b"text"));
    let date = Some(InternalDate::from_unix(5));
    Whereabouts {
        uid: uid(3),
        on_source: Some(true),
        digest,
        size: Some(4),
        internal_date: date,
        flags: FlagSet::new(),
        fate: Fate::Here,
        spot: Some(Spot {
            mailbox: MailboxName::inbox(),
            uid: Some(uid(3)),
            flags: FlagSet::new(),
            digest,
            date,
        }),
        findings: Vec::new(),
    }
}

fn absent(fate: Fate) -> Whereabouts {
    Whereabouts {
        digest: None,
        fate,
        spot: None,
        ..here()
    }
}

fn flagged() -> FlagSet {
    let mut flags = FlagSet::new();
    flags.insert_word("\\Flagged");
    flags
}

fn there(change: impl FnOnce(&mut Spot)) -> Whereabouts {
    let mut entry = here();
    change(entry.spot.as_mut().unwrap());
    entry
}

#[test]
fn what_became_of_a_message() {
    use Change::{
        CameHere, FlagsHere, FlagsThere, GoneHere, GoneThere, MovedHere, OtherBytesHere, OtherDateHere,
        OtherThere, OtherUidHere, StillMissing,
    };
    let archive = MailboxName::from_path("Archive", None).unwrap();
    // As the report says, but its file was not read when it was made.
    let unread = there(|spot| (spot.digest, spot.date) = (None, None));
    let without_row = Whereabouts {
        on_source: Some(false),
        ..here()
    };
    let unasked = Whereabouts {
        on_source: None,
        ..here()
    };
    let served_otherwise = Whereabouts {
        findings: vec![Difference::ServedOtherwise.into()],
        ..here()
    };
    let cases: Vec<(Whereabouts, Option<Whereabouts>, bool, &[Change])> = vec![
        (here(), Some(here()), true, &[]),
        (unread.clone(), Some(here()), true, &[]),
        (here(), None, true, &[GoneHere, GoneThere]),
        (here(), None, false, &[GoneHere]),
        (here(), Some(absent(Fate::Removed)), true, &[GoneHere]),
        (absent(Fate::Removed), Some(absent(Fate::Removed)), true, &[]),
        (absent(Fate::ToCome), Some(here()), true, &[CameHere]),
        (
            absent(Fate::Missing),
            Some(absent(Fate::Missing)),
            true,
            &[StillMissing],
        ),
        (absent(Fate::Quarantined), None, false, &[]),
        (
            unread.clone(),
            Some(there(|spot| spot.digest = Some(Digest::of(b"other")))),
            true,
            &[OtherBytesHere],
        ),
        (
            here(),
            Some(there(|spot| spot.date = Some(InternalDate::from_unix(6)))),
            true,
            &[OtherDateHere],
        ),
        (
            here(),
            Some(there(|spot| spot.uid = Some(uid(9)))),
            true,
            &[OtherUidHere],
        ),
        (here(), Some(there(|spot| spot.uid = None)), true, &[OtherUidHere]),
        (
            here(),
            Some(there(|spot| (spot.mailbox, spot.uid) = (archive, Some(uid(1))))),
            true,
            &[MovedHere],
        ),
        (
            here(),
            Some(there(|spot| spot.flags = flagged())),
            true,
            &[FlagsHere],
        ),
        (here(), Some(without_row), true, &[GoneThere]),
        (here(), Some(unasked), false, &[]),
        (here(), Some(served_otherwise), true, &[OtherThere]),
        (
            here(),
            Some(Whereabouts {
                size: Some(5),
                ..here()
            }),
            true,
            &[OtherThere],
        ),
        (
            here(),
            Some(Whereabouts {
                flags: flagged(),
                ..here()
            }),
            true,
            &[FlagsThere],
        ),
    ];
    for (at, (then, now, source_is_asked, expected)) in cases.into_iter().enumerate() {
        let section = section();
        let now = now.as_ref().map(|now| (&section, now));
        assert_eq!(
            changes((&section, &then), now, source_is_asked),
            expected,
            "case {at}"
        );
    }
}

#[test]
fn other_numbers_are_no_loss_but_break_a_report() {
    let anew = Section {
        uid_validity: UidValidity::new(8),
        ..section()
    };
    let found = changes((&section(), &here()), Some((&anew, &here())), true);
    assert_eq!(found, [Change::NumberedAnewThere]);
    assert!(found[0].breaks());
    assert!(!Change::FlagsHere.breaks() && !Change::MovedHere.breaks() && !Change::CameThere.breaks());
}
