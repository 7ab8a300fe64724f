//! Later passes: what has changed on the old server comes over, and what was done on the new one stays.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs;
use std::path::Path;

use serde_json::Value;
use transhume_e2e::{PASSWORD, Pair, move_command, run, run_complete, traces};
use transhume_testkit::{AccountView, MailboxSpec, MessageView, Oracle};

fn text(subject: &str) -> Vec<u8> {
    format!("Subject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\nThis is {subject}.\r\n")
        .into_bytes()
}

/// A mailbox of `count` messages with every third UID left out.
fn mailbox(name: &[&str], count: usize) -> MailboxSpec {
    let mut spec = (0..count).fold(MailboxSpec::new(name, 1_700_000_001), |spec, number| {
        let date = 1_500_000_000 + i64::try_from(number).unwrap();
        spec.message(date, &text(&format!("{}-{number}", name.join("-"))))
    });
    for (number, message) in spec.messages.iter_mut().enumerate() {
        message.uid = u32::try_from(number + number / 2 + 1).unwrap();
    }
    spec
}

fn small() -> Vec<MailboxSpec> {
    vec![
        mailbox(&["INBOX"], 5),
        mailbox(&["Work"], 3),
        mailbox(&["Work", "Old"], 0),
    ]
}

fn old(pair: &Pair) -> Oracle {
    Oracle::login(&pair.old, &pair.user).unwrap()
}

fn new(pair: &Pair) -> Oracle {
    Oracle::login(&pair.new, &pair.user).unwrap()
}

/// Removes all that Dovecot knows of a mailbox but its messages.
fn forget_numbers(mailbox: &Path) {
    for entry in fs::read_dir(mailbox).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("dovecot") && path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
}

fn totals(json: &Value, what: &str) -> u64 {
    json["totals"][what].as_u64().unwrap()
}

/// I9, I13: a mailbox of several windows, whose messages take several commands each.
#[test]
fn large_mailboxes_come_in_windows_and_keep_their_uids() {
    let pair = Pair::start("wide", &[mailbox(&["INBOX"], 5_300), mailbox(&["Next"], 700)]);
    let json = run_complete(&mut pair.command());
    assert_eq!(totals(&json, "carried"), 6_000);
    assert_eq!(totals(&json, "renumbered"), 0);
    pair.assert_same();
}

/// I3: new messages, changed flags and new mailboxes come over; deletions do not.
#[test]
fn changes_on_the_old_server_come_over() {
    let pair = Pair::start("bob", &small());
    run_complete(&mut pair.command());

    let mut source = old(&pair);
    source
        .append(
            &["INBOX"],
            &["\\Flagged", "fresh"],
            Some(1_600_000_000),
            &text("late"),
        )
        .unwrap();
    source.create(&["Später", "Äußerst"]).unwrap();
    source.subscribe(&["Später", "Äußerst"]).unwrap();
    source
        .append(&["Später", "Äußerst"], &[], Some(0), &text("first"))
        .unwrap();
    source.select(&["Work"]).unwrap();
    source.store("1", "+FLAGS", &["\\Seen", "todo"]).unwrap();
    source.logout().unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(totals(&json, "carried"), 2);
    assert_eq!(totals(&json, "flags_set"), 1);
    pair.assert_same();

    let mut source = old(&pair);
    source.select(&["INBOX"]).unwrap();
    source.store("1", "+FLAGS", &["\\Deleted"]).unwrap();
    source.expunge("1").unwrap();
    source.logout().unwrap();
    let before = pair.new_view();
    run_complete(&mut pair.command());
    assert_eq!(
        pair.new_view().to_text(),
        before.to_text(),
        "what is gone on the old server stays on the new one"
    );
}

