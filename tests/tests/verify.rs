//! `transhume verify`: every difference is told with the right word, and nothing is written.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "verify/servers.rs"]
mod servers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use transhume_e2e::{PASSWORD, Pair, assert_no_password, run, run_complete, traces, verify_command};
use transhume_testkit::corpus::acceptance;
use transhume_testkit::{MailboxSpec, Oracle};

fn text(subject: &str) -> Vec<u8> {
    format!("Subject: {subject}\r\n\r\nThis is {subject}.\r\n").into_bytes()
}

fn mailbox(name: &[&str], count: usize) -> MailboxSpec {
    (0..count).fold(MailboxSpec::new(name, 1_600_000_001), |spec, number| {
        spec.message(
            1_500_000_000 + i64::try_from(number).unwrap(),
            &text(&format!("{}-{number}", name.join("-"))),
        )
    })
}

fn command(pair: &Pair) -> Command {
    let from = format!("imaps://{}@127.0.0.1:{}", pair.user, pair.old.imaps_port());
    let mut command = verify_command(&from, &pair.maildir());
    command
        .arg("--pin")
        .arg(format!("sha256:{}", pair.old.cert_sha256_hex()));
    command
}

/// Verifies, and fails if anything was written on the target or beside it, or on the source.
fn verify(pair: &Pair, options: &[&str]) -> (i32, Value) {
    let look = || {
        let mut all = traces(&pair.new.home(&pair.user));
        all.extend(messages_of(&pair.old.maildir(&pair.user)));
        // What was made beside the Maildir for a while, and is gone again.
        let home = fs::metadata(pair.new.home(&pair.user)).unwrap();
        all.push(format!("{:?}", home.modified().unwrap()));
        all
    };
    let before = look();
    let (code, json, stderr) = run(command(pair).args(options));
    assert_eq!(look(), before, "verify has written something");
    assert!(json["error"].is_null(), "{json}\n{stderr}");
    (code, json)
}

/// The messages' files of an account, by which a change of a flag would show.
fn messages_of(maildir: &Path) -> Vec<String> {
    let all = traces(maildir);
    all.into_iter()
        .filter(|line| line.contains("/cur/") || line.contains("/new/"))
        .collect()
}

/// All kinds of differences with their numbers: `mailbox word count uids`.
fn told(json: &Value) -> Vec<String> {
    let mut told = Vec::new();
    for mailbox in json["mailboxes"].as_array().unwrap() {
        let name = if mailbox["source"].is_null() {
            &mailbox["target"]
        } else {
            &mailbox["source"]
        };
        let levels: Vec<&str> = name
            .as_array()
            .unwrap()
            .iter()
            .map(|level| level.as_str().unwrap())
            .collect();
        for group in mailbox["differences"].as_array().unwrap() {
            let (word, uids) = (
                group["difference"].as_str().unwrap(),
                group["uids"].as_str().unwrap(),
            );
            told.push(
                format!("{} {word} {} {uids}", levels.join("/"), group["count"])
                    .trim_end()
                    .to_owned(),
            );
        }
    }
    told
}

fn standings(json: &Value) -> [u64; 3] {
    ["unexplained", "behind", "settled"].map(|key| json["totals"][key].as_u64().unwrap())
}

/// The file of a message on the new side, by its UID on the old one.
fn file_of(pair: &Pair, mailbox: &str, uid: u32) -> PathBuf {
    let cur = pair.maildir().join(mailbox).join("cur");
    let mark = format!("U{uid}T");
    fs::read_dir(cur)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().contains(&mark))
        .unwrap()
}

fn owner(pair: &Pair) -> Oracle {
    Oracle::login(&pair.new, &pair.user).unwrap()
}

fn source(pair: &Pair) -> Oracle {
    Oracle::login(&pair.old, &pair.user).unwrap()
}

/// I2, I13: after a move of every oddity there is, nothing is unexplained, whichever way one looks.
#[test]
fn a_clean_move_has_nothing_unexplained() {
    let pair = Pair::start("anna", &acceptance());
    run_complete(&mut pair.command());
    for options in [&[][..], &["--deep"]] {
        let (code, json) = verify(&pair, options);
        let words = told(&json);
        assert_eq!(code, 0, "{words:#?}");
        assert_eq!(standings(&json)[..2], [0, 0], "{words:#?}");
        assert_eq!(json["verified"], true);
        assert_eq!(json["totals"]["on_source"], json["totals"]["on_target"]);
        assert!(
            words.iter().all(|line| {
                let word = line.rsplit(' ').find(|part| part.contains('_')).unwrap_or(line);
                [
                    "name_adapted",
                    "line_ends",
                    "keyword_left_out",
                    "size_told_wrongly",
                ]
                .contains(&word)
            }),
            "{words:#?}"
        );
    }
}

