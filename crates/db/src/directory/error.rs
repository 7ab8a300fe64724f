//! What can go wrong with a directory, in words for the person who runs it.

use std::io;
use std::path::PathBuf;

use super::DirectoryLocation;

/// A directory that could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The database refused, or cannot be reached.
    #[error("the directory {at}: {source}{advice}")]
    Database {
        /// Where it is.
        at: DirectoryLocation,
        /// What the database said.
        source: sqlx::Error,
        /// What to do, beginning with a separator; or nothing.
        advice: &'static str,
    },
    /// The SQLite file or its folder could not be made.
    #[error("{}: {source}; see whether this user may write there, or name another file with --directory", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no directory at that place yet.
    #[error("there is no directory at {at} yet; “transhume import” or “transhume schema --upgrade” make one")]
    NotThere {
        /// The place.
        at: DirectoryLocation,
    },
    /// There is something else.
    #[error(
        "{at} holds something else than a directory (its tables: {tables}); name another place with --directory, an empty \
         database or a new file"
    )]
    SomethingElse {
        /// The place.
        at: DirectoryLocation,
        /// Names of some tables.
        tables: String,
    },
    /// A newer version of this program was here.
    #[error(
        "the directory {at} was written by a newer version of transhume (schema {found}, this program knows {known}); use \
         that version"
    )]
    Newer {
        /// The place.
        at: DirectoryLocation,
        /// The schema version there.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// An older version of this program was here, and nothing may be written now.
    #[error(
        "the directory {at} was written by an older version of transhume (schema {found}, this program needs {known}); run \
         “transhume schema --upgrade” once"
    )]
    Older {
        /// The place.
        at: DirectoryLocation,
        /// The schema version there.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// Others are writing, and did not come to an end.
    #[error("the directory {at} is being changed by another program; wait for it to end, and try again")]
    Busy {
        /// The place.
        at: DirectoryLocation,
    },
    /// An entry contradicts what is in the directory: its name is taken, or what it belongs to is missing.
    #[error("the directory {at} refuses “{row}” in its table “{table}”: {source}; nothing was changed")]
    Contradiction {
        /// The place.
        at: DirectoryLocation,
        /// The table.
        table: &'static str,
        /// What the row is called.
        row: String,
        /// What the database said.
        source: sqlx::Error,
    },
    /// A value that no database keeps.
    #[error("“{name}” cannot be kept in the directory: {why}")]
    Unstorable {
        /// Whose value it is.
        name: String,
        /// Why.
        why: &'static str,
    },
    /// A row that this program has not written so.
    #[error("the directory {at}: in the table “{table}”, {what}; correct it, or remove the row")]
    Unreadable {
        /// The place.
        at: DirectoryLocation,
        /// The table.
        table: &'static str,
        /// Which row, and what is wrong with it.
        what: String,
    },
}

impl DirectoryError {
    /// What the database said of a row that was to be written.
    pub(super) fn heard_of(
        at: &DirectoryLocation,
        table: &'static str,
        row: &impl ToString,
        source: sqlx::Error,
    ) -> Self {
        if !super::write::is_contradiction(&source) {
            return Self::heard(at, source);
        }
        let (at, row) = (at.clone(), row.to_string());
        Self::Contradiction {
            at,
            table,
            row,
            source,
        }
    }

    /// What the database said, at this place.
    pub(super) fn heard(at: &DirectoryLocation, source: sqlx::Error) -> Self {
        let at = at.clone();
        match advice(&at, &source) {
            Advice::Wait => Self::Busy { at },
            Advice::Do(advice) => Self::Database { at, source, advice },
        }
    }
}

enum Advice {
    Wait,
    Do(&'static str),
}

fn advice(at: &DirectoryLocation, error: &sqlx::Error) -> Advice {
    let code = match error {
        sqlx::Error::Database(error) => error.code().unwrap_or_default(),
        // What rustls says of a certificate comes as data that is not valid.
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Advice::Do(
                "; the server's certificate has to be issued by an authority that this machine trusts, or that sslrootcert= names",
            );
        }
        // Others of this program are writing.
        sqlx::Error::PoolTimedOut => return Advice::Wait,
        sqlx::Error::Io(_) if at.file().is_none() => {
            return Advice::Do("; see whether PostgreSQL runs there, and listens");
        }
        _ => return Advice::Do(""),
    };
    let advice = match &*code {
        // PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html
        "55P03" => return Advice::Wait,
        "28P01" => {
            "; the password belongs into the configuration file (password-file), or into PGPASSFILE or PGPASSWORD"
        }
        "28000" => "; see what its pg_hba.conf allows",
        "3D000" => "; make the database first (createdb)",
        "42501" => {
            "; its user needs the right to make and change tables there (GRANT CREATE ON SCHEMA public)"
        }
        "53100" => "; nothing was changed",
        // SQLite: https://www.sqlite.org/rescode.html, extended codes by their lowest byte
        _ => match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(5 | 6) => return Advice::Wait,
            Ok(8) => "; this user may read it, but not write it",
            Ok(13) => "; nothing was changed",
            Ok(14) => "; see whether this user may read it, and enter its folder",
            Ok(26) => "; name another file with --directory",
            _ => "",
        },
    };
    Advice::Do(advice)
}
