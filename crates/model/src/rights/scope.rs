//! Whose things somebody may see or change.

use std::collections::BTreeSet;

use crate::directory::{Account, Alias, Directory, Domain, DomainAlias, DomainName, Login, Provider};
use crate::migration::Migration;

/// Whose things somebody may see or change. What lies outside is not there for them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everybody's.
    All,
    /// What belongs to these domains. A provider does whose people come into one of them under that name.
    Domains(BTreeSet<DomainName>),
    /// One's own account and migration.
    Own(Login),
}

impl Scope {
    /// Whether a domain of this name lies within.
    pub fn has_domain(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Domains(domains) => domains.contains(name),
            Self::Own(_) => false,
        }
    }

    /// Whether an account does: by its mailbox's domain.
    pub fn has_account(&self, account: &Account) -> bool {
        match self {
            Self::Own(login) => *login == account.login,
            Self::All => true,
            Self::Domains(_) => {
                let mailbox = account.mailbox.as_ref();
                mailbox.is_some_and(|mailbox| self.has_domain(mailbox.address.domain()))
            }
        }
    }

    /// Whether a migration does: by its address here.
    pub fn has_migration(&self, migration: &Migration) -> bool {
        match self {
            Self::Own(login) => *login == migration.login,
            _ => self.has_domain(migration.address.domain()),
        }
    }

    /// Whether a provider does.
    pub fn has_provider(&self, provider: &Provider) -> bool {
        let mut new = provider.domains.values().flatten();
        *self == Self::All || new.any(|new| self.has_domain(new.as_str()))
    }

    /// Whether an alias does.
    pub fn has_alias(&self, alias: &Alias) -> bool {
        self.has_domain(alias.address.domain())
    }

    /// What of a directory lies within. Other names of a domain do where the domain does.
    pub fn narrow(&self, mut directory: Directory) -> Directory {
        if *self != Self::All {
            let has_domain = |_: &DomainName, domain: &mut Domain| self.has_domain(domain.name.as_str());
            directory.domains.retain(has_domain);
            let has_target = |_: &DomainName, alias: &mut DomainAlias| self.has_domain(alias.target.as_str());
            directory.domain_aliases.retain(has_target);
            directory.accounts.retain(|_, account| self.has_account(account));
            directory.aliases.retain(|_, alias| self.has_alias(alias));
            directory
                .vacations
                .retain(|address, _| self.has_domain(address.domain()));
        }
        directory
    }
}
