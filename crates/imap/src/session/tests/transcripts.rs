//! Whole conversations in the style of real servers, kept as files that read as such.

use super::*;

fn check(file: &str, conversations: &[(&str, String)]) {
    let text: Vec<String> = conversations
        .iter()
        .map(|(title, text)| format!("# {title}\n{text}"))
        .collect();
    expect_file![format!(
        "{}/src/session/snapshots/{file}",
        env!("CARGO_MANIFEST_DIR")
    )]
    .assert_eq(&text.join("\n"));
}

#[test]
fn login() {
    let login = |title, capabilities: &[u8], password: &[u8], server: &str| {
        let exchange = Login::new(&Capabilities::from_text(capabilities), "bob", password).unwrap();
        (
            title,
            super::play(announced(capabilities), exchange, server, |told| {
                format!("{told:?}")
            }),
        )
    };
    let plain = b"IMAP4rev1 AUTH=PLAIN SASL-IR LITERAL+";
    check(
        "login.txt",
        &[
            login(
                "PLAIN with an initial response",
                plain,
                b"pw",
                "A1 OK [CAPABILITY IMAP4rev1 CONDSTORE] in",
            ),
            login(
                "PLAIN without",
                b"IMAP4rev1 AUTH=PLAIN",
                b"pw",
                "+\n* CAPABILITY IMAP4rev1 X\nA1 OK in",
            ),
            login("PLAIN not understood", plain, b"pw", "A1 BAD what?\nA2 OK in"),
            login("LOGIN", b"IMAP4rev1", b"p\"w", "A1 OK in"),
            login(
                "LOGIN with bytes, LITERAL+",
                b"IMAP4rev1 LITERAL+",
                b"p\xe9w",
                "A1 OK in",
            ),
            login("LOGIN with bytes", b"IMAP4rev1", b"p\xe9w", "+ go on\nA1 OK in"),
            login(
                "wrong password",
                plain,
                b"pw",
                "A1 NO [AUTHENTICATIONFAILED] Authentication failed.",
            ),
            login(
                "wrong password, no code",
                b"IMAP4rev1",
                b"pw",
                "A1 NO Login failed.",
            ),
            login(
                "later",
                plain,
                b"pw",
                "A1 NO [UNAVAILABLE] Temporary authentication failure.",
            ),
            login(
                "later, in words",
                plain,
                b"pw",
                "A1 NO [ALERT] Too many simultaneous connections.",
            ),
            login(
                "not in the clear",
                b"IMAP4rev1",
                b"pw",
                "A1 NO [PRIVACYREQUIRED] Use TLS.",
            ),
            login("good-bye", plain, b"pw", "* BYE Too many bad passwords"),
        ],
    );
}

/// A line for each mailbox.
fn shown(listing: Listing) -> String {
    let mut lines = Vec::new();
    for mailbox in listing.mailboxes {
        let ListedMailbox {
            wire_name,
            name,
            delimiter,
            selectable,
            special_use,
            subscribed,
            personal,
            checkpoint,
        } = mailbox;
        let marks = [
            (!selectable, " no-select"),
            (subscribed, " subscribed"),
            (!personal, " foreign"),
        ];
        let mut line = format!(
            "{wire_name:?} shown {:?} delimiter {delimiter:?}",
            name.components()
        );
        line.extend(marks.iter().filter(|(set, _)| *set).map(|(_, word)| *word));
        line.extend(special_use.map(|role| format!(" {role}")));
        lines.push(line);
        lines.extend(checkpoint.map(|checkpoint| format!("  {checkpoint:?}")));
    }
    let missing = listing
        .missing_subscriptions
        .iter()
        .map(|name| format!("subscribed and missing: {name}"));
    lines.extend(missing);
    lines.push(format!("subscriptions known: {}", listing.subscriptions_known));
    lines.join("\n  ")
}

