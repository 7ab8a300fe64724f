//! Providers: added, changed, removed. Whatever is wrong is told at once, and then nothing has changed.

use transhume_db::directory::{
    CredentialFor, CredentialOwner, DirectoryError, DirectoryPool, DirectoryTransaction, Filter,
};
use transhume_db::{SealError, Sealer};
use transhume_model::directory::{
    CertificateTrust, DomainName, Provider, ProviderName, ProviderSecurity, Secret,
};

/// What is wrong with a provider, for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderFault {
    /// Its name is taken.
    #[error("there is a provider “{0}” already; choose another name, or change that one")]
    NameTaken(ProviderName),
    /// It has no domains.
    #[error("a provider needs at least one domain that it hosts: nobody could come from it")]
    NoDomains,
    /// A domain of it is another's.
    #[error("the domain {domain} is hosted by the provider “{by}” already; remove it there first")]
    DomainTaken {
        /// The domain.
        domain: DomainName,
        /// Whose it is.
        by: ProviderName,
    },
    /// People would come into a domain whose mail does not end here.
    #[error("{0} is a relay domain here: its mail does not end here, so nobody can be moved into it")]
    RelayDomain(DomainName),
    /// People would come into another name of a domain.
    #[error(
        "{name} is another name of {target} here; let its people come as {name}={target}, or remove the other name"
    )]
    DomainAlias {
        /// The name.
        name: DomainName,
        /// The domain itself.
        target: DomainName,
    },
    /// A certificate cannot be pinned where there is none.
    #[error("a connection in clear shows no certificate that could be pinned; use tls or starttls")]
    PinInClear,
    /// A master user without a password.
    #[error("the master user needs its password")]
    NoMasterPassword,
    /// A master's password without a master.
    #[error("there is a password of a master user, but no master user")]
    NoMaster,
}

/// Why nothing was done about a provider.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// There is none of that name.
    #[error("there is no provider “{0}”; “transhume provider list” shows them")]
    Unknown(ProviderName),
    /// It cannot be as it was said.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<ProviderFault>),
    /// People are still coming from it.
    #[error(
        "migrations of the provider “{name}” would go with it ({migrations}); stop and delete them, or say \
         --with-migrations (accounts and mail stay)"
    )]
    HasMigrations {
        /// The provider.
        name: ProviderName,
        /// How many.
        migrations: usize,
    },
    /// The master's password cannot be sealed, or not be read again for another name.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// The password of a provider's master user, where it is said anew, and how it is kept.
#[derive(Clone, Copy)]
pub struct MasterPassword<'p> {
    /// The password; `None` keeps the one that is known.
    pub password: Option<&'p Secret>,
    /// Opens the key: it is made when the first password needs it.
    pub sealer: &'p (dyn Fn() -> Result<Sealer, SealError> + Sync),
    /// Now, in seconds since 1970 UTC.
    pub now: i64,
}

/// Whether a provider has to host something already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hosting {
    /// It has at least one domain: else nobody could come from it.
    Something,
    /// Its domains may come later: programs say one thing after the other.
    Anything,
}

/// Adds a provider.
pub async fn add_provider(
    pool: &DirectoryPool,
    provider: &Provider,
    master: MasterPassword<'_>,
) -> Result<(), ProviderError> {
    let mut transaction = pool.begin().await?;
    add_within(&mut transaction, provider, master, Hosting::Something).await?;
    Ok(transaction.commit().await?)
}

/// The same, within a transaction.
pub(crate) async fn add_within(
    transaction: &mut DirectoryTransaction<'_>,
    provider: &Provider,
    master: MasterPassword<'_>,
    hosting: Hosting,
) -> Result<(), ProviderError> {
    let others = transaction.providers().await?;
    let mut faults = faults(transaction, provider, &others, hosting).await?;
    faults.extend(master_fault(provider, master, false));
    if !faults.is_empty() {
        return Err(ProviderError::Refused(faults));
    }
    transaction.add_provider(provider).await?;
    keep(transaction, provider, master).await
}

/// Changes a provider, and says what it is now. Its migrations stay.
pub async fn change_provider(
    pool: &DirectoryPool,
    name: &ProviderName,
    change: impl FnOnce(Provider) -> Provider + Send,
    master: MasterPassword<'_>,
) -> Result<Provider, ProviderError> {
    let mut transaction = pool.begin().await?;
    let changed = change_within(&mut transaction, name, change, master, Hosting::Something).await?;
    transaction.commit().await?;
    Ok(changed)
}

