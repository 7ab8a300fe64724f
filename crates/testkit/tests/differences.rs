//! Each kind of difference is found, one change at a time, and made on real mailboxes read over IMAP.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use transhume_testkit::compare::{Difference, DifferenceKind as Kind};
use transhume_testkit::{
    AccountView, Body, CompareOptions, Dovecot, MailboxSpec, Oracle, compare, compare_with, snapshot,
    write_account,
};

fn account() -> Vec<MailboxSpec> {
    let mut inbox = MailboxSpec::new(&["INBOX"], 10);
    for number in 0..5 {
        inbox = inbox.message(
            1_000_000_000 + number,
            format!("Subject: {number}\n\nbody {number}\n").as_bytes(),
        );
    }
    inbox.messages[1].flags = vec!["\\Seen".into(), "work".into()];
    // The same message again.
    inbox.messages[4].body = inbox.messages[3].body.clone();
    inbox.uid_next = Some(20);
    let sent = MailboxSpec::new(&["Sent"], 11).message(1_000_000_000, b"Subject: s\n\ns\n");
    vec![inbox, sent, MailboxSpec::new(&["Other", "Child"], 12)]
}

/// Writes two accounts and reads them back.
fn views(changed: &[MailboxSpec]) -> (AccountView, AccountView) {
    let builder = Dovecot::builder().separator('/').user("a", "x").user("b", "x");
    let server = builder.special_use("Sent", "Sent").start().unwrap();
    let view = |user: &str, specs: &[MailboxSpec]| {
        write_account(&server.maildir(user), server.chown_to(), specs).unwrap();
        snapshot(&mut Oracle::login(&server, user).unwrap()).unwrap()
    };
    (view("a", &account()), view("b", changed))
}

/// The differences a change of the copy makes.
fn found(change: impl FnOnce(&mut Vec<MailboxSpec>)) -> Vec<Difference> {
    let mut changed = account();
    change(&mut changed);
    let (source, target) = views(&changed);
    let found = compare(&source, &target);
    for difference in &found {
        assert_eq!(difference.to_string().lines().count(), 1);
    }
    found
}

