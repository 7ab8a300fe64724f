//! A directory is served: what `transhume config` writes is read by a real Postfix and a real Dovecot, from SQLite and from
//! PostgreSQL.
//!
//! Dovecot 2.4 cannot be had beside 2.3; its files are compared with golden ones where they are made.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "serving/converted.rs"]
mod converted;
#[path = "serving/platform.rs"]
mod platform;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use platform::{Platform, group};
use transhume_testkit::{Lmtp, Oracle, Postgres, Smtp};

/// Everybody's password.
const PASSWORD: &str = "pass";

/// A name by which a careless query would find everything, or worse.
const HOSTILE: [&str; 7] = [
    "' OR '1'='1@a.example",
    "\\' OR 1=1 --@a.example",
    "\\'; DROP TABLE account; --@a.example",
    "%s@a.example",
    "%u%d@a.example",
    "$(id)@a.example",
    "bob@a.example' OR 'x'='x",
];

fn every_map_answers(platform: &Platform) {
    let transport = format!("relay:[127.0.0.1]:{}", platform.sink.port());
    let refused = "550 5.2.1 This mailbox is disabled";
    for (map, key, answer) in [
        ("domains", "a.example", "a.example"),
        ("domains", "A.Example", "a.example"),
        ("domains", "alias.example", "alias.example"),
        ("domains", "off.example", ""),
        ("domains", "dead.example", ""),
        ("domains", "open.example", ""),
        ("domains", "sub.a.example", ""),
        ("mailboxes", "bob@a.example", "bob@a.example"),
        ("mailboxes", "o'neil@a.example", "o'neil@a.example"),
        ("mailboxes", "eve@a.example", ""),
        ("mailboxes", "info@a.example", ""),
        ("mailboxes", "gone@off.example", ""),
        ("aliases", "bob@a.example", "bob@a.example"),
        ("aliases", "BOB@A.example", "bob@a.example"),
        ("aliases", "o'neil@a.example", "o'neil@a.example"),
        // A disabled mailbox is still there: the catch-all does not get its mail, nor where it was forwarded to.
        ("aliases", "eve@a.example", "eve@a.example"),
        ("aliases", "eve@alias.example", "eve@a.example"),
        ("aliases", "info@a.example", "bob@a.example,carol@a.example"),
        ("aliases", "chain@a.example", "info@a.example"),
        ("aliases", "copy@a.example", "copy@a.example,copy@open.example"),
        ("aliases", "away@a.example", "away@open.example"),
        ("aliases", "any@a.example", "@open.example"),
        ("aliases", "bob@alias.example", "bob@a.example"),
        ("aliases", "info@alias.example", "info@a.example"),
        ("aliases", "own@alias.example", "bob@a.example"),
        ("aliases", "own@a.example", ""),
        ("aliases", "nobody@a.example", ""),
        ("aliases", "nobody@alias.example", ""),
        ("aliases", "stopped@b.example", ""),
        ("aliases", "stopped@bb.example", ""),
        ("aliases", "bob@dead.example", ""),
        ("aliases", "gone@off.example", ""),
        ("aliases", "@a.example", ""),
        ("catch-alls", "@a.example", "carol@a.example"),
        ("catch-alls", "@alias.example", "carol@a.example"),
        ("catch-alls", "@dead.example", ""),
        ("catch-alls", "@bb.example", ""),
        ("catch-alls", "bob@a.example", ""),
        ("refused", "eve@a.example", refused),
        ("refused", "eve@alias.example", refused),
        ("refused", "eve@dead.example", ""),
        ("refused", "bob@a.example", ""),
        ("refused", "a.example", ""),
        ("relay-domains", "open.example", "open.example"),
        ("relay-domains", "a.example", ""),
        ("transports", "open.example", &transport),
        ("transports", "sub.open.example", ""),
        ("verified-domains", "asked.example", "reject_unverified_recipient"),
        ("verified-domains", "open.example", ""),
        ("senders", "bob@a.example", "bob@a.example"),
        ("senders", "bob@alias.example", "bob@a.example"),
        ("senders", "info@a.example", "bob@a.example,carol@a.example"),
        ("senders", "info@alias.example", "bob@a.example,carol@a.example"),
        ("senders", "copy@a.example", "copy@a.example"),
        ("senders", "mute@a.example", "@a.example"),
        ("senders", "eve@a.example", "@a.example"),
        ("senders", "nobody@a.example", ""),
        ("catch-all-senders", "@a.example", "carol@a.example"),
        ("catch-all-senders", "@b.example", ""),
    ] {
        let found = platform.look_up(map, key).unwrap_or_default();
        assert_eq!(found, answer, "{}: {map} {key}", platform.engine);
    }
    for map in [
        "domains",
        "mailboxes",
        "aliases",
        "catch-alls",
        "refused",
        "transports",
        "senders",
    ] {
        for key in HOSTILE {
            assert_eq!(
                platform.look_up(map, key),
                None,
                "{}: {map} {key}",
                platform.engine
            );
        }
    }
}

