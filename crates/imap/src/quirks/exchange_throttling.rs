//! **Microsoft 365**: `BAD Request is throttled. Suggested Backoff Time: N milliseconds` in answer to any command, and
//! after some ten of them `* BYE` (imapsync's notes on Office 365). It is BAD, and yet nothing is wrong with the command.
//!
//! It becomes [`ImapError::Later`], with the time.

use std::time::Duration;

use super::examined;
use crate::ImapError;
use crate::wire::{Patience, Shortage};

#[test]
fn the_time_to_wait_is_read() {
    let error =
        examined("A1 BAD Request is throttled. Suggested Backoff Time: 299543 milliseconds\r\n").unwrap_err();
    let ImapError::Later {
        command, patience, ..
    } = &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(*command, Some("EXAMINE"));
    let expected = Patience {
        shortage: Shortage::Rate,
        retry_after: Some(Duration::from_millis(299_543)),
    };
    assert_eq!(*patience, expected);
    assert_eq!(
        error.to_string(),
        "the server asks to come back later when asked to EXAMINE: Request is throttled. Suggested Backoff Time: 299543 \
         milliseconds"
    );
}
