//! **Exchange**: mailbox names with control characters in them, unquoted, and with blanks at the end (MailKit's notes on
//! Exchange 2003 and 2007; the latter crashes when such a name is asked for without its blanks).
//!
//! An unquoted name goes on to the end of the line. What stands in quotes is the name, blanks included, and goes back as
//! it came.

use super::{listing, names};
use crate::wire::WireName;

#[test]
fn an_unquoted_name_reaches_to_the_end_of_the_line() {
    assert_eq!(
        names(&[
            b"\"/\" Deleted Items",
            b"\"/\" Notes (old) x",
            b"\"/\" ctl\x01name ",
            b"\"/\" tab\there",
        ]),
        ["Deleted Items", "Notes (old) x", "ctl\u{1}name", "tab\there"]
    );
}

#[test]
fn blanks_at_the_end_of_a_quoted_name_stay() {
    let listed = listing(&[b"\"/\" \"Sent \""]);
    assert_eq!(listed.mailboxes[0].wire_name, WireName::new(&b"Sent "[..]));
    assert_eq!(listed.mailboxes[0].name.components(), ["Sent "]);
}
