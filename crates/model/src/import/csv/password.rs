//! What stands in the field of a password: a hash, a password, or neither.

use std::fmt;

use super::rows::{Cell, Place};
use crate::directory::StoredPassword;

/// A password as its owner types it. Never shown by `Debug` (I10).
#[derive(Clone, PartialEq, Eq)]
pub struct ClearPassword {
    text: Box<str>,
    place: Place,
}

impl ClearPassword {
    /// The password. Nothing but a hash function has a use for it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it stands in the file.
    pub fn place(&self) -> Place {
        self.place
    }
}

impl fmt::Debug for ClearPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A password field, understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PasswordField {
    /// Nobody logs in with it.
    Locked,
    /// It is kept as it is.
    Stored(StoredPassword),
    /// It is to be hashed.
    Clear(ClearPassword),
}

/// What is wrong with a password field, and what would be right.
pub(super) type Wrong = (&'static str, &'static str);

/// How an account that cannot log in is written.
pub(super) const LOCKED: &str = "!";

const SCHEMES: &str =
    "{SCHEME} and the hash as Dovecot writes it, or {PLAIN} and the password with --crypt-passwords";

/// Reads a password field. Existing hashes stay what they are, also where passwords are to be hashed.
pub(super) fn read(cell: &Cell<'_>, crypt: bool, guessed: bool) -> Result<PasswordField, Wrong> {
    let text = cell.text.as_ref();
    let clear = |text: &str| clear(text, cell.place, guessed);
    if text.trim().is_empty() {
        return Err((
            "the password is empty",
            "a hash, or a password; ! for an account that cannot log in",
        ));
    }
    if text == LOCKED || text == "*" {
        return Ok(PasswordField::Locked);
    }
    if text.chars().any(char::is_control) {
        return Err((
            "the password holds a control character",
            "one without; is a quote out of place?",
        ));
    }
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err((
            "this may be a password, or a hash without its scheme",
            "{PLAIN-MD5} before a hash, {PLAIN} before a password",
        ));
    }
    if text.starts_with('{') || text.starts_with('$') {
        return match StoredPassword::from_stored(text) {
            Some(stored) => match plain(&stored) {
                Some(password) if crypt => clear(password),
                _ => Ok(PasswordField::Stored(stored)),
            },
            None if text.starts_with('$') && crypt && !looks_like_crypt(text) => clear(text),
            None => Err(("this looks like a hash, but no known one", SCHEMES)),
        };
    }
    if crypt {
        return clear(text);
    }
    Err((
        "this is no hash of a password, and passwords are not stored in clear",
        "--crypt-passwords, if the file holds passwords; else {SCHEME} before the hash",
    ))
}

/// The password that is stored in clear.
pub(super) fn plain(stored: &StoredPassword) -> Option<&str> {
    let is_plain = ["PLAIN", "CLEAR", "CLEARTEXT"]
        .iter()
        .any(|scheme| stored.scheme().eq_ignore_ascii_case(scheme));
    let (_, password) = stored.as_str().split_once('}')?;
    is_plain.then_some(password)
}

/// `$id$…$…`: as crypt(3) writes hashes.
fn looks_like_crypt(text: &str) -> bool {
    text.split('$').filter(|part| !part.is_empty()).count() >= 2
}

fn clear(text: &str, place: Place, guessed: bool) -> Result<PasswordField, Wrong> {
    if guessed && !text.is_ascii() {
        return Err((
            "the password holds letters beyond ASCII, and the file's encoding is only guessed",
            "a file in UTF-8, or its encoding by name (--encoding)",
        ));
    }
    let text = text.into();
    Ok(PasswordField::Clear(ClearPassword { text, place }))
}