/// I7, I14: what their owner did on the new side stays: flags, removals, moves, subscriptions, mailboxes, own mail.
#[test]
fn edits_on_the_new_side_survive() {
    let pair = Pair::start("carol", &small());
    run_complete(&mut pair.command());
    let mut owner = new(&pair);
    owner
        .append(&["INBOX"], &[], None, &text("delivered-here"))
        .unwrap();
    owner.select(&["INBOX"]).unwrap();
    owner.store("1", "+FLAGS", &["\\Flagged", "mine"]).unwrap();
    owner.store("2", "+FLAGS", &["\\Deleted"]).unwrap();
    owner.expunge("2").unwrap();
    owner.create(&["Filed"]).unwrap();
    owner.move_to("4", &["Filed"]).unwrap();
    owner.delete(&["Work", "Old"]).unwrap();
    owner.logout().unwrap();
    let edited = pair.new_view();

    // Nothing changed on the old server: nothing happens.
    run_complete(&mut pair.command());
    assert_eq!(pair.new_view().to_text(), edited.to_text());

    // All of these change on the old server too.
    let mut source = old(&pair);
    source.select(&["INBOX"]).unwrap();
    source.store("1:4", "+FLAGS", &["\\Seen"]).unwrap();
    source.append(&["INBOX"], &[], None, &text("late")).unwrap();
    source.logout().unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(totals(&json, "carried"), 1, "{json}");
    assert_eq!(totals(&json, "removed_by_owner"), 2, "{json}");
    assert_eq!(
        totals(&json, "renumbered"),
        1,
        "the new server had given the UID away: {json}"
    );

    let mut owner = new(&pair);
    owner.select(&["INBOX"]).unwrap();
    let messages = owner.fetch_all().unwrap();
    let uids: Vec<u32> = messages.iter().map(|message| message.uid).collect();
    assert_eq!(uids, [1, 5, 7, 8, 9], "3 of 5, the delivered one, the late one");
    let flags: Vec<&str> = messages[0].flags.iter().map(String::as_str).collect();
    assert!(
        flags.contains(&"\\Seen") && flags.contains(&"\\Flagged") && flags.contains(&"mine"),
        "{flags:?}"
    );
    owner.select(&["Filed"]).unwrap();
    assert_eq!(owner.fetch_all().unwrap().len(), 1);
    assert!(
        !pair.maildir().join(".Work.Old").exists(),
        "a mailbox that was deleted is not brought back"
    );

    // Unless mail comes for it, which nobody has removed.
    let mut source = old(&pair);
    source
        .append(&["Work", "Old"], &[], None, &text("after-all"))
        .unwrap();
    source.logout().unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(totals(&json, "carried"), 1, "{json}");
    owner.select(&["Work", "Old"]).unwrap();
    let back = owner.fetch_all().unwrap();
    assert_eq!(back.len(), 1, "what was removed with it stays away");
    assert_eq!(owner.fetch_body(back[0].uid).unwrap(), text("after-all"));
    let json = run_complete(&mut pair.command());
    assert_eq!(totals(&json, "carried"), 0, "{json}");
    assert_eq!(pair.new.log_problems(), Vec::<String>::new());
}

/// I3, I6, I7: mailboxes that their owner renames here keep getting their mail, though another may have taken the name.
#[test]
fn mailboxes_that_were_renamed_on_the_new_side_are_followed() {
    let mailboxes = [
        mailbox(&["INBOX"], 5),
        mailbox(&["Work"], 3),
        mailbox(&["Work", "Old"], 2),
    ];
    let pair = Pair::start("frida", &mailboxes);
    run_complete(&mut pair.command());
    let mut owner = new(&pair);
    owner.rename(&["Work", "Old"], &["Archive"]).unwrap();
    owner.rename(&["Work"], &["Office"]).unwrap();
    owner.create(&["Work"]).unwrap();
    owner.append(&["Work"], &[], None, &text("mine")).unwrap();
    let uid_validity = owner.examine(&["Archive"]).unwrap().uid_validity;
    owner.logout().unwrap();
    let mut source = old(&pair);
    source.append(&["Work", "Old"], &[], None, &text("late")).unwrap();
    source.append(&["Work"], &[], None, &text("later")).unwrap();
    source.logout().unwrap();
    let before = pair.new_view();

    let json = run_complete(&mut pair.command());
    assert_eq!(totals(&json, "carried"), 2, "{json}");
    let after = pair.new_view();
    for (name, more) in [("Archive", 1), ("Office", 1), ("Work", 0)] {
        let count = |view: &AccountView| view.folder(&[name]).messages.len();
        assert_eq!(count(&after), count(&before) + more, "{name}");
    }
    assert_eq!(after.folder(&["Archive"]).uid_validity, uid_validity);
    assert!(!pair.maildir().join(".Work.Old").exists());
    let json = run_complete(&mut pair.command());
    assert_eq!(totals(&json, "carried"), 0, "{json}");
    assert_eq!(pair.new.log_problems(), Vec::<String>::new());
}

/// I3, I6: without its base, and after the new server has numbered a mailbox anew, nothing is lost, doubled or renumbered.
#[test]
fn a_lost_base_and_a_lost_uidlist_are_made_good() {
    let pair = Pair::start("dave", &small());
    run_complete(&mut pair.command());
    let state = pair.new.home("dave").join("Maildir.transhume.db");
    fs::remove_file(&state).unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(
        (totals(&json, "carried"), totals(&json, "adopted")),
        (0, 8),
        "{json}"
    );
    pair.assert_same();

    // Dovecot remembers UIDVALIDITY in its index; without that too it makes up another.
    forget_numbers(&pair.maildir());
    new(&pair).select(&["INBOX"]).unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(totals(&json, "carried"), 0, "{json}");
    let differences: Vec<String> = pair.differences().iter().map(ToString::to_string).collect();
    assert_eq!(differences, Vec::<String>::new());

    // Without the base and without the list at once.
    fs::remove_file(&state).unwrap();
    fs::remove_file(pair.maildir().join(".Work/dovecot-uidlist")).unwrap();
    run_complete(&mut pair.command());
    assert_eq!(pair.differences(), []);
}

