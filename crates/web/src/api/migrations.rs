//! `migrations/`: the moves of accounts, how each stands, and what a person wants of them.

mod steering;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use transhume_db::directory::{MigrationRow, MigrationSearch, MigrationSort, Overview, Paging, PassRecord};
use transhume_model::directory::{DomainName, ProviderName};
use transhume_model::migration::{Hold, MigrationId, Phase, Progress, Share};
use transhume_model::rights::{Right, Scope};
use transhume_ops::steer::{Steering, steer_one};
use utoipa::ToSchema;

use super::changes;
use super::email_providers::ProviderBrief;
use super::id::Id;
use super::operation::{Operation, Parameter, ParameterKind, SEARCH};
use super::page::Query;
use super::problem::{Faults, Problem};
use crate::WebState;
use crate::gate::Caller;

const WHAT: &str = "Migration";
const ALL: &str = "/api/v2/migrations/";
const ONE: &str = "/api/v2/migrations/{id}/";

/// The most passes of one migration that are told.
const MOST_PASSES: u32 = 1_000;

pub(super) const PHASES: &[&str] = &[
    "pending",
    "seeding",
    "following",
    "finishing",
    "finished",
    "cancelled",
];
pub(super) const HOLDS: &[&str] = &[
    "paused",
    "credential-rejected",
    "credential-unreadable",
    "target-full",
    "target-unwritable",
    "certificate-changed",
    "too-many-refused",
];
const ORDERS: &[&str] = &[
    "address",
    "-address",
    "old_address",
    "-old_address",
    "provider",
    "-provider",
    "phase",
    "-phase",
    "created",
    "-created",
    "changed",
    "-changed",
    "left",
    "-left",
];

const FILTERS: [Parameter; 7] = [
    SEARCH,
    Parameter::new("phase", ParameterKind::Word(PHASES), "How far it is."),
    Parameter::switch("held", "Whether something holds it."),
    Parameter::new("hold", ParameterKind::Word(HOLDS), "What holds it."),
    Parameter::text(
        "provider",
        "Where it comes from: the name of a provider, or its number.",
    ),
    Parameter::text("domain", "The domain here."),
    Parameter::new(
        "ordering",
        ParameterKind::Word(ORDERS),
        "By what the list is ordered; with - in front, the other way round.",
    ),
];

/// The move of an account.
#[derive(Serialize, ToSchema)]
pub(crate) struct Migration {
    id: i64,
    /// Where it comes from.
    provider: ProviderBrief,
    /// The mailbox here.
    mailbox: MailboxBrief,
    /// The address on the old server.
    username: String,
    /// How far it is: `pending`, `seeding`, `following`, `finishing`, `finished` or `cancelled`.
    phase: &'static str,
    /// What that means, for a person.
    phase_text: &'static str,
    /// What holds it, where something does.
    hold: Option<HeldBy>,
    /// Whether a pass is running.
    running: bool,
    /// How much is here, as the running pass counts it, or the last one did.
    progress: Portions,
    /// Octets that come each second now.
    rate: Option<u64>,
    /// Seconds until all is here, at this rate.
    eta: Option<u64>,
    /// When it was made.
    created: i64,
    /// When all of the old mailbox was here for the first time.
    seeded: Option<i64>,
    /// When its next pass is due; null where none is to come.
    due: Option<i64>,
    /// Passes in a row that came to nothing.
    failures: u32,
    /// What was wrong with the last pass.
    last_error: Option<String>,
}

/// A mailbox here, in short.
#[derive(Serialize, ToSchema)]
pub(crate) struct MailboxBrief {
    id: i64,
    full_address: String,
    /// The number of its account.
    user: i64,
}

/// What holds a migration.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeldBy {
    /// Its word.
    reason: &'static str,
    /// What is wrong and what helps, for a person.
    text: String,
    /// Who paused it.
    by: Option<String>,
}

/// How much is here.
#[derive(Serialize, ToSchema)]
pub(crate) struct Portions {
    mailboxes: Portion,
    messages: Portion,
    octets: Portion,
}

/// So many, of so many.
#[derive(Serialize, ToSchema)]
pub(crate) struct Portion {
    done: u64,
    /// Null until they have been counted.
    all: Option<u64>,
}

/// A pass over an account, or several in a row that came to the same.
#[derive(Serialize, ToSchema)]
pub(crate) struct Pass {
    /// When the first began.
    began: i64,
    /// When the last ended.
    ended: i64,
    /// How many there were.
    times: u32,
    /// `complete`, `partial` (some messages or mailboxes stay behind), `failed` or `interrupted`.
    outcome: &'static str,
    /// Messages that came.
    messages: u64,
    /// Octets of these.
    octets: u64,
    /// What was wrong, for a person.
    error: Option<String>,
}

