//! What crypt(3) computes: DES, MD5, SHA-256, SHA-512 and bcrypt, told apart by how the text begins.

mod alphabet;
mod blowfish;
mod des;
mod md5;
mod sha;

use subtle::ConstantTimeEq as _;

pub(super) use blowfish::{LONGEST as BCRYPT_LONGEST, Setting as BcryptSetting, text as bcrypt_text};
pub(super) use sha::sha512_text;

use super::Verdict;
use super::check::Unrecognised;
use super::scheme::Scheme;

/// Rounds of SHA-256 and SHA-512 that are checked: some seconds.
const MOST_ROUNDS: u32 = 5_000_000;
/// Cost of bcrypt that is checked: some seconds. Each more doubles it.
const MOST_COST: u32 = 16;

/// A text of crypt(3).
pub(super) struct Crypt {
    text: Box<str>,
    method: Method,
}

/// How the text comes from the password: the method, and what it needs beside the password.
enum Method {
    Des {
        salt: [u8; 2],
    },
    Md5 {
        salt: Box<str>,
    },
    Sha(sha::Setting),
    Bcrypt(blowfish::Setting),
    /// Debian's crypt(3) knows it, we do not.
    Elsewhere,
}

impl Crypt {
    /// Reads what follows the braces of a crypt scheme. The text says what it is; the scheme's name only must not contradict
    /// where Dovecot minds it ({MD5-CRYPT}).
    pub(super) fn read(scheme: Scheme, text: &str) -> Result<Self, Unrecognised> {
        let broken = Unrecognised::Data(scheme);
        let method = if text.starts_with("$1$") {
            md5::read(text).map(|salt| Method::Md5 { salt: salt.into() })
        } else if text.starts_with("$5$") || text.starts_with("$6$") {
            sha::read(text).map(Method::Sha)
        } else if text.starts_with("$2") && !text.starts_with("$2x$") {
            blowfish::read(text).map(Method::Bcrypt)
        } else if is_elsewhere(text) {
            Some(Method::Elsewhere)
        } else {
            des::read(text).map(|salt| Method::Des { salt })
        };
        let crypt = Self {
            text: text.into(),
            method: method.ok_or(broken)?,
        };
        if scheme == Scheme::Md5Crypt && crypt.scheme() != scheme {
            return Err(broken);
        }
        Ok(crypt)
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The scheme that the text is of.
    pub(super) fn scheme(&self) -> Scheme {
        match &self.method {
            Method::Md5 { .. } => Scheme::Md5Crypt,
            Method::Sha(setting) if setting.is_512 => Scheme::Sha512Crypt,
            Method::Sha(_) => Scheme::Sha256Crypt,
            Method::Bcrypt(_) => Scheme::BlfCrypt,
            Method::Des { .. } | Method::Elsewhere => Scheme::Crypt,
        }
    }

    /// Whether we leave it to Dovecot.
    pub(super) fn is_elsewhere(&self) -> bool {
        matches!(self.method, Method::Elsewhere)
    }

    /// Whether it asks for more time than is borne.
    pub(super) fn is_costly(&self) -> bool {
        match &self.method {
            Method::Sha(setting) => setting.rounds > MOST_ROUNDS,
            Method::Bcrypt(setting) => setting.cost > MOST_COST,
            _ => false,
        }
    }

    /// Compares.
    pub(super) fn verify(&self, password: &[u8]) -> Verdict {
        let computed = match &self.method {
            Method::Des { salt } => des::text(password, *salt),
            Method::Md5 { salt } => md5::text(password, salt),
            Method::Sha(setting) => sha::text(password, setting),
            Method::Bcrypt(setting) => blowfish::text(password, setting),
            Method::Elsewhere => return Verdict::Unknown,
        };
        Verdict::of(computed.as_bytes().ct_eq(self.text.as_bytes()))
    }
}

/// Whether the text begins as one of the other methods of Debian's crypt(3) (libxcrypt): yescrypt, scrypt, SHA-1, Sun's MD5,
/// bcrypt with the sign bug of old PHP, the DES of BSD/OS.
fn is_elsewhere(text: &str) -> bool {
    const BEGINNINGS: [&str; 8] = ["$y$", "$gy$", "$sm3y$", "$7$", "$sha1$", "$md5", "$2x$", "$3$"];
    let is_known = BEGINNINGS.iter().any(|begin| text.starts_with(begin))
        || (text.starts_with('_') && text.len() == 20 && text[1..].bytes().all(alphabet::has));
    is_known && text.len() >= 20 && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}
