//! One way to speak to both engines: statements with `$1`, `$2`, … and rows of plain values.

use std::borrow::Cow;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Postgres, Row as _, Sqlite};

/// A connection of its own.
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A transaction; one that is dropped has never been.
pub(super) enum Transaction<'c> {
    Sqlite(sqlx::Transaction<'c, Sqlite>),
    Postgres(sqlx::Transaction<'c, Postgres>),
}

/// How a transaction begins.
#[derive(Clone, Copy)]
pub(super) enum Begin {
    /// To read, as of one moment.
    Read,
    /// To read and write, as the only one who writes. PostgreSQL's part of that is a lock that is taken then.
    Write,
    /// To read and write beside others who do: each statement sees what was committed before it.
    Beside,
    /// To make or change tables.
    Upgrade,
}

/// A value in a statement.
#[derive(Clone, Debug)]
pub(super) enum Value<'v> {
    Text(Option<Cow<'v, str>>),
    Number(Option<i64>),
    Truth(Option<bool>),
}

impl<'v> Value<'v> {
    pub(super) fn text(text: &'v str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }

    pub(super) fn text_or_none(text: Option<&'v str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }

    pub(super) fn number(number: impl Into<i64>) -> Self {
        Self::Number(Some(number.into()))
    }

    /// More than databases count is the most that they do.
    pub(super) fn count(number: u64) -> Self {
        Self::number(i64::try_from(number).unwrap_or(i64::MAX))
    }

    pub(super) fn truth(truth: bool) -> Self {
        Self::Truth(Some(truth))
    }
}

/// What statements are sent over.
pub(super) enum Link<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

/// A row that came back.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Does the same with whichever engine it is.
macro_rules! either {
    ($type:ident, $whole:expr, $part:ident => $do:expr) => {
        match $whole {
            $type::Sqlite($part) => $do,
            $type::Postgres($part) => $do,
        }
    };
}

/// Binds values to a statement, in their order.
macro_rules! bound {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Text(text) => query.bind(text.as_deref()),
                Value::Number(number) => query.bind(*number),
                Value::Truth(truth) => query.bind(*truth),
            };
        }
        query
    }};
}

impl Begin {
    pub(super) fn of_sqlite(self) -> &'static str {
        match self {
            Self::Read => "BEGIN",
            Self::Write | Self::Beside | Self::Upgrade => "BEGIN IMMEDIATE",
        }
    }

    pub(super) fn of_postgres(self) -> &'static str {
        match self {
            Self::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            Self::Write => "BEGIN ISOLATION LEVEL REPEATABLE READ",
            // Each statement has to see what was done while it waited for a lock.
            Self::Beside | Self::Upgrade => "BEGIN ISOLATION LEVEL READ COMMITTED",
        }
    }
}

impl Connection {
    pub(super) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(connection) => Link::Sqlite(connection),
            Self::Postgres(connection) => Link::Postgres(connection),
        }
    }

    pub(super) async fn begin(&mut self, how: Begin) -> Result<Transaction<'_>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => Transaction::Sqlite(connection.begin_with(how.of_sqlite()).await?),
            Self::Postgres(connection) => {
                Transaction::Postgres(connection.begin_with(how.of_postgres()).await?)
            }
        })
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        either!(Self, self, connection => connection.close().await)
    }
}

impl Transaction<'_> {
    pub(super) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(transaction) => Link::Sqlite(transaction),
            Self::Postgres(transaction) => Link::Postgres(transaction),
        }
    }

    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        either!(Self, self, transaction => transaction.commit().await)
    }
}

impl<'a> Link<'a> {
    /// The same, for a shorter time.
    pub(super) fn same(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(connection) => Link::Sqlite(connection),
            Self::Postgres(connection) => Link::Postgres(connection),
        }
    }

    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Sends one statement, and says how many rows it has changed. `again` says whether the same text will come again: then
    /// the engine keeps what it made of it.
    pub(super) async fn write(
        self,
        statement: String,
        values: &[Value<'_>],
        again: bool,
    ) -> Result<u64, sqlx::Error> {
        either!(Self, self, connection => {
            let query = bound!(sqlx::query(AssertSqlSafe(statement)).persistent(again), values);
            query.execute(connection).await.map(|done| done.rows_affected())
        })
    }

    /// Asks for rows, few enough to be kept.
    pub(super) async fn ask(self, question: String, values: &[Value<'_>]) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                let query = bound!(sqlx::query(AssertSqlSafe(question)), values);
                let rows = query.fetch_all(connection).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(connection) => {
                let query = bound!(sqlx::query(AssertSqlSafe(question)), values);
                let rows = query.fetch_all(connection).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Sends statements without values.
    pub(super) async fn run(self, statements: String) -> Result<(), sqlx::Error> {
        either!(Self, self, connection => {
            sqlx::raw_sql(AssertSqlSafe(statements)).execute(connection).await.map(drop)
        })
    }

    /// Asks for rows, which come one after the other and are not kept.
    pub(super) fn rows(self, question: &'static str) -> BoxStream<'a, Result<Row, sqlx::Error>> {
        match self {
            Self::Sqlite(connection) => sqlx::query(question)
                .fetch(connection)
                .map(|row| row.map(Row::Sqlite))
                .boxed(),
            Self::Postgres(connection) => sqlx::query(question)
                .fetch(connection)
                .map(|row| row.map(Row::Postgres))
                .boxed(),
        }
    }
}

impl Row {
    pub(super) fn text(&self, column: usize) -> Result<String, sqlx::Error> {
        either!(Self, self, row => row.try_get(column))
    }

    pub(super) fn text_or_none(&self, column: usize) -> Result<Option<String>, sqlx::Error> {
        either!(Self, self, row => row.try_get(column))
    }

    pub(super) fn number(&self, column: usize) -> Result<Option<i64>, sqlx::Error> {
        either!(Self, self, row => row.try_get(column))
    }

    /// A column of the narrower kind (`INTEGER`).
    pub(super) fn small_number(&self, column: usize) -> Result<Option<i32>, sqlx::Error> {
        either!(Self, self, row => row.try_get(column))
    }

    /// A number that is never below 0; what is not so is taken for 0.
    pub(super) fn count(&self, column: usize) -> Result<u64, sqlx::Error> {
        Ok(self.count_or_none(column)?.unwrap_or_default())
    }

    pub(super) fn count_or_none(&self, column: usize) -> Result<Option<u64>, sqlx::Error> {
        let number = self.number(column)?;
        Ok(number.map(|number| number.try_into().unwrap_or_default()))
    }

    pub(super) fn truth(&self, column: usize) -> Result<bool, sqlx::Error> {
        either!(Self, self, row => row.try_get(column))
    }
}
