//! A real MariaDB.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::process::{self, Running};
use super::{PASSWORD, PASSWORD_IN_URLS, USER};
use crate::account::Account;
use crate::error::TestkitError;
use crate::packages;
use crate::place::{free_ports, private_dir};

/// A running server. Its user is [`USER`], with [`PASSWORD`].
#[derive(Debug)]
pub struct Mariadb {
    port: u16,
    account: Account,
    _running: Running,
    // Last, so that the directory outlives the processes.
    temp: TempDir,
}

impl Mariadb {
    /// Makes a server without databases, and waits until it answers.
    ///
    /// Nothing is flushed to the disk: what a power cut would leave is not what these tests are about.
    pub fn start() -> Result<Self, TestkitError> {
        let account = process::account()?;
        let temp = private_dir()?;
        let (dir, data) = (temp.path(), temp.path().join("data"));
        account.own(dir)?;
        let mut install = process::command(&account, &program("mariadb-install-db")?);
        // Not even this machine's settings count.
        install.arg("--no-defaults").arg(option("datadir", &data));
        install.args([
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]);
        process::run(install)?;
        let mut tries = 0;
        loop {
            let [port] = free_ports()?;
            let mut server = process::command(&account, &program("mariadbd")?);
            server.arg("--no-defaults").arg(option("datadir", &data));
            server.arg(option("socket", &dir.join("socket")));
            server.arg(option("pid-file", &dir.join("pid")));
            server
                .arg(format!("--port={port}"))
                .arg("--bind-address=127.0.0.1");
            server.args([
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-flush-method=nosync",
            ]);
            server.args(["--innodb-doublewrite=0", "--skip-name-resolve", "--skip-log-bin"]);
            match Running::start(server, dir, port) {
                // Another process may take a port between our look and the server's start.
                Err(_) if tries < 3 => tries += 1,
                Err(error) => return Err(error),
                Ok(running) => {
                    let server = Self {
                        port,
                        account,
                        _running: running,
                        temp,
                    };
                    server.sql(
                        "",
                        &format!(
                            "CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'; \
                             GRANT ALL PRIVILEGES ON *.* TO '{USER}'@'127.0.0.1' WITH GRANT OPTION"
                        ),
                    )?;
                    return Ok(server);
                }
            }
        }
    }

    /// The server that all tests of this program share. It ends with the program.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Mariadb> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().expect("MariaDB starts"))
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its socket. Connections through it as `root` need no password.
    pub fn socket(&self) -> PathBuf {
        self.temp.path().join("socket")
    }

    /// Makes an empty database, anew where it exists.
    pub fn create_database(&self, name: &str) -> Result<(), TestkitError> {
        self.sql(
            "",
            &format!("DROP DATABASE IF EXISTS `{name}`; CREATE DATABASE `{name}` CHARACTER SET utf8mb4"),
        )?;
        Ok(())
    }

    /// How programs reach a database: `mysql://user:password@127.0.0.1:port/name`.
    pub fn url(&self, database: &str) -> String {
        format!(
            "mysql://{USER}:{PASSWORD_IN_URLS}@127.0.0.1:{}/{database}",
            self.port
        )
    }

    /// Runs statements with `mariadb`, in a database or (`""`) in none, and returns the rows: a line each, the values
    /// separated by tabs.
    pub fn sql(&self, database: &str, statements: &str) -> Result<String, TestkitError> {
        let mut client = self.client(database)?;
        client.args(["-e", statements]);
        process::run(client)
    }

    /// Runs a file of statements, as `mariadb-dump` writes them.
    pub fn load(&self, database: &str, file: &Path) -> Result<(), TestkitError> {
        let opened = File::open(file).map_err(TestkitError::io(file.display().to_string()))?;
        let output = self
            .client(database)?
            .stdin(Stdio::from(opened))
            .output()
            .map_err(TestkitError::io("running mariadb"))?;
        if output.status.success() {
            return Ok(());
        }
        Err(TestkitError::Command {
            program: "mariadb".to_owned(),
            detail: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    fn client(&self, database: &str) -> Result<Command, TestkitError> {
        let mut client = process::command(&self.account, &program("mariadb")?);
        client.arg("--no-defaults").arg(option("socket", &self.socket()));
        client.args([
            "--user=root",
            "--default-character-set=utf8mb4",
            "--batch",
            "--skip-column-names",
        ]);
        if !database.is_empty() {
            client.arg(database);
        }
        Ok(client)
    }
}

fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

fn program(name: &str) -> Result<PathBuf, TestkitError> {
    packages::find_program(name).ok_or_else(|| TestkitError::Missing("mariadb-server-core".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_keeps_what_it_is_told_and_asks_for_the_password() {
        let server = Mariadb::start().unwrap();
        server.create_database("one").unwrap();
        let file = server.temp.path().join("some.sql");
        std::fs::write(&file, "CREATE TABLE t (a text); INSERT INTO t VALUES ('ä');").unwrap();
        server.load("one", &file).unwrap();
        assert_eq!(server.sql("one", "SELECT a, 1 FROM t").unwrap(), "ä\t1\n");
        server.create_database("one").unwrap();
        assert!(
            server.sql("one", "SELECT a FROM t").is_err(),
            "the database is a new one"
        );

        let over_tcp = |password: &str| {
            let mut client = process::command(&server.account, &program("mariadb").unwrap());
            client
                .env("MYSQL_PWD", password)
                .args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1"]);
            client.args([format!("--port={}", server.port()), format!("--user={USER}")]);
            client.args(["-e", "SELECT 1"]);
            process::run(client).is_ok()
        };
        assert!(over_tcp(PASSWORD));
        assert!(!over_tcp("wrong"));
    }
}
