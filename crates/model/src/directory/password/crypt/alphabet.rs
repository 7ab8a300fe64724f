//! The alphabet of crypt(3), in which all of its methods but bcrypt write: six bits for a character, the lowest first.

const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The character of six bits.
pub(super) fn digit(bits: u32) -> char {
    char::from(DIGITS[(bits & 63) as usize])
}

/// The six bits of a character.
pub(super) fn value(byte: u8) -> Option<u32> {
    let place = DIGITS.iter().position(|digit| *digit == byte)?;
    u32::try_from(place).ok()
}

/// Whether the character is one of the alphabet.
pub(super) fn has(byte: u8) -> bool {
    value(byte).is_some()
}

/// Appends so many characters of a number, the lowest bits first.
pub(super) fn push(text: &mut String, mut bits: u32, characters: usize) {
    for _ in 0..characters {
        text.push(digit(bits));
        bits >>= 6;
    }
}

/// Appends octets in threes, as MD5-CRYPT and the SHA methods order them: each group's first octet is the highest.
pub(super) fn push_groups(text: &mut String, octets: &[u8], groups: &[[usize; 3]]) {
    for group in groups {
        let bits = group
            .iter()
            .fold(0, |bits, place| bits << 8 | u32::from(octets[*place]));
        push(text, bits, 4);
    }
}

/// A salt of so many characters, from random octets: the low six bits of each.
pub(super) fn salt(random: &[u8]) -> String {
    random.iter().map(|octet| digit(u32::from(*octet))).collect()
}
