//! Providers, settings, migrations, accounts and domains, by the binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use transhume_e2e::binary;

const SECRET: &str = "gehéim % 'x";

struct Platform {
    folder: TempDir,
}

impl Platform {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn directory(&self) -> PathBuf {
        self.folder.path().join("directory.sqlite")
    }

    fn run(&self, words: &[&str]) -> (i32, Value, String) {
        let output = transhume(&self.directory(), words, "");
        answer(&output)
    }

    /// A command that must be done, and what it says.
    fn done(&self, words: &[&str]) -> Value {
        let (code, json, told) = self.run(words);
        assert_eq!((code, &json["exit_code"]), (0, &0.into()), "{words:?}: {told}");
        json
    }

    /// A command that must be refused for a reason.
    fn refused(&self, words: &[&str], says: &str) {
        let (code, json, told) = self.run(words);
        assert_eq!(code, 2, "{words:?}: {told}");
        let what = json["error"]["what"].as_str().unwrap_or(&told);
        assert!(what.contains(says), "{words:?}: {what}");
    }
}

fn transhume(directory: &Path, words: &[&str], input: &str) -> Output {
    let mut command = Command::new(binary());
    command.args(words).arg("--json").arg("--directory");
    command.arg(format!("sqlite:{}", directory.display()));
    for variable in ["TRANSHUME_DIRECTORY", "TRANSHUME_CONFIG"] {
        command.env_remove(variable);
    }
    for variable in [
        "TRANSHUME_PASSWORD",
        "TRANSHUME_ACCOUNT_PASSWORD",
        "TRANSHUME_MASTER_PASSWORD",
    ] {
        command.env(variable, SECRET);
    }
    let command = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn answer(output: &Output) -> (i32, Value, String) {
    let told = [&output.stdout[..], &output.stderr[..]]
        .map(String::from_utf8_lossy)
        .concat();
    // I10: no secret is shown.
    assert!(!told.contains("gehéim"), "{told}");
    let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().unwrap(), json, told)
}

/// What is wrong beside a provider “Old” of `old.example`, which comes into `new.example`.
fn wrong_providers() -> Vec<(Vec<&'static str>, &'static str)> {
    let add = |host: &'static str, more: &[&'static str]| {
        let words = ["provider", "add", "Two", "--host", host];
        words.into_iter().chain(more.iter().copied()).collect::<Vec<_>>()
    };
    vec![
        (
            vec![
                "provider",
                "add",
                "OLD",
                "--host",
                "x.example",
                "--domain",
                "x.example",
            ],
            "there is a provider “Old” already",
        ),
        (add("imap.two.example", &[]), "at least one domain"),
        (
            add("imap.two.example", &["--domain", "OLD.example"]),
            "hosted by the provider “Old” already",
        ),
        (
            add("not a host name!", &["--domain", "two.example"]),
            "neither a host name",
        ),
        (
            add("imaps://two.example", &["--domain", "two.example"]),
            "more than a host",
        ),
        (
            add("imap.two.example", &["--domain", "nodot"]),
            "--domain: “nodot” is not a domain name",
        ),
        (
            add("imap.two.example", &["--domain", "two.example", "--pin", "abc"]),
            "--pin: this is not a SHA-256",
        ),
        (
            add("imap.two.example", &["--domain", "two.example", "--port", "0"]),
            "invalid value '0'",
        ),
        (
            add(
                "imap.two.example",
                &["--domain", "two.example", "--port", "70000"],
            ),
            "invalid value '70000'",
        ),
        (
            vec!["provider", "change", "Nobody", "--port", "1"],
            "there is no provider “Nobody”",
        ),
        (
            vec![
                "provider",
                "change",
                "Old",
                "--remove-domain",
                "bücher.example",
                "--remove-domain",
                "old.example",
            ],
            "at least one domain",
        ),
        (
            vec!["domain", "remove", "new.example"],
            "brings the people of old.example into new.example",
        ),
    ]
}

