//! A PostfixAdmin database into the directory, by the binary: what it says, what it refuses, how it ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use transhume_e2e::binary;
use transhume_testkit::Mariadb;
use transhume_testkit::databases::PASSWORD;

/// The tables that every PostfixAdmin has, as it makes them on MySQL, and a few rows.
const OLD: &str = "\
CREATE TABLE pfa_config (name varchar(20), value varchar(20));
CREATE TABLE pfa_domain (domain varchar(255) PRIMARY KEY, description varchar(255), aliases int, mailboxes int,
    maxquota bigint, quota bigint, transport varchar(255), backupmx tinyint(1), created datetime, active tinyint(1)) ENGINE=MyISAM DEFAULT CHARSET=latin1;
CREATE TABLE pfa_accounts (username varchar(255) PRIMARY KEY, password varchar(255), name varchar(255), maildir varchar(255),
    quota bigint, created datetime, active tinyint(1)) DEFAULT CHARSET=latin1;
CREATE TABLE pfa_alias (address varchar(255) PRIMARY KEY, goto text, created datetime, active tinyint(1));
CREATE TABLE pfa_vacation (email varchar(255) PRIMARY KEY, subject varchar(255), body text, active tinyint(1));
INSERT INTO pfa_config VALUES ('version', '740');
INSERT INTO pfa_domain VALUES ('old.example', 'Käse', 0, 0, 0, 0, 'virtual', 0, '0000-00-00 00:00:00', 1);
INSERT INTO pfa_accounts VALUES
    ('anna@old.example', '5ebe2294ecd0e0f08eab7690d2a6ee69', 'Anna Grün', 'anna@old.example/', 500000, '2010-05-06 07:08:09', 1),
    ('not an address', '', '', '', 0, '0000-00-00 00:00:00', 1);
INSERT INTO pfa_alias VALUES
    ('anna@old.example', 'anna@old.example,anna#old.example@autoreply.old.example', '2010-05-06 07:08:09', 1),
    ('sales@old.example', 'Anna@Old.Example', '2010-05-06 07:08:09', 1);
INSERT INTO pfa_vacation VALUES ('anna@old.example', 'Away', 'Until \"Monday\".', 1);
";

fn convert(directory: &Path, from: &str, words: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(["convert", "postfixadmin", "--directory"]);
    command.arg(format!("sqlite:{}", directory.display())).args(words);
    if !from.is_empty() {
        command.args(["--from", from]);
    }
    for variable in [
        "TRANSHUME_DIRECTORY",
        "TRANSHUME_CONFIG",
        "TRANSHUME_FROM",
        "TRANSHUME_PASSWORD",
    ] {
        command.env_remove(variable);
    }
    command.stdin(std::process::Stdio::null()).output().unwrap()
}

fn told(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]]
        .map(String::from_utf8_lossy)
        .concat()
}

#[test]
fn a_platform_with_a_prefix_and_a_renamed_table_is_brought_over_once() {
    let server = Mariadb::shared();
    server.create_database("old").unwrap();
    server.sql("old", &format!("SET sql_mode = ''; {OLD}")).unwrap();
    let url = format!("mysql://transhume@127.0.0.1:{}/old", server.port());
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (target, sieve, secret) = (path("directory.sqlite"), path("sieve"), path("secret"));
    std::fs::write(&secret, format!("{PASSWORD}\n")).unwrap();
    let (secret, sieve_text) = (secret.to_str().unwrap(), sieve.to_str().unwrap());
    let words = [
        "--table-prefix",
        "pfa_",
        "--table",
        "mailbox=accounts",
        "--password-file",
        secret,
        "--sieve-dir",
        sieve_text,
    ];

    // I12: nothing is written to show what would be.
    let shown = convert(&target, &url, &[&words[..], &["--dry-run"]].concat());
    assert_eq!(shown.status.code(), Some(0), "{}", told(&shown));
    assert!(told(&shown).contains("Nothing was written"), "{}", told(&shown));
    assert!(!target.exists() && !sieve.exists());

    let done = convert(&target, &url, &[&words[..], &["--json"]].concat());
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(
        (&report["changed"], &report["unexplained"]),
        (&true.into(), &0.into())
    );
    let rows = |table: &str| {
        let table = &report["tables"][table];
        ["read", "written", "unchanged", "skipped"].map(|key| table[key].as_u64().unwrap())
    };
    assert_eq!(rows("mailbox"), [2, 1, 0, 1]);
    assert_eq!(rows("alias"), [2, 2, 0, 0]);
    assert_eq!(rows("vacation"), [1, 1, 0, 0]);
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("not InnoDB: pfa_domain"), "{warnings}");
    let script = std::fs::read_to_string(sieve.join("anna@old.example.sieve")).unwrap();
    assert!(script.contains("\"Until \\\"Monday\\\".\""), "{script}");
    assert!(script.contains("\"sales@old.example\""), "{script}");

    let again = convert(&target, &url, &words);
    assert_eq!(again.status.code(), Some(0));
    assert!(told(&again).contains("Nothing is new"), "{}", told(&again));

    // What was brought over is exported: name, octets, and the hash that it had.
    let mut export = Command::new(binary());
    export
        .args(["export", "--directory"])
        .arg(format!("sqlite:{}", target.display()));
    let rows = told(&export.env_remove("TRANSHUME_CONFIG").output().unwrap());
    assert!(rows.contains("Anna") && rows.contains("Grün"), "{rows}");
    assert!(
        rows.contains("{PLAIN-MD5}5ebe2294ecd0e0f08eab7690d2a6ee69"),
        "{rows}"
    );
}

#[test]
fn what_cannot_be_read_is_told_with_its_exit_code_and_without_passwords() {
    let server = Mariadb::shared();
    server.create_database("empty").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (target, secret, wrong) = (path("directory.sqlite"), path("secret"), path("wrong"));
    std::fs::write(&secret, PASSWORD).unwrap();
    std::fs::write(&wrong, "hunter2").unwrap();
    let (secret, wrong) = (secret.to_str().unwrap(), wrong.to_str().unwrap());
    let place = format!("127.0.0.1:{}/empty", server.port());
    for (from, words, exit, says) in [
        (String::new(), vec![], 2, "nothing says where the old database is"),
        (
            format!("mysql://u:hunter2@{place}"),
            vec![],
            2,
            "--from has a password in it",
        ),
        (
            format!("oracle://u:hunter2@{place}"),
            vec![],
            2,
            "begins with none of",
        ),
        (
            format!("mysql://transhume@{place}"),
            vec!["--password-file", wrong],
            4,
            "refuses the login",
        ),
        (
            format!("mysql://transhume@{place}"),
            vec!["--password-file", secret],
            2,
            "no table “domain”",
        ),
        (
            "mysql://transhume@127.0.0.1:1/x".to_owned(),
            vec!["--password-file", wrong],
            5,
            "127.0.0.1:1/x",
        ),
        ("sqlite:/nowhere/x.db".to_owned(), vec![], 5, "/nowhere/x.db"),
        (
            format!("mysql://u@{place}"),
            vec!["--table", "what=x"],
            2,
            "does not name a table",
        ),
    ] {
        let output = convert(&target, &from, &words);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(exit), "{from}: {told}");
        assert!(told.contains(says), "{from}: {told}");
        // I10: whatever is wrong, passwords are not told.
        assert!(!told.contains("hunter2") && !told.contains(PASSWORD), "{told}");
        assert!(!target.exists(), "{from}");
    }
}
