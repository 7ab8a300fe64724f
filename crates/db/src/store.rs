//! The database file: opening it, and bringing its schema up to date.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteQueryResult,
    SqliteSynchronous,
};
use sqlx::{Execute, Executor as _, Sqlite, Transaction};

use crate::seam::Power;

/// Schema steps, in order. Only ever appended to: a file that has landed never changes.
const SCHEMA: &[&str] = &[
    include_str!("../schema/0001_base.sql"),
    include_str!("../schema/0002_delta.sql"),
    include_str!("../schema/0003_quarantine.sql"),
    include_str!("../schema/0004_digest.sql"),
];

/// A database that could not be opened or used.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// SQLite refused.
    #[error("the state file {}: {source}", path.display())]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// The file was written by a newer version of this program.
    #[error(
        "the state file {} was written by a newer version of transhume (schema {found}, this program \
         knows {known}); use that version, or name another file with --state", path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The schema version in the file.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The file was written by an older version of this program, and may not be written now.
    #[error(
        "the state file {} was written by an older version of transhume; run “transhume move” once, which brings it up to \
         date", path.display()
    )]
    Older {
        /// The database file.
        path: PathBuf,
    },
}

impl DbError {
    /// Whether the disk that holds the file is full.
    pub fn is_disk_full(&self) -> bool {
        // SQLITE_FULL; and SQLITE_IOERR_SHMSIZE, its word when the file that it shares memory by cannot grow.
        const FULL: [&str; 2] = ["13", "4874"];
        matches!(self, Self::Sqlite { source: sqlx::Error::Database(error), .. }
            if error.code().is_some_and(|code| FULL.contains(&&*code)))
    }
}

/// The newest schema version that this program knows.
fn newest() -> i64 {
    i64::try_from(SCHEMA.len()).unwrap_or(i64::MAX)
}

/// An open database file.
#[derive(Clone, Debug)]
pub struct Store {
    pool: SqlitePool,
    path: PathBuf,
    power: Power,
}

impl Store {
    /// Opens the file, creates it if it is missing, and brings its schema up to date.
    pub async fn open(path: &Path) -> Result<Self, DbError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A power cut may take the last commits back; what they recorded is then found again on the target.
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true);
        Self::connect(options, path).await
    }

    /// Opens a file that is there, to read what it says and write nothing.
    ///
    /// Where a run was ended before it could tidy up, its last records lie in a second file beside it; reading those takes
    /// SQLite's own bookkeeping (the file that ends in `-shm`), which says nothing that lasts.
    pub async fn open_to_read(path: &Path) -> Result<Self, DbError> {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let is_tidy = std::fs::metadata(&log).map_or(0, |metadata| metadata.len()) == 0;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(is_tidy);
        let store = Self::pooled(options, path).await?;
        let found = store.version().await?;
        if found < newest() {
            return Err(DbError::Older {
                path: path.to_owned(),
            });
        }
        store.refuse_newer(found)?;
        Ok(store)
    }

    /// A database that lives and dies in memory: for plans that must leave no trace, and for tests.
    pub async fn in_memory() -> Result<Self, DbError> {
        Self::connect(SqliteConnectOptions::new().in_memory(true), Path::new(":memory:")).await
    }

    async fn connect(options: SqliteConnectOptions, path: &Path) -> Result<Self, DbError> {
        let store = Self::pooled(options, path).await?;
        store.bring_up_to_date().await?;
        Ok(store)
    }

    async fn pooled(options: SqliteConnectOptions, path: &Path) -> Result<Self, DbError> {
        let pool = SqlitePoolOptions::new()
            // One writer: a second connection would only wait for the first (and see another memory database).
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .map_err(|source| DbError::Sqlite { path: path.to_owned(), source })?;
        Ok(Self {
            pool,
            path: path.to_owned(),
            power: Power::of_this_thread(),
        })
    }

    async fn version(&self) -> Result<i64, DbError> {
        let query = sqlx::query_scalar("PRAGMA user_version");
        self.hear(query.fetch_one(&self.pool).await)
    }

    fn refuse_newer(&self, found: i64) -> Result<(), DbError> {
        let known = newest();
        if found <= known {
            return Ok(());
        }
        Err(DbError::Newer {
            path: self.path.clone(),
            found,
            known,
        })
    }

    async fn bring_up_to_date(&self) -> Result<(), DbError> {
        let found = self.version().await?;
        self.refuse_newer(found)?;
        for (step, version) in SCHEMA
            .iter()
            .zip(1..)
            .skip_while(|&(_, version)| version <= found)
        {
            let mut transaction = self.hear(self.pool.begin().await)?;
            self.hear(sqlx::raw_sql(*step).execute(&mut *transaction).await)?;
            let mark = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {version}"));
            self.hear(sqlx::raw_sql(mark).execute(&mut *transaction).await)?;
            self.commit(transaction).await?;
        }
        Ok(())
    }

    /// Closes the file, so that nothing is left beside it.
    pub async fn close(self) {
        self.pool.close().await;
    }

    pub(crate) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Changes the database by one statement.
    pub(crate) async fn write<'q>(
        &self,
        statement: impl Execute<'q, Sqlite> + 'q,
    ) -> Result<SqliteQueryResult, DbError> {
        self.hear(self.power.step())?;
        self.hear(self.pool.execute(statement).await)
    }

    /// Changes the database by all that was done in the transaction.
    pub(crate) async fn commit(&self, transaction: Transaction<'_, Sqlite>) -> Result<(), DbError> {
        self.hear(self.power.step())?;
        self.hear(transaction.commit().await)
    }

    /// Puts the file's name to what SQLite said.
    pub(crate) fn hear<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, DbError> {
        result.map_err(|source| DbError::Sqlite {
            path: self.path.clone(),
            source,
        })
    }
}
