use super::*;
use crate::verify::Difference::{
    BytesDiffer, DateDiffers, DeliveredHere, Duplicate, FlagsChangedHere, FlagsChangedThere, FlagsDiffer,
    KeywordLeftOut, LineEnds, Missing, NotDelivered, NotYetMoved, Nul, Quarantined, RemovedHere,
    RemovedThere, Renumbered, ServedOtherwise, SizeDiffers, SizeToldWrongly, UidDiffers, Undated, WasHere,
};
use crate::verify::is_as_recorded;

fn uid(value: u32) -> Uid {
    Uid::new(value).unwrap()
}

fn flags(text: &str) -> FlagSet {
    text.split_whitespace().collect()
}

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

fn date(seconds: i64) -> InternalDate {
    InternalDate::from_unix(seconds)
}

/// A message that is the same everywhere: UID 5, 100 octets, date 1,000, seen.
struct Case {
    row: Option<MessageRow>,
    known: Option<Known>,
    here: Option<Counterpart>,
    quarantined: Option<&'static str>,
    text: Option<Text>,
    has_base: bool,
    source_is_read: bool,
    condition: Condition,
    agreed: u32,
}

fn file() -> File {
    File {
        stored: digest(1),
        served: digest(1),
        size: 100,
        virtual_size: 100,
        has_nul: false,
        date: date(1_000),
    }
}

fn same() -> Case {
    Case {
        row: Some(MessageRow {
            uid: uid(5),
            flags: flags("\\Seen"),
            internal_date: Some(date(1_000)),
            size: 100,
        }),
        known: Some(Known {
            uid: uid(5),
            state: PairState::Placed,
            flags: flags("\\Seen"),
            internal_date: date(1_000),
            size: 100,
            line_feeds: 0,
            digest: digest(1),
            target_uid: Some(uid(5)),
            was_there: false,
        }),
        here: Some(Counterpart {
            uid: Some(uid(5)),
            flags: flags("\\Seen"),
            file: None,
        }),
        quarantined: None,
        text: None,
        has_base: true,
        source_is_read: true,
        condition: Condition::Kept,
        agreed: 6,
    }
}

/// The same, known by its mark only.
fn unrecorded() -> Case {
    let mut case = same();
    case.known = None;
    case.has_base = false;
    case.agreed = 0;
    case.here().file = Some(file());
    case
}

impl Case {
    fn row(&mut self) -> &mut MessageRow {
        self.row.as_mut().unwrap()
    }

    fn known(&mut self) -> &mut Known {
        self.known.as_mut().unwrap()
    }

    fn here(&mut self) -> &mut Counterpart {
        self.here.as_mut().unwrap()
    }

    fn file(&mut self) -> &mut File {
        self.here().file.get_or_insert_with(file)
    }

