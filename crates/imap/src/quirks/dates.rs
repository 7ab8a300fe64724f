//! **Many**: INTERNALDATE missing, of 1899 (day zero of Microsoft's calendar), `00-Jan-0000`, after 2038,
//! with an unpadded day, with a name for a zone, without quotes round it (mail tools' issue lists).
//!
//! A date that names an instant is taken, however it is written; any other is no date. What becomes of a message without
//! one is not decided here.

use super::rows;

#[test]
fn an_instant_is_taken_and_nothing_else() {
    let date = |date: &str| {
        let item = if date.is_empty() {
            String::new()
        } else {
            format!(" INTERNALDATE {date}")
        };
        let lines = rows(format!(
            "* 1 FETCH (UID 7 FLAGS (){item} RFC822.SIZE 5)\r\nA1 OK\r\n"
        ));
        lines.join(";")
    };
    for (text, expected) in [
        ("\"17-Jul-1996 02:44:25 -0700\"", "837596665"),
        ("\" 1-Jan-2001 00:00:00 +0000\"", "978307200"),
        ("\"1-Jan-2001 00:00:00 +0000\"", "978307200"),
        ("\"01-JAN-2001 00:00:00 GMT\"", "978307200"),
        ("\"30-Dec-1899 00:00:00 +0000\"", "-2209161600"),
        ("\"19-Jan-2038 03:14:08 +0000\"", "2147483648"),
        ("\"07-Feb-2106 06:28:16 +0000\"", "4294967296"),
        // iCloud rounds zones; the instant is what counts.
        ("\"01-Jan-2001 05:45:00 +0545\"", "978307200"),
        ("{26}\r\n01-Jan-2001 00:00:00 +0000", "978307200"),
        ("\"00-Jan-0000 00:00:00 +0000\"", "?"),
        ("\"01-Jan-2001 00:00:00\"", "?"),
        ("\"Mon, 1 Jan 2001 00:00:00 +0000\"", "?"),
        ("\"\"", "?"),
        ("NIL", "?"),
        ("", "?"),
    ] {
        assert_eq!(date(text), format!("7 [] @{expected} 5"), "{text}");
    }
}
