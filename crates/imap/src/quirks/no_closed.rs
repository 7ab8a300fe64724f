//! **Zimbra**: no `[CLOSED]` when another mailbox is opened, although QRESYNC is announced (Dovecot's notes on Zimbra as a
//! source; RFC 7162 section 3.2.11 wants it). With it or without, some servers send news of the mailbox before until the
//! next one is open.
//!
//! What is told last counts; `[CLOSED]`, where it comes, wipes out what came before it.

use super::examined;

#[test]
fn the_last_word_counts() {
    let new = "* 3 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 9]\r\nA1 OK\r\n";
    let expected = examined(new).unwrap();
    for before in [
        "* 9 EXISTS\r\n",
        "* 9 EXISTS\r\n* OK [HIGHESTMODSEQ 5] old\r\n* OK [CLOSED]\r\n",
    ] {
        assert_eq!(examined(format!("{before}{new}")).unwrap(), expected, "{before}");
    }
}
