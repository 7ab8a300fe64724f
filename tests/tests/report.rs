//! Reports: every message is on record, changes of the record show, and what is no longer as it says is named.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use transhume_e2e::{PASSWORD, Pair, assert_no_password, binary, run, run_complete, verify_command};
use transhume_testkit::corpus::acceptance;
use transhume_testkit::{Body, MailboxSpec, MessageSpec, Oracle, run_measured};

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

/// `transhume verify --json` between both.
fn verify(pair: &Pair) -> Command {
    let from = format!("imaps://{}@127.0.0.1:{}", pair.user, pair.old.imaps_port());
    let mut command = verify_command(&from, &pair.maildir());
    command
        .arg("--pin")
        .arg(format!("sha256:{}", pair.old.cert_sha256_hex()));
    command
}

/// Writes a report, and gives what it was called, the exit code and what was said.
fn write(pair: &Pair, folder: &TempDir, options: &[&str]) -> (PathBuf, i32, Value) {
    let name = folder.path().join(&pair.user);
    let (code, json, stderr) = run(verify(pair).arg("--write-report").arg(&name).args(options));
    assert!(json["error"].is_null(), "{json}\n{stderr}");
    (name.with_extension("jsonl"), code, json)
}

/// `transhume verify --report` with both ends as the report has them.
fn check(pair: &Pair, report: &Path, options: &[&str]) -> (i32, Value) {
    let mut command = Command::new(binary());
    command.args(["verify", "--json", "--report"]).arg(report);
    if !options.contains(&"--target-only") {
        command
            .arg("--pin")
            .arg(format!("sha256:{}", pair.old.cert_sha256_hex()))
            .env("TRANSHUME_PASSWORD", PASSWORD);
    }
    let (code, json, _) = run(command.args(options));
    (code, json)
}

