//! The one who watches for all pages.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use transhume_db::directory::{DirectoryError, DirectoryPool, MigrationRecord};
use transhume_model::migration::{Migration, MigrationId};
use transhume_model::rights::Scope;

use super::told;

/// How often is looked.
const EVERY: Duration = Duration::from_secs(1);
/// Ticks that a page may be behind.
const BEHIND: usize = 8;
/// How far back each look goes, in milliseconds: another's change may become visible later than one that was made after it.
const OVERLAP: i64 = 6_000;
/// Changes of one look at most; what is left over comes with the next.
const MOST: u32 = 5_000;

/// What has become something else since the tick before.
#[derive(Debug, Default)]
pub(super) struct Tick {
    pub(super) migrations: Vec<Changed>,
    /// For each scope in which somebody looks; only where it has become something else, too.
    pub(super) overviews: BTreeMap<Scope, Arc<str>>,
}

/// A migration, as pages are told.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) id: MigrationId,
    pub(super) migration: Migration,
    pub(super) text: String,
}

/// Watches for all pages, while there are any.
pub(crate) struct Live {
    hub: Arc<Hub>,
}

struct Hub {
    directory: DirectoryPool,
    clock: Arc<dyn Fn() -> Duration + Send + Sync>,
    log: Arc<dyn Fn(String) + Send + Sync>,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    ticks: Option<Sender<Arc<Tick>>>,
    watching: Option<JoinHandle<()>>,
    /// How many pages look at each scope's overview.
    scopes: BTreeMap<Scope, usize>,
    /// Scopes whose overview somebody new waits for.
    fresh: BTreeSet<Scope>,
    /// Migrations that somebody new shows.
    fresh_ids: BTreeSet<MigrationId>,
    /// How many there are.
    count: usize,
    /// Nobody is told anything any more.
    has_ended: bool,
}

/// A page's place among those that are told.
pub(super) struct Following {
    pub(super) ticks: Receiver<Arc<Tick>>,
    scope: Option<Scope>,
    hub: Arc<Hub>,
}

impl Live {
    pub(crate) fn new(
        directory: DirectoryPool,
        clock: Arc<dyn Fn() -> Duration + Send + Sync>,
        log: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Self {
        let hub = Hub {
            directory,
            clock,
            log,
            pages: Mutex::default(),
        };
        Self { hub: Arc::new(hub) }
    }

    /// One more page is told, until it is dropped: first of all how what it shows stands now. `scope` is that of which it shows
    /// how everything stands, if it does.
    pub(super) fn follow(&self, scope: Option<Scope>, ids: &BTreeSet<MigrationId>) -> Following {
        let mut pages = self.hub.pages();
        let ticks = if pages.has_ended {
            // Nobody speaks into it.
            channel(1).1
        } else {
            pages.ticks.get_or_insert_with(|| channel(BEHIND).0).subscribe()
        };
        pages.count += 1;
        pages.fresh_ids.extend(ids);
        if let Some(scope) = &scope {
            *pages.scopes.entry(scope.clone()).or_default() += 1;
            pages.fresh.insert(scope.clone());
        }
        if pages.watching.is_none() && !pages.has_ended {
            let hub = Arc::clone(&self.hub);
            pages.watching = Some(tokio::spawn(async move { watch(&hub).await }));
        }
        drop(pages);
        let hub = Arc::clone(&self.hub);
        Following { ticks, scope, hub }
    }

    /// Lets all pages go.
    pub(crate) fn end(&self) {
        let mut pages = self.hub.pages();
        pages.has_ended = true;
        pages.ticks = None;
        if let Some(watching) = pages.watching.take() {
            watching.abort();
        }
    }
}

impl Hub {
    fn pages(&self) -> std::sync::MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut pages = self.hub.pages();
        pages.count = pages.count.saturating_sub(1);
        if let Some(scope) = &self.scope
            && let Some(count) = pages.scopes.get_mut(scope)
        {
            *count -= 1;
            if *count == 0 {
                pages.scopes.remove(scope);
            }
        }
        // The one who watches sees at their next look that nobody is left.
    }
}

/// What the one who watches remembers.
#[derive(Default)]
struct Memory {
    /// The newest change that was seen; `None` at first.
    newest: Option<i64>,
    /// Changes within the overlap that pages were told of.
    told: HashMap<MigrationId, i64>,
    overviews: BTreeMap<Scope, Arc<str>>,
}

async fn watch(hub: &Hub) {
    let mut memory = Memory::default();
    let mut looks = interval(EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_well = true;
    loop {
        looks.tick().await;
        let (scopes, fresh, fresh_ids, ticks) = {
            let mut pages = hub.pages();
            if pages.count == 0 {
                pages.watching = None;
                return;
            }
            let scopes: Vec<Scope> = pages.scopes.keys().cloned().collect();
            let (fresh, ids) = (
                std::mem::take(&mut pages.fresh),
                std::mem::take(&mut pages.fresh_ids),
            );
            (scopes, fresh, ids, pages.ticks.clone())
        };
        let Some(ticks) = ticks else { return };
        match look(hub, &mut memory, &scopes, (&fresh, &fresh_ids)).await {
            Ok(tick) => {
                if !tick.migrations.is_empty() || !tick.overviews.is_empty() {
                    // Nobody may be there any more.
                    let _ = ticks.send(Arc::new(tick));
                }
                is_well = true;
            }
            Err(error) => {
                // Once, not every second; what changed meanwhile is seen when it goes again.
                if is_well {
                    (hub.log)(format!("pages cannot follow what goes on: {error}"));
                }
                is_well = false;
            }
        }
    }
}

async fn look(
    hub: &Hub,
    memory: &mut Memory,
    scopes: &[Scope],
    (fresh, fresh_ids): (&BTreeSet<Scope>, &BTreeSet<MigrationId>),
) -> Result<Tick, DirectoryError> {
    let mut tick = Tick::default();
    let mut tell = |record: MigrationRecord| {
        tick.migrations.push(Changed {
            id: record.migration.id,
            text: told::migration(&record),
            migration: record.migration,
        });
    };
    match memory.newest {
        None => memory.newest = Some(hub.directory.newest_change().await?),
        Some(newest) => {
            let records = hub.directory.changed_since(newest - OVERLAP, MOST).await?;
            let is_all = u32::try_from(records.len()).is_ok_and(|count| count < MOST);
            for record in records {
                let id = record.migration.id;
                memory.newest = memory.newest.max(Some(record.changed));
                if memory.told.insert(id, record.changed) != Some(record.changed) {
                    tell(record);
                }
            }
            // The next look has to come further than this one: it goes on where this one ended.
            memory.newest = memory
                .newest
                .map(|newest| if is_all { newest } else { newest + OVERLAP });
            let kept_from = memory.newest.unwrap_or_default() - OVERLAP;
            memory.told.retain(|_, changed| *changed >= kept_from);
        }
    }
    for record in hub.directory.migrations_of(fresh_ids).await? {
        tell(record);
    }
    let now = i64::try_from((hub.clock)().as_secs()).unwrap_or(i64::MAX);
    for scope in scopes {
        let text: Arc<str> = told::overview(&hub.directory.overview(scope, now).await?).into();
        if fresh.contains(scope) || memory.overviews.get(scope) != Some(&text) {
            tick.overviews.insert(scope.clone(), Arc::clone(&text));
        }
        memory.overviews.insert(scope.clone(), text);
    }
    memory.overviews.retain(|scope, _| scopes.contains(scope));
    Ok(tick)
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}