/// Where other mail has come in, UIDs that clients know cannot be put back: a lost list then begins a new numbering, in which
/// no client takes one message for another.
#[test]
fn a_lost_uidlist_with_other_mail_in_it_is_numbered_anew() {
    let pair = Pair::start("diana", &small());
    run_complete(&mut pair.command());
    let mut owner = new(&pair);
    for number in 0..3 {
        owner
            .append(&["INBOX"], &[], None, &text(&format!("other-{number}")))
            .unwrap();
    }
    owner.select(&["INBOX"]).unwrap();
    owner.expunge("8").unwrap();
    owner.logout().unwrap();
    let before = pair.new_view();
    fs::remove_file(pair.maildir().join("dovecot-uidlist")).unwrap();
    run_complete(&mut pair.command());
    let after = pair.new_view();
    let (before, after) = (before.folder(&["INBOX"]), after.folder(&["INBOX"]));
    assert_ne!(after.uid_validity, before.uid_validity);
    let digests = |view: &transhume_testkit::FolderView| {
        let mut digests: Vec<_> = view
            .messages
            .values()
            .map(|message| message.body_sha256)
            .collect();
        digests.sort_unstable();
        digests
    };
    assert_eq!(digests(after), digests(before));
}

/// A Maildir that was removed is another one, whatever the base says.
#[test]
fn a_maildir_that_was_wiped_is_filled_again() {
    let pair = Pair::start("erin", &small());
    run_complete(&mut pair.command());
    fs::remove_dir_all(pair.maildir()).unwrap();
    run_complete(&mut pair.command());
    pair.assert_same();

    // Dovecot makes a new one, and the user gets mail before anybody notices.
    fs::remove_dir_all(pair.maildir()).unwrap();
    let mut owner = new(&pair);
    owner.append(&["INBOX"], &[], None, &text("early")).unwrap();
    owner.logout().unwrap();
    run_complete(&mut pair.command());
    let differences: Vec<String> = pair.differences().iter().map(ToString::to_string).collect();
    assert_eq!(
        differences.len(),
        1,
        "only the early message is more: {differences:?}"
    );
    assert!(differences[0].contains("INBOX"), "{differences:?}");
}

/// I13: mail that came to the new side first is kept above, and the old server's UIDs are all kept.
#[test]
fn early_mail_makes_room() {
    let pair = Pair::start("frank", &small());
    let mut owner = new(&pair);
    for number in 0..3 {
        owner
            .append(&["INBOX"], &["\\Seen"], None, &text(&format!("early-{number}")))
            .unwrap();
    }
    owner.logout().unwrap();
    run_complete(&mut pair.command());
    let (source, target) = (pair.old_view(), pair.new_view());
    let (source, target) = (source.folder(&["INBOX"]), target.folder(&["INBOX"]));
    assert_eq!(target.uid_validity, source.uid_validity);
    assert_eq!(target.messages.len(), source.messages.len() + 3);
    for (uid, message) in &source.messages {
        assert_eq!(target.messages.get(uid), Some(message));
    }
}

/// I6: a mailbox that another tool has filled is not doubled; copies keep their number.
#[test]
fn messages_brought_by_another_tool_are_recognised() {
    let mut inbox = mailbox(&["INBOX"], 4);
    inbox.messages[3].body = inbox.messages[2].body.clone();
    let pair = Pair::start("grace", &[inbox]);
    let mut owner = new(&pair);
    for subject in ["INBOX-2", "INBOX-0", "INBOX-1", "early"] {
        owner.append(&["INBOX"], &[], Some(1), &text(subject)).unwrap();
    }
    owner.logout().unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(
        (totals(&json, "carried"), totals(&json, "adopted")),
        (1, 3),
        "{json}"
    );
    // I13: they have the source's UIDs now, and what the source does not have is above them.
    let bodies = |view: AccountView| {
        let inbox = view.folder(&["INBOX"]);
        let of = |(uid, message): (&u32, &MessageView)| (*uid, message.body_sha256);
        (
            inbox.uid_validity,
            inbox.messages.iter().map(of).collect::<Vec<_>>(),
        )
    };
    let (source, mut target) = (bodies(pair.old_view()), bodies(pair.new_view()));
    let early = target.1.pop();
    assert!(early.is_some_and(|(uid, _)| uid >= pair.old_view().folder(&["INBOX"]).uid_next));
    assert_eq!(source, target);
    let again = run_complete(&mut pair.command());
    assert_eq!(
        (totals(&again, "carried"), totals(&again, "adopted")),
        (0, 0),
        "{again}"
    );
}

