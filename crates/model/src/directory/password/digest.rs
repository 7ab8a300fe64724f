//! Plain digests, hexadecimal, and the states of CRAM-MD5.

use md4::Md4;
use md5::Md5;
use md5::block_api::compress;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::scheme::Scheme;

/// The state with which MD5 begins (RFC 1321 section 3.3).
const MD5_BEGIN: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
/// What MD5 takes at a time, in octets.
const MD5_BLOCK: usize = 64;

/// What is computed over a password and its salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md4,
    Md5,
    Sha1,
    Sha256,
    Sha512,
}

impl Algorithm {
    /// Octets of its result.
    pub(super) fn octets(self) -> usize {
        match self {
            Self::Md4 | Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The digest of all parts, one after the other.
    pub(super) fn hash(self, parts: &[&[u8]]) -> Vec<u8> {
        let whole = parts.concat();
        match self {
            Self::Md4 => Md4::digest(whole).to_vec(),
            Self::Md5 => Md5::digest(whole).to_vec(),
            Self::Sha1 => Sha1::digest(whole).to_vec(),
            Self::Sha256 => Sha256::digest(whole).to_vec(),
            Self::Sha512 => Sha512::digest(whole).to_vec(),
        }
    }
}

/// For the schemes that are one digest: which, and whether a salt follows it.
pub(super) fn of(scheme: Scheme) -> Option<(Algorithm, bool)> {
    Some(match scheme {
        Scheme::PlainMd4 => (Algorithm::Md4, false),
        Scheme::PlainMd5 | Scheme::LdapMd5 => (Algorithm::Md5, false),
        Scheme::Smd5 => (Algorithm::Md5, true),
        Scheme::Sha => (Algorithm::Sha1, false),
        Scheme::Ssha => (Algorithm::Sha1, true),
        Scheme::Sha256 => (Algorithm::Sha256, false),
        Scheme::Ssha256 => (Algorithm::Sha256, true),
        Scheme::Sha512 => (Algorithm::Sha512, false),
        Scheme::Ssha512 => (Algorithm::Sha512, true),
        _ => return None,
    })
}

/// The states of MD5 after the block that a password makes of the outer and of the inner key of HMAC (RFC 2104): all that
/// CRAM-MD5 needs. Outer first, each in little-endian order.
pub(super) fn cram_md5_states(password: &[u8]) -> Vec<u8> {
    let key = if password.len() > MD5_BLOCK {
        Md5::digest(password).to_vec()
    } else {
        password.to_vec()
    };
    let mut states = Vec::with_capacity(32);
    for pad in [0x5c, 0x36] {
        let mut block = [pad; MD5_BLOCK];
        for (octet, key) in block.iter_mut().zip(&key) {
            *octet ^= key;
        }
        let mut state = MD5_BEGIN;
        compress(&mut state, &[block]);
        states.extend(state.iter().flat_map(|word| word.to_le_bytes()));
    }
    states
}

/// Writes hexadecimal, in lower case.
pub(super) fn hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    octets
        .iter()
        .flat_map(|octet| [octet >> 4, octet & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Reads hexadecimal, in any case.
pub(super) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes = text.as_bytes();
    if bytes.is_empty() || !bytes.len().is_multiple_of(2) {
        return None;
    }
    bytes
        .chunks_exact(2)
        .map(|pair| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok())
        .collect()
}
