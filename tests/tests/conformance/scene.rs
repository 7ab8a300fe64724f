//! An old server, a new one, and a target on the new one.

use std::fs;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use transhume_e2e::{PASSWORD, move_command, run, run_complete, wait_until};
use transhume_testkit::compare::CompareOptions;
use transhume_testkit::{AccountView, Dovecot, MailboxSpec, Oracle, compare_with, snapshot, write_account};

pub(crate) const USER: &str = "carla";

/// The ways to the new side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// Into its files.
    Maildir,
    /// Through a server that announces this; all that Dovecot can, where it is empty.
    Imap(&'static str),
}

pub(crate) const WAYS: [Way; 6] = [
    Way::Maildir,
    Way::Imap(""),
    // No APPENDUID is believed: UIDs are found by what has come.
    Way::Imap("IMAP4rev1 LITERAL+ MULTIAPPEND NAMESPACE LIST-EXTENDED LIST-STATUS"),
    // One message with each command.
    Way::Imap("IMAP4rev1 LITERAL+ UIDPLUS NAMESPACE LIST-EXTENDED LIST-STATUS SPECIAL-USE"),
    // A turn for each literal.
    Way::Imap("IMAP4rev1 UIDPLUS MULTIAPPEND NAMESPACE"),
    // Nothing but the protocol itself.
    Way::Imap("IMAP4rev1"),
];

pub(crate) struct Scene {
    pub(crate) way: Way,
    pub(crate) old: Dovecot,
    pub(crate) new: Dovecot,
    folder: TempDir,
}

impl Scene {
    /// The old server holds `mailboxes`.
    pub(crate) fn start(way: Way, mailboxes: &[MailboxSpec]) -> Self {
        Self::with_new(way, mailboxes, "", "")
    }

