//! Why a PostfixAdmin database could not be read.

use super::ForeignLocation;

/// A PostfixAdmin database that could not be read. Bad rows are no reason.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// The text does not say where a database is. It is not repeated, since it may hold a password.
    #[error("{0}; write mysql://user@host/database, postgres://user@host/database or sqlite:/path/to/file")]
    Address(&'static str),
    /// The database refused, or cannot be reached.
    #[error("{at}: {source}")]
    Database {
        /// Where it is.
        at: ForeignLocation,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The database refused the login.
    #[error("{at} refuses the login: {source}")]
    Refused {
        /// Where it is.
        at: ForeignLocation,
        /// What the database said.
        source: sqlx::Error,
    },
    /// A table that every PostfixAdmin has is not there.
    #[error(
        "{at} has no table “{table}” with a column “{column}”: it is no PostfixAdmin database, or its tables are named otherwise"
    )]
    NotPostfixAdmin {
        /// Where it is.
        at: ForeignLocation,
        /// The table, as it was looked for.
        table: String,
        /// The column.
        column: &'static str,
    },
}

impl ForeignError {
    pub(super) fn heard(at: &ForeignLocation, source: sqlx::Error) -> Self {
        let at = at.clone();
        let is_refusal = source.as_database_error().is_some_and(|error| {
            // SQLSTATE: invalid authorization (PostgreSQL), access denied (MySQL).
            error.code().is_some_and(|code| code.starts_with("28"))
        });
        if is_refusal {
            Self::Refused { at, source }
        } else {
            Self::Database { at, source }
        }
    }
}
