//! **Several**: numbers as `9.3736e+06`, negative ones, NIL, in quotes, in
//! parentheses, above 32 or 64 bits (MailKit's and imap-codec's lists of quirks). Sizes above 4 GiB are right: RFC 9051
//! made them 63 bits.
//!
//! What is no number is not known; it is never guessed at, and never 0 where 0 would mean something. `9.3736e+06` has
//! lost digits that a UID would need.

use super::{outcome, rows};
use crate::session::List;
use crate::wire::Capabilities;

#[test]
fn a_size_is_a_hint_and_may_be_unreadable() {
    for (size, expected) in [
        ("5", 5_u64),
        ("\"5\"", 5),
        ("(5)", 5),
        ("4294967296", 4_294_967_296),
        ("9223372036854775807", 9_223_372_036_854_775_807),
        ("9.3736e+06", 0),
        ("-1", 0),
        ("NIL", 0),
        ("18446744073709551616", 0),
    ] {
        let lines = rows(format!(
            "* 1 FETCH (UID 3 FLAGS () RFC822.SIZE {size})\r\nA1 OK\r\n"
        ));
        assert_eq!(lines, [format!("3 [] @? {expected}")], "{size}");
    }
}

#[test]
fn a_uid_that_is_no_number_is_nobodys() {
    for uid in ["0", "-1", "4294967296", "9.3736e+06", "NIL", "x"] {
        let lines = rows(format!(
            "* 1 FETCH (UID {uid} FLAGS () RFC822.SIZE 1)\r\nA1 OK\r\n"
        ));
        assert_eq!(lines, [""; 0], "{uid}");
    }
}

#[test]
fn a_status_without_a_readable_count_is_none() {
    let capabilities = Capabilities::default();
    for (items, messages) in [
        ("MESSAGES 3 UIDNEXT 4 UIDVALIDITY 7", Some(3)),
        ("MESSAGES 3 UIDNEXT 9.3736e+06 UIDVALIDITY -1", Some(3)),
        ("MESSAGES 9.3736e+06 UIDNEXT 4", None),
        ("MESSAGES -1", None),
        ("MESSAGES", None),
        ("", None),
    ] {
        let server = format!("* LIST () \"/\" x\r\nA1 OK\r\nA2 OK\r\n* STATUS x ({items})\r\nA3 OK\r\n");
        let list = || List::new(&capabilities);
        let listed = outcome(list, server).unwrap();
        assert_eq!(
            listed.mailboxes[0]
                .checkpoint
                .map(|checkpoint| checkpoint.messages),
            messages,
            "{items}"
        );
    }
}
