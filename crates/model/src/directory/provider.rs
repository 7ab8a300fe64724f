//! Providers: the old platforms that people come from.

use std::collections::BTreeMap;
use std::fmt;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;

use super::host::HostName;
use super::name::{Address, DomainName};

/// Longest name of a provider, in characters.
const NAME_LIMIT: usize = 100;

/// Longest login and separator of a master user, in octets.
const MASTER_LIMIT: usize = 200;

/// A text that cannot be what it should be in a provider. It says what is wrong; where the text stands is for the caller
/// to say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderProblem {
    /// No name.
    #[error("a provider needs a name")]
    NoName,
    /// A name of more than one line, or with control characters.
    #[error("a provider's name is one line, without control characters")]
    Name,
    /// A name that is too long.
    #[error("a provider's name has at most {NAME_LIMIT} characters")]
    LongName,
    /// A master user without a name, with control characters, or too long.
    #[error("a master user's login is one word, without blanks, of at most {MASTER_LIMIT} octets")]
    Master,
    /// Not a fingerprint.
    #[error(
        "this is not a SHA-256 digest; write sha256: and the 64 hexadecimal digits of the certificate's fingerprint"
    )]
    Pin,
}

/// What a provider is called: one line, spelled as its administrator likes. Two names that differ in case alone are the
/// same.
#[derive(Clone)]
pub struct ProviderName {
    text: Arc<str>,
    folded: Arc<str>,
}

/// An old platform: a server, how one logs in there, and the domains that it hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name; no two have the same.
    pub name: ProviderName,
    /// Its IMAP server.
    pub host: HostName,
    /// That server's port.
    pub port: NonZeroU16,
    /// How the connection is secured.
    pub security: ProviderSecurity,
    /// Which certificate is believed.
    pub certificate: CertificateTrust,
    /// What people are called there.
    pub login_form: LoginForm,
    /// The user who may log in as anybody, where the old platform has one. Passes log in with it; people who log in for the
    /// first time prove who they are with their own password.
    pub master: Option<Master>,
    /// How many passes may work on it at a time.
    pub connections: NonZeroU32,
    /// How many connections one pass may have.
    pub connections_per_account: NonZeroU32,
    /// Whether people may come from it, and passes run.
    pub enabled: bool,
    /// The domains that it hosts, each with what it is called here; `None` keeps its name. No other provider hosts them.
    pub domains: BTreeMap<DomainName, Option<DomainName>>,
}

/// How a connection to a provider is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderSecurity {
    /// TLS from the first octet.
    Tls,
    /// TLS after STARTTLS.
    StartTls,
    /// None at all: passwords and mail can be read on the way. Only when somebody said so.
    Clear,
}

/// Which certificate of a provider's server is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateTrust {
    /// One that an authority of this machine vouches for.
    Public,
    /// The one with this SHA-256 digest (of its DER), and no other.
    Pinned([u8; 32]),
}

/// What people are called on the old server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoginForm {
    /// By their whole address.
    #[default]
    Address,
    /// By what stands before its `@`.
    LocalPart,
}

/// A user who may log in as anybody: `user*master`, with the master's own password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Master {
    /// The master's login.
    pub login: String,
    /// What stands between the two names.
    pub separator: char,
}

/// Where somebody of an old address goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'p> {
    /// Where their mail is now.
    pub provider: &'p Provider,
    /// Their address here.
    pub address: Address,
    /// What they are called at the old server.
    pub login: String,
}

/// Finds the provider that hosts an old address. Those that are not enabled host nobody.
///
/// `None` as well where the address would be too long with its new domain.
pub fn find<'p>(providers: impl IntoIterator<Item = &'p Provider>, old: &Address) -> Option<Found<'p>> {
    let mut enabled = providers.into_iter().filter(|provider| provider.enabled);
    enabled.find_map(|provider| {
        let address = match provider.domains.get(old.domain())? {
            None => old.clone(),
            Some(new) => Address::new(old.local(), new).ok()?,
        };
        Some(Found {
            provider,
            address,
            login: provider.login(old),
        })
    })
}

/// The provider and the old domain of which a new domain is made, where there is one under another name.
pub fn renamed_to<'p>(
    providers: impl IntoIterator<Item = &'p Provider>,
    new: &str,
) -> Option<(&'p Provider, &'p DomainName)> {
    providers.into_iter().find_map(|provider| {
        let mut domains = provider.domains.iter();
        let (old, _) = domains.find(|(_, to)| to.as_ref().is_some_and(|to| to.as_str() == new))?;
        Some((provider, old))
    })
}

