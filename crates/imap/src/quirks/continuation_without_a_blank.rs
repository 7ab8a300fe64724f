//! **Several** (mail tools' issue lists): the request for a literal is `+` and nothing more, where RFC 9051 section 7.6
//! wants a blank and a text after it; others put the text right behind it.
//!
//! A line that begins with `+` lets the rest of the command go out, whatever follows.

use super::outcome;
use crate::session::Login;
use crate::wire::Capabilities;

#[test]
fn whatever_follows_the_plus_the_rest_is_sent() {
    let capabilities = Capabilities::from_text(b"IMAP4rev1");
    for plus in ["+", "+ ", "+Ready", "+ Ready for literal data"] {
        // The password cannot be quoted: it goes as a literal that waits for the server.
        let login = || Login::new(&capabilities, "bob", b"\xe9").unwrap();
        outcome(login, format!("{plus}\r\nA1 OK in\r\n")).unwrap();
    }
}