fn lines(report: &Path) -> Vec<Value> {
    let text = fs::read_to_string(report).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// `mailbox uid fate target/uid` of every message.
fn told(report: &Path) -> Vec<String> {
    let name = |levels: &Value| {
        let levels = levels.as_array().unwrap().iter();
        levels
            .map(|level| level.as_str().unwrap())
            .collect::<Vec<_>>()
            .join("/")
    };
    lines(report)
        .iter()
        .filter(|line| line["line"] == "message")
        .map(|line| {
            let (mailbox, fate) = (name(&line["mailbox"]), line["fate"].as_str().unwrap());
            let place = match &line["target"] {
                Value::Null => String::new(),
                target => format!(" {} {}", name(&target["mailbox"]), target["uid"]),
            };
            format!("{mailbox} {} {fate}{place}", line["uid"])
        })
        .collect()
}

/// `mailbox change uids`, those that break the report first with a `!`.
fn changes(json: &Value) -> Vec<String> {
    let changes = json["report"]["changes"].as_array();
    let changes = changes.unwrap_or_else(|| panic!("{json}")).iter();
    changes
        .map(|change| {
            let sign = if change["breaks"] == true { "!" } else { "" };
            let mailbox = change["mailbox"][0].as_str().unwrap();
            format!(
                "{sign}{mailbox} {} {}",
                change["change"].as_str().unwrap(),
                change["uids"].as_str().unwrap()
            )
        })
        .collect()
}

/// The program that docs/report.md shows, run on a report.
fn recompute(report: &Path) -> Result<String, String> {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/report.md");
    let document = fs::read_to_string(document).unwrap();
    let program = document.split("```python\n").nth(1).unwrap();
    let program = program.split("```").next().unwrap();
    let output = Command::new("python3")
        .args(["-c", program])
        .arg(report)
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn file_of(pair: &Pair, mailbox: &str, uid: u32) -> PathBuf {
    let cur = pair.maildir().join(mailbox).join("cur");
    let mark = format!("U{uid}T");
    fs::read_dir(cur)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().contains(&mark))
        .unwrap()
}

/// I3, I6: every oddity there is has its line, in all forms, with the digest that was taken when it was carried; and whoever wants to
/// can recompute the chain.
#[test]
fn every_message_is_on_record() {
    let pair = Pair::start("anna", &acceptance());
    run_complete(&mut pair.command());
    let folder = tempfile::tempdir().unwrap();
    let (report, code, json) = write(&pair, &folder, &["--quick"]);
    let written = &json["written"];
    assert_eq!((code, &written["complete"]), (0, &true.into()), "{written}");
    assert_eq!(json["totals"]["bytes_read"], 0, "no file was read");
    let all: u64 = pair
        .old_view()
        .folders
        .values()
        .map(|mailbox| mailbox.messages.len() as u64)
        .sum();
    assert_eq!(
        (&written["messages"], &written["fates"]["here"]),
        (&all.into(), &all.into())
    );
    let lines = lines(&report);
    let messages: Vec<&Value> = lines.iter().filter(|line| line["line"] == "message").collect();
    assert_eq!(messages.len() as u64, all);
    assert!(
        messages
            .iter()
            .all(|line| line["digest"].as_str().is_some_and(|digest| digest.len() == 71))
    );
    let end = lines.last().unwrap();
    assert_eq!(
        (&end["complete"], &end["unexplained"]),
        (&true.into(), &0.into()),
        "{end}"
    );
    assert_eq!(recompute(&report).unwrap(), written["chain"].as_str().unwrap());
    // The table says the same, line by line; the page what it is in all.
    let table = fs::read_to_string(report.with_extension("csv")).unwrap();
    let page = fs::read_to_string(report.with_extension("html")).unwrap();
    for line in &lines {
        assert!(
            table.contains(&format!(",{}\r\n", line["chain"].as_str().unwrap())),
            "{line}"
        );
    }
    assert!(
        page.contains(written["chain"].as_str().unwrap()) && page.contains("Complete: "),
        "{page}"
    );
    assert!(!page.contains("<script") && !page.contains("://"), "{page}");
    for ending in ["jsonl", "csv", "html"] {
        let file = report.with_extension(ending);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_no_password(&fs::read_to_string(file).unwrap());
    }
    // With every file read it says the same, and that what lies in them is what it was.
    let again = tempfile::tempdir().unwrap();
    let (second, code, json) = write(&pair, &again, &["--deep"]);
    assert_eq!(code, 0, "{json}");
    assert_eq!(told(&second), told(&report));
    let (code, json) = check(
        &pair,
        &report,
        &["--deep", "--chain", written["chain"].as_str().unwrap()],
    );
    assert_eq!((code, changes(&json)), (0, vec![]), "{json}");
    // It is not written over.
    let (code, json, _) = run(verify(&pair).arg("--write-report").arg(report.with_extension("")));
    assert_eq!(code, 2, "{json}");
}

/// I7: where a message is that its owner has put elsewhere, and why another is not here.
#[test]
fn what_people_did_is_on_record() {
    let pair = Pair::start("berta", &[mailbox(&["INBOX"], 6), mailbox(&["Work"], 2)]);
    run_complete(&mut pair.command());
    let mut here = Oracle::login(&pair.new, &pair.user).unwrap();
    here.append(&["INBOX"], &[], Some(7), &text("delivered")).unwrap();
    here.create(&["Filed"]).unwrap();
    here.select(&["INBOX"]).unwrap();
    here.move_to("3", &["Filed"]).unwrap();
    here.store("2", "+FLAGS", &["\\Deleted"]).unwrap();
    here.expunge("2").unwrap();
    here.store("1", "+FLAGS", &["\\Flagged"]).unwrap();
    here.rename(&["Work"], &["Old work"]).unwrap();
    here.logout().unwrap();
    let mut there = Oracle::login(&pair.old, &pair.user).unwrap();
    there.append(&["INBOX"], &[], Some(9), &text("late")).unwrap();
    there.select(&["INBOX"]).unwrap();
    there.store("6", "+FLAGS", &["\\Deleted"]).unwrap();
    there.expunge("6").unwrap();
    there.logout().unwrap();
    for options in [&["--quick"][..], &[]] {
        let folder = tempfile::tempdir().unwrap();
        let (report, code, json) = write(&pair, &folder, options);
        assert_eq!((code, &json["written"]["complete"]), (3, &false.into()), "{json}");
        assert_eq!(
            told(&report),
            [
                "INBOX 1 here INBOX 1",
                "INBOX 2 removed_here",
                "INBOX 3 moved_here Filed 1",
                "INBOX 4 here INBOX 4",
                "INBOX 5 here INBOX 5",
                "INBOX 6 here INBOX 6",
                "INBOX 7 to_come",
                "Work 1 moved_here Old work 1",
                "Work 2 moved_here Old work 2",
            ]
        );
        let lines = lines(&report);
        let gone = lines.iter().find(|line| line["uid"] == 6).unwrap();
        assert_eq!(gone["on_source"], false, "{gone}");
    }
    run_complete(&mut pair.command());
    let folder = tempfile::tempdir().unwrap();
    let (_, code, json) = write(&pair, &folder, &["--quick"]);
    assert_eq!((code, &json["written"]["complete"]), (0, &true.into()), "{json}");
}

/// Whatever is done to a report shows, and where.
#[test]
fn a_report_that_was_changed_is_refused() {
    let pair = Pair::start("clara", &[mailbox(&["INBOX"], 5)]);
    run_complete(&mut pair.command());
    let folder = tempfile::tempdir().unwrap();
    let (report, _, _) = write(&pair, &folder, &["--quick"]);
    let whole = fs::read_to_string(&report).unwrap();
    let all: Vec<&str> = whole.lines().collect();
    let without = |at: usize| [&all[..at], &all[at + 1..]].concat().join("\n");
    let mut swapped = all.clone();
    swapped.swap(3, 4);
    let changed = whole.replacen("\"uid\":4", "\"uid\":9", 1);
    for (text, line) in [
        (changed, Some(6)),
        (without(3), Some(4)),
        (swapped.join("\n"), Some(4)),
        (all[..all.len() - 1].join("\n"), Some(7)),
        (format!("{whole}{}\n", all[3]), Some(9)),
        (whole[..whole.len() - 9].to_owned(), Some(8)),
        ("no report".to_owned(), Some(1)),
        (String::new(), None),
    ] {
        let other = folder.path().join("other.jsonl");
        fs::write(&other, text).unwrap();
        let (code, json) = check(&pair, &other, &[]);
        assert_eq!(code, 3, "{json}");
        let what = json["error"]["what"].as_str().unwrap();
        if let Some(line) = line {
            assert!(what.contains(&format!("line {line}:")), "{line}: {what}");
        }
    }
    // Written anew from end to end, it is only told by what was noted.
    let (code, json) = check(&pair, &report, &["--chain", &"0".repeat(64)]);
    assert_eq!(code, 3, "{json}");
    assert_eq!(check(&pair, &report, &[]).0, 0);
}

/// What is no longer as the report says is named; what people do with mail is only told.
#[test]
fn what_was_done_behind_our_back_is_named() {
    let mut pair = Pair::start("dora", &[mailbox(&["INBOX"], 9), mailbox(&["Work"], 2)]);
    run_complete(&mut pair.command());
    let folder = tempfile::tempdir().unwrap();
    let (report, _, _) = write(&pair, &folder, &["--quick"]);
    let mut here = Oracle::login(&pair.new, &pair.user).unwrap();
    here.create(&["Filed"]).unwrap();
    here.select(&["INBOX"]).unwrap();
    here.move_to("5", &["Filed"]).unwrap();
    here.store("6", "+FLAGS", &["\\Flagged"]).unwrap();
    here.logout().unwrap();
    let mut there = Oracle::login(&pair.old, &pair.user).unwrap();
    there.append(&["INBOX"], &[], Some(9), &text("late")).unwrap();
    there.select(&["INBOX"]).unwrap();
    there.store("7", "+FLAGS", &["\\Seen"]).unwrap();
    there.logout().unwrap();
    run_complete(&mut pair.command());
    let (code, json) = check(&pair, &report, &[]);
    assert_eq!(
        (code, changes(&json)),
        (
            0,
            vec![
                "INBOX flags_here 6:7".to_owned(),
                "INBOX flags_there 7".to_owned(),
                "INBOX moved_here 5".to_owned(),
                "INBOX came_there 10".to_owned()
            ]
        ),
        "{json}"
    );
    // Behind our back, on both sides.
    fs::remove_file(file_of(&pair, "", 2)).unwrap();
    let changed = file_of(&pair, "", 3);
    let modified = fs::metadata(&changed).unwrap().modified().unwrap();
    let mut bytes = fs::read(&changed).unwrap();
    bytes[9] ^= 1;
    fs::write(&changed, bytes).unwrap();
    let file = fs::File::options().write(true).open(&changed).unwrap();
    file.set_modified(modified).unwrap();
    fs::remove_file(file_of(&pair, ".Work", 1)).unwrap();
    let mut there = Oracle::login(&pair.old, &pair.user).unwrap();
    there.select(&["INBOX"]).unwrap();
    there.store("8", "+FLAGS", &["\\Deleted"]).unwrap();
    there.expunge("8").unwrap();
    there.logout().unwrap();
    let (code, json) = check(&pair, &report, &[]);
    assert_eq!((code, &json["report"]["holds"]), (3, &false.into()), "{json}");
    let broken = |json: &Value| -> Vec<String> {
        let all = changes(json).into_iter();
        all.filter_map(|change| change.strip_prefix('!').map(str::to_owned))
            .collect()
    };
    assert_eq!(
        broken(&json),
        [
            "INBOX gone_here 2",
            "INBOX other_bytes_here 3",
            "INBOX gone_there 8",
            "Work gone_here 1",
        ]
    );
    // A person reads the same.
    let output = Command::new(binary())
        .args(["verify", "--report"])
        .arg(&report)
        .arg("--pin")
        .arg(format!("sha256:{}", pair.old.cert_sha256_hex()))
        .env("TRANSHUME_PASSWORD", PASSWORD)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("No longer so: “INBOX”: 1 no longer on the new side") && said.contains("(UID 2)"),
        "{said}"
    );
    // When the old server is gone, what is here is still held against it.
    pair.old.stop();
    let (code, json) = check(&pair, &report, &["--target-only"]);
    assert_eq!(
        (code, broken(&json)),
        (
            3,
            vec![
                "INBOX gone_here 2".to_owned(),
                "INBOX other_bytes_here 3".to_owned(),
                "Work gone_here 1".to_owned()
            ]
        ),
        "{json}"
    );
}

