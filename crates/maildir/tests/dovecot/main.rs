//! Against a real Dovecot: what is written is what its clients see, while it is at work.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a broken assumption should stop the test where it happens"
)]

mod kill;
mod numbers;
mod support;

use std::collections::{BTreeMap, HashMap};
use std::thread;
use std::time::{Duration, Instant};

use support::{Account, flags, origin, place, stage, uid, validity};
use transhume_maildir::{
    CommitKind, DIRECTORY_NAME_MAX, ErrorKind, FlagOutcome, MessageKey, Placed, representable,
};
use transhume_model::mail::{Digest, FlagSet, InternalDate, MailboxName, Uid};
use transhume_testkit::Dovecot;

const V: u32 = 1_234_567;

fn fill(uid_next: u32) -> CommitKind {
    CommitKind::Fill {
        uid_validity: validity(V),
        uid_next: Some(uid(uid_next)),
    }
}

fn add() -> CommitKind {
    CommitKind::Add {
        uid_validity: validity(V),
    }
}

/// What Dovecot rightly says of another UIDVALIDITY, and of sessions that were open when it came.
fn but_for_the_switch(problems: &[String]) -> Vec<&String> {
    let expected = ["UIDVALIDITY changed", "reset, view is now inconsistent"];
    let others = |line: &&String| !expected.iter().any(|words| line.contains(words));
    problems.iter().filter(others).collect()
}

#[test]
fn clients_see_what_the_source_had_and_early_mail_above() {
    let account = Account::start();
    account.lmtp("early one");
    let mut early = account.login();
    early
        .append(
            &["INBOX"],
            &["\\Flagged"],
            Some(1_500_000_000),
            b"Subject: early two\r\n\r\nx\r\n",
        )
        .unwrap();
    account.lmtp("early three");
    early.select(&["INBOX"]).unwrap();

    let inbox = account.root.mailbox(&MailboxName::inbox()).unwrap();
    let cases: [(u32, i64, &[u8], &str); 6] = [
        (3, 0, b"Subject: epoch\r\n\r\nx\r\n", "\\Seen"),
        (
            4,
            -86_400,
            b"Subject: before\r\n\r\nbare\nends\n",
            "\\Answered \\Draft work",
        ),
        (
            10,
            2_208_988_800,
            b"Subject: 2040\r\n\r\n",
            "\\Deleted $Forwarded",
        ),
        (11, 1_000_000_000, b"no header at all", "\\Flagged \\Seen WORK"),
        (400, 1_000_000_001, b"", ""),
        (70_000, 1_000_000_002, b"Subject: nul\r\n\r\na\0b\xff\r", "play"),
    ];
    let staged: Vec<_> = cases
        .iter()
        .map(|&(number, date, bytes, words)| {
            let staged = stage(&inbox, origin(V, number), InternalDate::from_unix(date), bytes);
            (staged, flags(words))
        })
        .collect();
    account.root.sync().unwrap();
    let mut commit = inbox
        .begin_commit(fill(70_005), flags("play work $Forwarded").keywords())
        .unwrap();
    let placed = place(&mut commit, &staged);
    assert!(
        placed
            .iter()
            .zip(&cases)
            .all(|(placed, case)| *placed == Placed::New { uid: uid(case.0) })
    );
    let report = commit.finish().unwrap();
    assert_eq!((report.kept, report.filled), (3, true));

    // An open session cannot go on; it is told to log in again.
    let _ = early.command("NOOP");
    let mut client = account.login();
    let selected = client.select(&["INBOX"]).unwrap();
    assert_eq!(
        (selected.uid_validity, selected.uid_next, selected.exists),
        (V, 70_008, 9)
    );
    let messages: BTreeMap<u32, _> = client
        .fetch_all()
        .unwrap()
        .into_iter()
        .map(|message| (message.uid, message))
        .collect();
    for (number, date, bytes, words) in cases {
        let message = &messages[&number];
        assert_eq!(message.internal_date, date, "{number}");
        let shown: FlagSet = message.flags.iter().map(String::as_str).collect();
        assert_eq!(shown, flags(words), "{number}");
        let normalised = support::with_crlf(bytes);
        assert_eq!(message.rfc822_size, normalised.len() as u64, "{number}");
        // Dovecot shows a NUL as 0x80: no IMAP literal may hold one.
        let served: Vec<u8> = normalised
            .iter()
            .map(|&byte| if byte == 0 { 0x80 } else { byte })
            .collect();
        assert_eq!(client.fetch_body(number).unwrap(), served, "{number}");
    }
    for (number, subject) in [
        (70_005, "early one"),
        (70_006, "early two"),
        (70_007, "early three"),
    ] {
        let body = client.fetch_body(number).unwrap();
        assert!(String::from_utf8_lossy(&body).contains(subject), "{number}");
    }
    assert!(messages[&70_006].flags.contains("\\Flagged"));
    assert_eq!(messages[&70_006].internal_date, 1_500_000_000);
    assert_eq!(but_for_the_switch(&account.server.log_problems()), [""; 0]);
}

