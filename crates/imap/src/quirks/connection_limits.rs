//! **Dovecot, Gmail, Courier, Cyrus and others**: a limit of connections for a user, or for a user and an address.
//! Dovecot's `mail_max_userip_connections` is 10 by default; Gmail allows 15 for each account; the user's own devices take
//! part of them. There is no code for it: some say it at LOGIN, some as their greeting.
//!
//! It becomes [`ImapError::Later`] with [`Shortage::Connections`], so that whoever opens connections can learn the limit
//! from the refusal instead of taking it for a wrong password.

use super::outcome;
use crate::ImapError;
use crate::session::{Dialogue, Login};
use crate::wire::{Capabilities, Shortage};

const AT_LOGIN: [&str; 4] = [
    // Dovecot 2.3
    "A1 NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
    // Dovecot, without a code
    "A1 NO Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
    // Gmail
    "A1 NO [ALERT] Too many simultaneous connections. (Failure)",
    // With the code of RFC 5530 that comes nearest
    "A1 NO [LIMIT] Too many concurrent connections for this user",
];

const AS_GREETING: [&str; 2] = [
    // In the style of Courier
    "* BYE [ALERT] Maximum connection limit reached for 192.0.2.1\r\n",
    // In the style of Cyrus
    "* BYE Too many open connections\r\n",
];

#[test]
fn too_many_connections_are_no_wrong_password() {
    let capabilities = Capabilities::from_text(b"IMAP4rev1");
    for answer in AT_LOGIN {
        let login = || Login::new(&capabilities, "bob", b"s3cret").unwrap();
        let error = outcome(login, format!("{answer}\r\n")).unwrap_err();
        assert!(
            matches!(&error, ImapError::Later { command: Some("LOGIN"), patience, .. }
                if patience.shortage == Shortage::Connections && patience.retry_after.is_none()),
            "{answer}: {error:?}"
        );
    }
    for answer in AS_GREETING {
        let mut dialogue = Dialogue::default();
        dialogue.input().extend_from_slice(answer.as_bytes());
        let error = dialogue.next_event().unwrap_err();
        assert!(
            matches!(&error, ImapError::Later { command: None, patience, .. }
                if patience.shortage == Shortage::Connections),
            "{answer}: {error:?}"
        );
    }
}
