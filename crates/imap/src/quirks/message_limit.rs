//! **Yahoo, and whoever follows RFC 9738**: a command about more messages than a limit is done in part, and its OK says so:
//! `[MESSAGELIMIT 1000 23221]`, how many messages a command may be about, and the UID at which the server stopped. The
//! capability is `MESSAGELIMIT=1000`.
//!
//! Without reading it, what is missing would be taken for what is not there.

use transhume_model::mail::Uid;

use crate::session::Dialogue;
use crate::wire::{Capabilities, Code, CommandLine, Event, Response};

#[test]
fn where_a_command_was_cut_is_told() {
    let mut dialogue = Dialogue::default();
    dialogue.enqueue(&CommandLine::new("UID FETCH").text("1:*").text("(UID)"));
    dialogue
        .input()
        .extend_from_slice(b"A1 OK [MESSAGELIMIT 1000 23221] FETCH completed with 1000 partial results\r\n");
    let Some(Event::Response(Response::Tagged(reply))) = dialogue.next_event().unwrap() else {
        panic!("no reply")
    };
    let expected = Code::MessageLimit {
        messages: Some(1000),
        stopped_at: Uid::new(23_221),
    };
    assert_eq!(reply.code, Some(expected));
}

#[test]
fn the_limit_is_announced() {
    let limit = |text: &[u8]| Capabilities::from_text(text).value_of("MESSAGELIMIT");
    assert_eq!(limit(b"IMAP4rev1 MessageLimit=1000"), Some(1000));
    assert_eq!(limit(b"IMAP4rev1 MESSAGELIMIT"), None);
    assert_eq!(limit(b"IMAP4rev1 MESSAGELIMIT=many XMESSAGELIMIT=5"), None);
}
