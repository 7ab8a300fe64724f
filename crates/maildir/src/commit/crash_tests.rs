//! Power cuts after every single step, and runs that complete what was left.

use std::collections::HashMap;

use transhume_model::mail::{Digest, FlagSet, MailboxName};

use super::{CommitKind, Placed};
use crate::seam;
use crate::testing::{Account, TAG, body, date, flags, origin, place, stage, uid, validity};
use crate::{FlagOutcome, MailboxDir, MaildirError, MessageKey, Staged};

const SOURCE: u32 = 7;

/// What a caller does: stages what is neither staged nor placed, and commits all.
fn carry(mailbox: &MailboxDir, kind: CommitKind, uids: &[u32]) -> Result<Vec<Placed>, MaildirError> {
    mailbox.create()?;
    let tag_stage = mailbox.stage(TAG);
    tag_stage.sweep(|_| true)?;
    let mut messages: Vec<(Staged, FlagSet)> = Vec::new();
    for &number in uids {
        let staged = expected(number);
        let staged = if tag_stage.holds(&staged)? || mailbox.scan()?.find(&staged.origin).is_some() {
            staged
        } else {
            stage(mailbox, staged.origin)?
        };
        let words = if number % 2 == 1 {
            "\\Seen work"
        } else {
            "\\Flagged"
        };
        messages.push((staged, flags(words)));
    }
    let mut commit = mailbox.begin_commit(kind, flags("play").keywords())?;
    let placed = place(&mut commit, &messages)?;
    commit.finish()?;
    Ok(placed)
}

/// What staging a message gives, as a caller has it from its records.
fn expected(number: u32) -> Staged {
    let size = body(number).len() as u64;
    Staged {
        origin: origin(SOURCE, number),
        internal_date: date(number),
        size,
        virtual_size: size + 1,
        digest: Digest::from_bytes([0; 32]),
    }
}

fn early_mail(account: &Account) {
    account.open().unwrap();
    let guid = "a".repeat(32);
    account.write("cur/100.M1P1.mx,S=3:2,S", "early one");
    account.write("cur/101.M1P1.mx:2,", "early two");
    account.write("new/99.M1P1.mx", "early three");
    account.write("new/1000.M1P1.mx", "early four");
    account.write(
        "dovecot-uidlist",
        &format!("3 V99 N4 G{guid}\n1 :101.M1P1.mx\n2 :gone\n4 P77 :100.M1P1.mx,S=3\n5 W9 :101.M1P1.mx\n"),
    );
}

/// Runs `work` with a cut after 0, 1, 2, … steps until it gets through. After each cut Dovecot may have a look, and the
/// work is done again, to the end.
fn cut_everywhere(
    prepare: impl Fn(&Account),
    work: impl Fn(&Account) -> Result<(), MaildirError>,
    check: impl Fn(&Account, bool),
) {
    for dovecot_looks in [false, true] {
        for steps in 0.. {
            assert!(steps < 500, "this does not end");
            let account = Account::new();
            prepare(&account);
            let (result, died) = seam::until(steps, || work(&account));
            if !died {
                result.unwrap();
                check(&account, dovecot_looks);
                break;
            }
            if dovecot_looks && account.path().join("tmp").exists() && account.path().join("cur").exists() {
                account.play_dovecot();
            }
            // A second cut, some steps further on, and then to the end.
            let _ = seam::until(steps / 2, || work(&account));
            work(&account).unwrap_or_else(|error| panic!("after {steps} steps: {error}"));
            check(&account, dovecot_looks);
            assert_eq!(account.names("tmp"), [""; 0], "after {steps} steps");
            assert!(!account.path().join("dovecot-uidlist.lock").exists());
        }
    }
}

