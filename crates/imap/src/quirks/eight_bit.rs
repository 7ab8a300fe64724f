//! **Courier, and servers of the nineties**: bytes above 127 where ASCII is due. In mailbox names (UTF-8 or
//! Latin-1 instead of modified UTF-7, or modified UTF-7 that is none), in flags, in texts for people, in FETCH items
//! that nobody asked for.
//!
//! A name is kept byte for byte for the server and shown as well as it can be; a flag is kept as text.

use super::{listing, rows};
use crate::wire::WireName;

#[test]
fn names_are_kept_byte_for_byte() {
    for (bytes, shown) in [
        (&b"a&b"[..], "a&b"),
        (b"Entw&APw-rfe", "Entwürfe"),
        (b"Entw\xc3\xbcrfe", "Entwürfe"),
        (b"Entw\xfcrfe", "Entw\u{fffd}rfe"),
    ] {
        for line in [bytes.to_vec(), [b"\"", bytes, b"\""].concat()] {
            let listed = listing(&[&[b"\"/\" ", &line[..]].concat()]);
            let mailbox = &listed.mailboxes[0];
            assert_eq!(mailbox.wire_name, WireName::new(bytes));
            assert_eq!(mailbox.name.to_string(), shown);
        }
    }
}

#[test]
fn flags_and_unasked_items_do_no_harm() {
    assert_eq!(
        rows(b"* OK gr\xfc\xdfe\r\n* 1 FETCH (UID 3 FLAGS (gr\xc3\xbcn \xfc) X-NAME \"\xe4(\" RFC822.SIZE 5)\r\nA1 OK \xfc\r\n"),
        ["3 [grün \u{fffd}] @? 5"]
    );
}
