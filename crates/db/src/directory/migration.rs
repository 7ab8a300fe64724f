//! Migrations in the database: what is known of each, and what becomes of it.

use transhume_model::directory::{Address, Login, ProviderName};
use transhume_model::migration::{
    Event, Hold, InvalidTransition, Migration, MigrationId, Phase, Progress, Share,
};

use super::link::{Begin, Link, Row, Value};
use super::lookup::each;
use super::read::{self, Trouble};
use super::{DirectoryError, DirectoryLocation, DirectoryPool, DirectoryTransaction, credential};

pub(super) const COLUMNS: &str = "id, login, address, old_address, provider, phase, hold, paused_by, created, seeded, \
                                  leased_by, leased_until, due, failures, last_error, mailboxes_done, mailboxes_all, \
                                  messages_done, messages_all, octets_done, octets_all, changed, rate, swept_until";
/// How many they are.
pub(super) const WIDTH: usize = 24;
const ADD: &str = "INSERT INTO migration (login, address, old_address, provider, phase, created, due, changed) \
                   VALUES ($1, $2, $3, (SELECT name FROM provider WHERE folded = $4), 'pending', $5, $5, {NOW}) \
                   RETURNING id";

/// Milliseconds since 1970 UTC, by the clock of the database: all who write have the same.
pub(super) fn now_of(link: &Link<'_>) -> &'static str {
    if link.is_sqlite() {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    } else {
        "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
    }
}

/// A migration that begins. It is pending, and its first pass is due at once.
#[derive(Clone, Copy, Debug)]
pub struct NewMigration<'m> {
    /// The account here; it has no migration yet.
    pub login: &'m Login,
    /// Its mailbox.
    pub address: &'m Address,
    /// Its address on the old server; none has come from there yet.
    pub old_address: &'m Address,
    /// Where it comes from.
    pub provider: &'m ProviderName,
    /// Now, in seconds since 1970 UTC.
    pub created: i64,
}

/// All that is known of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationRecord {
    /// How it stands.
    pub migration: Migration,
    /// How much is here.
    pub progress: Progress,
    /// When its next pass is due, in seconds since 1970 UTC; of no meaning when none is to come.
    pub due: i64,
    /// Passes in a row that came to nothing.
    pub failures: u32,
    /// What was wrong with the last pass; `None` when nothing was.
    pub last_error: Option<String>,
    /// The worker that has it, and until when unless it says so anew.
    pub leased: Option<(String, i64)>,
    /// When any of this last became what it is, in milliseconds since 1970 UTC.
    pub changed: i64,
    /// Octets that come each second, while a pass is under way and has told so.
    pub rate: Option<u64>,
}

impl MigrationRecord {
    /// Seconds until all of its mail is here, as fast as it comes now.
    pub fn eta(&self) -> Option<u64> {
        let rate = self.rate.filter(|rate| *rate > 0)?;
        Some(self.progress.octets.left()?.div_ceil(rate))
    }
}

/// Which migrations are asked for. What is `None` matters not.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In this phase.
    pub phase: Option<Phase>,
    /// Held or not.
    pub held: Option<bool>,
    /// From this provider.
    pub provider: Option<ProviderName>,
    /// With this text in one of its addresses, the old one or the new.
    pub text: Option<String>,
    /// Only those whose address comes after this one: the last that was shown.
    pub after: Option<Address>,
    /// So many at most; `None` is all.
    pub most: Option<u32>,
}

