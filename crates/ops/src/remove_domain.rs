//! A domain is removed, when nothing is in it and nobody comes into it.

use transhume_db::directory::{DirectoryError, DirectoryPool, DirectoryTransaction, DomainContent};
use transhume_model::directory::{DomainName, ProviderName, renamed_to};

/// Why a domain stays.
#[derive(Debug, thiserror::Error)]
pub enum RemoveDomainError {
    /// There is none of that name.
    #[error("there is no domain {0}; “transhume domain list” shows them")]
    Unknown(DomainName),
    /// Something is in it.
    #[error(
        "the domain {name} has {} mailboxes, {} aliases and {} other names; remove them first",
        content.mailboxes, content.aliases, content.domain_aliases
    )]
    NotEmpty {
        /// The domain.
        name: DomainName,
        /// What is in it.
        content: DomainContent,
    },
    /// People of another domain would come into it.
    #[error(
        "the provider “{provider}” brings the people of {old} into {name}; change that first (“transhume provider change”), or \
         they would come under another address than was promised"
    )]
    Promised {
        /// The domain.
        name: DomainName,
        /// The provider.
        provider: ProviderName,
        /// The domain there.
        old: DomainName,
    },
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Removes a domain.
pub async fn remove_domain(pool: &DirectoryPool, name: &DomainName) -> Result<(), RemoveDomainError> {
    let mut transaction = pool.begin().await?;
    remove_within(&mut transaction, name).await?;
    Ok(transaction.commit().await?)
}

/// The same, within a transaction.
pub(crate) async fn remove_within(
    transaction: &mut DirectoryTransaction<'_>,
    name: &DomainName,
) -> Result<(), RemoveDomainError> {
    let providers = transaction.providers().await?;
    if let Some((provider, old)) = renamed_to(&providers, name.as_str()) {
        return Err(RemoveDomainError::Promised {
            name: name.clone(),
            provider: provider.name.clone(),
            old: old.clone(),
        });
    }
    let content = transaction.domain_content(name).await?;
    if content != DomainContent::default() {
        let name = name.clone();
        return Err(RemoveDomainError::NotEmpty { name, content });
    }
    if !transaction.remove_domain(name).await? {
        return Err(RemoveDomainError::Unknown(name.clone()));
    }
    Ok(())
}
