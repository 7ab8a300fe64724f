//! New hashes.

use argon2::Argon2;
use base64::Engine as _;

use super::crypt::{self, BcryptSetting};
use super::{LONGEST, StoredPassword};

/// Random octets that a new hash takes.
pub const SALT_OCTETS: usize = 16;

/// Argon2's memory in KiB, passes and lanes: the first of what OWASP's *Password Storage Cheat Sheet* recommends. Some
/// 20 ms and 19 MiB for each login, which Dovecot's auth process bears within its usual memory limit; `doveadm pw` itself takes
/// 64 MiB.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Cost of bcrypt: some 50 ms.
const COST: u32 = 10;
/// Rounds of SHA-512: some tens of milliseconds, too.
const ROUNDS: u32 = 100_000;

/// The schemes in which new hashes are made. Debian's Dovecot verifies all of them, and 2.4 calls none weak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewScheme {
    /// Argon2id: costs an attacker memory as well as time, and the server the least of the three for its strength.
    #[default]
    Argon2id,
    /// bcrypt: for a Dovecot that was built without libsodium. The first 72 octets of a password count.
    BlfCrypt,
    /// SHA-512, many rounds: what every crypt(3) and most other programs know.
    Sha512Crypt,
}

/// A password that cannot be hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotHash {
    /// Nothing there.
    #[error("the password is empty")]
    Empty,
    /// Longer than is ever checked.
    #[error("the password is longer than {LONGEST} octets")]
    TooLong,
    /// Longer than bcrypt looks at: the rest would not count.
    #[error("the password is longer than the 72 octets that BLF-CRYPT looks at")]
    TooLongForBcrypt,
    /// With a NUL, where crypt(3) ends.
    #[error("the password contains a NUL")]
    Nul,
    /// The hash function refused its parameters.
    #[error("the password cannot be hashed (internal error)")]
    Internal,
}

impl NewScheme {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Argon2id, Self::BlfCrypt, Self::Sha512Crypt];

    /// Dovecot's name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Argon2id => "ARGON2ID",
            Self::BlfCrypt => "BLF-CRYPT",
            Self::Sha512Crypt => "SHA512-CRYPT",
        }
    }

    /// The scheme of that name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.as_str().eq_ignore_ascii_case(name))
    }
}

/// Hashes a password. The salt must be random, and used once.
pub fn hash_new(
    scheme: NewScheme,
    password: &str,
    salt: [u8; SALT_OCTETS],
) -> Result<StoredPassword, CannotHash> {
    if password.is_empty() {
        return Err(CannotHash::Empty);
    }
    if password.len() > LONGEST {
        return Err(CannotHash::TooLong);
    }
    if password.contains('\0') {
        return Err(CannotHash::Nul);
    }
    let octets = password.as_bytes();
    let data = match scheme {
        NewScheme::Argon2id => argon2id(octets, salt)?,
        NewScheme::BlfCrypt if octets.len() > crypt::BCRYPT_LONGEST => {
            return Err(CannotHash::TooLongForBcrypt);
        }
        NewScheme::BlfCrypt => {
            let setting = BcryptSetting {
                version: 'y',
                cost: COST,
                salt,
            };
            crypt::bcrypt_text(octets, &setting)
        }
        NewScheme::Sha512Crypt => crypt::sha512_text(octets, ROUNDS, salt),
    };
    Ok(StoredPassword(format!("{{{}}}{data}", scheme.as_str()).into()))
}

fn argon2id(password: &[u8], salt: [u8; SALT_OCTETS]) -> Result<String, CannotHash> {
    let params = argon2::Params::new(MEMORY, PASSES, LANES, Some(32)).map_err(|_| CannotHash::Internal)?;
    let mut hash = [0; 32];
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(password, &salt, &mut hash)
        .map_err(|_| CannotHash::Internal)?;
    let base64 = |octets: &[u8]| base64::engine::general_purpose::STANDARD_NO_PAD.encode(octets);
    Ok(format!(
        "$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}${}${}",
        base64(&salt),
        base64(&hash)
    ))
}