#[test]
fn providers_are_checked_changed_and_removed() {
    let platform = Platform::new();
    let (code, ..) = platform.run(&["provider", "list"]);
    assert_eq!(code, 2, "there is no directory yet, and none is made by looking");
    assert!(!platform.directory().exists());

    platform.done(&["domain", "add", "new.example"]);
    let added = platform.done(&[
        "provider",
        "add",
        "Old",
        "--host",
        "IMAP.old.example.",
        "--domain",
        "Old.example=new.example",
        "--domain",
        "bücher.example",
        "--master",
        "root",
    ]);
    assert_eq!(added["provider"]["host"], "imap.old.example");
    assert_eq!(added["provider"]["port"], 993);
    let domains = &added["provider"]["domains"];
    assert_eq!(
        domains.to_string(),
        r#"[{"new":"new.example","old":"old.example"},{"new":null,"old":"xn--bcher-kva.example"}]"#
    );
    let key = platform.folder.path().join("secret.key");
    assert_eq!(
        key.metadata().unwrap().mode() & 0o777,
        0o600,
        "the master's password is sealed"
    );

    for (words, says) in wrong_providers() {
        platform.refused(&words, says);
    }

    // What is not said stays, the master's password too, under another name.
    let changed = platform.done(&[
        "provider",
        "change",
        "old",
        "--rename",
        "Very old",
        "--security",
        "starttls",
    ]);
    let provider = &changed["provider"];
    assert_eq!(
        (&provider["port"], &provider["security"]),
        (&143.into(), &"starttls".into())
    );
    assert_eq!(
        (&provider["master"], &provider["domains"]),
        (&"root".into(), domains)
    );
    assert_eq!(
        platform.done(&["provider", "show", "VERY OLD"])["provider"],
        *provider
    );

    platform.done(&["migration", "add", "ann@old.example", "--no-password"]);
    platform.refused(&["provider", "remove", "Very old"], "would go with it (1)");
    let removed = platform.done(&["provider", "remove", "Very old", "--with-migrations"]);
    assert_eq!(removed["migrations"], 1);
    assert_eq!(
        platform.done(&["provider", "list"])["providers"].to_string(),
        "[]"
    );
    let accounts = platform.done(&["account", "list"]);
    assert_eq!(
        accounts["accounts"][0]["login"], "ann@new.example",
        "the account stays"
    );
}

