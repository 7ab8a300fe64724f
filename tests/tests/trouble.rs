//! What goes wrong, goes wrong in an orderly way: one paragraph that says what to do, an exit code, nothing lost; and
//! once the cause is removed, the next run completes the move.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "trouble/command_line.rs"]
mod command_line;
#[path = "trouble/connection.rs"]
mod connection;
#[path = "trouble/login.rs"]
mod login;
#[path = "trouble/lost.rs"]
mod lost;
#[path = "trouble/signals.rs"]
mod signals;
#[path = "trouble/target.rs"]
mod target;

use std::process::Command;

use serde_json::Value;
use transhume_e2e::{Pair, move_command, run, run_complete};
use transhume_testkit::{AccountView, Body, Dovecot, MailboxSpec, MessageSpec};

const USER: &str = "alice";
/// Octets of the one big message: most of the account, so that offsets inside it are easily named.
const BIG: u64 = 700_000;

/// An account with one big message among small ones, flags, keywords, and an empty mailbox.
fn mailboxes() -> Vec<MailboxSpec> {
    let message = |uid: u32, size: u64, flags: &[&str]| MessageSpec {
        uid,
        body: Body::Generated {
            seed: uid.into(),
            size,
        },
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        internal_date: 1_400_000_000 + i64::from(uid) * 1000,
    };
    let mut inbox = MailboxSpec::new(&["INBOX"], 1_200_000_000);
    for number in 1..=24 {
        let flags: &[&str] = match number % 3 {
            0 => &["\\Seen", "$Label1"],
            1 => &["\\Answered", "\\Seen"],
            _ => &[],
        };
        let size = if number == 12 {
            BIG
        } else {
            450 + u64::from(number) * 60
        };
        inbox.messages.push(message(number * 3 + 1, size, flags));
    }
    inbox.uid_next = Some(500);
    let mut archive = MailboxSpec::new(&["Archiv", "Müller"], 1_200_000_007);
    for number in 1..=20 {
        archive.messages.push(message(number + 4000, 900, &["\\Flagged"]));
    }
    vec![inbox, archive, MailboxSpec::new(&["Empty"], 77)]
}

/// Two servers, and what the old one served before anything was tried.
struct Scene {
    pair: Pair,
    before: AccountView,
}

impl Scene {
    fn start() -> Self {
        Self::of(Pair::start(USER, &mailboxes()))
    }

    /// With an old server of another kind, which must have the account.
    fn with_old(old: Dovecot) -> Self {
        let mut pair = Pair::start(USER, &[]);
        pair.old = old;
        let owner = pair.old.chown_to();
        transhume_testkit::write_account(&pair.old.maildir(USER), owner, &mailboxes()).unwrap();
        Self::of(pair)
    }

    fn of(pair: Pair) -> Self {
        let before = pair.old_view();
        Self { pair, before }
    }

    /// The move by an address of the old server: scheme, host and port.
    fn from(&self, scheme: &str, host: &str, port: u16) -> Command {
        move_command(&format!("{scheme}://{USER}@{host}:{port}"), &self.pair.maildir())
    }

    /// The cause has been removed: the run completes, and both sides are the same, the old one untouched.
    fn completes(&self, command: &mut Command) -> Value {
        let json = run_complete(command);
        self.pair.assert_same();
        assert_eq!(
            self.pair.old_view(),
            self.before,
            "the old side is not what it was"
        );
        json
    }

    /// Another run of the same kind on an empty target.
    fn clear(&self) {
        let home = self.pair.new.home(USER);
        std::fs::remove_dir_all(&home).unwrap();
        make_home(&self.pair);
    }
}

/// Makes the account's home on the new side, as an administrator does before a move.
fn make_home(pair: &Pair) {
    let home = pair.new.home(USER);
    std::fs::create_dir(&home).unwrap();
    if let Some((uid, gid)) = pair.new.chown_to() {
        std::os::unix::fs::chown(&home, Some(uid), Some(gid)).unwrap();
    }
}

/// Whether the tests run as root.
fn is_root(pair: &Pair) -> bool {
    pair.new.chown_to().is_some()
}

/// The run fails with this code and says all of these words, in one paragraph, which is given back.
fn fails(command: &mut Command, code: i32, words: &[&str]) -> String {
    let (got, json, stderr) = run(command);
    judge(got, &json, &stderr, code, words)
}

fn judge(got: i32, json: &Value, stderr: &str, code: i32, words: &[&str]) -> String {
    assert_eq!(got, code, "{json}\n{stderr}");
    for never in [
        "panicked",
        "RUST_BACKTRACE",
        "stack backtrace",
        "Error {",
        "Os {",
        "\x1b",
    ] {
        assert!(!stderr.contains(never), "{stderr}");
    }
    let paragraphs: Vec<&str> = stderr
        .lines()
        .filter(|line| line.starts_with("transhume: "))
        .collect();
    assert_eq!(paragraphs.len(), 1, "{stderr}");
    assert_eq!(stderr.lines().last(), Some(paragraphs[0]), "{stderr}");
    for word in words {
        assert!(paragraphs[0].contains(word), "no “{word}” in: {stderr}");
    }
    let part = |name: &str| {
        let text = json["error"][name].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "no {name}: {json}");
        text.trim_end_matches('.').to_owned()
    };
    assert_eq!(
        paragraphs[0].trim_end_matches('.'),
        format!("transhume: {}. {}", part("what"), part("advice"))
    );
    assert_eq!(json["exit_code"], code, "{json}");
    assert!(json["outcome"].is_string(), "{json}");
    paragraphs[0].to_owned()
}
