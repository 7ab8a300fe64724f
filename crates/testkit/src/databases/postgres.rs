//! A real PostgreSQL.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use super::process::{self, Running};
use super::{PASSWORD, PASSWORD_IN_URLS, USER};
use crate::account::Account;
use crate::error::TestkitError;
use crate::packages;
use crate::place::{free_ports, private_dir};

/// A running server. Its user is [`USER`], with [`PASSWORD`], which the loopback asks for.
#[derive(Debug)]
pub struct Postgres {
    port: u16,
    account: Account,
    _running: Running,
    // Last, so that the directory outlives the processes.
    temp: TempDir,
}

impl Postgres {
    /// Makes a server with an empty database `postgres`, and waits until it answers.
    ///
    /// Nothing is flushed to the disk: what a power cut would leave is not what these tests are about.
    pub fn start() -> Result<Self, TestkitError> {
        Self::launch(&[
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "shared_buffers=32MB",
        ])
    }

    /// The same with PostgreSQL's own settings, which flush: for measurements.
    pub fn start_as_installed() -> Result<Self, TestkitError> {
        Self::launch(&[])
    }

    fn launch(settings: &[&str]) -> Result<Self, TestkitError> {
        let account = process::account()?;
        let temp = private_dir()?;
        let (dir, data) = (temp.path(), temp.path().join("data"));
        account.own(dir)?;
        let password = dir.join("password");
        fs::write(&password, PASSWORD).map_err(TestkitError::io(password.display().to_string()))?;
        let mut initdb = process::command(&account, &program("initdb")?);
        initdb.arg("--pgdata").arg(&data).arg("--pwfile").arg(&password);
        initdb.args(["--username", USER, "--encoding", "UTF8", "--locale", "C.UTF-8"]);
        initdb.args([
            "--auth-local",
            "trust",
            "--auth-host",
            "scram-sha-256",
            "--no-sync",
        ]);
        process::run(initdb)?;
        let mut tries = 0;
        loop {
            let [port] = free_ports()?;
            let mut server = process::command(&account, &program("postgres")?);
            server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
            server.arg("-k").arg(dir).args(["-h", "127.0.0.1"]);
            for setting in settings {
                server.args(["-c", setting]);
            }
            match Running::start(server, dir, port) {
                // Another process may take a port between our look and the server's start.
                Err(_) if tries < 3 => tries += 1,
                Err(error) => return Err(error),
                Ok(running) => {
                    return Ok(Self {
                        port,
                        account,
                        _running: running,
                        temp,
                    });
                }
            }
        }
    }

    /// The server that all tests of this program share. It ends with the program.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().expect("PostgreSQL starts"))
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory with its socket, as `host=` takes it. Connections through it need no password.
    pub fn socket_dir(&self) -> &Path {
        self.temp.path()
    }

    /// Makes an empty database, anew where it exists.
    pub fn create_database(&self, name: &str) -> Result<(), TestkitError> {
        // Each by itself: neither may stand in a transaction.
        self.sql("postgres", &format!("DROP DATABASE IF EXISTS \"{name}\" (FORCE)"))?;
        self.sql("postgres", &format!("CREATE DATABASE \"{name}\""))?;
        Ok(())
    }

    /// How programs reach a database: `postgres://user:password@127.0.0.1:port/name`.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgres://{USER}:{PASSWORD_IN_URLS}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// The same through its socket, without a password, which costs nothing to check.
    pub fn socket_url(&self, database: &str) -> String {
        let (dir, port) = (self.temp.path().display(), self.port);
        format!("postgres://{USER}@localhost:{port}/{database}?host={dir}")
    }

    /// Runs statements with `psql`, and returns the rows: a line each, the values separated by `|`.
    pub fn sql(&self, database: &str, statements: &str) -> Result<String, TestkitError> {
        let mut psql = self.psql(database)?;
        psql.args(["-c", statements]);
        process::run(psql)
    }

    /// Runs a file of statements, as `pg_dump` writes them, with `psql`.
    pub fn load(&self, database: &str, file: &Path) -> Result<(), TestkitError> {
        let mut psql = self.psql(database)?;
        // The server's user need not be able to enter the file's folder.
        let copy = self.temp.path().join(format!("{database}.sql"));
        fs::copy(file, &copy).map_err(TestkitError::io(file.display().to_string()))?;
        self.account.own(&copy)?;
        psql.arg("-f").arg(&copy);
        process::run(psql)?;
        fs::remove_file(&copy).map_err(TestkitError::io(copy.display().to_string()))
    }

    fn psql(&self, database: &str) -> Result<Command, TestkitError> {
        let mut psql = process::command(&self.account, &program("psql")?);
        psql.args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            USER,
            "-d",
            database,
        ]);
        psql.arg("-h")
            .arg(self.temp.path())
            .args(["-p", &self.port.to_string()]);
        Ok(psql)
    }
}

/// Debian keeps each version's programs in a folder of its own, and out of `PATH`.
fn program(name: &str) -> Result<PathBuf, TestkitError> {
    packages::find_program(name).ok_or_else(|| TestkitError::Missing("postgresql".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_what_it_is_told_and_asks_for_the_password() {
        let server = Postgres::start().unwrap();
        server.create_database("one").unwrap();
        let said = server.sql(
            "one",
            "CREATE TABLE t (a text); INSERT INTO t VALUES ('ä'); SELECT a, 1 FROM t",
        );
        assert_eq!(said.unwrap(), "ä|1\n");
        server.create_database("one").unwrap();
        assert!(
            server.sql("one", "SELECT a FROM t").is_err(),
            "the database is a new one"
        );

        let over_tcp = |password: &str| {
            let mut psql = process::command(&server.account, &program("psql").unwrap());
            psql.env("PGPASSWORD", password)
                .args(["-X", "-t", "-c", "SELECT 1"]);
            psql.args([
                "-h",
                "127.0.0.1",
                "-p",
                &server.port().to_string(),
                "-U",
                USER,
                "one",
            ]);
            process::run(psql).is_ok()
        };
        assert!(over_tcp(PASSWORD));
        assert!(!over_tcp("wrong"));
    }

    #[test]
    fn what_is_dropped_leaves_nothing() {
        let server = Postgres::start().unwrap();
        let (dir, port) = (server.socket_dir().to_owned(), server.port());
        drop(server);
        assert!(!dir.exists());
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    }
}
