//! **Domino**: parentheses too many or too few in FETCH responses, and a list within the list of flags (imap-codec
//! and MailKit forgive the like).
//!
//! Parentheses between items mean nothing to us: an item is known by its name.

use super::{rows, texts};

#[test]
fn parentheses_between_items_mean_nothing() {
    let expected = ["9 [\\Seen] @? 3"];
    for items in [
        "((UID 9 FLAGS (\\Seen) RFC822.SIZE 3))",
        "(UID 9 FLAGS (\\Seen) RFC822.SIZE 3))",
        "(UID 9 FLAGS (\\Seen) RFC822.SIZE 3",
        "((UID 9) (FLAGS (\\Seen)) (RFC822.SIZE 3))",
        "(UID 9 FLAGS ((\\Seen)) RFC822.SIZE 3)",
    ] {
        assert_eq!(
            rows(format!("* 1 FETCH {items}\r\nA1 OK\r\n")),
            expected,
            "{items}"
        );
    }
    assert_eq!(texts("* 1 FETCH ((UID 9 BODY[] {2}\r\nhi))\r\n"), ["9 \"hi\""]);
}
