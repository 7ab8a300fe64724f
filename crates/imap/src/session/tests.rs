use std::fmt::Write as _;

use expect_test::expect_file;
use transhume_model::mail::{Uid, UidSet};

use super::*;
use crate::wire::{Capabilities, Event, Namespace, Response, WireName};

mod transcripts;
mod writing;

const DOVECOT: &[u8] =
    b"IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT NAMESPACE UIDPLUS LIST-EXTENDED CONDSTORE \
    QRESYNC LIST-STATUS BINARY MOVE STATUS=SIZE LITERAL+ NOTIFY SPECIAL-USE";
const COURIER: &[u8] =
    b"IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT SORT QUOTA IDLE ACL ENABLE UTF8=ACCEPT";

/// Plays an exchange against a server that says `server`, line by line, a line whenever the client has nothing more
/// to send. Gives the whole conversation and what it came to.
fn play<E: Exchange>(
    mut dialogue: Dialogue,
    exchange: E,
    server: &str,
    shown: impl Fn(E::Output) -> String,
) -> String {
    let mut out = String::new();
    let mut running = Running::start(exchange, &mut dialogue);
    let mut lines = server.lines();
    loop {
        let sent = dialogue.outbox().ready().to_vec();
        dialogue.outbox().sent(sent.len());
        for line in String::from_utf8_lossy(&sent).split_inclusive("\r\n") {
            writeln!(out, "C: {}", line.trim_end_matches("\r\n")).unwrap();
        }
        let event = match dialogue.next_event() {
            Ok(event) => event,
            Err(error) => return out + &format!("= {:?}\n", running.redact(error)),
        };
        if let Some(event) = event {
            if let Err(error) = running.event(&mut dialogue, event) {
                return out + &format!("= {:?}\n", running.redact(error));
            }
        } else if running.is_done() {
            return out + &format!("= {}\n", shown(running.finish().unwrap()));
        } else if dialogue.outbox().ready().is_empty() {
            let Some(line) = lines.next() else {
                return out + "= still waiting\n";
            };
            writeln!(out, "S: {line}").unwrap();
            dialogue
                .input()
                .extend_from_slice(format!("{line}\r\n").as_bytes());
        }
    }
}

/// A dialogue whose server has announced this much.
fn announced(capabilities: &[u8]) -> Dialogue {
    let mut dialogue = Dialogue::default();
    dialogue
        .input()
        .extend_from_slice(&[b"* CAPABILITY ", capabilities, b"\r\n"].concat());
    dialogue.next_event().unwrap().unwrap();
    dialogue
}

fn namespace(line: &str) -> PersonalNamespace {
    let mut dialogue = Dialogue::default();
    dialogue
        .input()
        .extend_from_slice(format!("{line}\r\n").as_bytes());
    match dialogue.next_event().unwrap() {
        Some(Event::Response(Response::Namespace(namespace))) => namespace.into(),
        _ => PersonalNamespace::default(),
    }
}