#[test]
fn filling_loses_nothing_and_doubles_nothing() {
    let kind = CommitKind::Fill {
        uid_validity: validity(SOURCE),
        uid_next: Some(uid(30)),
    };
    cut_everywhere(
        early_mail,
        |account| {
            let placed = carry(
                &account.open()?.mailbox(&MailboxName::inbox())?,
                kind,
                &[3, 8, 21],
            )?;
            assert!(!placed.contains(&Placed::Vanished));
            Ok(())
        },
        |account, dovecot_looks| {
            let mut shown = account.shown();
            let source: Vec<String> = [3, 8, 21]
                .into_iter()
                .filter_map(|uid| shown.remove(&uid))
                .collect();
            assert_eq!(source, ["Subject: 3 Sb", "Subject: 8 F", "Subject: 21 Sb"]);
            let early: Vec<&str> = shown.values().map(String::as_str).collect();
            if dovecot_looks {
                assert_eq!(shown.len(), 4);
            } else {
                assert_eq!(early, ["early one S", "early two", "early three", "early four"]);
                assert_eq!(shown.keys().copied().collect::<Vec<_>>(), [30, 31, 32, 33]);
                let list = account.read("dovecot-uidlist");
                assert!(
                    list.starts_with(&format!("3 V7 N0000000034 G{}\n", "a".repeat(32))),
                    "{list}"
                );
                assert!(
                    list.contains("30 P77 :100.") && list.contains("31 W9 :101."),
                    "{list}"
                );
            }
            assert_eq!(account.read("dovecot-keywords"), "0 play\n1 work\n");
        },
    );
}

#[test]
fn adding_loses_nothing_and_doubles_nothing() {
    let fill = CommitKind::Fill {
        uid_validity: validity(SOURCE),
        uid_next: Some(uid(5)),
    };
    let add = CommitKind::Add {
        uid_validity: validity(SOURCE),
    };
    cut_everywhere(
        |account| {
            carry(&account.inbox(), fill, &[2, 4]).unwrap();
            account.write("cur/100.M1P1.mx:2,S", "delivered");
            account.play_dovecot();
        },
        |account| {
            let inbox = account.open()?.mailbox(&MailboxName::inbox())?;
            carry(&inbox, add, &[4, 5, 6, 9, 12]).map(|_| ())
        },
        |account, dovecot_looks| {
            let shown = account.shown();
            let mut texts: Vec<&str> = shown.values().map(String::as_str).collect();
            assert_eq!(texts[..3], ["Subject: 2 F", "Subject: 4 F", "delivered S"]);
            texts[3..].sort_unstable();
            assert_eq!(
                texts[3..],
                ["Subject: 12 F", "Subject: 5 Sb", "Subject: 6 F", "Subject: 9 Sb"]
            );
            if !dovecot_looks {
                // 5 is taken by what was delivered.
                assert_eq!(shown.keys().copied().collect::<Vec<_>>(), [2, 4, 5, 6, 7, 9, 12]);
            }
        },
    );
}

#[test]
fn changing_flags_loses_nothing() {
    let fill = CommitKind::Fill {
        uid_validity: validity(SOURCE),
        uid_next: None,
    };
    cut_everywhere(
        |account| {
            carry(&account.inbox(), fill, &[1, 2]).unwrap();
        },
        |account| {
            let inbox = account.open()?.mailbox(&MailboxName::inbox())?;
            inbox.stage(TAG).sweep(|_| true)?;
            let keys = [1, 2].map(|uid| MessageKey::Origin(origin(SOURCE, uid)));
            let update = inbox.update_flags(&keys, HashMap::new(), |_, old| {
                FlagSet::merge(&flags("\\Seen"), &flags("\\Answered new"), old)
            })?;
            assert!(!update.outcomes.contains(&FlagOutcome::Missing));
            Ok(())
        },
        |account, _| {
            let shown: Vec<String> = account.shown().into_values().collect();
            assert_eq!(shown, ["Subject: 1 Rbc", "Subject: 2 FRc"]);
        },
    );
}

#[test]
fn creating_and_subscribing_can_be_done_again() {
    let name = MailboxName::from_path("A/Entwürfe", Some('/')).unwrap();
    cut_everywhere(
        |_| {},
        |account| {
            let root = account.open()?;
            root.mailbox(&name)?.create()?;
            // Sweeps, as a run does.
            let _alone = root.lock_exclusively()?;
            root.subscribe(std::slice::from_ref(&name)).map(|_| ())
        },
        |account, _| {
            let made = crate::testing::names(&account.path().join(".A.Entw&APw-rfe"));
            assert_eq!(made, ["cur", "maildirfolder", "new", "tmp"]);
            let half_made = |name: &String| name.starts_with("transhume.");
            assert!(
                !account.names("").iter().any(half_made),
                "{:?}",
                account.names("")
            );
            assert_eq!(account.names(".."), ["Maildir"]);
            assert_eq!(account.read("subscriptions"), "V\t2\n\nA\tEntw&APw-rfe\n");
            let tmp = account.path().join("tmp");
            for name in crate::testing::names(&tmp) {
                std::fs::remove_file(tmp.join(name)).unwrap();
            }
        },
    );
}
