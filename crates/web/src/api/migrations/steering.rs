//! What a person wants of migrations: of one, or of many at once.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use transhume_db::directory::MigrationSearch;
use transhume_model::directory::{DomainName, ProviderName};
use transhume_model::migration::{MigrationId, Phase};
use transhume_model::rights::{Right, permits};
use transhume_ops::steer::{Chosen, Steered, Steering, steer, steer_one};
use utoipa::ToSchema;

use super::{HOLDS, Migration, PHASES, refused, shown, within};
use crate::WebState;
use crate::api::body::Body;
use crate::api::fields::{Field, Kind, Said, Sent, Shape};
use crate::api::id::Id;
use crate::api::operation::Operation;
use crate::api::problem::{Faults, Problem};
use crate::gate::{Caller, Refusal};

static NOTHING: Shape = Shape {
    name: "Nothing",
    fields: &[],
};

static FILTER: Shape = Shape {
    name: "MigrationFilter",
    fields: &[
        Field::note("search", 254, "Part of an address, the old one or the new."),
        Field::new("phase", Kind::Word(PHASES), "How far it is."),
        Field::switch("held", "Whether something holds it."),
        Field::new("hold", Kind::Word(HOLDS), "What holds it."),
        Field::text("provider", 100, "The name of a provider."),
        Field::text("domain", 253, "The domain here."),
    ],
};

static MANY: Shape = Shape {
    name: "MigrationAction",
    fields: &[
        Field::new(
            "action",
            Kind::Word(&["pause", "resume", "retry", "cut-over", "stop", "delete"]),
            "What is to happen to each.",
        )
        .required(),
        Field::new("ids", Kind::Keys, "Which: their numbers."),
        Field::new(
            "filter",
            Kind::Object(&FILTER),
            "Or which: all that these filters find; {} is all.",
        ),
    ],
};

/// What has become of many.
#[derive(Serialize, ToSchema)]
pub(crate) struct Outcome {
    /// The numbers of those to which it happened.
    done: Vec<i64>,
    /// Those to which it did not, and why.
    refused: Vec<NotDone>,
}

/// A migration to which it did not happen.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotDone {
    id: i64,
    /// Why not.
    detail: String,
}

pub(super) fn operations() -> Vec<Operation> {
    let right = Right::SteerMigrations;
    vec![
        Operation::post("/api/v2/migrations/actions/", right, many)
            .named("migrations_actions_create", "Lets something happen to many")
            .details("Each for itself: those to which it cannot happen are told with the reason. Deleting takes the right to delete.")
            .takes(&MANY)
            .gives::<Outcome>(200, "It was tried with each of them."),
        Operation::post("/api/v2/migrations/{id}/pause/", right, pause)
            .named("migrations_pause_create", "Lets it wait until it is resumed")
            .takes(&NOTHING)
            .gives::<Migration>(200, "It waits."),
        Operation::post("/api/v2/migrations/{id}/resume/", right, resume)
            .named("migrations_resume_create", "Lets it go on after a pause")
            .takes(&NOTHING)
            .gives::<Migration>(200, "It goes on."),
        Operation::post("/api/v2/migrations/{id}/retry/", right, retry)
            .named("migrations_retry_create", "Lets it be tried again now, whatever held it")
            .takes(&NOTHING)
            .gives::<Migration>(200, "It is tried again."),
        Operation::post("/api/v2/migrations/{id}/cut-over/", right, cut_over)
            .named("migrations_cut_over_create", "One more pass, and the old server is not asked any more")
            .details("Only when all of its mail is here (409 otherwise).")
            .takes(&NOTHING)
            .gives::<Migration>(200, "It is finishing."),
        Operation::post("/api/v2/migrations/{id}/stop/", right, stop)
            .named("migrations_stop_create", "Ends it before its time")
            .details("What is here stays, and nothing follows; the old password is forgotten.")
            .takes(&NOTHING)
            .gives::<Migration>(200, "It is ended."),
    ]
}

async fn pause(state: State<WebState>, caller: Caller, id: Id) -> Result<Json<Migration>, Problem> {
    one(state, caller, id, Steering::Pause).await
}

async fn resume(state: State<WebState>, caller: Caller, id: Id) -> Result<Json<Migration>, Problem> {
    one(state, caller, id, Steering::Resume).await
}

async fn retry(state: State<WebState>, caller: Caller, id: Id) -> Result<Json<Migration>, Problem> {
    one(state, caller, id, Steering::Retry).await
}

async fn cut_over(state: State<WebState>, caller: Caller, id: Id) -> Result<Json<Migration>, Problem> {
    one(state, caller, id, Steering::CutOver).await
}

async fn stop(state: State<WebState>, caller: Caller, id: Id) -> Result<Json<Migration>, Problem> {
    one(state, caller, id, Steering::Stop).await
}

async fn one(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    steering: Steering,
) -> Result<Json<Migration>, Problem> {
    steer_one(caller.asked(&state), MigrationId(id), steering)
        .await
        .map_err(refused)?;
    let row = within(&state, &caller, id).await?;
    let mut shown = shown(&state, vec![row]).await?;
    shown
        .pop()
        .map(Json)
        .ok_or_else(|| Problem::not_found(super::WHAT))
}

async fn many(State(state): State<WebState>, caller: Caller, body: Body) -> Result<Json<Outcome>, Problem> {
    let said = body.read(&MANY, Sent::Whole)?;
    let steering = said.text("action").and_then(Steering::named);
    let steering = match steering.ok_or_else(|| Faults::one("action", "This field is required."))? {
        Steering::Delete { .. } => Steering::Delete { force: true },
        other => other,
    };
    permits(&caller.actor, steering.right()).ok_or_else(|| Problem::of(&Refusal::Forbidden))?;
    let chosen = match (said.keys("ids"), said.object("filter")) {
        (Some(ids), None) => Chosen::Ids(ids.into_iter().map(MigrationId).collect()),
        (None, Some(filter)) => Chosen::Search(search(&filter)?),
        (None, None) => return Err(Faults::one("ids", "This field is required, or a filter.").into()),
        (Some(_), Some(_)) => {
            return Err(Faults::one("filter", "Either numbers or a filter can be sent, not both.").into());
        }
    };
    let steered = steer(caller.asked(&state), chosen, steering)
        .await
        .map_err(refused)?;
    Ok(Json(steered.into()))
}

/// What is searched for. A name that none can have is told: nothing is done to all because of a slip.
fn search(said: &Said) -> Result<MigrationSearch, Faults> {
    let within = |field: &str, what: String| {
        let mut faults = Faults::default();
        faults.within("filter", Faults::one(field, what));
        faults
    };
    let provider = said.text("provider").map(ProviderName::parse).transpose();
    let domain = said.text("domain").map(DomainName::parse).transpose();
    Ok(MigrationSearch {
        text: said
            .text("search")
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        phase: said.text("phase").and_then(Phase::named),
        held: said.switch("held"),
        hold: said.text("hold").map(str::to_owned),
        provider: provider.map_err(|problem| within("provider", problem.to_string()))?,
        domain: domain.map_err(|problem| within("domain", problem.to_string()))?,
        ..MigrationSearch::default()
    })
}

impl From<Steered> for Outcome {
    fn from(steered: Steered) -> Self {
        Self {
            done: steered.done.into_iter().map(|id| id.0).collect(),
            refused: steered
                .refused
                .into_iter()
                .map(|(id, detail)| NotDone { id: id.0, detail })
                .collect(),
        }
    }
}
