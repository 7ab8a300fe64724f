//! Encodings the kit needs on both sides of the wire: modified UTF-7, base64, hexadecimal, dates.
//! Written here on purpose, so that no fault is shared with what is tested.

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..group.len()].copy_from_slice(group);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            if place <= group.len() {
                let index = (bits >> (18 - 6 * place)) & 63;
                out.push(char::from(BASE64[index as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// Base64, padding optional, white space ignored; `None` for any other character.
pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=')
    {
        let value = BASE64.iter().position(|known| *known == byte)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(out)
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").unwrap();
        out
    })
}

/// The inverse of [`hex`].
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

/// Modified UTF-7 (RFC 3501, 5.1.3).
pub fn mutf7_encode(name: &str) -> String {
    fn flush(out: &mut String, pending: &mut Vec<u8>) {
        if !pending.is_empty() {
            out.push('&');
            out.push_str(&base64(pending).trim_end_matches('=').replace('/', ","));
            out.push('-');
            pending.clear();
        }
    }
    let (mut out, mut pending) = (String::new(), Vec::new());
    for ch in name.chars() {
        if (' '..='~').contains(&ch) {
            flush(&mut out, &mut pending);
            out.push(ch);
            if ch == '&' {
                out.push('-');
            }
        } else {
            let mut units = [0; 2];
            pending.extend(
                ch.encode_utf16(&mut units)
                    .iter()
                    .flat_map(|unit| unit.to_be_bytes()),
            );
        }
    }
    flush(&mut out, &mut pending);
    out
}

/// Decodes modified UTF-7; `None` where the text is not valid.
pub fn mutf7_decode(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let end = at + rest[at..].find('-')?;
        let inner = &rest[at + 1..end];
        if inner.is_empty() {
            out.push('&');
        } else {
            let bytes = unbase64(&inner.replace(',', "/"))?;
            if !bytes.len().is_multiple_of(2) {
                return None;
            }
            let units: Vec<u16> = bytes
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect();
            out.push_str(&String::from_utf16(&units).ok()?);
        }
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    out.chars().all(|ch| ch != '\u{fffd}').then_some(out)
}

/// A header word as RFC 2047 base64 UTF-8, in as many encoded words as its length needs.
pub fn encoded_word(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut part = String::new();
    for ch in text.chars() {
        // An encoded word has at most 75 characters: 45 bytes of text.
        if part.len() + ch.len_utf8() > 42 {
            words.push(std::mem::take(&mut part));
        }
        part.push(ch);
    }
    words.push(part);
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("=?UTF-8?B?{}?=", base64(word.as_bytes())))
        .collect();
    words.join("\n ")
}

/// Days since 1970-01-01 of a date in the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month (1 to 12) and day of a number of days since 1970-01-01.
fn civil_from_days(days: i64) -> (i64, usize, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (
        year,
        usize::try_from(month).unwrap(),
        of_year - (153 * shifted + 2) / 5 + 1,
    )
}

fn clock(seconds: i64) -> String {
    let of_day = seconds.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60)
}

/// A date as in a `Date:` header, in UTC.
pub fn rfc2822_date(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400);
    let (year, month, day) = civil_from_days(days);
    let name = DAYS[usize::try_from(days.rem_euclid(7)).unwrap()];
    format!(
        "{name}, {day:02} {} {year:04} {} +0000",
        MONTHS[month - 1],
        clock(seconds)
    )
}

/// A date as in INTERNALDATE, in UTC, without quotes.
pub fn imap_date(seconds: i64) -> String {
    let (year, month, day) = civil_from_days(seconds.div_euclid(86_400));
    format!("{day:2}-{}-{year:04} {} +0000", MONTHS[month - 1], clock(seconds))
}

/// Reads an INTERNALDATE (`dd-Mon-yyyy hh:mm:ss +zzzz`) as Unix seconds.
pub fn parse_imap_date(text: &str) -> Option<i64> {
    if text.len() != 26 || !text.is_ascii() {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].trim_start().parse::<i64>().ok();
    let month = MONTHS.iter().position(|name| *name == &text[3..6])?;
    let days = days_from_civil(number(7, 11)?, i64::try_from(month).ok()? + 1, number(0, 2)?);
    let time = number(12, 14)? * 3600 + number(15, 17)? * 60 + number(18, 20)?;
    let zone = number(22, 24)? * 3600 + number(24, 26)? * 60;
    let zone = match &text[21..22] {
        "+" => zone,
        "-" => -zone,
        _ => return None,
    };
    Some(days * 86_400 + time - zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, wire) in [
            ("Entwürfe", "Entw&APw-rfe"),
            ("R&D", "R&-D"),
            ("日本語", "&ZeVnLIqe-"),
            ("😀", "&2D3eAA-"),
            ("plain", "plain"),
            ("", ""),
        ] {
            assert_eq!(mutf7_encode(name), wire);
            assert_eq!(mutf7_decode(wire).as_deref(), Some(name));
        }
        assert_eq!(mutf7_decode("a&b"), None);
        assert_eq!(mutf7_decode("&ZeU*-"), None);
    }

    #[test]
    fn base64_and_hex() {
        for text in ["", "f", "fo", "foo", "foob", "fooba", "foobar"] {
            assert_eq!(unbase64(&base64(text.as_bytes())).unwrap(), text.as_bytes());
        }
        assert_eq!(base64(b"fooba"), "Zm9vYmE=");
        assert_eq!(unhex(&hex(&[0, 255, 16])).unwrap(), [0, 255, 16]);
    }

    #[test]
    fn dates() {
        assert_eq!(rfc2822_date(0), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(rfc2822_date(1_709_210_096), "Thu, 29 Feb 2024 12:34:56 +0000");
        assert_eq!(parse_imap_date("29-Feb-2024 14:34:56 +0200"), Some(1_709_210_096));
        for seconds in [0, 86_399, 172_800, 951_782_400, 2_147_483_648, 2_208_988_800, -1] {
            assert_eq!(parse_imap_date(&imap_date(seconds)), Some(seconds));
        }
    }
}
