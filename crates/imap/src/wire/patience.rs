//! When a server asks to be left alone for a while, and for how long (RFC 5530, and what servers say instead).

use std::time::Duration;

use super::Code;

/// Longest time that is believed: who writes more means "not today".
const LONGEST: Duration = Duration::from_hours(24);

/// A server that works, but not now, or not for so many at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// What there is too little of.
    pub shortage: Shortage,
    /// How long the server asks to wait, where it says so.
    pub retry_after: Option<Duration>,
}

/// What there is too little of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Connections: there are as many as the server allows this user or this address.
    Connections,
    /// Commands, or octets, in a time.
    Rate,
    /// The mailbox: somebody else works on it (`INUSE`).
    Mailbox,
    /// The service itself, or a part of it (`UNAVAILABLE`).
    Service,
}

/// How servers say that there are too many connections, in small letters.
const TOO_MANY_CONNECTIONS: [&str; 7] = [
    "maximum number of connections",
    "maximum connection limit",
    "connection limit",
    "simultaneous connections",
    "concurrent connections",
    "too many connections",
    "too many open connections",
];

/// How they say that too much was asked, in small letters.
const TOO_FAST: [&str; 5] = [
    "throttled",
    "rate limit",
    "backoff time",
    "bandwidth limit",
    "too many requests",
];

impl Patience {
    /// Whether a refusal, or a good-bye, asks for patience. The words count for more than the code: servers send the
    /// first code that comes to mind with them, or none.
    pub fn asked(code: Option<&Code>, text: &str) -> Option<Self> {
        let words = text.to_ascii_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
        let shortage = match code {
            _ if says(&TOO_MANY_CONNECTIONS) => Shortage::Connections,
            Some(Code::Throttled | Code::Limit) => Shortage::Rate,
            _ if says(&TOO_FAST) => Shortage::Rate,
            Some(Code::InUse) => Shortage::Mailbox,
            Some(Code::Unavailable) => Shortage::Service,
            _ => return None,
        };
        Some(Self {
            shortage,
            retry_after: time_in(&words),
        })
    }
}

/// The first time in a text: a number and its unit, in small letters.
fn time_in(words: &str) -> Option<Duration> {
    let mut number: Option<u64> = None;
    for word in words.split(|c: char| !c.is_ascii_alphanumeric()) {
        if word.is_empty() {
            continue;
        }
        let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        // `300ms` is as good as `300 ms`.
        let (figure, unit) = word.split_at(digits);
        if !figure.is_empty() {
            number = figure.parse().ok();
        }
        if unit.is_empty() {
            continue;
        }
        if let (Some(number), Some(milliseconds)) = (number.take(), milliseconds(unit)) {
            let time = Duration::from_millis(number.saturating_mul(milliseconds));
            return Some(time.min(LONGEST));
        }
    }
    None
}

fn milliseconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "ms" | "msec" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_in_words() {
        for (text, expected) in [
            ("suggested backoff time: 299 milliseconds", Some(299)),
            ("try again in 5 minutes.", Some(300_000)),
            ("wait 30s", Some(30_000)),
            ("limit 10 (of 16 connections), 1 hour", Some(3_600_000)),
            ("400 days, or 99999999999999 hours", Some(86_400_000)),
            ("99999999999999999999999 seconds", None),
            ("mail_max_userip_connections=10", None),
            ("10, then some seconds", None),
            ("", None),
        ] {
            assert_eq!(time_in(text), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn words_and_codes() {
        let shortage =
            |code: Option<Code>, text: &str| Patience::asked(code.as_ref(), text).map(|p| p.shortage);
        for (code, text, expected) in [
            (
                Some(Code::Alert),
                "Too many simultaneous connections. (Failure)",
                Some(Shortage::Connections),
            ),
            (
                Some(Code::Unavailable),
                "Maximum number of connections from user+IP exceeded",
                Some(Shortage::Connections),
            ),
            (
                Some(Code::Limit),
                "Too many concurrent connections",
                Some(Shortage::Connections),
            ),
            (
                Some(Code::Limit),
                "UID FETCH Rate limit hit.",
                Some(Shortage::Rate),
            ),
            (Some(Code::Throttled), "", Some(Shortage::Rate)),
            (
                None,
                "Account exceeded command or bandwidth limits.",
                Some(Shortage::Rate),
            ),
            (Some(Code::InUse), "Mailbox is locked", Some(Shortage::Mailbox)),
            (
                Some(Code::Unavailable),
                "Internal error occurred",
                Some(Shortage::Service),
            ),
            (Some(Code::AuthenticationFailed), "Too many bad passwords", None),
            (Some(Code::OverQuota), "Quota exceeded", None),
            (None, "Session expired, please login again", None),
            (None, "", None),
        ] {
            assert_eq!(shortage(code, text), expected, "{text}");
        }
    }
}