#[test]
fn what_is_read_is_what_dovecot_has() {
    let account = Account::start();
    let inbox = account.root.mailbox(&MailboxName::inbox()).unwrap();
    let bytes = b"Subject: x\r\n\r\nbare\nends\n";
    let staged = stage(&inbox, origin(V, 5), InternalDate::from_unix(1), bytes);
    let mut commit = inbox.begin_commit(fill(6), &[]).unwrap();
    place(&mut commit, &[(staged.clone(), flags("\\Seen"))]);
    commit.finish().unwrap();
    let mut client = account.login();
    let later = b"Subject: later\r\n\r\n";
    assert_eq!(
        client.append(&["INBOX"], &["mine"], None, later).unwrap(),
        Some(6)
    );
    client.select(&["INBOX"]).unwrap();

    let scan = inbox.scan().unwrap();
    assert_eq!(scan.header.as_ref().unwrap().uid_next, uid(7));
    let found = scan.find(&origin(V, 5)).unwrap();
    assert_eq!(
        (found.uid, scan.flags(found.letters)),
        (Some(uid(5)), flags("\\Seen"))
    );
    let theirs = scan.foreign().remove(0);
    assert_eq!(
        (theirs.found.uid, scan.flags(theirs.found.letters)),
        (Some(uid(6)), flags("mine"))
    );
    assert_eq!(theirs.virtual_size, Some(later.len() as u64));

    let mut read = BTreeMap::new();
    inbox
        .read_contents(
            |_| true,
            |entry, contents| {
                read.insert(entry.origin, contents);
            },
        )
        .unwrap();
    let ours = read[&Some(staged.origin)];
    assert_eq!(
        (ours.stored, ours.size, ours.virtual_size),
        (staged.digest, staged.size, staged.virtual_size)
    );
    for message in client.fetch_all().unwrap() {
        let contents = read[&(message.uid == 5).then_some(staged.origin)];
        let served = client.fetch_body(message.uid).unwrap();
        assert_eq!(contents.served, Digest::of(&served));
        assert_eq!(contents.virtual_size, message.rfc822_size);
    }
}

