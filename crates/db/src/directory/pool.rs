//! The directory for programs that run for long: many who read at a time, each asking for what it needs and no more.

use std::fmt;
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::{Postgres, Sqlite};
use transhume_model::directory::Directory;

use super::link::{Begin, Link, Transaction};
use super::open::{self, PATIENCE};
use super::{DirectoryError, DirectoryLocation, DirectoryStore, DirectoryTransaction, LOCK, read};

/// Connections that read a SQLite file at a time. They wait for the disk only, so few suffice.
const READERS: u32 = 4;
/// Connections to PostgreSQL at a time. Several processes share what the server allows (100, as it is installed).
const CONNECTIONS: u32 = 10;

/// What PostgreSQL takes from a program that sleeps in the middle of a change (a process that was stopped, a machine that was paused):
/// its locks, or all others would wait for it. None of a pool's transactions waits for anything but the database.
const ASLEEP: &str = "SET idle_in_transaction_session_timeout = '5s'";

/// An open directory that many tasks of a program use at a time. Its copies are the same one.
#[derive(Clone)]
pub struct DirectoryPool {
    shared: Arc<Shared>,
}

struct Shared {
    at: DirectoryLocation,
    pools: Pools,
}

enum Pools {
    /// SQLite has one writer at a time, and it is of no use that several of one program wait for the file's lock.
    Sqlite {
        readers: SqlitePool,
        writer: SqlitePool,
    },
    Postgres(PgPool),
}

/// A connection that was lent.
pub(super) enum Lent {
    Sqlite(PoolConnection<Sqlite>),
    Postgres(PoolConnection<Postgres>),
}

impl DirectoryPool {
    /// Opens the directory, makes it where there is nothing yet, and brings its schema up to date.
    pub async fn open(at: &DirectoryLocation) -> Result<Self, DirectoryError> {
        DirectoryStore::open(at).await?.close().await?;
        Ok(Self::of(at))
    }

    /// Opens a directory that is there and up to date, for those who only read. [`DirectoryError::NotThere`] where there is
    /// none yet.
    pub async fn open_to_read(at: &DirectoryLocation) -> Result<Self, DirectoryError> {
        DirectoryStore::open_to_read(at).await?.close().await?;
        Ok(Self::of(at))
    }

    fn of(at: &DirectoryLocation) -> Self {
        let pools = match at {
            DirectoryLocation::Sqlite(path) => {
                // Nothing is opened before it is needed.
                let pool = |most, read_only| {
                    SqlitePoolOptions::new()
                        .max_connections(most)
                        .acquire_timeout(PATIENCE)
                        .connect_lazy_with(open::sqlite_options(path, read_only))
                };
                Pools::Sqlite {
                    readers: pool(READERS, true),
                    writer: pool(1, false),
                }
            }
            DirectoryLocation::Postgres(postgres) => {
                let pool = PgPoolOptions::new()
                    .max_connections(CONNECTIONS)
                    .acquire_timeout(PATIENCE)
                    .after_connect(|connection, _| {
                        let settings = format!("{}; {ASLEEP}", open::patience(false));
                        Box::pin(async move { Link::Postgres(connection).run(settings).await })
                    });
                Pools::Postgres(pool.connect_lazy_with((*postgres.options).clone()))
            }
        };
        let at = at.clone();
        Self {
            shared: Arc::new(Shared { at, pools }),
        }
    }

    /// The whole directory, at one moment.
    pub async fn read(&self) -> Result<Directory, DirectoryError> {
        let mut transaction = self.transaction(Begin::Read).await?;
        read::directory(transaction.link(), self.location()).await
    }

    /// Where it is.
    pub fn location(&self) -> &DirectoryLocation {
        &self.shared.at
    }

    /// Begins to change the directory. Whoever does so meanwhile waits, for up to a minute, in this program and others;
    /// whoever only reads sees the directory as it was. What the transaction reads of domains, accounts, aliases and
    /// providers nobody changes before it ends.
    pub async fn begin(&self) -> Result<DirectoryTransaction<'_>, DirectoryError> {
        let mut transaction = self.transaction(Begin::Beside).await?;
        if !transaction.link().is_sqlite() {
            let locked = transaction.link().run(LOCK.to_owned()).await;
            locked.map_err(|error| self.hear(error))?;
        }
        Ok(DirectoryTransaction {
            at: self.location(),
            transaction,
        })
    }

    /// Says goodbye to the database, for all copies.
    pub async fn close(&self) {
        match &self.shared.pools {
            Pools::Sqlite { readers, writer } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }

    /// A transaction beside those of others.
    pub(super) async fn transaction(&self, how: Begin) -> Result<Transaction<'static>, DirectoryError> {
        let begun = match &self.shared.pools {
            Pools::Sqlite { readers, writer } => {
                let pool = if matches!(how, Begin::Read) {
                    readers
                } else {
                    writer
                };
                pool.begin_with(how.of_sqlite()).await.map(Transaction::Sqlite)
            }
            Pools::Postgres(pool) => pool
                .begin_with(how.of_postgres())
                .await
                .map(Transaction::Postgres),
        };
        begun.map_err(|error| self.hear(error))
    }

    /// A connection to ask one question.
    pub(super) async fn lend(&self) -> Result<Lent, DirectoryError> {
        let lent = match &self.shared.pools {
            Pools::Sqlite { readers, .. } => readers.acquire().await.map(Lent::Sqlite),
            Pools::Postgres(pool) => pool.acquire().await.map(Lent::Postgres),
        };
        lent.map_err(|error| self.hear(error))
    }

    pub(super) fn hear(&self, error: sqlx::Error) -> DirectoryError {
        DirectoryError::heard(self.location(), error)
    }
}

impl Lent {
    pub(super) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(connection) => Link::Sqlite(connection),
            Self::Postgres(connection) => Link::Postgres(connection),
        }
    }
}

impl fmt::Debug for DirectoryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectoryPool")
            .field("at", self.location())
            .finish_non_exhaustive()
    }
}
