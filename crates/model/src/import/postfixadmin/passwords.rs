//! Passwords of every spelling that PostfixAdmin has ever written, in Dovecot's.

use super::ledger::{Ledger, RowOf};
use super::{ClearText, Options};
use crate::directory::StoredPassword;
use crate::directory::password::{Normalised, Written, normalise};

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
    if text.contains(SAME_SALT) {
        let what = "its hash has a salt that all hashes of that PostfixAdmin have: advise a new password";
        ledger.note(row, name, what, "");
    }
    let as_hash = || normalise(text, Written::PostfixAdmin);
    let as_it_is = || normalise(text, Written::Cleartext);
    let normalised = match options.clear_text {
        ClearText::None => as_hash(),
        ClearText::All => as_it_is(),
        ClearText::Unrecognised => match as_hash() {
            Normalised::Unrecognised(_) => as_it_is(),
            known => known,
        },
    };
    match normalised {
        Normalised::Password(password) => Some(password),
        Normalised::Locked => {
            ledger.note(row, name, "it has no password: nobody can log in", "");
            None
        }
        Normalised::Unrecognised(why) => {
            ledger.note(
                row,
                name,
                "its password is not understood, so nobody can log in",
                why,
            );
            None
        }
    }
}
