//! Names, normalised once: domain names, addresses, logins.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// Longest domain name, in octets (RFC 1035 section 2.3.4, without the trailing dot).
const DOMAIN_LIMIT: usize = 253;
/// Longest local part, in octets (RFC 5321 section 4.5.3.1.1).
const LOCAL_LIMIT: usize = 64;
/// Longest address, in octets (RFC 5321 section 4.5.3.1.3, a path without its angle brackets).
const ADDRESS_LIMIT: usize = 254;
/// Characters of an unquoted local part beside letters and digits (RFC 5321 section 4.1.2: `Atom`, and the dot).
const LOCAL_SPECIALS: &str = "!#$%&'*+-/=?^_`{|}~.";

/// A text that cannot be the name it should be. It says what is wrong; where the text stands is for the caller to say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameProblem {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// A domain name of one label, or with an empty label, or characters that no domain name has.
    #[error("“{0}” is not a domain name (like example.org)")]
    Domain(String),
    /// Longer than names may be.
    #[error("it is longer than {limit} octets")]
    TooLong {
        /// Octets allowed.
        limit: usize,
    },
    /// No `@`, or nothing on one side of it.
    #[error("“{0}” is not an address (like name@example.org)")]
    Address(String),
    /// A local part with characters that would need quoting, or a dot where none may be.
    #[error(
        "“{0}” cannot stand before the @ of an address: it may hold letters, digits, and {LOCAL_SPECIALS}, and no dot at \
             either end or beside another"
    )]
    LocalPart(String),
    /// A login with blanks or control characters.
    #[error("“{0}” cannot be a login name: it may hold neither blanks nor control characters")]
    Login(String),
}

/// A domain name in lower case, ASCII-compatible encoding (RFC 5890: A-labels), without a trailing dot; at least two
/// labels.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Box<str>);

impl DomainName {
    /// Reads a domain name as a person writes it: in any case, in Unicode or not, with or without the trailing dot, with
    /// blanks around it.
    pub fn parse(text: &str) -> Result<Self, NameProblem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameProblem::Empty);
        }
        let bare = text.strip_suffix('.').unwrap_or(text);
        let refused = || NameProblem::Domain(text.to_owned());
        let name =
            idna::domain_to_ascii_cow(bare.as_bytes(), idna::AsciiDenyList::STD3).map_err(|_| refused())?;
        if name.len() > DOMAIN_LIMIT {
            return Err(NameProblem::TooLong { limit: DOMAIN_LIMIT });
        }
        let is_label =
            |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
        let last = name.rsplit('.').next().unwrap_or_default();
        let is_number = last.bytes().all(|byte| byte.is_ascii_digit());
        if !name.contains('.') || !name.split('.').all(is_label) || is_number {
            return Err(refused());
        }
        Ok(Self(name.into()))
    }

    /// Takes what [`DomainName::parse`] has made before.
    pub(super) fn normalised(text: &str) -> Self {
        Self(text.into())
    }

    /// The name: lower case, A-labels.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as people read it, in Unicode.
    pub fn to_unicode(&self) -> String {
        idna::domain_to_unicode(&self.0).0
    }
}

/// An address: a local part in lower case, and a domain.
///
/// The local part is unquoted; it may hold letters beyond ASCII (RFC 6531), whose composition is kept as it came.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// `local@domain`. Shared by its copies: a directory has the same name in several places.
    text: Arc<str>,
    /// Octets before the `@`.
    local: u8,
}

impl Address {
    /// Reads an address as a person writes it, with blanks around it or without.
    pub fn parse(text: &str) -> Result<Self, NameProblem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameProblem::Empty);
        }
        let refused = || NameProblem::Address(text.to_owned());
        let (local, domain) = text.rsplit_once('@').ok_or_else(refused)?;
        if local.is_empty() || domain.is_empty() {
            return Err(refused());
        }
        Self::new(local, &DomainName::parse(domain)?)
    }

    /// Joins a local part to a domain.
    pub fn new(local: &str, domain: &DomainName) -> Result<Self, NameProblem> {
        let is_fine = |letter: char| {
            letter.is_ascii_alphanumeric()
                || LOCAL_SPECIALS.contains(letter)
                || (!letter.is_ascii() && !letter.is_control() && !letter.is_whitespace())
        };
        let dots = local.starts_with('.') || local.ends_with('.') || local.contains("..");
        if local.is_empty() || dots || !local.chars().all(is_fine) {
            return Err(NameProblem::LocalPart(local.to_owned()));
        }
        let local = local.to_lowercase();
        if local.len() > LOCAL_LIMIT {
            return Err(NameProblem::TooLong { limit: LOCAL_LIMIT });
        }
        if local.len() + 1 + domain.as_str().len() > ADDRESS_LIMIT {
            return Err(NameProblem::TooLong { limit: ADDRESS_LIMIT });
        }
        Ok(Self::normalised(&local, domain))
    }

    /// Joins a local part that has been looked at before to its domain.
    pub(super) fn normalised(local: &str, domain: &DomainName) -> Self {
        Self {
            text: format!("{local}@{domain}").into(),
            local: u8::try_from(local.len()).unwrap_or(u8::MAX),
        }
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        &self.text[..usize::from(self.local)]
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        &self.text[usize::from(self.local) + 1..]
    }
}