/// I7: what the owner did here, and what happened on the old server since, each has its word. Mail that has not come yet is
/// not unexplained, but the exit code says that it is not here.
#[test]
fn what_people_did_is_explained() {
    let pair = Pair::start(
        "berta",
        &[
            mailbox(&["INBOX"], 6),
            mailbox(&["Work"], 3),
            mailbox(&["Gone"], 2),
            mailbox(&["Left"], 1),
        ],
    );
    run_complete(&mut pair.command());
    let mut here = owner(&pair);
    here.append(&["INBOX"], &[], Some(7), &text("delivered")).unwrap();
    here.select(&["INBOX"]).unwrap();
    here.store("1", "+FLAGS", &["\\Flagged", "mine"]).unwrap();
    here.store("2", "+FLAGS", &["\\Deleted"]).unwrap();
    here.expunge("2").unwrap();
    here.create(&["Filed"]).unwrap();
    here.move_to("3", &["Filed"]).unwrap();
    here.delete(&["Gone"]).unwrap();
    here.logout().unwrap();
    // Only what its owner did: all is well.
    let (code, json) = verify(&pair, &[]);
    assert_eq!(code, 0, "{:#?}", told(&json));
    assert_eq!(standings(&json)[..2], [0, 0]);
    assert_eq!(
        told(&json),
        [
            "INBOX removed_here 1 2",
            "INBOX moved_here 1 3",
            "INBOX flags_changed_here 1 1",
            "INBOX delivered_here 1 7",
            "Gone removed_here 2 1:2",
            "Gone mailbox_removed_here 1",
            "Filed mailbox_made_here 1",
        ]
    );
    let mut there = source(&pair);
    there.append(&["INBOX"], &[], Some(9), &text("late")).unwrap();
    there.select(&["Work"]).unwrap();
    there.store("1", "+FLAGS", &["\\Seen"]).unwrap();
    there.store("3", "+FLAGS", &["\\Deleted"]).unwrap();
    there.expunge("3").unwrap();
    there.delete(&["Left"]).unwrap();
    there.create(&["Fresh"]).unwrap();
    there.subscribe(&["Fresh"]).unwrap();
    there.logout().unwrap();
    let (code, json) = verify(&pair, &["--deep"]);
    assert_eq!((code, standings(&json)[0]), (3, 0), "{:#?}", told(&json));
    assert_eq!(
        told(&json),
        [
            "INBOX not_yet_moved 1 7",
            "INBOX removed_here 1 2",
            "INBOX moved_here 1 3",
            "INBOX flags_changed_here 1 1",
            "INBOX delivered_here 1 7",
            "Fresh mailbox_not_yet_moved 1",
            "Gone removed_here 2 1:2",
            "Gone mailbox_removed_here 1",
            "Work flags_changed_there 1 1",
            "Work removed_there 1 3",
            "Left removed_there 1 1",
            "Left mailbox_removed_there 1",
            "Filed mailbox_made_here 1",
        ]
    );
    assert_eq!(
        json["subscriptions"][0]["difference"], "not_yet_subscribed",
        "{json}"
    );
    let (code, json) = verify(
        &pair,
        &["--exclude", "INBOX", "--include", "Gone", "--include", "INBOX"],
    );
    assert_eq!(code, 0);
    assert!(told(&json).contains(&"INBOX excluded 1".to_owned()), "{json}");
    run_complete(&mut pair.command());
    let (code, json) = verify(&pair, &[]);
    assert_eq!(code, 0, "{:#?}", told(&json));
}

