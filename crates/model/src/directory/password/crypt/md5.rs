//! MD5-CRYPT (`$1$SALT$HASH`), as Poul-Henning Kamp made it for FreeBSD in 1994: a thousand rounds of MD5.

use super::super::digest::Algorithm::Md5;
use super::alphabet;

const ROUNDS: usize = 1000;
const LONGEST_SALT: usize = 8;
/// How the result's octets are ordered.
const GROUPS: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// The salt of a text that is well formed.
pub(super) fn read(text: &str) -> Option<&str> {
    let (salt, hash) = text.strip_prefix("$1$")?.split_once('$')?;
    let fits = salt.len() <= LONGEST_SALT
        && salt.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
        && hash.len() == 22
        && hash.bytes().all(alphabet::has);
    fits.then_some(salt)
}

/// The text of a password.
pub(super) fn text(password: &[u8], salt: &str) -> String {
    let salt_octets = salt.as_bytes();
    let alternate = Md5.hash(&[password, salt_octets, password]);
    let mut first = [password, b"$1$", salt_octets].concat();
    first.extend(alternate.iter().cycle().take(password.len()));
    // For each bit of the length a NUL or the password's first octet: an accident of the first program, kept by all.
    let mut length = password.len();
    while length > 0 {
        first.push(if length & 1 == 1 { 0 } else { password[0] });
        length >>= 1;
    }
    let mut result = Md5.hash(&[&first]);
    for round in 0..ROUNDS {
        let odd = round & 1 == 1;
        let none: &[u8] = &[];
        result = Md5.hash(&[
            if odd { password } else { &result },
            if round % 3 == 0 { none } else { salt_octets },
            if round % 7 == 0 { none } else { password },
            if odd { &result } else { password },
        ]);
    }
    let mut text = format!("$1${salt}$");
    alphabet::push_groups(&mut text, &result, &GROUPS);
    alphabet::push(&mut text, u32::from(result[11]), 2);
    text
}
