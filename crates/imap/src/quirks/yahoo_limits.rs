//! **Yahoo, AOL**: `NO [LIMIT] … Rate limit hit`, also as `* BYE`, which are over after a while; `NO [UNAVAILABLE]` for
//! single messages, which may last for days (imapsync issue 209; several importers say the same).
//!
//! All ask for patience. Whoever fetches one message and hears `[UNAVAILABLE]` knows what he asked for, and may go on with
//! the others.

use super::{examined, texts};
use crate::ImapError;
use crate::wire::Shortage;

#[test]
fn what_passes_is_told_from_what_is_wrong() {
    for (answer, expected) in [
        ("NO [LIMIT] EXAMINE Rate limit hit.", Shortage::Rate),
        (
            "NO [UNAVAILABLE] EXAMINE Server error - Please try again later",
            Shortage::Service,
        ),
        ("NO [INUSE] Mailbox in use", Shortage::Mailbox),
    ] {
        let error = examined(format!("A1 {answer}\r\n")).unwrap_err();
        assert!(
            matches!(&error, ImapError::Later { command: Some("EXAMINE"), patience, .. }
                if patience.shortage == expected),
            "{answer}: {error:?}"
        );
    }
    let error = examined("A1 NO [CLIENTBUG] EXAMINE Missing argument\r\n").unwrap_err();
    assert!(matches!(error, ImapError::Refused { .. }), "{error:?}");
    assert_eq!(
        texts("* BYE [LIMIT] IMAP4rev1 Server logging out, rate limit hit\r\n"),
        ["the server asks to come back later: IMAP4rev1 Server logging out, rate limit hit"]
    );
}
