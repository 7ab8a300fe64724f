//! How each engine is asked: which columns there are, and for every value as text.

use std::path::Path;

use futures_util::TryStreamExt as _;
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use transhume_model::import::postfixadmin::Kind;

use super::location::Engine;

/// A connection in a transaction that only reads.
pub(super) enum Reader {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    Mysql(MySqlConnection),
}

/// A row of texts, as octets: not every database keeps to its own character set.
pub(super) type Cells = Vec<Option<Vec<u8>>>;

/// Does the same with whichever engine it is.
macro_rules! each {
    ($whole:expr, $part:ident => $do:expr) => {
        match $whole {
            Reader::Sqlite($part) => $do,
            Reader::Postgres($part) => $do,
            Reader::Mysql($part) => $do,
        }
    };
}

impl Reader {
    /// Connects, and begins to read as of one moment.
    pub(super) async fn open(engine: &Engine) -> Result<Self, sqlx::Error> {
        let mut reader = match engine {
            Engine::Sqlite(path) => Self::Sqlite(open_file(path).await?),
            Engine::Postgres(options) => Self::Postgres(PgConnection::connect_with(options).await?),
            Engine::Mysql(options) => Self::Mysql(MySqlConnection::connect_with(options).await?),
        };
        let begin: &[&str] = match &reader {
            Self::Sqlite(_) => &["BEGIN"],
            Self::Postgres(_) => &["BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"],
            Self::Mysql(_) => &[
                "SET NAMES utf8mb4",
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
            ],
        };
        for statement in begin {
            each!(&mut reader, connection => sqlx::raw_sql(*statement).execute(connection).await.map(drop))?;
        }
        Ok(reader)
    }

    /// The columns of a table of that name; empty where there is none.
    pub(super) async fn columns(&mut self, table: &str) -> Result<Vec<String>, sqlx::Error> {
        let question = match self {
            Self::Sqlite(_) => "SELECT name FROM pragma_table_info(?)",
            Self::Postgres(_) => {
                "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(quote_ident($1)) \
                 AND attnum > 0 AND NOT attisdropped"
            }
            Self::Mysql(_) => {
                "SELECT CONVERT(column_name USING utf8mb4) FROM information_schema.columns \
                 WHERE table_schema = DATABASE() AND table_name = ?"
            }
        };
        each!(self, connection => {
            let rows = sqlx::query(question).bind(table.to_owned()).fetch_all(connection).await?;
            rows.iter().map(|row| row.try_get::<String, _>(0)).collect()
        })
    }

    /// Which of the tables have an engine that gives no view of one moment.
    pub(super) async fn unsteady(&mut self, tables: &[String]) -> Result<Vec<String>, sqlx::Error> {
        let Self::Mysql(connection) = self else {
            return Ok(Vec::new());
        };
        let question = "SELECT CONVERT(table_name USING utf8mb4) FROM information_schema.tables \
                        WHERE table_schema = DATABASE() AND engine <> 'InnoDB'";
        let rows = sqlx::query(question).fetch_all(connection).await?;
        let found: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        Ok(found.into_iter().filter(|name| tables.contains(name)).collect())
    }

    /// How many rows a table has.
    pub(super) async fn count(&mut self, table: &str) -> Result<u64, sqlx::Error> {
        let question = format!("SELECT count(*) FROM {}", self.quoted(table));
        let count = each!(self, connection => {
            let row = sqlx::query(AssertSqlSafe(question)).fetch_one(connection).await?;
            row.try_get::<i64, _>(0)?
        });
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Reads the columns of a table, and hands over each row: `None` for a column that it does not have.
    pub(super) async fn rows(
        &mut self,
        table: &str,
        columns: &[(&str, Kind)],
        there: &[String],
        mut take: impl FnMut(Cells),
    ) -> Result<(), sqlx::Error> {
        let wanted: Vec<_> = columns
            .iter()
            .map(|(name, kind)| {
                if there.iter().any(|there| there == name) {
                    self.as_text(name, *kind)
                } else {
                    "NULL".to_owned()
                }
            })
            .collect();
        let order = columns
            .iter()
            .take(2)
            .filter(|(name, _)| there.iter().any(|there| there == name));
        let order: Vec<_> = order.map(|(name, _)| self.quoted(name)).collect();
        let question = format!(
            "SELECT {} FROM {} ORDER BY {}",
            wanted.join(", "),
            self.quoted(table),
            order.join(", ")
        );
        each!(self, connection => {
            let mut rows = sqlx::query(AssertSqlSafe(question)).fetch(connection);
            while let Some(row) = rows.try_next().await? {
                let mut cells = Vec::with_capacity(columns.len());
                for (place, (name, _)) in columns.iter().enumerate() {
                    let is_there = there.iter().any(|there| there == name);
                    cells.push(if is_there { row.try_get_unchecked(place)? } else { None });
                }
                take(cells);
            }
        });
        Ok(())
    }

    /// A column as text: a moment in seconds since 1970 UTC, all else as the database writes it.
    fn as_text(&self, column: &str, kind: Kind) -> String {
        let name = self.quoted(column);
        match (self, kind) {
            // Local times without a zone are taken for UTC: a file does not know where it was written.
            (Self::Sqlite(_), Kind::Moment) => format!("CAST(strftime('%s', {name}) AS TEXT)"),
            (Self::Sqlite(_), _) => format!("CAST({name} AS TEXT)"),
            (Self::Postgres(_), Kind::Moment) => {
                format!("CASE WHEN isfinite({name}) THEN extract(epoch FROM {name})::bigint::text END")
            }
            (Self::Postgres(_), _) => format!("{name}::text"),
            // In the server's zone, which is PHP's on nearly every machine; 0 for dates of zeros.
            (Self::Mysql(_), Kind::Moment) => {
                format!("CONVERT(CAST(UNIX_TIMESTAMP({name}) AS SIGNED) USING utf8mb4)")
            }
            (Self::Mysql(_), _) => format!("CONVERT({name} USING utf8mb4)"),
        }
    }

    /// A name in quotes.
    fn quoted(&self, name: &str) -> String {
        match self {
            Self::Mysql(_) => format!("`{}`", name.replace('`', "``")),
            _ => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// Says goodbye.
    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        each!(self, connection => connection.close().await)
    }
}

async fn open_file(path: &Path) -> Result<SqliteConnection, sqlx::Error> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    SqliteConnection::connect_with(&options).await
}
