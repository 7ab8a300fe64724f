//! The heartbeat: as long as a pass runs, its lease is renewed; and the pass is stopped when there is a reason to.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep};
use transhume_db::directory::{DirectoryPool, Lease, LeaseError};
use transhume_model::migration::{Hold, Migration};
use transhume_sync::{Fence, StopSwitch};

use crate::Surroundings;
use crate::progress::Hearing;

/// A lease is renewed so many times while it lasts.
const BEATS: u32 = 4;

/// A pass that has not got any further for so long is stopped. The server's silence has a limit of its own; this is for servers
/// that talk and say nothing, and for disks. Committing a very large mailbox takes minutes.
const STALLED: Duration = Duration::from_mins(30);

/// Why a pass was stopped that was not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The process ends, or others want the place.
    Asked,
    /// A person has paused or ended the migration.
    ByPerson,
    /// It did not get any further.
    Stalled,
    /// The lease could not be renewed: somebody else may have the account.
    Lost,
}

/// One pass's heartbeat, and its brake.
pub(crate) struct Heartbeat {
    pub(crate) pool: DirectoryPool,
    pub(crate) lease: Lease,
    pub(crate) lasts: Duration,
    pub(crate) surroundings: Surroundings,
    switch: StopSwitch,
    stopped: Cell<Option<Stopped>>,
}

impl Heartbeat {
    pub(crate) fn new(
        pool: DirectoryPool,
        lease: Lease,
        lasts: Duration,
        surroundings: Surroundings,
        switch: StopSwitch,
    ) -> Self {
        Self {
            pool,
            lease,
            lasts,
            surroundings,
            switch,
            stopped: Cell::new(None),
        }
    }

    /// Stops the pass at a safe point. The first reason counts, unless the account is lost.
    pub(crate) fn stop(&self, why: Stopped) {
        if self.stopped.get().is_none() || why == Stopped::Lost {
            self.stopped.set(Some(why));
        }
        self.switch.ask();
    }

    /// Why the pass was stopped.
    pub(crate) fn stopped(&self) -> Option<Stopped> {
        self.stopped.get()
    }

    /// When a lease runs out that is taken or renewed now.
    pub(crate) fn until(&self) -> i64 {
        until(&self.surroundings, self.lasts)
    }

    /// Beats for as long as it is polled.
    pub(crate) async fn beat(&self, hearing: &Hearing) {
        let mut renewed = Instant::now();
        loop {
            sleep(self.lasts / BEATS).await;
            match self.pool.renew(self.lease, self.until()).await {
                Ok(migration) => {
                    renewed = Instant::now();
                    if !may_go_on(&migration) {
                        self.stop(Stopped::ByPerson);
                    }
                }
                // The directory may be back before the lease has run out.
                Err(LeaseError::Directory(_)) if renewed.elapsed() < self.lasts => continue,
                Err(_) => self.stop(Stopped::Lost),
            }
            // Whether it could be noted shows with the next renewal.
            let _ = self.pool.note_progress(self.lease, &hearing.progress()).await;
            if hearing.last().elapsed() > STALLED {
                self.stop(Stopped::Stalled);
            }
        }
    }

    /// What the pass asks before each commit.
    pub(crate) fn fence(&self) -> Arc<dyn Fence> {
        Arc::new(LeaseFence {
            pool: self.pool.clone(),
            lease: self.lease,
            surroundings: self.surroundings.clone(),
        })
    }
}

/// When a lease runs out that is taken now, in seconds since 1970 UTC.
pub(crate) fn until(surroundings: &Surroundings, lasts: Duration) -> i64 {
    surroundings.now() + i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX / 2)
}

/// Whether a person still wants a pass of it.
fn may_go_on(migration: &Migration) -> bool {
    migration.wants_passes() && !matches!(migration.hold, Some(Hold::Paused { .. }))
}

/// The directory says whether a lease still holds.
struct LeaseFence {
    pool: DirectoryPool,
    lease: Lease,
    surroundings: Surroundings,
}

#[async_trait]
impl Fence for LeaseFence {
    async fn holds(&self) -> Result<bool, String> {
        let held = self.pool.holds(self.lease, self.surroundings.now()).await;
        held.map_err(|error| error.to_string())
    }
}

impl fmt::Debug for LeaseFence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseFence")
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}