impl Provider {
    /// Passes that may work on a provider at a time, unless something else is said.
    pub const CONNECTIONS: NonZeroU32 = NonZeroU32::new(10).unwrap();
    /// Connections of one pass, unless something else is said.
    pub const CONNECTIONS_PER_ACCOUNT: NonZeroU32 = NonZeroU32::new(2).unwrap();

    /// A provider with what is usual: TLS, its port, a certificate of a known authority, whole addresses, no domains yet.
    pub fn new(name: ProviderName, host: HostName) -> Self {
        let security = ProviderSecurity::Tls;
        Self {
            name,
            host,
            port: security.port(),
            security,
            certificate: CertificateTrust::Public,
            login_form: LoginForm::Address,
            master: None,
            connections: Self::CONNECTIONS,
            connections_per_account: Self::CONNECTIONS_PER_ACCOUNT,
            enabled: true,
            domains: BTreeMap::new(),
        }
    }

    /// What somebody is called at the old server when they log in themselves.
    pub fn login(&self, old: &Address) -> String {
        match self.login_form {
            LoginForm::Address => old.as_str().to_owned(),
            LoginForm::LocalPart => old.local().to_owned(),
        }
    }

    /// What a pass logs in as: the same, or as the master in their name.
    pub fn login_of_passes(&self, old: &Address) -> String {
        let login = self.login(old);
        match &self.master {
            None => login,
            Some(Master {
                login: master,
                separator,
            }) => format!("{login}{separator}{master}"),
        }
    }
}

impl ProviderName {
    /// Reads a name, with blanks around it or without.
    pub fn parse(text: &str) -> Result<Self, ProviderProblem> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ProviderProblem::NoName);
        }
        if text.chars().any(char::is_control) {
            return Err(ProviderProblem::Name);
        }
        if text.chars().count() > NAME_LIMIT {
            return Err(ProviderProblem::LongName);
        }
        Ok(Self {
            text: text.into(),
            folded: text.to_lowercase().into(),
        })
    }

    /// The name as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// By what names are compared.
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

impl ProviderSecurity {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tls, Self::StartTls, Self::Clear];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::Clear => "clear",
        }
    }

    /// What the word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|security| security.as_str() == word)
    }

    /// The port that it usually has.
    pub fn port(self) -> NonZeroU16 {
        const IMAPS: NonZeroU16 = NonZeroU16::new(993).unwrap();
        const IMAP: NonZeroU16 = NonZeroU16::new(143).unwrap();
        match self {
            Self::Tls => IMAPS,
            Self::StartTls | Self::Clear => IMAP,
        }
    }

    /// The port that a POP3 server usually has: people tell their IMAP server's alone.
    pub fn pop3_port(self) -> NonZeroU16 {
        const POP3S: NonZeroU16 = NonZeroU16::new(995).unwrap();
        const POP3: NonZeroU16 = NonZeroU16::new(110).unwrap();
        match self {
            Self::Tls => POP3S,
            Self::StartTls | Self::Clear => POP3,
        }
    }
}

impl CertificateTrust {
    /// Reads a fingerprint as tools print it: 64 hexadecimal digits, perhaps with colons or blanks between them, perhaps with
    /// `sha256:` in front.
    pub fn pinned(text: &str) -> Result<Self, ProviderProblem> {
        let text = text.trim();
        let hex = match text.split_once(':') {
            Some((name, hex)) if name.eq_ignore_ascii_case("sha256") => hex,
            _ => text,
        };
        let digits: Vec<u8> = hex
            .chars()
            .filter(|letter| !matches!(letter, ':' | ' '))
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()
            .ok_or(ProviderProblem::Pin)?;
        let octets: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit))
            .collect();
        match (digits.len(), <[u8; 32]>::try_from(octets)) {
            (64, Ok(octets)) => Ok(Self::Pinned(octets)),
            _ => Err(ProviderProblem::Pin),
        }
    }

    /// The fingerprint in hexadecimal digits; `None` for [`CertificateTrust::Public`].
    pub fn hex(&self) -> Option<String> {
        use fmt::Write as _;
        let Self::Pinned(octets) = self else { return None };
        Some(octets.iter().fold(String::new(), |mut text, octet| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{octet:02x}");
            text
        }))
    }
}

impl LoginForm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Address, Self::LocalPart];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::LocalPart => "local-part",
        }
    }

    /// What the word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.as_str() == word)
    }
}

impl Master {
    /// What Dovecot has between the two names unless it is told otherwise.
    pub const SEPARATOR: char = '*';

