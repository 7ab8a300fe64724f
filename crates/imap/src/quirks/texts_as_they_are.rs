//! **All**: texts that are no RFC 5322: NUL bytes, bare CR and LF, 8-bit headers, lines of 10,000 octets, no line end at the
//! end, no header, nothing at all. **iCloud** gives nothing for `RFC822` and the text for `BODY.PEEK[]`; others give
//! NIL; small servers send a text as a quoted string, or answer `BODY.PEEK[]` with
//! an item of another name.
//!
//! A text is bytes, as many as announced (I2). NIL is a text that is withheld, which is not an empty one.

use super::texts;

// I2: whatever the bytes are, they come out as they went in.
#[test]
fn a_text_is_bytes() {
    let long = "x".repeat(10_000);
    for text in [
        "",
        "\0",
        "a\rb\nc\r\r\n\n",
        "Subject: gr\u{fc}\u{df}e\r\n\r\n\u{80}",
        ")\r\nA1 OK done\r\n",
        "* 2 FETCH (UID 9 BODY[] {1}\r\nx)\r\n",
        "no line end",
        &long,
    ] {
        let server = format!("* 1 FETCH (UID 1 BODY[] {{{}}}\r\n{text})\r\n", text.len());
        assert_eq!(
            texts(server),
            [format!("1 \"{}\"", text.as_bytes().escape_ascii())]
        );
    }
}

#[test]
fn other_names_and_other_strings() {
    for (item, expected) in [
        ("BODY[] {2}\r\nhi", "1 \"hi\""),
        ("BODY[]{2}\r\nhi", "1 \"hi\""),
        ("body[]<0> {2}\r\nhi", "1 \"hi\""),
        ("BODY.PEEK[] {2}\r\nhi", "1 \"hi\""),
        ("RFC822 {2}\r\nhi", "1 \"hi\""),
        ("BINARY[] ~{2}\r\nhi", "1 \"hi\""),
        ("BODY[] \"hi\"", "1 \"hi\""),
        ("BODY[] \"\"", "1 \"\""),
        ("BODY[] NIL", "1 withheld"),
        ("BODY[] hi", "unreadable"),
    ] {
        assert_eq!(
            texts(format!("* 1 FETCH (UID 1 {item})\r\n")),
            [expected],
            "{item}"
        );
    }
}
