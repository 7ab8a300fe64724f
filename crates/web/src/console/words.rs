//! Numbers, sizes and times as people read them.

use transhume_model::mail::InternalDate;

/// `1204567` → `1,204,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1` → `1 message`, `2` → `2 messages`.
pub(super) fn so_many(number: u64, one: &str, several: &str) -> String {
    let what = if number == 1 { one } else { several };
    format!("{} {what}", count(number))
}

/// Octets in the unit that gives a short number: `1.4 GB`. A unit is a thousand of the one before.
pub(super) fn octets(octets: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if octets < 1000 {
        return format!("{octets} B");
    }
    let mut tenths = octets / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    let name = UNITS.get(unit).unwrap_or(&"kB");
    if tenths < 100 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", tenths / 10)
    }
}

/// How long, in seconds, as a person would say it.
pub(super) fn span(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min"),
        3600..86_400 => format!("{hours} h {:02} min", minutes % 60),
        _ => so_many(seconds / 86_400, "day", "days"),
    }
}

/// A moment in seconds since 1970 UTC, to the minute: `2026-11-24 02:10 UTC`.
pub(super) fn moment(at: i64) -> String {
    let text = InternalDate::from_unix(at).to_string();
    match text.get(..16) {
        Some(minute) => format!("{minute} UTC"),
        None => text,
    }
}

/// The same as machines read it (RFC 3339).
pub(super) fn machine_moment(at: i64) -> String {
    let text = InternalDate::from_unix(at).to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day}T{time}Z"),
        _ => text,
    }
}

/// A moment, as far from now as it is: `5 min ago`, `in 5 min`.
pub(super) fn from_now(at: i64, now: i64) -> String {
    let apart = span(at.abs_diff(now));
    if at.abs_diff(now) < 5 {
        "now".to_owned()
    } else if at < now {
        format!("{apart} ago")
    } else {
        format!("in {apart}")
    }
}

/// The first letter large, as a sentence begins.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_204_567, "1,204,567")] {
            assert_eq!(count(number), text);
        }
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_999, "9.9 kB"),
            (10_000, "10 kB"),
            (999_999, "999 kB"),
            (1_440_000_000, "1.4 GB"),
            (23_000_000_000_000, "23 TB"),
            (u64::MAX, "18446 PB"),
        ] {
            assert_eq!(octets(number), text);
        }
        assert_eq!(so_many(1, "message", "messages"), "1 message");
        assert_eq!(so_many(1200, "message", "messages"), "1,200 messages");
    }

    #[test]
    fn times() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (7_500, "2 h 05 min"),
            (86_400, "1 day"),
            (200_000, "2 days"),
        ] {
            assert_eq!(span(seconds), text);
        }
        assert_eq!(moment(1_000_000_000), "2001-09-09 01:46 UTC");
        assert_eq!(machine_moment(1_000_000_000), "2001-09-09T01:46:40Z");
        for (at, text) in [
            (1000, "now"),
            (700, "5 min ago"),
            (1300, "in 5 min"),
            (996, "now"),
        ] {
            assert_eq!(from_now(at, 1000), text);
        }
        assert_eq!(sentence("über alles"), "Über alles");
    }
}
