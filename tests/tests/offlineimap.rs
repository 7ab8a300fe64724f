//! OfflineIMAP's configuration: read by Python as OfflineIMAP does, and run by OfflineIMAP between two real servers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use transhume_e2e::binary;
use transhume_testkit::{Dovecot, Flag, MailboxSpec, Message, Oracle, compare, snapshot, write_account};

/// Accounts, and passwords that break careless writers. The old server and the new one have the same.
const PEOPLE: [(&str, &str); 7] = [
    ("plain@old.example", "Secret1"),
    ("percent%d@old.example", "50%(x)s %% 100%"),
    ("o'neil@old.example", "'quotes\" and \\back\\ $HOME `x`"),
    ("r&d+x@old.example", "# ; = [general] : <&>"),
    ("blanks@old.example", "  lead and trail \u{a0}"),
    ("ümläut@old.example", "pässwörd€ 日本語 🔑"),
    ("a_b-c/d=e@old.example", "; start"),
];

fn transhume(directory: &Path, words: &[&str], password: &str) -> Output {
    let mut command = Command::new(binary());
    command.args(words).arg("--directory");
    command.arg(format!("sqlite:{}", directory.display()));
    command
        .env_remove("TRANSHUME_DIRECTORY")
        .env_remove("TRANSHUME_CONFIG")
        .env("TRANSHUME_PASSWORD", password)
        .env("TRANSHUME_ACCOUNT_PASSWORD", password)
        .env("TRANSHUME_LOCAL_MASTER_PASSWORD", password);
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat()
}

#[track_caller]
fn done(directory: &Path, words: &[&str], password: &str) -> String {
    let output = transhume(directory, words, password);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {told}");
    told
}

/// What Python's `configparser` reads, section by section, with interpolation; `…eval` is evaluated, as OfflineIMAP does.
fn parsed(file: &Path) -> Value {
    const PROGRAM: &str = "\
import configparser, json, sys
config = configparser.ConfigParser()
config.read(sys.argv[1], encoding='utf-8')
def value(name, text):
    return (name[:-4], eval(text)) if name.endswith('eval') else (name, text)
print(json.dumps({s: dict(value(n, t) for n, t in config.items(s)) for s in config.sections()}))
";
    let output = Command::new("python3").args(["-c", PROGRAM]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn server(mut builder: transhume_testkit::Builder, people: &[(&str, &str)]) -> Dovecot {
    for (name, password) in people {
        // A slash would be a folder in the test server's homes.
        builder = builder.user(name, password);
    }
    builder.start().unwrap()
}

fn mailboxes(name: &str) -> Vec<MailboxSpec> {
    let message = |number: u32| {
        let text = format!("Subject: {name} {number}\r\nMessage-ID: <{number}.{name}>\r\n\r\nText {number}\r\n");
        Message::new(number, text.into_bytes()).flags([Flag::Seen])
    };
    vec![
        MailboxSpec::new(&["INBOX"]).messages([message(1), message(2)]),
        MailboxSpec::new(&["Archive"]).messages([message(1)]),
    ]
}