#[test]
fn messages_are_added_while_everybody_else_is_at_work() {
    let account = Account::start();
    let inbox = account.root.mailbox(&MailboxName::inbox()).unwrap();
    inbox.begin_commit(fill(1), &[]).unwrap().finish().unwrap();
    let mut watcher = account.login();
    watcher.select(&["INBOX"]).unwrap();

    let (delivered, appended, carried) = (40, 40, 200_u32);
    thread::scope(|scope| {
        scope.spawn(|| (0..delivered).for_each(|number| account.lmtp(&format!("lmtp {number}"))));
        scope.spawn(|| {
            let mut client = account.login();
            client.select(&["INBOX"]).unwrap();
            for number in 0..appended {
                let text = format!("Subject: append {number}\r\n\r\n");
                client.append(&["INBOX"], &[], None, text.as_bytes()).unwrap();
                client
                    .store("1:*", "+FLAGS", &["\\Seen", &format!("k{}", number % 5)])
                    .unwrap();
            }
        });
        scope.spawn(|| {
            for page in 0..20 {
                let staged: Vec<_> = (page * 10 + 1..=page * 10 + 10)
                    .map(|number| {
                        let text = format!("Subject: carried {number}\r\n\r\n");
                        let date = InternalDate::from_unix(1_000_000_000 + i64::from(number));
                        (
                            stage(&inbox, origin(V, number), date, text.as_bytes()),
                            flags("carried"),
                        )
                    })
                    .collect();
                account.root.sync().unwrap();
                let mut commit = inbox.begin_commit(add(), &[]).unwrap();
                for placed in place(&mut commit, &staged) {
                    assert!(matches!(placed, Placed::New { .. }), "{placed:?}");
                }
                commit.finish().unwrap();
            }
        });
        for _ in 0..20 {
            watcher.command("NOOP").unwrap();
            thread::sleep(Duration::from_millis(20));
        }
    });

    let mut client = account.login();
    let selected = client.select(&["INBOX"]).unwrap();
    assert_eq!(selected.exists, delivered + appended + carried);
    assert_eq!(selected.uid_validity, V);
    let messages = client.fetch_all().unwrap();
    let ours = messages
        .iter()
        .filter(|message| message.flags.contains("carried"))
        .count();
    assert_eq!(ours, carried as usize);
    assert!(
        messages
            .iter()
            .all(|message| !message.flags.iter().any(|flag| flag.starts_with("unknown")))
    );
    // The session that was open all the time has seen the same.
    watcher.command("NOOP").unwrap();
    assert_eq!(watcher.fetch_all().unwrap(), messages);
    let scan = inbox.scan().unwrap();
    for (origin, found) in scan.ours() {
        let message = messages
            .iter()
            .find(|message| Some(message.uid) == found.uid.map(Uid::get))
            .unwrap();
        assert_eq!(message.internal_date, 1_000_000_000 + i64::from(origin.uid.get()));
    }
    assert_eq!(account.server.log_problems(), [""; 0]);
}

#[test]
fn clients_wait_while_a_commit_is_under_way() {
    let account = Account::start();
    let inbox = account.root.mailbox(&MailboxName::inbox()).unwrap();
    let commit = inbox.begin_commit(fill(1), &[]).unwrap();
    thread::scope(|scope| {
        let append = scope.spawn(|| {
            let began = Instant::now();
            account
                .login()
                .append(&["INBOX"], &[], None, b"Subject: x\r\n\r\n")
                .unwrap();
            began.elapsed()
        });
        thread::sleep(Duration::from_millis(700));
        commit.finish().unwrap();
        assert!(append.join().unwrap() >= Duration::from_millis(600));
    });
    assert_eq!(account.login().select(&["INBOX"]).unwrap().uid_validity, V);
    assert_eq!(account.server.log_problems(), [""; 0]);
}