    /// A master user.
    pub fn new(login: &str, separator: char) -> Result<Self, ProviderProblem> {
        let login = login.trim();
        let is_odd = |letter: char| letter.is_control() || letter.is_whitespace();
        if login.is_empty()
            || login.len() > MASTER_LIMIT
            || login.chars().any(is_odd)
            || is_odd(separator)
            || separator.is_alphanumeric()
        {
            return Err(ProviderProblem::Master);
        }
        Ok(Self {
            login: login.to_owned(),
            separator,
        })
    }
}

impl PartialEq for ProviderName {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for ProviderName {}

impl PartialOrd for ProviderName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ProviderName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl std::hash::Hash for ProviderName {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(name: &str, domains: &[(&str, Option<&str>)]) -> Provider {
        let domain = |text: &str| DomainName::parse(text).unwrap();
        let domains = domains.iter().map(|(old, new)| (domain(old), new.map(domain)));
        Provider {
            domains: domains.collect(),
            ..Provider::new(
                ProviderName::parse(name).unwrap(),
                HostName::parse("imap.example").unwrap(),
            )
        }
    }

    #[test]
    fn an_old_address_leads_to_its_provider_and_its_new_address() {
        let long = format!("{}.example", "a".repeat(63));
        let long = format!("{0}.{0}.{0}.{long}", "b".repeat(57));
        let mut off = provider("Off", &[("off.example", None)]);
        off.enabled = false;
        let short = Provider {
            login_form: LoginForm::LocalPart,
            master: Some(Master::new("root", '*').unwrap()),
            ..provider(
                "Two",
                &[
                    ("two.example", Some("neu.example")),
                    ("xlong.example", Some(&long)),
                ],
            )
        };
        let providers = [provider("One", &[("one.example", None)]), off, short];
        for (old, expected) in [
            (
                "Bob@ONE.example",
                Some("bob@one.example bob@one.example bob@one.example"),
            ),
            ("bob@two.example", Some("bob@neu.example bob bob*root")),
            ("bob@off.example", None),
            ("bob@neu.example", None),
            (&format!("{}@xlong.example", "b".repeat(40)), None),
        ] {
            let old = Address::parse(old).unwrap();
            let found = find(&providers, &old).map(|found| {
                format!(
                    "{} {} {}",
                    found.address,
                    found.login,
                    found.provider.login_of_passes(&old)
                )
            });
            assert_eq!(found.as_deref(), expected, "{old}");
        }
        let renamed = renamed_to(&providers, "neu.example").map(|(_, old)| old.as_str());
        assert_eq!(renamed, Some("two.example"));
        assert_eq!(renamed_to(&providers, "one.example"), None, "it keeps its name");
    }

    #[test]
    fn names_are_the_same_in_any_case() {
        let name = |text| ProviderName::parse(text);
        assert_eq!(name(" Old Büro "), name("old BÜRO"));
        assert_eq!(name(" Old Büro ").unwrap().as_str(), "Old Büro");
        for (text, problem) in [
            (" ", ProviderProblem::NoName),
            ("a\nb", ProviderProblem::Name),
            (&"a".repeat(101), ProviderProblem::LongName),
        ] {
            assert_eq!(name(text), Err(problem), "{text:?}");
        }
    }

    #[test]
    fn pins_are_read_in_the_forms_that_tools_print() {
        let hex = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        for pin in [
            hex.clone(),
            format!("sha256:{hex}"),
            format!("SHA256:{colons}"),
            colons,
        ] {
            let trust = CertificateTrust::pinned(&pin).unwrap();
            assert_eq!(trust, CertificateTrust::Pinned([0xab; 32]), "{pin}");
            assert_eq!(trust.hex().as_deref(), Some(hex.as_str()));
        }
        let short = &hex[1..];
        for wrong in [
            "",
            "sha256:abcd",
            short,
            &format!("{hex}a"),
            &format!("sha1:{hex}"),
        ] {
            assert_eq!(
                CertificateTrust::pinned(wrong),
                Err(ProviderProblem::Pin),
                "{wrong}"
            );
        }
    }

    #[test]
    fn masters_are_one_word() {
        assert!(Master::new("admin@example.org", '*').is_ok());
        for (login, separator) in [("", '*'), ("a b", '*'), ("a\n", ' '), ("a", 'b'), ("a", '\n')] {
            assert_eq!(
                Master::new(login, separator),
                Err(ProviderProblem::Master),
                "{login:?}"
            );
        }
    }
}
