use std::fmt::Write as _;

use expect_test::{expect, expect_file};
use proptest::prelude::*;

use super::*;
use crate::wire::Unreadable;

/// Decodes `input`, fed in pieces of the given sizes (over and over), until the end or an error. Adjacent chunks
/// are joined: how a text is cut depends on the pieces.
fn decode(input: &[u8], sizes: &[usize]) -> (Vec<Event>, Option<DecodeError>) {
    let mut decoder = Decoder::default();
    let mut buffer = BytesMut::new();
    let mut events = Vec::new();
    let mut rest = input;
    let mut sizes = sizes.iter().cycle();
    loop {
        match decoder.next(&mut buffer) {
            Ok(Some(Event::BodyChunk(chunk))) => match events.last_mut() {
                Some(Event::BodyChunk(before)) => {
                    *before = [before.as_ref(), chunk.as_ref()].concat().into();
                }
                _ => events.push(Event::BodyChunk(chunk)),
            },
            Ok(Some(event)) => events.push(event),
            Ok(None) if rest.is_empty() => return (events, None),
            Ok(None) => {
                let size = (*sizes.next().unwrap()).clamp(1, rest.len());
                buffer.extend_from_slice(&rest[..size]);
                rest = &rest[size..];
            }
            Err(error) => return (events, Some(error)),
        }
        assert!(decoder.held() <= MAX_RESPONSE + 64);
    }
}

/// One line for each event, as short as it can be said.
fn told(input: impl AsRef<[u8]>) -> String {
    let (events, error) = decode(input.as_ref(), &[usize::MAX]);
    let mut lines: Vec<String> = events.iter().map(line).collect();
    lines.extend(error.map(|error| format!("error: {error}")));
    lines.join("\n") + "\n"
}

fn line(event: &Event) -> String {
    match event {
        Event::BodyStart(start) => format!("start {} uid {:?} flags {:?}", start.len, start.uid, start.flags),
        Event::BodyChunk(chunk) => format!("chunk {}", chunk.escape_ascii()),
        Event::BodyEnd => "end".to_owned(),
        Event::Response(Response::Fetch(fetch)) => {
            let mut out = format!("fetch {}", fetch.sequence);
            if let Some(uid) = fetch.uid {
                write!(out, " uid {uid}").unwrap();
            }
            if let Some(flags) = &fetch.flags {
                write!(out, " flags [{flags}]").unwrap();
            }
            if let Some(date) = fetch.internal_date {
                write!(out, " date {}", date.unix()).unwrap();
            }
            match fetch.size {
                Some(Ok(size)) => write!(out, " size {size}").unwrap(),
                Some(Err(Unreadable)) => out.push_str(" size ?"),
                None => {}
            }
            if let Some(mod_seq) = fetch.mod_seq {
                write!(out, " modseq {mod_seq}").unwrap();
            }
            if fetch.body != FetchBody::Absent {
                write!(out, " body {:?}", fetch.body).unwrap();
            }
            out
        }
        Event::Response(Response::Unknown(unknown)) => format!(
            "unknown{} ({}): {}",
            if unknown.fetch { " fetch" } else { "" },
            unknown.reason.unwrap_or("on purpose"),
            unknown.raw.escape_ascii()
        ),
        Event::Response(response) => format!("{response:?}"),
    }
}

/// I2, I3: a text that goes on behind its announced end is not taken for whole.
#[test]
fn a_text_that_does_not_end_where_it_should_is_nobodys() {
    for (behind, is_whole) in [
        (")", true),
        ("))", true),
        (" UID 5)", true),
        (" FLAGS (\\Seen) MODSEQ (7))", true),
        ("", false),
        ("\r\n)", false),
        ("rest of it)", false),
        ("server is going down", false),
        (" UID 5", false),
    ] {
        let told = told(format!("* 1 FETCH (UID 5 BODY[] {{2}}\r\nhi{behind}\r\n"));
        assert_eq!(told.contains("body Delivered"), is_whole, "{behind:?}: {told}");
    }
}

