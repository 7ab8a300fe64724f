//! What runs by itself: passes when they are due, and what becomes of the migrations.
//!
//! [`run`] is where to begin. Which migration's turn it is, what becomes of it after a pass, when it is tried again: the model
//! decides (`transhume_model::migration`). Who has which is kept by the directory, as leases; a pass itself is the business of
//! `transhume_sync`. What is left, and done here: asking, carrying out, and holding on to what was leased for as long as that
//! takes.
//!
//! ```text
//! scheduler ──▶ lease ──▶ carrying ──▶ pass (sync) ──▶ ending ──▶ model ──▶ hand back
//!                            └─ heartbeat: renewed, watched, stopped when it is somebody else's
//! ```

mod carrying;
mod ending;
mod heartbeat;
mod looking;
mod pass;
mod plan;
mod progress;
mod rest;
mod scheduler;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use transhume_db::Sealer;
use transhume_db::directory::DirectoryPool;

pub use looking::Looking;
pub use pass::Folders;
pub use plan::{PlanError, plan};
pub use scheduler::run;

/// All that a worker needs.
#[derive(Clone)]
pub struct WorkerOptions {
    /// What the worker is called in the directory: for people, who want to know which machine has an account.
    pub name: String,
    /// The directory.
    pub pool: DirectoryPool,
    /// Reads the passwords of old servers.
    pub sealer: Arc<Sealer>,
    /// Where mail lies here, and what is remembered of it. The process has to run as the owner of both.
    pub folders: Folders,
    /// Whether doveadm raises Dovecot's modification sequences above the old server's.
    pub doveadm: Option<DoveadmUse>,
    /// How long a lease lasts that is not renewed: as long as this, what a killed worker had is nobody's.
    pub lease: Duration,
    /// What comes from outside.
    pub surroundings: Surroundings,
}

/// How doveadm is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoveadmUse {
    /// Dovecot's configuration file, where it is not the usual one.
    pub config: Option<PathBuf>,
}

/// The time and randomness, which the binary passes in, and where lines for people go.
#[derive(Clone)]
pub struct Surroundings {
    /// The time, in seconds since 1970 UTC.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Any number, each as likely as the other.
    pub random: Arc<dyn Fn() -> u32 + Send + Sync>,
    /// Takes one line for whoever reads the service's log. Never with a secret in it.
    pub say: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Surroundings {
    fn now(&self) -> i64 {
        (self.now)()
    }

    fn random(&self) -> u32 {
        (self.random)()
    }

    fn say(&self, line: &str) {
        (self.say)(line);
    }
}

impl fmt::Debug for WorkerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerOptions")
            .field("name", &self.name)
            .field("folders", &self.folders)
            .field("doveadm", &self.doveadm)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}
