//! What the programs have in common that go on by themselves: how they begin, whose rights they have, how they end.

mod notify;
mod rights;

use std::fs::{DirBuilder, metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, chown};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nix::unistd::geteuid;
use transhume_db::Sealer;
use transhume_db::directory::{DirectoryLocation, DirectoryPool};
use transhume_sync::Owner;
use transhume_worker::{Folders, Surroundings, WorkerOptions};

pub(crate) use notify::{State, tell};

use crate::commands::directory;
use crate::config::said::of_process;
use crate::config::{DirectoryOptions, Service};
use crate::exit::{Exit, Failure};

/// What a process of the service is made of.
pub(crate) struct Prepared {
    pub(crate) location: DirectoryLocation,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) service: Service,
    owner: Owner,
}

impl Prepared {
    /// Reads all that is said, and what only root may read. Nothing is changed but the folder of the state files, which is made.
    pub(crate) fn new(options: &DirectoryOptions) -> Result<Self, Failure> {
        let config = options.config()?;
        let location = options.location(&config)?;
        let service = config.service(&of_process)?;
        let owner = service.mail_owner(&config)?;
        let sealer = Sealer::open(&config.key_file(&location)).map_err(|error| {
            Failure::new(
                Exit::Usage,
                error,
                "It is what passwords of old servers are sealed with; the user that this runs as has to own it.",
            )
        })?;
        let prepared = Self {
            location,
            sealer: Arc::new(sealer),
            service,
            owner,
        };
        prepared.look_for_doveadm()?;
        prepared.make_state_folder()?;
        Ok(prepared)
    }

    /// Whether what this program runs is there.
    fn look_for_doveadm(&self) -> Result<(), Failure> {
        if self.service.doveadm.is_none() || has_program("doveadm") {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Usage,
            "doveadm, which tells Dovecot how far the old server had counted, is not on this machine",
            "Install it (package dovecot-core); or say doveadm = false in [mail] of the configuration file, and read about CONDSTORE \
             in docs/operator/service.md first.",
        ))
    }

    /// From here on with the rights of the owner of all mail. No thread may run yet.
    pub(crate) fn become_owner(&self) -> Result<(), Failure> {
        rights::become_owner(self.owner, &self.service.owner.value)?;
        let mail = &self.service.mail;
        let is_folder = metadata(mail).is_ok_and(|found| found.is_dir());
        let owner = &self.service.owner.value;
        is_folder.then_some(()).ok_or_else(|| {
            Failure::new(
                Exit::TargetFailed,
                format!("{}, the folder of all mail, is not there, or {owner} may not look into it", mail.display()),
                format!(
                    "Make it (“install -d -o {} -g {} -m 750 {}”), or name another in [mail] of the configuration file.",
                    self.owner.uid,
                    self.owner.gid,
                    mail.display()
                ),
            )
        })
    }

    fn make_state_folder(&self) -> Result<(), Failure> {
        let state = &self.service.state;
        make_for(state, self.owner).map_err(|error| {
            Failure::new(
                Exit::TargetFailed,
                format!(
                    "{}, the folder of the state files, cannot be made: {error}",
                    state.display()
                ),
                "Make it for the owner of all mail, or name another (state-dir in [service]).",
            )
        })
    }

    /// The directory, open; its tables are made or brought up to date where they have to be.
    pub(crate) async fn pool(&self) -> Result<DirectoryPool, Failure> {
        let opened = DirectoryPool::open(&self.location).await;
        opened.map_err(|error| directory::failure(&error))
    }

    /// What the workers of this process need.
    pub(crate) fn worker(&self, pool: DirectoryPool) -> WorkerOptions {
        WorkerOptions {
            name: self.service.name.clone().unwrap_or_else(own_name),
            pool,
            sealer: Arc::clone(&self.sealer),
            folders: Folders {
                mail: self.service.mail.clone(),
                state: self.service.state.clone(),
            },
            doveadm: self.service.doveadm.clone(),
            lease: self.service.lease,
            surroundings: surroundings(),
        }
    }
}

/// The time, randomness, and where lines for people go: the only place where the service gets them.
pub(crate) fn surroundings() -> Surroundings {
    Surroundings {
        now: Arc::new(now),
        // Without randomness all waits have their mean: nothing depends on it but how evenly they are spread.
        random: Arc::new(|| getrandom::u32().unwrap_or(u32::MAX / 2)),
        say: Arc::new(|line: &str| eprintln!("{line}")),
    }
}

/// Whether a program of that name is found where programs are looked for.
pub(crate) fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}

/// A folder that only its owner reads, given to the owner of all mail by whoever may do that.
fn make_for(folder: &Path, owner: Owner) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| !above.exists()) {
        make_for(above, owner)?;
    }
    DirBuilder::new().mode(0o700).create(folder)?;
    if geteuid().is_root() {
        chown(folder, Some(owner.uid), Some(owner.gid))?;
    }
    Ok(())
}

/// What a process is called that nobody has named: machine and process number.
fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    let host = if host.is_empty() { "localhost" } else { host };
    format!("{host}/{}", std::process::id())
}

/// Runs what is asynchronous to its end, on a runtime of its own. What still waits in a thread for a lock does not keep it.
pub(crate) fn block_on<T>(work: impl AsyncFnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("the program cannot begin: {error}"), ""))?;
    let result = tokio::task::LocalSet::new().block_on(&runtime, work());
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}
