//! The first start: as long as nobody may do everything, whoever has the code from the log becomes the one who may.
//!
//! There is no default password, ever. The code is new with each start of the service; it is of no use any more as soon as
//! there is an enabled SuperAdmin.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use transhume_db::directory::{DirectoryError, NewAudit};
use transhume_model::admission::{Allowance, Throttle};
use transhume_model::directory::{Account, Address, Entry, Login, Role, Secret};
use transhume_model::plan::directory::Change;

use crate::admit_login::Surroundings;
use crate::asked::ChangeError;
use crate::audit::Did;
use crate::{digest, new_password};

/// The file's name in the state folder.
const FILE: &str = "first-start-code";
/// Fewest characters of this password: it opens everything.
pub const SHORTEST: usize = 12;

/// The way in as long as there is no SuperAdmin.
#[derive(Debug)]
pub struct FirstStart {
    /// The digest of the code; `None` where there was a SuperAdmin when the service began.
    code: Option<String>,
    file: Option<PathBuf>,
    tries: Mutex<Throttle<()>>,
}

/// What whoever comes first says.
#[derive(Clone, Debug)]
pub struct First<'f> {
    /// The code from the log.
    pub code: &'f str,
    /// Their login: a word, or an address.
    pub login: &'f str,
    /// Their password.
    pub password: &'f Secret,
    /// Where from; `None` is this machine.
    pub network: Option<&'f str>,
}

impl FirstStart {
    /// For a directory that has its SuperAdmin.
    pub fn closed() -> Self {
        Self {
            code: None,
            file: None,
            tries: Mutex::new(Throttle::new(
                Allowance {
                    burst: 5,
                    every: Duration::from_secs(20),
                },
                1,
            )),
        }
    }

    /// Looks whether there is a SuperAdmin. If not, makes a code, says it in the log, and writes it into a file of this folder
    /// that only the service's user can read.
    pub async fn begin(around: &Surroundings, folder: &Path) -> Result<Self, ChangeError> {
        let mut start = Self::closed();
        let file = folder.join(FILE);
        if around.directory.has_super_admin().await? {
            remove(&file);
            return Ok(start);
        }
        let secret = around.new_secret().map_err(ChangeError::Internal)?;
        let text = String::from_utf8_lossy(secret.reveal()).into_owned();
        // 128 bits, in groups that can be typed.
        let groups: Vec<&str> = (0..8)
            .filter_map(|group| text.get(group * 4..group * 4 + 4))
            .collect();
        let code = groups.join("-");
        let written = write(&file, &code);
        written.map_err(|error| ChangeError::Internal(format!("{}: {error}", file.display())))?;
        (around.log)(format!(
            "there is no SuperAdmin yet: open /first-start of the console, and say this code: {code} (it stands in {} too)",
            file.display()
        ));
        start.code = Some(digest::of(FILE, &code));
        start.file = Some(file);
        Ok(start)
    }

    /// The file that holds the code, where there is one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Whether it is still open.
    pub async fn is_open(&self, around: &Surroundings) -> Result<bool, DirectoryError> {
        Ok(self.code.is_some() && !around.directory.has_super_admin().await?)
    }

    /// Makes the first SuperAdmin.
    pub async fn make_super_admin(
        &self,
        around: &Surroundings,
        first: First<'_>,
    ) -> Result<Login, ChangeError> {
        let closed = || ChangeError::Conflict("there is a SuperAdmin already: sign in".to_owned());
        let Some(expected) = &self.code else {
            return Err(closed());
        };
        self.take((around.clock)())?;
        let said: String = first.code.trim().to_lowercase();
        // What is compared are digests: how long it takes tells nothing of the code.
        if digest::of(FILE, &said) != *expected {
            let said = "this is not the code that the service's log shows since its last start";
            return Err(ChangeError::refused("code", said));
        }
        let login = Login::parse(first.login);
        let login = login.map_err(|problem| ChangeError::refused("login", problem.to_string()))?;
        let length = String::from_utf8_lossy(first.password.reveal()).chars().count();
        if length < SHORTEST {
            let said = format!("this password opens everything: it has at least {SHORTEST} characters");
            return Err(ChangeError::refused("password", said));
        }
        let stored = new_password::hash(around, "password", first.password).await?;
        let now = around.now();
        let mut transaction = around.directory.begin().await?;
        if transaction.has_super_admin().await? {
            return Err(closed());
        }
        let is_mailbox =
            Address::parse(login.as_str()).is_ok_and(|address| address.as_str() == login.as_str());
        let is_taken = transaction.account(&login).await?.is_some()
            || match Address::parse(login.as_str()) {
                Ok(address) => transaction.owner(&address).await?.is_some(),
                Err(_) => false,
            };
        if is_taken {
            let said = "somebody has this login already; “transhume account” changes accounts";
            return Err(ChangeError::refused("login", said));
        }
        let account = Account {
            password: Some(stored),
            role: Role::SuperAdmins,
            created: Some(now),
            // An address is a login here, not yet a mailbox: its domain may not be here.
            secondary_email: if is_mailbox {
                login.to_string()
            } else {
                String::new()
            },
            ..Account::new(login.clone())
        };
        let changes = [Change::Add(Entry::Account(Box::new(account)))];
        transaction.apply(&changes).await?;
        let new = NewAudit {
            at: now,
            login: login.as_str(),
            network: first.network,
            did: Did::MadeSuperAdmin.as_str(),
            what: login.as_str(),
            details: "first start",
        };
        transaction.note(new).await?;
        transaction.commit().await?;
        if let Some(file) = &self.file {
            remove(file);
        }
        Ok(login)
    }

    fn take(&self, now: Duration) -> Result<(), ChangeError> {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wait) = tries.wait(&(), now) {
            let seconds = wait.as_secs().max(1);
            let said = format!("too many codes were tried; try again in {seconds} seconds");
            return Err(ChangeError::Conflict(said));
        }
        tries.take(&(), now);
        Ok(())
    }
}

fn write(file: &Path, code: &str) -> io::Result<()> {
    remove(file);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(file)?.write_all(format!("{code}\n").as_bytes())
}

/// A code that is of no use any more may as well lie there.
fn remove(file: &Path) {
    let _ = std::fs::remove_file(file);
}
