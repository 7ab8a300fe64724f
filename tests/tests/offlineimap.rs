//! OfflineIMAP's configuration: read by Python as OfflineIMAP does, and run by OfflineIMAP between two real servers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on must fail"
)]

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use transhume_e2e::binary;
use transhume_testkit::{AccountView, Dovecot, MailboxSpec, Oracle, snapshot, write_account};

/// Accounts, and passwords that break careless writers. (Dovecot's password files find no name with a quote or a slash in it;
/// those are seen in the tests of the text.)
const PEOPLE: [(&str, &str); 7] = [
    ("plain@old.example", "Secret1"),
    ("percent%d@old.example", "50%(x)s %% 100%"),
    ("quotes@old.example", "'quotes\" and \\back\\ $HOME `x`"),
    ("r&d+x@old.example", "# ; = [general] : <&>"),
    ("blanks@old.example", "  lead and trail \u{a0}"),
    ("ümläut@old.example", "pässwörd€ 日本語 🔑"),
    ("a_b-c=d@old.example", "; start"),
];

/// Runs OfflineIMAP to its end. At times it waits for ever for an answer that it has had (seen after STARTTLS): then once more.
fn offlineimap(file: &Path, home: &Path) -> Output {
    const TIMED_OUT: Option<i32> = Some(124);
    let run = || {
        let mut command = Command::new("timeout");
        command
            .args(["60", "offlineimap", "-o", "-u", "basic", "-c"])
            .arg(file);
        command.env("HOME", home).output().unwrap()
    };
    let mut runs = std::iter::repeat_with(run).take(3);
    runs.find(|run| run.status.code() != TIMED_OUT)
        .expect("OfflineIMAP comes to its end")
}

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
    [&output.stdout[..], &output.stderr[..]]
        .map(String::from_utf8_lossy)
        .concat()
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
    let output = Command::new("python3")
        .args(["-c", PROGRAM])
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Both servers take every name.
fn server(people: &[(&str, &str)], tls: bool, more: &str) -> Dovecot {
    let builder = Dovecot::builder()
        .tls(tls)
        .extra_config("auth_username_chars =")
        .extra_config(more);
    let with_people = people
        .iter()
        .fold(builder, |builder, (name, password)| builder.user(name, password));
    with_people.start().unwrap()
}

fn mailboxes(name: &str) -> Vec<MailboxSpec> {
    let text =
        |number: u32| format!("Subject: {name} {number}\nMessage-ID: <{number}.{name}>\n\nText {number}\n");
    let mailbox = |path: &[&str], numbers: std::ops::Range<u32>| {
        numbers.fold(MailboxSpec::new(path, 7), |mailbox, number| {
            mailbox.message(1_600_000_000, text(number).as_bytes())
        })
    };
    vec![
        mailbox(&["INBOX"], 0..3),
        mailbox(&["Archive"], 3..5),
        mailbox(&["Trash"], 5..6),
    ]
}

/// The texts in a mailbox.
fn texts(view: &AccountView, mailbox: &str) -> Vec<[u8; 32]> {
    let mut texts: Vec<[u8; 32]> = view
        .folder(&[mailbox])
        .messages
        .values()
        .map(|message| message.body_sha256)
        .collect();
    texts.sort_unstable();
    texts
}

fn view(server: &Dovecot, name: &str) -> AccountView {
    snapshot(&mut Oracle::login(server, name).unwrap()).unwrap()
}

/// The new server: its master user is `root`, and the first of the people has another password by now.
fn new_server(folder: &Path) -> Dovecot {
    let masters = folder.join("masters");
    std::fs::write(&masters, "root:{PLAIN}mäster % key::::::\n").unwrap();
    std::fs::set_permissions(&masters, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let master = format!(
        "auth_master_user_separator = *\npassdb {{\n  driver = passwd-file\n  args = {}\n  master = yes\n}}",
        masters.display()
    );
    let mut here = PEOPLE;
    here[0].1 = "changed since";
    server(&here, false, &master)
}

fn assert_passwords_survive(read: &Value) {
    assert_eq!(read["general"]["maxsyncaccounts"], "3");
    for section in read
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| name.starts_with("Repository"))
    {
        let said = &read[section];
        let (_, password) = PEOPLE
            .iter()
            .find(|(name, _)| said["remoteuser"] == *name)
            .unwrap();
        assert_eq!(said["remotepass"], *password, "{section}");
    }
}

