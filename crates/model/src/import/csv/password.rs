//! What stands in the field of a password: a hash, a password, or neither.

use std::fmt;

use super::rows::{Cell, Place};
use crate::directory::StoredPassword;
use crate::directory::password::{Normalised, Unrecognised, Written, normalise};

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
pub(super) type Wrong = (String, &'static str);

/// How an account that cannot log in is written.
pub(super) const LOCKED: &str = "!";

const SCHEMES: &str = "{SCHEME} and the hash as Dovecot writes it; for a password that begins so, {PLAIN} before it and --crypt-passwords";

/// Reads a password field. Existing hashes stay what they are, also where passwords are to be hashed.
pub(super) fn read(cell: &Cell<'_>, crypt: bool, guessed: bool) -> Result<PasswordField, Wrong> {
    let text = cell.text.as_ref();
    let wrong = |wrong: &str, right| Err((wrong.to_owned(), right));
    if text.trim().is_empty() {
        return wrong(
            "the password is empty",
            "a hash, or a password; ! for an account that cannot log in",
        );
    }
    if text == LOCKED || text == "*" {
        return Ok(PasswordField::Locked);
    }
    if text.chars().any(char::is_control) {
        return wrong(
            "the password holds a control character",
            "one without; is a quote out of place?",
        );
    }
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return wrong(
            "this may be a password, or a hash without its scheme",
            "{PLAIN-MD5} before a hash, {PLAIN} before a password",
        );
    }
    let clear = |text: &str| clear(text, cell.place, guessed);
    if !text.starts_with(['{', '$']) {
        return if crypt {
            clear(text)
        } else {
            wrong(
                "this is no hash of a password, and passwords are not stored in clear",
                "--crypt-passwords, if the file holds passwords; else {SCHEME} before the hash",
            )
        };
    }
    match normalise(text, Written::Marked) {
        Normalised::Locked => Ok(PasswordField::Locked),
        Normalised::Password(stored) => match plain(&stored) {
            Some(password) if crypt => clear(password),
            _ => Ok(PasswordField::Stored(stored)),
        },
        Normalised::Unrecognised(Unrecognised::NoScheme) if crypt && !looks_like_crypt(text) => clear(text),
        Normalised::Unrecognised(why) => Err((format!("this looks like a hash, but {why}"), SCHEMES)),
    }
}

/// The password that is stored in clear.
pub(super) fn plain(stored: &StoredPassword) -> Option<&str> {
    let text = stored.as_str();
    text.strip_prefix("{PLAIN}")
        .or_else(|| text.strip_prefix("{CLEARTEXT}"))
}

/// `$id$…` or `{…}…`: as hashes begin.
fn looks_like_crypt(text: &str) -> bool {
    let dollars = text.split('$').filter(|part| !part.is_empty()).count() >= 2;
    text.starts_with('{') || (text.starts_with('$') && dollars)
}

fn clear(text: &str, place: Place, guessed: bool) -> Result<PasswordField, Wrong> {
    if guessed && !text.is_ascii() {
        return Err((
            "the password holds letters beyond ASCII, and the file's encoding is only guessed".to_owned(),
            "a file in UTF-8, or its encoding by name (--encoding)",
        ));
    }
    let text = text.into();
    Ok(PasswordField::Clear(ClearPassword { text, place }))
}
