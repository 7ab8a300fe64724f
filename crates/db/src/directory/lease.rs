//! Leases: which worker has which migration, and for how long.
//!
//! Every lease has an *epoch*, the number of leases that its migration has had. Whatever a worker writes says its own epoch,
//! and is refused when another has come since ([`LeaseError::FencedOff`]): a worker that was stopped for an hour, and wakes,
//! writes nothing any more.

use transhume_model::directory::HostName;
use transhume_model::migration::schedule::{self, LARGE, Running, Slots, Waiting};
use transhume_model::migration::{Event, Hold, Migration, MigrationId, PassReport, Phase, Progress};

use super::link::{Begin, Link, Value};
use super::lookup::each;
use super::migration::{COLUMNS, STANDING, WIDTH, held_row, now_of, record, standing};
use super::read::{self, Trouble};
use super::{DirectoryError, DirectoryLocation, DirectoryPool, credential, pass, provider, settings};

/// PostgreSQL's part of leasing: one worker looks and takes at a time, so that none counts what another is about to take.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7235929148237)";

/// A migration that this worker has, until it hands it back or another takes it over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which migration.
    pub migration: MigrationId,
    /// The lease's own number: what the worker writes carries it.
    pub epoch: i64,
    /// When the pass was due. If that is another time when the lease ends, somebody wants one more pass.
    due: i64,
}

/// A migration that was just leased, with what its pass needs to know.
#[derive(Clone, Debug)]
pub struct Leased {
    /// The lease.
    pub lease: Lease,
    /// How the migration stands: its pass has begun.
    pub migration: Migration,
    /// How much was here after the last pass.
    pub progress: Progress,
    /// Passes in a row that came to nothing.
    pub failures: u32,
}

/// Who waits, and who is being worked on.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Migrations whose pass is due; of each provider as many as it could be given.
    pub waiting: Vec<Waiting>,
    /// Those that some worker has.
    pub running: Vec<Running>,
    /// Passes that there may be at a time.
    pub jobs: u32,
}

/// How a lease ends.
#[derive(Clone, Debug)]
pub struct HandBack {
    /// What the pass leads to. What cannot happen to the migration any more, because a person ended it meanwhile, is left out.
    pub events: Vec<Event>,
    /// When the next pass is due, in seconds since 1970 UTC. What a person asked for meanwhile goes before it.
    pub due: i64,
    /// Passes in a row that came to nothing, this one included.
    pub failures: u32,
    /// What goes into the history; `None` for a pass that did not come to its work.
    pub pass: Option<PassReport>,
}