/// Why nothing has become of a migration.
#[derive(Debug, thiserror::Error)]
pub enum TransitionError {
    /// There is none of that number.
    #[error("there is no migration of the number {0}")]
    Unknown(MigrationId),
    /// It cannot be.
    #[error(transparent)]
    Invalid(#[from] InvalidTransition),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl DirectoryTransaction<'_> {
    /// Adds a migration. [`DirectoryError::Contradiction`] where the account has one already, or one has come from that old
    /// address; or where account, mailbox or provider are missing.
    pub async fn add_migration(&mut self, new: NewMigration<'_>) -> Result<MigrationId, DirectoryError> {
        let values = [
            Value::text(new.login.as_str()),
            Value::text(new.address.as_str()),
            Value::text(new.old_address.as_str()),
            Value::text(new.provider.folded()),
            Value::number(new.created),
        ];
        let refused = |error| DirectoryError::heard_of(self.at, "migration", new.address, error);
        let link = self.transaction.link();
        let statement = ADD.replace("{NOW}", now_of(&link));
        let rows = link.ask(statement, &values).await.map_err(refused)?;
        let id = rows.first().ok_or(sqlx::Error::RowNotFound);
        let id = id.and_then(|row| row.number(0)).map_err(refused)?;
        Ok(MigrationId(id.unwrap_or_default()))
    }

    /// Lets something happen to a migration. When a pass is wanted soon after it, that is due at `now`.
    pub async fn happen(
        &mut self,
        id: MigrationId,
        event: Event,
        now: i64,
    ) -> Result<Migration, TransitionError> {
        happen(self.transaction.link(), self.at, id, event, now).await
    }

    /// Deletes a migration with its history and its password; account and mail stay. A worker that has it is fenced off.
    /// `false` where there is none.
    pub async fn delete_migration(&mut self, id: MigrationId) -> Result<bool, DirectoryError> {
        let statement = "DELETE FROM migration WHERE id = $1".to_owned();
        let values = [Value::number(id.0)];
        let deleted = self.transaction.link().write(statement, &values, true).await;
        Ok(deleted.map_err(|error| DirectoryError::heard(self.at, error))? > 0)
    }
}

impl DirectoryPool {
    /// Ends the sweeps whose time is over at `now`, in seconds since 1970 UTC: their passwords are forgotten. Gives the migrations.
    pub async fn end_sweeps(&self, now: i64) -> Result<Vec<Migration>, DirectoryError> {
        let question = "SELECT id FROM migration WHERE swept_until <= $1".to_owned();
        let rows = {
            let mut lent = self.lend().await?;
            lent.link().ask(question, &[Value::number(now)]).await
        };
        let mut ended = Vec::new();
        for row in rows.map_err(|error| self.hear(error))? {
            let id = row.number(0).map_err(|error| self.hear(error))?;
            match self
                .happen(MigrationId(id.unwrap_or_default()), Event::SweepOver, now)
                .await
            {
                Ok(migration) => ended.push(migration),
                Err(TransitionError::Directory(error)) => return Err(error),
                // Somebody else has ended or taken it back in this moment.
                Err(TransitionError::Unknown(_) | TransitionError::Invalid(_)) => {}
            }
        }
        Ok(ended)
    }

