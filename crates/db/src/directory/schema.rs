//! The directory's tables, and how they come up to date.

use futures_util::TryStreamExt as _;

use super::link::{Begin, Connection, Link};
use super::{DirectoryError, DirectoryLocation};

/// Schema steps, in order. Only ever appended to: a file that has landed never changes.
const STEPS: &[&str] = &[
    include_str!("../../schema/directory/0001_directory.sql"),
    include_str!("../../schema/directory/0002_views.sql"),
    include_str!("../../schema/directory/0003_remote_mailbox.sql"),
    include_str!("../../schema/directory/0004_migration.sql"),
    include_str!("../../schema/directory/0005_login_view.sql"),
    include_str!("../../schema/directory/0006_console.sql"),
    include_str!("../../schema/directory/0007_cut_over.sql"),
];

/// One program brings the tables up to date at a time: PostgreSQL's lock on this number, until the transaction ends.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7235929148236)";

/// The tables that lie in the database, or in the first schema of its search path.
const TABLES_OF_SQLITE: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name";
const TABLES_OF_POSTGRES: &str = "SELECT table_name::text FROM information_schema.tables \
                                  WHERE table_schema = current_schema() ORDER BY table_name";

/// Which tables are there, and which this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The version there; 0 where there is nothing yet.
    pub found: i32,
    /// The newest that this program knows.
    pub known: i32,
}

impl SchemaVersion {
    /// Where there is nothing.
    pub fn nothing_yet() -> Self {
        let known = Self::newest();
        Self { found: 0, known }
    }

    fn newest() -> i32 {
        i32::try_from(STEPS.len()).unwrap_or(i32::MAX)
    }

    /// Refuses what a newer version of this program has written.
    pub(super) fn refuse_newer(self, at: &DirectoryLocation) -> Result<Self, DirectoryError> {
        let Self { found, known } = self;
        if found > known {
            let at = at.clone();
            return Err(DirectoryError::Newer { at, found, known });
        }
        Ok(self)
    }

    /// Refuses what this program cannot read as it is.
    pub(super) fn refuse_other(self, at: &DirectoryLocation) -> Result<(), DirectoryError> {
        let Self { found, known } = self.refuse_newer(at)?;
        let at = at.clone();
        match found {
            0 => Err(DirectoryError::NotThere { at }),
            _ if found < known => Err(DirectoryError::Older { at, found, known }),
            _ => Ok(()),
        }
    }
}

/// Looks which version is there.
pub(super) async fn version(
    mut link: Link<'_>,
    at: &DirectoryLocation,
) -> Result<SchemaVersion, DirectoryError> {
    let hear = |error| DirectoryError::heard(at, error);
    let question = if link.is_sqlite() {
        TABLES_OF_SQLITE
    } else {
        TABLES_OF_POSTGRES
    };
    let mut tables = Vec::new();
    let mut rows = link.same().rows(question);
    while let Some(row) = rows.try_next().await.map_err(hear)? {
        tables.push(row.text(0).map_err(hear)?);
    }
    drop(rows);
    if tables.is_empty() {
        return Ok(SchemaVersion::nothing_yet());
    }
    if !tables.iter().any(|table| table == "directory_version") {
        tables.truncate(5);
        return Err(DirectoryError::SomethingElse {
            at: at.clone(),
            tables: tables.join(", "),
        });
    }
    let mut rows = link.rows("SELECT version FROM directory_version");
    let row = rows.try_next().await.map_err(hear)?;
    let found = row.map(|row| row.small_number(0)).transpose().map_err(hear)?;
    Ok(SchemaVersion {
        found: found.flatten().unwrap_or_default(),
        known: SchemaVersion::newest(),
    })
}

/// Brings the tables up to date, all steps or none. Others who want to wait.
pub(super) async fn upgrade(
    connection: &mut Connection,
    at: &DirectoryLocation,
) -> Result<(), DirectoryError> {
    let hear = |error| DirectoryError::heard(at, error);
    let mut transaction = connection.begin(Begin::Upgrade).await.map_err(hear)?;
    let is_sqlite = transaction.link().is_sqlite();
    if !is_sqlite {
        transaction.link().run(LOCK.to_owned()).await.map_err(hear)?;
    }
    let found = version(transaction.link(), at).await?.refuse_newer(at)?.found;
    for (step, number) in STEPS
        .iter()
        .zip(1_i32..)
        .skip_while(|&(_, number)| number <= found)
    {
        let statements = format!(
            "{}\nDELETE FROM directory_version;\nINSERT INTO directory_version (version) VALUES ({number});",
            spelled(step, is_sqlite)
        );
        transaction.link().run(statements).await.map_err(hear)?;
    }
    transaction.commit().await.map_err(hear)
}

/// A step in the words of the engine. A view that takes the place of another keeps, in PostgreSQL, what roles may do with it.
fn spelled(step: &str, is_sqlite: bool) -> String {
    let (id, replace_login) = if is_sqlite {
        (
            "INTEGER PRIMARY KEY",
            "DROP VIEW mail_login;\nCREATE VIEW mail_login",
        )
    } else {
        (
            "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            "CREATE OR REPLACE VIEW mail_login",
        )
    };
    step.replace("{{id}}", id)
        .replace("{{replace view}} mail_login", replace_login)
}
