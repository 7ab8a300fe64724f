//! The old server does not let the account in, or shows everybody out.

use transhume_e2e::{PASSWORD, move_command, run_complete};
use transhume_testkit::{Dovecot, ScriptedServer};

use super::{Scene, USER, fails};

#[test]
fn a_wrong_password() {
    let scene = Scene::start();
    let mut command = scene.pair.command();
    command.env("TRANSHUME_PASSWORD", "wrong");
    let words = [
        "127.0.0.1 refuses the login of alice",
        "Check user name and password",
        "Nothing was changed",
    ];
    fails(&mut command, 4, &words);
    scene.completes(&mut scene.pair.command());
}

/// A server that repeats what it was sent does not make this program repeat it.
#[test]
fn a_server_that_repeats_the_password() {
    let scene = Scene::start();
    let plain = transhume_testkit::encode::base64(format!("\0{USER}\0{PASSWORD}").as_bytes());
    let quoted = PASSWORD.replace('"', "\\\"");
    for (capabilities, command, answer) in [
        (
            "AUTH=PLAIN SASL-IR",
            "AUTHENTICATE PLAIN *",
            format!("NO [AUTHENTICATIONFAILED] {plain}"),
        ),
        (
            "AUTH=PLAIN SASL-IR",
            "AUTHENTICATE PLAIN *",
            format!("NO not with {PASSWORD}, {USER}"),
        ),
    ] {
        let server = ScriptedServer::start(&format!(
            "S: * OK [CAPABILITY IMAP4rev1 {capabilities}] ready
             C: a {command}
             S: a {answer}
             EOF:"
        ))
        .unwrap();
        let paragraph = fails(
            &mut scene.from("imap+insecure", "127.0.0.1", server.port()),
            4,
            &["alice"],
        );
        assert!(
            !paragraph.contains(&plain) && !paragraph.contains(&quoted),
            "{paragraph}"
        );
        server.join().unwrap();
    }
    scene.completes(&mut scene.pair.command());
}

#[test]
fn a_server_that_wants_encryption_first() {
    let scene = Scene::start();
    let server = ScriptedServer::start(
        "S: * OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready
         EOF:",
    )
    .unwrap();
    let mut command = scene.from("imap+insecure", "127.0.0.1", server.port());
    fails(
        &mut command,
        4,
        &["takes no password on this connection", "imaps:// or imap://"],
    );
    server.join().unwrap();
    scene.completes(&mut scene.pair.command());
}

/// The server's reason is passed on, whenever it says good-bye.
#[test]
fn a_server_that_says_goodbye() {
    let scene = Scene::start();
    for transcript in [
        "S: * BYE closed for repairs
         CLOSE:",
        "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready
         C: a AUTHENTICATE PLAIN *
         S: * BYE closed for repairs
         CLOSE:",
        "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready
         C: a AUTHENTICATE PLAIN *
         S: a OK [CAPABILITY IMAP4rev1] welcome
         C: b LIST *
         S: * BYE closed for repairs
         CLOSE:",
    ] {
        let server = ScriptedServer::start(transcript).unwrap();
        let mut command = scene.from("imap+insecure", "127.0.0.1", server.port());
        command.args(["--retries", "0"]);
        fails(
            &mut command,
            5,
            &["closed for repairs", "run the same command again"],
        );
        server.join().unwrap();
    }
    scene.completes(&mut scene.pair.command());
}

#[test]
fn a_server_that_has_no_room_for_logins() {
    let scene = Scene::start();
    let server = ScriptedServer::start(
        "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready
         C: a AUTHENTICATE PLAIN *
         S: a NO [UNAVAILABLE] the directory does not answer
         EOF:",
    )
    .unwrap();
    let mut command = scene.from("imap+insecure", "127.0.0.1", server.port());
    command.args(["--retries", "0"]);
    fails(
        &mut command,
        5,
        &["the directory does not answer", "Try again in some minutes"],
    );
    server.join().unwrap();
    scene.completes(&mut scene.pair.command());
}

#[test]
fn a_password_file_with_the_line_end_of_windows() {
    let scene = Scene::start();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, format!("{PASSWORD}\r\n")).unwrap();
    let mut command = scene.pair.command();
    command
        .env("TRANSHUME_PASSWORD", "not this one")
        .arg("--password-file")
        .arg(&file);
    scene.completes(&mut command);
}

#[test]
fn a_password_that_is_not_text() {
    let password = b"p\xe9 \xff\xfe\"\\{3}\x80w";
    let old = Dovecot::builder()
        .separator('/')
        .user_bytes(USER, password)
        .start()
        .unwrap();
    let scene = Scene::with_old(old);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, password).unwrap();
    let from = format!("imap+insecure://{USER}@127.0.0.1:{}", scene.pair.old.imap_port());
    let mut command = move_command(&from, &scene.pair.maildir());
    scene.completes(
        command
            .env_remove("TRANSHUME_PASSWORD")
            .arg("--password-file")
            .arg(&file),
    );
    let other = [password.as_slice(), b"\xe9"].concat();
    std::fs::write(&file, other).unwrap();
    let paragraph = fails(&mut command, 4, &["refuses the login of alice"]);
    assert!(!paragraph.contains("\\{3}"), "{paragraph}");
    std::fs::write(&file, password).unwrap();
    run_complete(&mut command);
}