#[test]
fn open_sessions_see_flags_that_are_changed() {
    let account = Account::start();
    let inbox = account.root.mailbox(&MailboxName::inbox()).unwrap();
    let staged = stage(
        &inbox,
        origin(V, 5),
        InternalDate::from_unix(1),
        b"Subject: x\r\n\r\n",
    );
    let mut commit = inbox.begin_commit(fill(6), &[]).unwrap();
    place(&mut commit, &[(staged, flags("\\Seen old"))]);
    commit.finish().unwrap();
    let mut client = account.login();
    client.select(&["INBOX"]).unwrap();
    client.store("5", "+FLAGS", &["\\Flagged", "mine"]).unwrap();

    let merge = |now: &FlagSet| FlagSet::merge(&flags("\\Seen old"), &flags("\\Answered new"), now);
    let keys = [5, 6].map(|uid| MessageKey::Origin(origin(V, uid)));
    let outcomes = inbox
        .update_flags(&keys, HashMap::new(), |_, now| merge(now))
        .unwrap()
        .outcomes;
    let expected = flags("\\Answered \\Flagged mine new");
    assert_eq!(
        outcomes,
        [FlagOutcome::Changed(expected.clone()), FlagOutcome::Missing]
    );
    let outcomes = inbox
        .update_flags(&keys[..1], HashMap::new(), |_, now| merge(now))
        .unwrap()
        .outcomes;
    assert_eq!(outcomes, [FlagOutcome::Unchanged(expected.clone())]);

    client.command("NOOP").unwrap();
    for mut client in [client, account.login()] {
        client.select(&["INBOX"]).unwrap();
        let message = client.fetch_all().unwrap().remove(0);
        assert_eq!(
            (message.uid, message.flags.iter().map(String::as_str).collect()),
            (5, expected.clone())
        );
    }
    assert_eq!(account.server.log_problems(), [""; 0]);
}

#[test]
fn a_fill_that_is_dropped_is_made_up_for_by_the_next() {
    for dovecot_looks in [false, true] {
        let account = Account::start();
        account.lmtp("early");
        let inbox = account.root.mailbox(&MailboxName::inbox()).unwrap();
        let staged: Vec<_> = [3, 8, 21, 40]
            .map(|number| {
                let bytes = format!("Subject: {number}\r\n\r\n").into_bytes();
                let date = InternalDate::from_unix(i64::from(number));
                (stage(&inbox, origin(V, number), date, &bytes), flags("work"))
            })
            .into();
        for placed_before in [2, 3] {
            let mut commit = inbox.begin_commit(fill(41), &[]).unwrap();
            place(&mut commit, &staged[..placed_before]);
            drop(commit);
            if dovecot_looks {
                let mut client = account.login();
                client.select(&["INBOX"]).unwrap();
                client.store("1:*", "+FLAGS", &["\\Flagged"]).unwrap();
                account.lmtp("in between");
            }
        }
        let mut commit = inbox.begin_commit(fill(41), &[]).unwrap();
        let placed = place(&mut commit, &staged);
        commit.finish().unwrap();
        let here = |placed: &Placed| match placed {
            Placed::New { uid } | Placed::Present { uid, .. } => uid.get(),
            Placed::Vanished => 0,
        };
        assert_eq!(placed.iter().map(here).collect::<Vec<_>>(), [3, 8, 21, 40]);
        let mut client = account.login();
        assert_eq!(client.select(&["INBOX"]).unwrap().uid_validity, V);
        let messages = client.fetch_all().unwrap();
        let kept = if dovecot_looks { 3 } else { 1 };
        assert_eq!(messages.len(), 4 + kept);
        for (message, number) in messages.iter().zip([3, 8, 21, 40]) {
            assert_eq!((message.uid, message.internal_date), (number, i64::from(number)));
            let flagged = message.flags.iter().any(|flag| flag == "\\Flagged");
            assert_eq!(flagged, dovecot_looks && number != 40, "{number}");
        }
        assert!(messages[4..].iter().all(|message| message.uid >= 41));
        assert_eq!(but_for_the_switch(&account.server.log_problems()), [""; 0]);
    }
}

#[test]
fn a_mailbox_that_another_uidvalidity_came_to_has_to_be_filled() {
    let account = Account::start();
    account.lmtp("early");
    let inbox = account.root.mailbox(&MailboxName::inbox()).unwrap();
    assert_eq!(
        inbox.begin_commit(add(), &[]).unwrap_err().kind(),
        ErrorKind::NeedsFill
    );
    inbox.begin_commit(fill(9), &[]).unwrap().finish().unwrap();
    let mut commit = inbox.begin_commit(add(), &[]).unwrap();
    let staged = stage(&inbox, origin(V, 2), InternalDate::from_unix(1), b"x");
    assert_eq!(
        place(&mut commit, &[(staged, FlagSet::new())]),
        [Placed::New { uid: uid(10) }]
    );
    commit.finish().unwrap();
}

