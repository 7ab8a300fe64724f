//! The directory: which domains a platform has, who has an account there, and which address leads where.
//!
//! What comes from a CSV file or another platform's database is spelled in these words, compared with the directory that
//! is there ([`crate::plan::directory`]), and only then written. Names are normalised once, when they are made from text:
//! two values that mean the same are equal.

mod account;
mod alias;
mod domain;
mod folder_filter;
mod host;
mod name;
pub mod password;
mod provider;
mod recipient;
mod remote;
mod settings;
mod vacation;

use std::collections::BTreeMap;

pub use account::{Account, Mailbox, Quota, Role};
pub use alias::Alias;
pub use domain::{Domain, DomainAlias, DomainKind, Limit, Limits, Relay};
pub use folder_filter::{FilterFault, FilterProblem, FolderFilter};
pub use host::{HostName, HostProblem};
pub use name::{Address, AliasAddress, DomainName, Login, NameProblem};
pub use password::StoredPassword;
pub use provider::{
    CertificateTrust, Found, LoginForm, Master, Provider, ProviderName, ProviderProblem, ProviderSecurity,
    find, renamed_to,
};
pub use recipient::Recipient;
pub use remote::{RemoteKey, RemoteMailbox, RemoteSecurity, Secret};
pub use settings::{Settings, SettingsProblem, UntilComplete};
pub use vacation::{Vacation, VacationInterval};

/// A whole directory, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// Local and relay domains.
    pub domains: BTreeMap<DomainName, Domain>,
    /// Other names of local domains.
    pub domain_aliases: BTreeMap<DomainName, DomainAlias>,
    /// Accounts, each with its mailbox where it has one.
    pub accounts: BTreeMap<Login, Account>,
    /// Aliases, forwards, lists and catch-alls.
    pub aliases: BTreeMap<AliasAddress, Alias>,
    /// Texts that answer in somebody's absence, by the mailbox that they speak for.
    pub vacations: BTreeMap<Address, Vacation>,
}

/// One thing in a directory, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A local or relay domain.
    Domain(Domain),
    /// Another name of a local domain.
    DomainAlias(DomainAlias),
    /// An account, and its mailbox.
    Account(Box<Account>),
    /// An alias, forward, list or catch-all.
    Alias(Alias),
    /// An absence text.
    Vacation(Box<Vacation>),
}
