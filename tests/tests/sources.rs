//! Cyrus and Courier as old servers: what they serve arrives as they serve it, and changes come after it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::process::Command;

use serde_json::Value;
use transhume_e2e::{PASSWORD, move_command, new_server, run_complete, traces};
use transhume_testkit::compare::DifferenceKind;
use transhume_testkit::oracle::Refusal;
use transhume_testkit::{
    AccountView, CompareOptions, Courier, Cyrus, Difference, Dovecot, MailboxSpec, Oracle, compare_with,
    corpus, snapshot,
};

const USER: &str = "alice";

/// Special uses are the servers' configuration, and here neither has any.
const ALL_BUT_ROLES: CompareOptions = CompareOptions {
    uids: true,
    special_use: false,
};

/// An account on some old server, and the new server that it is moved to.
struct Move {
    old_port: u16,
    new: Dovecot,
}

impl Move {
    /// Puts the mailboxes onto the old server; returns with what it refused.
    fn prepare(old_port: u16, mailboxes: &[MailboxSpec]) -> (Self, Vec<Refusal>) {
        let new = new_server(USER, &[]);
        let prepared = Self { old_port, new };
        let refused = prepared.at_old().fill(mailboxes).unwrap();
        (prepared, refused)
    }

    fn at_old(&self) -> Oracle {
        Oracle::connect(self.old_port, USER, PASSWORD.as_bytes()).unwrap()
    }

    fn at_new(&self) -> Oracle {
        Oracle::login(&self.new, USER).unwrap()
    }

    fn old_view(&self) -> AccountView {
        snapshot(&mut self.at_old()).unwrap()
    }

    fn new_view(&self) -> AccountView {
        snapshot(&mut self.at_new()).unwrap()
    }

    fn command(&self) -> Command {
        let from = format!("imap+insecure://{USER}@127.0.0.1:{}", self.old_port);
        move_command(&from, &self.new.maildir(USER))
    }

    fn differences(&self, old: &AccountView) -> Vec<Difference> {
        compare_with(old, &self.new_view(), ALL_BUT_ROLES)
    }

    /// Fails unless the new server serves the same, and has nothing to complain about.
    fn assert_serves(&self, old: &AccountView) {
        let differences: Vec<String> = self.differences(old).iter().map(ToString::to_string).collect();
        assert_eq!(differences, Vec::<String>::new());
        assert_eq!(self.new.log_problems(), Vec::<String>::new());
    }

    /// I4: one more run finds nothing to do, and leaves no trace.
    fn assert_idle(&self) {
        let before = traces(&self.new.maildir(USER));
        let json = run_complete(&mut self.command());
        for done in [
            "carried",
            "adopted",
            "flags_set",
            "removed_by_owner",
            "renumbered",
        ] {
            assert_eq!(total(&json, done), 0, "{done}: {json}");
        }
        assert_eq!(traces(&self.new.maildir(USER)), before);
    }
}

fn total(json: &Value, what: &str) -> u64 {
    json["totals"][what].as_u64().unwrap()
}

fn text(subject: &str) -> Vec<u8> {
    format!("Subject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\nThis is {subject}.\r\n")
        .into_bytes()
}

fn levels(name: &[&str]) -> Vec<String> {
    name.iter().map(|level| (*level).to_owned()).collect()
}

/// The UIDs of messages in the mailbox of oddities, by their names.
fn edges(names: &[&str]) -> Vec<u32> {
    let all = corpus::edge_messages();
    let uid = |wanted: &&str| all.iter().find(|(name, _)| name == wanted).unwrap().1.uid;
    names.iter().map(uid).collect()
}

fn small() -> Vec<MailboxSpec> {
    let mailbox = |name: &[&str], count: i64| {
        (0..count).fold(MailboxSpec::new(name, 1), |spec, number| {
            spec.message(
                1_500_000_000 + number,
                &text(&format!("{}-{number}", name.join("-"))),
            )
        })
    };
    let mut inbox = mailbox(&["INBOX"], 5);
    // One was there and is gone.
    inbox
        .messages
        .iter_mut()
        .skip(2)
        .for_each(|message| message.uid += 1);
    vec![
        inbox,
        mailbox(&["INBOX", "Below"], 2),
        mailbox(&["Work"], 3),
        mailbox(&["Work", "Entwürfe"], 1),
        MailboxSpec {
            subscribed: false,
            ..mailbox(&["Empty"], 0)
        },
    ]
}