    /// Lets something happen to a migration. When a pass is wanted soon after it, that is due at `now`.
    pub async fn happen(
        &self,
        id: MigrationId,
        event: Event,
        now: i64,
    ) -> Result<Migration, TransitionError> {
        let mut transaction = self.transaction(Begin::Beside).await?;
        let next = happen(transaction.link(), self.location(), id, event, now).await?;
        transaction.commit().await.map_err(|error| self.hear(error))?;
        Ok(next)
    }
}

async fn happen(
    mut link: Link<'_>,
    at: &DirectoryLocation,
    id: MigrationId,
    event: Event,
    now: i64,
) -> Result<Migration, TransitionError> {
    let record = held_row(link.same(), at, id).await?;
    let record = record.ok_or(TransitionError::Unknown(id))?;
    let is_due = event.wants_pass();
    let next = record.migration.apply(event)?;
    let values = [
        standing(&next).to_vec(),
        vec![Value::number(id.0), Value::number(now)],
    ]
    .concat();
    let due = if is_due { ", due = $7, failures = 0" } else { "" };
    // The number of the last value stands in the statement in either case: PostgreSQL wants each to have a type.
    let changed = now_of(&link);
    let statement =
        format!("UPDATE migration SET {STANDING}{due}, changed = {changed} WHERE id = $6 AND $7 >= 0");
    let written = link.same().write(statement, &values, true).await;
    written.map_err(|error| DirectoryError::heard_of(at, "migration", &next.address, error))?;
    credential::forget_when_over(link, at, &next).await?;
    Ok(next)
}

/// What an event can change, as `$1` to `$5`.
pub(super) const STANDING: &str = "phase = $1, hold = $2, paused_by = $3, seeded = $4, swept_until = $5";

pub(super) fn standing(migration: &Migration) -> [Value<'_>; 5] {
    let paused_by = match &migration.hold {
        Some(Hold::Paused { by }) => Some(by.as_str()),
        _ => None,
    };
    [
        Value::text(migration.phase.as_str()),
        Value::text_or_none(migration.hold.as_ref().map(Hold::as_str)),
        Value::text_or_none(paused_by),
        Value::Number(migration.seeded),
        Value::Number(migration.swept_until),
    ]
}

/// A migration that nobody else changes before the transaction ends.
pub(super) async fn held_row(
    link: Link<'_>,
    at: &DirectoryLocation,
    id: MigrationId,
) -> Result<Option<MigrationRecord>, DirectoryError> {
    // SQLite has one writer anyway.
    let hold = if link.is_sqlite() { "" } else { " FOR UPDATE" };
    let question = format!("SELECT {COLUMNS} FROM migration WHERE id = $1{hold}");
    one(link, at, question, &[Value::number(id.0)]).await
}

pub(super) async fn by_id(
    link: Link<'_>,
    at: &DirectoryLocation,
    id: MigrationId,
) -> Result<Option<MigrationRecord>, DirectoryError> {
    let question = format!("SELECT {COLUMNS} FROM migration WHERE id = $1");
    one(link, at, question, &[Value::number(id.0)]).await
}

pub(super) async fn by_login(
    link: Link<'_>,
    at: &DirectoryLocation,
    login: &Login,
) -> Result<Option<MigrationRecord>, DirectoryError> {
    let question = format!("SELECT {COLUMNS} FROM migration WHERE login = $1");
    one(link, at, question, &[Value::text(login.as_str())]).await
}

pub(super) async fn by_old_address(
    link: Link<'_>,
    at: &DirectoryLocation,
    old: &Address,
) -> Result<Option<MigrationRecord>, DirectoryError> {
    let question = format!("SELECT {COLUMNS} FROM migration WHERE old_address = $1");
    one(link, at, question, &[Value::text(old.as_str())]).await
}

async fn one(
    link: Link<'_>,
    at: &DirectoryLocation,
    question: String,
    values: &[Value<'_>],
) -> Result<Option<MigrationRecord>, DirectoryError> {
    Ok(records(link, at, question, values).await?.pop())
}

pub(super) async fn all(
    link: Link<'_>,
    at: &DirectoryLocation,
    filter: &Filter,
) -> Result<Vec<MigrationRecord>, DirectoryError> {
    // Octet by octet in both engines.
    let address = if link.is_sqlite() {
        "address"
    } else {
        "address COLLATE \"C\""
    };
    let mut values = Vec::new();
    let mut conditions = vec!["TRUE".to_owned()];
    let mut add = |condition: &str, value| {
        values.push(value);
        conditions.push(condition.replace('?', &format!("${}", values.len())));
    };
    if let Some(phase) = filter.phase {
        add("phase = ?", Value::text(phase.as_str()));
    }
    if let Some(held) = filter.held {
        add("(hold IS NOT NULL) = ?", Value::truth(held));
    }
    if let Some(provider) = &filter.provider {
        add(
            "provider = (SELECT name FROM provider WHERE folded = ?)",
            Value::text(provider.folded()),
        );
    }
    if let Some(text) = &filter.text {
        let pattern = format!("%{}%", escaped(&text.trim().to_lowercase()));
        add(
            "(address LIKE ? ESCAPE '!' OR old_address LIKE ? ESCAPE '!')",
            Value::Text(Some(pattern.into())),
        );
    }
    if let Some(after) = &filter.after {
        add(&format!("{address} > ?"), Value::text(after.as_str()));
    }
    let limit = filter
        .most
        .map(|most| format!(" LIMIT {most}"))
        .unwrap_or_default();
    let conditions = conditions.join(" AND ");
    let question = format!("SELECT {COLUMNS} FROM migration WHERE {conditions} ORDER BY {address}{limit}");
    records(link, at, question, &values).await
}

/// A text in which LIKE finds nothing special.
pub(super) fn escaped(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

async fn records(
    link: Link<'_>,
    at: &DirectoryLocation,
    question: String,
    values: &[Value<'_>],
) -> Result<Vec<MigrationRecord>, DirectoryError> {
    let mut records = Vec::new();
    each(link, at, "migration", question, values, |row| {
        records.push(record(row)?);
        Ok(())
    })
    .await?;
    Ok(records)
}

/// The columns of [`COLUMNS`], in their order.
pub(super) fn record(row: &Row) -> Result<MigrationRecord, Trouble> {
    let address = read::name(row, 2, Address::parse)?;
    let wrong = |what: &str| read::of(&address, what);
    let provider = ProviderName::parse(&row.text(4)?);
    let paused_by = row.text_or_none(7)?;
    let hold = row.text_or_none(6)?;
    let hold =
        hold.map(|word| Hold::named(&word, paused_by.as_deref()).ok_or_else(|| wrong("the hold is unknown")));
    let failures = row.small_number(13)?.unwrap_or_default();
    let share = |done, all| -> Result<Share, Trouble> {
        Ok(Share {
            done: row.count(done)?,
            all: row.count_or_none(all)?,
        })
    };
    Ok(MigrationRecord {
        migration: Migration {
            id: MigrationId(row.number(0)?.unwrap_or_default()),
            login: read::name(row, 1, Login::parse)?,
            old_address: read::name(row, 3, Address::parse)?,
            provider: provider.map_err(|problem| wrong(&problem.to_string()))?,
            phase: Phase::named(&row.text(5)?).ok_or_else(|| wrong("the phase is unknown"))?,
            hold: hold.transpose()?,
            created: row.number(8)?.unwrap_or_default(),
            seeded: row.number(9)?,
            swept_until: row.number(23)?,
            address: address.clone(),
        },
        leased: row.text_or_none(10)?.zip(row.number(11)?),
        due: row.number(12)?.unwrap_or_default(),
        failures: u32::try_from(failures).unwrap_or_default(),
        last_error: row.text_or_none(14)?,
        changed: row.number(21)?.unwrap_or_default(),
        rate: row.count_or_none(22)?,
        progress: Progress {
            mailboxes: share(15, 16)?,
            messages: share(17, 18)?,
            octets: share(19, 20)?,
        },
    })
}
