//! **POP gateways, Yahoo, Proton Bridge**: a UIDVALIDITY of 0 (modern-email/defects issue 52), of 1 for every mailbox for
//! ever, or a new one after an update of the server.
//!
//! 0 is none. 1 is as good as any: what tells one mailbox's UIDs from another's is the mailbox and UIDVALIDITY together.

use transhume_model::mail::UidValidity;

use super::examined;

#[test]
fn zero_is_none() {
    for (value, expected) in [
        ("0", None),
        ("1", UidValidity::new(1)),
        ("-1", None),
        ("4294967296", None),
    ] {
        let found = examined(format!("* OK [UIDVALIDITY {value}]\r\nA1 OK\r\n")).unwrap();
        assert_eq!(found.checkpoint.uid_validity, expected, "{value}");
    }
}
