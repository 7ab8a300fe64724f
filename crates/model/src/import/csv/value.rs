//! What stands in single fields: switches, sizes, hosts.

use core::net::IpAddr;
use std::num::NonZeroU64;

use crate::directory::{DomainName, Quota};

/// Octets of a MB, as Dovecot counts it.
const MEGABYTE: u64 = 1 << 20;

/// Whether a word means yes: whatever else there is means no. And whether it is a usual word for what it means.
pub(super) fn switch(text: &str) -> (bool, bool) {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    let yes = is(&["true", "1", "yes", "y"]);
    (yes, yes || is(&["false", "0", "no", "n", ""]))
}

/// A size: MB in digits; or with a `B` behind, octets, for what is no whole number of MB. 0 is `Some(0)`.
pub(super) fn size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.strip_suffix('B') {
        Some(digits) => (digits, 1),
        None => (text, MEGABYTE),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let octets = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    i64::try_from(octets).is_ok().then_some(octets)
}

/// A size as [`size`] reads it.
pub(super) fn size_text(octets: u64) -> String {
    if octets.is_multiple_of(MEGABYTE) {
        (octets / MEGABYTE).to_string()
    } else {
        format!("{octets}B")
    }
}

/// A mailbox's quota: a size; nothing or 0 is the domain's default; `unlimited`.
pub(super) fn quota(text: &str) -> Option<Quota> {
    if text.is_empty() {
        return Some(Quota::OfDomain);
    }
    if text.eq_ignore_ascii_case("unlimited") {
        return Some(Quota::Unlimited);
    }
    Some(NonZeroU64::new(size(text)?).map_or(Quota::OfDomain, Quota::Octets))
}

/// A quota as [`quota`] reads it.
pub(super) fn quota_text(quota: Quota) -> String {
    match quota {
        Quota::OfDomain => "0".into(),
        Quota::Unlimited => "unlimited".into(),
        Quota::Octets(octets) => size_text(octets.get()),
    }
}

/// How the file says that a relay domain's mail follows its MX records.
pub(super) const BY_MX: &str = "(MX)";

/// A host by name or address, in brackets or not, normalised.
pub(super) fn host(text: &str) -> Option<String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    if let Ok(name) = DomainName::parse(bare) {
        return Some(name.to_string());
    }
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = (1..=63).contains(&bare.len())
        && bare.bytes().all(is_fine)
        && !bare.bytes().all(|byte| byte.is_ascii_digit())
        && !bare.starts_with('-')
        && !bare.ends_with('-');
    is_label.then(|| bare.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, octets) in [
            ("0", Some(0)),
            ("100", Some(100 * MEGABYTE)),
            ("500000B", Some(500_000)),
            ("1_000", None),
            ("+100", None),
            ("-1", None),
            ("1.5", None),
            ("١٢", None),
            ("ten", None),
            ("", None),
            ("B", None),
            ("99999999999999999999", None),
            ("8796093022208", None),
        ] {
            assert_eq!(size(text), octets, "{text}");
            if let Some(octets) = octets {
                assert_eq!(size(&size_text(octets)), Some(octets));
            }
        }
        for quota_there in [
            Quota::OfDomain,
            Quota::Unlimited,
            Quota::Octets(NonZeroU64::new(77).unwrap()),
        ] {
            assert_eq!(quota(&quota_text(quota_there)), Some(quota_there));
        }
    }

    #[test]
    fn hosts() {
        for (text, found) in [
            ("192.0.2.10", Some("192.0.2.10")),
            ("[192.0.2.10]", Some("192.0.2.10")),
            ("2001:DB8::1", Some("2001:db8::1")),
            ("MX.Remote.net.", Some("mx.remote.net")),
            ("mailhost", Some("mailhost")),
            ("", None),
            ("12", None),
            ("mail host", None),
            ("mx:25", None),
            ("a\nb", None),
        ] {
            assert_eq!(host(text).as_deref(), found, "{text:?}");
        }
    }
}
