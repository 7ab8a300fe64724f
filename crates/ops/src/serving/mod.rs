//! What Postfix and Dovecot need to be told so that they serve the directory: files, and what to do with them.
//!
//! Nothing is written here, and nothing asked: the same request gives the same files.

mod dovecot;
mod postfix;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use transhume_db::directory::DirectoryLocation;

pub use dovecot::{Version, dovecot};
pub use postfix::postfix;

/// What the files are to say.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where the directory is.
    pub location: DirectoryLocation,
    /// The folder in which the files will lie; they name each other. Absolute.
    pub folder: PathBuf,
    /// The password of the role that reads PostgreSQL; where there is none yet, the files say so.
    pub role_password: Option<RolePassword>,
    /// The folder of all mail. Absolute.
    pub mail_root: PathBuf,
    /// The user that all mail belongs to, and its group.
    pub mail_owner: (String, String),
    /// The folder of Postfix's queue, below which it meets Dovecot.
    pub queue: PathBuf,
    /// The service that Dovecot asks about people who may come from an old platform; `None` asks nobody.
    pub service: Option<ServiceHook>,
}

/// The service as Dovecot asks it.
#[derive(Clone, Debug)]
pub struct ServiceHook {
    /// Where it listens.
    pub at: SocketAddr,
    /// What whoever asks has to know, where that is so.
    pub secret: Option<RolePassword>,
}

/// A password of a PostgreSQL role, or another secret that stands in a configuration. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct RolePassword(Box<str>);

/// Files, and what to do with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The files, in the order in which they are read.
    pub files: Vec<ConfigFile>,
    /// What is left to do, for a person.
    pub instructions: String,
}

/// A file of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// Its name, without a folder.
    pub name: String,
    /// What it holds.
    pub text: String,
    /// Who may read it.
    pub readers: Readers,
}

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Everybody: there is no secret in it.
    Everybody,
    /// Its owner, root, and the server's group: it names a password.
    Server,
    /// Root alone.
    Root,
}

/// What cannot be written into a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotRender {
    /// Characters that would mean something else there.
    #[error(
        "{what} “{value}” cannot be written into a configuration: it may hold letters, digits and {allowed}"
    )]
    Word {
        /// What it is.
        what: &'static str,
        /// What it says.
        value: String,
        /// What it may hold beside letters and digits.
        allowed: &'static str,
    },
    /// A folder that the files could not be told from another place.
    #[error("{what} {} does not begin with a slash", path.display())]
    Relative {
        /// What it is.
        what: &'static str,
        /// What it says.
        path: PathBuf,
    },
    /// A role's password with other characters.
    #[error(
        "the role's password holds characters that configuration files take for something else: use letters, digits and \
         {ALLOWED_IN_PASSWORDS} (for example the output of “openssl rand -hex 24”)"
    )]
    Password,
}

/// Beside letters and digits.
const ALLOWED_IN_PASSWORDS: &str = "-_.~+=/";
const ALLOWED_IN_WORDS: &str = "-_.";
const ALLOWED_IN_HOSTS: &str = "-_.:/";
const ALLOWED_IN_PATHS: &str = "/-_.+@";

/// What stands for a password that is still to be chosen.
const NO_PASSWORD: &str = "CHANGE-ME";

impl RolePassword {
    /// Takes a password that can be written into the files of both servers.
    pub fn new(text: &str) -> Result<Self, CannotRender> {
        if is_word(text, ALLOWED_IN_PASSWORDS) {
            Ok(Self(text.into()))
        } else {
            Err(CannotRender::Password)
        }
    }
}

impl RolePassword {
    /// What it is, to compare it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RolePassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// A directory's place, in words that can be written into configurations.
enum Database {
    Sqlite(String),
    Postgres {
        host: String,
        port: u16,
        name: String,
        password: String,
    },
}

impl Request {
    fn database(&self) -> Result<Database, CannotRender> {
        match &self.location {
            DirectoryLocation::Sqlite(file) => path("the directory's file", file).map(Database::Sqlite),
            DirectoryLocation::Postgres(postgres) => Ok(Database::Postgres {
                host: word("PostgreSQL's host", postgres.host(), ALLOWED_IN_HOSTS)?,
                port: postgres.port(),
                name: word("the database's name", postgres.database(), ALLOWED_IN_WORDS)?,
                password: self
                    .role_password
                    .as_ref()
                    .map_or(NO_PASSWORD, |password| &password.0)
                    .to_owned(),
            }),
        }
    }
}

/// Statements that make a role which reads these views and nothing else.
fn role(name: &str, password: &str, database: &str, views: &[&str]) -> ConfigFile {
    let views = views.join(", ");
    ConfigFile {
        name: "role.sql".to_owned(),
        text: format!(
            "-- Makes a role that reads what it needs, and no more. Run it as the owner of the tables, in the database, as often\n\
             -- as you like: psql -d {database} -f role.sql\n\
             DO $$ BEGIN\n\
             \x20   IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{name}') THEN\n\
             \x20       CREATE ROLE {name} LOGIN;\n\
             \x20   END IF;\n\
             END $$;\n\
             ALTER ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{password}';\n\
             ALTER ROLE {name} SET default_transaction_read_only = on;\n\
             GRANT CONNECT ON DATABASE \"{database}\" TO {name};\n\
             GRANT SELECT ON {views} TO {name};\n"
        ),
        readers: Readers::Root,
    }
}

fn is_word(text: &str, allowed: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || allowed.contains(letter))
}

fn word(what: &'static str, value: &str, allowed: &'static str) -> Result<String, CannotRender> {
    if is_word(value, allowed) {
        return Ok(value.to_owned());
    }
    let value = value.to_owned();
    Err(CannotRender::Word { what, value, allowed })
}

fn path(what: &'static str, path: &Path) -> Result<String, CannotRender> {
    if !path.is_absolute() {
        let path = path.to_owned();
        return Err(CannotRender::Relative { what, path });
    }
    word(what, &path.to_string_lossy(), ALLOWED_IN_PATHS)
}

#[cfg(test)]
mod tests;
