//! Whatever a server leaves out, hides or breaks: nothing is called complete that is not, and the rest is moved.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use transhume_e2e::{PASSWORD, Pair, move_command, run, run_complete};
use transhume_testkit::{Dovecot, Fault, FaultProxy, MailboxSpec, Oracle, ScriptedServer};

fn text(subject: &str) -> Vec<u8> {
    format!("Subject: {subject}\r\n\r\nThis is {subject}.\r\n").into_bytes()
}

fn mailbox(name: &[&str], count: usize) -> MailboxSpec {
    (0..count).fold(MailboxSpec::new(name, 1_600_000_001), |spec, number| {
        spec.message(1_500_000_000, &text(&format!("{}-{number}", name.join("-"))))
    })
}

const LOGIN: &str = r"
S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] hello
C: l1 AUTHENTICATE PLAIN *
S: l1 OK [CAPABILITY IMAP4rev1] welcome
";

/// A new server with an empty home, and the outcome of moving what a scripted server serves into it.
fn move_from(transcript: &str) -> (Dovecot, i32, Value) {
    let new = Dovecot::builder()
        .separator('/')
        .user("olga", PASSWORD)
        .start()
        .unwrap();
    let home = new.home("olga");
    fs::create_dir_all(&home).unwrap();
    if let Some((uid, gid)) = new.chown_to() {
        std::os::unix::fs::chown(&home, Some(uid), Some(gid)).unwrap();
    }
    let server = ScriptedServer::start(&format!("{LOGIN}{transcript}C: q LOGOUT\n")).unwrap();
    let from = format!("imap+insecure://olga@127.0.0.1:{}", server.port());
    let (code, json, stderr) = run(move_command(&from, &new.maildir("olga")).args(["--retries", "0"]));
    server
        .join()
        .unwrap_or_else(|error| panic!("{error}\n{json}\n{stderr}"));
    (new, code, json)
}

const INBOX: &str = r#"
C: n1 LIST "" "\*"
C: n2 LSUB "" "\*"
S: * LIST () "/" INBOX
S: n1 OK
S: n2 OK
C: s1 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
S: * STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 77)
S: s1 OK
C: e1 EXAMINE "INBOX"
S: * 3 EXISTS
S: * OK [UIDVALIDITY 77] valid
S: e1 OK [READ-ONLY] open
"#;

const WHOLE: &str = "C: w1 UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE BODY.PEEK[])\n";
const ROWS: &str = "C: r1 UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)\n";

/// A row that cannot be read, or has no flags, is a message that is missed; the others come with their UIDs.
#[test]
fn rows_that_cannot_be_read_are_missed() {
    for broken in [
        r#"S: * 2 FETCH (UID 2 FLAGS (\Seen "odd) RFC822.SIZE 2)"#,
        "S: * 2 FETCH (UID 2 RFC822.SIZE 2)",
        "S: * 2 EXISTS",
    ] {
        let whole = format!(
            "{WHOLE}S: * 1 FETCH (UID 1 FLAGS () BODY[] \"hi\")\n{broken}\n\
             S: * 3 FETCH (UID 3 FLAGS () BODY[] \"ho\")\nS: w1 OK\n"
        );
        let rows = format!(
            "{ROWS}S: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 2)\n{broken}\n\
             S: * 3 FETCH (UID 3 FLAGS () RFC822.SIZE 2)\nS: r1 OK\n"
        );
        let (new, code, json) = move_from(&format!("{INBOX}{whole}{rows}{INBOX}{rows}{INBOX}{rows}"));
        assert_eq!(code, 3, "{broken}: {json}");
        assert_eq!(json["verified"], false, "{json}");
        assert_eq!(json["mailboxes"][0]["unlisted"], 1, "{broken}: {json}");
        let mut owner = Oracle::login(&new, "olga").unwrap();
        owner.select(&["INBOX"]).unwrap();
        let uids: Vec<u32> = owner
            .fetch_all()
            .unwrap()
            .iter()
            .map(|message| message.uid)
            .collect();
        assert_eq!(uids, [1, 3]);
    }
}

