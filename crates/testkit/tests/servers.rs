//! Real servers start in each mode, serve what was written, and are gone afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::process::Command;

use transhume_testkit::{Courier, Cyrus, Dovecot, MailboxSpec, Mode, Oracle, TestkitError, write_account};

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn one_message() -> Vec<MailboxSpec> {
    vec![MailboxSpec::new(&["INBOX"], 77).message(1_000_000_000, b"Subject: x\n\nhello\n")]
}

fn serves_and_changes(server: &Dovecot) {
    write_account(&server.maildir("alice"), server.chown_to(), &one_message()).unwrap();
    let mut oracle = Oracle::login(server, "alice").unwrap();
    let selected = oracle.select(&["INBOX"]).unwrap();
    assert_eq!(
        (selected.uid_validity, selected.uid_next, selected.exists),
        (77, 2, 1)
    );
    assert_eq!(oracle.fetch_body(1).unwrap(), b"Subject: x\r\n\r\nhello\r\n");

    oracle.create(&["Ä", "b"]).unwrap();
    let uid = oracle
        .append(
            &["Ä", "b"],
            &["\\Seen", "work"],
            Some(86_400),
            b"Subject: y\r\n\r\nz\r\n",
        )
        .unwrap();
    assert_eq!(uid, Some(1));
    oracle.rename(&["Ä", "b"], &["Ä", "c"]).unwrap();
    oracle.subscribe(&["Ä", "c"]).unwrap();
    oracle.select(&["Ä", "c"]).unwrap();
    oracle.copy("1", &["INBOX"]).unwrap();
    oracle.store("1", "-FLAGS", &["\\Seen"]).unwrap();
    let messages = oracle.fetch_all().unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].internal_date, 86_400);
    assert_eq!(messages[0].flags, ["work".to_owned()].into());
    oracle.expunge("1").unwrap();
    assert!(oracle.fetch_all().unwrap().is_empty());
    oracle.select(&["INBOX"]).unwrap();
    assert_eq!(oracle.fetch_all().unwrap().len(), 2);
    oracle.delete(&["Ä", "c"]).unwrap();
    let modseq = oracle.highest_modseq(&["INBOX"]).unwrap();
    let lines = oracle.enable_qresync_select(&["INBOX"], 77, modseq).unwrap();
    assert!(
        lines.iter().any(|line| line.text().starts_with("* 2 EXISTS")),
        "{lines:?}"
    );
    assert!(
        !oracle
            .command("NO-SUCH-COMMAND")
            .unwrap()
            .last()
            .unwrap()
            .text()
            .contains(" OK ")
    );
    oracle.logout().unwrap();

    let file = std::fs::read_dir(server.maildir("alice").join("cur"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let owner = (file.metadata().unwrap().uid(), file.metadata().unwrap().gid());
    assert_eq!(owner, server.mail_owner());
    let who = server.doveadm(&["user", "alice"]).unwrap();
    assert!(who.status.success(), "{who:?}");
    assert_eq!(server.log_problems(), Vec::<String>::new());
}

fn ends_with_nothing_left(mut server: Dovecot) {
    let dir = server.dir().to_owned();
    let port = server.imap_port();
    // A session that is open keeps a process busy.
    let _open = Oracle::login(&server, "alice").unwrap();
    server.stop();
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    server.restart().unwrap();
    assert_eq!(server.imap_port(), port);
    Oracle::login(&server, "alice").unwrap();
    assert_eq!(server.log_problems(), Vec::<String>::new());
    drop(server);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    assert!(!dir.exists());
}

#[test]
fn as_root() {
    if !is_root() {
        let refused = Dovecot::builder().mode(Mode::Root).start();
        assert!(matches!(refused, Err(TestkitError::Start(_))));
        return;
    }
    let server = Dovecot::builder()
        .mode(Mode::Root)
        .user("alice", "secret")
        .start()
        .unwrap();
    assert_ne!(server.mail_owner().0, 0);
    serves_and_changes(&server);
    ends_with_nothing_left(server);
}

#[test]
fn unprivileged() {
    let server = Dovecot::builder()
        .mode(Mode::Unprivileged)
        .user("alice", "secret")
        .start()
        .unwrap();
    let log = std::fs::metadata(server.dir().join("dovecot.log")).unwrap();
    assert_eq!(log.uid(), server.mail_owner().0);
    serves_and_changes(&server);
    ends_with_nothing_left(server);
}

/// Cyrus, Courier: with a session open, with another of the same kind beside, and gone afterwards.
#[test]
fn servers_of_other_makers() {
    let password = "p & \"w\" %s $HOME \\ é";
    let cyrus = || Cyrus::builder().user("alice", password).start().unwrap();
    let courier = || Courier::builder().user("alice", password).start().unwrap();
    let (first, second) = (cyrus(), courier());
    let ports = [first.imap_port(), second.imap_port()];
    let beside = (cyrus(), courier());
    let sessions = ports.map(|port| {
        assert!(matches!(
            Oracle::connect(port, "alice", b"wrong"),
            Err(TestkitError::Refused { .. })
        ));
        let mut oracle = Oracle::connect(port, "alice", password.as_bytes()).unwrap();
        let flags = ["\\Seen", "work"];
        oracle.create(&["Ä", "b"]).unwrap();
        let text = b"Subject: y\r\n\r\nz\r\n";
        let uid = oracle.append(&["Ä", "b"], &flags, Some(86_400), text).unwrap();
        assert_eq!(uid, Some(1));
        oracle.select(&["Ä", "b"]).unwrap();
        let messages = oracle.fetch_all().unwrap();
        assert_eq!((messages.len(), messages[0].internal_date), (1, 86_400));
        assert_eq!(messages[0].flags, flags.map(str::to_owned).into());
        assert_eq!(oracle.fetch_body(1).unwrap(), text);
        oracle
    });
    drop((first, second));
    for port in ports {
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
    }
    drop(sessions);
    for port in [beside.0.imap_port(), beside.1.imap_port()] {
        let mut oracle = Oracle::connect(port, "alice", password.as_bytes()).unwrap();
        assert_eq!(oracle.select(&["INBOX"]).unwrap().exists, 0);
        oracle.logout().unwrap();
    }
}

#[test]
fn passwords_of_any_bytes() {
    let passwords: [&[u8]; 6] = [
        b"with space",
        b"a:b::c",
        b"{PLAIN}x",
        "пароль ü".as_bytes(),
        b"\xff\xfe\x80 \"\\ \x7f ",
        b"*",
    ];
    let mut builder = Dovecot::builder();
    for (number, password) in passwords.iter().enumerate() {
        builder = builder.user_bytes(&format!("user{number}@example.org"), password);
    }
    let mut server = builder.start().unwrap();
    for (number, password) in passwords.iter().enumerate() {
        let user = format!("user{number}@example.org");
        assert_eq!(server.login_password(&user), *password);
        Oracle::login(&server, &user).unwrap();
        assert!(matches!(
            Oracle::connect(server.imap_port(), &user, b"wrong"),
            Err(TestkitError::Refused { .. })
        ));
    }
    let refused = Dovecot::builder().user("bob", "line\nend").start();
    assert!(matches!(refused, Err(TestkitError::Start(_))));
    server.set_user("late", b"new").unwrap();
    Oracle::login(&server, "late").unwrap();
}

#[test]
fn prefixes_and_special_use() {
    for (separator, prefix) in [('.', ""), ('/', ""), ('.', "INBOX."), ('/', "INBOX/")] {
        let server = Dovecot::builder()
            .separator(separator)
            .prefix(prefix)
            .special_use("Gesendet & fort", "Sent")
            .special_use(&format!("Mehr{separator}Entwürfe"), "Drafts")
            .user("alice", "x")
            .start()
            .unwrap();
        let names: [&[&str]; 4] = [
            &["INBOX"],
            &["Gesendet & fort"],
            &["Mehr", "Entwürfe"],
            &["Mehr", "Quote \"q\""],
        ];
        let specs: Vec<_> = (5..)
            .zip(names)
            .map(|(validity, name)| MailboxSpec::new(name, validity))
            .collect();
        write_account(&server.maildir("alice"), server.chown_to(), &specs).unwrap();
        let mut oracle = Oracle::login(&server, "alice").unwrap();
        assert_eq!((oracle.prefix(), oracle.separator()), (prefix, separator));
        let listed = oracle.list_all().unwrap();
        let find = |name: &[&str]| {
            listed
                .iter()
                .find(|folder| folder.name == name)
                .unwrap_or_else(|| panic!("{listed:?}"))
        };
        for (validity, name) in (5..).zip(names) {
            assert!(find(name).selectable && find(name).subscribed, "{listed:?}");
            assert_eq!(oracle.examine(name).unwrap().uid_validity, validity);
        }
        assert_eq!(find(names[1]).special_use, ["\\Sent".to_owned()].into());
        assert_eq!(find(names[2]).special_use, ["\\Drafts".to_owned()].into());
        assert!(!find(&["Mehr"]).selectable);
        assert_eq!(server.log_problems(), Vec::<String>::new());
    }
}

/// What `openssl s_client` says after a login line.
fn over_tls(port: u16, arguments: &[&str]) -> String {
    let mut client = Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-connect",
            &format!("localhost:{port}"),
        ])
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = client.stdin.take().unwrap();
    stdin.write_all(b"a LOGIN alice x\r\nb LOGOUT\r\n").unwrap();
    let output = client.wait_with_output().unwrap();
    drop(stdin);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn tls_both_ways() {
    let signed = Dovecot::builder().tls_ca().user("alice", "x").start().unwrap();
    let own = Dovecot::builder()
        .mode(Mode::Unprivileged)
        .tls(true)
        .user("alice", "x")
        .start()
        .unwrap();
    let ca = signed.ca_pem_path().to_str().unwrap();
    let pinned = own.cert_pem_path().to_str().unwrap();
    for (server, trust) in [(&signed, ca), (&own, pinned)] {
        assert_eq!(server.cert_sha256_hex().len(), 64);
        let said = over_tls(
            server.imaps_port(),
            &["-CAfile", trust, "-verify_hostname", "localhost"],
        );
        assert!(said.contains("a OK"), "{said}");
        let said = over_tls(server.imap_port(), &["-starttls", "imap", "-CAfile", trust]);
        assert!(said.contains("a OK"), "{said}");
    }
    let said = over_tls(own.imaps_port(), &["-CAfile", ca]);
    assert!(!said.contains("a OK"), "{said}");
}

