//! The names of schemes.

use std::fmt;

/// A password scheme that Dovecot knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// The password itself.
    Plain,
    /// Whatever crypt(3) knows; which of it, the data says. Once normalised, this is DES, or what is not checked here.
    Crypt,
    /// `$1$`
    Md5Crypt,
    /// `$5$`
    Sha256Crypt,
    /// `$6$`
    Sha512Crypt,
    /// `$2a$`, `$2b$`, `$2y$`: bcrypt
    BlfCrypt,
    /// `$argon2i$`
    Argon2i,
    /// `$argon2id$`
    Argon2id,
    /// HMAC-SHA-1, many times
    Pbkdf2,
    /// SHA-1
    Sha,
    /// SHA-256
    Sha256,
    /// SHA-512
    Sha512,
    /// SHA-1, salted
    Ssha,
    /// SHA-256, salted
    Ssha256,
    /// SHA-512, salted
    Ssha512,
    /// MD5, salted
    Smd5,
    /// MD4, in hexadecimal
    PlainMd4,
    /// MD5, in hexadecimal
    PlainMd5,
    /// MD5, in base64
    LdapMd5,
    /// The two MD5 states with which CRAM-MD5 (RFC 2195) begins
    CramMd5,
    /// RFC 5802
    ScramSha1,
    /// RFC 7677
    ScramSha256,
    /// MD5 over user, realm and password; only Dovecot checks it
    DigestMd5,
    /// One-time passwords; only Dovecot checks them, and 2.4 no more
    Otp,
    /// A number of octets, and so much of the password; only Dovecot checks it
    PlainTrunc,
}

/// How the data is written, where the scheme's name says it (`{SHA.HEX}`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// As the scheme has it.
    Own,
    /// `.b64`, `.base64`
    Base64,
    /// `.hex`
    Hex,
}

/// Every name, the one that we write first.
pub(super) const NAMES: [(&str, Scheme); 32] = [
    ("PLAIN", Scheme::Plain),
    ("CLEAR", Scheme::Plain),
    ("CLEARTEXT", Scheme::Plain),
    ("CRYPT", Scheme::Crypt),
    ("DES-CRYPT", Scheme::Crypt),
    ("MD5-CRYPT", Scheme::Md5Crypt),
    ("MD5", Scheme::Md5Crypt),
    ("SHA256-CRYPT", Scheme::Sha256Crypt),
    ("SHA512-CRYPT", Scheme::Sha512Crypt),
    ("BLF-CRYPT", Scheme::BlfCrypt),
    ("ARGON2I", Scheme::Argon2i),
    ("ARGON2ID", Scheme::Argon2id),
    ("ARGON2", Scheme::Argon2id),
    ("PBKDF2", Scheme::Pbkdf2),
    ("SHA", Scheme::Sha),
    ("SHA1", Scheme::Sha),
    ("SHA256", Scheme::Sha256),
    ("SHA512", Scheme::Sha512),
    ("SSHA", Scheme::Ssha),
    ("SSHA256", Scheme::Ssha256),
    ("SSHA512", Scheme::Ssha512),
    ("SMD5", Scheme::Smd5),
    ("PLAIN-MD4", Scheme::PlainMd4),
    ("PLAIN-MD5", Scheme::PlainMd5),
    ("LDAP-MD5", Scheme::LdapMd5),
    ("CRAM-MD5", Scheme::CramMd5),
    ("HMAC-MD5", Scheme::CramMd5),
    ("SCRAM-SHA-1", Scheme::ScramSha1),
    ("SCRAM-SHA-256", Scheme::ScramSha256),
    ("DIGEST-MD5", Scheme::DigestMd5),
    ("OTP", Scheme::Otp),
    ("PLAIN-TRUNC", Scheme::PlainTrunc),
];

impl Scheme {
    /// Dovecot's name of it.
    pub fn as_str(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, scheme)| *scheme == self)
            .map_or("", |(name, _)| name)
    }

    /// Whether whoever reads the directory reads the password (or its beginning).
    pub fn is_cleartext(self) -> bool {
        matches!(self, Self::Plain | Self::PlainTrunc)
    }

    /// Whether Dovecot 2.4 refuses it unless told otherwise (`auth_allow_weak_schemes`).
    pub fn is_weak(self) -> bool {
        !matches!(
            self,
            Self::Plain
                | Self::PlainTrunc
                | Self::CramMd5
                | Self::DigestMd5
                | Self::Crypt
                | Self::Sha256Crypt
                | Self::Sha512Crypt
                | Self::BlfCrypt
                | Self::Argon2i
                | Self::Argon2id
                | Self::Pbkdf2
                | Self::ScramSha1
                | Self::ScramSha256
        )
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Splits `{SCHEME}data`.
pub(super) fn split(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix('{')?.split_once('}')
}

/// The scheme of that name, in any case, and the coding that the name ends with.
pub(super) fn named(name: &str) -> Option<(Scheme, Coding)> {
    let (bare, coding) = match name.rsplit_once('.') {
        None => (name, Coding::Own),
        Some((bare, end)) if end.eq_ignore_ascii_case("b64") || end.eq_ignore_ascii_case("base64") => {
            (bare, Coding::Base64)
        }
        Some((bare, end)) if end.eq_ignore_ascii_case("hex") => (bare, Coding::Hex),
        Some(_) => return None,
    };
    NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(bare))
        .map(|(_, scheme)| (*scheme, coding))
}