/// What nobody did on purpose is unexplained, each by its own word.
#[test]
fn damage_is_unexplained() {
    let pair = Pair::start("clara", &[mailbox(&["INBOX"], 7), mailbox(&["Work"], 2)]);
    run_complete(&mut pair.command());
    let changed = file_of(&pair, "", 2);
    let mut bytes = fs::read(&changed).unwrap();
    bytes[9] ^= 1;
    let modified = fs::metadata(&changed).unwrap().modified().unwrap();
    fs::write(&changed, bytes).unwrap();
    let file = fs::File::options().write(true).open(&changed).unwrap();
    file.set_modified(modified).unwrap();
    let dated = fs::File::options()
        .write(true)
        .open(file_of(&pair, "", 3))
        .unwrap();
    dated.set_modified(modified).unwrap();
    let copy = pair.maildir().join("cur/1500000000.M1P1.elsewhere:2,");
    fs::copy(file_of(&pair, "", 4), &copy).unwrap();
    let other_name = file_of(&pair, "", 5);
    let twin = other_name.to_string_lossy().replacen("/cur/1", "/cur/2", 1);
    fs::copy(&other_name, twin).unwrap();
    fs::remove_file(file_of(&pair, "", 6)).unwrap();
    forget_pair(&pair, 6);
    fs::remove_file(pair.maildir().join(".Work/dovecot-uidlist")).unwrap();
    for options in [&[][..], &["--deep"]] {
        let (code, json) = verify(&pair, options);
        assert_eq!(
            told(&json),
            [
                "INBOX bytes_differ 1 2",
                "INBOX missing 1 6",
                "INBOX duplicate 2",
                "INBOX date_differs 1 3",
                "Work uid_differs 2 1:2",
                "Work uid_validity_differs 1",
            ]
        );
        assert_eq!((code, standings(&json)), (3, [8, 0, 0]), "{json}");
        assert_eq!(json["verified"], false);
    }
    // The old server's own bytes.
    let pair = Pair::start("dora", &[mailbox(&["INBOX"], 2)]);
    run_complete(&mut pair.command());
    let entries = fs::read_dir(pair.old.maildir("dora").join("cur")).unwrap();
    let path = entries.map(|entry| entry.unwrap().path()).min().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[9] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!(verify(&pair, &[]).0, 0, "it is not looked at");
    let (code, json) = verify(&pair, &["--deep"]);
    assert_eq!(code, 3);
    assert_eq!(told(&json), ["INBOX served_otherwise 1 1"]);
}

