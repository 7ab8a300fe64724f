//! What a change means.

use super::Change;
use crate::directory::{Directory, Entry};

impl Change {
    /// Carries the change out on a directory in memory. What a database does with a change has this result.
    pub fn apply_to(self, directory: &mut Directory) {
        match self {
            Self::Add(Entry::Domain(domain)) => {
                directory.domains.insert(domain.name.clone(), domain);
            }
            Self::Add(Entry::DomainAlias(alias)) => {
                directory.domain_aliases.insert(alias.name.clone(), alias);
            }
            Self::Add(Entry::Account(account)) => {
                directory.accounts.insert(account.login.clone(), *account);
            }
            Self::Add(Entry::Alias(alias)) => {
                directory.aliases.insert(alias.address.clone(), alias);
            }
            Self::Add(Entry::Vacation(vacation)) => {
                directory.vacations.insert(vacation.address.clone(), *vacation);
            }
            Self::AddRecipients { alias, recipients } => {
                if let Some(alias) = directory.aliases.get_mut(&alias) {
                    alias.recipients.extend(recipients);
                }
            }
        }
    }
}