#[test]
fn a_migration_is_begun_steered_and_forgotten() {
    let platform = Platform::new();
    platform.done(&[
        "provider",
        "add",
        "Old",
        "--host",
        "imap.old.example",
        "--domain",
        "old.example",
    ]);
    platform.refused(
        &["migration", "add", "bob@elsewhere.example"],
        "no provider that is enabled hosts bob@elsewhere.example",
    );
    platform.refused(
        &["migration", "add", "bob@old.example", "--no-password"],
        "has no master user",
    );
    let added = platform.done(&["migration", "add", "Bob@OLD.example"]);
    assert_eq!(
        (&added["new_account"], &added["migration"]["phase"]),
        (&true.into(), &"pending".into())
    );
    platform.refused(
        &["migration", "add", "bob@old.example"],
        "has a migration already, number 1",
    );
    platform.done(&["account", "add", "eve@old.example", "--quota", "5"]);
    assert_eq!(
        platform.done(&["migration", "add", "eve@old.example"])["new_account"],
        false
    );
    platform.done(&["account", "add", "boss", "--role", "SuperAdmins", "--no-mailbox"]);

    let list = platform.done(&["migration", "list", "bob"]);
    assert_eq!(list["migrations"].as_array().unwrap().len(), 1);
    let paused = platform.done(&["migration", "pause", "bob@old.example"]);
    assert_eq!(paused["migration"]["hold"], "paused");
    let reason = paused["migration"]["hold_reason"].as_str().unwrap();
    assert!(reason.contains("migration resume"), "{reason}");
    assert_eq!(
        platform.done(&["migration", "list", "--held"])["migrations"][0]["id"],
        1
    );
    for (words, says) in [
        (vec!["migration", "retry", "1"], "is paused; resume it first"),
        (vec!["migration", "resume", "eve@old.example"], "is not paused"),
        (vec!["migration", "cut-over", "2"], "not all of its mail is here"),
        (
            vec!["migration", "show", "nobody@old.example"],
            "there is no migration “nobody@old.example”",
        ),
        (vec!["migration", "show", "99"], "there is no migration “99”"),
        (
            vec!["account", "remove", "bob@old.example"],
            "is still being moved",
        ),
        (vec!["domain", "remove", "old.example"], "has 2 mailboxes"),
    ] {
        platform.refused(&words, says);
    }
    platform.done(&["migration", "resume", "1"]);
    assert_eq!(
        platform.done(&["migration", "stop", "1"])["migration"]["phase"],
        "cancelled"
    );
    platform.refused(&["migration", "retry", "1"], "was stopped");
    platform.done(&["migration", "delete", "1"]);
    assert_eq!(
        platform.done(&["migration", "list"])["migrations"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    platform.done(&["account", "remove", "eve@old.example", "--force"]);
    platform.done(&["account", "remove", "bob@old.example"]);
    platform.done(&["domain", "remove", "old.example"]);
}

#[test]
fn accounts_get_passwords_that_are_never_shown() {
    let platform = Platform::new();
    platform.done(&["domain", "add", "a.example", "--mailbox-quota", "100"]);
    platform.done(&["account", "add", "bob@a.example", "--first-name", "Bob"]);
    platform.refused(
        &["account", "add", "BOB@a.example"],
        "bob@a.example exists already",
    );
    platform.refused(
        &["account", "add", "eve@b.example"],
        "the domain b.example does not exist",
    );
    platform.refused(&["account", "add", "boss"], "not an address");
    platform.refused(
        &["account", "password", "nobody@a.example"],
        "there is no account “nobody@a.example”",
    );

    let verifies = |password: &str| {
        let mut export = Command::new(binary());
        export.args(["export", "identities", "--directory"]);
        let rows = export
            .arg(format!("sqlite:{}", platform.directory().display()))
            .output()
            .unwrap()
            .stdout;
        let rows = String::from_utf8(rows).unwrap();
        let hash = rows
            .lines()
            .find(|row| row.starts_with("account;bob"))
            .unwrap()
            .split(';')
            .nth(2)
            .unwrap()
            .to_owned();
        let words = ["-O", "pw", "-t", &hash, "-p", password];
        Command::new("doveadm")
            .args(words)
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(verifies(SECRET) && !verifies("other"));
    let words = ["account", "password", "bob@a.example", "--password-file", "-"];
    let (code, _, told) = answer(&transhume(&platform.directory(), &words, "an other\n"));
    assert_eq!(code, 0, "{told}");
    assert!(verifies("an other") && !verifies(SECRET));

    platform.done(&["account", "disable", "bob@a.example"]);
    let shown = platform.done(&["account", "show", "BOB@a.example"]);
    assert_eq!(
        (&shown["account"]["enabled"], &shown["account"]["first_name"]),
        (&false.into(), &"Bob".into())
    );
    platform.done(&["account", "enable", "bob@a.example"]);
    assert_eq!(
        platform.done(&["account", "list", "BOB"])["accounts"][0]["enabled"],
        true
    );
    assert_eq!(platform.done(&["domain", "list"])["domains"][0]["mailboxes"], 1);
}

#[test]
fn settings_are_kept_and_bounded() {
    let platform = Platform::new();
    let set = platform.done(&[
        "settings",
        "set",
        "--jobs",
        "8",
        "--exclude",
        " Trash",
        "--exclude",
        "Lists/%",
        "--imap-migration",
        "false",
    ]);
    assert_eq!(set["settings"]["exclude"].to_string(), r#"["Trash","Lists/%"]"#);
    let again = platform.done(&["settings", "set", "--until-complete", "local"]);
    assert_eq!(
        (&again["settings"]["jobs"], &again["settings"]["imap_migration"]),
        (&8.into(), &false.into())
    );
    assert_eq!(
        platform.done(&["settings", "set", "--exclude", ""])["settings"]["exclude"].to_string(),
        "[]"
    );
    for (words, says) in [
        (["settings", "set", "--jobs", "0"], "1 to 1000 concurrent jobs"),
        (["settings", "set", "--every", "5"], "every 60 to 604800 seconds"),
        (["settings", "set", "--include", "a\nb"], "is no pattern"),
    ] {
        platform.refused(&words, says);
    }
    assert_eq!(platform.done(&["settings", "show"])["settings"]["jobs"], 8);
}
