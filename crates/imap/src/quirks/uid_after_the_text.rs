//! **Several**: the UID comes after the text in a FETCH response, flags and date too; RFC 9051 leaves the
//! order open, and Dovecot's is not the only one. An answer may even lack the UID that was asked for.
//!
//! A text has its UID when its response is complete, and not before. Without a UID it is nobody's.

use super::texts;

#[test]
fn the_uid_may_come_late_and_must_come() {
    assert_eq!(
        texts(
            "* 1 FETCH (BODY[] {2}\r\nhi UID 7)\r\n* 2 FETCH (FLAGS () BODY[] {2}\r\nho INTERNALDATE \"x\" UID 8)\r\n\
             * 3 FETCH (BODY[] {2}\r\nha)\r\n* 4 FETCH (BODY[] NIL UID 9)\r\n"
        ),
        ["7 \"hi\"", "8 \"ho\"", "? \"ha\"", "9 withheld"]
    );
}
