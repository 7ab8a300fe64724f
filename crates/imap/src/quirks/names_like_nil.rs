//! **All**: mailboxes whose names look like something else: `NIL`, `123`, `2024`, unquoted
//! (imap-backup issue 140). A delimiter of NIL: a flat namespace, in which `/` and `.` are letters. `Inbox/x` below INBOX,
//! and INBOX in any case; only INBOX itself is the same in every case.

use super::names;

#[test]
fn a_name_is_a_name_whatever_it_looks_like() {
    for (line, expected) in [
        (&b"\"/\" NIL"[..], "NIL"),
        (b"\"/\" nil", "nil"),
        (b"\"/\" \"NIL\"", "NIL"),
        (b"\"/\" 123", "123"),
        (b"\"/\" 2024/01", "2024|01"),
        (b"\"/\" {5}\r\nNIL/x", "NIL|x"),
        (b"NIL a/b.c", "a/b.c"),
        (b"\"/\" inBOX", "INBOX"),
        (b"\"/\" Inbox/x", "INBOX|x"),
        (b"\".\" \"a/b.c.\"", "a/b|c"),
        (b"\"/\" \"~\"", "~"),
        (b"\"/\" )", ")"),
    ] {
        assert_eq!(names(&[line]), [expected], "{}", line.escape_ascii());
    }
    assert_eq!(names(&[b"\"/\" Sent", b"\"/\" SENT"]), ["SENT", "Sent"]);
}