/// How all of them stand.
#[derive(Serialize, ToSchema)]
pub(crate) struct Summary {
    /// How many there are.
    total: u64,
    /// How many are in each phase.
    phases: BTreeMap<&'static str, u64>,
    /// How many each reason holds.
    holds: BTreeMap<String, u64>,
    /// How many passes are running.
    running: u64,
    /// How many whose last passes came to nothing.
    failing: u64,
    /// Messages of all.
    messages: Portion,
    /// Octets of all.
    octets: Portion,
    /// Octets that come each second now.
    rate: u64,
    /// Octets that came within the last day.
    octets_last_day: u64,
}

/// What is done here.
pub(super) fn operations() -> Vec<Operation> {
    let mut operations = vec![
        Operation::get(ALL, Right::ListMigrations, list)
            .named("migrations_list", "The moves of accounts, and how each stands")
            .asks(&FILTERS)
            .lists::<Migration>(),
        Operation::get("/api/v2/migrations/summary/", Right::SeeOverview, summary)
            .named("migrations_summary_retrieve", "How all of them stand, in numbers")
            .gives::<Summary>(200, "They stand so."),
        Operation::get(ONE, Right::ListMigrations, retrieve)
            .named("migrations_retrieve", "One move, and how it stands")
            .gives::<Migration>(200, "It stands so."),
        Operation::delete(ONE, Right::DeleteMigrations, destroy)
            .named("migrations_destroy", "Deletes a migration")
            .details(
                "With its history and what is known of the old password, at once, also while it is under way. Account and mail stay; a \
                 login with the old password does not begin it anew.",
            ),
        Operation::get(
            "/api/v2/migrations/{id}/passes/",
            Right::ListMigrations,
            passes,
        )
        .named("migrations_passes_list", "What came of its passes, newest first")
        .lists::<Pass>(),
    ];
    operations.extend(steering::operations());
    operations
}

async fn list(State(state): State<WebState>, caller: Caller, query: Query) -> Result<Response, Problem> {
    let search = search(&state, &query).await?;
    let asked = query.page()?;
    let Some(search) = search else {
        return query.answer(asked, 0, std::iter::empty::<Migration>());
    };
    let paging = asked.map_or(Paging::ALL, Paging::from);
    let found = state
        .directory()
        .search_migrations(&caller.scope, &search, paging)
        .await?;
    let rows = shown(&state, found.rows).await?;
    query.answer(asked, found.total, rows.into_iter())
}

/// What is searched for; `None` where it cannot be there.
async fn search(state: &WebState, query: &Query) -> Result<Option<MigrationSearch>, Problem> {
    let hold = query.choice("hold", |word| HOLDS.contains(&word).then(|| word.to_owned()))?;
    let order = query.get("ordering");
    let (descending, word) = match order.and_then(|order| order.strip_prefix('-')) {
        Some(word) => (true, Some(word)),
        None => (false, order),
    };
    let mut search = MigrationSearch {
        text: query.get("search").map(str::to_owned),
        phase: query.choice("phase", Phase::named)?,
        held: query.switch("held")?,
        hold,
        descending,
        ..MigrationSearch::default()
    };
    if let Some(word) = word {
        let wrong = || {
            let what = format!("Select a valid choice. {word} is not one of the available choices.");
            Problem::from(Faults::one("ordering", what))
        };
        search.sort = MigrationSort::named(word).ok_or_else(wrong)?;
    }
    if let Some(domain) = query.get("domain") {
        match DomainName::parse(domain) {
            Ok(domain) => search.domain = Some(domain),
            Err(_) => return Ok(None),
        }
    }
    if let Some(text) = query.get("provider") {
        let number = text.parse().ok();
        let providers = state.directory().providers_within(&Scope::All).await?;
        let name = ProviderName::parse(text).ok();
        let mut found = providers
            .iter()
            .filter(|row| Some(row.id) == number || Some(&row.provider.name) == name.as_ref());
        match found.next() {
            Some(row) => search.provider = Some(row.provider.name.clone()),
            None => return Ok(None),
        }
    }
    Ok(Some(search))
}

