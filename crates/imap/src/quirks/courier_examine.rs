//! **Courier**: no `[UIDNEXT]` in answer to EXAMINE, nor HIGHESTMODSEQ; STATUS does tell UIDNEXT. EXAMINE of a mailbox that
//! nobody has opened yet may give it a UIDVALIDITY that does not last (Dovecot's notes on Courier as a source).
//!
//! What is not told is [`None`], which no decision takes for a proof that nothing has changed.

use transhume_model::mail::UidValidity;

use super::examined;

#[test]
fn uidnext_is_unknown_rather_than_one() {
    let checkpoint = examined(
        "* FLAGS (\\Draft \\Answered \\Flagged \\Deleted \\Seen \\Recent)\r\n* OK [PERMANENTFLAGS ()] No permanent flags \
         permitted\r\n* 3 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 795431813] Ok\r\n* OK [MYRIGHTS \"acdilrsw\"] ACL\r\n\
         A1 OK [READ-ONLY] Ok\r\n",
    )
    .unwrap()
    .checkpoint;
    assert_eq!(checkpoint.uid_validity, UidValidity::new(795_431_813));
    assert_eq!(
        (
            checkpoint.uid_next,
            checkpoint.highest_mod_seq,
            checkpoint.messages
        ),
        (None, None, 3)
    );
    assert!(!checkpoint.proves_unchanged_since(&checkpoint));
}
