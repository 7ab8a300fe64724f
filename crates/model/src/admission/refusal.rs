//! Why somebody is not let in.

use std::fmt;

use super::guard::Denied;
use crate::directory::{Address, DomainName, Login, NameProblem, ProviderName};
use crate::migration::Hold;

/// Why somebody is not let in. `Display` is for the log, where an administrator reads it; what the person who logs in is told
/// is [`Refusal::told`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no name.
    Name(NameProblem),
    /// A line end or NUL in name or password.
    LineEnd,
    /// No password.
    NoPassword,
    /// More than is ever checked.
    LongPassword,
    /// A password in some other character set.
    NotUtf8,
    /// No account, and no provider hosts the domain.
    Nobody,
    /// No account, and people may not come from providers now.
    MigrationOff,
    /// No account, and none is made by itself.
    AutoCreateOff,
    /// The password is not that of the account here, and the old server is not asked.
    WrongHere,
    /// The old server refuses the password.
    WrongThere,
    /// The password of the account was changed here: the old server's does not count any more.
    ChangedHere,
    /// The account may not log in.
    AccountDisabled,
    /// Nobody of the domain may.
    DomainDisabled(DomainName),
    /// An account without a mailbox, where mail is to be seen or sent.
    NoMailbox,
    /// The account may not send mail.
    MayNotSend,
    /// They have another address here.
    Renamed(Address),
    /// People of several old domains have such an address here, and nobody knows of which this one is.
    ManyOrigins(DomainName),
    /// The domain is another name of this one here.
    DomainIsAlias {
        /// The domain.
        domain: DomainName,
        /// What it is another name of.
        of: DomainName,
    },
    /// Mail for the domain goes on to another server.
    DomainIsRelay(DomainName),
    /// The domain has as many mailboxes as it may have.
    DomainFull(DomainName),
    /// An alias has the address.
    AliasHas(Address),
    /// Another account has the address.
    AccountHas {
        /// The address.
        address: Address,
        /// Whose mailbox it is.
        login: Login,
    },
    /// The old mailbox is being moved to somebody else.
    MovesElsewhere {
        /// The old address.
        old: Address,
        /// To whom.
        login: Login,
    },
    /// Their mail is not here yet, and they are to wait.
    BeingMoved,
    /// Their mail is not here yet, and the way to the old server cannot be shown to Dovecot.
    NoWayThere(NoWay),
    /// The old server was not asked.
    Denied(Denied),
    /// The old server could not be asked.
    Unreachable {
        /// The provider.
        provider: ProviderName,
        /// What happened, in words without a secret.
        what: String,
    },
    /// Something here does not work.
    Trouble(String),
}

/// Why nobody can be led to the old server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoWay {
    /// Its certificate is pinned: this program would have to check it, and Dovecot runs on another machine.
    Pinned(ProviderName),
    /// The password that is known does not work there.
    Held(Hold),
    /// There is no such provider any more.
    Gone(ProviderName),
}

/// What kind of refusal it is: what a program that asks has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nobody of that name.
    Unknown,
    /// The password is wrong.
    Wrong,
    /// The password may be right, and they may not come in.
    Disabled,
    /// The password is right, and they have to use another name.
    Renamed,
    /// It cannot be told now.
    Later,
}

impl Kind {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Wrong => "wrong",
            Self::Disabled => "disabled",
            Self::Renamed => "renamed",
            Self::Later => "later",
        }
    }
}

