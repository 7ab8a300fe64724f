//! Conversations that change something.

use std::sync::Arc;

use bytes::Bytes;
use expect_test::expect;
use transhume_model::mail::{FlagSet, InternalDate};

use super::*;
use crate::wire::Octets;

struct Text(&'static [u8]);

impl Octets for Text {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn piece(&self, at: u64) -> Option<Bytes> {
        self.0.get(usize::try_from(at).unwrap()..).map(Bytes::from_static)
    }
}

fn flags(words: &str) -> FlagSet {
    words.split_whitespace().collect()
}

#[test]
fn mailboxes_are_made_opened_and_subscribed_to() {
    let name = || WireName::encode("Entwürfe");
    let mut told = Vec::new();
    for reply in [
        "A1 OK done",
        "A1 NO [ALREADYEXISTS] it is",
        "A1 NO Mailbox already exists",
        "A1 NO [CANNOT] not such a name",
        "A1 NO [NOPERM] already exists, but is not yours",
    ] {
        told.push(play(Dialogue::default(), Create::new(name()), reply, |made| {
            made.to_string()
        }));
    }
    let rename = || Rename::new(name(), WireName::encode("Drafts"));
    for reply in ["A1 OK done", "A1 NO [ALREADYEXISTS] it is"] {
        told.push(play(Dialogue::default(), rename(), reply, |()| String::new()));
    }
    let subscribe = Subscribe::new(name());
    told.push(play(Dialogue::default(), subscribe, "A1 OK", |()| String::new()));
    let opened = "* FLAGS (\\Seen)\n* 3 EXISTS\n* OK [PERMANENTFLAGS (\\Seen work \\*)] kept\n\
                  * OK [UIDVALIDITY 7] valid\n* OK [UIDNEXT 9] next\nA1 OK [READ-WRITE] open";
    for server in [opened, "* OK [PERMANENTFLAGS ()] none\nA1 OK [READ-ONLY] open"] {
        told.push(play(
            Dialogue::default(),
            Select::new(name()),
            server,
            |selected| format!("{selected:?}"),
        ));
    }
    expect![[r#"
        C: A1 CREATE "Entw&APw-rfe"
        S: A1 OK done
        = true
        C: A1 CREATE "Entw&APw-rfe"
        S: A1 NO [ALREADYEXISTS] it is
        = false
    "#]]
    .assert_eq(&told[..2].concat());
    let ends: Vec<&str> = told[2..]
        .iter()
        .map(|told| told.lines().last().unwrap())
        .collect();
    expect![[r#"
        = false
        = Refused { command: "CREATE", status: No, code: Some(Other("CANNOT")), text: "not such a name" }
        = Refused { command: "CREATE", status: No, code: Some(NoPerm), text: "already exists, but is not yours" }
        = 
        = Refused { command: "RENAME", status: No, code: Some(Other("ALREADYEXISTS")), text: "it is" }
        = 
        = Selected { examined: Examined { checkpoint: Checkpoint { uid_validity: Some(UidValidity(7)), uid_next: Some(Uid(9)), highest_mod_seq: None, messages: 3 }, flags: FlagSet { system: 8, keywords: [] }, permanent_flags: Some(FlagSet { system: 8, keywords: [Keyword("work")] }) }, new_keywords: true, read_only: false }
        = Selected { examined: Examined { checkpoint: Checkpoint { uid_validity: None, uid_next: None, highest_mod_seq: None, messages: 0 }, flags: FlagSet { system: 0, keywords: [] }, permanent_flags: Some(FlagSet { system: 0, keywords: [] }) }, new_keywords: false, read_only: true }"#]].assert_eq(&ends.join("\n"));
}

#[test]
fn messages_are_put_in_and_their_flags_changed() {
    let messages = [(b"a\r\n".as_slice(), "\\Seen work"), (b"", "")].map(|(text, words)| ToAppend {
        flags: flags(words),
        internal_date: InternalDate::from_unix(0),
        text: Arc::new(Text(text)),
    });
    let command = Append::command(&WireName::new(&b"x y"[..]), &messages);
    let mut dialogue = announced(b"IMAP4rev1 LITERAL+");
    dialogue.enqueue(&command);
    let sent = dialogue.outbox().ready().escape_ascii().to_string();
    let mut told = vec![sent];
    let uids = UidSet::range(Uid::FIRST, Uid::new(3).unwrap());
    for exchange in [
        Store::set(uids.clone(), flags("\\Seen a")),
        Store::clear(uids, flags("b")),
    ] {
        told.push(play(Dialogue::default(), exchange, "A1 OK", |()| String::new()));
    }
    for (capabilities, server) in [
        (&b"IMAP4rev1"[..], ""),
        (b"IMAP4rev1 APPENDLIMIT=4711", ""),
        (b"IMAP4rev1 APPENDLIMIT", "* STATUS x (APPENDLIMIT 12)\nA1 OK"),
        (b"IMAP4rev1 APPENDLIMIT", "* STATUS x (APPENDLIMIT NIL)\nA1 OK"),
        (b"IMAP4rev1 APPENDLIMIT", "A1 BAD what?"),
    ] {
        let dialogue = announced(capabilities);
        let exchange = ReadAppendLimit::new(WireName::new(&b"x"[..]), dialogue.capabilities());
        told.push(play(dialogue, exchange, server, |limit| format!("{limit:?}")));
    }
    expect![[r#"
        A1 APPEND \"x y\" (\\Seen work) \"01-Jan-1970 00:00:00 +0000\" {3+}\r\na\r\n () \"01-Jan-1970 00:00:00 +0000\" {0+}\r\n\r\n
        C: A1 UID STORE 1:3 +FLAGS.SILENT (\Seen a)
        S: A1 OK
        = 

        C: A1 UID STORE 1:3 -FLAGS.SILENT (b)
        S: A1 OK
        = 

        = None

        = Some(4711)

        C: A1 STATUS "x" (APPENDLIMIT)
        S: * STATUS x (APPENDLIMIT 12)
        S: A1 OK
        = Some(12)

        C: A1 STATUS "x" (APPENDLIMIT)
        S: * STATUS x (APPENDLIMIT NIL)
        S: A1 OK
        = None

        C: A1 STATUS "x" (APPENDLIMIT)
        S: A1 BAD what?
        = None
    "#]].assert_eq(&told.join("\n"));
}