    fn without(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn differences(&self) -> Vec<Difference> {
        let rows: Vec<_> = self.row.iter().cloned().collect();
        let known: Vec<_> = self.known.iter().cloned().collect();
        let here = self.here.iter().map(|here| (uid(5), here.clone())).collect();
        let quarantined = self
            .quarantined
            .iter()
            .map(|words| (uid(5), (*words).to_owned()))
            .collect();
        let texts = self.text.iter().map(|text| (uid(5), *text)).collect();
        let window = Window {
            rows: &rows,
            known: &known,
            here: &here,
            quarantined: &quarantined,
            texts: &texts,
        };
        let circumstances = Circumstances {
            has_base: self.has_base,
            source_is_read: self.source_is_read,
            is_alone: false,
            condition: self.condition,
            agreed_uid_next: Uid::new(self.agreed),
            has_no_room: &|word| word.as_str() == "late",
        };
        let mut found = Vec::new();
        compare_window(&window, circumstances, |message, findings| {
            assert_eq!(message.uid, uid(5));
            assert_eq!(message.row.is_some(), self.row.is_some());
            found.extend(findings.iter().map(|finding| finding.difference));
        });
        found
    }
}

fn check(cases: Vec<(Case, &[Difference])>) {
    for (at, (case, expected)) in cases.into_iter().enumerate() {
        assert_eq!(case.differences(), expected, "case {at}");
    }
}

#[test]
fn presence() {
    let gone = || same().without(|case| case.here = None);
    let unknown = || gone().without(|case| case.known = None);
    check(vec![
        (same(), &[]),
        (gone(), &[RemovedHere]),
        (
            gone().without(|case| case.known().state = PairState::Gone),
            &[RemovedHere],
        ),
        (
            gone().without(|case| case.known().state = PairState::Staged),
            &[NotYetMoved],
        ),
        (
            gone().without(|case| case.condition = Condition::SetBack),
            &[NotYetMoved],
        ),
        (same().without(|case| case.condition = Condition::SetBack), &[]),
        (unknown(), &[Missing]),
        (unknown().without(|case| case.agreed = 5), &[NotYetMoved]),
        (unknown().without(|case| case.agreed = 0), &[NotYetMoved]),
        (
            unknown().without(|case| {
                case.agreed = 0;
                case.has_base = false;
            }),
            &[Missing],
        ),
        (
            unknown().without(|case| case.condition = Condition::RemovedHere),
            &[RemovedHere],
        ),
        (
            unknown().without(|case| case.quarantined = Some("hangs up")),
            &[Quarantined],
        ),
        (
            same().without(|case| case.quarantined = Some("came at last")),
            &[],
        ),
        (same().without(|case| case.row = None), &[RemovedThere]),
        (
            unrecorded().without(|case| {
                case.row = None;
                case.has_base = true;
            }),
            &[RemovedThere],
        ),
        (gone().without(|case| case.row = None), &[]),
        (
            same().without(|case| {
                case.row = None;
                case.source_is_read = false;
            }),
            &[],
        ),
    ]);
}

#[test]
fn bytes_and_dates() {
    let known_otherwise = |byte: u8| {
        same().without(|case| {
            case.known().was_there = true;
            case.file().stored = digest(byte);
            case.file().virtual_size = 103;
            case.file().date = date(7);
            case.here().flags = flags("");
            case.here().uid = Some(uid(80));
        })
    };
    check(vec![
        (
            same().without(|case| case.file().stored = digest(2)),
            &[BytesDiffer],
        ),
        (
            same().without(|case| {
                case.row = None;
                case.file().stored = digest(2);
            }),
            &[RemovedThere, BytesDiffer],
        ),
        (
            same().without(|case| case.file().date = date(1_001)),
            &[DateDiffers],
        ),
        (
            same().without(|case| case.row().internal_date = Some(date(5))),
            &[DateDiffers],
        ),
        (same().without(|case| case.row().internal_date = None), &[Undated]),
        (
            same().without(|case| {
                case.row().internal_date = None;
                case.file().date = date(7);
            }),
            &[DateDiffers],
        ),
        (same().without(|case| case.row().size = 99), &[SizeToldWrongly]),
        (same().without(|case| case.file().virtual_size = 102), &[LineEnds]),
        (same().without(|case| case.file().has_nul = true), &[Nul]),
        (
            same().without(|case| {
                case.row().size = 102;
                case.known().line_feeds = 2;
                case.file().virtual_size = 102;
            }),
            &[LineEnds],
        ),
        (
            same().without(|case| case.text = Some(Text::Served(digest(1)))),
            &[],
        ),
        (
            same().without(|case| case.text = Some(Text::Served(digest(2)))),
            &[ServedOtherwise],
        ),
        (
            same().without(|case| case.text = Some(Text::Withheld)),
            &[NotDelivered],
        ),
        (known_otherwise(9), &[WasHere]),
        (
            known_otherwise(9).without(|case| case.file().served = digest(3)),
            &[BytesDiffer, WasHere],
        ),
    ]);
}

#[test]
fn without_a_record() {
    check(vec![
        (unrecorded(), &[]),
        (unrecorded().without(|case| case.file().size = 98), &[LineEnds]),
        (unrecorded().without(|case| case.row().size = 7), &[SizeDiffers]),
        (
            unrecorded().without(|case| {
                case.row().size = 7;
                case.text = Some(Text::Served(digest(1)));
            }),
            &[],
        ),
        (
            unrecorded().without(|case| case.text = Some(Text::Served(digest(2)))),
            &[BytesDiffer],
        ),
        (
            unrecorded().without(|case| case.text = Some(Text::Withheld)),
            &[NotDelivered],
        ),
        (
            unrecorded().without(|case| case.file().date = date(7)),
            &[DateDiffers],
        ),
        (
            unrecorded().without(|case| case.here().uid = Some(uid(80))),
            &[UidDiffers],
        ),
        (
            unrecorded().without(|case| case.here().flags = flags("")),
            &[FlagsDiffer],
        ),
    ]);
}

/// I7: whose change it was is seen from what both sides last agreed on.
#[test]
fn flags_and_uids() {
    let with = |there: &str, base: &str, here: &str| {
        same().without(|case| {
            case.row().flags = flags(there);
            case.known().flags = flags(base);
            case.here().flags = flags(here);
        })
    };
    check(vec![
        (with("\\Seen", "", "\\Seen"), &[]),
        (with("\\Seen", "\\Seen", ""), &[FlagsChangedHere]),
        (with("", "", "mine"), &[FlagsChangedHere]),
        (with("\\Seen", "", ""), &[FlagsChangedThere]),
        (with("", "\\Seen x", "\\Seen X"), &[FlagsChangedThere]),
        (
            with("\\Seen", "", "\\Flagged"),
            &[FlagsChangedThere, FlagsChangedHere],
        ),
        (with("a late", "a late", "A"), &[KeywordLeftOut]),
        (with("late", "", ""), &[KeywordLeftOut]),
        (with("", "", "late"), &[FlagsChangedHere]),
        (
            same().without(|case| {
                case.here().uid = Some(uid(80));
                case.known().target_uid = Some(uid(80));
            }),
            &[Renumbered],
        ),
        (
            same().without(|case| {
                case.here().uid = Some(uid(80));
                case.known().target_uid = None;
            }),
            &[Renumbered],
        ),
        (
            same().without(|case| case.here().uid = Some(uid(80))),
            &[UidDiffers],
        ),
        (same().without(|case| case.here().uid = None), &[UidDiffers]),
    ]);
}

#[test]
fn strangers() {
    let mut removed = BTreeSet::from([uid(1), uid(2)]);
    let mut judge = |bears_mark, carried: &[u32]| {
        let carried: Vec<Uid> = carried.iter().copied().map(uid).collect();
        judge_stranger(bears_mark, &carried, &mut removed)
    };
    assert_eq!(judge(false, &[]), DeliveredHere);
    assert_eq!(judge(true, &[]), RemovedThere);
    assert_eq!(judge(false, &[1, 7]), DeliveredHere, "filed back");
    assert_eq!(judge(false, &[1, 7]), Duplicate, "but only once");
    assert_eq!(judge(true, &[7]), Duplicate);
}

#[test]
fn only_what_is_as_recorded_is_passed_over() {
    let known = same().known.unwrap();
    assert!(is_as_recorded(&known, &file()));
    let others: [fn(&mut File); 5] = [
        |file| file.stored = digest(2),
        |file| file.size = 99,
        |file| file.virtual_size = 101,
        |file| file.has_nul = true,
        |file| file.date = date(1),
    ];
    for (at, change) in others.into_iter().enumerate() {
        let mut file = file();
        change(&mut file);
        assert!(!is_as_recorded(&known, &file), "case {at}");
    }
}
