//! Forms as they are sent (`application/x-www-form-urlencoded`), octet by octet: what somebody typed need not be UTF-8.

use std::fmt::Write as _;

/// The value of a field; the first one where there are several, nothing where there is none.
pub(crate) fn field(body: &[u8], name: &str) -> Vec<u8> {
    let pairs = body.split(|octet| *octet == b'&').map(|pair| {
        let at = pair.iter().position(|octet| *octet == b'=').unwrap_or(pair.len());
        (&pair[..at], pair.get(at + 1..).unwrap_or_default())
    });
    let mut values = pairs.filter(|(key, _)| decoded(key) == name.as_bytes());
    values.next().map(|(_, value)| decoded(value)).unwrap_or_default()
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    let mut octets = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(octet) = text.get(at) {
        let escaped = (*octet == b'%')
            .then(|| digit(at + 1).zip(digit(at + 2)))
            .flatten();
        if let Some(escaped) = escaped.and_then(|(high, low)| u8::try_from(16 * high + low).ok()) {
            octets.push(escaped);
            at += 3;
        } else {
            octets.push(if *octet == b'+' { b' ' } else { *octet });
            at += 1;
        }
    }
    octets
}

/// A value on a line of its own, as Dovecot's script reads it.
pub(crate) fn encoded(value: &[u8]) -> String {
    value.iter().fold(String::new(), |mut text, octet| {
        if octet.is_ascii_alphanumeric() || b"-_.@".contains(octet) {
            text.push(char::from(*octet));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{octet:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_octets() {
        let body = b"user=a%40b&password=%fc%25+x%&ip=1%2&password=second&empty=&%75%73=r&flag";
        for (name, value) in [
            ("user", b"a@b".as_slice()),
            ("password", b"\xfc% x%"),
            ("ip", b"1%2"),
            ("empty", b""),
            ("us", b"r"),
            ("flag", b""),
            ("missing", b""),
        ] {
            assert_eq!(field(body, name), value, "{name}");
        }
        assert_eq!(field(b"", "user"), b"");
    }

    #[test]
    fn what_is_encoded_is_read_again_and_is_one_line() {
        let all: Vec<u8> = (0..=255).collect();
        let text = encoded(&all);
        assert!(text.bytes().all(|octet| octet.is_ascii_graphic()) && !text.contains('='));
        assert_eq!(decoded(text.as_bytes()), all);
    }
}
