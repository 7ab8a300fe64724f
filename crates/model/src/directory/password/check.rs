//! What a stored password says, read: its scheme's data, ready to be checked against, and written in one spelling.

use argon2::Argon2;
use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Verdict;
use super::crypt::Crypt;
use super::digest::{self, Algorithm};
use super::scheme::{self, Coding, Scheme};

/// Iterations of HMAC that are checked: about three seconds.
const MOST_ITERATIONS: u32 = 5_000_000;
/// Memory that an Argon2 hash may take, in KiB: 1 GiB.
const MOST_MEMORY: u32 = 1 << 20;
/// Memory times passes, in KiB: 4 GiB, some seconds.
const MOST_WORK: u64 = 1 << 22;
/// Lanes of an Argon2 hash.
const MOST_LANES: u32 = 64;

/// Why a text is not taken for a stored password. Says nothing of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecognised {
    /// Neither `{SCHEME}` nor a hash that tells what it is.
    #[error(
        "it does not say what it is: a stored password begins with its scheme in braces, like {{SHA512-CRYPT}}$6$…"
    )]
    NoScheme,
    /// `{SCHEME}` that Dovecot does not know.
    #[error("its scheme, in braces, is none that Dovecot knows (“doveadm pw -l” lists them)")]
    UnknownScheme,
    /// The data is not that of the scheme: too short, cut off, other characters.
    #[error("what follows is not what {0} looks like; it may have been cut off")]
    Data(Scheme),
    /// Its parameters would keep the server busy for longer, or take more memory, than is borne.
    #[error(
        "checking this {0} hash once would take many seconds, or gigabytes of memory, here and in Dovecot"
    )]
    Costly(Scheme),
}

/// What is compared.
pub(super) enum Check {
    /// The password itself.
    Plain(Vec<u8>),
    /// One round of a digest over the password and the salt.
    Digest {
        scheme: Scheme,
        algorithm: Algorithm,
        hash: Vec<u8>,
        salt: Vec<u8>,
    },
    /// What crypt(3) computes.
    Crypt(Crypt),
    /// Argon2, as its reference implementation writes it.
    Argon2 {
        scheme: Scheme,
        text: Box<str>,
        params: argon2::Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    /// HMAC-SHA-1 over a salt, many times.
    Pbkdf2 {
        salt: Box<str>,
        rounds: u32,
        hash: Vec<u8>,
    },
    /// The states of the outer and the inner MD5 after the key.
    CramMd5(Vec<u8>),
    /// RFC 5802 section 3: `StoredKey` and `ServerKey`.
    Scram {
        scheme: Scheme,
        iterations: u32,
        salt: Vec<u8>,
        stored_key: Vec<u8>,
        server_key: Vec<u8>,
    },
    /// Left to Dovecot.
    ByDovecot { scheme: Scheme, data: Box<str> },
}

impl Check {
    /// Reads `{SCHEME}data`, in every spelling that Dovecot takes.
    pub(super) fn read(text: &str) -> Result<Self, Unrecognised> {
        let (name, data) = scheme::split(text).ok_or(Unrecognised::NoScheme)?;
        let (scheme, coding) = scheme::named(name).ok_or(Unrecognised::UnknownScheme)?;
        let check = Self::of(scheme, coding, data)?;
        if check.is_costly() {
            Err(Unrecognised::Costly(scheme))
        } else {
            Ok(check)
        }
    }

    /// Whether it asks for more time or memory than is borne.
    fn is_costly(&self) -> bool {
        match self {
            Self::Crypt(crypt) => crypt.is_costly(),
            Self::Argon2 { params, .. } => {
                let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
                params.m_cost() > MOST_MEMORY || work > MOST_WORK || params.p_cost() > MOST_LANES
            }
            Self::Pbkdf2 { rounds: times, .. }
            | Self::Scram {
                iterations: times, ..
            } => *times > MOST_ITERATIONS,
            _ => false,
        }
    }

