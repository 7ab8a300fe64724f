//! **Zoho, and mailboxes that keep none on any server**: modification sequences of -1 or 0, `NOMODSEQ`, none at all
//! although CONDSTORE is announced (MailKit issue 1686). RFC 7162 wants positive numbers. Some servers also set
//! HIGHESTMODSEQ *back*, after a restored backup or an index made anew.
//!
//! What is not positive is [`None`]. A number that has gone back is a checkpoint that differs: nothing is proved by it, and
//! the mailbox is read.

use transhume_model::mail::ModSeq;

use super::{examined, rows};

#[test]
fn no_modification_sequence_proves_nothing() {
    let checkpoint = |code: &str| {
        examined(format!(
            "* 3 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 9]\r\n{code}A1 OK\r\n"
        ))
        .unwrap()
        .checkpoint
    };
    for code in [
        "* OK [HIGHESTMODSEQ -1]\r\n",
        "* OK [HIGHESTMODSEQ 0]\r\n",
        "* OK [HIGHESTMODSEQ 9.37e+06]\r\n",
        "* OK [NOMODSEQ]\r\n",
        "* OK [HIGHESTMODSEQ 5]\r\n* OK [NOMODSEQ]\r\n",
        "",
    ] {
        let found = checkpoint(code);
        assert_eq!(found.highest_mod_seq, None, "{code}");
        assert!(!found.proves_unchanged_since(&found), "{code}");
    }
    let (before, after) = (
        checkpoint("* OK [HIGHESTMODSEQ 9]\r\n"),
        checkpoint("* OK [HIGHESTMODSEQ 5]\r\n"),
    );
    assert_eq!(before.highest_mod_seq, Some(ModSeq(9)));
    assert!(before.proves_unchanged_since(&before) && !after.proves_unchanged_since(&before));
    assert_eq!(
        rows("* 1 FETCH (UID 3 FLAGS () MODSEQ (-1) RFC822.SIZE 2)\r\nA1 OK\r\n"),
        ["3 [] @? 2"]
    );
}
