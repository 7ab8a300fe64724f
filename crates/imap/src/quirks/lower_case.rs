//! **Gateways and small servers**: atoms in small letters (`* ok`, `a1 ok`, `flags`, `fetch`, `exists`, `nil`). RFC 9051
//! section 9 makes them equal to capitals; many clients do not.
//!
//! Every atom is compared without regard to case. Mailbox names are not, but for INBOX.

use transhume_model::mail::UidValidity;

use super::{examined, names, rows};

#[test]
fn case_means_nothing_but_in_names() {
    assert_eq!(
        rows("* 1 fetch (uid 3 flags (\\seen) internaldate nil rfc822.size 5)\r\na1 ok\r\n"),
        ["3 [\\Seen] @? 5"]
    );
    let checkpoint =
        examined("* 3 exists\r\n* ok [uidvalidity 7]\r\n* ok [uidnext 9]\r\na1 ok [read-only]\r\n")
            .unwrap()
            .checkpoint;
    assert_eq!(
        (checkpoint.messages, checkpoint.uid_validity.map(UidValidity::get)),
        (3, Some(7))
    );
    assert_eq!(
        names(&[b"nil inbox", b"\"/\" Sent", b"\"/\" sent"]),
        ["INBOX", "Sent", "sent"]
    );
}
