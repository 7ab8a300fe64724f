//! What a later pass costs: it asks for what has changed, and nothing else comes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::time::UNIX_EPOCH;

use serde_json::Value;
use transhume_e2e::{PASSWORD, Pair, move_command, run, run_complete, wait_until};
use transhume_testkit::{Dovecot, Fault, FaultProxy, MailboxSpec, Oracle, write_account};

fn text(subject: &str) -> Vec<u8> {
    format!("Subject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\nThis is {subject}.\r\n")
        .into_bytes()
}

fn mailbox(name: &[&str], uid_validity: u32, count: usize) -> MailboxSpec {
    (0..count).fold(MailboxSpec::new(name, uid_validity), |spec, number| {
        let date = 1_500_000_000 + i64::try_from(number).unwrap();
        spec.message(date, &text(&format!("{}-{number}", name.join("-"))))
    })
}

fn source(pair: &Pair) -> Oracle {
    Oracle::login(&pair.old, &pair.user).unwrap()
}

fn carried(json: &Value) -> u64 {
    json["totals"]["carried"].as_u64().unwrap()
}

/// I4, and the cost: in a mailbox of thousands, one flag and one message are all that is told.
#[test]
fn only_what_has_changed_is_asked_for() {
    let pair = Pair::start(
        "dora",
        &[
            mailbox(&["INBOX"], 1_700_000_001, 3_000),
            mailbox(&["Work"], 1_700_000_002, 3),
        ],
    );
    let proxy = FaultProxy::start(pair.old.imap_port(), Fault::None).unwrap();
    run_complete(&mut pair.command_through(proxy.port()));

    let before = proxy.received();
    let json = run_complete(&mut pair.command_through(proxy.port()));
    assert_eq!(carried(&json), 0);
    let nothing = proxy.received() - before;
    assert!(nothing < 4_000, "nothing has changed, and {nothing} bytes came");

    let mut client = source(&pair);
    client.select(&["INBOX"]).unwrap();
    client
        .store("17,2000:2010", "+FLAGS", &["\\Answered", "later"])
        .unwrap();
    client
        .append(&["INBOX"], &["\\Seen"], Some(1_600_000_000), &text("late"))
        .unwrap();
    client.store("5", "+FLAGS", &["\\Deleted"]).unwrap();
    client.logout().unwrap();
    let before = proxy.received();
    let json = run_complete(&mut pair.command_through(proxy.port()));
    assert_eq!(
        (carried(&json), &json["totals"]["flags_set"]),
        (1, &Value::from(13)),
        "{json}"
    );
    let some = proxy.received() - before;
    assert!(some < 12_000, "14 messages have changed, and {some} bytes came");
    pair.assert_same();
}

/// Changes of more messages than are held at once.
#[test]
fn many_changes_come_in_parts() {
    let pair = Pair::start("emil", &[mailbox(&["INBOX"], 1_700_000_001, 2_600)]);
    run_complete(&mut pair.command());
    let mut client = source(&pair);
    client.select(&["INBOX"]).unwrap();
    client.store("1:2500", "+FLAGS", &["\\Seen"]).unwrap();
    client.append(&["INBOX"], &[], None, &text("late")).unwrap();
    client.logout().unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(
        (carried(&json), &json["totals"]["flags_set"]),
        (1, &Value::from(2_500)),
        "{json}"
    );
    pair.assert_same();
}

