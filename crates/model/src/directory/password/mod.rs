//! Stored passwords, as Dovecot spells them: `{SCHEME}` and the data of that scheme.
//!
//! [`normalise`] recognises what comes from elsewhere and brings it into one spelling, [`StoredPassword::verify`] checks what
//! somebody typed, [`hash_new`] makes new ones. Dovecot verifies the same texts on its own; whatever is said here about a
//! scheme was compared with `doveadm pw`.
//!
//! **What is not recognised logs nobody in.** There is no scheme to fall back on: an unknown one, or data that is not of its
//! scheme, is never taken for the password itself.
//!
//! **A hash is input.** Its cost parameters come from a file or another platform's database, so they are bounded before
//! anything is computed: [`Costly`](Unrecognised::Costly) hashes are not taken over, since each login would occupy Dovecot as
//! well.

mod check;
mod crypt;
mod digest;
mod make;
mod normalise;
mod scheme;

use std::fmt;

use check::Check;
pub use check::Unrecognised;
pub use make::{CannotHash, NewScheme, SALT_OCTETS, hash_new};
pub use normalise::{Normalised, Written, normalise};
pub use scheme::Scheme;

/// Longest password that is checked or hashed, in octets: that of crypt(3) on Debian. Some hashes take time that grows with
/// the square of it.
pub const LONGEST: usize = 512;

/// What a password is checked against: `{SCHEME}` and the data of that scheme. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredPassword(Box<str>);

/// What came of checking a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the one.
    Right,
    /// It is another.
    Wrong,
    /// Nobody can tell here: the scheme is unknown, its data is damaged or too costly to check, or only Dovecot can check
    /// it ([`StoredPassword::is_checked_here`]). Logs nobody in.
    Unknown,
}

impl StoredPassword {
    /// Takes a text that begins with a scheme in braces. `None` when it does not. Whether the scheme is known is not
    /// looked at: that is for [`normalise`], and for [`Self::verify`].
    pub fn from_stored(text: &str) -> Option<Self> {
        let (scheme, _) = text.strip_prefix('{')?.split_once('}')?;
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        (!scheme.is_empty() && scheme.chars().all(is_name)).then(|| Self(text.into()))
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The scheme, without its braces.
    pub fn scheme(&self) -> &str {
        scheme::split(&self.0).map_or("", |(scheme, _)| scheme)
    }

    /// The scheme, where it is one that Dovecot knows.
    pub fn known_scheme(&self) -> Option<Scheme> {
        let (name, _) = scheme::split(&self.0)?;
        scheme::named(name).map(|(scheme, _)| scheme)
    }

    /// Whether [`Self::verify`] can tell. Some rare schemes only Dovecot can check: one-time passwords, DIGEST-MD5,
    /// PLAIN-TRUNC, and what only Debian's crypt(3) knows (yescrypt, scrypt, BSDi's DES, `$2x$`).
    pub fn is_checked_here(&self) -> bool {
        Check::read(&self.0).is_ok_and(|check| !check.is_left_to_dovecot())
    }

    /// Checks what somebody typed. The comparison takes the same time wherever the first difference is. Takes as long as the
    /// hash is costly (up to some seconds), and for Argon2 as much memory as it says (up to 1 GiB).
    pub fn verify(&self, password: &str) -> Verdict {
        // No password that can be typed is empty or holds a NUL, where crypt(3) ends.
        if password.is_empty() || password.len() > LONGEST || password.contains('\0') {
            return Verdict::Wrong;
        }
        match Check::read(&self.0) {
            Ok(check) => check.verify(password.as_bytes()),
            Err(_) => Verdict::Unknown,
        }
    }
}

impl Verdict {
    /// Right or wrong.
    fn of(equal: subtle::Choice) -> Self {
        if bool::from(equal) {
            Self::Right
        } else {
            Self::Wrong
        }
    }
}

impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only known names: a text like {secret} may be the secret.
        match self.known_scheme() {
            Some(scheme) => write!(f, "{{{scheme}}}…"),
            None => f.write_str("{?}…"),
        }
    }
}