async fn retrieve(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Migration>, Problem> {
    let row = within(&state, &caller, id).await?;
    let mut shown = shown(&state, vec![row]).await?;
    shown.pop().map(Json).ok_or_else(|| Problem::not_found(WHAT))
}

async fn within(state: &WebState, caller: &Caller, id: i64) -> Result<MigrationRow, Problem> {
    let row = state
        .directory()
        .migration_within(&caller.scope, MigrationId(id))
        .await?;
    row.ok_or_else(|| Problem::not_found(WHAT))
}

async fn destroy(State(state): State<WebState>, caller: Caller, Id(id): Id) -> Result<StatusCode, Problem> {
    let delete = Steering::Delete { force: true };
    steer_one(caller.asked(&state), MigrationId(id), delete)
        .await
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn passes(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    query: Query,
) -> Result<Response, Problem> {
    let row = within(&state, &caller, id).await?;
    let passes = state
        .directory()
        .passes(row.record.migration.id, MOST_PASSES)
        .await?;
    let passes: Vec<Pass> = passes.into_iter().map(Pass::from).collect();
    query.answer_of(passes)
}

async fn summary(State(state): State<WebState>, caller: Caller) -> Result<Json<Summary>, Problem> {
    let overview = state.directory().overview(&caller.scope, state.now()).await?;
    Ok(Json(overview.into()))
}

async fn shown(state: &WebState, rows: Vec<MigrationRow>) -> Result<Vec<Migration>, Problem> {
    let providers = state.directory().providers_within(&Scope::All).await?;
    let providers: BTreeMap<&ProviderName, _> =
        providers.iter().map(|row| (&row.provider.name, row)).collect();
    let now = state.now();
    // A provider that went meanwhile took its migrations with it.
    let shown = rows.into_iter().filter_map(|row| {
        let provider = ProviderBrief::of(providers.get(&row.record.migration.provider)?);
        Some(Migration::of(row, provider, now))
    });
    Ok(shown.collect())
}

impl Migration {
    fn of(row: MigrationRow, provider: ProviderBrief, now: i64) -> Self {
        let MigrationRow {
            record,
            mailbox_id,
            account_id,
            ..
        } = row;
        let eta = record.eta();
        let migration = record.migration;
        let may_come = migration.phase.is_under_way();
        Self {
            id: migration.id.0,
            provider,
            mailbox: MailboxBrief {
                id: mailbox_id,
                full_address: migration.address.to_string(),
                user: account_id,
            },
            username: migration.old_address.to_string(),
            phase: migration.phase.as_str(),
            phase_text: migration.phase.sentence(),
            hold: migration.hold.as_ref().map(HeldBy::from),
            running: record.leased.as_ref().is_some_and(|(_, until)| *until > now),
            progress: record.progress.into(),
            rate: record.rate,
            eta,
            created: migration.created,
            seeded: migration.seeded,
            due: may_come.then_some(record.due),
            failures: record.failures,
            last_error: record.last_error,
        }
    }
}

impl From<&Hold> for HeldBy {
    fn from(hold: &Hold) -> Self {
        Self {
            reason: hold.as_str(),
            text: hold.sentence(),
            by: match hold {
                Hold::Paused { by } => Some(by.clone()).filter(|by| !by.is_empty()),
                _ => None,
            },
        }
    }
}

impl From<Progress> for Portions {
    fn from(progress: Progress) -> Self {
        Self {
            mailboxes: progress.mailboxes.into(),
            messages: progress.messages.into(),
            octets: progress.octets.into(),
        }
    }
}

impl From<Share> for Portion {
    fn from(Share { done, all }: Share) -> Self {
        Self { done, all }
    }
}

impl From<PassRecord> for Pass {
    fn from(PassRecord { times, report, .. }: PassRecord) -> Self {
        Self {
            began: report.began,
            ended: report.ended,
            times,
            outcome: report.outcome.as_str(),
            messages: report.messages,
            octets: report.octets,
            error: report.error,
        }
    }
}

impl From<Overview> for Summary {
    fn from(overview: Overview) -> Self {
        Self {
            total: overview.total,
            phases: overview
                .phases
                .into_iter()
                .map(|(phase, number)| (phase.as_str(), number))
                .collect(),
            holds: overview.holds,
            running: overview.running,
            failing: overview.failing,
            messages: overview.messages.into(),
            octets: overview.octets.into(),
            rate: overview.rate,
            octets_last_day: overview.octets_last_day,
        }
    }
}

fn refused(error: transhume_ops::ChangeError) -> Problem {
    changes::refused(WHAT, |field| field, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_model() {
        assert_eq!(PHASES, Phase::ALL.map(Phase::as_str));
        assert_eq!(HOLDS, Hold::ALL.each_ref().map(Hold::as_str));
        for order in ORDERS {
            let word = order.strip_prefix('-').unwrap_or(order);
            assert!(MigrationSort::named(word).is_some(), "{order}");
        }
        assert_eq!(ORDERS.len(), 2 * MigrationSort::ALL.len());
    }
}