#[test]
fn list() {
    let list = |title, capabilities: &[u8], server: &str| {
        let exchange = List::new(&Capabilities::from_text(capabilities));
        (
            title,
            super::play(announced(capabilities), exchange, server, shown),
        )
    };
    let dovecot = list(
        "Dovecot: everything in one go, a subscription to nothing, a duplicate",
        DOVECOT,
        r#"* NAMESPACE (("" ".")) NIL NIL
A1 OK Namespace completed.
* LIST (\Subscribed \UnMarked) "." Entw&APw-rfe
* STATUS Entw&APw-rfe (MESSAGES 2 UIDNEXT 77 UIDVALIDITY 13 HIGHESTMODSEQ 3 SIZE 202)
* LIST (\Sent) "." Sent
* STATUS Sent (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1795431013 HIGHESTMODSEQ 1 SIZE 0)
* LIST (\Subscribed) "." Sent
* LIST (\NonExistent \HasChildren) "." A
* LIST () "." INBOX
* STATUS INBOX (MESSAGES 10 UIDNEXT 601 UIDVALIDITY 123456789 HIGHESTMODSEQ 10 SIZE 1044)
A2 OK List completed.
* LIST (\Subscribed) "." Entw&APw-rfe
* LIST (\Subscribed) "." Sent
* LIST (\Subscribed \NonExistent) "." Gone.&ZeVnLIqe-
A3 OK List completed."#,
    );
    let courier = list(
        "Courier: LIST, LSUB and STATUS for each; prefix INBOX.",
        COURIER,
        r##"* NAMESPACE (("INBOX." ".")) NIL (("#shared." ".")("shared." "."))
A1 OK NAMESPACE completed.
* LIST (\HasNoChildren) "." "INBOX.A.B"
* LIST (\HasNoChildren) "." "INBOX.Entwürfe"
* LIST (\Unmarked \HasChildren) "." "INBOX"
* LIST (\Noselect \HasChildren) "." "INBOX.A"
* LIST () "." "INBOX.broken&AP-"
* LIST () "." "INBOX.inbox"
* LIST () "." "shared.all"
A2 OK LIST completed
* LSUB () "." "INBOX.A.B"
* LSUB (\Noselect) "." "INBOX.Old"
* LSUB (\Noselect \HasChildren) "." "INBOX.A"
* LSUB (\Noselect \HasChildren) "." "INBOX"
A3 OK LSUB completed
* STATUS "INBOX.A.B" (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 795431813 )
A4 OK STATUS Completed.
+ go on
* STATUS {15}
INBOX.Entwürfe (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 0)
A5 OK STATUS Completed.
* STATUS "Inbox" (MESSAGES 5 UIDNEXT 9.37e+06 UIDVALIDITY 7)
A6 OK STATUS Completed.
A7 NO no such mailbox
A8 NO no such mailbox
A9 BAD what?"##,
    );
    let refusing = list(
        "LIST-EXTENDED announced and refused; no status for one mailbox; names of all kinds",
        b"IMAP4rev1 LIST-EXTENDED SPECIAL-USE LITERAL+",
        r#"A1 BAD parse error
A2 BAD parse error
* LIST (\HasNoChildren \Trash) "/" "Deleted /Items/"
* LIST () "/" Inbox
* LIST () "/" INBOX
* LIST () NIL {3}
a/b
* LIST () "/" Inbox/x
* LIST (\Noselect) "/" ""
A3 OK
A4 NO [NOPERM] not allowed
* STATUS INBOX (MESSAGES 1)
* STATUS "Deleted /Items/" (UIDNEXT 4)
A5 NO
A6 OK
A7 OK
A8 OK"#,
    );
    let refused = list("LIST refused", b"IMAP4rev1", "A1 NO [SERVERBUG] ouch\nA2 OK");
    check("list.txt", &[dovecot, courier, refusing, refused]);
}

/// With a server that has announced nothing.
fn play<E: Exchange>(exchange: E, server: &str) -> String
where
    E::Output: std::fmt::Debug,
{
    super::play(Dialogue::default(), exchange, server, |came| format!("{came:#?}"))
}

#[test]
fn the_others() {
    let name = WireName::encode("Entwürfe");
    let cyrus = r"* 3 EXISTS
* 3 RECENT
* FLAGS (\Answered \Flagged \Draft \Deleted \Seen $kw1)
* OK [PERMANENTFLAGS ()] Ok
* OK [UIDVALIDITY 1795431741] Ok
* OK [UIDNEXT 4] Ok
* OK [HIGHESTMODSEQ 5] Ok
A1 OK [READ-ONLY] Completed";
    let courier = r"* 9 EXISTS
* OK [CLOSED] the one before
* FLAGS ($kw1 \Seen)
* 3 EXISTS
* OK [UIDVALIDITY 0] Ok
* OK [NOMODSEQ] none
A1 OK [READ-ONLY] Ok";
    let set: UidSet = [3, 4, 5, 9].into_iter().filter_map(Uid::new).collect();
    let rows = r#"* 1 FETCH (FLAGS (\Recent \Seen) UID 3 INTERNALDATE " 1-Jan-2001 00:00:00 +0000" RFC822.SIZE 29)
* 2 FETCH (UID 4 FLAGS NIL INTERNALDATE "?" RFC822.SIZE -1)
* 1 FETCH (UID 3 FLAGS (\Deleted))
* 3 FETCH (UID 5 FLAGS (
A1 OK done"#;
    check(
        "others.txt",
        &[
            ("EXAMINE", play(Examine::new(name.clone()), cyrus)),
            (
                "EXAMINE while another mailbox is open",
                play(Examine::new(name.clone()), courier),
            ),
            (
                "EXAMINE refused",
                play(
                    Examine::new(name),
                    "A1 NO [NONEXISTENT] Mailbox doesn't exist: \u{7}x",
                ),
            ),
            ("rows", play(FetchRows::new(set), rows)),
            (
                "CAPABILITY",
                play(
                    ReadCapabilities::default(),
                    "* CAPABILITY IMAP4rev1 Literal + \nA1 OK",
                ),
            ),
            ("STARTTLS", play(StartTls, "A1 OK begin")),
            ("STARTTLS refused", play(StartTls, "A1 BAD no")),
        ],
    );
}