fn mail_arrives_where_it_should(platform: &Platform) {
    let mut smtp = Smtp::connect(platform.postfix.smtp_port()).unwrap();
    for (to, answer) in [
        ("bob@a.example", "250"),
        ("Bob+tag@A.example", "250"),
        ("bob@alias.example", "250"),
        ("bob+tag@alias.example", "250"),
        ("o'neil@a.example", "250"),
        ("a/b@a.example", "250"),
        // A percent sign might name a way through other servers: Postfix refuses it from strangers.
        ("50%=x@a.example", "554 5.7.1"),
        ("info@a.example", "250"),
        ("chain@alias.example", "250"),
        ("copy@a.example", "250"),
        ("away@a.example", "250"),
        ("any@a.example", "250"),
        ("whoever@a.example", "250"),
        ("whoever@alias.example", "250"),
        ("mute@a.example", "250"),
        ("dora@bb.example", "250"),
        ("someone@open.example", "250"),
        ("someone@asked.example", "250"),
        ("nobody@asked.example", "550"),
        ("nobody@b.example", "550 5.1.1"),
        ("nobody@bb.example", "550 5.1.1"),
        ("stopped@b.example", "550 5.1.1"),
        ("eve@a.example", "550 5.2.1"),
        ("eve+tag@a.example", "550 5.2.1"),
        ("eve@alias.example", "550 5.2.1"),
        ("gone@off.example", "554 5.7.1"),
        ("bob@dead.example", "554 5.7.1"),
        ("bob@sub.a.example", "554 5.7.1"),
        ("bob@sub.open.example", "554 5.7.1"),
    ] {
        let message =
            format!("From: sender@elsewhere.example\r\nTo: {to}\r\nSubject: test\r\n\r\nHello.\r\n");
        let said = smtp.send("sender@elsewhere.example", to, &message).unwrap();
        let log = platform.postfix.log();
        assert!(
            said.starts_with(answer),
            "{}: {to}: {said}\n{log}",
            platform.engine
        );
    }
    platform.postfix.wait_for_delivery().unwrap();
    let mut lmtp = Lmtp::connect(&platform.dovecot).unwrap();
    lmtp.deliver("50%=x@a.example", b"Subject: test\r\n\r\nHello.\r\n")
        .unwrap();
    for (below, messages) in [
        // Itself, tagged, twice by the other name, info, chain.
        ("a.example/bob", 6),
        // info, chain, and two that nobody else has.
        ("a.example/carol", 4),
        ("a.example/o'neil", 1),
        ("a.example/a=2Fb", 1),
        ("a.example/50=25=3Dx", 1),
        ("a.example/copy", 1),
        ("a.example/away", 0),
        ("a.example/eve", 0),
        ("a.example/mute", 1),
        ("b.example/dora", 1),
        ("off.example/gone", 0),
    ] {
        let log = platform.postfix.log() + &platform.dovecot.log();
        assert_eq!(
            platform.messages(below),
            messages,
            "{}: {below}\n{log}",
            platform.engine
        );
    }
    let mut elsewhere = platform.sink.recipients();
    elsewhere.sort();
    let expected = [
        "any@open.example",
        "away@open.example",
        "copy@open.example",
        "someone@asked.example",
        "someone@open.example",
    ];
    assert_eq!(elsewhere, expected, "{}", platform.engine);
}

fn people_log_in(platform: &Platform) {
    for (user, may) in [
        ("bob@a.example", true),
        ("Bob@A.example", true),
        ("carol@a.example", true),
        ("o'neil@a.example", true),
        ("a/b@a.example", true),
        ("50%=x@a.example", true),
        ("copy@a.example", true),
        ("mute@a.example", true),
        ("dora@b.example", true),
        ("eve@a.example", false),
        ("gone@off.example", false),
        ("nobody@a.example", false),
        ("info@a.example", false),
        ("' OR '1'='1", false),
    ] {
        assert_eq!(
            platform.can_log_in(user, PASSWORD),
            may,
            "{}: {user}\n{}",
            platform.engine,
            platform.dovecot.log()
        );
        assert!(!platform.can_log_in(user, "wrong"), "{}: {user}", platform.engine);
        assert!(
            !platform.can_log_in(user, "' OR '1'='1"),
            "{}: {user}",
            platform.engine
        );
    }
    let mut bob =
        Oracle::connect(platform.dovecot.imap_port(), "bob@a.example", PASSWORD.as_bytes()).unwrap();
    let quota = bob.ok("GETQUOTAROOT INBOX").unwrap();
    let quota: Vec<String> = quota.iter().map(transhume_testkit::oracle::Line::text).collect();
    // 5 MiB, in KiB.
    assert!(quota.iter().any(|line| line.ends_with(" 5120)")), "{quota:?}");
}

