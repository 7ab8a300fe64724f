//! Migrations: found by what a person calls them, and let happen what a person wants.

use transhume_db::directory::{DirectoryError, DirectoryPool, MigrationRecord, TransitionError};
use transhume_model::directory::{Address, Login};
use transhume_model::migration::{Event, Migration, MigrationId, Phase};

/// Why nothing has become of what was asked.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// Nothing is called so.
    #[error("there is no migration “{0}”; name its number, or the address here or on the old server")]
    Unknown(String),
    /// It is under way.
    #[error(
        "the migration of {0} is under way; stop it first, or say --force: what is known of its old password and its \
         history goes, account and mail stay"
    )]
    UnderWay(Address),
    /// It cannot be.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Finds a migration by its number, by the address or login here, or by the address on the old server.
pub async fn find_migration(pool: &DirectoryPool, name: &str) -> Result<MigrationRecord, MigrationError> {
    let name = name.trim();
    let mut found = None;
    if let Ok(id) = name.parse() {
        found = pool.migration(MigrationId(id)).await?;
    }
    if let (None, Ok(login)) = (&found, Login::parse(name)) {
        found = pool.migration_of(&login).await?;
    }
    if let (None, Ok(address)) = (&found, Address::parse(name)) {
        if let Some(login) = pool.owner(&address).await? {
            found = pool.migration_of(&login).await?;
        }
        if found.is_none() {
            found = pool.migration_from(&address).await?;
        }
    }
    found.ok_or_else(|| MigrationError::Unknown(name.to_owned()))
}

/// Lets something happen to a migration. `now` is in seconds since 1970 UTC.
pub async fn let_happen(
    pool: &DirectoryPool,
    id: MigrationId,
    event: Event,
    now: i64,
) -> Result<Migration, MigrationError> {
    Ok(pool.happen(id, event, now).await?)
}

/// Deletes a migration with its history and what is known of its old password. Account and mail stay; a login with the old
/// password will not begin it anew, since the account is here. One whose first pass has begun,
/// and which is under way, only by `force`.
pub async fn delete_migration(
    pool: &DirectoryPool,
    id: MigrationId,
    force: bool,
) -> Result<(), MigrationError> {
    let mut transaction = pool.begin().await?;
    let record = transaction.migration(id).await?;
    let record = record.ok_or_else(|| MigrationError::Unknown(id.to_string()))?;
    let migration = record.migration;
    if migration.phase.is_under_way() && migration.phase != Phase::Pending && !force {
        return Err(MigrationError::UnderWay(migration.address));
    }
    transaction.delete_migration(id).await?;
    transaction.commit().await?;
    Ok(())
}
