//! Where a server is: a host name, or an IP address.

use core::net::{IpAddr, Ipv6Addr};
use std::fmt;

/// Longest host name, in octets (RFC 1035 section 2.3.4, without the trailing dot).
const LIMIT: usize = 253;

/// A text that does not name a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostProblem {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// A URL, or a name with something behind it.
    #[error(
        "“{0}” is more than a host: write only its name (like mail.example.org) or IP address; the port stands apart"
    )]
    More(String),
    /// Neither a name nor an address.
    #[error("“{0}” is neither a host name (like mail.example.org) nor an IP address")]
    Neither(String),
    /// Longer than names may be.
    #[error("it is longer than {LIMIT} octets")]
    TooLong,
}

/// A host: its name in lower case and A-labels (RFC 5890), without a trailing dot; or its IP address. A name may have one
/// label, as hosts of one's own network do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(Box<str>);

impl HostName {
    /// Reads a host as a person writes it: a name in any case and script, with or without the trailing dot; an IPv4 address;
    /// an IPv6 address, with or without brackets.
    pub fn parse(text: &str) -> Result<Self, HostProblem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(HostProblem::Empty);
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(text);
        if let Ok(address) = bare.parse::<Ipv6Addr>() {
            return Ok(Self(address.to_string().into()));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_string().into()));
        }
        let shown: String = text.chars().filter(|letter| !letter.is_control()).collect();
        if text.contains([':', '/', '@']) {
            return Err(HostProblem::More(shown));
        }
        let neither = || HostProblem::Neither(shown.clone());
        let bare = text.strip_suffix('.').unwrap_or(text);
        let name =
            idna::domain_to_ascii_cow(bare.as_bytes(), idna::AsciiDenyList::STD3).map_err(|_| neither())?;
        if name.len() > LIMIT {
            return Err(HostProblem::TooLong);
        }
        let is_label =
            |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
        // An address that is none (192.0.2.999) would otherwise be a name.
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
        if is_number || !name.split('.').all(is_label) {
            return Err(neither());
        }
        Ok(Self(name.into()))
    }

    /// The name or address; an IPv6 address without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_one_spelling() {
        for (text, host) in [
            ("mail.example.org", Some("mail.example.org")),
            (" Mail.Example.ORG. ", Some("mail.example.org")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("localhost", Some("localhost")),
            ("192.0.2.7", Some("192.0.2.7")),
            ("2001:DB8:0:0::7", Some("2001:db8::7")),
            ("[2001:db8::7]", Some("2001:db8::7")),
            ("", None),
            ("not a host name!", None),
            ("192.0.2.999", None),
            ("imaps://mail.example.org", None),
            ("mail.example.org:993", None),
            ("mail.example.org/INBOX", None),
            ("user@mail.example.org", None),
            ("mail.example.org\nremoteuser = eve", None),
            ("-a.example", None),
            ("a..example", None),
            ("a_b.example", None),
            ("[192.0.2.7]", None),
        ] {
            let parsed = HostName::parse(text).ok();
            assert_eq!(parsed.as_ref().map(HostName::as_str), host, "{text:?}");
        }
        let shown = HostProblem::More(String::new()).to_string();
        assert!(shown.contains("port"), "{shown}");
        let problem = HostName::parse("a\n/b").unwrap_err().to_string();
        assert!(!problem.contains('\n'), "{problem:?}");
        assert_eq!(HostName::parse(&"a.".repeat(130)), Err(HostProblem::TooLong));
    }
}
