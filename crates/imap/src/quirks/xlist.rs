//! **Gmail before 2013, and servers that copied it**: roles as attributes from XLIST, in answer to LIST too: `\AllMail`,
//! `\Spam`, `\Starred`, `\Inbox`, `\Important`. RFC 6154 gave three of them other names.
//!
//! Both are read. `\Inbox` needs no role, and `\Important` has none.

use transhume_model::mail::SpecialUse;

use super::outcome;
use crate::session::List;
use crate::wire::Capabilities;

#[test]
fn roles_in_the_words_of_xlist() {
    for (attribute, expected) in [
        ("\\AllMail", Some(SpecialUse::All)),
        ("\\spam", Some(SpecialUse::Junk)),
        ("\\Starred", Some(SpecialUse::Flagged)),
        ("\\Sent", Some(SpecialUse::Sent)),
        ("\\Important", None),
        ("\\Inbox", None),
    ] {
        for word in ["LIST", "XLIST"] {
            let server =
                format!("* {word} (\\HasNoChildren {attribute}) \"/\" \"[Gmail]/x\"\r\nA1 OK\r\nA2 OK\r\n");
            let list = || List::new(&Capabilities::default());
            let listed = outcome(list, server).unwrap();
            assert_eq!(listed.mailboxes[0].special_use, expected, "{attribute}");
        }
    }
}