/// Why a worker's word was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// It is not its own any more: the lease ran out and another worker has it, or somebody deleted it.
    #[error("another worker has taken the migration over, or it was deleted")]
    FencedOff,
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl DirectoryPool {
    /// Leases migrations whose pass is due, at most `here` of them: as many and in such an order as
    /// [`schedule::choose`] says, with the settings' jobs and the providers' connections. Their passes have begun thereby.
    ///
    /// A lease holds `until` it is renewed. One that has run out is taken over by whoever comes first. Nothing is leased while
    /// migration is switched off, nor of providers, accounts or domains that are disabled. Times are seconds since 1970 UTC.
    pub async fn lease_due(
        &self,
        worker: &str,
        now: i64,
        until: i64,
        here: u32,
    ) -> Result<Vec<Leased>, DirectoryError> {
        if here == 0 || !self.is_any_due(now).await? {
            return Ok(Vec::new());
        }
        let at = self.location();
        let mut transaction = self.transaction(Begin::Beside).await?;
        if !transaction.link().is_sqlite() {
            let locked = transaction.link().run(LOCK.to_owned()).await;
            locked.map_err(|error| self.hear(error))?;
        }
        let settings = settings::read(transaction.link(), at).await?;
        let mut leased = Vec::new();
        if settings.imap_migration {
            let running = running(transaction.link(), at, now).await?;
            let waiting = waiting(transaction.link(), at, now).await?;
            let jobs = settings.jobs.get();
            for id in schedule::choose(waiting, &running, Slots { jobs, here }) {
                leased.extend(take(transaction.link(), at, id, worker, until).await?);
            }
        }
        transaction.commit().await.map_err(|error| self.hear(error))?;
        Ok(leased)
    }

    /// What is due and could not be leased, and what is being worked on: for [`schedule::gives_way`]. With it, how many
    /// passes there may be.
    pub async fn queue(&self, now: i64) -> Result<Queue, DirectoryError> {
        let at = self.location();
        let mut transaction = self.transaction(Begin::Read).await?;
        let settings = settings::read(transaction.link(), at).await?;
        let mut queue = Queue {
            waiting: Vec::new(),
            running: running(transaction.link(), at, now).await?,
            jobs: settings.jobs.get(),
        };
        if settings.imap_migration {
            queue.waiting = waiting(transaction.link(), at, now).await?;
        }
        Ok(queue)
    }

    /// Whether there may be something to lease: asked often, so it writes nothing and waits for nobody.
    async fn is_any_due(&self, now: i64) -> Result<bool, DirectoryError> {
        let question = format!("SELECT id FROM migration WHERE {} LIMIT 1", is_due());
        let mut lent = self.lend().await?;
        let rows = lent.link().ask(question, &[Value::number(now)]).await;
        Ok(!rows.map_err(|error| self.hear(error))?.is_empty())
    }

    /// Holds a lease for longer, and tells how the migration stands: a person may have paused or cancelled it meanwhile.
    pub async fn renew(&self, lease: Lease, until: i64) -> Result<Migration, LeaseError> {
        let statement = format!("UPDATE migration SET leased_until = $3 WHERE {MINE} RETURNING {COLUMNS}");
        let mut transaction = self.transaction(Begin::Beside).await?;
        let mut renewed = None;
        let values = [mine(lease).as_slice(), &[Value::number(until)]].concat();
        let at = self.location();
        each(transaction.link(), at, "migration", statement, &values, |row| {
            renewed = Some(record(row)?.migration);
            Ok(())
        })
        .await?;
        transaction.commit().await.map_err(|error| self.hear(error))?;
        renewed.ok_or(LeaseError::FencedOff)
    }

    /// Whether a lease holds now: nobody else can have the migration before it runs out. To be asked before what cannot be
    /// taken back.
    pub async fn holds(&self, lease: Lease, now: i64) -> Result<bool, DirectoryError> {
        let question = format!("SELECT id FROM migration WHERE {MINE} AND leased_until > $3");
        let values = [mine(lease).as_slice(), &[Value::number(now)]].concat();
        let mut lent = self.lend().await?;
        let rows = lent.link().ask(question, &values).await;
        Ok(!rows.map_err(|error| self.hear(error))?.is_empty())
    }

    /// Notes how much is here, and with it how fast it comes: half of that is what came since the last note, half what it was
    /// before, so that it does not leap.
    pub async fn note_progress(&self, lease: Lease, progress: &Progress) -> Result<(), LeaseError> {
        let mut transaction = self.transaction(Begin::Beside).await?;
        let now = now_of(&transaction.link());
        let since = format!("({now} - noted)");
        let came = format!("(CASE WHEN $7 > octets_done THEN $7 - octets_done ELSE 0 END) * 1000 / {since}");
        let statement = format!(
            "UPDATE migration SET mailboxes_done = $3, mailboxes_all = $4, messages_done = $5, messages_all = $6, \
             octets_done = $7, octets_all = $8, changed = {now}, \
             noted = CASE WHEN noted IS NULL OR {since} > 0 THEN {now} ELSE noted END, \
             rate = CASE WHEN {since} > 0 THEN (COALESCE(rate, {came}) + {came}) / 2 ELSE rate END \
             WHERE {MINE}"
        );
        let shares = [progress.mailboxes, progress.messages, progress.octets];
        let shares = shares.into_iter().flat_map(|share| {
            [
                Value::count(share.done),
                share.all.map_or(Value::Number(None), Value::count),
            ]
        });
        let values: Vec<Value<'_>> = mine(lease).into_iter().chain(shares).collect();
        let written = transaction.link().write(statement, &values, true).await;
        let written = written.map_err(|error| self.hear(error))?;
        transaction.commit().await.map_err(|error| self.hear(error))?;
        if written == 0 {
            return Err(LeaseError::FencedOff);
        }
        Ok(())
    }

    /// Ends a lease: what the pass leads to, its line in the history, when the next one is due. Says how the migration
    /// stands then.
    pub async fn hand_back(
        &self,
        lease: Lease,
        worker: &str,
        how: HandBack,
    ) -> Result<Migration, LeaseError> {
        let at = self.location();
        let mut transaction = self.transaction(Begin::Beside).await?;
        let found = held_row(transaction.link(), at, lease.migration).await?;
        let mut found = found.ok_or(LeaseError::FencedOff)?;
        let is_asked_again = found.due != lease.due;
        for event in how.events {
            // The password that was refused may not be the one that is known by now: whoever has asked for one more pass gets it.
            if is_asked_again && matches!(&event, Event::Held(hold) if hold.is_of_credential()) {
                continue;
            }
            // What a person has ended in between stays ended.
            let event = if is_asked_again {
                event.with_more_to_come()
            } else {
                event
            };
            found.migration = found.migration.clone().apply(event).unwrap_or(found.migration);
        }
        let due = if is_asked_again { found.due } else { how.due };
        // A pass that did not come to its work says nothing of what was wrong before.
        let error = match &how.pass {
            Some(pass) => pass.error.as_deref(),
            None => found.last_error.as_deref(),
        };
        let statement = format!(
            "UPDATE migration SET {STANDING}, due = $8, failures = $9, \
             last_error = $10, leased_by = NULL, leased_until = NULL, noted = NULL, rate = NULL, changed = {} WHERE {}",
            now_of(&transaction.link()),
            MINE.replace("$1", "$6").replace("$2", "$7")
        );
        let values = [
            standing(&found.migration).as_slice(),
            &mine(lease),
            &[
                Value::number(due),
                Value::number(how.failures),
                Value::text_or_none(error),
            ],
        ]
        .concat();
        let written = transaction.link().write(statement, &values, true).await;
        let refused = |error| DirectoryError::heard_of(at, "migration", &found.migration.address, error);
        if written.map_err(refused)? == 0 {
            return Err(LeaseError::FencedOff);
        }
        credential::forget_when_over(transaction.link(), at, &found.migration).await?;
        if let Some(report) = &how.pass {
            pass::add(transaction.link(), at, lease.migration, worker, report).await?;
        }
        transaction.commit().await.map_err(|error| self.hear(error))?;
        Ok(found.migration)
    }
}

