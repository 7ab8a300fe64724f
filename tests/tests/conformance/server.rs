//! The new server itself: the way to it, and what stands in it.

use std::fs::{self, File};
use std::process::Command;

use transhume_e2e::{PASSWORD, binary, run, run_complete};
use transhume_testkit::{Dovecot, MailboxSpec, write_account};

use super::scene::{Scene, USER, Way, mailbox};

const WAY: Way = Way::Imap("");

fn small() -> [MailboxSpec; 1] {
    [mailbox(&["INBOX"], 3)]
}

/// Runs to an error with this code, whose words hold all of these.
fn fails(command: &mut Command, code: i32, words: &[&str]) -> String {
    let (found, json, stderr) = run(command);
    assert_eq!(found, code, "{json}\n{stderr}");
    let told = if json.is_null() {
        stderr
    } else {
        format!(
            "{} {}",
            json["error"]["what"].as_str().unwrap(),
            json["error"]["advice"].as_str().unwrap()
        )
    };
    for word in words {
        assert!(told.contains(word), "“{word}” is not in: {told}");
    }
    told
}

#[test]
fn a_login_that_the_new_server_refuses() {
    let scene = Scene::start(WAY, &small());
    let mut command = scene.command();
    command.env("TRANSHUME_TO_PASSWORD", "wrong");
    let words = ["refuses the login of carla", "Check user name and password"];
    fails(&mut command, 4, &words);
    let file = scene.state().with_file_name("password");
    fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    run_complete(command.arg("--to-password-file").arg(&file));
    scene.assert_same();
}

/// I10: each server is told its own password, over a connection that is believed for its own certificate.
#[test]
fn the_new_servers_certificate_is_believed_by_its_own_pin() {
    let server = |password: &str| {
        let server = Dovecot::builder().separator('/').tls(true).user(USER, password);
        server.start().unwrap()
    };
    let (old, new) = (server(PASSWORD), server("another one"));
    write_account(&old.maildir(USER), old.chown_to(), &small()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = |server: &Dovecot| format!("imaps://{USER}@127.0.0.1:{}", server.imaps_port());
    let command = || {
        let mut command = Command::new(binary());
        command
            .args(["move", "--json", "--from", &address(&old), "--to", &address(&new)])
            .args(["--pin", old.cert_sha256_hex()])
            .arg("--state")
            .arg(folder.path().join("state.db"))
            .env("TRANSHUME_PASSWORD", PASSWORD)
            .env("TRANSHUME_TO_PASSWORD", "another one");
        command
    };
    let pin = format!("--to-pin sha256:{}", new.cert_sha256_hex());
    let told = fails(&mut command(), 6, &["your new server", &pin, "Nothing was sent"]);
    assert!(!told.contains("add --pin"), "{told}");
    run_complete(command().args(["--to-pin", new.cert_sha256_hex()]));
    assert_eq!(fs::read_dir(new.maildir(USER).join("cur")).unwrap().count(), 3);
}

#[test]
fn a_new_server_that_does_not_run() {
    let mut scene = Scene::start(WAY, &small());
    scene.new.stop();
    let port = format!("127.0.0.1, port {}", scene.new.imap_port());
    let words = [port.as_str(), "refused", "Check that the server runs"];
    fails(scene.command().args(["--retries", "0"]), 5, &words);
    scene.new.restart().unwrap();
    scene.complete();
}

#[test]
fn another_run_with_the_same_state_file() {
    let scene = Scene::start(WAY, &small());
    scene.complete();
    let held = File::open(scene.state()).unwrap();
    held.try_lock().unwrap();
    fails(&mut scene.command(), 8, &["carla@127.0.0.1", "is in use"]);
    drop(held);
    scene.complete();
}

#[test]
fn options_that_do_not_go_together() {
    let scene = Scene::start(WAY, &small());
    for (option, value) in [("--owner", "root"), ("--dovecot-user", "carla")] {
        fails(
            scene.command().args([option, value]),
            2,
            &[option, "Leave it out"],
        );
    }
    let maildir = Scene::start(Way::Maildir, &small());
    for (option, value) in [("--to-pin", "sha256:00"), ("--to-password-file", "x")] {
        fails(
            maildir.command().args([option, value]),
            2,
            &[option, "Leave it out"],
        );
    }
}

/// The state is remembered with whoever runs this, where no file is named; a dry run leaves nothing there.
#[test]
fn the_state_file_where_none_is_named() {
    let scene = Scene::start(WAY, &small());
    let home = tempfile::tempdir().unwrap();
    let from = format!("imap+insecure://{USER}@127.0.0.1:{}", scene.old.imap_port());
    let to = format!("imap+insecure://{USER}@127.0.0.1:{}", scene.new.imap_port());
    let command = || {
        let mut command = Command::new(binary());
        command
            .args(["move", "--json", "--from", &from, "--to", &to])
            .env("TRANSHUME_PASSWORD", PASSWORD)
            .env("TRANSHUME_TO_PASSWORD", PASSWORD)
            .env("XDG_STATE_HOME", home.path());
        command
    };
    run(command().arg("--dry-run"));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    run_complete(&mut command());
    assert!(home.path().join("transhume/carla@127.0.0.1.db").is_file());
}
