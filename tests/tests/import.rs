//! CSV files into the directory and out of it again, by the binary; and Dovecot, which has to read the passwords.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use transhume_e2e::binary;

const FILE: &str = "\
domain; example.org; 1000; 100; true
domain; bücher.example; 0; 0; yes
domainalias; also.example; example.org; true
relaydomain; backup.example; mx.backup.example; 2525; smtp; true; true
account; alice@example.org; \"wonder;land\"; Alice; Liddell; true; SimpleUsers; alice@example.org; 0
account; bob@example.org; {SHA512-CRYPT}$6$bjgEZUvgjupIVsgr$51It7v2XJ2Qlto0JtczqYqwBOTa3qMl.5lfy3vrNIpI/O5yYjcb3FeVBQ3/oflQ8llZVLCjV2HdKU0vvBkgNW1; Bob; ; no; SimpleUsers; bob@example.org; 300
account; boss; sésame; The; Boss; true; DomainAdmins; boss@bücher.example; unlimited; example.org; bücher.example
alias; @example.org; true; alice@example.org
forward; alice@example.org; true; Alice@Elsewhere.example
";

fn transhume(directory: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command
        .args(words)
        .arg("--directory")
        .arg(format!("sqlite:{}", directory.display()));
    command
        .env_remove("TRANSHUME_DIRECTORY")
        .env_remove("TRANSHUME_CONFIG");
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    [&output.stdout[..], &output.stderr[..]]
        .map(String::from_utf8_lossy)
        .concat()
}

/// Whether Dovecot takes the password for the hash.
fn dovecot_agrees(hash: &str, password: &str) -> bool {
    let words = ["-O", "pw", "-t", hash, "-p", password];
    Command::new("doveadm")
        .args(words)
        .output()
        .unwrap()
        .status
        .success()
}

#[test]
fn a_platform_goes_in_and_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (file, here, there) = (path("platform.csv"), path("here.sqlite"), path("there.sqlite"));
    std::fs::write(&file, FILE).unwrap();
    let file = file.to_str().unwrap();

    // I12: nothing is written to show what would be.
    let shown = transhume(&here, &["import", file, "--crypt-passwords", "--dry-run"]);
    assert_eq!(shown.status.code(), Some(0), "{}", told(&shown));
    assert!(
        told(&shown).contains("3 accounts, 2 aliases would be imported"),
        "{}",
        told(&shown)
    );
    assert!(!here.exists());

    let refused = transhume(&here, &["import", file]);
    assert_eq!(refused.status.code(), Some(2));
    let errors = told(&refused);
    assert!(
        errors.contains("platform.csv:5:28: this is no hash of a password"),
        "{errors}"
    );
    // I10: whatever is wrong, passwords are not told.
    assert!(
        !errors.contains("wonder") && !errors.contains("sésame"),
        "{errors}"
    );

    let imported = transhume(&here, &["import", file, "--crypt-passwords", "--json"]);
    assert_eq!(imported.status.code(), Some(0), "{}", told(&imported));
    let outcome: Value = serde_json::from_slice(&imported.stdout).unwrap();
    assert_eq!(outcome["files"][0]["added"]["mailboxes"], 3);

    // I4: the same again changes nothing.
    let before = transhume(&here, &["export"]).stdout;
    let again = transhume(
        &here,
        &["import", file, "--crypt-passwords", "--continue-if-exists"],
    );
    assert!(
        told(&again).contains("nothing new; 9 rows were there already"),
        "{}",
        told(&again)
    );
    assert_eq!(transhume(&here, &["export"]).stdout, before);

    let rows = String::from_utf8(before).unwrap();
    let hash = |login: &str| {
        let row = rows
            .lines()
            .find(|row| row.starts_with(&format!("account;{login};")))
            .unwrap();
        row.split(';').nth(2).unwrap()
    };
    for (login, password) in [
        ("alice@example.org", "wonder;land"),
        ("boss", "sésame"),
        ("bob@example.org", "Hello world!"),
    ] {
        assert!(dovecot_agrees(hash(login), password), "{login}: {}", hash(login));
        assert!(!dovecot_agrees(hash(login), "another"), "{login}");
    }

    // What came out goes in elsewhere, and comes out the same.
    let copy = path("copy.csv");
    std::fs::write(&copy, &rows).unwrap();
    let imported = transhume(&there, &["import", copy.to_str().unwrap()]);
    assert_eq!(imported.status.code(), Some(0), "{}", told(&imported));
    assert_eq!(
        String::from_utf8(transhume(&there, &["export"]).stdout).unwrap(),
        rows
    );
}

#[test]
fn a_file_with_errors_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.csv"), folder.path().join("bad.csv"));
    let directory = folder.path().join("directory.sqlite");
    std::fs::write(&good, "domain; example.org; 0; 0; true\n").unwrap();
    let rows = "alias; info@example.org; true; x@elsewhere.example\ndomain; nodot; 0; 0; true\nalias; a@nowhere.example; true; x@y.example\n";
    std::fs::write(&bad, rows).unwrap();
    let [good, bad] = [&good, &bad].map(|path| path.to_str().unwrap());

    let output = transhume(&directory, &["import", good, bad, good, "--continue-if-exists"]);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    for line in [
        "bad.csv:2:9: “nodot” is not a domain name",
        "bad.csv:3:8: the domain nowhere.example does not exist",
        "bad.csv: nothing is imported: 2 errors.",
        "good.csv: not looked at",
    ] {
        assert!(told(&output).contains(line), "{line} in {}", told(&output));
    }
    let rows = transhume(&directory, &["export"]);
    assert_eq!(
        String::from_utf8(rows.stdout).unwrap(),
        "domain;example.org;0;0;true\n"
    );
}