/// An empty text for a message that has a size is none.
#[test]
fn an_empty_text_for_a_message_with_a_size_is_not_taken() {
    let inbox = INBOX.replace(" 3", " 1").replace("UIDNEXT 4", "UIDNEXT 2");
    let whole = format!("{WHOLE}S: * 1 FETCH (UID 1 FLAGS () BODY[] \"\")\nS: w1 OK\n");
    let rows = format!("{ROWS}S: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 24)\nS: r1 OK\n");
    let text = "C: t1 UID FETCH 1 (UID BODY.PEEK[])\nS: * 1 FETCH (UID 1 BODY[] \"\")\nS: t1 OK\n".repeat(2);
    let (_new, code, json) = move_from(&format!(
        "{inbox}{whole}{rows}{text}{inbox}{rows}{text}{inbox}{rows}{text}"
    ));
    assert_eq!(code, 3, "{json}");
    assert_eq!(json["mailboxes"][0]["failed"][0]["uid"], 1, "{json}");
}

/// A line of the list that cannot be read is a mailbox that nothing is known of.
#[test]
fn an_unreadable_list_is_not_complete() {
    let list = r#"
C: n1 LIST "" "\*"
C: n2 LSUB "" "\*"
S: * LIST () "/" INBOX
S: * LIST (\HasNoChildren "/" "Sent"
S: n1 OK
S: n2 OK
C: s1 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
S: * STATUS INBOX (MESSAGES 0 UIDNEXT 4 UIDVALIDITY 77)
S: s1 OK
"#;
    let (_new, code, json) = move_from(&format!("{list}{list}"));
    assert_eq!(code, 3, "{json}");
    assert_eq!(json["unreadable_mailboxes"], 1, "{json}");
}

/// Two mailboxes that show the same name both come.
#[test]
fn mailboxes_of_the_same_name_both_come() {
    let list = r#"
C: n1 LIST "" "\*"
C: n2 LSUB "" "\*"
S: * LIST () "/" "A"
S: * LIST () "/" "A/"
S: n1 OK
S: n2 OK
C: s1 STATUS "A" (MESSAGES UIDNEXT UIDVALIDITY)
C: s2 STATUS "A/" (MESSAGES UIDNEXT UIDVALIDITY)
S: * STATUS "A" (MESSAGES 0 UIDNEXT 4 UIDVALIDITY 77)
S: s1 OK
S: * STATUS "A/" (MESSAGES 0 UIDNEXT 4 UIDVALIDITY 78)
S: s2 OK
"#;
    let (new, code, json) = move_from(&format!("{list}{list}"));
    assert_eq!(code, 0, "{json}");
    assert!(json["notes"].to_string().contains("A-2"), "{json}");
    let mut owner = Oracle::login(&new, "olga").unwrap();
    assert_eq!(owner.select(&["A"]).unwrap().uid_validity, 77);
    assert_eq!(owner.select(&["A-2"]).unwrap().uid_validity, 78);
}

/// Makes the texts of some messages unreadable for the old server, which lists them all the same, and hangs up when it is
/// asked for one (Dovecot's default).
fn spoil(pair: &Pair, mailbox: &str, which: &[usize]) {
    let entries = fs::read_dir(pair.old.maildir(&pair.user).join(mailbox).join("cur")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    for &number in which {
        fs::set_permissions(&names[number], fs::Permissions::from_mode(0o000)).unwrap();
    }
}

/// Messages at which the server hangs up stay behind, and everything else is moved, whatever comes after them.
#[test]
fn messages_at_which_the_server_hangs_up_stay_behind_alone() {
    let pair = Pair::start("petra", &[mailbox(&["INBOX"], 6), mailbox(&["Later"], 3)]);
    spoil(&pair, "", &[1, 2]);
    let (code, json, stderr) = run(&mut pair.command());
    assert_eq!(code, 3, "{json}\n{stderr}");
    let inbox = &json["mailboxes"][0];
    assert_eq!(inbox["failed"].as_array().unwrap().len(), 2, "{json}");
    assert_eq!(json["totals"]["carried"], 7, "{json}");
    let view = pair.new_view();
    assert_eq!(view.folder(&["INBOX"]).messages.len(), 4);
    assert_eq!(view.folder(&["Later"]).messages.len(), 3);
}

/// The same for whoever runs it again by himself, without new connections: every run gets further.
#[test]
fn runs_without_retries_get_past_it_too() {
    let pair = Pair::start("paul", &[mailbox(&["INBOX"], 4), mailbox(&["Later"], 3)]);
    spoil(&pair, "", &[0]);
    let codes: Vec<i32> = (0..4)
        .map(|_| run(pair.command().args(["--retries", "0"])).0)
        .collect();
    assert_eq!(codes, [5, 5, 5, 3]);
    let view = pair.new_view();
    assert_eq!(
        (
            view.folder(&["INBOX"]).messages.len(),
            view.folder(&["Later"]).messages.len()
        ),
        (3, 3)
    );
    assert!(
        view.folder(&["INBOX"]).messages.keys().all(|uid| *uid > 1),
        "they have their UIDs"
    );
}

/// I7: an INBOX that was emptied and lost its list does not make another Maildir of it: what was removed stays so.
#[test]
fn an_empty_inbox_without_its_list_changes_nothing_elsewhere() {
    let pair = Pair::start("uma", &[mailbox(&["INBOX"], 0), mailbox(&["Work"], 3)]);
    run_complete(&mut pair.command());
    let mut owner = Oracle::login(&pair.new, "uma").unwrap();
    owner.select(&["Work"]).unwrap();
    owner.expunge("2").unwrap();
    owner.logout().unwrap();
    for entry in fs::read_dir(pair.maildir()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.file_name().unwrap().to_string_lossy().starts_with("dovecot") {
            fs::remove_file(path).unwrap();
        }
    }
    run_complete(&mut pair.command());
    assert_eq!(pair.new_view().folder(&["Work"]).messages.len(), 2);
}

/// I3: a Maildir that was emptied is filled again, also when its INBOX is not moved.
#[test]
fn an_emptied_maildir_is_filled_again_without_its_inbox() {
    let pair = Pair::start("vera", &[mailbox(&["INBOX"], 1), mailbox(&["Work"], 3)]);
    let without_inbox = ["--exclude", "INBOX"];
    run_complete(pair.command().args(without_inbox));
    fs::remove_dir_all(pair.maildir().join(".Work")).unwrap();
    fs::remove_file(pair.maildir().join("transhume-identity")).unwrap();
    let json = run_complete(pair.command().args(without_inbox));
    assert_eq!(json["totals"]["carried"], 3, "{json}");
}

/// I5, I13: what an interrupted run has staged may be gone when the next begins, and the old server may have numbered its
/// messages anew: they are brought again, and all have their UIDs.
#[test]
fn staged_messages_that_are_gone_are_brought_again() {
    for renumber in [false, true] {
        let pair = Pair::start("quinn", &[mailbox(&["INBOX"], 400)]);
        let proxy = FaultProxy::start(pair.old.imap_port(), Fault::CutAfter(30_000)).unwrap();
        let (code, json, _) = run(pair.command_through(proxy.port()).args(["--retries", "0"]));
        assert_eq!(code, 5, "{json}");
        let staging = pair.maildir().join("tmp");
        let staged: Vec<_> = fs::read_dir(&staging)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert!(staged.len() > 10, "{}", staged.len());
        if renumber {
            for name in [
                "dovecot-uidlist",
                "dovecot.index",
                "dovecot.index.log",
                "dovecot.index.cache",
            ] {
                let _ = fs::remove_file(pair.old.maildir("quinn").join(name));
            }
        } else {
            staged
                .iter()
                .step_by(2)
                .for_each(|path| fs::remove_file(path).unwrap());
        }
        run_complete(&mut pair.command());
        pair.assert_same();
    }
}

/// I3: a Maildir that was set back to an older state gets what it lacks.
#[test]
fn a_restored_backup_is_brought_up_to_date() {
    let pair = Pair::start("rosa", &[mailbox(&["INBOX"], 3)]);
    run_complete(&mut pair.command());
    let backup = tempfile::tempdir().unwrap();
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let status = std::process::Command::new("cp")
            .arg("-a")
            .arg(from.join("."))
            .arg(to)
            .status()
            .unwrap();
        assert!(status.success());
    };
    copy(&pair.maildir(), backup.path());
    let mut source = Oracle::login(&pair.old, "rosa").unwrap();
    source.append(&["INBOX"], &[], Some(7), &text("late")).unwrap();
    source.logout().unwrap();
    run_complete(&mut pair.command());
    pair.assert_same();
    for entry in fs::read_dir(pair.maildir()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
    copy(backup.path(), &pair.maildir());
    let json = run_complete(&mut pair.command());
    assert_eq!(json["totals"]["carried"], 1, "{json}");
    pair.assert_same();
}

/// I7: a Maildir that was moved to another disk is still the same: what its owner removed does not come back.
#[test]
fn a_maildir_that_was_moved_keeps_what_its_owner_did() {
    let pair = Pair::start("sven", &[mailbox(&["INBOX"], 3)]);
    run_complete(&mut pair.command());
    let mut owner = Oracle::login(&pair.new, "sven").unwrap();
    owner.select(&["INBOX"]).unwrap();
    owner.store("2", "+FLAGS", &["\\Deleted"]).unwrap();
    owner.expunge("2").unwrap();
    owner.logout().unwrap();
    let elsewhere = pair.new.home("sven").join("Elsewhere");
    fs::rename(pair.maildir(), &elsewhere).unwrap();
    let status = std::process::Command::new("cp")
        .arg("-a")
        .arg(&elsewhere)
        .arg(pair.maildir())
        .status()
        .unwrap();
    assert!(status.success());
    let json = run_complete(&mut pair.command());
    assert_eq!(json["totals"]["carried"], 0, "{json}");
    assert_eq!(pair.new_view().folder(&["INBOX"]).messages.len(), 2);
}

/// I6, I7: messages that were recognised by their bytes get later flag changes, and a further copy is a message of its own.
#[test]
fn recognised_messages_are_followed_like_others() {
    let pair = Pair::start("tina", &[mailbox(&["INBOX"], 2)]);
    let mut owner = Oracle::login(&pair.new, "tina").unwrap();
    owner.append(&["INBOX"], &[], Some(1), &text("INBOX-0")).unwrap();
    owner.logout().unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(
        (&json["totals"]["carried"], &json["totals"]["adopted"]),
        (&1.into(), &1.into()),
        "{json}"
    );

    let mut source = Oracle::login(&pair.old, "tina").unwrap();
    source.select(&["INBOX"]).unwrap();
    source.store("1", "+FLAGS", &["\\Flagged"]).unwrap();
    source.copy("1", &["INBOX"]).unwrap();
    source.logout().unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(json["totals"]["flags_set"], 1, "{json}");
    assert_eq!(json["totals"]["carried"], 1, "{json}");
    assert_eq!(json["totals"]["removed_by_owner"], 0, "{json}");
    let flagged = |view: &transhume_testkit::AccountView| {
        let messages = &view.folder(&["INBOX"]).messages;
        (
            messages.len(),
            messages
                .values()
                .filter(|message| message.flags.contains("\\Flagged"))
                .count(),
        )
    };
    assert_eq!(flagged(&pair.new_view()), flagged(&pair.old_view()));
}
