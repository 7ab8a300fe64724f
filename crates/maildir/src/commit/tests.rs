//! What a commit makes of a mailbox, and what it refuses.

use std::fs;
use std::sync::Arc;

use transhume_model::mail::FlagSet;

use super::{CommitKind, Placed};
use crate::testing::{Account, TAG, body, flags, origin, place, stage, uid, validity};
use crate::uidlist::UID_MAX;
use crate::{MaildirError, ToPlace};

fn fill(uid_validity: u32) -> CommitKind {
    CommitKind::Fill {
        uid_validity: validity(uid_validity),
        uid_next: None,
    }
}

fn add(uid_validity: u32) -> CommitKind {
    CommitKind::Add {
        uid_validity: validity(uid_validity),
    }
}

/// Places messages of these UIDs, staging them first.
fn carry(account: &Account, kind: CommitKind, uids: &[u32]) -> Result<Vec<Placed>, MaildirError> {
    let inbox = account.inbox();
    let messages: Vec<_> = uids
        .iter()
        .map(|&number| (stage(&inbox, origin(7, number)).unwrap(), FlagSet::new()))
        .collect();
    let mut commit = inbox.begin_commit(kind, &[])?;
    let placed = place(&mut commit, &messages)?;
    commit.finish()?;
    Ok(placed)
}

#[test]
fn what_is_there_is_neither_placed_twice_nor_changed() {
    let account = Account::new();
    carry(&account, fill(7), &[1, 2]).unwrap();
    let name = account.names("cur").remove(0);
    let renamed = format!("{name}F");
    fs::rename(
        account.path().join("cur").join(&name),
        account.path().join("cur").join(&renamed),
    )
    .unwrap();
    for kind in [add(7), fill(7), fill(8)] {
        let placed = carry(&account, kind, &[1, 2]).unwrap();
        let flags = flags("\\Flagged");
        assert_eq!(placed[0], Placed::Present { uid: uid(1), flags });
        assert!(matches!(placed[1], Placed::Present { .. }));
        assert_eq!(account.names("tmp"), [""; 0]);
        assert_eq!(account.names("cur").len(), 2);
    }
}

/// A mailbox that was looked at before is not gone through again, unless something in it matters; either way the outcome is
/// the same.
#[test]
fn what_was_seen_before_is_believed_and_looked_at_closer_where_it_matters() {
    let account = Account::new();
    carry(&account, fill(7), &[1, 2, 3]).unwrap();
    account.write("cur/100.M1P1.mx:2,", "delivered");
    account.play_dovecot();
    let inbox = account.inbox();
    let seen = Arc::new(inbox.scan().unwrap());
    let adding = |uids: &[u32]| {
        let messages: Vec<_> = uids
            .iter()
            .map(|&number| (stage(&inbox, origin(7, number)).unwrap(), FlagSet::new()))
            .collect();
        let mut commit = inbox.begin_adding(validity(7), &[], Arc::clone(&seen)).unwrap();
        let placed = place(&mut commit, &messages).unwrap();
        commit.finish().unwrap();
        placed
    };
    let new = |number| Placed::New { uid: uid(number) };
    assert_eq!(adding(&[7, 9]), [new(7), new(9)]);
    let present = Placed::Present {
        uid: uid(2),
        flags: FlagSet::new(),
    };
    assert_eq!(adding(&[2, 11]), [present, new(11)]);
    assert_eq!(
        account.shown().into_keys().collect::<Vec<_>>(),
        [1, 2, 3, 4, 7, 9, 11]
    );

    // What has gone since it was seen may come again, under a new number.
    let name = account
        .names("cur")
        .into_iter()
        .find(|name| name.contains("V7U3"));
    fs::remove_file(account.path().join("cur").join(name.unwrap())).unwrap();
    assert_eq!(adding(&[3]), [new(12)]);

    // A line that was cut short never counted.
    let list = account.read("dovecot-uidlist") + "13 :half";
    account.write("dovecot-uidlist", &list);
    assert_eq!(adding(&[13]), [new(13)]);
    assert!(account.shown().contains_key(&13));
    let error = inbox.begin_adding(validity(8), &[], seen).unwrap_err();
    assert!(matches!(error, MaildirError::NeedsFill { .. }), "{error}");
}

#[test]
fn files_of_another_name_are_entered_under_the_name_they_have() {
    let account = Account::new();
    carry(&account, fill(7), &[1, 2]).unwrap();
    let name = account.names("cur").remove(0);
    let elsewhere = "55.V7U1T00010203040506ff.other,S=1,W=2:2,S";
    fs::rename(
        account.path().join("cur").join(name),
        account.path().join("cur").join(elsewhere),
    )
    .unwrap();
    carry(&account, fill(9), &[1, 2]).unwrap();
    assert_eq!(account.shown()[&1], "Subject: 1 S");
    assert_eq!(account.shown()[&2], "Subject: 2");
}