#[test]
fn fetch_lines_clean_and_dirty() {
    let lines = [
        r#"* 1 FETCH (UID 3 FLAGS (\Seen) INTERNALDATE "09-Sep-2001 01:46:40 +0000" RFC822.SIZE 101 MODSEQ (2))"#,
        r#"* 1 FETCH (FLAGS (\Recent \Seen $kw1) UID 1 INTERNALDATE " 1-Jan-2001 00:00:00 +0000" MODSEQ (3) RFC822.SIZE 29)"#,
        r"* 2 fetch (uid 5 flags (\seen $Forwarded NonJunk) rfc822.size 7)  ",
        "* 3 FETCH (UID 6 FLAGS ($x]y caf\u{e9} a.b) RFC822.SIZE 5000000000)",
        "* 4 FETCH (UID 7 FLAGS NIL INTERNALDATE NIL RFC822.SIZE -1 MODSEQ (0))",
        "* 4 FETCH (UID 7 FLAGS () INTERNALDATE \"00-Jan-0000 00:00:00 +0000\" RFC822.SIZE 9.37e+06 MODSEQ (-1))",
        "* 5 FETCH (UID 4294967296 RFC822.SIZE NIL)",
        "* 5 FETCH (UID 0)",
        "* 99999999999 FETCH (UID 8 RFC822.SIZE 1)",
        r"* 6 FETCH ((UID 9 FLAGS (\Seen)) RFC822.SIZE 3))",
        r"* 6 FETCH (UID 9 FLAGS (\Seen)",
        r#"* 7 FETCH (X-GM-LABELS ("\\Inbox" foo) EMAILID (M1) THREADID (NIL) PREVIEW "a (b" UID 10 ENVELOPE (NIL (("x" NIL "y" "z")) "")) SAVEDATE NIL)"#,
        r#"* 7 FETCH (BODY[HEADER.FIELDS (SUBJECT "X Y")]<0> "Subject: x" UID 11)"#,
        r#"* 8 FETCH (UID 12 BODY[] "From: a\"b")"#,
        "* 8 FETCH (UID 12 BODY[] \"\")",
        "* 8 FETCH (UID 12 BODY[] NIL)",
        "* 8 FETCH (UID 12 BODY[] bare)",
        r#"* 9 FETCH (UID 13 FLAGS (\Seen"#,
        r#"* 9 FETCH (UID 13 PREVIEW "never closed)"#,
        "* 9 FETCH UID 13",
        "* 9 FETCH (UID)",
        "* 9 FETCH",
        "* 9 FETCH ()",
    ];
    let mut out = String::new();
    for text in lines {
        write!(out, "> {text}\n{}", told(format!("{text}\r\n"))).unwrap();
    }
    expect_file!["../snapshots/fetch_lines.txt"].assert_eq(&out);
}

#[test]
fn other_lines_clean_and_dirty() {
    let lines: [&[u8]; 45] = [
        b"* OK [CAPABILITY IMAP4rev1 SASL-IR] ready",
        b"* OK",
        b"* ok  x ",
        b"* PREAUTH hello",
        b"* BYE Session expired",
        b"* NO [ALERT] Too many simultaneous connections {5}",
        b"A1 OK",
        b"A2 OK [READ-ONLY] done {10}",
        b"a3 BAD Request is throttled. Suggested Backoff Time: 5 milliseconds",
        b"A4 NO [CANNOT]",
        b"B1 OK not ours",
        b"A5 WHAT",
        b"+",
        b"+ ",
        b"+ go on",
        b"+go on",
        b"* CAPABILITY IMAP4rev1  UIDPLUS ",
        b"* LIST (\\HasNoChildren) \".\" \"INBOX.A.B\"",
        b"* LIST (\\Noselect \\HasChildren) \"/\" A/&AOk- ",
        b"* LIST NIL NIL INBOX",
        b"* LIST () \"\\\\\" \"a\\b\\\\c\\\"d\"",
        b"* list () \"/\" Sent Items",
        b"* LIST () \"/\" 123",
        b"* LIST () \"/\" NIL",
        b"* LIST () \"/\" \"NIL\" (\"CHILDINFO\" (\"SUBSCRIBED\"))",
        b"* LIST () \"/\" caf\xc3\xa9 (\"OLDNAME\" (\"x\"))",
        b"* LIST () \"/\" ctl\x01name",
        b"* LIST () \"/\"",
        b"* LSUB () \".\" \"INBOX.Sent\"",
        b"* STATUS \"INBOX\" (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 795431813 UNSEEN 0)",
        b"* STATUS INBOX (MESSAGES 3 UIDNEXT 4 MAILBOXID (023p) UNSEEN 0 SIZE 87 HIGHESTMODSEQ 5) ",
        b"* STATUS Sent Items (MESSAGES NIL UIDNEXT 0 UIDVALIDITY 0 HIGHESTMODSEQ -1 SIZE 9.3e+06)",
        b"* FLAGS (\\Answered \\Seen $kw1 \\Recent)",
        b"* FLAGS NIL",
        b"* NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"#shared.\" \".\")(\"shared.\" \".\"))",
        b"* NAMESPACE ((\"\" NIL \"X-PARAM\" (\"a\"))) NIL",
        b"* 3 EXISTS",
        b"* 3 exists ",
        b"* 99999999999 EXISTS",
        b"* 3 EXPUNGE",
        b"* 0 RECENT",
        b"* VANISHED (EARLIER) 41,43:116,9:7",
        b"* SEARCH 1 2 3 ",
        b"* METADATA \"\" (/shared/comment)",
        b"total garbage \xff\x00",
    ];
    let mut out = String::new();
    for text in lines {
        write!(
            out,
            "> {}\n{}",
            text.escape_ascii(),
            told([text, b"\r\n"].concat())
        )
        .unwrap();
    }
    out += &told(
        "\r\n*\r\n* VANISHED x\r\n* ENABLED CONDSTORE\n* ID (\"name\" \"x\")\n* ESEARCH (TAG \"A1\") UID ALL 1:3\n",
    );
    expect_file!["../snapshots/other_lines.txt"].assert_eq(&out);
}

