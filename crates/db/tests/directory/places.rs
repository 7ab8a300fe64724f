//! Both engines, with as many empty directories as a test wants.

use std::cell::Cell;

use tempfile::TempDir;
use transhume_db::directory::DirectoryLocation;
use transhume_testkit::Postgres;

/// An engine, and a place for directories in it.
pub(crate) struct Place {
    name: &'static str,
    folder: Option<TempDir>,
    count: Cell<u32>,
}

/// Runs a test on each engine, under a name that no other test of this program has.
pub(crate) fn each_engine(name: &'static str, test: impl Fn(&Place)) {
    for folder in [Some(tempfile::tempdir().unwrap()), None] {
        test(&Place {
            name,
            folder,
            count: Cell::new(0),
        });
    }
}

impl Place {
    /// Whether this is SQLite.
    pub(crate) fn is_sqlite(&self) -> bool {
        self.folder.is_some()
    }

    /// Where nothing is yet.
    pub(crate) fn fresh(&self) -> DirectoryLocation {
        self.count.set(self.count.get() + 1);
        let text = if let Some(folder) = &self.folder {
            format!("sqlite:{}/{}.sqlite", folder.path().display(), self.count.get())
        } else {
            // Made anew each time: PostgreSQL takes longer to make a database than to forget one's tables.
            let server = Postgres::shared();
            let again = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
            if self.count.get() == 1 || server.sql(self.name, again).is_err() {
                server.create_database(self.name).unwrap();
            }
            server.socket_url(self.name)
        };
        DirectoryLocation::parse(&text).unwrap()
    }

    /// Runs statements beside the program, as an administrator might, in the directory that [`Place::fresh`] made last.
    pub(crate) fn sql(&self, statements: &str) {
        match &self.folder {
            Some(folder) => {
                use sqlx::Connection as _;
                let file = folder.path().join(format!("{}.sqlite", self.count.get()));
                wait(async {
                    let options = sqlx::sqlite::SqliteConnectOptions::new()
                        .filename(file)
                        .create_if_missing(true);
                    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
                    let statements = sqlx::AssertSqlSafe(statements.to_owned());
                    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
                    connection.close().await.unwrap();
                });
            }
            None => {
                Postgres::shared().sql(self.name, statements).unwrap();
            }
        }
    }

    /// How the engine would answer a query, in its own words, a line for each step. PostgreSQL is told to read whole tables
    /// only where there is no other way, as with large ones.
    pub(crate) fn plan(&self, query: &str) -> String {
        use sqlx::{Connection as _, Row as _};
        let Some(folder) = &self.folder else {
            let statements = format!("SET enable_seqscan = off; EXPLAIN {query}");
            return Postgres::shared().sql(self.name, &statements).unwrap();
        };
        let file = folder.path().join(format!("{}.sqlite", self.count.get()));
        wait(async {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
            let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
            let statement = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
            let rows = sqlx::query(statement).fetch_all(&mut connection).await.unwrap();
            connection.close().await.unwrap();
            let steps = rows.iter().map(|row| row.get::<String, _>("detail"));
            steps.collect::<Vec<_>>().join("\n")
        })
    }
}

/// Waits for what is asynchronous.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