/// Removes what the base knows of a message of INBOX.
fn forget_pair(pair: &Pair, uid: u32) {
    let state = pair.maildir().with_file_name("Maildir.transhume.db");
    let sql = format!(
        "DELETE FROM pair WHERE uid = {uid} AND mailbox = (SELECT id FROM mailbox WHERE source_name = 'INBOX')"
    );
    let output = Command::new("python3")
        .args(["-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit(); c.close()"])
        .arg(state)
        .arg(sql)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Without the state file messages are known by their marks, which is said; damage is found all the same.
#[test]
fn a_lost_state_file_is_told() {
    let pair = Pair::start("emma", &[mailbox(&["INBOX"], 3)]);
    run_complete(&mut pair.command());
    let home = pair.new.home("emma");
    fs::remove_file(home.join("Maildir.transhume.db")).unwrap();
    let (code, json) = verify(&pair, &["--deep"]);
    assert_eq!(
        (code, &json["base"]),
        (0, &Value::from(false)),
        "{:#?}",
        told(&json)
    );
    let changed = file_of(&pair, "", 2);
    let modified = fs::metadata(&changed).unwrap().modified().unwrap();
    let text = String::from_utf8(fs::read(&changed).unwrap()).unwrap();
    fs::write(&changed, text.replace("INBOX", "inbox")).unwrap();
    fs::File::options()
        .write(true)
        .open(&changed)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    fs::remove_file(file_of(&pair, "", 3)).unwrap();
    assert_eq!(
        told(&verify(&pair, &[]).1),
        ["INBOX missing 1 3"],
        "the size is the same"
    );
    assert_eq!(
        told(&verify(&pair, &["--deep"]).1),
        ["INBOX bytes_differ 1 2", "INBOX missing 1 3"]
    );
}

/// The report as people see it, and as a page; without the password, and in a file of its own.
#[test]
fn people_read_the_same() {
    let pair = Pair::start("hilde", &[mailbox(&["INBOX"], 3), mailbox(&["a <b>&"], 1)]);
    run_complete(&mut pair.command());
    fs::remove_file(file_of(&pair, "", 2)).unwrap();
    forget_pair(&pair, 2);
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let mut command = command(&pair);
    let output = command.arg("--html").arg(&page).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let page = fs::read_to_string(page).unwrap();
    assert!(
        page.contains("hilde@127.0.0.1") && page.contains("a &lt;b&gt;&amp;"),
        "{page}"
    );
    assert!(
        page.contains("missing on the new side") && !page.contains("<script"),
        "{page}"
    );
    assert_no_password(&page);
    let mut plain = Command::new(transhume_e2e::binary());
    let arguments: Vec<_> = command
        .get_args()
        .filter(|argument| *argument != "--json")
        .map(Into::into)
        .collect::<Vec<std::ffi::OsString>>();
    let output = plain
        .args(arguments)
        .env("TRANSHUME_PASSWORD", PASSWORD)
        .output()
        .unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(
        shown.contains("Unexplained: “INBOX”: 1 missing on the new side, and nothing says why (UID 2)."),
        "{shown}"
    );
    assert!(
        shown.contains("Verdict: unexplained: 1, not here: 0, explained: 0. Some"),
        "{shown}"
    );
}

/// Nothing is made where there is nothing, and a run that writes keeps verify out.
#[test]
fn what_cannot_be_compared_is_an_error() {
    let pair = Pair::start("ida", &[mailbox(&["INBOX"], 1)]);
    let before = traces(&pair.new.home("ida"));
    let (code, json, _) = run(&mut command(&pair));
    assert_eq!(code, 2, "{json}");
    assert_eq!(traces(&pair.new.home("ida")), before);
    run_complete(&mut pair.command());
    let maildir = fs::File::open(pair.maildir()).unwrap();
    maildir.try_lock().unwrap();
    let (code, json, _) = run(&mut command(&pair));
    assert_eq!(code, 8, "{json}");
    maildir.unlock().unwrap();
    maildir.try_lock_shared().unwrap();
    assert_eq!(verify(&pair, &[]).0, 0, "readers do not keep each other out");
    assert_eq!(run(&mut pair.command()).0, 8, "but a move");
    let state = pair.maildir().with_file_name("Maildir.transhume.db");
    fs::write(
        &state,
        "this is no database, and it is long enough to be looked at as one",
    )
    .unwrap();
    let (code, json, _) = run(&mut command(&pair));
    assert_eq!(code, 7, "{json}");
    assert!(
        json["error"]["advice"]
            .as_str()
            .unwrap()
            .contains("Nothing was changed"),
        "{json}"
    );
}

/// I3: a mailbox that was restored from a backup lacks what came since. Nobody has removed that, and the next move brings it.
#[test]
fn a_restored_mailbox_is_not_taken_for_one_that_was_tidied() {
    let pair = Pair::start("jutta", &[mailbox(&["INBOX"], 2), mailbox(&["Work"], 2)]);
    run_complete(&mut pair.command());
    let backup = tempfile::tempdir().unwrap();
    let copy = |from: &Path, to: &Path| {
        let status = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
        assert!(status.success());
    };
    let work = pair.maildir().join(".Work");
    copy(&work, backup.path());
    let mut there = source(&pair);
    there.append(&["Work"], &[], Some(9), &text("late")).unwrap();
    there.logout().unwrap();
    run_complete(&mut pair.command());
    fs::remove_dir_all(&work).unwrap();
    copy(&backup.path().join(".Work"), &pair.maildir());
    let (code, json) = verify(&pair, &[]);
    assert_eq!(code, 3);
    assert_eq!(told(&json), ["Work not_yet_moved 1 3", "Work set_back 1"]);
    run_complete(&mut pair.command());
    let (code, json) = verify(&pair, &[]);
    assert_eq!((code, told(&json)), (0, vec![]));
}

/// I6, I13: numbers that could not be the old server's, and messages that were here before, are told as what they are.
#[test]
fn other_numbers_are_explained() {
    let pair = Pair::start("karin", &[mailbox(&["INBOX"], 2)]);
    let mut here = owner(&pair);
    here.append(&["INBOX"], &[], Some(1), &text("INBOX-0")).unwrap();
    here.logout().unwrap();
    run_complete(&mut pair.command());
    let mut here = owner(&pair);
    here.append(&["INBOX"], &[], Some(1), &text("taken")).unwrap();
    here.logout().unwrap();
    let mut there = source(&pair);
    there.append(&["INBOX"], &[], Some(9), &text("late")).unwrap();
    there.logout().unwrap();
    run_complete(&mut pair.command());
    let (code, json) = verify(&pair, &["--deep"]);
    assert_eq!(code, 0, "{json}");
    assert_eq!(
        told(&json),
        [
            "INBOX delivered_here 1 3",
            "INBOX renumbered 1 3",
            "INBOX was_here 1 1"
        ]
    );
    // The old server numbers its messages anew.
    for name in [
        "dovecot-uidlist",
        "dovecot.index",
        "dovecot.index.log",
        "dovecot.index.cache",
    ] {
        let _ = fs::remove_file(pair.old.maildir("karin").join(name));
    }
    source(&pair).logout().unwrap();
    let (code, json) = verify(&pair, &[]);
    assert_eq!(code, 3, "{json}");
    assert!(
        told(&json).contains(&"INBOX numbered_anew_there 1".to_owned()),
        "{:#?}",
        told(&json)
    );
    run_complete(&mut pair.command());
    let (code, json) = verify(&pair, &[]);
    assert_eq!(code, 0, "{:#?}", told(&json));
    assert_eq!(
        told(&json),
        [
            "INBOX delivered_here 1 3",
            "INBOX was_here 3 1:3",
            "INBOX own_numbers 1"
        ]
    );
}