/// The worker's own lease, as `$1` and `$2`. After it was handed back it is nobody's.
const MINE: &str = "id = $1 AND epoch = $2 AND leased_by IS NOT NULL";

fn mine(lease: Lease) -> [Value<'static>; 2] {
    [Value::number(lease.migration.0), Value::number(lease.epoch)]
}

/// What may be leased at `$1`, as far as its own row tells.
fn is_due() -> String {
    let quoted = |words: Vec<&str>| words.join("', '");
    let phases = Phase::ALL.into_iter().filter(|phase| phase.is_under_way());
    let phases = quoted(phases.map(Phase::as_str).collect());
    let holds = Hold::ALL;
    let holds = quoted(
        holds
            .iter()
            .filter(|hold| hold.is_tried_again())
            .map(Hold::as_str)
            .collect(),
    );
    format!(
        "due <= $1 AND (leased_until IS NULL OR leased_until <= $1) AND (phase IN ('{phases}') OR swept_until > $1) \
         AND (hold IS NULL OR hold IN ('{holds}'))"
    )
}

/// What is being worked on, by whichever worker.
async fn running(link: Link<'_>, at: &DirectoryLocation, now: i64) -> Result<Vec<Running>, DirectoryError> {
    let mut running = Vec::new();
    let question = format!(
        "SELECT {COLUMNS}, (SELECT host FROM provider WHERE name = migration.provider) FROM migration \
         WHERE leased_until > $1"
    );
    each(link, at, "migration", question, &[Value::number(now)], |row| {
        let record = record(row)?;
        let host = row.text(WIDTH)?;
        let host = HostName::parse(&host).map_err(|problem| read::of(&host, &problem.to_string()))?;
        running.push(Running {
            id: record.migration.id,
            host,
            octets_left: record.progress.octets.left(),
        });
        Ok::<(), Trouble>(())
    })
    .await?;
    Ok(running)
}

