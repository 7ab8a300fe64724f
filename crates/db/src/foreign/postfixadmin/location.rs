//! Where a PostfixAdmin database is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;

use super::ForeignError;

/// Where a PostfixAdmin database is. Neither `Display` nor `Debug` shows a password.
#[derive(Clone)]
pub struct ForeignLocation {
    pub(super) engine: Engine,
    /// The address as it was written, without the password.
    shown: String,
    names_password: bool,
}

#[derive(Clone)]
pub(super) enum Engine {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
    Mysql(Box<MySqlConnectOptions>),
}

impl ForeignLocation {
    /// Reads `mysql://user@host:port/database` (`mariadb://` too), `postgres://user@host:port/database` or
    /// `sqlite:/path/to/file`.
    pub fn parse(text: &str) -> Result<Self, ForeignError> {
        let text = text.trim();
        if let Some(file) = text.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            if file.is_empty() {
                return Err(ForeignError::Address("no file is named behind “sqlite:”"));
            }
            return Ok(Self {
                engine: Engine::Sqlite(file.into()),
                shown: format!("sqlite:{file}"),
                names_password: false,
            });
        }
        let (scheme, rest) = text.split_once("://").ok_or(ForeignError::Address(
            "it begins with none of mysql://, postgres:// and sqlite:",
        ))?;
        // The reasons of the libraries may repeat the text, with its password.
        let engine = match scheme {
            "mysql" | "mariadb" => MySqlConnectOptions::from_str(&format!("mysql://{rest}"))
                // Local times are the server's.
                .map(|options| Engine::Mysql(Box::new(options.timezone(None))))
                .ok(),
            "postgres" | "postgresql" => PgConnectOptions::from_str(text)
                .map(|options| Engine::Postgres(Box::new(options)))
                .ok(),
            _ => {
                return Err(ForeignError::Address(
                    "it begins with none of mysql://, postgres:// and sqlite:",
                ));
            }
        };
        let engine = engine.ok_or(ForeignError::Address("what follows “://” is not understood"))?;
        let (shown, names_password) = without_password(rest);
        Ok(Self {
            engine,
            shown: format!("{scheme}://{shown}"),
            names_password,
        })
    }

    /// Whether the text that it was read from had a password in it, which does not belong into a command line.
    pub fn names_password(&self) -> bool {
        self.names_password
    }

    /// Whether its database has passwords at all.
    pub fn takes_password(&self) -> bool {
        !matches!(self.engine, Engine::Sqlite(_))
    }

    /// The same place, with this password. A SQLite file takes none.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.engine = match self.engine {
            Engine::Sqlite(path) => Engine::Sqlite(path),
            Engine::Postgres(options) => Engine::Postgres(Box::new(options.password(password))),
            Engine::Mysql(options) => Engine::Mysql(Box::new(options.password(password))),
        };
        self
    }
}

/// What follows `://`, without `:password@` and without its settings, which may hold one too.
fn without_password(rest: &str) -> (String, bool) {
    let (address, settings) = rest.split_once('?').unwrap_or((rest, ""));
    let in_settings = settings
        .split('&')
        .any(|setting| setting.starts_with("password="));
    // The last @ before the first slash: a password may hold the one, hardly the other, and then all of it is left out.
    let Some((login, place)) = address.rsplit_once('@') else {
        return (address.to_owned(), in_settings);
    };
    match login.split_once(':') {
        Some((user, _)) => (format!("{user}@{place}"), true),
        None => (format!("{login}@{place}"), in_settings),
    }
}

impl fmt::Display for ForeignLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for ForeignLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_shown_without_their_password() {
        // I10: nothing that is shown has the password in it.
        for (text, shown, password) in [
            (
                "sqlite:/srv/postfixadmin.db",
                "sqlite:/srv/postfixadmin.db",
                false,
            ),
            (
                "sqlite:///srv/postfixadmin.db",
                "sqlite:/srv/postfixadmin.db",
                false,
            ),
            (
                "mysql://pfa@db.example/postfix",
                "mysql://pfa@db.example/postfix",
                false,
            ),
            (
                "mariadb://pfa:se%40cret@db.example:3307/postfix",
                "mariadb://pfa@db.example:3307/postfix",
                true,
            ),
            (
                "postgres://pfa:secret@db.example/postfix",
                "postgres://pfa@db.example/postfix",
                true,
            ),
            (
                "postgres://pfa@db.example/postfix?password=secret",
                "postgres://pfa@db.example/postfix",
                true,
            ),
            (
                "mysql://pfa@localhost/postfix?socket=/run/mysqld/mysqld.sock",
                "mysql://pfa@localhost/postfix",
                false,
            ),
        ] {
            let location = ForeignLocation::parse(text).unwrap();
            assert_eq!(location.to_string(), shown, "{text}");
            assert_eq!(location.names_password(), password, "{text}");
            let with = location.with_password("secret");
            assert!(!format!("{with:?} {with}").contains("secret"), "{text}");
        }
        for text in [
            "",
            "sqlite:",
            "/srv/x.db",
            "oracle://u:secret@h/d",
            "mysql://u:secret@h:port/d",
        ] {
            let error = ForeignLocation::parse(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{text}");
        }
    }
}
