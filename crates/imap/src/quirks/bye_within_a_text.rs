//! **Yandex, Gmail, and every server that is restarted**: `* BYE` in the middle of a FETCH, or half a text and then
//! nothing (MailKit's notes on Yandex; mail tools' issue lists on all).
//!
//! What has come whole counts. A text that was announced as longer than what came is nobody's: it has no
//! [`BodyEvent::Complete`](crate::session::BodyEvent). The words `* BYE` within the announced length are mail.

use super::texts;

#[test]
fn what_was_whole_counts_and_what_was_cut_does_not() {
    let first = "* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n";
    for (then, expected) in [
        (
            "* BYE Server shutting down.\r\n",
            Some("the server ended the connection: Server shutting down."),
        ),
        ("* 2 FETCH (UID 2 BODY[] {90}\r\nabc", None),
        (
            "* 2 FETCH (UID 2 BODY[] {90}\r\n* BYE Server shutting down.\r\n",
            None,
        ),
        (
            "* 2 FETCH (UID 2 BODY[] {7}\r\n* BYE\r\n)\r\n",
            Some("2 \"* BYE\\r\\n\""),
        ),
    ] {
        let expected: Vec<&str> = ["1 \"abc\""].into_iter().chain(expected).collect();
        assert_eq!(texts(format!("{first}{then}")), expected, "{then}");
    }
}
