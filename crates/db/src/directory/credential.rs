//! Passwords of old servers, which are kept sealed.

use std::fmt;

use transhume_model::directory::{Address, ProviderName};
use transhume_model::migration::{Migration, MigrationId};

use super::link::{Link, Value};
use super::{DirectoryError, DirectoryLocation, DirectoryTransaction};
use crate::sealed::{SealError, Sealer};

/// The one is NULL, which is equal to nothing.
const THAT: &str = "WHERE migration = $1 OR provider = (SELECT name FROM provider WHERE folded = $2)";

/// Whose password it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialOwner<'n> {
    /// That of the person who is moved.
    Migration(MigrationId),
    /// That of a provider's master user.
    Provider(&'n ProviderName),
}

/// What a password is sealed for: read for another, it is of no use to anybody. It has to be known before the password has
/// a row, and to stay as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialFor<'n> {
    /// The person of that address on the old server.
    OldAddress(&'n Address),
    /// The master user of the provider of that name. A provider with another name needs its password sealed again.
    Provider(&'n ProviderName),
}

/// A password, sealed. Not shown by `Debug`, though it tells nothing without its key.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedCredential(String);

impl CredentialFor<'_> {
    /// Seals a password.
    pub fn seal(self, sealer: &Sealer, password: &[u8]) -> Result<SealedCredential, SealError> {
        let (kind, name) = self.bound_to();
        sealer.seal(kind, name, password).map(SealedCredential)
    }

    /// Reads a password.
    pub fn unseal(self, sealer: &Sealer, credential: &SealedCredential) -> Result<Vec<u8>, SealError> {
        let (kind, name) = self.bound_to();
        sealer.unseal(kind, name, &credential.0)
    }

    fn bound_to(&self) -> (&'static str, &str) {
        match self {
            Self::OldAddress(address) => ("migration", address.as_str()),
            Self::Provider(name) => ("provider", name.folded()),
        }
    }
}

impl DirectoryTransaction<'_> {
    /// Puts a password in place of the one that is known, if there is one. `at` is now, in seconds since 1970 UTC.
    pub async fn set_credential(
        &mut self,
        owner: CredentialOwner<'_>,
        sealed: &SealedCredential,
        at: i64,
    ) -> Result<(), DirectoryError> {
        self.remove_credential(owner).await?;
        let (migration, provider) = columns(owner);
        let statement = "INSERT INTO credential (migration, provider, sealed, learnt) \
                         VALUES ($1, (SELECT name FROM provider WHERE folded = $2), $3, $4)"
            .to_owned();
        let values = [migration, provider, Value::text(&sealed.0), Value::number(at)];
        let written = self.transaction.link().write(statement, &values, true).await;
        written
            .map(drop)
            .map_err(|error| DirectoryError::heard_of(self.at, "credential", &name(owner), error))
    }

    /// Forgets a password; `false` where none was known.
    pub async fn remove_credential(&mut self, owner: CredentialOwner<'_>) -> Result<bool, DirectoryError> {
        let (migration, provider) = columns(owner);
        let statement = format!("DELETE FROM credential {THAT}");
        let removed = self
            .transaction
            .link()
            .write(statement, &[migration, provider], true)
            .await;
        Ok(removed.map_err(|error| DirectoryError::heard(self.at, error))? > 0)
    }
}

/// Forgets the password of a migration of which no pass is to come.
pub(super) async fn forget_when_over(
    link: Link<'_>,
    at: &DirectoryLocation,
    migration: &Migration,
) -> Result<(), DirectoryError> {
    if migration.wants_passes() {
        return Ok(());
    }
    let statement = "DELETE FROM credential WHERE migration = $1".to_owned();
    let forgotten = link
        .write(statement, &[Value::number(migration.id.0)], true)
        .await;
    forgotten
        .map(drop)
        .map_err(|error| DirectoryError::heard(at, error))
}

/// The password that is known.
pub(super) async fn find(
    link: Link<'_>,
    at: &DirectoryLocation,
    owner: CredentialOwner<'_>,
) -> Result<Option<SealedCredential>, DirectoryError> {
    let hear = |error| DirectoryError::heard(at, error);
    let (migration, provider) = columns(owner);
    let question = format!("SELECT sealed FROM credential {THAT}");
    let rows = link.ask(question, &[migration, provider]).await.map_err(hear)?;
    let sealed = rows.first().map(|row| row.text(0)).transpose().map_err(hear)?;
    Ok(sealed.map(SealedCredential))
}

fn columns(owner: CredentialOwner<'_>) -> (Value<'_>, Value<'_>) {
    match owner {
        CredentialOwner::Migration(id) => (Value::number(id.0), Value::Text(None)),
        CredentialOwner::Provider(name) => (Value::Number(None), Value::text(name.folded())),
    }
}

fn name(owner: CredentialOwner<'_>) -> String {
    match owner {
        CredentialOwner::Migration(id) => id.to_string(),
        CredentialOwner::Provider(name) => name.to_string(),
    }
}

impl fmt::Debug for SealedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedCredential(…)")
    }
}