#[test]
fn what_is_not_complete_is_not_placed() {
    let account = Account::new();
    let inbox = account.inbox();
    let whole = stage(&inbox, origin(7, 1)).unwrap();
    let mut unfinished = inbox.stage(TAG).begin(Some(&origin(7, 1))).unwrap();
    unfinished.write(&body(1)).unwrap();
    std::mem::forget(unfinished);
    let gone = stage(&inbox, origin(7, 2)).unwrap();
    let stage_of_tag = inbox.stage(TAG);
    assert!(stage_of_tag.holds(&gone).unwrap() && !stage_of_tag.holds(&whole).unwrap());
    assert_eq!(inbox.stage([9; 8]).sweep(|_| false).unwrap(), 0);
    assert_eq!(stage_of_tag.sweep(|origin| origin.uid.get() == 1).unwrap(), 1);
    let mut commit = inbox.begin_commit(fill(7), &[]).unwrap();
    let placed = place(&mut commit, &[(whole, FlagSet::new()), (gone, FlagSet::new())]).unwrap();
    assert_eq!(placed, [Placed::Vanished, Placed::Vanished]);
}

#[test]
fn a_file_that_is_dropped_is_gone() {
    let account = Account::new();
    let stage = account.inbox().stage(TAG);
    stage.begin(None).unwrap().write(b"x").unwrap();
    drop(stage.begin(Some(&origin(7, 1))).unwrap());
    assert_eq!(account.names("tmp"), [""; 0]);
}

#[test]
fn dates_that_the_file_system_cannot_keep_are_the_nearest_it_can() {
    let account = Account::new();
    let stage = account.inbox().stage(TAG);
    let asked = transhume_model::mail::InternalDate::from_unix(-9_000_000_000);
    let staged = stage.begin(None).unwrap().finish(origin(7, 1), asked).unwrap();
    assert!(stage.holds(&staged).unwrap());
}

#[test]
fn messages_out_of_order_are_refused() {
    let account = Account::new();
    for uids in [[2, 1], [2, 2]] {
        let error = carry(&account, fill(7), &uids).unwrap_err();
        assert!(
            matches!(error, MaildirError::OutOfOrder { uid, .. } if uid == uids[1]),
            "{error}"
        );
    }
}

#[test]
fn uids_that_dovecot_cannot_have_are_refused() {
    let account = Account::new();
    let error = carry(&account, fill(7), &[1, UID_MAX + 1]).unwrap_err();
    assert!(matches!(error, MaildirError::UidsExhausted { .. }), "{error}");
    carry(&account, fill(7), &[1, UID_MAX]).unwrap();
    let error = carry(&account, add(7), &[2]).unwrap_err();
    assert!(matches!(error, MaildirError::UidsExhausted { .. }), "{error}");
    account.write("new/early", "early");
    let error = carry(&account, fill(8), &[1, UID_MAX]).unwrap_err();
    assert!(matches!(error, MaildirError::UidsExhausted { .. }), "{error}");
    assert!(account.read("dovecot-uidlist").starts_with("3 V7 "));
}

#[test]
fn a_damaged_list_is_not_touched() {
    let account = Account::new();
    account.open().unwrap();
    let damaged = "3 V7 N5\n3 :a\n2 :b\n";
    account.write("dovecot-uidlist", damaged);
    for kind in [fill(7), fill(8), add(7)] {
        let error = carry(&account, kind, &[1]).unwrap_err();
        assert!(matches!(error, MaildirError::Corrupt { line: 3, .. }), "{error}");
    }
    assert_eq!(account.read("dovecot-uidlist"), damaged);
    assert_eq!(account.names("cur"), [""; 0]);
}

#[test]
fn a_list_with_other_names_is_not_appended_to() {
    let account = Account::new();
    carry(&account, fill(7), &[1]).unwrap();
    let list = account.path().join("dovecot-uidlist");
    fs::hard_link(&list, account.path().join("other")).unwrap();
    assert_eq!(
        carry(&account, add(7), &[2]).unwrap_err().kind(),
        crate::ErrorKind::PermissionDenied
    );
    fs::remove_file(&list).unwrap();
    std::os::unix::fs::symlink("other", &list).unwrap();
    assert_eq!(
        carry(&account, add(7), &[2]).unwrap_err().kind(),
        crate::ErrorKind::PermissionDenied
    );
}

#[test]
fn a_directory_that_is_a_symbolic_link_is_not_entered() {
    let account = Account::new();
    account.open().unwrap();
    std::os::unix::fs::symlink("/tmp", account.path().join(".Sent")).unwrap();
    let name = transhume_model::mail::MailboxName::from_components(["Sent"]).unwrap();
    let sent = account.open().unwrap().mailbox(&name).unwrap();
    for error in [sent.create().unwrap_err(), sent.scan().unwrap_err()] {
        assert_eq!(error.kind(), crate::ErrorKind::Other);
        assert!(error.to_string().contains("is a symbolic link"), "{error}");
    }
}

