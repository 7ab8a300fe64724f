//! Modified UTF-7, the encoding of mailbox names on the wire (RFC 3501 section 5.1.3) and on Dovecot's disk.

use base64::alphabet::IMAP_MUTF7;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &IMAP_MUTF7,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// Encodes a name. ASCII from blank to tilde stands for itself, but `&` is `&-`; all else is UTF-16 in Base64.
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut shifted: Vec<u8> = Vec::new();
    for c in name.chars() {
        if matches!(c, ' '..='~') {
            flush(&mut out, &mut shifted);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                shifted.extend(unit.to_be_bytes());
            }
        }
    }
    flush(&mut out, &mut shifted);
    out
}

fn flush(out: &mut String, shifted: &mut Vec<u8>) {
    if !shifted.is_empty() {
        out.push('&');
        out.push_str(&BASE64.encode(&*shifted));
        out.push('-');
        shifted.clear();
    }
}

/// Decodes a name. `None` where it is not modified UTF-7: a bad shift sequence, half a surrogate, or a byte
/// outside of ASCII (some servers send bare UTF-8 or Latin-1; what to make of those is the caller's to say).
pub fn decode(name: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'&' => {
                let end = rest.iter().position(|&byte| byte == b'-')?;
                let (shifted, tail) = rest.split_at(end);
                rest = &tail[1..];
                if shifted.is_empty() {
                    out.push('&');
                } else {
                    decode_shifted(shifted, &mut out)?;
                }
            }
            b' '..=b'~' => out.push(char::from(byte)),
            _ => return None,
        }
    }
    Some(out)
}

fn decode_shifted(shifted: &[u8], out: &mut String) -> Option<()> {
    let bytes = BASE64.decode(shifted).ok()?;
    let (units, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    let units = units.iter().map(|&unit| u16::from_be_bytes(unit));
    for c in char::decode_utf16(units) {
        out.push(c.ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_names() {
        for (name, encoded) in [
            ("Entwürfe", "Entw&APw-rfe"),
            ("R&D", "R&-D"),
            ("日本語", "&ZeVnLIqe-"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("📮", "&2D3c7g-"),
        ] {
            assert_eq!(encode(name), encoded);
            assert_eq!(decode(encoded.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn refuses_what_is_not_modified_utf7() {
        for bad in [
            &b"&"[..],
            b"&AP",
            b"&A-",
            b"&2D0-",
            b"caf\xc3\xa9",
            b"&!!-",
            b"a\tb",
        ] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_name_comes_back(name in "\\PC*") {
            prop_assert_eq!(decode(encode(&name).as_bytes()), Some(name));
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = decode(&bytes);
        }
    }
}