/// A mailbox that is renamed on the old server, and those below it, are renamed here; nothing comes twice.
#[test]
fn renamed_mailboxes_are_not_brought_twice() {
    let pair = Pair::start(
        "frida",
        &[
            mailbox(&["INBOX"], 1_700_000_001, 2),
            mailbox(&["Work"], 1_700_000_002, 5),
            mailbox(&["Work", "Old"], 1_700_000_003, 4),
            mailbox(&["Other"], 1_700_000_004, 3),
        ],
    );
    run_complete(&mut pair.command());
    let mut client = source(&pair);
    client.rename(&["Work"], &["Arbeit", "Büro"]).unwrap();
    client
        .append(&["Arbeit", "Büro"], &[], None, &text("late"))
        .unwrap();
    client.select(&["Arbeit", "Büro", "Old"]).unwrap();
    client.store("2", "+FLAGS", &["\\Flagged"]).unwrap();
    client.create(&["Work"]).unwrap();
    client.append(&["Work"], &[], None, &text("another")).unwrap();
    client.logout().unwrap();

    // I12: shown first, and nothing is touched.
    let seen = pair.new_view().to_text();
    let (code, json, _) = run(pair.command().arg("--dry-run"));
    assert_eq!((code, carried(&json)), (0, 2), "{json}");
    assert!(json["notes"].to_string().contains("is called"), "{json}");
    assert_eq!(pair.new_view().to_text(), seen);

    let json = run_complete(&mut pair.command());
    assert_eq!(carried(&json), 2, "{json}");
    pair.assert_same();
    let json = run_complete(&mut pair.command());
    assert_eq!(carried(&json), 0, "{json}");

    // I7: its owner has renamed it here; whatever the old server calls it, it stays so.
    let mut owner = Oracle::login(&pair.new, &pair.user).unwrap();
    owner.rename(&["Other"], &["Meins"]).unwrap();
    owner.logout().unwrap();
    let mut client = source(&pair);
    client.rename(&["Other"], &["Anderes"]).unwrap();
    client.logout().unwrap();
    let seen = pair.new_view().to_text();
    let json = run_complete(&mut pair.command());
    assert_eq!(carried(&json), 0, "{json}");
    assert_eq!(pair.new_view().to_text(), seen);
}

/// Where the new name is taken here, the mailbox keeps its own, and is followed all the same.
#[test]
fn a_renamed_mailbox_never_takes_the_place_of_another() {
    let pair = Pair::start(
        "gerd",
        &[
            mailbox(&["INBOX"], 1_700_000_001, 1),
            mailbox(&["Work"], 1_700_000_002, 5),
        ],
    );
    run_complete(&mut pair.command());
    let mut owner = Oracle::login(&pair.new, &pair.user).unwrap();
    owner.create(&["Arbeit"]).unwrap();
    owner.append(&["Arbeit"], &[], None, &text("mine")).unwrap();
    owner.logout().unwrap();
    let mut client = source(&pair);
    client.rename(&["Work"], &["Arbeit"]).unwrap();
    client.append(&["Arbeit"], &[], None, &text("late")).unwrap();
    client.logout().unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(carried(&json), 1, "{json}");
    let view = pair.new_view();
    let count = |name: &str| view.folders[&vec![name.to_owned()]].messages.len();
    assert_eq!((count("Work"), count("Arbeit")), (6, 1));
}

/// Several connections share a large account; a server that has fewer to give gets along with those.
#[test]
fn several_connections_are_used_where_they_are_given() {
    let mailboxes = [
        mailbox(&["INBOX"], 1_700_000_001, 2_500),
        mailbox(&["A"], 1_700_000_002, 2_000),
        mailbox(&["B"], 1_700_000_003, 1_600),
        mailbox(&["C"], 1_700_000_004, 10),
    ];
    let mut pair = Pair::start("hanna", &mailboxes);
    let proxy = FaultProxy::start(pair.old.imap_port(), Fault::None).unwrap();
    run_complete(pair.command_through(proxy.port()).args(["--connections", "3"]));
    assert_eq!(proxy.connections(), 3);
    pair.assert_same();

    pair.old = Dovecot::builder()
        .separator('/')
        .user("hanna", PASSWORD)
        .extra_config("mail_max_userip_connections = 1")
        .start()
        .unwrap();
    write_account(&pair.old.maildir("hanna"), pair.old.chown_to(), &mailboxes).unwrap();
    let elsewhere = pair.new.home("hanna").join("Elsewhere");
    let from = format!("imap+insecure://hanna@127.0.0.1:{}", pair.old.imap_port());
    for _ in 0..2 {
        let json = run_complete(move_command(&from, &elsewhere).args(["--connections", "3"]));
        assert_eq!(json["reconnects"].as_u64().unwrap_or(0), 0, "{json}");
    }
}