/// I13: what came another way, and is the source's, gets the source's UID when a mailbox is numbered anew; else it keeps its own.
#[test]
fn a_twin_is_numbered_as_the_source_where_all_are_numbered_anew() {
    for (kind, uids) in [(fill(7), [4, 9, 10]), (add(1_699_999_999), [1, 9, 2])] {
        let account = Account::new();
        let inbox = account.inbox();
        account.write("cur/100.M1P1.mx:2,S", "a twin");
        account.write("cur/101.M1P1.mx:2,", "somebody's");
        account.play_dovecot();
        let none = FlagSet::new();
        let staged = [4, 9].map(|number| stage(&inbox, origin(7, number)).unwrap());
        let to_place = [
            ToPlace {
                staged: &staged[0],
                flags: &none,
                twin: Some(b"100.M1P1.mx"),
            },
            ToPlace {
                staged: &staged[1],
                flags: &none,
                twin: None,
            },
        ];
        let mut commit = inbox.begin_commit(kind, &[]).unwrap();
        let placed = commit.place(&to_place).unwrap();
        commit.finish().unwrap();
        assert_eq!(
            placed[0],
            Placed::Present {
                uid: uid(uids[0]),
                flags: flags("\\Seen"),
            }
        );
        let list = account.read("dovecot-uidlist");
        let line_of = |base: &str| {
            let line = list.lines().find(|line| line.contains(base)).unwrap();
            line.split(' ').next().unwrap().parse::<u32>().unwrap()
        };
        assert_eq!(
            [line_of("100.M1P1"), line_of("U9T"), line_of("101.M1P1")],
            uids,
            "{list}"
        );
    }
}

#[test]
fn a_twin_that_has_gone_is_not_entered() {
    let account = Account::new();
    let inbox = account.inbox();
    let staged = stage(&inbox, origin(7, 1)).unwrap();
    let mut commit = inbox.begin_commit(fill(7), &[]).unwrap();
    let placed = commit
        .place(&[ToPlace {
            staged: &staged,
            flags: &FlagSet::new(),
            twin: Some(b"100.M1P1.mx"),
        }])
        .unwrap();
    assert_eq!(placed, [Placed::Vanished]);
}

#[test]
fn keywords_without_a_letter_are_reported() {
    let account = Account::new();
    let inbox = account.inbox();
    let many = (0..30).map(|n| format!("k{n}")).collect::<Vec<_>>().join(" ");
    let staged = stage(&inbox, origin(7, 1)).unwrap();
    let mut commit = inbox
        .begin_commit(fill(7), flags("most used").keywords())
        .unwrap();
    let set = flags(&many);
    commit
        .place(&[ToPlace {
            staged: &staged,
            flags: &set,
            twin: None,
        }])
        .unwrap();
    let report = commit.finish().unwrap();
    assert_eq!(report.keywords_left_out.len(), 6);
    let scan = inbox.scan().unwrap();
    let found = scan.find(&origin(7, 1)).unwrap();
    assert_eq!(scan.flags(found.letters).keywords().len(), 24);
}

#[test]
fn a_fill_that_is_dropped_is_made_up_for_by_the_next() {
    for dovecot_looks in [false, true] {
        let account = Account::new();
        let inbox = account.inbox();
        account.write("cur/100.M1P1.mx:2,S", "early");
        let messages: Vec<_> = [3, 8, 21]
            .map(|number| (stage(&inbox, origin(7, number)).unwrap(), FlagSet::new()))
            .into();
        for placed_before in [1, 2] {
            let mut commit = inbox.begin_commit(fill(7), &[]).unwrap();
            place(&mut commit, &messages[..placed_before]).unwrap();
            drop(commit);
            assert!(!account.read("dovecot-uidlist").starts_with("3 V7 "));
            if dovecot_looks {
                account.play_dovecot();
            }
        }
        let mut commit = inbox.begin_commit(fill(7), &[]).unwrap();
        let placed = place(&mut commit, &messages).unwrap();
        assert!(matches!(placed[1], Placed::Present { .. }));
        assert_eq!(placed[2], Placed::New { uid: uid(21) });
        assert_eq!(commit.finish().unwrap().kept, 1);
        let shown: Vec<_> = account.shown().into_iter().collect();
        let expected = [
            (3, "Subject: 3"),
            (8, "Subject: 8"),
            (21, "Subject: 21"),
            (22, "early S"),
        ];
        assert_eq!(shown, expected.map(|(uid, text)| (uid, text.to_owned())));
        assert_eq!(account.names("tmp"), [""; 0]);
    }
}

#[test]
fn two_runs_do_not_get_one_maildir() {
    let account = Account::new();
    let held = account.open().unwrap().lock_exclusively().unwrap();
    let error = account.open().unwrap().lock_exclusively().unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Busy);
    drop(held);
    account.open().unwrap().lock_exclusively().unwrap();
}
