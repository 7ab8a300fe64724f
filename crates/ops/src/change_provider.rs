//! Providers, changed in somebody's name, by their number.

use transhume_db::{SealError, Sealer};
use transhume_model::directory::{Provider, Secret};
use transhume_model::rights::{Denied, Right, Scope};

use crate::Asked;
use crate::asked::{ChangeError, Fault};
use crate::audit::Did;
use crate::provider::{
    Hosting, MasterPassword, ProviderError, ProviderFault, add_within, change_within, remove_within,
};

impl From<ProviderError> for ChangeError {
    fn from(error: ProviderError) -> Self {
        let fault = |fault: ProviderFault| {
            let field = match &fault {
                ProviderFault::NameTaken(_) => "name",
                ProviderFault::NoDomains
                | ProviderFault::DomainTaken { .. }
                | ProviderFault::RelayDomain(_)
                | ProviderFault::DomainAlias { .. } => "domains",
                ProviderFault::PinInClear => "certificate",
                ProviderFault::NoMasterPassword | ProviderFault::NoMaster => "master",
            };
            Fault::of(field, fault)
        };
        match error {
            ProviderError::Unknown(name) => Self::Unknown(format!("provider “{name}”")),
            ProviderError::Refused(faults) => Self::Refused(faults.into_iter().map(fault).collect()),
            ProviderError::HasMigrations { name, migrations } => Self::Conflict(format!(
                "migrations of the provider “{name}” would go with it ({migrations}); stop and delete them, or say that they \
                 go too (accounts and mail stay)"
            )),
            ProviderError::Seal(error) => error.into(),
            ProviderError::Directory(error) => error.into(),
        }
    }
}

/// Adds a provider; with the password of its master user, where it has one. Its domains may come later: whoever shows a page
/// with both asks for one there.
pub async fn add_provider(
    asked: Asked<'_>,
    provider: &Provider,
    master: Option<&Secret>,
) -> Result<i64, ChangeError> {
    may(asked)?;
    let sealer = sealer(asked);
    let mut transaction = asked.around.directory.begin().await?;
    let master = password(asked, master, &sealer);
    add_within(&mut transaction, provider, master, Hosting::Anything).await?;
    let name = provider.name.as_str();
    asked.note(&mut transaction, Did::AddedProvider, name, "").await?;
    transaction.commit().await?;
    let rows = asked.around.directory.providers_within(&Scope::All).await?;
    let row = rows.into_iter().find(|row| row.provider.name == provider.name);
    row.map(|row| row.id)
        .ok_or_else(|| ChangeError::Unknown(format!("provider “{name}”")))
}

/// Changes a provider, and says what it is now. Its migrations stay, and so do the numbers of its domains.
pub async fn change_provider(
    asked: Asked<'_>,
    id: i64,
    change: impl FnOnce(Provider) -> Provider + Send,
    master: Option<&Secret>,
) -> Result<Provider, ChangeError> {
    may(asked)?;
    let name = named(asked, id).await?.name;
    let sealer = sealer(asked);
    let mut transaction = asked.around.directory.begin().await?;
    let master = password(asked, master, &sealer);
    let provider = change_within(&mut transaction, &name, change, master, Hosting::Anything).await?;
    let what = provider.name.as_str();
    asked
        .note(&mut transaction, Did::ChangedProvider, what, "")
        .await?;
    transaction.commit().await?;
    Ok(provider)
}

/// Removes a provider; with its migrations where that is said. Says how many these were. Accounts and mail stay.
pub async fn remove_provider(asked: Asked<'_>, id: i64, with_migrations: bool) -> Result<usize, ChangeError> {
    may(asked)?;
    let name = named(asked, id).await?.name;
    let mut transaction = asked.around.directory.begin().await?;
    let migrations = remove_within(&mut transaction, &name, with_migrations).await?;
    let told = format!("{migrations} migrations");
    asked
        .note(&mut transaction, Did::RemovedProvider, name.as_str(), &told)
        .await?;
    transaction.commit().await?;
    Ok(migrations)
}

/// Those who write providers write all of them.
fn may(asked: Asked<'_>) -> Result<(), ChangeError> {
    match asked.scope(Right::ChangeProviders) {
        Scope::All => Ok(()),
        _ => Err(Denied::Kind("providers").into()),
    }
}

async fn named(asked: Asked<'_>, id: i64) -> Result<Provider, ChangeError> {
    let scope = asked.scope(Right::ChangeProviders);
    let row = asked.around.directory.provider_within(&scope, id).await?;
    row.map(|row| row.provider)
        .ok_or_else(|| ChangeError::Unknown(format!("provider {id}")))
}

/// What seals passwords is open already.
fn sealer(asked: Asked<'_>) -> impl Fn() -> Result<Sealer, SealError> + Sync + '_ {
    let sealer = &asked.around.sealer;
    move || Ok(Sealer::clone(sealer))
}

fn password<'p>(
    asked: Asked<'_>,
    password: Option<&'p Secret>,
    sealer: &'p (dyn Fn() -> Result<Sealer, SealError> + Sync),
) -> MasterPassword<'p> {
    let now = asked.now();
    MasterPassword {
        password,
        sealer,
        now,
    }
}
