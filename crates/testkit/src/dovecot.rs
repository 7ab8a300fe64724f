//! A real Dovecot for one test: own directory, own ports on 127.0.0.1, gone when dropped.
//!
//! It must never touch a server it did not start: processes are ended by the process group it made,
//! never by name.

mod config;
mod process;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::account::Account;
use crate::error::TestkitError;
use crate::packages;
use crate::place::private_dir;
use crate::tls::{self, Authority, Certificate};
use config::Ports;
use process::Running;

/// How the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// [`Mode::Root`] for root, else [`Mode::Unprivileged`].
    #[default]
    Auto,
    /// As root, with mail files owned by a system user that is created if missing.
    Root,
    /// Everything as one ordinary user: the current one, or for root the same system user.
    Unprivileged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tls {
    Off,
    SelfSigned,
    Authority,
}

/// What a [`Dovecot`] shall be like; see [`Dovecot::builder`].
#[derive(Debug)]
#[must_use]
pub struct Builder {
    separator: char,
    prefix: String,
    special_use: Vec<(String, String)>,
    tls: Tls,
    users: BTreeMap<String, Vec<u8>>,
    mode: Mode,
    extra_config: String,
    own_accounts: bool,
    dir: Option<PathBuf>,
    homes: Option<PathBuf>,
}

impl Builder {
    /// Hierarchy separator that clients see (default `.`).
    pub fn separator(mut self, separator: char) -> Self {
        self.separator = separator;
        self
    }

    /// Namespace prefix, such as `INBOX.` (default none). It ends with the separator.
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    /// Gives a folder a special use: `("Sent Items", "Sent")`. Hierarchy as clients see it, without prefix.
    pub fn special_use(mut self, folder: &str, attribute: &str) -> Self {
        self.special_use
            .push((folder.to_owned(), attribute.trim_start_matches('\\').to_owned()));
        self
    }

    /// Adds an `imaps` listener with a self-signed certificate, and STARTTLS on the plain port.
    pub fn tls(mut self, on: bool) -> Self {
        self.tls = if on { Tls::SelfSigned } else { Tls::Off };
        self
    }

    /// As [`Builder::tls`], with a certificate signed by a private authority: [`Dovecot::ca_pem_path`].
    pub fn tls_ca(mut self) -> Self {
        self.tls = Tls::Authority;
        self
    }

    /// Adds an account.
    pub fn user(self, name: &str, password: &str) -> Self {
        self.user_bytes(name, password.as_bytes())
    }

    /// Adds an account whose password need not be text. Dovecot refuses any login with control
    /// characters (below 0x20) in the password; all other bytes work.
    pub fn user_bytes(mut self, name: &str, password: &[u8]) -> Self {
        self.users.insert(name.to_lowercase(), password.to_vec());
        self
    }

    /// How to run (default [`Mode::Auto`]).
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Lines appended to the configuration file.
    pub fn extra_config(mut self, lines: &str) -> Self {
        self.extra_config.push_str(lines);
        self.extra_config.push('\n');
        self
    }

    /// Knows no accounts of its own: who logs in, and where mail lies, is said by [`Builder::extra_config`].
    pub fn without_accounts(mut self) -> Self {
        self.own_accounts = false;
        self
    }

    /// Uses this directory, and leaves it there afterwards (default: a private one that is removed).
    pub fn dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// Uses these mail homes (default: below the server's directory). Several servers may share them.
    pub fn homes(mut self, homes: &Path) -> Self {
        self.homes = Some(homes.to_owned());
        self
    }

    /// Starts the server and waits until every port answers.
    pub fn start(self) -> Result<Dovecot, TestkitError> {
        packages::require_all()?;
        if let Some((name, _)) = self
            .users
            .iter()
            .find(|(_, password)| password.iter().any(|byte| *byte < b' '))
        {
            return Err(TestkitError::Start(format!(
                "no login with the control characters in {name}'s password"
            )));
        }
        let root = rustix::process::geteuid().is_root();
        let unprivileged = match self.mode {
            Mode::Auto => !root,
            Mode::Root if !root => return Err(TestkitError::Start("Mode::Root needs to be root".into())),
            Mode::Root => false,
            Mode::Unprivileged => true,
        };
        let account = if root {
            Account::system_user()?
        } else {
            Account::current()?
        };
        let temp = if self.dir.is_none() {
            Some(private_dir()?)
        } else {
            None
        };
        let dir = self
            .dir
            .clone()
            .or_else(|| temp.as_ref().map(|temp| temp.path().to_owned()))
            .unwrap();
        let homes = self.homes.clone().unwrap_or_else(|| dir.join("home"));
        let mut server = Dovecot {
            certificate: None,
            authority: None,
            ports: Ports::default(),
            running: None,
            builder: self,
            account,
            unprivileged,
            homes,
            dir,
            _temp: temp,
        };
        server.prepare()?;
        server.start_on_free_ports()?;
        Ok(server)
    }
}

