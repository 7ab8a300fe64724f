//! A server that can do no more than RFC 3501 asks, and one message that it never delivers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use transhume_e2e::{PASSWORD, move_command, run};
use transhume_testkit::{Dovecot, Oracle, ScriptedServer};

const LOGIN: &str = r"
S: * OK hello
C: c1 CAPABILITY
S: * CAPABILITY IMAP4rev1 AUTH=PLAIN
S: c1 OK
C: l1 AUTHENTICATE PLAIN
S-RAW: + \r\n
C-LINE: *
S: l1 OK welcome
C: c2 CAPABILITY
S: * CAPABILITY IMAP4rev1
S: c2 OK
";

/// LIST, LSUB and STATUS one by one; then all at once, with UIDs after the texts, in another order, one message as a quoted
/// string, and UID 7 not at all; then the rows.
const LIST: &str = r#"
C: n1 LIST "" "\*"
C: n2 LSUB "" "\*"
S: * LIST (\HasChildren) "/" INBOX
S: * LIST (\Noselect) "/" "Parent"
S: * LIST () "/" "Parent/Entw&APw-rfe"
S: n1 OK
S: * LSUB () "/" "Parent/Entw&APw-rfe"
S: n2 OK
C: s1 STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY)
C: s2 STATUS * (MESSAGES UIDNEXT UIDVALIDITY)
S: * STATUS INBOX (MESSAGES 3 UIDNEXT 9 UIDVALIDITY 77)
S: s1 OK
S: * STATUS "Parent/Entw&APw-rfe" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 5)
S: s2 OK
"#;

const EXAMINE: &str = r#"
C: e1 EXAMINE "INBOX"
S: * 3 EXISTS
S: * OK [UIDVALIDITY 77] valid
S: e1 OK [READ-ONLY] open
"#;

const ROWS: &str = r#"
C: r1 UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE RFC822.SIZE)
S: * 1 FETCH (RFC822.SIZE 11 UID 2 FLAGS (\Seen \Recent) INTERNALDATE " 1-Jan-2020 00:00:00 +0100")
S: * 2 FETCH (UID 7 FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" RFC822.SIZE 4)
S: * 3 FETCH (UID 8 FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" RFC822.SIZE 2)
S: r1 OK
"#;

const WHOLE: &str = r#"
C: w1 UID FETCH 1:4294967295 (UID FLAGS INTERNALDATE BODY.PEEK[])
S: * 3 FETCH (UID 8 FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" BODY[] "hi")
S-RAW: * 1 FETCH (BODY[] {11}\r\nA: b\r\n\r\nbye UID 2 FLAGS (\\Seen \\Recent) INTERNALDATE " 1-Jan-2020 00:00:00 +0100")\r\n
S: w1 OK
"#;

const ALONE: &str = r"
C: t2 UID FETCH 7 (UID BODY.PEEK[])
S: t2 NO [SERVERBUG] cannot read message 7
";

/// I3: what cannot be moved is named, everything else is moved with its UIDs, and the exit code says so. I1: the server
/// hears of no command that writes.
#[test]
fn one_message_that_never_comes_stops_nothing() {
    let new = Dovecot::builder().user("nina", PASSWORD).start().unwrap();
    let home = new.home("nina");
    std::fs::create_dir_all(&home).unwrap();
    if let Some((uid, gid)) = new.chown_to() {
        std::os::unix::fs::chown(&home, Some(uid), Some(gid)).unwrap();
    }
    // The first round asks for all at once, misses a message, asks for the rows, then twice for UID 7, and waits with the mailbox.
    // The second tries once more and fills it without; the third finds nothing else to do.
    let again = format!("{LIST}{EXAMINE}{ROWS}{ALONE}{ALONE}");
    let transcript = format!("{LOGIN}{LIST}{EXAMINE}{WHOLE}{ROWS}{ALONE}{ALONE}{again}{again}C: q LOGOUT\n");
    let server = ScriptedServer::start(&transcript).unwrap();
    let from = format!("imap+insecure://nina@127.0.0.1:{}", server.port());
    let (code, json, stderr) = run(move_command(&from, &new.maildir("nina")).args(["--retries", "0"]));
    server
        .join()
        .unwrap_or_else(|error| panic!("{error}\n{json}\n{stderr}"));
    assert_eq!(code, 3, "{json}\n{stderr}");
    assert_eq!(json["totals"]["carried"], 2, "{json}");
    let failed = &json["mailboxes"][0]["failed"];
    assert_eq!(failed.as_array().unwrap().len(), 1, "{json}");
    assert_eq!(failed[0]["uid"], 7);
    assert!(
        failed[0]["reason"]
            .as_str()
            .unwrap()
            .contains("cannot read message 7"),
        "{json}"
    );

    let mut owner = Oracle::login(&new, "nina").unwrap();
    let selected = owner.select(&["INBOX"]).unwrap();
    assert_eq!((selected.uid_validity, selected.uid_next), (77, 9));
    let messages = owner.fetch_all().unwrap();
    let seen: Vec<_> = messages
        .iter()
        .map(|message| (message.uid, message.internal_date, message.body_len))
        .collect();
    assert_eq!(seen, [(2, 1_577_833_200, 11), (8, 1_577_836_800, 2)]);
    let drafts = owner.select(&["Parent", "Entwürfe"]).unwrap();
    assert_eq!(drafts.uid_validity, 5);
    assert_eq!(new.log_problems(), Vec::<String>::new());
}
