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
    /// PLAIN-TRUNC, and what only Debian's crypt(3) knows (yescrypt, scrypt, the DES of BSD/OS, `$2x$`).
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One stored password of each kind, all of “pass” (made by `doveadm pw`).
    const KINDS: [&str; 15] = [
        "{PLAIN}pass",
        "{CRYPT}tYKm7nCT2BIjY",
        "{MD5-CRYPT}$1$oEKNbQrz$M8P3LaXgaUIuVKO9H0a6E.",
        "{SHA256-CRYPT}$5$L70YTGV60Mxvozjr$rPJopZzVOMxpg/O5.ls/hkiDl1MM522N0MslxVZfIM9",
        "{BLF-CRYPT}$2y$05$6guvQOMJTLlEGAUSAYtPY.M3fAsENmaDAzhGWLDYxlq41gMT7rlza",
        "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$yK0esWtq06MM4IeMVX2pOg$rbJArpc2TwBfVkxWWK0YmtvKAIbFDr1mreo22Bf8318",
        "{PBKDF2}$1$JI4YjoubhAYjug2B$5000$a1713beea863478e104eb1d93f8c97af13ea3ea9",
        "{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=",
        "{SSHA}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7",
        "{SMD5}rT5Y836qv0nOSNMhewijrWEecv0=",
        "{PLAIN-MD4}52e9e9e4f1cd6d1abc78aa866d2a5509",
        "{PLAIN-MD5}1a1dc91c907325c69271ddf0c944bc72",
        "{LDAP-MD5}Gh3JHJBzJcaScd3wyUS8cg==",
        "{CRAM-MD5}ff5d74b19e3cb9b2b9f4fcb548fe023aeb44f67f231a5a89714d08b5fec22b78",
        "{SCRAM-SHA-1}4096,k/VXWZKuKOS3kT9zPz3SCg==,pqaR+/iPywE7FpUS5SBFw009ruM=,YKvz+Wx9SiCc9lASKIw9ksZxp7I=",
    ];

    #[test]
    fn only_the_password_is_right() {
        let long = "p".repeat(LONGEST + 1);
        for kind in KINDS {
            let stored = StoredPassword::from_stored(kind).unwrap();
            for (password, verdict) in [
                ("pass", Verdict::Right),
                ("Pass", Verdict::Wrong),
                ("pas", Verdict::Wrong),
                ("passs", Verdict::Wrong),
                ("pass\0", Verdict::Wrong),
                ("", Verdict::Wrong),
                (kind, Verdict::Wrong),
                (&long, Verdict::Wrong),
            ] {
                assert_eq!(stored.verify(password), verdict, "{kind} {password:?}");
            }
        }
    }

    #[test]
    fn what_is_not_understood_logs_nobody_in() {
        for stored in [
            "{FOO}pass",
            "{PLAIN}",
            "{SHA.B32}pass",
            "{CRYPT}pass",
            "{CRYPT}$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
            "{OTP}pass",
            "{PLAIN-TRUNC}4-pass",
            "{SSHA}pass",
            "{SHA512-CRYPT}$6$rounds=999999999$abc$wbIBWwT3bGny3Bk1WasXBzwH/bnsQgF1bVGeRyPaGC9yn.yZEl9xG8hDEjmsdcQFq.TcPONDl5RmCWcpiAR57.",
        ] {
            let password = StoredPassword::from_stored(stored).unwrap();
            for typed in ["pass", stored, "x"] {
                assert_eq!(password.verify(typed), Verdict::Unknown, "{stored} {typed:?}");
            }
            assert!(!password.is_checked_here(), "{stored}");
        }
    }

    // I10: what is printed for programmers shows no secret.
    #[test]
    fn debug_shows_no_more_than_a_scheme() {
        for (stored, shown) in [
            ("{PLAIN}pass", "{PLAIN}…"),
            ("{ssha}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7", "{SSHA}…"),
            ("{pass}word", "{?}…"),
        ] {
            let password = StoredPassword::from_stored(stored).unwrap();
            assert_eq!(format!("{password:?}"), shown);
        }
        assert_eq!(
            format!("{:?}", normalise("{pass}word", Written::Marked)),
            "Unrecognised(UnknownScheme)"
        );
    }

    proptest! {
        // A hash that was cut, lengthened or changed anywhere is another hash, or none. It never panics, and never lets the
        // password in by being less than it was.
        #[test]
        fn damaged_hashes_are_read_without_a_panic(
            kind in prop::sample::select(&KINDS[..5]),
            cut in 0_usize..120,
            insert in "[ -~é]{0,3}",
            skip in 0_usize..3,
        ) {
            let cut = cut.min(kind.len());
            let after = (cut + skip).min(kind.len());
            let text = format!("{}{insert}{}", &kind[..cut], &kind[after..]);
            for written in [Written::Marked, Written::PostfixAdmin, Written::Cleartext] {
                if let Normalised::Password(password) = normalise(&text, written) {
                    // In whatever way it was understood, it is understood again.
                    prop_assert_eq!(
                        normalise(password.as_str(), Written::Marked),
                        Normalised::Password(password.clone())
                    );
                    prop_assert_ne!(password.verify(""), Verdict::Right);
                }
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(scheme in "[A-Za-z0-9.-]{0,12}", text in "\\PC{0,80}") {
            normalise(&text, Written::Marked);
            normalise(&text, Written::PostfixAdmin);
            normalise(&format!("{{{scheme}}}{text}"), Written::Marked);
        }

        #[test]
        fn any_data_of_a_known_scheme_is_read_without_a_panic(
            place in 0_usize..scheme::NAMES.len(),
            coding in prop::sample::select(&["", ".b64", ".HEX"][..]),
            data in "[$./0-9A-Za-z+=,_]{0,100}",
        ) {
            let text = format!("{{{}{coding}}}{data}", scheme::NAMES[place].0);
            normalise(&text, Written::Marked);
        }
    }
}
