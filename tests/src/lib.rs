//! Support for the whole-system tests: the real binary between real servers.
//!
//! The tests themselves are in `tests/`. They run the binary that `TRANSHUME_BIN` names, as `cargo xtask test` sets it (the
//! release build); without it they build and run the debug one.

#![allow(clippy::expect_used, reason = "test support: what fails here fails the test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use transhume_testkit::encode::base64;
use transhume_testkit::{
    AccountView, Difference, Dovecot, MailboxSpec, Oracle, compare, snapshot, write_account,
};

/// The password of every account in these tests: with characters that break careless programs.
pub const PASSWORD: &str = "p & \"w\" %s $HOME é";

/// The binary under test.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("TRANSHUME_BIN") {
        Some(path) => PathBuf::from(path),
        None => build_debug(),
    })
}

fn build_debug() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "build",
            "--package",
            "transhume",
            "--message-format",
            "json-render-diagnostics",
        ])
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let mut artifacts = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = artifacts.find_map(|artifact| artifact["executable"].as_str().map(PathBuf::from));
    executable.expect("cargo names the executable")
}

/// An old server with one account, and a new one that serves the Maildir it is moved into.
pub struct Pair {
    /// The old server: separator `/`, TLS.
    pub old: Dovecot,
    /// The new server: separator `.`.
    pub new: Dovecot,
    /// The account's name on both.
    pub user: String,
}

impl Pair {
    /// Starts both; the old one holds `mailboxes`, the new one an empty home.
    pub fn start(user: &str, mailboxes: &[MailboxSpec]) -> Self {
        Self::with_roles(user, mailboxes, &[])
    }

    /// As [`Pair::start`], with mailboxes that have roles on the old server, and the same on the new one.
    pub fn with_roles(user: &str, mailboxes: &[MailboxSpec], roles: &[(&str, &str)]) -> Self {
        let old = roles
            .iter()
            .fold(Dovecot::builder(), |server, (name, role)| {
                server.special_use(name, role)
            })
            .separator('/')
            .tls(true)
            .user(user, PASSWORD)
            .start()
            .expect("the old server starts");
        let new = new_server(user, roles);
        write_account(&old.maildir(user), old.chown_to(), mailboxes).expect("the old mailboxes are written");
        Self {
            old,
            new,
            user: user.to_owned(),
        }
    }

    /// The Maildir on the new side.
    pub fn maildir(&self) -> PathBuf {
        self.new.maildir(&self.user)
    }

    /// `transhume move` from the old server, over TLS with its certificate pinned, into the new Maildir.
    pub fn command(&self) -> Command {
        let from = format!("imaps://{}@127.0.0.1:{}", self.user, self.old.imaps_port());
        let mut command = move_command(&from, &self.maildir());
        command
            .arg("--pin")
            .arg(format!("sha256:{}", self.old.cert_sha256_hex()));
        command
    }

    /// The same without TLS, through another port: a fault proxy's.
    pub fn command_through(&self, port: u16) -> Command {
        move_command(
            &format!("imap+insecure://{}@127.0.0.1:{port}", self.user),
            &self.maildir(),
        )
    }

    /// What the old server serves.
    pub fn old_view(&self) -> AccountView {
        view(&self.old, &self.user)
    }

    /// What the new server serves.
    pub fn new_view(&self) -> AccountView {
        view(&self.new, &self.user)
    }

    /// Every difference between what both serve.
    pub fn differences(&self) -> Vec<Difference> {
        compare(&self.old_view(), &self.new_view())
    }

    /// Fails unless both serve the same, and the new server has nothing to complain about.
    pub fn assert_same(&self) {
        let differences: Vec<String> = self.differences().iter().map(ToString::to_string).collect();
        assert!(
            differences.is_empty(),
            "{} differences:\n{}",
            differences.len(),
            differences.join("\n")
        );
        assert_eq!(self.new.log_problems(), Vec::<String>::new());
    }
}

/// A new server, separator `.`, with an empty home for one account.
pub fn new_server(user: &str, roles: &[(&str, &str)]) -> Dovecot {
    let new = roles
        .iter()
        .fold(Dovecot::builder(), |server, (name, role)| {
            server.special_use(&name.replace('/', "."), role)
        })
        .separator('.')
        .user(user, PASSWORD)
        .start()
        .expect("the new server starts");
    let home = new.home(user);
    std::fs::create_dir_all(&home).expect("the new home is made");
    if let Some((uid, gid)) = new.chown_to() {
        std::os::unix::fs::chown(&home, Some(uid), Some(gid)).expect("the new home gets its owner");
    }
    new
}

fn view(server: &Dovecot, user: &str) -> AccountView {
    let mut oracle = Oracle::login(server, user).expect("the account logs in");
    snapshot(&mut oracle).expect("the account is read")
}

/// `transhume move --json` with the password in the environment.
pub fn move_command(from: &str, maildir: &Path) -> Command {
    command_between("move", from, maildir)
}

/// `transhume verify --json` with the password in the environment.
pub fn verify_command(from: &str, maildir: &Path) -> Command {
    command_between("verify", from, maildir)
}

fn command_between(verb: &str, from: &str, maildir: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .args([verb, "--json", "--from", from, "--to"])
        .arg(format!("maildir:{}", maildir.display()))
        .env("TRANSHUME_PASSWORD", PASSWORD)
        .env_remove("SSL_CERT_FILE");
    command
}

/// Runs to the end and gives exit code, JSON and standard error. The password must be in none of them (I10).
pub fn run(command: &mut Command) -> (i32, Value, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the binary runs");
    let (stdout, stderr) = (
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr).into_owned(),
    );
    assert_no_password(&stdout);
    assert_no_password(&stderr);
    let json = serde_json::from_str(&stdout).unwrap_or(Value::Null);
    (status.code().unwrap_or(-1), json, stderr)
}

/// Runs, and fails unless all was moved and verified.
pub fn run_complete(command: &mut Command) -> Value {
    let (code, json, stderr) = run(command);
    assert_eq!(code, 0, "{json}\n{stderr}");
    assert_eq!(json["verified"], true, "{json}");
    json
}

/// Every file below a directory with its size, times of change and inode: to see whether anything was written.
pub fn traces(dir: &Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    let mut found = Vec::new();
    let mut rest = vec![dir.to_owned()];
    while let Some(dir) = rest.pop() {
        for entry in std::fs::read_dir(&dir).expect("the directory is read") {
            let path = entry.expect("the entry is read").path();
            let metadata = path.symlink_metadata().expect("the entry is looked at");
            if metadata.is_dir() {
                rest.push(path.clone());
            }
            found.push(format!(
                "{} {} {} {}.{} {}:{} {:o}",
                path.display(),
                metadata.ino(),
                metadata.len(),
                metadata.ctime(),
                metadata.ctime_nsec(),
                metadata.uid(),
                metadata.gid(),
                metadata.mode(),
            ));
        }
    }
    found.sort();
    found
}

/// Fails if the password can be read in the text: as it is, as JSON writes it, or as a login sends it.
pub fn assert_no_password(text: &str) {
    let as_json = Value::from(PASSWORD).to_string();
    for form in [PASSWORD, as_json.trim_matches('"'), &base64(PASSWORD.as_bytes())] {
        assert!(!text.contains(form), "the password is shown");
    }
}

/// Waits until the condition holds, and fails when that takes too long.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_micros(300));
    }
}

/// Numbers that look random and are the same for the same seed (splitmix64).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed, which the test prints.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}