/// A running server. Dropping it stops it and waits until its processes are gone.
#[derive(Debug)]
pub struct Dovecot {
    builder: Builder,
    dir: PathBuf,
    homes: PathBuf,
    account: Account,
    unprivileged: bool,
    ports: Ports,
    certificate: Option<Certificate>,
    authority: Option<Authority>,
    running: Option<Running>,
    // Last, so that the directory outlives the processes.
    _temp: Option<TempDir>,
}

impl Dovecot {
    /// A server with separator `.`, no prefix, no TLS and no users, to be changed before `start`.
    pub fn builder() -> Builder {
        Builder {
            separator: '.',
            prefix: String::new(),
            special_use: Vec::new(),
            tls: Tls::Off,
            users: BTreeMap::new(),
            mode: Mode::Auto,
            extra_config: String::new(),
            own_accounts: true,
            dir: None,
            homes: None,
        }
    }

    /// User and group id that own the mail files of servers that root starts; the user is made if it is missing.
    pub fn mail_user() -> Result<(u32, u32), TestkitError> {
        Account::system_user().map(|account| (account.uid, account.gid))
    }

    fn prepare(&mut self) -> Result<(), TestkitError> {
        let directory = |path: &Path| {
            fs::create_dir_all(path)
                .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
                .map_err(TestkitError::io(format!("preparing {}", path.display())))
        };
        for path in [
            &self.dir,
            &self.homes,
            &self.dir.join("run"),
            &self.dir.join("state"),
        ] {
            directory(path)?;
        }
        match self.builder.tls {
            Tls::Off => {}
            Tls::SelfSigned => self.certificate = Some(tls::self_signed(&self.dir.join("tls"))?),
            Tls::Authority => {
                let made = tls::authority(&self.dir.join("tls"))?;
                self.certificate = Some(made.server.clone());
                self.authority = Some(made);
            }
        }
        let users = self.dir.join("users");
        fs::write(&users, config::passwd_file(&self.builder.users))
            .map_err(TestkitError::io(users.display().to_string()))?;
        self.account.own(&self.homes)?;
        if self.unprivileged {
            let mut paths = vec![self.dir.clone(), self.dir.join("run"), self.dir.join("state")];
            paths.extend(self.certificate.iter().map(|made| made.key_pem.clone()));
            for path in paths {
                self.account.own(&path)?;
            }
        }
        Ok(())
    }

