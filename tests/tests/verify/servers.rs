//! What a server keeps back: quarantine, and what is hidden.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use transhume_e2e::{PASSWORD, Pair, move_command, run, run_complete, verify_command};
use transhume_testkit::{Dovecot, Fault, FaultProxy, ScriptedServer};

use super::{mailbox, standings, told, verify};

/// A message that the old server does not deliver is in quarantine: every run tries it again and says so, verify names it,
/// and when it comes at last it is in quarantine no more.
#[test]
fn quarantine_is_on_record_until_the_message_comes() {
    let pair = Pair::start("frida", &[mailbox(&["INBOX"], 4), mailbox(&["Later"], 2)]);
    let entries = fs::read_dir(pair.old.maildir("frida").join("cur")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mode = |mode| fs::set_permissions(&paths[1], fs::Permissions::from_mode(mode)).unwrap();
    mode(0o000);
    for tries in 1..=2 {
        let (code, json, stderr) = run(&mut pair.command());
        assert_eq!(code, 3, "{json}\n{stderr}");
        let quarantined = &json["mailboxes"][0]["quarantined"];
        assert_eq!(
            (&quarantined[0]["uid"], &quarantined[0]["tries"]),
            (&2.into(), &tries.into()),
            "{json}"
        );
    }
    for options in [&[][..], &["--deep"]] {
        let (code, json) = verify(&pair, options);
        assert_eq!((code, standings(&json)), (3, [0, 1, 0]), "{:#?}", told(&json));
        assert_eq!(told(&json), ["INBOX quarantined 1 2"]);
        let detail = json["mailboxes"][0]["differences"][0]["details"][0]["detail"]
            .as_str()
            .unwrap();
        assert!(
            detail.contains("the connection has ended") && detail.contains("tried in 2 runs"),
            "{detail}"
        );
    }
    mode(0o600);
    let json = run_complete(&mut pair.command());
    assert_eq!(
        json["mailboxes"][0]["quarantined"].as_array().unwrap().len(),
        0,
        "{json}"
    );
    let (code, json) = verify(&pair, &[]);
    assert_eq!(code, 0, "{:#?}", told(&json));
}

/// Messages that a server counts and does not list, refuses, or gives nothing for, and a mailbox of somebody else's. I1: the
/// server hears of no command that writes.
#[test]
fn what_a_server_hides_is_told() {
    let list = r#"
S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR NAMESPACE] hello
C: l1 AUTHENTICATE PLAIN *
S: l1 OK [CAPABILITY IMAP4rev1 NAMESPACE] welcome
C: a1 NAMESPACE
S: * NAMESPACE (("" "/")) (("Other/" "/")) NIL
S: a1 OK
C: n1 LIST "" "\*"
C: n2 LSUB "" "\*"
S: * LIST () "/" INBOX
S: * LIST () "/" "Other/bob"
S: n1 OK
S: n2 OK
C: s1 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
C: s2 STATUS "Other/bob" (MESSAGES UIDNEXT UIDVALIDITY)
S: * STATUS INBOX (MESSAGES 4 UIDNEXT 5 UIDVALIDITY 77)
S: s1 OK
S: s2 NO not yours
"#;
    let examine = r#"
C: e1 EXAMINE "INBOX"
S: * 4 EXISTS
S: * OK [UIDVALIDITY 77] valid
S: e1 OK [READ-ONLY] open
"#;
    let whole = r#"
C: w1 UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE BODY.PEEK[])
S: * 1 FETCH (UID 1 FLAGS () BODY[] "hi")
S: * 2 FETCH (UID 2 FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" BODY[] "ho")
S: * 3 FETCH (UID 3 FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" BODY[] "a\\\\b")
S: w1 OK
"#;
    let rows = r#"
C: r1 UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)
S: * 1 FETCH (UID 1 FLAGS () RFC822.SIZE 2)
S: * 2 FETCH (UID 2 FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" RFC822.SIZE 2)
S: * 3 FETCH (UID 3 FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" RFC822.SIZE 4)
S: r1 OK
"#;
    let new = Dovecot::builder()
        .separator('/')
        .user("gina", PASSWORD)
        .start()
        .unwrap();
    let home = new.home("gina");
    fs::create_dir_all(&home).unwrap();
    if let Some((uid, gid)) = new.chown_to() {
        std::os::unix::fs::chown(&home, Some(uid), Some(gid)).unwrap();
    }
    let bye = "C: q LOGOUT\n";
    let ask = |transcript: String, command: &dyn Fn(u16) -> Command| {
        let server = ScriptedServer::start(&transcript).unwrap();
        let outcome = run(command(server.port()).args(["--retries", "0"]));
        server
            .join()
            .unwrap_or_else(|error| panic!("{error}\n{}\n{}", outcome.1, outcome.2));
        outcome
    };
    let from = |port: u16| format!("imap+insecure://gina@127.0.0.1:{port}");
    let list_again = list
        .split_once("C: a1")
        .map(|(_, rest)| format!("C: a1{rest}"))
        .unwrap();
    let moves = |port: u16| move_command(&from(port), &new.maildir("gina"));
    let again = format!("{list_again}{examine}{rows}");
    let transcript = format!("{list}{examine}{whole}{rows}{again}{again}{bye}");
    let (code, json, stderr) = ask(transcript, &moves);
    assert_eq!(code, 3, "{json}\n{stderr}");

    // UID 2 is refused now; UID 3 comes with another size told; one is still not listed.
    let texts = "C: t1 UID FETCH 1:3 (UID BODY.PEEK[])\nS: * 1 FETCH (UID 1 BODY[] \"hi\")\n\
                 S: * 3 FETCH (UID 3 BODY[] \"a\\\\\\\\b\")\nS: t1 NO some are bad\n\
                 C: t2 UID FETCH 2 (UID BODY.PEEK[])\nS: * 2 FETCH (UID 2 BODY[] \"\")\nS: t2 OK\n";
    let verifies = |port: u16| {
        let mut command = verify_command(&from(port), &new.maildir("gina"));
        command.arg("--deep");
        command
    };
    let (code, json, stderr) = ask(format!("{list}{examine}{rows}{texts}{bye}"), &verifies);
    assert_eq!(code, 3, "{json}\n{stderr}");
    assert_eq!(
        told(&json),
        [
            "INBOX not_delivered 1 2",
            "INBOX unlisted 1",
            "INBOX undated 1 1",
            "Other/bob not_own 1",
        ]
    );
}

/// A connection that is lost is made again; a message at which the old server hangs up keeps no other from being compared.
#[test]
fn lost_connections_are_made_again() {
    let pair = Pair::start("luise", &[mailbox(&["INBOX"], 40), mailbox(&["Later"], 2)]);
    run_complete(&mut pair.command());
    let proxy = FaultProxy::start(pair.old.imap_port(), Fault::CutOnceAfter(6_000)).unwrap();
    let from = format!("imap+insecure://luise@127.0.0.1:{}", proxy.port());
    let (code, json, stderr) = run(verify_command(&from, &pair.maildir()).arg("--deep"));
    assert_eq!((code, &json["reconnects"]), (0, &1.into()), "{json}\n{stderr}");
    assert_eq!(json["totals"]["equal"], 42, "{json}");

    let entries = fs::read_dir(pair.old.maildir("luise").join("cur")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    fs::set_permissions(&paths[6], fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(verify(&pair, &[]).0, 0, "it is not asked for");
    let (code, json) = verify(&pair, &["--deep"]);
    assert_eq!(told(&json), ["INBOX not_delivered 1 7"]);
    assert_eq!((code, &json["totals"]["equal"]), (3, &41.into()), "{json}");
}
