//! One account on both sides: the simulated server, the Maildir, the state file, and passes between them.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use transhume_db::{Base, Store};
use transhume_model::mail::InternalDate;
use transhume_model::plan::Selection;
use transhume_sync::{
    AnyTarget, CertificateRule, Deletions, Durability, Fence, MaildirTarget, Pass, Report, Security, Source,
    SourceAddress, SyncError, TargetOptions, stop_switch,
};
use transhume_testkit::simulated::LOGIN;
use transhume_testkit::{Maildir, SimulatedServer};

use crate::power::Power;

/// How long a server may be silent that has no reason to.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) server: Arc<SimulatedServer>,
    pub(crate) maildir: Maildir,
    /// How long the server may be silent.
    pub(crate) patience: Duration,
    /// Mailboxes that are committed at a time. With one, the same events lead to the same actions in the same order.
    pub(crate) mailboxes: usize,
    /// New connections in a row that may bring nothing.
    pub(crate) retries: u32,
    /// What becomes of messages that the server has no longer.
    pub(crate) deletions: Deletions,
    home: TempDir,
}

/// How a pass ended.
pub(crate) struct Outcome {
    pub(crate) result: Result<Report, SyncError>,
    /// Whether the power was cut.
    pub(crate) was_cut: bool,
    /// Changes of the Maildir and of the base that were made or tried.
    pub(crate) actions: u64,
    /// Changes of the Maildir that were made or tried.
    pub(crate) disk_actions: u64,
}

impl World {
    /// An empty target for the server's account as it is.
    pub(crate) fn new(server: Arc<SimulatedServer>) -> Self {
        let home = scratch();
        Self {
            server,
            maildir: Maildir::new(home.path().join("Maildir")),
            patience: PATIENCE,
            mailboxes: 1,
            retries: 0,
            deletions: Deletions::Keep,
            home,
        }
    }

    /// The same Maildir and state file once more, for another server.
    pub(crate) fn fork(&self, server: Arc<SimulatedServer>) -> Self {
        let fork = Self::new(server);
        copy(self.home.path(), fork.home.path());
        fork
    }

    /// A pass, to its end or until the power is cut before the action of that number.
    pub(crate) fn pass(&self, cut_before: Option<u64>) -> Outcome {
        self.begin(&Power::new(cut_before), None)
    }

    /// A pass with a fence, which may look at the power that the pass works by.
    pub(crate) fn fenced_pass(&self, fence: impl FnOnce(&Arc<Power>) -> Arc<dyn Fence>) -> Outcome {
        let power = Power::new(None);
        let fence = fence(&power);
        self.begin(&power, Some(fence))
    }

    fn begin(&self, power: &Arc<Power>, fence: Option<Arc<dyn Fence>>) -> Outcome {
        let result = self.run(power, false, fence);
        Outcome {
            result,
            was_cut: power.is_out(),
            actions: power.actions(),
            disk_actions: power.disk_actions(),
        }
    }

    /// What a pass would do.
    pub(crate) fn show(&self) -> Outcome {
        let power = Power::new(None);
        let result = self.run(&power, true, None);
        Outcome {
            result,
            was_cut: false,
            actions: power.actions(),
            disk_actions: power.disk_actions(),
        }
    }

    fn run(&self, power: &Arc<Power>, dry: bool, fence: Option<Arc<dyn Fence>>) -> Result<Report, SyncError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        // Dropped at the end, the runtime waits for what it has begun: nothing of a dead pass is at work in the next.
        runtime.block_on(async {
            let (_switch, stop) = stop_switch();
            let supply = power.supply();
            let options = TargetOptions {
                owner: None,
                durability: Durability::None,
                mailboxes: self.mailboxes,
            };
            let target = AnyTarget::from(MaildirTarget::open(self.maildir.path(), options)?);
            let claim = target.claim()?;
            let store = Store::open(&self.home.path().join("state.db")).await?;
            let pass = Pass {
                fence,
                ..self.make_pass(target, store).await?
            };
            drop(supply);
            let result = if dry {
                pass.show(&(), &stop).await
            } else {
                pass.run(&(), &stop).await
            };
            pass.base.close().await;
            drop(claim);
            result
        })
    }

    /// As the command makes it of its arguments. The only place where these tests make one.
    async fn make_pass(&self, target: AnyTarget, store: Store) -> Result<Pass, SyncError> {
        let source = Source {
            address: SourceAddress {
                host: "127.0.0.1".to_owned(),
                port: self.server.port(),
                security: Security::Insecure,
                user: LOGIN.0.to_owned(),
            },
            login_as: None,
            password: LOGIN.1.as_bytes().to_vec(),
            certificate: CertificateRule::Public,
            patience: self.patience,
        };
        let base = Base::open(store, &source.address.account(), "target").await?;
        Ok(Pass {
            source,
            target,
            base,
            selection: Selection::default(),
            deletions: self.deletions,
            connections: 2,
            retries: self.retries,
            makes_mailboxes: true,
            fence: None,
            now: InternalDate::from_unix(1_750_000_000),
        })
    }
}

/// In memory where there is room for it: a case writes hundreds of files.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory)
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

/// Copies what is in a folder, with its times.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
            let modified = entry.metadata().unwrap().modified().unwrap();
            File::options()
                .write(true)
                .open(&to)
                .unwrap()
                .set_modified(modified)
                .unwrap();
        }
    }
}
