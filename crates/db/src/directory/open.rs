//! Reaching the database, and the file where it is one.

use std::fs::{DirBuilder, OpenOptions, Permissions, set_permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};

use super::link::{Connection, Link};
use super::{DirectoryError, DirectoryLocation};

/// The file: its group, which is Postfix's and Dovecot's, may read it; others may not, for it holds password hashes.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;

/// How long one program waits for another that writes.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// What SQLite may keep in memory of what it has read and changed: see `docs/adr/0010-the-directory-as-a-file.md`.
const PAGES_KIB: &str = "-16384";

/// Opens what is there, and makes the file, empty, where it is missing.
pub(super) async fn to_write(at: &DirectoryLocation) -> Result<Connection, DirectoryError> {
    if let DirectoryLocation::Sqlite(path) = at {
        make_file(path)?;
    }
    connect(at, false).await
}

/// Opens what is there to read it; the database itself refuses anything else.
pub(super) async fn to_read(at: &DirectoryLocation) -> Result<Connection, DirectoryError> {
    if let DirectoryLocation::Sqlite(path) = at
        && !path.try_exists().unwrap_or(true)
    {
        return Err(DirectoryError::NotThere { at: at.clone() });
    }
    connect(at, true).await
}

async fn connect(at: &DirectoryLocation, read_only: bool) -> Result<Connection, DirectoryError> {
    let hear = |error| DirectoryError::heard(at, error);
    match at {
        DirectoryLocation::Sqlite(path) => {
            let connection = SqliteConnection::connect_with(&sqlite_options(path, read_only)).await;
            Ok(Connection::Sqlite(connection.map_err(hear)?))
        }
        DirectoryLocation::Postgres(postgres) => {
            let connection = PgConnection::connect_with(&postgres.options).await;
            let mut connection = connection.map_err(hear)?;
            let link = Link::Postgres(&mut connection);
            link.run(patience(read_only)).await.map_err(hear)?;
            Ok(Connection::Postgres(connection))
        }
    }
}

pub(super) fn sqlite_options(path: &Path, read_only: bool) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .read_only(read_only)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
        .pragma("cache_size", PAGES_KIB);
    if read_only {
        return options;
    }
    options
        .journal_mode(SqliteJournalMode::Delete)
        .synchronous(SqliteSynchronous::Full)
}

/// What a connection to PostgreSQL is told first.
pub(super) fn patience(read_only: bool) -> String {
    format!(
        "SET lock_timeout = {}; SET default_transaction_read_only = {read_only}",
        PATIENCE.as_millis()
    )
}

/// Makes the file and its folder, each with its permissions from the first moment. What is there stays as it is.
fn make_file(path: &Path) -> Result<(), DirectoryError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| DirectoryError::File { path, source }
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(FOLDER_MODE).create(folder);
        made.map_err(failed(folder))?;
    }
    let mut options = OpenOptions::new();
    match options.write(true).create_new(true).mode(FILE_MODE).open(path) {
        // Again, since the umask takes from the mode that a file is made with.
        Ok(_) => set_permissions(path, Permissions::from_mode(FILE_MODE)).map_err(failed(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(failed(path)(error)),
    }
}