#[test]
fn lmtp_and_pop3_work_too() {
    let server = Dovecot::builder().user("alice", "x").start().unwrap();
    let talk = |port: u16, lines: &str| {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let mut said = String::new();
        // One line at a time would be proper; these servers accept a whole conversation.
        stream.write_all(lines.as_bytes()).unwrap();
        stream.read_to_string(&mut said).unwrap();
        said
    };
    let said = talk(
        server.lmtp_port(),
        "LHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<alice>\r\nDATA\r\nSubject: y\r\n\r\nz\r\n.\r\nQUIT\r\n",
    );
    assert!(said.contains("Saved"), "{said}");
    let said = talk(server.pop3_port(), "USER alice\r\nPASS x\r\nSTAT\r\nQUIT\r\n");
    assert!(said.contains("+OK 1 "), "{said}");
    assert_eq!(server.log_problems(), Vec::<String>::new());
}

#[test]
fn two_servers_may_share_homes() {
    let homes = tempfile::tempdir().unwrap();
    let path = homes.path().join("h");
    std::fs::set_permissions(homes.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let dir = homes.path().join("server");
    let first = Dovecot::builder()
        .homes(&path)
        .user("alice", "x")
        .start()
        .unwrap();
    let second = Dovecot::builder()
        .homes(&path)
        .dir(&dir)
        .mode(Mode::Unprivileged)
        .user("alice", "y")
        .start()
        .unwrap();
    let mut through_first = Oracle::login(&first, "alice").unwrap();
    through_first
        .append(&["INBOX"], &[], None, b"Subject: x\r\n\r\ny\r\n")
        .unwrap();
    let mut through_second = Oracle::login(&second, "alice").unwrap();
    assert_eq!(through_second.select(&["INBOX"]).unwrap().exists, 1);
    drop(second);
    assert!(dir.join("dovecot.log").exists());
}

#[test]
fn a_wrong_configuration_is_told() {
    let error = Dovecot::builder()
        .extra_config("no_such_setting = 1")
        .start()
        .unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}
