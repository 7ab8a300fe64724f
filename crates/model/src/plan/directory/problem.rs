//! Why an entry cannot stand, for the person who wrote it.

use std::fmt;

use crate::directory::{Address, AliasAddress, DomainName, Login, Recipient};

/// What is wrong with an entry, and in which part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The part of the entry.
    pub field: Field,
    /// What is wrong with it.
    pub fault: Fault,
}

/// A part of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// What the entry is called: a domain's name, an account's login, an alias' address.
    Name,
    /// Where a domain alias leads.
    Target,
    /// A domain's or a mailbox's quota.
    Quota,
    /// A domain's default for its mailboxes.
    DefaultQuota,
    /// A mailbox's address.
    Address,
    /// One of the domains that an account administers.
    Administers(DomainName),
    /// One of an alias' recipients.
    Recipient(Recipient),
}

/// Why an entry cannot stand. `Display` says what is wrong, [`Fault::remedy`] what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// One of the same kind has the name.
    #[error("{what} {name} exists already")]
    Exists {
        /// “the domain”, “the account” …
        what: &'static str,
        /// The name.
        name: String,
    },
    /// Something of another kind has the name.
    #[error("{name} is {what} already")]
    Taken {
        /// The name.
        name: DomainName,
        /// “a relay domain”, “another name of example.org” …
        what: String,
    },
    /// No such domain.
    #[error("the domain {0} does not exist")]
    UnknownDomain(DomainName),
    /// What it needs has been refused itself.
    #[error("{0} has been refused before")]
    NeedsRefused(String),
    /// A relay domain where a local one is needed.
    #[error("{0} is a relay domain: its mail does not end here")]
    NotLocal(DomainName),
    /// A domain alias where the domain itself is needed.
    #[error("{name} is another name of {target}")]
    OtherName {
        /// The domain alias.
        name: DomainName,
        /// What it leads to.
        target: DomainName,
    },
    /// A domain alias of itself.
    #[error("{0} cannot be another name of itself")]
    OwnName(DomainName),
    /// A domain's default is more than the domain may hold.
    #[error("the default for a mailbox, {}, is more than the domain may hold, {}", Size(*default), Size(*quota))]
    DefaultOverQuota {
        /// Octets.
        default: u64,
        /// Octets.
        quota: u64,
    },
    /// A mailbox's quota is more than a mailbox of its domain may be given.
    #[error("{} is more than a mailbox of {domain} may hold, {}", Size(*quota), Size(*most))]
    MailboxTooLarge {
        /// Octets.
        quota: u64,
        /// Octets.
        most: u64,
        /// The domain.
        domain: DomainName,
    },
    /// The quotas of a domain's mailboxes come to more than the domain may hold.
    #[error("with it, the mailboxes of {domain} may hold {}; the domain may hold {}", Size(*sum), Size(*quota))]
    DomainFull {
        /// The domain.
        domain: DomainName,
        /// Octets of all its mailboxes, this one too.
        sum: u64,
        /// Octets.
        quota: u64,
    },
    /// The domain has as many as it may have.
    #[error("{domain} may have {limit} {what}, and has them")]
    TooMany {
        /// The domain.
        domain: DomainName,
        /// “mailboxes”, “aliases”.
        what: &'static str,
        /// How many.
        limit: u32,
    },
    /// Another account's mailbox has the address.
    #[error("{address} is the mailbox of the account {owner}")]
    MailboxOf {
        /// The address.
        address: Address,
        /// Whose it is.
        owner: Login,
    },
    /// Another account logs in by the address of this mailbox.
    #[error("{0} is another account's login, and cannot be the address of this one's mailbox")]
    OthersLogin(Address),
    /// A recipient in a local domain that leads nowhere.
    #[error("the recipient {0} does not exist, and its domain is one of these")]
    UnknownRecipient(Recipient),
    /// A recipient elsewhere, where that is not allowed.
    #[error("the recipient {0} is elsewhere, and that is not allowed")]
    ForeignRecipient(Recipient),
    /// An alias without recipients.
    #[error("{0} leads nowhere")]
    NoRecipient(AliasAddress),
    /// An alias whose only recipient is itself, where no mailbox is.
    #[error("{0} leads to itself alone, and there is no such mailbox")]
    LeadsToItself(AliasAddress),
    /// An absence text for a mailbox that does not exist.
    #[error("there is no mailbox {0}")]
    NoMailbox(Address),
}

impl Fault {
    /// What would be right.
    pub fn remedy(&self) -> String {
        match self {
            Self::Exists { .. } => {
                "leave it out, or say that what exists is kept (--continue-if-exists)".into()
            }
            Self::Taken { .. } => "give it another name, or leave one of them out".into(),
            Self::UnknownDomain(domain) => format!("declare {domain} before this, or correct the name"),
            Self::NeedsRefused(_) => "correct that first".into(),
            Self::NotLocal(_) => "name a local domain".into(),
            Self::OtherName { target, .. } => format!("name {target}"),
            Self::OwnName(_) => "name another domain as its target".into(),
            Self::DefaultOverQuota { quota, .. } => format!("at most {}", Size(*quota)),
            Self::MailboxTooLarge { most, .. } => format!("at most {}", Size(*most)),
            Self::DomainFull { .. } => {
                "less for this mailbox or others, or more for the domain (0 is unlimited)".into()
            }
            Self::TooMany { what, .. } => format!("fewer {what}, or a higher limit for the domain"),
            Self::MailboxOf { owner, .. } => format!("another address; or leave it to {owner}"),
            Self::OthersLogin(_) => "another address; or one account for both".into(),
            Self::UnknownRecipient(_) => {
                "declare its account or alias before this, or correct the address".into()
            }
            Self::ForeignRecipient(_) => "a recipient in one of the directory's domains".into(),
            Self::NoRecipient(_) => "at least one recipient".into(),
            Self::LeadsToItself(_) => "another recipient, or an account with this mailbox".into(),
            Self::NoMailbox(_) => "declare its account before this".into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {}", self.fault, self.fault.remedy())
    }
}

/// A number of octets as administrators write it: in MB of 1,048,576 octets where it is so many.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MEGABYTE: u64 = 1 << 20;
        if self.0.is_multiple_of(MEGABYTE) {
            write!(f, "{} MB", self.0 / MEGABYTE)
        } else {
            write!(f, "{} octets", self.0)
        }
    }
}