/// The same, within a transaction.
pub(crate) async fn change_within(
    transaction: &mut DirectoryTransaction<'_>,
    name: &ProviderName,
    change: impl FnOnce(Provider) -> Provider + Send,
    master: MasterPassword<'_>,
    hosting: Hosting,
) -> Result<Provider, ProviderError> {
    let mut others = transaction.providers().await?;
    let found = others.iter().position(|provider| provider.name == *name);
    let found = found.ok_or_else(|| ProviderError::Unknown(name.clone()))?;
    let before = others.swap_remove(found);
    let old_name = before.name.clone();
    let provider = change(before);
    let owner = CredentialOwner::Provider(&old_name);
    let known = transaction.credential(owner).await?;
    let mut faults = faults(transaction, &provider, &others, hosting).await?;
    faults.extend(master_fault(&provider, master, known.is_some()));
    if !faults.is_empty() {
        return Err(ProviderError::Refused(faults));
    }
    transaction.change_provider(&old_name, &provider).await?;
    if provider.master.is_none() {
        transaction
            .remove_credential(CredentialOwner::Provider(&provider.name))
            .await?;
    } else if master.password.is_some() {
        keep(transaction, &provider, master).await?;
    } else if let (Some(known), true) = (known, provider.name != old_name) {
        // It is sealed for the name.
        let sealer = (master.sealer)()?;
        let password = Secret::new(CredentialFor::Provider(&old_name).unseal(&sealer, &known)?);
        let again = MasterPassword {
            password: Some(&password),
            ..master
        };
        keep(transaction, &provider, again).await?;
    }
    Ok(provider)
}

/// Removes a provider; with its migrations where that is said. Says how many these were. Accounts and mail stay.
pub async fn remove_provider(
    pool: &DirectoryPool,
    name: &ProviderName,
    with_migrations: bool,
) -> Result<usize, ProviderError> {
    let mut transaction = pool.begin().await?;
    let migrations = remove_within(&mut transaction, name, with_migrations).await?;
    transaction.commit().await?;
    Ok(migrations)
}

/// The same, within a transaction.
pub(crate) async fn remove_within(
    transaction: &mut DirectoryTransaction<'_>,
    name: &ProviderName,
    with_migrations: bool,
) -> Result<usize, ProviderError> {
    let filter = Filter {
        provider: Some(name.clone()),
        ..Filter::default()
    };
    let migrations = transaction.migrations(&filter).await?;
    if !migrations.is_empty() && !with_migrations {
        return Err(ProviderError::HasMigrations {
            name: name.clone(),
            migrations: migrations.len(),
        });
    }
    for record in &migrations {
        transaction.delete_migration(record.migration.id).await?;
    }
    if !transaction.remove_provider(name).await? {
        return Err(ProviderError::Unknown(name.clone()));
    }
    Ok(migrations.len())
}

async fn keep(
    transaction: &mut DirectoryTransaction<'_>,
    provider: &Provider,
    master: MasterPassword<'_>,
) -> Result<(), ProviderError> {
    let Some(password) = master.password else {
        return Ok(());
    };
    let sealer = (master.sealer)()?;
    let kept = CredentialFor::Provider(&provider.name).seal(&sealer, password.reveal())?;
    let owner = CredentialOwner::Provider(&provider.name);
    Ok(transaction.set_credential(owner, &kept, master.now).await?)
}

fn master_fault(provider: &Provider, master: MasterPassword<'_>, is_known: bool) -> Option<ProviderFault> {
    match (&provider.master, master.password) {
        (Some(_), None) if !is_known => Some(ProviderFault::NoMasterPassword),
        (None, Some(_)) => Some(ProviderFault::NoMaster),
        _ => None,
    }
}

async fn faults(
    transaction: &mut DirectoryTransaction<'_>,
    provider: &Provider,
    others: &[Provider],
    hosting: Hosting,
) -> Result<Vec<ProviderFault>, DirectoryError> {
    let mut faults = Vec::new();
    if let Some(other) = others.iter().find(|other| other.name == provider.name) {
        faults.push(ProviderFault::NameTaken(other.name.clone()));
    }
    if provider.domains.is_empty() && hosting == Hosting::Something {
        faults.push(ProviderFault::NoDomains);
    }
    if provider.security == ProviderSecurity::Clear && provider.certificate != CertificateTrust::Public {
        faults.push(ProviderFault::PinInClear);
    }
    for (old, new) in &provider.domains {
        if let Some(other) = others.iter().find(|other| other.domains.contains_key(old)) {
            faults.push(ProviderFault::DomainTaken {
                domain: old.clone(),
                by: other.name.clone(),
            });
        }
        let here = new.as_ref().unwrap_or(old);
        if transaction
            .domain(here)
            .await?
            .is_some_and(|domain| !domain.is_local())
        {
            faults.push(ProviderFault::RelayDomain(here.clone()));
        }
        if let Some(alias) = transaction.domain_alias(here).await? {
            faults.push(ProviderFault::DomainAlias {
                name: alias.name,
                target: alias.target,
            });
        }
    }
    Ok(faults)
}