    fn start_on_free_ports(&mut self) -> Result<(), TestkitError> {
        let mut tries = 0;
        loop {
            self.ports = Ports::free(self.certificate.is_some())?;
            let log_before = self.log().len();
            match self.launch() {
                // Another process may take a port between our look and the server's start.
                Err(_) if tries < 5 && self.log()[log_before..].contains("Address already in use") => {
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    fn launch(&mut self) -> Result<(), TestkitError> {
        let text = config::text(self);
        let path = self.config_path();
        fs::write(&path, text).map_err(TestkitError::io(path.display().to_string()))?;
        self.running = Some(Running::start(self)?);
        Ok(())
    }

    /// Stops the server. Its files stay until it is dropped, and [`Dovecot::restart`] works.
    pub fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }

    /// Stops the server if it runs and starts it again on the same ports.
    pub fn restart(&mut self) -> Result<(), TestkitError> {
        self.stop();
        self.launch()
    }

    /// Adds an account, or changes its password, while the server runs. Takes a second.
    pub fn set_user(&mut self, name: &str, password: &[u8]) -> Result<(), TestkitError> {
        self.builder.users.insert(name.to_lowercase(), password.to_vec());
        // By rename: a login at this moment must see the old file or the new one, never a part.
        let (new, path) = (self.dir.join("users.new"), self.dir.join("users"));
        let write = || {
            fs::write(&new, config::passwd_file(&self.builder.users))?;
            // Dovecot tells a new file by its time in whole seconds, and looks once per second.
            let newer = fs::metadata(&path)?.modified()? + Duration::from_secs(1);
            File::options()
                .write(true)
                .open(&new)?
                .set_modified(newer.max(SystemTime::now()))?;
            fs::rename(&new, &path)
        };
        write().map_err(TestkitError::io(path.display().to_string()))?;
        std::thread::sleep(Duration::from_millis(1100));
        Ok(())
    }

    /// The port for IMAP (with STARTTLS if TLS is on).
    pub fn imap_port(&self) -> u16 {
        self.ports.imap
    }

    /// The port for IMAP over TLS; panics if TLS is off.
    pub fn imaps_port(&self) -> u16 {
        self.ports
            .imaps
            .expect("this server was built without .tls(true)")
    }

    /// The port for LMTP.
    pub fn lmtp_port(&self) -> u16 {
        self.ports.lmtp
    }

    /// The port for POP3.
    pub fn pop3_port(&self) -> u16 {
        self.ports.pop3
    }

    /// The server's own directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The configuration file, for programs that take `-c`.
    pub fn config_path(&self) -> PathBuf {
        self.dir.join("dovecot.conf")
    }

    /// The directory with everybody's homes.
    pub fn homes(&self) -> &Path {
        &self.homes
    }

    /// The home of an account.
    pub fn home(&self, user: &str) -> PathBuf {
        self.homes.join(user.to_lowercase())
    }

    /// The Maildir of an account.
    pub fn maildir(&self, user: &str) -> PathBuf {
        self.home(user).join("Maildir")
    }

    /// User and group id that own the mail files.
    pub fn mail_owner(&self) -> (u32, u32) {
        (self.account.uid, self.account.gid)
    }

    /// What `write_account` takes as the owner: nobody to change to unless root.
    pub fn chown_to(&self) -> Option<(u32, u32)> {
        rustix::process::geteuid().is_root().then(|| self.mail_owner())
    }

    /// The password of an account; panics for an unknown one.
    pub fn login_password(&self, user: &str) -> &[u8] {
        &self.builder.users[&user.to_lowercase()]
    }

    /// SHA-256 of the server's certificate; panics if TLS is off.
    pub fn cert_sha256_hex(&self) -> &str {
        &self
            .certificate
            .as_ref()
            .expect("this server was built without .tls(true)")
            .sha256_hex
    }

    /// The server's certificate; panics if TLS is off.
    pub fn cert_pem_path(&self) -> &Path {
        &self
            .certificate
            .as_ref()
            .expect("this server was built without .tls(true)")
            .cert_pem
    }

    /// The authority's certificate, for `SSL_CERT_FILE`; panics without [`Builder::tls_ca`].
    pub fn ca_pem_path(&self) -> &Path {
        &self
            .authority
            .as_ref()
            .expect("this server was built without .tls_ca()")
            .ca_pem
    }

    /// The whole log.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.dir.join("dovecot.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Log lines that speak of trouble, without the usual noise of starting and stopping.
    pub fn log_problems(&self) -> Vec<String> {
        const TROUBLE: [&str; 5] = ["Error:", "Panic", "Fatal", "Warning", "orrupt"];
        // How an ordinary stop is noted; limits that only matter under a load no test makes; a machine that is too busy.
        const NOISE: [&str; 5] = [
            "Time moved forwards",
            "Killed with signal 15",
            "Shutting down logging for",
            "fd limit (ulimit -n) is lower",
            "is lower than required under max. load",
        ];
        self.log()
            .lines()
            .filter(|line| TROUBLE.iter().any(|word| line.contains(word)))
            .filter(|line| !NOISE.iter().any(|word| line.contains(word)))
            .map(str::to_owned)
            .collect()
    }

    /// Runs `doveadm` against this server.
    pub fn doveadm(&self, args: &[&str]) -> Result<Output, TestkitError> {
        let mut command = self.command("doveadm")?;
        command
            .arg("-c")
            .arg(self.config_path())
            .args(args)
            .stdin(Stdio::null());
        command.output().map_err(TestkitError::io("doveadm"))
    }

    /// A program as the user the server runs as.
    fn command(&self, program: &str) -> Result<Command, TestkitError> {
        let found = packages::find_program(program).ok_or_else(|| TestkitError::Missing(program.into()))?;
        let mut command = if self.unprivileged && rustix::process::geteuid().is_root() {
            self.account.command(&found)
        } else {
            Command::new(found)
        };
        command.current_dir("/");
        Ok(command)
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.stop();
    }
}