impl Refusal {
    /// What kind it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Nobody | Self::MigrationOff | Self::AutoCreateOff => Kind::Unknown,
            Self::Name(_)
            | Self::LineEnd
            | Self::NoPassword
            | Self::LongPassword
            | Self::NotUtf8
            | Self::WrongHere
            | Self::WrongThere
            | Self::ChangedHere
            | Self::Denied(Denied::KnownWrong) => Kind::Wrong,
            Self::AccountDisabled | Self::DomainDisabled(_) | Self::NoMailbox | Self::MayNotSend => {
                Kind::Disabled
            }
            Self::Renamed(_) => Kind::Renamed,
            // An administrator has to do something. Nobody shall think that they have mistyped, and nothing was checked.
            Self::ManyOrigins(_)
            | Self::DomainIsAlias { .. }
            | Self::DomainIsRelay(_)
            | Self::DomainFull(_)
            | Self::AliasHas(_)
            | Self::AccountHas { .. }
            | Self::MovesElsewhere { .. }
            | Self::BeingMoved
            | Self::NoWayThere(_)
            | Self::Denied(_)
            | Self::Unreachable { .. }
            | Self::Trouble(_) => Kind::Later,
        }
    }

    /// What the person who logs in is told. It shows nothing of who has an account, and nothing of how the platform is made.
    pub fn told(&self) -> String {
        match self {
            Self::Renamed(address) => {
                format!("Your name here is {address}. Log in with it; your password stays.")
            }
            Self::BeingMoved => "Your mail is being moved to this server. Please come back later.".to_owned(),
            _ => match self.kind() {
                Kind::Unknown | Kind::Wrong | Kind::Renamed => "Name or password is wrong.".to_owned(),
                Kind::Disabled => "This account may not do that.".to_owned(),
                Kind::Later => "Logging in is not possible at the moment. Please try again later.".to_owned(),
            },
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(problem) => write!(f, "no name that anybody could have: {problem}"),
            Self::LineEnd => f.write_str("there is a line end or a NUL in the name or the password"),
            Self::NoPassword => f.write_str("there is no password"),
            Self::LongPassword => f.write_str("the password is longer than any that is checked"),
            Self::NotUtf8 => f.write_str("the password is not UTF-8; the client has to be told to use it"),
            Self::Nobody => f.write_str("there is no such account, and no provider hosts its domain"),
            Self::MigrationOff => f.write_str(
                "there is no such account, and IMAP migration is off (“transhume settings set” turns it on)",
            ),
            Self::AutoCreateOff => f.write_str(
                "there is no such account, and the automatic creation of domains and mailboxes is off (“transhume settings \
                 set” turns it on)",
            ),
            Self::WrongHere => f.write_str("the password is wrong; the old server was not asked"),
            Self::WrongThere => f.write_str("the old server refuses name or password"),
            Self::ChangedHere => f.write_str(
                "the password was changed here; that of the old server does not count any more",
            ),
            Self::AccountDisabled => f.write_str("the account is disabled"),
            Self::DomainDisabled(domain) => write!(f, "the domain {domain} is disabled"),
            Self::NoMailbox => f.write_str("the account has no mailbox"),
            Self::MayNotSend => f.write_str("the account may not send mail"),
            Self::Renamed(address) => write!(f, "the password is right, but the name here is {address}"),
            Self::ManyOrigins(domain) => write!(
                f,
                "people of several old domains come to {domain}; who logs in for the first time has to do so with the old \
                 address"
            ),
            Self::DomainIsAlias { domain, of } => write!(
                f,
                "{domain} is another name of {of} here; remove that domain alias, or give the provider a new domain for it"
            ),
            Self::DomainIsRelay(domain) => write!(
                f,
                "{domain} is a relay domain here; remove it, or give the provider a new domain for it"
            ),
            Self::DomainFull(domain) => write!(f, "{domain} has as many mailboxes as it may have"),
            Self::AliasHas(address) => write!(
                f,
                "an alias has the address {address}; remove the alias, or make the account"
            ),
            Self::AccountHas { address, login } => write!(f, "{address} is the mailbox of {login} here"),
            Self::MovesElsewhere { old, login } => {
                write!(f, "the old mailbox {old} is being moved to {login} already")
            }
            Self::BeingMoved => f.write_str("its mail is being moved, and the settings say to wait for it"),
            Self::NoWayThere(no_way) => no_way.fmt(f),
            Self::Denied(denied) => denied.fmt(f),
            Self::Unreachable { provider, what } => write!(f, "{provider} could not be asked: {what}"),
            Self::Trouble(what) => f.write_str(what),
        }
    }
}

impl fmt::Display for NoWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its mail is not here yet, and nobody can be led to the old server: ")?;
        match self {
            Self::Pinned(provider) => write!(
                f,
                "the certificate of {provider} is pinned, which only a service on Dovecot's own machine can check; see \
                 docs/operator/logins.md"
            ),
            Self::Held(hold) => f.write_str(&hold.sentence()),
            Self::Gone(provider) => write!(f, "there is no provider {provider} any more"),
        }
    }
}
