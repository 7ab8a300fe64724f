//! **Gmail**: 2,500 MB a day can be read by IMAP; what is above is refused in one of several ways, none of which is in
//! RFC 5530: `[THROTTLED]`, at times at the end of the text, `[ALERT] Account exceeded command or bandwidth limits`, or
//! `[OVERQUOTA]` with the same words. `* BYE Session expired` ends a session after a day and is no limit.
//!
//! The first are [`ImapError::Later`]; a session that has expired is a lost connection like any other.

use super::{examined, texts};
use crate::ImapError;
use crate::wire::Shortage;

#[test]
fn limits_are_read_from_words_and_codes() {
    for answer in [
        "NO [THROTTLED] (Failure)",
        "NO System Error [THROTTLED]",
        "NO [ALERT] Account exceeded command or bandwidth limits. (Failure)",
        "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)",
    ] {
        let error = examined(format!("A1 {answer}\r\n")).unwrap_err();
        assert!(
            matches!(&error, ImapError::Later { patience, .. } if patience.shortage == Shortage::Rate),
            "{answer}: {error:?}"
        );
    }
    assert_eq!(
        texts("* BYE Session expired, please login again.\r\n"),
        ["the server ended the connection: Session expired, please login again."]
    );
}
