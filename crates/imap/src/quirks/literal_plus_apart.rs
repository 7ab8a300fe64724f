//! **The server of MailKit issue 1654**: the capability `LITERAL+` arrives as two words, `LITERAL +`.
//!
//! A `+` or `-` by itself is read as the end of `LITERAL`. (Literals in answers may be `{5+}` too: servers have been seen
//! to imitate clients.)

use super::texts;
use crate::wire::{Capabilities, LiteralMode};

#[test]
fn a_plus_by_itself_belongs_to_literal() {
    let mode = |text: &[u8]| LiteralMode::of(&Capabilities::from_text(text));
    assert_eq!(
        mode(b"IMAP4rev1 LITERAL + IDLE"),
        LiteralMode::NonSynchronising(usize::MAX)
    );
    assert_eq!(
        mode(b"IMAP4rev1 LITERAL - IDLE"),
        LiteralMode::NonSynchronising(4096)
    );
    assert_eq!(mode(b"IMAP4rev1 LITERAL IDLE"), LiteralMode::Synchronising);
    assert_eq!(texts("* 1 FETCH (UID 1 BODY[] {2+}\r\nhi)\r\n"), ["1 \"hi\""]);
}
