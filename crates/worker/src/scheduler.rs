//! The scheduler: leases what is due, as long as there is room for it, and lets it be carried; until it is asked to stop.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep};
use transhume_db::directory::{DirectoryError, Leased};
use transhume_model::migration::MigrationId;
use transhume_model::migration::schedule::{Mine, SLICE, gives_way};
use transhume_sync::{Stop, stop_switch};

use crate::WorkerOptions;
use crate::carrying::Carrier;
use crate::heartbeat::{Heartbeat, Stopped, until};
use crate::rest::Resting;

/// How often the directory is asked whether something is due.
const POLL: Duration = Duration::from_secs(1);

/// Passes of one process at a time, at the most: each takes some megabytes, two threads and some thirty open files.
const MOST: usize = 32;

/// How often it is looked whether others have waited long enough for a place.
const LOOK: Duration = Duration::from_secs(15);

/// A pass that runs.
struct Running {
    migration: MigrationId,
    began: Instant,
    heartbeat: Rc<Heartbeat>,
}

struct Scheduler {
    carrier: Rc<Carrier>,
    tasks: JoinSet<()>,
    running: HashMap<Id, Running>,
    looked: Instant,
    /// What the directory's last trouble was, so that it is told once.
    trouble: Option<String>,
}

/// Works until somebody asks to stop; then what is under way comes to a safe point and is handed back, due at once. Trouble with the
/// directory is told, and waited for. To be called within a [`LocalSet`](tokio::task::LocalSet).
pub async fn run(options: WorkerOptions, stop: &Stop) {
    let carrier = Carrier {
        options,
        resting: RefCell::new(Resting::default()),
    };
    let mut scheduler = Scheduler {
        carrier: Rc::new(carrier),
        tasks: JoinSet::new(),
        running: HashMap::new(),
        looked: Instant::now(),
        trouble: None,
    };
    loop {
        let filled = scheduler.fill().await;
        scheduler.note(filled);
        tokio::select! {
            Some(ended) = scheduler.tasks.join_next_with_id() => scheduler.ended(ended),
            () = sleep(POLL) => {}
            () = stop.asked() => break,
        }
        if scheduler.looked.elapsed() >= LOOK {
            scheduler.looked = Instant::now();
            let made = scheduler.make_way().await;
            scheduler.note(made);
        }
    }
    for running in scheduler.running.values() {
        running.heartbeat.stop(Stopped::Asked);
    }
    while let Some(ended) = scheduler.tasks.join_next_with_id().await {
        scheduler.ended(ended);
    }
}

impl Scheduler {
    /// Leases as much as there is room for.
    async fn fill(&mut self) -> Result<(), DirectoryError> {
        let WorkerOptions {
            pool,
            name,
            lease,
            surroundings,
            ..
        } = &self.carrier.options;
        let here = u32::try_from(MOST.saturating_sub(self.running.len())).unwrap_or(0);
        let (now, until) = (surroundings.now(), until(surroundings, *lease));
        for migration in pool.end_sweeps(now).await? {
            let who = &migration.address;
            self.carrier.say(&format!(
                "{who}: its old mailbox is swept no more, and its old password is forgotten"
            ));
        }
        for leased in pool.lease_due(name, now, until, here).await? {
            self.begin(leased);
        }
        Ok(())
    }

    fn begin(&mut self, leased: Leased) {
        let WorkerOptions {
            pool,
            lease,
            surroundings,
            ..
        } = &self.carrier.options;
        let (switch, stop) = stop_switch();
        let heartbeat = Rc::new(Heartbeat::new(
            pool.clone(),
            leased.lease,
            *lease,
            surroundings.clone(),
            switch,
        ));
        let running = Running {
            migration: leased.migration.id,
            began: Instant::now(),
            heartbeat: Rc::clone(&heartbeat),
        };
        let carrying = Rc::clone(&self.carrier).carry(leased, heartbeat, stop);
        let task = self.tasks.spawn_local(carrying);
        self.running.insert(task.id(), running);
    }

    fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                self.carrier.say(&format!(
                    "a part of the program has failed: {error}; please report it"
                ));
                error.id()
            }
        };
        self.running.remove(&id);
    }

    /// Hands one pass back, if others have waited long enough for its place.
    async fn make_way(&self) -> Result<(), DirectoryError> {
        let mine = |running: &Running| Mine {
            id: running.migration,
            ran: u32::try_from(running.began.elapsed().as_secs()).unwrap_or(u32::MAX),
        };
        let mine: Vec<Mine> = self.running.values().map(mine).collect();
        if mine.iter().all(|one| one.ran < SLICE) {
            return Ok(());
        }
        let WorkerOptions {
            pool, surroundings, ..
        } = &self.carrier.options;
        let queue = pool.queue(surroundings.now()).await?;
        let way = gives_way(&mine, &queue.waiting, &queue.running, queue.jobs);
        let mut running = self.running.values();
        if let Some(running) = running.find(|running| Some(running.migration) == way) {
            running.heartbeat.stop(Stopped::Asked);
        }
        Ok(())
    }

    /// Tells of trouble with the directory when it begins, and when it is over.
    fn note(&mut self, outcome: Result<(), DirectoryError>) {
        let trouble = outcome.err().map(|error| error.to_string());
        match (&self.trouble, &trouble) {
            (None, Some(trouble)) => self.carrier.say(&format!("nothing can be begun now: {trouble}")),
            (Some(_), None) => self.carrier.say("the directory can be used again"),
            _ => {}
        }
        self.trouble = trouble;
    }
}
