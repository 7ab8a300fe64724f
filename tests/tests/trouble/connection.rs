//! No way to the old server, or none that can be trusted.

use std::path::Path;
use std::process::Command;

use transhume_e2e::PASSWORD;
use transhume_testkit::{Dovecot, ScriptedServer};

use super::{Scene, USER, fails};

/// The fingerprint that the message tells to pin.
fn advised_pin(paragraph: &str) -> String {
    let (_, rest) = paragraph
        .split_once("--pin sha256:")
        .expect("the message says how to pin");
    let digits: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    assert_eq!(digits.len(), 64, "{paragraph}");
    format!("sha256:{digits}")
}

/// An old server with a certificate that a private authority vouches for.
fn vouched_for() -> Scene {
    Scene::with_old(
        Dovecot::builder()
            .separator('/')
            .tls_ca()
            .user(USER, PASSWORD)
            .extra_config("listen = 127.0.0.1, 127.0.0.2")
            .start()
            .unwrap(),
    )
}

fn trusting<'a>(command: &'a mut Command, authority: &Path) -> &'a mut Command {
    command.env("SSL_CERT_FILE", authority)
}

#[test]
fn an_unknown_host() {
    let scene = Scene::start();
    let mut command = scene.from("imaps", "no-such-host.invalid", 993);
    fails(
        &mut command,
        5,
        &[
            "no-such-host.invalid is not known",
            "Check the spelling in --from",
        ],
    );
    scene.completes(&mut scene.pair.command());
}

#[test]
fn a_server_that_does_not_run() {
    let mut scene = Scene::start();
    let mut command = scene.pair.command();
    command.args(["--retries", "0"]);
    let port = format!("127.0.0.1, port {}", scene.pair.old.imaps_port());
    scene.pair.old.stop();
    fails(
        &mut command,
        5,
        &[
            &port,
            "refused",
            "Check that the server runs",
            "run the same command again",
        ],
    );
    scene.pair.old.restart().unwrap();
    scene.completes(&mut command);
}

#[test]
fn a_self_signed_certificate_is_believed_by_the_pin_that_the_error_names() {
    let scene = Scene::start();
    let mut command = scene.from("imaps", "127.0.0.1", scene.pair.old.imaps_port());
    let words = [
        "certificate of 127.0.0.1 is not trusted",
        "-fingerprint -sha256",
        "Nothing was sent",
    ];
    let paragraph = fails(&mut command, 6, &words);
    scene.completes(command.args(["--pin", &advised_pin(&paragraph)]));
}

#[test]
fn a_wrong_pin() {
    let scene = Scene::start();
    let mut command = scene.from("imaps", "127.0.0.1", scene.pair.old.imaps_port());
    command.args(["--pin", &"3c".repeat(32)]);
    let words = [
        "it is not the certificate that was pinned",
        "ask its administrator",
        "somebody may be listening in",
        scene.pair.old.cert_sha256_hex(),
    ];
    let paragraph = fails(&mut command, 6, &words);
    let mut command = scene.from("imaps", "127.0.0.1", scene.pair.old.imaps_port());
    scene.completes(command.args(["--pin", &advised_pin(&paragraph)]));
}

#[test]
fn a_certificate_for_another_name() {
    let scene = vouched_for();
    let authority = scene.pair.old.ca_pem_path();
    let port = scene.pair.old.imaps_port();
    let mut command = scene.from("imaps", "127.0.0.2", port);
    let words = [
        "certificate of 127.0.0.2 is not trusted",
        "it is for another name",
        "localhost",
    ];
    let paragraph = fails(trusting(&mut command, authority), 6, &words);
    scene.completes(command.args(["--pin", &advised_pin(&paragraph)]));
    scene.clear();
    scene.completes(trusting(&mut scene.from("imaps", "localhost", port), authority));
}

#[test]
fn a_certificate_that_the_system_trusts_needs_no_pin() {
    let scene = vouched_for();
    let authority = scene.pair.old.ca_pem_path();
    let mut command = scene.from("imaps", "127.0.0.1", scene.pair.old.imaps_port());
    fails(&mut command, 6, &["is not trusted", "--pin sha256:"]);
    scene.completes(trusting(&mut command, authority));
    scene.clear();
    let mut command = scene.from("imap", "127.0.0.1", scene.pair.old.imap_port());
    scene.completes(trusting(&mut command, authority));
}

#[test]
fn starttls() {
    let scene = Scene::start();
    let mut command = scene.from("imap", "127.0.0.1", scene.pair.old.imap_port());
    let paragraph = fails(&mut command, 6, &["is not trusted", "Nothing was sent"]);
    scene.completes(command.args(["--pin", &advised_pin(&paragraph)]));
}

/// Neither a server without STARTTLS nor one that skips it by PREAUTH is told the password.
#[test]
fn no_password_goes_over_the_net_in_the_clear() {
    let scene = Scene::start();
    for transcript in [
        "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready
         EOF:",
        "S: * OK ready
         C: a CAPABILITY
         S: * CAPABILITY IMAP4rev1 AUTH=PLAIN
         S: a OK done
         EOF:",
        "S: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] welcome
         EOF:",
        "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready
         C: a STARTTLS
         S: a NO not today
         EOF:",
    ] {
        let server = ScriptedServer::start(transcript).unwrap();
        let mut command = scene.from("imap", "127.0.0.1", server.port());
        let words = [
            "offers no STARTTLS",
            "imaps://",
            "imap+insecure://",
            "Nothing was sent",
        ];
        fails(&mut command, 5, &words);
        server.join().unwrap();
    }
    let mut command = scene.from("imap", "127.0.0.1", scene.pair.old.imap_port());
    let pin = scene.pair.old.cert_sha256_hex();
    scene.completes(command.args(["--pin", pin]));
}

#[test]
fn tls_on_a_port_that_begins_in_the_clear() {
    let scene = Scene::start();
    let mut command = scene.from("imaps", "127.0.0.1", scene.pair.old.imap_port());
    fails(
        &mut command,
        5,
        &[
            "no encrypted connection",
            "Check the port",
            "993",
            "Nothing was sent",
        ],
    );
    scene.completes(&mut scene.pair.command());
}

#[test]
fn without_encryption_when_asked_for() {
    let scene = Scene::start();
    scene.completes(&mut scene.from("imap+insecure", "127.0.0.1", scene.pair.old.imap_port()));
}
