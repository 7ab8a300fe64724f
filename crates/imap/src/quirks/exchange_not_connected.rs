//! **Exchange, Microsoft 365**: LOGIN and AUTHENTICATE are answered with OK, and every command after it with `BAD User is
//! authenticated but not connected.`: the password is good, but the mailbox is not this user's to open, IMAP is switched
//! off for it, or it does not exist (imapsync's notes on Office 365).
//!
//! A refused login, then, though it comes late: to try again does not help, and no other mailbox will do better.

use super::outcome;
use crate::ImapError;
use crate::session::List;
use crate::wire::Capabilities;

#[test]
fn a_login_that_was_none_is_told_as_such() {
    let list = || List::new(&Capabilities::default());
    let error = outcome(
        list,
        "A1 BAD User is authenticated but not connected.\r\nA2 BAD User is authenticated but not connected.\r\n",
    )
    .unwrap_err();
    assert!(matches!(error, ImapError::LoginRefused { .. }), "{error:?}");
}
