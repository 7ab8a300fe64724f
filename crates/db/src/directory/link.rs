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

impl Connection {
    pub(super) fn link(&mut self) -> Link<'_> {
        match self {
            Self::Sqlite(connection) => Link::Sqlite(connection),
            Self::Postgres(connection) => Link::Postgres(connection),
        }
    }

    pub(super) async fn begin(&mut self, how: Begin) -> Result<Transaction<'_>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(connection) => Transaction::Sqlite(
                connection
                    .begin_with(match how {
                        Begin::Read => "BEGIN",
                        Begin::Write | Begin::Upgrade => "BEGIN IMMEDIATE",
                    })
                    .await?,
            ),
            Self::Postgres(connection) => Transaction::Postgres(
                connection
                    .begin_with(match how {
                        Begin::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                        Begin::Write => "BEGIN ISOLATION LEVEL REPEATABLE READ",
                        // Each statement has to see what was done while it waited for the lock.
                        Begin::Upgrade => "BEGIN ISOLATION LEVEL READ COMMITTED",
                    })
                    .await?,
            ),
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

    /// Sends one statement. `again` says whether the same text will come again: then the engine keeps what it made of it.
    pub(super) async fn write(
        self,
        statement: String,
        values: &[Value<'_>],
        again: bool,
    ) -> Result<(), sqlx::Error> {
        either!(Self, self, connection => {
            let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(again);
            for value in values {
                query = match value {
                    Value::Text(text) => query.bind(text.as_deref()),
                    Value::Number(number) => query.bind(*number),
                    Value::Truth(truth) => query.bind(*truth),
                };
            }
            query.execute(connection).await.map(drop)
        })
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

    pub(super) fn truth(&self, column: usize) -> Result<bool, sqlx::Error> {
        either!(Self, self, row => row.try_get(column))
    }
}