#[test]
fn texts_stream_and_the_uid_may_come_after() {
    expect![[r#"
        start 5 uid Some(Uid(7)) flags Some(FlagSet { system: 8, keywords: [] })
        chunk a)\r\nb
        end
        fetch 1 uid 7 flags [\Seen] body Delivered { octets: 5 }
        start 3 uid None flags None
        chunk abc
        end
        fetch 2 uid 9 flags [\Draft] body Delivered { octets: 3 }
        start 0 uid None flags None
        end
        fetch 3 uid 10 body Delivered { octets: 0 }
        start 1 uid None flags None
        chunk \x00
        end
        fetch 4 uid 11 body Delivered { octets: 1 }
        start 2 uid Some(Uid(12)) flags None
        chunk \r\n
        end
        unknown fetch (a quoted string has no end): * 5 FETCH (UID 12 RFC822 \"\" PREVIEW \"x)
        fetch 6 uid 13 body Nil
        start 2 uid None flags None
        chunk hi
        end
        fetch 7 uid 14 body Delivered { octets: 2 }
        List(ListItem { attributes: [], delimiter: Some('/'), name: ")" })
        List(ListItem { attributes: [], delimiter: Some('/'), name: "foo{5}" })
    "#]]
    .assert_eq(&told(
        "* 1 FETCH (UID 7 FLAGS (\\Seen) BODY[] {5}\r\na)\r\nb)\r\n\
         * 2 FETCH (BODY[] {3}\r\nabc UID 9 FLAGS (\\Draft))\r\n\
         * 3 FETCH (body[]<0> {0+}\r\n UID 10)\n\
         * 4 FETCH (BINARY[] ~{1}\n\0 UID 11)\r\n\
         * 5 FETCH (UID 12 RFC822 {2}\r\n\r\n PREVIEW \"x)\r\n\
         * 6 FETCH (UID 13 BODY[] NIL)\r\n\
         * 7 FETCH (BODY[]<0>{2}\r\nhi UID 14)\r\n\
         * LIST () \"/\" {1}\r\n)\r\n\
         * LIST () \"/\" foo{5}\r\n",
    ));
}

#[test]
fn other_literals_are_taken_in() {
    expect![[r#"
        List(ListItem { attributes: [], delimiter: Some('/'), name: "a\r\n b" })
        fetch 1 uid 3
        start 2 uid Some(Uid(4)) flags None
        chunk hi
        end
        fetch 2 uid 4 size 2 body Delivered { octets: 2 }
        MailboxStatus { name: "x y", items: StatusItems { messages: Some(1), uid_next: None, uid_validity: None, highest_mod_seq: None, size: None, append_limit: None } }
        Status(StatusResponse { status: Ok, code: None, text: "done" })
    "#]]
    .assert_eq(&told(
        "* LIST () \"/\" {5}\r\na\r\n b\r\n\
         * 1 FETCH (PREVIEW {13}\r\nBODY[] {3}\r\nx UID 3)\r\n\
         * 2 FETCH (BODY[HEADER.FIELDS (X)] {4}\r\n)\r\n( UID 4 BODY[] {2}\r\nhi RFC822.SIZE 2)\r\n\
         * STATUS {3}\r\nx y (MESSAGES 1)\r\n\
         * OK done\r\n",
    ));
}

#[test]
fn a_second_text_in_a_response_does_not_stream() {
    expect![[r#"
        start 1 uid None flags None
        chunk a
        end
        fetch 1 uid 3 body Delivered { octets: 1 }
    "#]]
    .assert_eq(&told("* 1 FETCH (BODY[] {1}\r\na RFC822 {2}\r\nbb UID 3)\r\n"));
}

#[test]
fn there_are_limits() {
    let long_line = vec![b'x'; MAX_RESPONSE + 1];
    assert_eq!(decode(&long_line, &[10_000]).1, Some(DecodeError::TooLong));
    let literal = b"* LIST () \"/\" {1048577}\r\n";
    assert_eq!(decode(literal, &[7]).1, Some(DecodeError::TooLong));
    let many = b"* X {400000}\r\n".iter().copied().chain(vec![b'x'; 400_000]);
    let many: Vec<u8> = many
        .chain(*b" {400000}\r\n")
        .chain(vec![b'x'; 400_000])
        .chain(*b" {400000}\r\n")
        .collect();
    assert_eq!(decode(&many, &[65_536]).1, Some(DecodeError::TooLong));
    let impossible = b"* 1 FETCH (BODY[] {18446744073709551616}\r\n";
    assert_eq!(decode(impossible, &[7]).1, Some(DecodeError::ImpossibleLiteral));
    // A text may be longer than memory: it is announced and that is all.
    let (events, error) = decode(b"* 1 FETCH (BODY[] {5000000000000}\r\nabc", &[3]);
    assert_eq!((events.len(), error), (2, None));
    let deep = [
        b"* 1 FETCH (UID 4 X ".as_slice(),
        &[b'('; 40],
        &[b')'; 40],
        b")\r\n",
    ]
    .concat();
    assert!(told(deep).starts_with("unknown fetch (parentheses are nested too deep)"));
}

/// Lines, and pieces of lines, that together make all kinds of responses.
fn responses() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"* 1 FETCH (UID 7 FLAGS (\\Seen x) BODY[] {5}\r\nab\r\nc)\r\n".to_vec()),
        Just(b"* 2 FETCH (BODY[] {3}\r\nabc UID 9)\r\n".to_vec()),
        Just(b"* 3 FETCH (UID 8 BODY[] \"q\\\"\" RFC822.SIZE 4)\n".to_vec()),
        Just(b"* LIST () \"/\" {4}\r\na\r\nb\r\n".to_vec()),
        Just(b"* STATUS x (MESSAGES 3)\r\n".to_vec()),
        Just(b"A1 OK done {3}\r\n".to_vec()),
        Just(b"* 4 FETCH (BODY[] ~{0}\r\n)\r\n".to_vec()),
        Just(b"+ \r\n".to_vec()),
        Just(b"* 5 FETCH (UID ".to_vec()),
        Just(b"BODY[] {2}\r\n".to_vec()),
        Just(b"\"\\(){}[]~".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn however_the_bytes_are_cut_the_events_are_the_same(
        input in responses(),
        sizes in proptest::collection::vec(1usize..40, 1..6),
    ) {
        let whole = decode(&input, &[usize::MAX]);
        prop_assert_eq!(&decode(&input, &[1]), &whole);
        prop_assert_eq!(&decode(&input, &sizes), &whole);
    }

    #[test]
    fn no_bytes_are_too_strange(input in proptest::collection::vec(any::<u8>(), 0..300)) {
        decode(&input, &[usize::MAX]);
    }

    #[test]
    fn a_text_comes_out_as_it_went_in(text in proptest::collection::vec(any::<u8>(), 0..5000), size in 1usize..700) {
        let head = format!("* 1 FETCH (BODY[] {{{}}}\r\n", text.len());
        let input = [head.as_bytes(), &text, b" UID 77)\r\n"].concat();
        let (events, error) = decode(&input, &[size]);
        prop_assert_eq!(error, None);
        let came: Vec<u8> = events.iter().filter_map(|event| match event {
            Event::BodyChunk(chunk) => Some(chunk.to_vec()),
            _ => None,
        }).flatten().collect();
        prop_assert_eq!(came, text);
        prop_assert!(line(events.last().unwrap()).starts_with("fetch 1 uid 77"));
    }
}