#[test]
fn offlineimap_carries_everybody_with_odd_passwords_between_real_servers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let directory = path("directory.sqlite");
    let old = server(&PEOPLE, true, "");
    for (name, _) in PEOPLE {
        write_account(&old.maildir(name), old.chown_to(), &mailboxes(name)).unwrap();
    }
    let new = new_server(folder.path());

    let (port, pin) = (old.imaps_port().to_string(), old.cert_sha256_hex().to_owned());
    let provider = [
        "provider",
        "add",
        "Old",
        "--host",
        "127.0.0.1",
        "--port",
        &port,
        "--pin",
        &pin,
    ];
    done(
        &directory,
        &[&provider[..], &["--domain", "old.example"]].concat(),
        "",
    );
    done(
        &directory,
        &["settings", "set", "--jobs", "3", "--exclude", "Trash"],
        "",
    );
    for (name, password) in PEOPLE {
        done(&directory, &["migration", "add", name], password);
    }
    done(&directory, &["account", "password", PEOPLE[0].0], "changed since");

    let file = path("offlineimap.conf");
    std::fs::write(&file, "old").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let local_port = new.imap_port().to_string();
    let words = [
        "--output",
        file.to_str().unwrap(),
        "--local-host",
        "127.0.0.1",
        "--local-port",
        &local_port,
    ];
    let said = done(
        &directory,
        &[&["generate_offlineimap_config"], &words[..]].concat(),
        "",
    );
    assert!(
        said.contains("6 accounts") && said.contains("plain@old.example: its password here is another"),
        "{said}"
    );
    assert!(
        PEOPLE.iter().all(|(_, password)| !said.contains(password)),
        "I10: {said}"
    );
    assert_eq!(
        file.metadata().unwrap().mode() & 0o777,
        0o600,
        "whatever it was before"
    );
    assert_passwords_survive(&parsed(&file));

    // With a master user of this server, everybody is in it.
    let words = [
        &["offlineimap-config", "--no-restrict", "--local-master", "root"],
        &words[..],
    ]
    .concat();
    let said = done(&directory, &words, "mäster % key");
    assert!(
        said.contains("7 accounts") && !said.contains("Left out"),
        "{said}"
    );
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o640);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        4,
        "directory, key, masters, file"
    );

    let run = offlineimap(&file, folder.path());
    assert!(run.status.success(), "{}", told(&run));
    for (name, _) in PEOPLE {
        let (there, here) = (view(&old, name), view(&new, name));
        for mailbox in ["INBOX", "Archive"] {
            assert_eq!(texts(&there, mailbox), texts(&here, mailbox), "{name} {mailbox}");
        }
        assert!(!texts(&here, "INBOX").is_empty());
        assert!(
            !here.folders.contains_key(&vec!["Trash".to_owned()]),
            "{name}: it was excluded"
        );
    }
}

#[test]
fn nobody_is_moved_who_should_not_be() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("directory.sqlite");
    let file = folder.path().join("offlineimap.conf");
    let words = ["offlineimap-config", "--output", file.to_str().unwrap()];
    done(
        &directory,
        &[
            "provider",
            "add",
            "Old",
            "--host",
            "imap.old.example",
            "--domain",
            "old.example",
        ],
        "",
    );
    for name in [
        "paused@old.example",
        "disabled@old.example",
        "stopped@old.example",
        "fine@old.example",
    ] {
        done(&directory, &["migration", "add", name], "x");
    }
    done(&directory, &["migration", "pause", "paused@old.example"], "");
    done(&directory, &["migration", "stop", "stopped@old.example"], "");
    done(&directory, &["account", "disable", "disabled@old.example"], "");
    let said = done(&directory, &words, "");
    assert!(
        said.contains("1 account.") && said.contains("paused@old.example: paused by"),
        "{said}"
    );
    assert!(
        said.contains("disabled@old.example: the account, or its domain, is disabled"),
        "{said}"
    );
    let accounts = parsed(&file)["general"]["accounts"].clone();
    assert_eq!(accounts, "fine@old.example");

    // Switched off is off; and OfflineIMAP need not be run then.
    done(&directory, &["settings", "set", "--imap-migration", "false"], "");
    let output = transhume(&directory, &words, "");
    assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    assert_eq!(parsed(&file)["general"]["accounts"], "");
}

#[test]
fn certificates_are_checked_where_offlineimap_does_and_told_where_not() {
    let folder = tempfile::tempdir().unwrap();
    let (directory, file) = (folder.path().join("directory.sqlite"), folder.path().join("conf"));
    let person = ("bob@old.example", "Secret1");
    let old = Dovecot::builder()
        .tls_ca()
        .user(person.0, person.1)
        .start()
        .unwrap();
    write_account(&old.maildir(person.0), old.chown_to(), &mailboxes("bob")).unwrap();
    let new = server(&[person], false, "");
    let ports = [old.imaps_port(), old.imap_port(), new.imap_port()].map(|port| port.to_string());
    let provider = [
        "provider",
        "add",
        "Old",
        "--host",
        "localhost",
        "--domain",
        "old.example",
    ];
    done(&directory, &[&provider[..], &["--port", &ports[0]]].concat(), "");
    done(&directory, &["migration", "add", person.0], person.1);
    let run = |authorities: &Path| {
        let words = [
            "offlineimap-config",
            "--local-host",
            "127.0.0.1",
            "--local-port",
            &ports[2],
        ];
        let files = [
            "--output",
            file.to_str().unwrap(),
            "--ca-file",
            authorities.to_str().unwrap(),
        ];
        let said = done(&directory, &[&words[..], &files].concat(), "");
        (said, offlineimap(&file, folder.path()))
    };
    let (_, others) = run(Path::new("/etc/ssl/certs/ca-certificates.crt"));
    assert!(
        !others.status.success(),
        "another authority's word counts nothing"
    );
    let (said, ours) = run(old.ca_pem_path());
    assert!(
        ours.status.success() && !said.contains("Warning"),
        "{said}{}",
        told(&ours)
    );
    assert_eq!(texts(&view(&new, person.0), "Trash").len(), 1);

    let pin = |pin: &str| done(&directory, &["provider", "change", "Old", "--pin", pin], "");
    pin(&"ab".repeat(32));
    assert!(
        !run(old.ca_pem_path()).1.status.success(),
        "another certificate than the one that was pinned"
    );
    pin(old.cert_sha256_hex());
    assert!(run(old.ca_pem_path()).1.status.success());

    let start_tls = [
        "provider",
        "change",
        "Old",
        "--security",
        "starttls",
        "--port",
        &ports[1],
    ];
    done(&directory, &start_tls, "");
    let (said, ours) = run(old.ca_pem_path());
    assert!(ours.status.success(), "{}", told(&ours));
    assert!(
        said.contains("Warning: OfflineIMAP does not check certificates after STARTTLS"),
        "{said}"
    );
}