    /// Reads the data of a scheme, whatever it costs.
    fn of(scheme: Scheme, coding: Coding, data: &str) -> Result<Self, Unrecognised> {
        if let Some((algorithm, salted)) = digest::of(scheme) {
            let octets = octets(data, coding, (!salted).then(|| algorithm.octets()), scheme)?;
            return digest_check(scheme, algorithm, salted, octets).ok_or(Unrecognised::Data(scheme));
        }
        match scheme {
            Scheme::CramMd5 => {
                let octets = octets(data, coding, Some(32), scheme)?;
                return (octets.len() == 32)
                    .then_some(Self::CramMd5(octets))
                    .ok_or(Unrecognised::Data(scheme));
            }
            Scheme::DigestMd5 => {
                let octets = octets(data, coding, Some(16), scheme)?;
                let data = digest::hex(&octets).into();
                return (octets.len() == 16)
                    .then_some(Self::ByDovecot { scheme, data })
                    .ok_or(Unrecognised::Data(scheme));
            }
            _ => {}
        }
        // All others are text, whatever their coding.
        let bare = match coding {
            Coding::Own => data.as_bytes().to_vec(),
            Coding::Base64 | Coding::Hex => octets(data, coding, None, scheme)?,
        };
        if scheme == Scheme::Plain {
            let can_be_typed = !bare.is_empty() && !bare.contains(&0);
            return can_be_typed
                .then_some(Self::Plain(bare))
                .ok_or(Unrecognised::Data(scheme));
        }
        let text = String::from_utf8(bare).map_err(|_| Unrecognised::Data(scheme))?;
        match scheme {
            Scheme::Argon2i | Scheme::Argon2id => argon2_check(&text).ok_or(Unrecognised::Data(scheme)),
            Scheme::Pbkdf2 => pbkdf2_check(&text).ok_or(Unrecognised::Data(scheme)),
            Scheme::ScramSha1 | Scheme::ScramSha256 => {
                scram_check(scheme, &text).ok_or(Unrecognised::Data(scheme))
            }
            Scheme::Otp | Scheme::PlainTrunc if is_printable(&text) => Ok(Self::ByDovecot {
                scheme,
                data: text.into(),
            }),
            Scheme::Otp | Scheme::PlainTrunc => Err(Unrecognised::Data(scheme)),
            // {MD5} is MD5-CRYPT or a bare MD5, in Dovecot too.
            Scheme::Md5Crypt if !text.starts_with('$') => Self::of(Scheme::PlainMd5, Coding::Own, &text),
            _ => Crypt::read(scheme, &text).map(Self::Crypt),
        }
    }

    /// Whether only Dovecot can compare it.
    pub(super) fn is_left_to_dovecot(&self) -> bool {
        match self {
            Self::Crypt(crypt) => crypt.is_elsewhere(),
            Self::ByDovecot { .. } => true,
            _ => false,
        }
    }

    /// Compares.
    pub(super) fn verify(&self, password: &[u8]) -> Verdict {
        match self {
            Self::Plain(right) => Verdict::of(right.ct_eq(password)),
            Self::Digest {
                algorithm,
                hash,
                salt,
                ..
            } => Verdict::of(algorithm.hash(&[password, salt]).ct_eq(hash)),
            Self::Crypt(crypt) => crypt.verify(password),
            Self::Argon2 {
                scheme,
                params,
                salt,
                hash,
                ..
            } => {
                let algorithm = match scheme {
                    Scheme::Argon2i => argon2::Algorithm::Argon2i,
                    _ => argon2::Algorithm::Argon2id,
                };
                let mut computed = vec![0; hash.len()];
                Argon2::new(algorithm, argon2::Version::V0x13, params.clone())
                    .hash_password_into(password, salt, &mut computed)
                    .map_or(Verdict::Unknown, |()| Verdict::of(computed.ct_eq(hash)))
            }
            Self::Pbkdf2 { salt, rounds, hash } => {
                let mut computed = [0; 20];
                pbkdf2::pbkdf2_hmac::<Sha1>(password, salt.as_bytes(), *rounds, &mut computed);
                Verdict::of(computed.ct_eq(hash))
            }
            Self::CramMd5(states) => Verdict::of(digest::cram_md5_states(password).ct_eq(states)),
            Self::Scram {
                scheme,
                iterations,
                salt,
                stored_key,
                server_key,
            } => {
                let (stored, server) = scram_keys(*scheme, password, salt, *iterations);
                Verdict::of(stored.ct_eq(stored_key) & server.ct_eq(server_key))
            }
            Self::ByDovecot { .. } => Verdict::Unknown,
        }
    }

