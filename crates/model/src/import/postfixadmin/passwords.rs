//! Passwords of every spelling that PostfixAdmin has ever written, in Dovecot's.

use super::Options;
use super::ledger::{Ledger, RowOf};
use crate::directory::StoredPassword;

/// What is said where a second factor stays behind.
pub(super) const SECOND_FACTOR: &str =
    "it has a second factor (TOTP), which is not taken over: from now on its password alone is enough";

/// The salt of every hash that PostfixAdmin 3.3 makes with its setting `md5crypt`.
const SAME_SALT: &str = "$1$c9809462$";

/// The password as it is stored here; `None` logs nobody in, which is noted unless it was meant so.
pub(super) fn stored(
    text: Option<&str>,
    row: RowOf,
    name: &str,
    options: &Options,
    ledger: &mut Ledger,
) -> Option<StoredPassword> {
    let text = text.unwrap_or_default();
    if text.is_empty() || text.starts_with(['!', '*']) {
        ledger.note(row, name, "it has no password: nobody can log in", "");
        return None;
    }
    if text.contains(SAME_SALT) {
        ledger.note(row, name, "its hash has a salt that all hashes of that PostfixAdmin have: advise a new password", "");
    }
    match normalised(text, options.clear_text) {
        Ok(password) => Some(password),
        Err(problem) => {
            ledger.note(row, name, "its password is not understood, so nobody can log in", problem);
            None
        }
    }
}