/// What an alias answers to: an address, or every address of a domain (`@example.org`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AliasAddress {
    /// One address.
    Address(Address),
    /// Every address of a domain that has nothing of its own: a *catch-all*.
    Domain(DomainName),
}

impl AliasAddress {
    /// Reads `local@domain` or `@domain`.
    pub fn parse(text: &str) -> Result<Self, NameProblem> {
        match text.trim().strip_prefix('@') {
            Some(domain) => DomainName::parse(domain).map(Self::Domain),
            None => Address::parse(text).map(Self::Address),
        }
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        match self {
            Self::Address(address) => address.domain(),
            Self::Domain(domain) => domain.as_str(),
        }
    }
}

/// What a person types to log in: mostly an address, for administrators perhaps a bare word. In lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Login(Arc<str>);

impl Login {
    /// Reads a login name; one with an `@` must be an address.
    pub fn parse(text: &str) -> Result<Self, NameProblem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(NameProblem::Empty);
        }
        if text.contains('@') {
            return Address::parse(text).map(|address| Self(address.text));
        }
        if text
            .chars()
            .any(|letter| letter.is_control() || letter.is_whitespace())
        {
            return Err(NameProblem::Login(text.to_owned()));
        }
        let text = text.to_lowercase();
        if text.len() > ADDRESS_LIMIT {
            return Err(NameProblem::TooLong { limit: ADDRESS_LIMIT });
        }
        Ok(Self(text.into()))
    }

    /// The login name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Address> for Login {
    fn from(address: &Address) -> Self {
        Self(Arc::clone(&address.text))
    }
}

impl Borrow<str> for DomainName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Login {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for AliasAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Domain(domain) => write!(f, "@{domain}"),
        }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for AliasAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_have_one_spelling() {
        for (text, name) in [
            ("example.org", Some("example.org")),
            (" Example.ORG. ", Some("example.org")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("BÜCHER.example", Some("xn--bcher-kva.example")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("localdomain", None),
            ("", None),
            (".", None),
            ("a..org", None),
            ("-a.org", None),
            ("a_b.org", None),
            ("a b.org", None),
            ("192.0.2.1", None),
            ("a.org..", None),
        ] {
            let parsed = DomainName::parse(text).ok();
            assert_eq!(parsed.as_ref().map(DomainName::as_str), name, "{text:?}");
        }
        let long = format!("{}.org", "a".repeat(64));
        assert!(DomainName::parse(&long).is_err());
        assert_eq!(
            DomainName::parse("bücher.example").unwrap().to_unicode(),
            "bücher.example"
        );
    }

    #[test]
    fn addresses_have_one_spelling() {
        for (text, address) in [
            ("User@Example.com", Some("user@example.com")),
            (" a+b@example.com. ", Some("a+b@example.com")),
            ("jürgen@bücher.example", Some("jürgen@xn--bcher-kva.example")),
            ("o'neil@example.com", Some("o'neil@example.com")),
            ("@example.com", None),
            ("user@", None),
            ("user", None),
            ("a b@example.com", None),
            ("a@b@example.com", None),
            (".a@example.com", None),
            ("a..b@example.com", None),
            ("a\n@example.com", None),
            ("\"a b\"@example.com", None),
            ("|prog@example.com", Some("|prog@example.com")),
        ] {
            let parsed = Address::parse(text).ok();
            assert_eq!(parsed.as_ref().map(Address::as_str), address, "{text:?}");
        }
        let address = Address::parse("user@example.com").unwrap();
        assert_eq!((address.local(), address.domain()), ("user", "example.com"));
        let long = format!("{}@example.com", "ü".repeat(33));
        assert_eq!(Address::parse(&long), Err(NameProblem::TooLong { limit: 64 }));
    }

    #[test]
    fn logins_are_addresses_or_words() {
        assert_eq!(Login::parse("Admin").unwrap().as_str(), "admin");
        assert_eq!(
            Login::parse("User@Example.com").unwrap().as_str(),
            "user@example.com"
        );
        assert!(Login::parse("a@").is_err());
        assert!(Login::parse("two words").is_err());
        assert_eq!(Login::parse(" "), Err(NameProblem::Empty));
    }
}