    /// The one spelling, which every Dovecot reads.
    pub(super) fn write(&self) -> String {
        let base64 = |octets: &[u8]| base64::engine::general_purpose::STANDARD.encode(octets);
        match self {
            Self::Plain(octets) => match std::str::from_utf8(octets) {
                Ok(text) if !text.chars().any(char::is_control) => format!("{{PLAIN}}{text}"),
                _ => format!("{{PLAIN.B64}}{}", base64(octets)),
            },
            Self::Digest {
                scheme, hash, salt, ..
            } => match scheme {
                Scheme::PlainMd4 | Scheme::PlainMd5 => format!("{{{scheme}}}{}", digest::hex(hash)),
                _ => format!("{{{scheme}}}{}", base64(&[hash.as_slice(), salt].concat())),
            },
            Self::Crypt(crypt) => format!("{{{}}}{}", crypt.scheme(), crypt.as_str()),
            Self::Argon2 { scheme, text, .. } => format!("{{{scheme}}}{text}"),
            Self::Pbkdf2 { salt, rounds, hash } => {
                format!("{{{}}}$1${salt}${rounds}${}", Scheme::Pbkdf2, digest::hex(hash))
            }
            Self::CramMd5(states) => format!("{{{}}}{}", Scheme::CramMd5, digest::hex(states)),
            Self::Scram {
                scheme,
                iterations,
                salt,
                stored_key,
                server_key,
            } => format!(
                "{{{scheme}}}{iterations},{},{},{}",
                base64(salt),
                base64(stored_key),
                base64(server_key)
            ),
            Self::ByDovecot { scheme, data } => format!("{{{scheme}}}{data}"),
        }
    }
}

/// Octets from base64 or hexadecimal. Where the name does not say which, the length tells, as in Dovecot: `plain` octets are
/// so many in hexadecimal.
fn octets(data: &str, coding: Coding, plain: Option<usize>, scheme: Scheme) -> Result<Vec<u8>, Unrecognised> {
    let is_hex = match coding {
        Coding::Hex => true,
        Coding::Base64 => false,
        Coding::Own => plain.is_some_and(|octets| data.len() == octets * 2),
    };
    let read = if is_hex {
        digest::from_hex(data)
    } else {
        from_base64(data)
    };
    read.ok_or(Unrecognised::Data(scheme))
}

/// Reads base64, with its padding or without.
fn from_base64(data: &str) -> Option<Vec<u8>> {
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    const EITHER: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    EITHER.decode(data).ok()
}

fn digest_check(scheme: Scheme, algorithm: Algorithm, salted: bool, mut octets: Vec<u8>) -> Option<Check> {
    let hash_octets = algorithm.octets();
    // A salted hash without any salt is none: Dovecot refuses it too.
    let fits = if salted {
        octets.len() > hash_octets
    } else {
        octets.len() == hash_octets
    };
    fits.then(|| {
        let salt = octets.split_off(hash_octets);
        Check::Digest {
            scheme,
            algorithm,
            hash: octets,
            salt,
        }
    })
}

/// `$argon2id$v=19$m=65536,t=3,p=1$SALT$HASH`.
fn argon2_check(text: &str) -> Option<Check> {
    let mut parts = text.strip_prefix('$')?.split('$');
    let scheme = match parts.next()? {
        "argon2i" => Scheme::Argon2i,
        "argon2id" => Scheme::Argon2id,
        _ => return None,
    };
    if parts.next()? != "v=19" {
        return None;
    }
    let mut costs = parts.next()?.split(',');
    let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse::<u32>().ok();
    let (memory, passes, lanes) = (cost("m=")?, cost("t=")?, cost("p=")?);
    let (salt, hash) = (from_base64(parts.next()?)?, from_base64(parts.next()?)?);
    if parts.next().is_some() || !(8..=64).contains(&salt.len()) || !(16..=64).contains(&hash.len()) {
        return None;
    }
    let params = argon2::Params::new(memory, passes, lanes, Some(hash.len())).ok()?;
    Some(Check::Argon2 {
        scheme,
        text: text.into(),
        params,
        salt,
        hash,
    })
}

/// `$1$SALT$ROUNDS$HEX`
fn pbkdf2_check(text: &str) -> Option<Check> {
    let mut parts = text.strip_prefix("$1$")?.split('$');
    let (salt, rounds, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let (rounds, hash) = (rounds.parse::<u32>().ok()?, digest::from_hex(hash)?);
    if parts.next().is_some() || !is_printable(salt) || rounds == 0 || hash.len() != 20 {
        return None;
    }
    Some(Check::Pbkdf2 {
        salt: salt.into(),
        rounds,
        hash,
    })
}

/// `ITERATIONS,SALT,STORED-KEY,SERVER-KEY`
fn scram_check(scheme: Scheme, text: &str) -> Option<Check> {
    let mut parts = text.split(',');
    let iterations = parts.next()?.parse::<u32>().ok()?;
    let mut octets = || from_base64(parts.next()?);
    let (salt, stored_key, server_key) = (octets()?, octets()?, octets()?);
    let key_octets = if scheme == Scheme::ScramSha1 { 20 } else { 32 };
    let fits = [&stored_key, &server_key]
        .iter()
        .all(|key| key.len() == key_octets);
    if parts.next().is_some() || iterations == 0 || salt.is_empty() || !fits {
        return None;
    }
    Some(Check::Scram {
        scheme,
        iterations,
        salt,
        stored_key,
        server_key,
    })
}

/// `StoredKey` and `ServerKey` of a password (RFC 5802 section 3; like Dovecot, without preparing the password).
fn scram_keys(scheme: Scheme, password: &[u8], salt: &[u8], iterations: u32) -> (Vec<u8>, Vec<u8>) {
    macro_rules! keys {
        ($hash:ty, $octets:literal) => {{
            let mut salted = [0_u8; $octets];
            pbkdf2::pbkdf2_hmac::<$hash>(password, salt, iterations, &mut salted);
            let key = |label: &[u8]| {
                // A key of any length will do for HMAC.
                Hmac::<$hash>::new_from_slice(&salted)
                    .map(|mac| mac.chain_update(label).finalize().into_bytes())
                    .unwrap_or_default()
            };
            (
                <$hash>::digest(key(b"Client Key")).to_vec(),
                key(b"Server Key").to_vec(),
            )
        }};
    }
    if scheme == Scheme::ScramSha1 {
        keys!(Sha1, 20)
    } else {
        keys!(Sha256, 32)
    }
}

/// Whether all of it is visible ASCII or blanks.
fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}