/// I8, I14: where removals are followed, what is gone on the old server goes here with the second run that misses it; not what
/// its owner has touched here, nor what came by another way; and never very much at once.
#[test]
fn removals_are_followed_on_request() {
    let pair = Pair::start(
        "ida",
        &[
            mailbox(&["INBOX"], 1_700_000_001, 12),
            mailbox(&["Work"], 1_700_000_002, 3),
        ],
    );
    run_complete(&mut pair.command());
    let mut owner = Oracle::login(&pair.new, &pair.user).unwrap();
    owner
        .append(&["INBOX"], &[], None, &text("delivered-here"))
        .unwrap();
    owner.select(&["INBOX"]).unwrap();
    owner.store("3", "+FLAGS", &["\\Flagged"]).unwrap();
    owner.logout().unwrap();
    let mut client = source(&pair);
    client.select(&["INBOX"]).unwrap();
    client.store("2:5", "+FLAGS", &["\\Deleted"]).unwrap();
    client.expunge("2:5").unwrap();
    client.logout().unwrap();

    let uids = || {
        let view = pair.new_view();
        let inbox = &view.folders[&vec!["INBOX".to_owned()]];
        inbox.messages.keys().copied().collect::<Vec<u32>>()
    };
    // Removals are kept by default; then they are seen, shown, and followed.
    let all: Vec<u32> = (1..=13).collect();
    run_complete(&mut pair.command());
    assert_eq!(uids(), all);
    let follow = |most: &str| {
        let mut command = pair.command();
        command.args(["--deletions", "follow", "--most-deletions", most]);
        command
    };
    let json = run_complete(&mut follow("10"));
    assert_eq!(json["totals"]["expunged"], 0, "{json}");
    assert_eq!(uids(), all, "missing once is not enough");
    // When a message was first missing is known to the second: a run in that same second is not a later one.
    let missed = UNIX_EPOCH.elapsed().unwrap().as_secs();
    wait_until("the next second", || {
        UNIX_EPOCH.elapsed().unwrap().as_secs() > missed
    });
    let (_, json, _) = run(follow("10").arg("--dry-run"));
    assert_eq!(json["totals"]["expunged"], 4, "{json}");
    let (code, json, _) = run(&mut follow("3"));
    assert_eq!(code, 3, "{json}");
    assert!(json.to_string().contains("--most-deletions 4"), "{json}");
    assert_eq!(uids(), all);
    let json = run_complete(&mut follow("10"));
    assert_eq!(json["totals"]["expunged"], 3, "{json}");
    assert_eq!(uids(), [1, 3, 6, 7, 8, 9, 10, 11, 12, 13]);
    let json = run_complete(&mut follow("10"));
    assert_eq!(
        (carried(&json), &json["totals"]["expunged"]),
        (0, &Value::from(0)),
        "{json}"
    );
    assert_eq!(uids(), [1, 3, 6, 7, 8, 9, 10, 11, 12, 13]);
}

/// I14: what another program had put here before is no more than recognised; it is not removed with the old server's.
#[test]
fn what_was_brought_by_others_is_not_removed() {
    let pair = Pair::start("jost", &[mailbox(&["INBOX"], 1_700_000_001, 3)]);
    let mut owner = Oracle::login(&pair.new, &pair.user).unwrap();
    owner.append(&["INBOX"], &[], None, &text("INBOX-1")).unwrap();
    owner.logout().unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(json["totals"]["adopted"], 1, "{json}");
    let mut client = source(&pair);
    client.select(&["INBOX"]).unwrap();
    client.store("1:2", "+FLAGS", &["\\Deleted"]).unwrap();
    client.expunge("1:2").unwrap();
    client.logout().unwrap();
    let mut expunged = 0;
    for _ in 0..3 {
        let json = run_complete(pair.command().args(["--deletions", "follow"]));
        expunged += json["totals"]["expunged"].as_u64().unwrap();
    }
    assert_eq!(expunged, 1, "the one that this program brought");
    let view = pair.new_view();
    assert_eq!(view.folders[&vec!["INBOX".to_owned()]].messages.len(), 2);
}