/// I3, I6: when the old server numbers a mailbox anew, its messages are recognised by their bytes.
#[test]
fn a_mailbox_numbered_anew_is_not_carried_twice() {
    let pair = Pair::start("heidi", &small());
    run_complete(&mut pair.command());
    let mut owner = new(&pair);
    owner.select(&["INBOX"]).unwrap();
    owner.store("2", "+FLAGS", &["\\Deleted"]).unwrap();
    owner.expunge("2").unwrap();
    owner.logout().unwrap();
    let before = pair.new_view();

    forget_numbers(&pair.old.maildir("heidi"));
    let mut source = old(&pair);
    source.append(&["INBOX"], &[], None, &text("late")).unwrap();
    source.logout().unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(
        (totals(&json, "adopted"), totals(&json, "removed_by_owner")),
        (4, 1),
        "{json}"
    );
    let after = pair.new_view();
    assert_eq!(after.message_count(), before.message_count() + 1);
    let again = run_complete(&mut pair.command());
    assert_eq!(
        (totals(&again, "carried"), totals(&again, "adopted")),
        (0, 0),
        "{again}"
    );
}

/// I12: a dry run shows what a run does, and leaves no trace on either side.
#[test]
fn a_dry_run_shows_and_does_nothing() {
    let pair = Pair::start("ivan", &small());
    let home = pair.new.home("ivan");
    let before = traces(&home);
    let (code, plan, _) = run(pair.command().arg("--dry-run"));
    assert_eq!(code, 0);
    assert_eq!(traces(&home), before);
    let done = run_complete(&mut pair.command());
    assert_eq!(plan["totals"]["carried"], done["totals"]["carried"]);
    assert_eq!(plan["mailboxes"][0]["target"], done["mailboxes"][0]["target"]);

    old(&pair).append(&["INBOX"], &[], None, &text("late")).unwrap();
    let before = traces(&pair.maildir());
    let (_, plan, _) = run(pair.command().arg("--dry-run"));
    assert_eq!(totals(&plan, "carried"), 1);
    assert_eq!(traces(&pair.maildir()), before);
}

/// Only what was asked for is moved.
#[test]
fn mailboxes_are_chosen_by_patterns() {
    let boxes = [
        mailbox(&["INBOX"], 1),
        mailbox(&["A"], 1),
        mailbox(&["A", "B"], 1),
        mailbox(&["C"], 1),
    ];
    let pair = Pair::start("judy", &boxes);
    let json =
        run_complete(
            pair.command()
                .args(["--include", "A", "--include", "inbox", "--exclude", "A/%"]),
        );
    let names: Vec<&Value> = json["mailboxes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["target"])
        .collect();
    assert_eq!(names, [&serde_json::json!(["INBOX"]), &serde_json::json!(["A"])]);
    assert!(!pair.maildir().join(".C").exists());
    run_complete(&mut pair.command());
    pair.assert_same();
}

/// A source whose names the new server cannot hold: they are mended, told, and stay the same in later passes.
#[test]
fn names_with_dots_become_others() {
    let pair = Pair::start("kim", &[mailbox(&["INBOX"], 1)]);
    // A second old server that keeps dots in names: layout fs, separator '/'.
    let server = transhume_testkit::Dovecot::builder()
        .separator('/')
        .user("kim", PASSWORD)
        .extra_config("mail_location = maildir:~/Maildir:LAYOUT=fs")
        .start()
        .unwrap();
    let mut source = Oracle::login(&server, "kim").unwrap();
    for name in [&["v1.0"][..], &["v1.0", "notes"], &["v1_0"]] {
        source.create(name).unwrap();
        source.append(name, &[], Some(5), &text("x")).unwrap();
    }
    source.logout().unwrap();
    let from = format!("imap+insecure://kim@127.0.0.1:{}", server.imap_port());
    let json = run_complete(&mut move_command(&from, &pair.maildir()));
    let notes = json["notes"].to_string();
    assert!(notes.contains("v1.0") && notes.contains("v1_0-2"), "{notes}");
    let view = pair.new_view();
    for name in [&["v1_0-2"][..], &["v1_0-2", "notes"], &["v1_0"]] {
        assert_eq!(view.folder(name).messages.len(), 1, "{name:?}");
    }
    let again = run_complete(&mut move_command(&from, &pair.maildir()));
    assert_eq!(totals(&again, "carried"), 0);
}
