//! Domains: local ones, whose mail ends here, and relay ones, whose mail goes on to another server.

use std::num::NonZeroU16;

use super::name::DomainName;

/// A domain of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub name: DomainName,
    /// Whether mail ends here.
    pub kind: DomainKind,
    /// Whether mail for it is accepted, and whether its people may log in to their mail.
    pub enabled: bool,
    /// Octets that all its mailboxes may hold together; `None` is unlimited.
    pub quota: Option<u64>,
    /// Octets that a mailbox may hold which has no quota of its own; `None` is unlimited.
    pub default_mailbox_quota: Option<u64>,
    /// How much it may hold.
    pub limits: Limits,
    /// What its owner wrote about it; may be empty.
    pub description: String,
    /// When it was made, in seconds since 1970 UTC, where that is known.
    pub created: Option<i64>,
}

/// Where a domain's mail ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainKind {
    /// In mailboxes here.
    Local,
    /// On another server.
    Relay(Relay),
}

/// The way of a relay domain's mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Postfix's transport: `relay` or `smtp`.
    pub service: String,
    /// The next server, by name or address, without brackets; `None` follows the domain's MX records.
    pub host: Option<String>,
    /// Its port; `None` is the transport's own, 25.
    pub port: Option<NonZeroU16>,
    /// Whether the next server is asked for each recipient before a message is accepted.
    pub verify_recipients: bool,
}

/// How many of something there may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// As many as one likes.
    #[default]
    Unlimited,
    /// So many; with 0, none.
    At(u32),
}

/// What a domain may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Accounts with a mailbox.
    pub mailboxes: Limit,
    /// Aliases.
    pub aliases: Limit,
    /// Octets that one mailbox may be given at most; `None` is unlimited.
    pub mailbox_quota: Option<u64>,
}

/// Another name of a local domain: whatever is sent to it is sent to the same local part there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainAlias {
    /// The other name.
    pub name: DomainName,
    /// The domain that it leads to.
    pub target: DomainName,
    /// Whether mail for it is accepted.
    pub enabled: bool,
    /// What its owner wrote about it; may be empty.
    pub description: String,
}

impl Limit {
    /// The number; `None` is unlimited.
    pub fn most(self) -> Option<u32> {
        match self {
            Self::Unlimited => None,
            Self::At(most) => Some(most),
        }
    }
}

impl Domain {
    /// A local domain without limits.
    pub fn local(name: DomainName) -> Self {
        Self {
            name,
            kind: DomainKind::Local,
            enabled: true,
            quota: None,
            default_mailbox_quota: None,
            limits: Limits::default(),
            description: String::new(),
            created: None,
        }
    }

    /// Whether its mail ends here.
    pub fn is_local(&self) -> bool {
        self.kind == DomainKind::Local
    }
}
