//! What servers refuse: it is told, and all else arrives. And what cannot be done with a target on a server.

use std::process::Command;

use transhume_e2e::{PASSWORD, binary, run};
use transhume_testkit::{Body, MailboxSpec, MessageSpec};

use super::scene::{Scene, WAYS, Way, mailbox, total};

fn servers() -> impl Iterator<Item = Way> {
    WAYS.into_iter().filter(|way| *way != Way::Maildir)
}

fn long(uid: u32, size: u64) -> MessageSpec {
    MessageSpec {
        uid,
        body: Body::Generated {
            seed: u64::from(uid),
            size,
        },
        flags: vec!["\\Seen".to_owned()],
        internal_date: 1_300_000_000,
    }
}

/// One message that the server does not take keeps none of the others back, in whatever company it was sent.
#[test]
fn one_refused_message_keeps_no_other_back() {
    for way in servers() {
        let mut inbox = mailbox(&["INBOX"], 40);
        inbox.messages[17].body = Body::Bytes(Vec::new());
        let bad = inbox.messages[17].uid;
        let scene = Scene::start(way, &[inbox, mailbox(&["Next"], 3)]);
        for carried in [42, 0] {
            let json = scene.ends_with(3);
            assert_eq!(total(&json, "carried"), carried, "{json}");
            let failed = &json["mailboxes"][0]["failed"];
            assert_eq!(failed.as_array().unwrap().len(), 1, "{json}");
            assert_eq!(failed[0]["uid"], bad);
            assert!(
                failed[0]["reason"].as_str().unwrap().contains("does not take it"),
                "{json}"
            );
        }
        assert_eq!(scene.differences(&scene.old_view(), &scene.new_view()).len(), 1);
        // It goes on the old side: nothing is left to complain about.
        let mut source = scene.old_side();
        source.select(&["INBOX"]).unwrap();
        source.expunge(&bad.to_string()).unwrap();
        source.logout().unwrap();
        scene.complete();
        scene.assert_same();
    }
}

/// A message that is too long for the server, whether it announces its limit or not.
#[test]
fn a_message_that_is_too_long() {
    const LIMIT: &str = "plugin {\n  quota_max_mail_size = 100k\n}\n";
    for way in servers() {
        let mut inbox = mailbox(&["INBOX"], 12);
        inbox.messages.push(long(500, 150_000));
        let mut config = format!(
            "mail_plugins = quota\n{LIMIT}plugin {{\n  quota = count:all\n  quota_vsizes = yes\n}}\n"
        );
        if way == Way::Imap("") {
            config += "protocol imap {\n  imap_capability = +APPENDLIMIT=102400\n}\n";
        }
        let scene = Scene::with_new(way, &[inbox, mailbox(&["Next"], 3)], "", &config);
        let json = scene.ends_with(3);
        assert_eq!(total(&json, "carried"), 15, "{json}");
        assert_eq!(json["mailboxes"][0]["failed"][0]["uid"], 500, "{json}");
        let told = json["mailboxes"][0]["failed"][0]["reason"].as_str().unwrap();
        assert_eq!(
            told.contains("no more than 102400"),
            way == Way::Imap(""),
            "{told}"
        );
        assert_eq!(scene.differences(&scene.old_view(), &scene.new_view()).len(), 1);
    }
}

/// I3, I5: the quota is used up: the run ends and says so, what has arrived stays, and goes on when there is room.
#[test]
fn over_quota() {
    for way in servers() {
        let mut inbox = MailboxSpec::new(&["INBOX"], 1_700_000_001);
        inbox.messages = (1..=60).map(|uid| long(uid, 10_000)).collect();
        let config = |limit: &str| {
            format!(
                "mail_plugins = quota\nplugin {{\n  quota = count:all\n  quota_vsizes = yes\n  quota_grace = 0\n  \
                 quota_rule = *:storage={limit}\n}}\n"
            )
        };
        let scene = Scene::with_new(way, &[inbox, mailbox(&["Next"], 3)], "", &config("300k"));
        let json = scene.ends_with(7);
        let words = json["error"].to_string();
        assert!(
            words.contains("no room on the target") && words.contains("Raise the quota"),
            "{words}"
        );
        let arrived = scene.new_view().message_count();
        assert!((20..=30).contains(&arrived), "{arrived}");
        scene.change_config("storage=300k", "storage=30M");
        let json = scene.complete();
        assert_eq!(total(&json, "carried"), 63 - arrived as u64, "{json}");
        scene.assert_same_mail();
    }
}

/// What is for Maildirs only is refused before anything is done, in words that say so.
#[test]
fn what_is_for_maildirs_only_is_told() {
    let scene = Scene::start(Way::Imap(""), &[mailbox(&["INBOX"], 2)]);
    let before = scene.new_view().to_text();
    let from = format!("imap+insecure://carla@127.0.0.1:{}", scene.old.imap_port());
    let to = format!("imap+insecure://carla@127.0.0.1:{}", scene.new.imap_port());
    let of_move = |options: &[&str]| {
        let mut command = scene.command();
        command.args(options);
        command
    };
    let mut verify = Command::new(binary());
    verify
        .args(["verify", "--from", &from, "--to", &to])
        .env("TRANSHUME_PASSWORD", PASSWORD);
    for (mut command, words) in [
        (of_move(&["--deletions", "follow"]), "nothing is removed there"),
        (of_move(&["--owner", "root"]), "is for Maildirs"),
        (verify, "with a Maildir only"),
    ] {
        let (code, json, stderr) = run(&mut command);
        assert_eq!(code, 2, "{json}\n{stderr}");
        assert!(stderr.contains(words), "{stderr}");
    }
    assert!(!scene.state().exists());
    assert_eq!(scene.new_view().to_text(), before);
}
