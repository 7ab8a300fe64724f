//! The first copy, and copies that are there already.

use std::collections::BTreeMap;
use std::fs;

use transhume_testkit::corpus::acceptance;
use transhume_testkit::{Body, FolderView, MailboxSpec, MessageSpec};

use super::scene::{Scene, WAYS, Way, mailbox, text, total};

/// What Dovecot keeps as it is when it is given by APPEND: it takes no empty message, drops a carriage return that is no part
/// of a line end, and gives a date to come the time of the command.
fn survives_append(message: &MessageSpec) -> bool {
    let has_odd_line_ends = match &message.body {
        Body::Bytes(bytes) => {
            let mut pairs = bytes.windows(2);
            bytes.ends_with(b"\r") || pairs.any(|pair| pair[0] == b'\r' && pair[1] != b'\n')
        }
        Body::Generated { .. } => false,
    };
    !message.body.is_empty() && !has_odd_line_ends && message.internal_date < 1_750_000_000
}

/// I2, I3, I4: everything arrives as it was: odd names and texts, empty mailboxes, subscriptions. A second run does nothing.
#[test]
fn the_first_copy_is_the_same_and_the_second_run_does_nothing() {
    for way in WAYS {
        let mut mailboxes = acceptance();
        if way != Way::Maildir {
            mailboxes.retain(|mailbox| mailbox.exists);
            for mailbox in &mut mailboxes {
                mailbox.messages.retain(survives_append);
                if way != Way::Imap("") && mailbox.name != ["Edge"] {
                    mailbox.messages.truncate(12);
                }
            }
        }
        let scene = Scene::start(way, &mailboxes);
        scene.complete();
        scene.assert_same();
        scene.assert_same_order();
        scene.finds_nothing();
    }
}

#[test]
fn a_server_whose_mailboxes_lie_below_the_inbox() {
    // Without NAMESPACE nobody could know that they do.
    let can_tell = |way: &Way| matches!(way, Way::Imap("")) || format!("{way:?}").contains("NAMESPACE");
    for way in WAYS.into_iter().filter(can_tell) {
        let mailboxes = [
            mailbox(&["INBOX"], 3),
            mailbox(&["INBOX", "Ablage"], 2),
            mailbox(&["Größe"], 2),
        ];
        let scene = Scene::with_new(way, &mailboxes, "INBOX.", "");
        scene.complete();
        scene.assert_same();
        scene.finds_nothing();
    }
}

fn digests(view: &FolderView) -> BTreeMap<[u8; 32], usize> {
    view.messages
        .values()
        .fold(BTreeMap::new(), |mut count, message| {
            *count.entry(message.body_sha256).or_default() += 1;
            count
        })
}

fn with_copies() -> Vec<MailboxSpec> {
    let mut inbox = mailbox(&["INBOX"], 6);
    for number in 0..4 {
        inbox = inbox.message(1_600_000_000, &text(&format!("copy-{}", number / 3)));
    }
    vec![inbox, mailbox(&["Work"], 3)]
}

/// I6: as many as there were, also where another tool has brought some of them before.
#[test]
fn copies_keep_their_number() {
    for way in WAYS {
        let scene = Scene::start(way, &with_copies());
        let mut owner = scene.new_side();
        owner.create(&["Work"]).unwrap();
        for subject in ["copy-0", "copy-0", "INBOX-2", "own"] {
            owner
                .append(&["INBOX"], &[], Some(1_600_000_000), &text(subject))
                .unwrap();
        }
        owner
            .append(&["Work"], &["\\Seen"], None, &text("Work-1"))
            .unwrap();
        owner.logout().unwrap();
        let json = scene.complete();
        assert_eq!(
            (total(&json, "carried"), total(&json, "adopted")),
            (9, 4),
            "{json}"
        );
        let (old, new) = (scene.old_view(), scene.new_view());
        let mut expected = digests(old.folder(&["INBOX"]));
        let new_inbox = digests(new.folder(&["INBOX"]));
        let own = new_inbox
            .keys()
            .find(|digest| !expected.contains_key(*digest))
            .unwrap();
        expected.insert(*own, 1);
        assert_eq!(new_inbox, expected);
        assert_eq!(digests(new.folder(&["Work"])), digests(old.folder(&["Work"])));
        scene.finds_nothing();
    }
}

/// I3, I6: without what this program remembers, both sides are read, and nothing comes twice.
#[test]
fn a_lost_state_file_is_made_good() {
    for way in WAYS {
        let scene = Scene::start(way, &with_copies());
        scene.complete();
        let before = scene.new_view();
        fs::remove_file(scene.state()).unwrap();
        let json = scene.complete();
        assert_eq!(total(&json, "adopted"), 13, "{json}");
        assert_eq!(scene.new_view().to_text(), before.to_text());
        scene.finds_nothing();
    }
}

/// I12: a dry run shows what a run does, and changes nothing on either side.
#[test]
fn a_dry_run_shows_and_does_nothing() {
    for way in WAYS {
        let scene = Scene::start(way, &with_copies());
        let mut owner = scene.new_side();
        owner.append(&["INBOX"], &[], None, &text("own")).unwrap();
        let before = scene.new_view();
        let json = transhume_e2e::run(scene.command().arg("--dry-run")).1;
        assert_eq!(total(&json, "carried"), 13, "{json}");
        assert_eq!(scene.new_view().to_text(), before.to_text());
        assert!(!scene.state().exists() || way != Way::Maildir);
        scene.complete();
        let json = transhume_e2e::run(scene.command().arg("--dry-run")).1;
        assert_eq!(total(&json, "carried"), 0, "{json}");
    }
}
