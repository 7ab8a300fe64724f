//! **Dovecot**: when several FETCH commands are in flight, it may send their tagged replies together, after all their
//! data; seen with pipelined `UID FETCH` in 2.3. Other servers send the last untagged line after the reply to the command
//! that it belongs to.
//!
//! RFC 9051 section 5.5 allows servers to work on several commands at a time. So a text is known by its UID and by nothing
//! else; what the place of a line might say is never asked.

use super::texts;

#[test]
fn a_text_after_the_reply_to_its_command_is_not_lost() {
    let server = "* 1 FETCH (UID 1 BODY[] {1}\r\na)\r\n* 2 FETCH (UID 2 BODY[] {1}\r\nb)\r\n\
                  A1 OK done\r\n* 3 FETCH (UID 3 BODY[] {1}\r\nc)\r\nA2 OK done\r\n";
    assert_eq!(texts(server), ["1 \"a\"", "2 \"b\"", "3 \"c\""]);
}