fn people_send(platform: &Platform) {
    let message = "Subject: test\r\n\r\nHello.\r\n";
    for (user, answer) in [
        ("bob@a.example", "235"),
        ("mute@a.example", "535"),
        ("eve@a.example", "535"),
        ("nobody@a.example", "535"),
    ] {
        let mut smtp = Smtp::connect(platform.postfix.smtp_port()).unwrap();
        let said = smtp.login(user, PASSWORD).unwrap();
        assert!(
            said.starts_with(answer),
            "{}: {user}: {said}\n{}",
            platform.engine,
            platform.dovecot.log()
        );
    }
    for (user, from, answer) in [
        ("bob@a.example", "bob@a.example", "250"),
        ("bob@a.example", "bob+tag@a.example", "250"),
        ("bob@a.example", "bob@alias.example", "250"),
        ("bob@a.example", "info@a.example", "250"),
        ("bob@a.example", "carol@a.example", "553"),
        ("bob@a.example", "eve@a.example", "553"),
        ("bob@a.example", "whoever@a.example", "553"),
        ("bob@a.example", "who@elsewhere.example", "553"),
        ("carol@a.example", "whoever@a.example", "250"),
        ("carol@a.example", "mute@a.example", "553"),
        ("carol@a.example", "eve@a.example", "553"),
    ] {
        let mut smtp = Smtp::connect(platform.postfix.smtp_port()).unwrap();
        smtp.login(user, PASSWORD).unwrap();
        let said = smtp.send(from, "friend@open.example", message).unwrap();
        assert!(
            said.starts_with(answer),
            "{}: {user} as {from}: {said}",
            platform.engine
        );
    }
}

/// I10: a password lies in no file that everybody can read, and a role sees what it needs.
fn secrets_are_kept(platform: &Platform) {
    let logins = platform.maps.with_file_name("logins");
    let (server, root, everybody) = ((0o640, true), (0o600, false), (0o644, false));
    let expected: &[(&Path, &str, &str, (u32, bool))] = match platform.engine {
        "sqlite" => &[
            (&platform.maps, "aliases.cf", "postfix", everybody),
            (&logins, "transhume-sql.conf.ext", "dovecot", server),
        ],
        _ => &[
            (&platform.maps, "aliases.cf", "postfix", server),
            (&platform.maps, "role.sql", "postfix", root),
            (&platform.maps, "main.cf", "postfix", everybody),
            (&logins, "transhume-sql.conf.ext", "dovecot", server),
            (&logins, "role.sql", "dovecot", root),
        ],
    };
    for (folder, name, owner, (mode, is_for_group)) in expected {
        let metadata = fs::metadata(folder.join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, *mode, "{name}");
        assert_eq!(metadata.gid() == group(owner), *is_for_group, "{name}");
    }
    if platform.engine == "sqlite" {
        return;
    }
    for (role, view, may) in [
        ("transhume_postfix", "mail_alias", true),
        ("transhume_postfix", "mail_login", false),
        ("transhume_postfix", "account", false),
        ("transhume_dovecot", "mail_login", true),
        ("transhume_dovecot", "account", false),
        ("transhume_dovecot", "alias", false),
    ] {
        let asked = Postgres::shared().sql(
            "serving",
            &format!("SET ROLE {role}; SELECT count(*) FROM {view}"),
        );
        assert_eq!(asked.is_ok(), may, "{role} {view}");
    }
}

fn serve(engine: &'static str) {
    let platform = Platform::start(engine);
    secrets_are_kept(&platform);
    every_map_answers(&platform);
    mail_arrives_where_it_should(&platform);
    people_log_in(&platform);
    people_send(&platform);
    assert_eq!(platform.dovecot.log_problems(), Vec::<String>::new());
}

#[test]
fn a_directory_in_sqlite_is_served() {
    serve("sqlite");
}

#[test]
fn a_directory_in_postgresql_is_served() {
    serve("postgres");
}

#[test]
fn a_converted_platform_is_served() {
    for name in converted::CASES {
        converted::everybody_logs_in(name);
    }
}
