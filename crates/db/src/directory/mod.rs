//! The directory: domains, accounts and aliases, providers and migrations, in a SQLite file or a PostgreSQL database.
//!
//! Commands that work on all of it have a [`DirectoryStore`], programs that run for long a [`DirectoryPool`].
//! Postfix and Dovecot read the same tables, so everything that is written becomes visible in one stroke: a
//! [`DirectoryTransaction`], of which there is one at a time.

mod account;
mod audit;
mod change;
mod credential;
mod error;
mod lease;
mod link;
mod location;
mod lookup;
mod migration;
mod open;
mod pass;
mod pool;
mod provider;
mod read;
mod remote;
mod schema;
mod search;
pub mod serving;
mod settings;
mod sign_in;
mod token;
mod write;

use std::fmt;

use transhume_model::directory::Directory;
use transhume_model::plan::directory::Change;

pub use account::DomainContent;
pub use audit::{AuditRecord, AuditSearch, NewAudit};
pub use credential::{CredentialFor, CredentialOwner, SealedCredential};
pub use error::DirectoryError;
pub use lease::{HandBack, Lease, LeaseError, Leased, Queue};
use link::{Begin, Connection, Transaction};
pub use location::{DirectoryLocation, LocationProblem, PostgresLocation};
pub use migration::{Filter, MigrationRecord, NewMigration, TransitionError};
pub use pass::PassRecord;
pub use pool::DirectoryPool;
pub use schema::SchemaVersion;
pub use search::{
    AccountRow, AccountSearch, AliasSearch, DomainRow, DomainSearch, Found, MigrationRow, MigrationSearch,
    MigrationSort, Numbered, Overview, Paging, ProviderRow,
};
pub use sign_in::{NewSignIn, SignInRecord};
pub use token::TokenRecord;

/// An open directory.
pub struct DirectoryStore {
    at: DirectoryLocation,
    connection: Connection,
}

/// Changes of the directory that nobody sees yet. Dropped without [`commit`](Self::commit), they have never been.
pub struct DirectoryTransaction<'s> {
    at: &'s DirectoryLocation,
    transaction: Transaction<'s>,
}

/// PostgreSQL's part of [`DirectoryStore::begin`]: all who write take this lock first, and nobody who reads does. It comes
/// before anything is read, so that what is read is what was there when the lock was given.
const LOCK: &str = "LOCK TABLE directory_version IN SHARE ROW EXCLUSIVE MODE";

impl DirectoryStore {
    /// Opens the directory, makes it where there is nothing yet, and brings its schema up to date.
    pub async fn open(at: &DirectoryLocation) -> Result<Self, DirectoryError> {
        let mut store = Self::connected(at, open::to_write(at).await?);
        let version = store.schema().await?.refuse_newer(at)?;
        if version.found < version.known {
            schema::upgrade(&mut store.connection, at).await?;
        }
        Ok(store)
    }

    /// Opens the directory to read it; nothing can be written. [`DirectoryError::NotThere`] where there is none yet.
    pub async fn open_to_read(at: &DirectoryLocation) -> Result<Self, DirectoryError> {
        let mut store = Self::connected(at, open::to_read(at).await?);
        store.schema().await?.refuse_other(at)?;
        Ok(store)
    }

    /// Looks which version of the schema is there, and changes nothing. [`DirectoryError::NotThere`] where there is no
    /// file.
    pub async fn look_at_schema(at: &DirectoryLocation) -> Result<SchemaVersion, DirectoryError> {
        let mut store = Self::connected(at, open::to_read(at).await?);
        store.schema().await
    }

    fn connected(at: &DirectoryLocation, connection: Connection) -> Self {
        let at = at.clone();
        Self { at, connection }
    }

    async fn schema(&mut self) -> Result<SchemaVersion, DirectoryError> {
        schema::version(self.connection.link(), &self.at).await
    }

    /// The whole directory, at one moment.
    pub async fn read(&mut self) -> Result<Directory, DirectoryError> {
        let hear = |error| DirectoryError::heard(&self.at, error);
        let mut transaction = self.connection.begin(Begin::Read).await.map_err(hear)?;
        read::directory(transaction.link(), &self.at).await
    }

    /// Begins to change the directory. Whoever does so meanwhile waits, for up to a minute; whoever only reads sees the
    /// directory as it was.
    pub async fn begin(&mut self) -> Result<DirectoryTransaction<'_>, DirectoryError> {
        let at = &self.at;
        let hear = |error| DirectoryError::heard(at, error);
        let mut transaction = self.connection.begin(Begin::Write).await.map_err(hear)?;
        if !transaction.link().is_sqlite() {
            transaction.link().run(LOCK.to_owned()).await.map_err(hear)?;
        }
        Ok(DirectoryTransaction { at, transaction })
    }

    /// Says goodbye to the database.
    pub async fn close(self) -> Result<(), DirectoryError> {
        let closed = self.connection.close().await;
        closed.map_err(|error| DirectoryError::heard(&self.at, error))
    }
}

impl DirectoryTransaction<'_> {
    /// The whole directory, with the changes of this transaction.
    pub async fn read(&mut self) -> Result<Directory, DirectoryError> {
        read::directory(self.transaction.link(), self.at).await
    }

    /// Carries out changes, in their order. After an error nothing is left to do but to drop the transaction.
    pub async fn apply(&mut self, changes: &[Change]) -> Result<(), DirectoryError> {
        write::apply(self.transaction.link(), self.at, changes).await
    }

    /// Makes all changes part of the directory, for good.
    pub async fn commit(self) -> Result<(), DirectoryError> {
        let committed = self.transaction.commit().await;
        committed.map_err(|error| DirectoryError::heard(self.at, error))
    }
}

impl fmt::Debug for DirectoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryStore")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DirectoryTransaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryTransaction")
            .field("at", self.at)
            .finish_non_exhaustive()
    }
}
