//! **Many**: blanks where none belong: at the end of CAPABILITY, LIST, STATUS, SEARCH and ID, within
//! the parentheses of STATUS, two of them between words, tabs (imap-codec keeps a list).
//!
//! Blanks separate, however many. Only those within quotes are part of something.

use transhume_model::mail::{Uid, UidValidity};

use super::{examined, names, outcome, rows};
use crate::session::ReadCapabilities;

#[test]
fn blanks_only_separate() {
    let capabilities = outcome(
        ReadCapabilities::default,
        "*  CAPABILITY  IMAP4rev1  CONDSTORE \r\nA1 OK \r\n",
    )
    .unwrap();
    assert_eq!(
        capabilities.names().collect::<Vec<_>>(),
        ["CONDSTORE", "IMAP4REV1"]
    );
    assert_eq!(names(&[b" \"/\"  \"a b\" ", b"\"/\"\tc "]), ["a b", "c"]);
    assert_eq!(
        rows("* 1  FETCH ( UID  3 FLAGS ( \\Seen ) RFC822.SIZE 5 ) \r\nA1 OK\r\n"),
        ["3 [\\Seen] @? 5"]
    );
    let checkpoint = examined("* 3 EXISTS \r\n* OK [UIDVALIDITY 7 ] \r\n* OK [ UIDNEXT 9]\r\nA1 OK\r\n")
        .unwrap()
        .checkpoint;
    assert_eq!(
        (checkpoint.messages, checkpoint.uid_validity.map(UidValidity::get)),
        (3, Some(7))
    );
    assert_eq!(checkpoint.uid_next.map(Uid::get), Some(9));
}
