//! **Exchange**: sequence numbers in FETCH responses above the number of messages, or wrong ones (Dovecot's notes on
//! Exchange as a source). 0, or one number for every message,
//! would be no worse.
//!
//! Nobody asks a sequence number anything: messages are known by their UIDs.

use super::{rows, texts};

#[test]
fn sequence_numbers_are_not_asked() {
    assert_eq!(
        rows(
            "* 1 EXISTS\r\n* 7 FETCH (UID 3 FLAGS () RFC822.SIZE 1)\r\n* 7 FETCH (UID 4 FLAGS () RFC822.SIZE 2)\r\n\
             * 99999999999 FETCH (UID 5 FLAGS () RFC822.SIZE 3)\r\nA1 OK\r\n"
        ),
        ["3 [] @? 1", "4 [] @? 2", "5 [] @? 3"]
    );
    assert_eq!(
        texts("* 0 FETCH (UID 4 BODY[] {1}\r\na)\r\n* 0 FETCH (UID 3 BODY[] {1}\r\nb)\r\n"),
        ["4 \"a\"", "3 \"b\""]
    );
}
