//! Accounts: who may log in, as what, and with which mailbox.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU64;

use super::name::{Address, DomainName, Login};
use super::password::StoredPassword;

/// What an account may do. The words are those that Modoboa's administrators know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Its own mail, nothing else.
    #[default]
    SimpleUsers,
    /// The domains that it administers.
    DomainAdmins,
    /// Domains of its own, and their administrators.
    Resellers,
    /// Everything.
    SuperAdmins,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::SimpleUsers,
        Self::DomainAdmins,
        Self::Resellers,
        Self::SuperAdmins,
    ];

    /// The role's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SimpleUsers => "SimpleUsers",
            Self::DomainAdmins => "DomainAdmins",
            Self::Resellers => "Resellers",
            Self::SuperAdmins => "SuperAdmins",
        }
    }

    /// The role of that name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Somebody who may log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What they type to log in.
    pub login: Login,
    /// What their password is checked against; `None` logs nobody in.
    pub password: Option<StoredPassword>,
    /// Given name; may be empty.
    pub first_name: String,
    /// Family name; may be empty.
    pub last_name: String,
    /// Whether they may log in. Mail for a disabled account's mailbox is refused.
    pub enabled: bool,
    /// What they may do.
    pub role: Role,
    /// The domains that they administer, as [`Role::DomainAdmins`] or [`Role::Resellers`].
    pub administers: BTreeSet<DomainName>,
    /// Their mailbox; administrators may have none.
    pub mailbox: Option<Mailbox>,
    /// Where they are reached when the mailbox is not; may be empty. Not checked.
    pub secondary_email: String,
    /// Telephone number, as it was written; may be empty.
    pub phone: String,
    /// When it was made, in seconds since 1970 UTC, where that is known.
    pub created: Option<i64>,
}

/// A mailbox: an address whose mail is kept here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Its address.
    pub address: Address,
    /// How much it may hold.
    pub quota: Quota,
    /// Whether mail for the address comes into the mailbox also where an alias of the same address sends it elsewhere.
    /// `false` is the forward without a copy.
    pub keeps_copy: bool,
    /// Whether the account may send mail.
    pub may_send: bool,
    /// Where the old platform kept it, below its own mail folder, where that is known: for a later local move.
    pub old_maildir: Option<String>,
}

/// How much a mailbox may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quota {
    /// What its domain says ([`super::Domain::default_mailbox_quota`]).
    #[default]
    OfDomain,
    /// As much as one likes.
    Unlimited,
    /// So many octets.
    Octets(NonZeroU64),
}

impl Account {
    /// An account that can do nothing yet: no password, no mailbox, an ordinary user.
    pub fn new(login: Login) -> Self {
        Self {
            login,
            password: None,
            first_name: String::new(),
            last_name: String::new(),
            enabled: true,
            role: Role::SimpleUsers,
            administers: BTreeSet::new(),
            mailbox: None,
            secondary_email: String::new(),
            phone: String::new(),
            created: None,
        }
    }
}

impl Mailbox {
    /// A mailbox with its domain's quota, that keeps what comes and may send.
    pub fn new(address: Address) -> Self {
        Self {
            address,
            quota: Quota::OfDomain,
            keeps_copy: true,
            may_send: true,
            old_maildir: None,
        }
    }
}