    /// With a prefix on the new server, and lines for its configuration.
    pub(crate) fn with_new(way: Way, mailboxes: &[MailboxSpec], prefix: &str, config: &str) -> Self {
        println!("{way:?} {prefix}");
        let old = Dovecot::builder()
            .separator('/')
            .user(USER, PASSWORD)
            .start()
            .unwrap();
        let capability = match way {
            Way::Imap(capability) if !capability.is_empty() => {
                format!("protocol imap {{\n  imap_capability = {capability}\n}}\n")
            }
            _ => String::new(),
        };
        let new = Dovecot::builder()
            .separator('.')
            .prefix(prefix)
            .user(USER, PASSWORD)
            .extra_config(&format!("{capability}{config}"))
            .start()
            .unwrap();
        write_account(&old.maildir(USER), old.chown_to(), mailboxes).unwrap();
        let home = new.home(USER);
        fs::create_dir_all(&home).unwrap();
        if let Some((uid, gid)) = new.chown_to() {
            chown(&home, Some(uid), Some(gid)).unwrap();
        }
        Self {
            way,
            old,
            new,
            folder: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn is_imap(&self) -> bool {
        self.way != Way::Maildir
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// A run.
    pub(crate) fn command(&self) -> Command {
        self.command_through(self.old.imap_port(), self.new.imap_port())
    }

    /// A run through other ports: those of proxies.
    pub(crate) fn command_through(&self, old: u16, new: u16) -> Command {
        let from = format!("imap+insecure://{USER}@127.0.0.1:{old}");
        let mut command = move_command(&from, &self.new.maildir(USER));
        if self.is_imap() {
            let to = format!("imap+insecure://{USER}@127.0.0.1:{new}");
            command = Command::new(transhume_e2e::binary());
            command
                .args(["move", "--json", "--from", &from, "--to", &to])
                .env("TRANSHUME_PASSWORD", PASSWORD)
                .env("TRANSHUME_TO_PASSWORD", PASSWORD);
        }
        command.arg("--state").arg(self.state());
        command
    }

    /// A run that moves and verifies all.
    pub(crate) fn complete(&self) -> Value {
        run_complete(&mut self.command())
    }

    /// A run that finds nothing to do, and does nothing.
    pub(crate) fn finds_nothing(&self) {
        let before = self.new_view();
        let json = self.complete();
        for what in ["carried", "adopted", "flags_set"] {
            assert_eq!(total(&json, what), 0, "{json}");
        }
        assert_eq!(self.new_view().to_text(), before.to_text());
    }

    /// A run that ends with this code.
    pub(crate) fn ends_with(&self, code: i32) -> Value {
        let (found, json, stderr) = run(&mut self.command());
        assert_eq!(found, code, "{json}\n{stderr}");
        json
    }

    /// Has the new server read its configuration with one text in the place of another.
    pub(crate) fn change_config(&self, before: &str, after: &str) {
        let path = self.new.config_path();
        let config = fs::read_to_string(&path).unwrap();
        assert!(config.contains(before));
        fs::write(&path, config.replace(before, after)).unwrap();
        let reloaded = Command::new("doveadm")
            .arg("-c")
            .arg(&path)
            .arg("reload")
            .status();
        assert!(reloaded.unwrap().success());
        wait_until("the server takes logins again", || {
            Oracle::login(&self.new, USER).is_ok()
        });
    }

    pub(crate) fn old_side(&self) -> Oracle {
        Oracle::login(&self.old, USER).unwrap()
    }

    pub(crate) fn new_side(&self) -> Oracle {
        Oracle::login(&self.new, USER).unwrap()
    }

    pub(crate) fn old_view(&self) -> AccountView {
        snapshot(&mut self.old_side()).unwrap()
    }

    pub(crate) fn new_view(&self) -> AccountView {
        snapshot(&mut self.new_side()).unwrap()
    }

    /// Fails unless both sides hold the same; UIDs too, where they can be kept.
    pub(crate) fn assert_same(&self) {
        self.assert_same_mail();
        assert_eq!(self.new.log_problems(), Vec::<String>::new());
    }

    /// As [`Scene::assert_same`], after what the new server had reason to complain about.
    pub(crate) fn assert_same_mail(&self) {
        let differences = self.differences(&self.old_view(), &self.new_view());
        assert_eq!(differences, Vec::<String>::new());
    }

    /// Fails unless messages stand in the same order on both sides.
    pub(crate) fn assert_same_order(&self) {
        let order = |view: &AccountView| -> Vec<_> {
            let folders = view.folders.iter();
            folders
                .map(|(name, folder)| {
                    let texts = folder.messages.values().map(|message| message.body_sha256);
                    (name.clone(), texts.collect::<Vec<_>>())
                })
                .collect()
        };
        assert!(order(&self.old_view()) == order(&self.new_view()));
    }

    pub(crate) fn differences(&self, old: &AccountView, new: &AccountView) -> Vec<String> {
        let options = CompareOptions {
            uids: !self.is_imap(),
            special_use: false,
        };
        let differences = compare_with(old, new, options);
        differences.iter().map(ToString::to_string).collect()
    }
}

pub(crate) fn total(json: &Value, what: &str) -> u64 {
    json["totals"][what].as_u64().unwrap()
}

pub(crate) fn text(subject: &str) -> Vec<u8> {
    format!("Subject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\nThis is {subject}.\r\n")
        .into_bytes()
}

/// A mailbox of `count` messages with gaps between their UIDs, some with flags.
pub(crate) fn mailbox(name: &[&str], count: usize) -> MailboxSpec {
    let mut spec = (0..count).fold(MailboxSpec::new(name, 1_700_000_001), |spec, number| {
        let date = 1_500_000_000 + i64::try_from(number).unwrap();
        spec.message(date, &text(&format!("{}-{number}", name.join("-"))))
    });
    for (number, message) in spec.messages.iter_mut().enumerate() {
        message.uid = u32::try_from(number + number / 2 + 1).unwrap();
        let flags: &[&str] = match number % 4 {
            0 => &["\\Seen"],
            1 => &["\\Flagged", "work"],
            _ => &[],
        };
        message.flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    }
    spec
}