#[test]
fn namespaces_tell_whose_a_mailbox_is() {
    let cyrus = namespace(r#"* NAMESPACE (("INBOX/" "/")) (("user/" "/")) (("" "/"))"#);
    let owns = |name: &str| cyrus.owns(&WireName::new(name.as_bytes()));
    assert!(owns("INBOX") && owns("inbox") && owns("INBOX/x"));
    assert!(!owns("user/bob") && !owns("public"));
    assert_eq!((cyrus.prefix(), cyrus.delimiter()), (&b"INBOX/"[..], Some('/')));
    let dovecot = namespace(r#"* NAMESPACE (("" ".")) NIL (("Public." "."))"#);
    assert!(dovecot.owns(&WireName::new(&b"x"[..])));
    assert!(!dovecot.owns(&WireName::new(&b"Public.x"[..])));
    assert!(namespace("* NAMESPACE NIL NIL NIL").owns(&WireName::new(&b"x"[..])));
    assert_eq!(PersonalNamespace::default(), namespace("* X"));
    assert_eq!(Namespace::default().personal, []);
}

#[test]
fn the_greeting() {
    let read = |line: &str| {
        let mut dialogue = Dialogue::default();
        dialogue.input().extend_from_slice(line.as_bytes());
        Greeting::read(&dialogue.next_event()?.unwrap())
    };
    assert_eq!(read("* OK hi\r\n").unwrap(), Greeting::Ok);
    assert_eq!(read("* PREAUTH hi\r\n").unwrap(), Greeting::PreAuth);
    let refused = [
        "* BYE too busy\r\n",
        "220 mail.example ESMTP\r\n",
        "+OK POP3 ready\r\n",
        "* NO\r\n",
        "A1 OK\r\n",
    ];
    let words: Vec<String> = refused
        .iter()
        .map(|line| read(line).unwrap_err().to_string())
        .collect();
    expect_test::expect![[r#"
        [
            "the server ended the connection: too busy",
            "this is not an IMAP server: \"220 mail.example ESMTP\"",
            "this is not an IMAP server: \"OK POP3 ready\"",
            "the server does not greet as IMAP servers do: \"\"",
            "the server replies to a command that was not sent: \"A1\"",
        ]
    "#]]
    .assert_debug_eq(&words);
}

#[test]
fn what_is_going_on_is_told() {
    let mut dialogue = Dialogue::default();
    let mut told = vec![dialogue.doing()];
    let mut hear = |bytes: &[u8]| {
        dialogue.input().extend_from_slice(bytes);
        while dialogue.next_event().unwrap().is_some() {}
        if bytes.starts_with(b"* OK") {
            dialogue.enqueue(&FetchBodies::command(&UidSet::range(Uid::FIRST, Uid::LAST)));
        }
        told.push(dialogue.doing());
    };
    hear(b"* OK hi\r\n");
    hear(b"* 1 FETCH (BODY[] {1000}\r\nabc");
    hear(&[b'x'; 997]);
    hear(b" UID 1)\r\nA1 OK\r\n");
    expect_test::expect![[r#"
        [
            "waiting for the server's greeting",
            "waiting for the reply to UID FETCH",
            "reading a message (3 of 1000 octets had come)",
            "waiting for the reply to UID FETCH",
            "nothing was under way",
        ]
    "#]]
    .assert_debug_eq(&told);
}

#[test]
fn what_events_mean_while_texts_come() {
    let mut dialogue = Dialogue::default();
    dialogue.enqueue(&FetchBodies::command(&UidSet::range(Uid::FIRST, Uid::LAST)));
    dialogue.input().extend_from_slice(
        b"* 1 FETCH (UID 5 BODY[] {2}\r\nhi)\r\n* 2 FETCH (BODY[] NIL UID 6)\r\n* 3 FETCH (FLAGS ())\r\n\
          * 4 FETCH (UID\r\n* 4 EXISTS\r\nA1 OK\r\n",
    );
    let mut events = Vec::new();
    while let Some(event) = dialogue.next_event().unwrap() {
        events.push(format!("{:?}", FetchBodies::read(event)));
    }
    expect_test::expect![[r#"
        [
            "Started { len: 2, uid: Some(Uid(5)) }",
            "Chunk(b\"hi\")",
            "Other",
            "Complete { fetch: Fetch { sequence: 1, uid: Some(Uid(5)), flags: None, internal_date: None, size: None, mod_seq: None, body: Delivered { octets: 2 } }, octets: 2 }",
            "Withheld { uid: Some(Uid(6)) }",
            "Other",
            "Unreadable",
            "Response(Exists(4))",
            "Response(Tagged(Tagged { tag: Tag(1), status: Ok, code: None, text: \"\" }))",
        ]
    "#]]
    .assert_debug_eq(&events);
}

/// Whatever servers answer to a login, and however it is looked at, the password is not in it.
#[test]
fn no_error_and_no_debug_holds_the_password() {
    let password = b"s3cr\"et\\pw";
    let forms = [
        "s3cr\"et\\pw",
        "s3cr\\\"et\\\\pw",
        "czNjciJldFxwdw==",
        "AGJvYgBzM2NyImV0XHB3",
    ];
    for capabilities in [
        &b"IMAP4rev1 AUTH=PLAIN SASL-IR"[..],
        b"IMAP4rev1 AUTH=PLAIN",
        b"IMAP4rev1",
    ] {
        for form in forms {
            for answer in [
                format!("A1 NO wrong: {form}"),
                format!("A1 NO [ALERT] try again: {form}"),
                format!("A1 NO [X-ECHO {form}] no"),
                format!("A1 BAD unknown command {form}\r\nA2 BAD LOGIN {form}"),
                format!("* BYE {form}"),
                format!("A1 NO [UNAVAILABLE] later: {form}"),
                format!("* BYE [LIMIT] {form}"),
            ] {
                let login = Login::new(&Capabilities::from_text(capabilities), "bob", password).unwrap();
                let shown = format!("{login:?}");
                let mut dialogue = Dialogue::default();
                let mut running = Running::start(login, &mut dialogue);
                dialogue
                    .input()
                    .extend_from_slice(format!("{answer}\r\n").as_bytes());
                let error = loop {
                    match dialogue.next_event() {
                        Ok(Some(event)) => {
                            if let Err(error) = running.event(&mut dialogue, event) {
                                break Some(error);
                            }
                        }
                        Ok(None) => break None,
                        Err(error) => break Some(error),
                    }
                };
                let error = error.map(|error| running.redact(error));
                let shown = format!(
                    "{shown} {error:?} {}",
                    error.as_ref().map(ToString::to_string).unwrap_or_default()
                );
                for form in forms {
                    assert!(!shown.contains(form), "{answer}: {shown}");
                    assert!(!shown.contains(&format!("{form:?}")), "{answer}: {shown}");
                }
            }
        }
    }
}

#[test]
fn a_short_password_is_looked_for_as_a_word() {
    let refused = |text: &str| {
        let login = Login::new(&Capabilities::from_text(b"IMAP4rev1"), "bob", b"x").unwrap();
        let error = ImapError::Bye {
            text: text.to_owned(),
        };
        login.redact(error).to_string()
    };
    assert!(refused("LOGIN bob x").contains("left out"));
    assert!(refused("LOGIN \"bob\" \"x\"").contains("left out"));
    assert!(refused("the account has expired").contains("expired"));
}

#[test]
fn where_no_password_may_be_sent_none_is() {
    let login = |capabilities: &[u8]| Login::new(&Capabilities::from_text(capabilities), "bob", b"pw");
    assert!(matches!(
        login(b"IMAP4rev1 LOGINDISABLED"),
        Err(ImapError::LoginDisabled)
    ));
    assert!(matches!(
        login(b"IMAP4rev1 LOGINDISABLED AUTH=GSSAPI"),
        Err(ImapError::LoginDisabled)
    ));
    assert!(login(b"IMAP4rev1 LOGINDISABLED AUTH=PLAIN").is_ok());
    let nul = Login::new(&Capabilities::from_text(b"IMAP4rev1"), "bob\0root", b"pw");
    assert!(matches!(nul, Err(ImapError::LoginRefused { .. })));
}