/// I1, I2, I3, I4, I6, I13: all that Cyrus takes of the account that has everything in it.
#[test]
fn everything_on_a_cyrus_arrives_as_it_is_served() {
    let server = Cyrus::builder().user(USER, PASSWORD).start().unwrap();
    let (moved, refused) = Move::prepare(server.imap_port(), &corpus::acceptance());

    // Names with characters that Cyrus does not allow; a mailbox that is not there.
    let names = ["Quote \"q\"", "back\\slash", "100%", "{5}", "[square] & <angle>"];
    let mut expected: Vec<Refusal> = names.map(|name| Refusal::Mailbox(levels(&[name]))).into();
    // It wants a header, nothing but headers in it, and no NUL anywhere.
    let messages = [
        "text-only",
        "header-without-line-end",
        "empty-message",
        "nul-body",
        "nul-header",
        "space-before-colon",
    ];
    expected.extend(
        edges(&messages)
            .into_iter()
            .map(|uid| Refusal::Message(levels(&["Edge"]), uid)),
    );
    expected.push(Refusal::Subscription(levels(&["Gone", "Long ago"])));
    assert_eq!(refused, expected);

    let before = moved.old_view();
    let json = run_complete(&mut moved.command());
    assert_eq!(json["totals"]["carried"], before.message_count());
    moved.assert_serves(&before);
    moved.assert_idle();
    assert_eq!(
        moved.old_view().to_text(),
        before.to_text(),
        "the old server is as it was"
    );
}

/// I1, I2, I3, I4, I6, I13: the same for Courier, which takes nearly everything.
#[test]
fn everything_on_a_courier_arrives_as_it_is_served() {
    let server = Courier::builder().user(USER, PASSWORD).start().unwrap();
    let (moved, refused) = Move::prepare(server.imap_port(), &corpus::acceptance());
    // It knows no characters beyond the first 65,536.
    assert_eq!(refused, [Refusal::Mailbox(levels(&["😀 party 🎉"]))]);

    let before = moved.old_view();
    let json = run_complete(&mut moved.command());
    assert_eq!(json["totals"]["carried"], before.message_count());

    // NUL is served by Courier, though IMAP cannot carry it, and by Dovecot as 0x80. Nothing else may differ.
    let with_nul = edges(&["nul-body", "nul-header"]);
    let differences = moved.differences(&before);
    let other = differences.iter().filter(|difference| {
        let nul = difference.folder == ["Edge"] && difference.uid.is_some_and(|uid| with_nul.contains(&uid));
        !(nul && matches!(difference.kind, DifferenceKind::BodySha256 { .. }))
    });
    assert_eq!(
        other.map(ToString::to_string).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    let (mut old, mut new) = (moved.at_old(), moved.at_new());
    old.examine(&["Edge"]).unwrap();
    new.examine(&["Edge"]).unwrap();
    for uid in with_nul {
        let mut body = old.fetch_body(uid).unwrap();
        assert!(body.contains(&0));
        body.iter_mut()
            .filter(|byte| **byte == 0)
            .for_each(|byte| *byte = 0x80);
        assert_eq!(new.fetch_body(uid).unwrap(), body);
    }
    old.logout().unwrap();
    assert_eq!(moved.new.log_problems(), Vec::<String>::new());
    moved.assert_idle();
    assert_eq!(
        moved.old_view().to_text(),
        before.to_text(),
        "the old server is as it was"
    );
}

/// I3, I4, I13: new mail, flags, a new mailbox and removals, on each kind of server and namespace.
#[test]
fn changes_on_other_servers_come_over() {
    let cyrus = || Cyrus::builder().user(USER, PASSWORD);
    let below = cyrus().start().unwrap();
    let beside = cyrus().altnamespace(true).start().unwrap();
    let courier = Courier::builder().user(USER, PASSWORD).start().unwrap();
    for (port, prefix) in [
        (below.imap_port(), "INBOX/"),
        (beside.imap_port(), ""),
        (courier.imap_port(), "INBOX."),
    ] {
        let (moved, refused) = Move::prepare(port, &small());
        assert_eq!(refused, []);
        assert_eq!(moved.at_old().prefix(), prefix);
        let json = run_complete(&mut moved.command());
        assert_eq!(total(&json, "carried"), 11, "{prefix}: {json}");
        moved.assert_serves(&moved.old_view());
        moved.assert_idle();
        change(&moved);

        let json = run_complete(&mut moved.command());
        assert_eq!(
            (total(&json, "carried"), total(&json, "flags_set")),
            (3, 2),
            "{prefix}: {json}"
        );
        // What is removed on the old server stays on the new one; all else is the same.
        let kept = [(levels(&["INBOX"]), Some(2), DifferenceKind::ExtraMessage)];
        let differences = moved.differences(&moved.old_view()).into_iter();
        let differences: Vec<_> = differences
            .map(|found| (found.folder, found.uid, found.kind))
            .collect();
        assert_eq!(differences, kept, "{prefix}");
        moved.assert_idle();
    }
}

/// As its owner works on an account.
fn change(moved: &Move) {
    let mut owner = moved.at_old();
    owner
        .append(
            &["INBOX"],
            &["\\Flagged", "fresh"],
            Some(1_600_000_000),
            &text("late"),
        )
        .unwrap();
    owner.append(&["INBOX"], &[], None, &text("later")).unwrap();
    owner.create(&["Später", "Äußerst"]).unwrap();
    owner.subscribe(&["Später", "Äußerst"]).unwrap();
    owner
        .append(&["Später", "Äußerst"], &[], Some(0), &text("first"))
        .unwrap();
    owner.select(&["Work"]).unwrap();
    owner.store("1,3", "+FLAGS", &["\\Seen", "todo"]).unwrap();
    owner.select(&["INBOX"]).unwrap();
    owner.expunge("2").unwrap();
    owner.logout().unwrap();
}