/// What is due, of each provider as many as it could be given: the first of the large ones, and the first of the others.
async fn waiting(
    mut link: Link<'_>,
    at: &DirectoryLocation,
    now: i64,
) -> Result<Vec<Waiting>, DirectoryError> {
    let mut waiting = Vec::new();
    let providers = provider::all(link.same(), at).await?;
    for provider in providers.into_iter().filter(|provider| provider.enabled) {
        let connections = provider.connections.get();
        for is_large in [true, false] {
            // A mailbox that Dovecot does not serve now (its account or domain is disabled) has no folder.
            let question = format!(
                "SELECT {COLUMNS} FROM migration WHERE provider = $2 AND {} \
                 AND (COALESCE(migration.octets_all - migration.octets_done, 0) > {LARGE}) = $3 \
                 AND EXISTS (SELECT 1 FROM mail_user u WHERE u.address = migration.address) \
                 ORDER BY phase IN ('pending', 'seeding', 'finishing') DESC, due, id LIMIT {connections}",
                is_due()
            );
            let values = [
                Value::number(now),
                Value::text(provider.name.as_str()),
                Value::truth(is_large),
            ];
            each(link.same(), at, "migration", question, &values, |row| {
                let record = record(row)?;
                waiting.push(Waiting {
                    id: record.migration.id,
                    provider: provider.name.clone(),
                    host: provider.host.clone(),
                    connections,
                    phase: record.migration.phase,
                    octets_left: record.progress.octets.left(),
                    due: record.due,
                });
                Ok::<(), Trouble>(())
            })
            .await?;
        }
    }
    Ok(waiting)
}

/// Takes one; `None` where a person has just paused or ended it.
async fn take(
    mut link: Link<'_>,
    at: &DirectoryLocation,
    id: MigrationId,
    worker: &str,
    until: i64,
) -> Result<Option<Leased>, DirectoryError> {
    let Some(record) = held_row(link.same(), at, id).await? else {
        return Ok(None);
    };
    let Ok(migration) = record.migration.apply(Event::PassBegan) else {
        return Ok(None);
    };
    let now = now_of(&link);
    let statement = format!(
        "UPDATE migration SET {STANDING}, epoch = epoch + 1, leased_by = $6, leased_until = $7, noted = {now}, \
         rate = NULL, changed = {now} WHERE id = $8 RETURNING epoch"
    );
    let values = [
        standing(&migration).as_slice(),
        &[Value::text(worker), Value::number(until), Value::number(id.0)],
    ]
    .concat();
    let mut epoch = None;
    each(link, at, "migration", statement, &values, |row| {
        epoch = row.number(0)?;
        Ok(())
    })
    .await?;
    Ok(epoch.map(|epoch| Leased {
        lease: Lease {
            migration: id,
            epoch,
            due: record.due,
        },
        migration,
        progress: record.progress,
        failures: record.failures,
    }))
}
