//! A command that is wrong is refused before anything is done.

use std::process::{Command, Stdio};

use transhume_e2e::{PASSWORD, binary, move_command, traces};

use super::{Scene, USER, fails};

/// Refused with these words, and nothing made on the target.
fn refused(scene: &Scene, command: &mut Command, words: &[&str]) -> String {
    let home = scene.pair.new.home(USER);
    let before = traces(&home);
    let paragraph = fails(command, 2, words);
    assert_eq!(traces(&home), before);
    paragraph
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_done() {
    let scene = Scene::start();
    refused(
        &scene,
        scene
            .pair
            .command()
            .env_remove("TRANSHUME_PASSWORD")
            .stdin(Stdio::null()),
        &[
            "no password for alice on 127.0.0.1",
            "no terminal",
            "--password-file",
            "TRANSHUME_PASSWORD",
        ],
    );
    refused(
        &scene,
        scene
            .pair
            .command()
            .args(["--password-file", "/nonexistent/password"]),
        &["/nonexistent/password cannot be read", "on its only line"],
    );
    let from = format!("imaps://127.0.0.1:{}", scene.pair.old.imaps_port());
    let mut command = move_command(&from, &scene.pair.maildir());
    refused(
        &scene,
        &mut command,
        &["--from: the user name is missing", "imaps://USER@HOST"],
    );
    let port = scene.pair.old.imaps_port();
    for pin in ["sha256:1234", "sha1:aabb", ""] {
        let mut command = scene.from("imaps", "127.0.0.1", port);
        refused(
            &scene,
            command.args(["--pin", pin]),
            &["--pin: this is not a SHA-256 digest", "64 hexadecimal"],
        );
    }
    let words = ["this machine knows no user “no-such-user-here”", "UID:GID"];
    refused(
        &scene,
        scene.pair.command().args(["--owner", "no-such-user-here"]),
        &words,
    );
    let from = format!("imaps://{USER}@127.0.0.1");
    for to in ["/var/mail/alice", "maildir:", "maildir:~/Maildir"] {
        let mut command = Command::new(binary());
        command
            .args(["move", "--json", "--from", &from, "--to", to])
            .env("TRANSHUME_PASSWORD", PASSWORD);
        refused(
            &scene,
            &mut command,
            &["--to: ", "Write --to maildir:/path/to/Maildir"],
        );
    }
    scene.completes(&mut scene.pair.command());
}

#[test]
fn a_password_in_the_address_is_refused_and_not_repeated() {
    let scene = Scene::start();
    for secret in [PASSWORD, "s3cret-in-the-address"] {
        let from = format!(
            "imaps://{USER}:{secret}@127.0.0.1:{}",
            scene.pair.old.imaps_port()
        );
        let mut command = move_command(&from, &scene.pair.maildir());
        let words = [
            "a password on the command line can be read by everybody",
            "--password-file",
        ];
        let paragraph = refused(&scene, &mut command, &words);
        assert!(!paragraph.contains(secret), "{paragraph}");
    }
    scene.completes(&mut scene.pair.command());
}
