//! Where an alias leads.

use std::fmt;

use super::name::{Address, AliasAddress, DomainName, NameProblem};

/// Where an alias leads: `local@domain`, or `@domain`, which keeps the local part.
///
/// The domain is normalised. The local part stays as it was written: on other people's servers upper and lower case may
/// be two mailboxes (RFC 5321 section 2.4). Here they are one: [`Recipient::folded`] is how an address of the directory's
/// own domains is compared, and stored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recipient {
    text: Box<str>,
    /// Octets before the `@`.
    local: u8,
}

impl Recipient {
    /// Reads a recipient as a person writes it, with blanks around it or without.
    pub fn parse(text: &str) -> Result<Self, NameProblem> {
        let text = text.trim();
        let (folded, local) = match AliasAddress::parse(text)? {
            AliasAddress::Domain(domain) => return Ok(Self::from(&AliasAddress::Domain(domain))),
            AliasAddress::Address(address) => (address, text.rsplit_once('@').map_or("", |(local, _)| local)),
        };
        // Letters may change their length with their case; the limit holds for both spellings.
        let length = u8::try_from(local.len()).map_err(|_| NameProblem::TooLong {
            limit: usize::from(u8::MAX),
        })?;
        Ok(Self {
            text: format!("{local}@{}", folded.domain()).into(),
            local: length,
        })
    }

    /// The whole recipient.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        &self.text[usize::from(self.local) + 1..]
    }

    /// The same with its local part in lower case.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self::from(&self.address())
    }

    /// What it is when it is an address of this directory.
    pub fn address(&self) -> AliasAddress {
        let domain = DomainName::normalised(self.domain());
        match &self.text[..usize::from(self.local)] {
            "" => AliasAddress::Domain(domain),
            local => AliasAddress::Address(Address::normalised(&local.to_lowercase(), &domain)),
        }
    }
}

impl From<&AliasAddress> for Recipient {
    fn from(address: &AliasAddress) -> Self {
        let local = match address {
            AliasAddress::Address(address) => address.local().len(),
            AliasAddress::Domain(_) => 0,
        };
        Self {
            text: address.to_string().into(),
            local: u8::try_from(local).unwrap_or(u8::MAX),
        }
    }
}

impl From<&Address> for Recipient {
    fn from(address: &Address) -> Self {
        Self {
            text: address.as_str().into(),
            local: u8::try_from(address.local().len()).unwrap_or(u8::MAX),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_part_keeps_its_case_and_the_domain_does_not() {
        for (text, written, folded) in [
            (" Bob@Elsewhere.NET. ", "Bob@elsewhere.net", "bob@elsewhere.net"),
            ("@Other.ORG", "@other.org", "@other.org"),
            (
                "JÜRGEN@Bücher.example",
                "JÜRGEN@xn--bcher-kva.example",
                "jürgen@xn--bcher-kva.example",
            ),
            ("bob@elsewhere.net", "bob@elsewhere.net", "bob@elsewhere.net"),
        ] {
            let recipient = Recipient::parse(text).unwrap();
            assert_eq!(recipient.as_str(), written);
            assert_eq!(recipient.folded().as_str(), folded);
            assert_eq!(recipient.address().to_string(), folded);
            assert_eq!(recipient.domain(), recipient.folded().domain());
            assert_eq!(
                Recipient::parse(written).unwrap(),
                recipient,
                "{written} reads as itself"
            );
        }
        for text in [
            "",
            "bob",
            "\"a b\"@@elsewhere net",
            "|prog",
            "/dev/null",
            "a b@example.org",
        ] {
            assert!(Recipient::parse(text).is_err(), "{text}");
        }
    }
}