fn kinds(found: &[Difference]) -> Vec<(&str, Option<u32>, &Kind)> {
    found
        .iter()
        .map(|difference| (difference.folder[0].as_str(), difference.uid, &difference.kind))
        .collect()
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn nothing_changed() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn flag() {
    let found = found(|account| account[0].messages[1].flags = texts(&["\\Seen", "\\Flagged", "work"]));
    let kind = Kind::SystemFlags {
        source: texts(&["\\Seen"]),
        target: texts(&["\\Flagged", "\\Seen"]),
    };
    assert_eq!(kinds(&found), [("INBOX", Some(2), &kind)]);
}

#[test]
fn keyword() {
    let found = found(|account| account[0].messages[1].flags = texts(&["\\Seen", "wurk"]));
    let kind = Kind::Keywords {
        source: texts(&["work"]),
        target: texts(&["wurk"]),
    };
    assert_eq!(kinds(&found), [("INBOX", Some(2), &kind)]);
}

#[test]
fn date() {
    let found = found(|account| account[0].messages[2].internal_date += 1);
    let kind = Kind::InternalDate {
        source: 1_000_000_002,
        target: 1_000_000_003,
    };
    assert_eq!(kinds(&found), [("INBOX", Some(3), &kind)]);
}

#[test]
fn one_byte_of_a_body() {
    let found =
        found(|account| account[0].messages[0].body = Body::Bytes(b"Subject: 0\n\nbody O\n".to_vec()));
    assert!(
        matches!(kinds(&found)[..], [("INBOX", Some(1), Kind::BodySha256 { .. })]),
        "{found:?}"
    );
}

#[test]
fn one_byte_more() {
    let found =
        found(|account| account[0].messages[0].body = Body::Bytes(b"Subject: 0\n\nbody 0\n\n".to_vec()));
    assert!(
        matches!(
            kinds(&found)[..],
            [
                (
                    _,
                    Some(1),
                    Kind::Rfc822Size {
                        source: 22,
                        target: 24
                    }
                ),
                (
                    _,
                    _,
                    Kind::BodyLength {
                        source: 22,
                        target: 24
                    }
                ),
                (_, _, Kind::BodySha256 { .. })
            ]
        ),
        "{found:?}"
    );
}

#[test]
fn missing_message() {
    let found = found(|account| drop(account[0].messages.remove(2)));
    assert_eq!(kinds(&found), [("INBOX", Some(3), &Kind::MissingMessage)]);
}

#[test]
fn extra_message() {
    let found = found(|account| account[2] = account[2].clone().message(5, b"Subject: extra\n\nx\n"));
    assert_eq!(kinds(&found), [("Other", Some(1), &Kind::ExtraMessage)]);
}

#[test]
fn moved_uid() {
    let found = found(|account| account[0].messages[4].uid = 6);
    assert_eq!(
        kinds(&found),
        [
            ("INBOX", Some(5), &Kind::MissingMessage),
            ("INBOX", Some(6), &Kind::ExtraMessage)
        ]
    );
}

#[test]
fn uid_validity() {
    let found = found(|account| account[1].uid_validity = 13);
    assert_eq!(
        kinds(&found),
        [(
            "Sent",
            None,
            &Kind::UidValidity {
                source: 11,
                target: 13
            }
        )]
    );
}

#[test]
fn uid_next_only_if_lower() {
    let lower = found(|account| account[0].uid_next = Some(19));
    assert_eq!(
        kinds(&lower),
        [(
            "INBOX",
            None,
            &Kind::UidNextLower {
                source: 20,
                target: 19
            }
        )]
    );
    assert_eq!(found(|account| account[0].uid_next = Some(21)), []);
}

#[test]
fn subscription() {
    let found = found(|account| account[2].subscribed = false);
    assert_eq!(
        kinds(&found),
        [(
            "Other",
            None,
            &Kind::Subscribed {
                source: true,
                target: false
            }
        )]
    );
}

#[test]
fn special_use_and_folders() {
    let renamed = found(|account| account[1].name = texts(&["Posted"]));
    assert_eq!(
        kinds(&renamed),
        [
            ("Sent", None, &Kind::MissingFolder),
            ("Posted", None, &Kind::ExtraFolder)
        ]
    );

    let (source, mut target) = views(&account());
    assert!(source.folder(&["Sent"]).special_use.contains("\\Sent"));
    target.folder_mut(&["Sent"]).special_use.clear();
    let kind = Kind::SpecialUse {
        source: texts(&["\\Sent"]),
        target: vec![],
    };
    assert_eq!(kinds(&compare(&source, &target)), [("Sent", None, &kind)]);
    let options = CompareOptions {
        special_use: false,
        ..CompareOptions::default()
    };
    assert_eq!(compare_with(&source, &target, options), []);
}

#[test]
fn selectable() {
    let found = found(|account| account[2].exists = false);
    let first = found.first().map(|difference| &difference.kind);
    assert_eq!(
        first,
        Some(&Kind::Selectable {
            source: true,
            target: false
        }),
        "{found:?}"
    );
}

#[test]
fn without_uids_messages_are_paired_by_content() {
    let options = CompareOptions {
        uids: false,
        special_use: true,
    };
    let mut changed = account();
    changed[0].uid_validity = 99;
    for message in &mut changed[0].messages {
        message.uid += 50;
    }
    changed[0].messages[1].flags.clear();
    changed[0].messages[4].internal_date = 7;
    let (source, target) = views(&changed);
    let found = compare_with(&source, &target, options);
    let rest: Vec<_> = kinds(&found).into_iter().map(|(_, uid, _)| uid).collect();
    // Flags and keywords of the second, the date of one of the twins.
    assert_eq!(rest, [Some(2), Some(2), Some(5)], "{found:?}");
    let mut fewer = account();
    fewer[0].messages.pop();
    let (source, target) = views(&fewer);
    let found = compare_with(&source, &target, options);
    assert!(
        matches!(kinds(&found)[..], [("INBOX", Some(5), Kind::MissingMessage)]),
        "{found:?}"
    );
}
