//! INTERNALDATE on the wire (RFC 9051 section 9, `date-time`).

use transhume_model::mail::InternalDate;

use super::cursor::number;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Reads `17-Jul-1996 02:44:25 -0700`; the day padded by a zero, a blank or nothing, the zone also as `GMT`,
/// `UTC`, `UT` or `Z`. `None` for anything else: a date without a zone says nothing certain.
pub(crate) fn internal_date(text: &[u8]) -> Option<InternalDate> {
    let text = std::str::from_utf8(text).ok()?;
    let mut fields = text.split_ascii_whitespace();
    let (date, time, zone) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let [day, month, year] = split(date, '-')?;
    let month = MONTHS
        .iter()
        .zip(1..)
        .find(|(name, _)| name.eq_ignore_ascii_case(month))?
        .1;
    let year = i32::try_from(number(year.as_bytes())?)
        .ok()
        .filter(|year| *year <= 9999)?;
    let [hour, minute, second] = split(time, ':')?;
    InternalDate::from_civil(
        (year, month, small(day)?),
        (small(hour)?, small(minute)?, small(second)?),
        offset_minutes(zone)?,
    )
}

fn split(text: &str, separator: char) -> Option<[&str; 3]> {
    let mut parts = text.split(separator);
    let found = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

fn small(digits: &str) -> Option<u8> {
    number(digits.as_bytes())?.try_into().ok()
}

fn offset_minutes(zone: &str) -> Option<i32> {
    if ["GMT", "UTC", "UT", "Z"]
        .iter()
        .any(|name| name.eq_ignore_ascii_case(zone))
    {
        return Some(0);
    }
    let (sign, digits) = match zone.as_bytes() {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if digits.len() != 4 || minutes > 59 {
        return None;
    }
    i32::try_from(hours * 60 + minutes)
        .ok()
        .map(|minutes| sign * minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_as_servers_write_them() {
        let unix = |text: &str| internal_date(text.as_bytes()).map(InternalDate::unix);
        assert_eq!(unix("17-Jul-1996 02:44:25 -0700"), Some(837_596_665));
        for first in [
            " 1-Jan-2001 00:00:00 +0000",
            "01-Jan-2001 00:00:00 +0000",
            "1-jan-2001 00:00:00 GMT",
            "1-Jan-2001 01:30:00 +0130 ",
        ] {
            assert_eq!(unix(first), Some(978_307_200), "{first}");
        }
        assert_eq!(unix("30-Dec-1899 00:00:00 +0000"), Some(-2_209_161_600));
        assert_eq!(unix("01-Jun-2040 00:00:00 +0530"), Some(2_222_101_800));
        for bad in [
            "",
            "00-Jan-0000 00:00:00 +0000",
            "32-Jan-2001 00:00:00 +0000",
            "01-Foo-2001 00:00:00 +0000",
            "01-Jan-2001 00:00:00",
            "01-Jan-2001 00:00:00 +00",
            "01-Jan-2001 00:00:00 +é000",
            "01-Jan-2001 00:00:00 +0000 x",
            "01-Jan-99999999999 00:00:00 +0000",
            "Mon, 1 Jan 2001 00:00:00 +0000",
        ] {
            assert_eq!(unix(bad), None, "{bad}");
        }
    }
}
