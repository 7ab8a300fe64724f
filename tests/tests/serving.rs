//! A directory is served: what `transhume config` writes is read by a real Postfix and a real Dovecot, from SQLite and from
//! PostgreSQL.
//!
//! Dovecot 2.4 cannot be had beside 2.3; its files are compared with golden ones where they are made.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use transhume_e2e::binary;
use transhume_testkit::databases::{self, USER};
use transhume_testkit::{Dovecot, Lmtp, Oracle, Postfix, Postgres, Smtp, SmtpSink};

/// Everybody's password.
const PASSWORD: &str = "pass";

/// A platform: hashes of several kinds (made by `doveadm pw`), names that need care, aliases of every kind. `SINK` is the port
/// of a server elsewhere.
const PLATFORM: &str = r"domain;a.example;0;0;true
domain;b.example;0;0;true
domain;off.example;0;0;false
domainalias;alias.example;a.example;true
domainalias;bb.example;b.example;true
domainalias;dead.example;a.example;false
relaydomain;asked.example;127.0.0.1;SINK;relay;true;true
relaydomain;open.example;127.0.0.1;SINK;relay;true;false
account;bob@a.example;{SSHA}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7;;;true;SimpleUsers;bob@a.example;5
account;carol@a.example;{CRYPT}tYKm7nCT2BIjY;;;true;SimpleUsers;carol@a.example;0
account;eve@a.example;{SSHA}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7;;;false;SimpleUsers;eve@a.example;0
account;o'neil@a.example;{PLAIN-MD5}1a1dc91c907325c69271ddf0c944bc72;;;true;SimpleUsers;o'neil@a.example;0
account;a/b@a.example;{MD5-CRYPT}$1$oEKNbQrz$M8P3LaXgaUIuVKO9H0a6E.;;;true;SimpleUsers;a/b@a.example;0
account;50%=x@a.example;{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=;;;true;SimpleUsers;50%=x@a.example;0
account;copy@a.example;{BLF-CRYPT}$2y$05$6guvQOMJTLlEGAUSAYtPY.M3fAsENmaDAzhGWLDYxlq41gMT7rlza;;;true;SimpleUsers;copy@a.example;0
account;away@a.example;{SSHA}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7;;;true;SimpleUsers;away@a.example;0
account;mute@a.example;{SSHA}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7;;;true;SimpleUsers;mute@a.example;0
account;dora@b.example;{SHA256-CRYPT}$5$L70YTGV60Mxvozjr$rPJopZzVOMxpg/O5.ls/hkiDl1MM522N0MslxVZfIM9;;;true;SimpleUsers;dora@b.example;0
account;gone@off.example;{SSHA}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7;;;true;SimpleUsers;gone@off.example;0
alias;info@a.example;true;bob@a.example;carol@a.example
alias;chain@a.example;true;info@a.example
alias;own@alias.example;true;bob@a.example
alias;stopped@b.example;false;dora@b.example
alias;copy@a.example;true;copy@open.example
alias;away@a.example;true;away@open.example
alias;eve@a.example;true;eve@open.example
alias;any@a.example;true;@open.example
alias;@a.example;true;carol@a.example
";

/// What the rows of CSV cannot say.
const REST: &str = "UPDATE mailbox SET keeps_copy = FALSE WHERE address = 'away@a.example';
UPDATE mailbox SET may_send = FALSE WHERE address = 'mute@a.example';";

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

/// Both servers, as `transhume config` has them serve a directory.
struct Platform {
    engine: &'static str,
    maps: PathBuf,
    mail: PathBuf,
    sink: SmtpSink,
    postfix: Postfix,
    dovecot: Dovecot,
    _dir: TempDir,
}

/// The id of a group of this machine.
fn group(name: &str) -> u32 {
    let groups = fs::read_to_string("/etc/group").unwrap();
    let line = groups.lines().find(|line| line.starts_with(&format!("{name}:")));
    line.unwrap().split(':').nth(2).unwrap().parse().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

impl Platform {
    fn start(engine: &'static str) -> Self {
        let dir = tempfile::Builder::new().prefix("tk").tempdir_in("/tmp").unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let sink = SmtpSink::start().unwrap();
        let mut postfix = Postfix::prepare().unwrap();
        let (lib, mail, maps, logins) = (path("lib"), path("mail"), path("maps"), path("logins"));
        for folder in [&lib, &mail] {
            fs::create_dir(folder).unwrap();
        }
        let owner = Dovecot::mail_user().unwrap();
        chown(&mail, Some(owner.0), Some(owner.1)).unwrap();

        let file = lib.join("directory.sqlite");
        let url = match engine {
            "sqlite" => format!("sqlite:{}", file.display()),
            _ => {
                Postgres::shared().create_database("serving").unwrap();
                let port = Postgres::shared().port();
                format!("postgres://{USER}@127.0.0.1:{port}/serving")
            }
        };
        let run = |arguments: &[&str]| {
            let mut command = Command::new(binary());
            command.args(arguments).args(["--directory", &url]);
            command.env("PGPASSWORD", databases::PASSWORD);
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{arguments:?}: {said}{complaint}");
            said
        };
        let csv = path("platform.csv");
        fs::write(&csv, PLATFORM.replace("SINK", &sink.port().to_string())).unwrap();
        run(&["import", csv.to_str().unwrap()]);
        match engine {
            "sqlite" => {
                let output = Command::new("sqlite3").arg(&file).arg(REST).output().unwrap();
                assert!(output.status.success(), "{output:?}");
                for (path, mode) in [(&file, 0o640), (&lib, 0o750)] {
                    chown(path, None, Some(group("postfix"))).unwrap();
                    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
                }
            }
            _ => {
                Postgres::shared().sql("serving", REST).unwrap();
            }
        }

        let password = path("role-password");
        fs::write(&password, "secret-of-the-role\n").unwrap();
        fs::set_permissions(&password, Permissions::from_mode(0o600)).unwrap();
        let role: &[&str] = match engine {
            "sqlite" => &[],
            _ => &["--role-password-file", password.to_str().unwrap()],
        };
        let [maps_text, logins_text, mail_text] =
            [&maps, &logins, &mail].map(|path| path.to_str().unwrap().to_owned());
        run(&[&["config", "postfix", "--output", &maps_text], role].concat());
        let owner = format!("{}:{}", owner.0, owner.1);
        let queue = postfix.queue();
        let arguments = [
            "config",
            "dovecot",
            "--output",
            &logins_text,
            "--mail-root",
            &mail_text,
        ];
        let more = ["--mail-owner", &owner, "--queue", queue.to_str().unwrap()];
        run(&[&arguments, &more[..], role].concat());
        if engine == "postgres" {
            for folder in [&maps, &logins] {
                Postgres::shared()
                    .load("serving", &folder.join("role.sql"))
                    .unwrap();
            }
        }

        let dovecot = Dovecot::builder()
            .without_accounts()
            .extra_config(&format!("!include {}/transhume.conf", logins.display()))
            .start()
            .unwrap();
        postfix
            .start(&fs::read_to_string(maps.join("main.cf")).unwrap())
            .unwrap();
        Self {
            engine,
            maps,
            mail,
            sink,
            postfix,
            dovecot,
            _dir: dir,
        }
    }

    fn look_up(&self, map: &str, key: &str) -> Option<String> {
        let kind = if self.engine == "sqlite" {
            "sqlite"
        } else {
            "pgsql"
        };
        let map = format!("{kind}:{}/{map}.cf", self.maps.display());
        self.postfix.look_up(&map, key).unwrap()
    }

    /// Messages in the mailbox whose folder has this name.
    fn messages(&self, below: &str) -> usize {
        let folder = self.mail.join(below).join("Maildir/new");
        fs::read_dir(folder).map_or(0, |entries| entries.count())
    }

    fn can_log_in(&self, user: &str, password: &str) -> bool {
        Oracle::connect(self.dovecot.imap_port(), user, password.as_bytes()).is_ok()
    }
}

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
    let quota: Vec<String> = quota.iter().map(|line| line.text()).collect();
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

fn serve(engine: &'static str) {
    let platform = Platform::start(engine);
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