#[test]
fn mailboxes_and_subscriptions_are_those_of_dovecot() {
    for separator in ['.', '/'] {
        let account = Account::start_with(Dovecot::builder().separator(separator));
        let mut client = account.login();
        let theirs: [&[&str]; 4] = [&["INBOX"], &["INBOX", "kind"], &["Entwürfe", "R&D ~"], &["日本"]];
        for path in &theirs[1..] {
            client.create(path).unwrap();
        }
        for path in theirs {
            client.subscribe(path).unwrap();
        }
        // A subscription to a mailbox that does not exist.
        client.create(&["missing", "x"]).unwrap();
        client.subscribe(&["missing", "x"]).unwrap();
        std::fs::remove_dir_all(account.root.path().join(".missing.x")).unwrap();
        let name = |path: &[&str]| MailboxName::from_components(path.iter().copied()).unwrap();
        let mut subscribed: Vec<MailboxName> = theirs.iter().map(|path| name(path)).collect();
        subscribed.push(name(&["missing", "x"]));
        assert_eq!(account.root.subscriptions().unwrap(), subscribed);
        let listed: Vec<_> = account
            .root
            .list()
            .unwrap()
            .into_iter()
            .map(|found| found.name.unwrap())
            .collect();
        let mut existing: Vec<_> = theirs.iter().map(|path| name(path)).collect();
        existing.sort();
        let mut sorted = listed.clone();
        sorted.sort();
        assert_eq!(sorted, existing);

        let ours: [&[&str]; 3] = [&["INBOX", "Ä"], &["a b", "📮"], &["A*%\"\\"]];
        for path in ours {
            assert!(account.root.mailbox(&name(path)).unwrap().create().unwrap());
        }
        let names: Vec<_> = ours.iter().chain(&theirs).map(|path| name(path)).collect();
        let before = std::fs::read(account.root.path().join("subscriptions")).unwrap();
        assert_eq!(account.root.subscribe(&names[3..]).unwrap(), 0);
        assert_eq!(
            std::fs::read(account.root.path().join("subscriptions")).unwrap(),
            before
        );
        assert_eq!(account.root.subscribe(&names).unwrap(), 3);
        let folders = account.login().list_all().unwrap();
        for path in ours.iter().chain(&theirs) {
            let folder = folders.iter().find(|folder| folder.name == *path);
            assert!(
                folder.is_some_and(|folder| folder.selectable && folder.subscribed),
                "{path:?} {folders:?}"
            );
        }
        // And Dovecot goes on writing what we have written.
        client.unsubscribe(&["INBOX", "Ä"]).unwrap();
        client.subscribe(&["INBOX", "Ä"]).unwrap();
        assert_eq!(account.root.subscriptions().unwrap().len(), 8);
        assert_eq!(account.server.log_problems(), [""; 0]);
    }
}

#[test]
fn names_are_refused_where_dovecot_refuses_them() {
    let account = Account::start();
    let mut client = account.login();
    let long = "x".repeat(DIRECTORY_NAME_MAX - 1);
    let wide = "é".repeat(70);
    let deep = vec!["x"; DIRECTORY_NAME_MAX / 2];
    let good: [&[&str]; 9] = [
        &["a~b", "~c"],
        &[" blanks "],
        &["*%&\"\\(){}"],
        &["INBOX", "inbox"],
        &["cur"],
        &["-"],
        &[&long],
        &[&wide],
        &deep,
    ];
    for path in good {
        let name = MailboxName::from_components(path.iter().copied()).unwrap();
        assert_eq!(representable(&name), Ok(()), "{name}");
        account.root.mailbox(&name).unwrap().create().unwrap();
        client
            .select(path)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for path in [["~x"], ["a\u{1}b"]] {
        let name = MailboxName::from_components(path).unwrap();
        assert!(representable(&name).is_err(), "{name}");
        assert!(client.create(&path).is_err(), "{name}");
    }
}