/// I9: 100,000 messages in one mailbox, in one pass, with no file read and little memory; and one that is missing is named.
#[test]
fn a_report_of_100_000_messages() {
    const MESSAGES: u32 = 100_000;
    const LIMIT_KIB: u64 = 64 * 1024;
    let mut inbox = MailboxSpec::new(&["INBOX"], 1_250_000_000);
    for number in 1..=MESSAGES {
        inbox.messages.push(MessageSpec {
            uid: number,
            body: Body::Generated {
                seed: number.into(),
                size: 1_000,
            },
            flags: Vec::new(),
            internal_date: 1_450_000_000 + i64::from(number),
        });
    }
    let pair = Pair::start("emma", &[inbox]);
    run_complete(&mut pair.command());
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("emma.jsonl");
    let mut command = verify(&pair);
    command
        .arg("--quick")
        .arg("--write-report")
        .arg(report.with_extension(""));
    let measured = run_measured(&mut command).unwrap();
    let said = String::from_utf8_lossy(&measured.stderr);
    assert!(measured.status.success(), "{said}");
    let json: Value = serde_json::from_slice(&measured.stdout).unwrap();
    assert_eq!(json["written"]["fates"]["here"], MESSAGES, "{json}");
    assert_eq!(json["totals"]["bytes_read"], 0);
    println!(
        "written with {} KiB in {:?}",
        measured.peak_rss_kib, measured.wall
    );
    assert!(measured.peak_rss_kib < LIMIT_KIB, "{} KiB", measured.peak_rss_kib);
    let page = report.with_extension("html").metadata().unwrap().len();
    assert!(page < 100_000, "the page stays small: {page}");
    fs::remove_file(file_of(&pair, "", 77_777)).unwrap();
    let mut command = Command::new(binary());
    command
        .args(["verify", "--json", "--target-only", "--report"])
        .arg(&report);
    let measured = run_measured(&mut command).unwrap();
    let json: Value = serde_json::from_slice(&measured.stdout).unwrap();
    println!(
        "checked with {} KiB in {:?}",
        measured.peak_rss_kib, measured.wall
    );
    assert_eq!(measured.status.code(), Some(3), "{json}");
    assert_eq!(changes(&json), ["!INBOX gone_here 77777"]);
    assert!(measured.peak_rss_kib < LIMIT_KIB, "{} KiB", measured.peak_rss_kib);
}
