//! Where a directory is: a SQLite file, or a PostgreSQL database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;

/// A text that does not say where a directory is. It never repeats the text, which may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationProblem {
    /// Neither of the two kinds.
    #[error(
        "it begins with neither “sqlite:” nor “postgres://”; write sqlite:/path/to/file, or postgres://user@host:port/database"
    )]
    Kind,
    /// `sqlite:` with nothing behind it.
    #[error("no file is named behind “sqlite:”; write sqlite:/path/to/file")]
    NoFile,
    /// PostgreSQL's address is not understood.
    #[error("{0}; write postgres://user@host:port/database")]
    Postgres(String),
}

/// Where a directory is. Neither `Display` nor `Debug` shows a password.
#[derive(Clone)]
pub enum DirectoryLocation {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresLocation),
}

/// A PostgreSQL database.
#[derive(Clone)]
pub struct PostgresLocation {
    pub(super) options: Box<PgConnectOptions>,
    names_password: bool,
}

impl DirectoryLocation {
    /// Reads `sqlite:/path/to/file` or `postgres://user@host:port/database?…`.
    ///
    /// What a PostgreSQL address leaves out comes from the variables of PostgreSQL's own programs (`PGHOST`, `PGUSER`,
    /// `PGPASSWORD`, `PGPASSFILE`, …).
    pub fn parse(text: &str) -> Result<Self, LocationProblem> {
        let text = text.trim();
        if let Some(file) = text.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            return match file {
                "" => Err(LocationProblem::NoFile),
                file => Ok(Self::Sqlite(file.into())),
            };
        }
        let rest = text
            .strip_prefix("postgres://")
            .or_else(|| text.strip_prefix("postgresql://"))
            .ok_or(LocationProblem::Kind)?;
        let options = PgConnectOptions::from_str(text).map_err(|error| {
            // What is wrong with a URL is told without the URL; other settings are told with their value, so not those.
            let reason = match error {
                sqlx::Error::Configuration(reason) if !rest.contains('?') => reason.to_string(),
                _ => "the address or one of its settings is not understood".to_owned(),
            };
            LocationProblem::Postgres(reason)
        })?;
        Ok(Self::Postgres(PostgresLocation {
            options: Box::new(options),
            names_password: names_password(rest),
        }))
    }

    /// Whether the text that it was read from had a password in it, which does not belong into a command line.
    pub fn names_password(&self) -> bool {
        matches!(self, Self::Postgres(postgres) if postgres.names_password)
    }

    /// The same place, with this password. A SQLite file takes none.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        match self {
            Self::Sqlite(path) => Self::Sqlite(path),
            Self::Postgres(postgres) => Self::Postgres(PostgresLocation {
                options: Box::new(postgres.options.password(password)),
                ..postgres
            }),
        }
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}

impl PostgresLocation {
    /// The server, by name or address; with a leading `/`, the folder of its socket.
    pub fn host(&self) -> &str {
        let socket = self.options.get_socket().and_then(|path| path.to_str());
        socket.unwrap_or_else(|| self.options.get_host())
    }

    /// The server's port.
    pub fn port(&self) -> u16 {
        self.options.get_port()
    }

    /// Who logs in.
    pub fn user(&self) -> &str {
        self.options.get_username()
    }

    /// The database; PostgreSQL takes the user's name where none is given.
    pub fn database(&self) -> &str {
        self.options.get_database().unwrap_or_else(|| self.user())
    }
}

/// Whether what follows `postgres://` holds a password: `user:password@`, or the setting `password=`.
fn names_password(rest: &str) -> bool {
    let (address, settings) = rest.split_once('?').unwrap_or((rest, ""));
    let authority = address.split('/').next().unwrap_or_default();
    let in_address = authority
        .rsplit_once('@')
        .is_some_and(|(user, _)| user.contains(':'));
    in_address
        || settings
            .split('&')
            .any(|setting| setting.starts_with("password="))
}

impl fmt::Display for DirectoryLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(postgres) => postgres.fmt(f),
        }
    }
}

impl fmt::Display for PostgresLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, host, port, database) = (self.user(), self.host(), self.port(), self.database());
        if host.starts_with('/') {
            write!(f, "postgres:///{database}?user={user}&host={host}&port={port}")
        } else {
            write!(f, "postgres://{user}@{host}:{port}/{database}")
        }
    }
}

impl fmt::Debug for DirectoryLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for PostgresLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_shown_without_their_password() {
        // I10: nothing that is shown has the password in it.
        for (text, shown, password) in [
            ("sqlite:/var/lib/x.sqlite", "/var/lib/x.sqlite", false),
            ("sqlite:///var/lib/x.sqlite", "/var/lib/x.sqlite", false),
            ("sqlite:relative", "relative", false),
            (
                " postgres://u@h.example:5433/d ",
                "postgres://u@h.example:5433/d",
                false,
            ),
            (
                "postgresql://u:se%63ret@h.example:1/d",
                "postgres://u@h.example:1/d",
                true,
            ),
            ("postgres://u@h:1/d?password=secret", "postgres://u@h:1/d", true),
            ("postgres://u@h:1/a:b@c", "postgres://u@h:1/a:b@c", false),
            (
                "postgres://u@h:1/d?host=/run/postgresql",
                "postgres:///d?user=u&host=/run/postgresql&port=1",
                false,
            ),
        ] {
            let location = DirectoryLocation::parse(text).unwrap();
            assert_eq!(location.to_string(), shown, "{text}");
            assert_eq!(format!("{location:?}"), shown, "{text}");
            assert_eq!(location.names_password(), password, "{text}");
            let with = location.with_password("secret");
            assert!(!format!("{with:?} {with}").contains("secret"), "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused_without_repeating_it() {
        for (text, says) in [
            ("", "begins with neither"),
            ("/var/lib/x", "begins with neither"),
            ("mysql://u:secret@h/d", "begins with neither"),
            ("sqlite:", "no file"),
            ("postgres://u:secret@h:port/d", "invalid port"),
            ("postgres://u:secret@h/d?port=secret", "not understood"),
            ("postgres://u:secret@h/d?sslmode=secret", "not understood"),
        ] {
            let problem = DirectoryLocation::parse(text).unwrap_err();
            let shown = format!("{problem} {problem:?}");
            assert!(shown.contains(says), "{text}: {shown}");
            assert!(!shown.contains("secret"), "{text}: {shown}");
        }
    }
}
