//! `domainaliases/`: other names of local domains.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use transhume_db::directory::{Numbered, Paging};
use transhume_model::directory::{DomainAlias, DomainName};
use transhume_model::rights::{Right, Scope};
use transhume_ops::change_domain::{
    DomainAliasChange, add_domain_alias, change_domain_alias, remove_domain_alias,
};
use utoipa::ToSchema;

use super::body::Body;
use super::changes;
use super::fields::{Field, Kind, Said, Sent, Shape};
use super::id::Id;
use super::operation::{Operation, SEARCH};
use super::page::Query;
use super::problem::{Faults, Problem};
use crate::WebState;
use crate::gate::Caller;

const WHAT: &str = "DomainAlias";
const ALL: &str = "/api/v2/domainaliases/";
const ONE: &str = "/api/v2/domainaliases/{id}/";

static ALIAS: Shape = Shape {
    name: WHAT,
    fields: &[
        Field::text("name", 253, "The other name. Given once: it does not change.").required(),
        Field::new("target", Kind::Key, "The number of the domain that it leads to.").required(),
        Field::switch("enabled", "Whether mail for it is accepted."),
        Field::note("description", 1000, "What its owner writes about it."),
    ],
};

/// Another name of a local domain.
#[derive(Serialize, ToSchema)]
#[schema(as = DomainAlias)]
pub(crate) struct Shown {
    pk: i64,
    name: String,
    /// The number of the domain that it leads to.
    target: i64,
    /// That domain's name.
    target_name: String,
    enabled: bool,
    description: String,
}

pub(super) fn operations() -> Vec<Operation> {
    let (see, change) = (Right::SeeDomains, Right::ChangeDomains);
    vec![
        Operation::get(ALL, see, list)
            .named("domainaliases_list", "Other names of local domains")
            .asks(&[SEARCH])
            .lists::<Shown>(),
        Operation::post(ALL, change, create)
            .named("domainaliases_create", "Adds another name of a domain")
            .takes(&ALIAS)
            .gives::<Shown>(201, "It is there."),
        Operation::get(ONE, see, retrieve)
            .named("domainaliases_retrieve", "One other name")
            .gives::<Shown>(200, "It is this."),
        Operation::patch(ONE, change, partial_update)
            .named(
                "domainaliases_partial_update",
                "Changes what is sent of another name",
            )
            .takes_changes(&ALIAS)
            .gives::<Shown>(200, "It is this now."),
        Operation::delete(ONE, change, destroy)
            .named("domainaliases_destroy", "Removes another name of a domain"),
    ]
}

async fn list(State(state): State<WebState>, caller: Caller, query: Query) -> Result<Response, Problem> {
    let asked = query.page()?;
    let paging = asked.map_or(Paging::ALL, Paging::from);
    let found = state
        .directory()
        .search_domain_aliases(&caller.scope, query.get("search"), paging)
        .await?;
    let mut shown = Vec::with_capacity(found.rows.len());
    for row in found.rows {
        shown.push(Shown::of(&state, row).await?);
    }
    query.answer(asked, found.total, shown.into_iter())
}

async fn retrieve(State(state): State<WebState>, caller: Caller, Id(id): Id) -> Result<Json<Shown>, Problem> {
    let row = within(&state, &caller.scope, id).await?;
    Shown::of(&state, row).await.map(Json)
}

async fn within(state: &WebState, scope: &Scope, id: i64) -> Result<Numbered<DomainAlias>, Problem> {
    let row = state.directory().domain_alias_within(scope, id).await?;
    row.ok_or_else(|| Problem::not_found(WHAT))
}

async fn create(State(state): State<WebState>, caller: Caller, body: Body) -> Result<Response, Problem> {
    let said = body.read(&ALIAS, Sent::Whole)?;
    let name = DomainName::parse(said.text("name").unwrap_or_default());
    let name = name.map_err(|problem| Faults::one("name", problem.to_string()))?;
    let alias = DomainAlias {
        name: name.clone(),
        target: target(&state, &caller, &said)
            .await?
            .ok_or_else(|| Faults::one("target", "This field is required."))?,
        enabled: said.switch("enabled").unwrap_or(true),
        description: said.text("description").unwrap_or_default().to_owned(),
    };
    add_domain_alias(caller.asked(&state), alias)
        .await
        .map_err(refused)?;
    let found = state
        .directory()
        .search_domain_aliases(&caller.scope, Some(name.as_str()), Paging::ALL)
        .await?;
    let added = found.rows.into_iter().find(|row| row.entry.name == name);
    let added = added.ok_or_else(|| Problem::not_found(WHAT))?;
    Ok((StatusCode::CREATED, Json(Shown::of(&state, added).await?)).into_response())
}

/// The domain of the number that is said.
async fn target(state: &WebState, caller: &Caller, said: &Said) -> Result<Option<DomainName>, Problem> {
    let Some(number) = said.number("target") else {
        return Ok(None);
    };
    let row = state.directory().domain_within(&caller.scope, number).await?;
    let missing = || {
        Faults::one(
            "target",
            format!("Invalid pk \"{number}\" - object does not exist."),
        )
    };
    Ok(Some(row.ok_or_else(missing)?.domain.name))
}

async fn partial_update(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Shown>, Problem> {
    let said = body.read(&ALIAS, Sent::Changes)?;
    let before = within(&state, &caller.scope, id).await?.entry;
    if let Some(name) = said.text("name")
        && DomainName::parse(name).as_ref() != Ok(&before.name)
    {
        return Err(Faults::one("name", "It is given once, and does not change.").into());
    }
    let change = DomainAliasChange {
        target: target(&state, &caller, &said).await?,
        enabled: said.switch("enabled"),
        description: said.text("description").map(str::to_owned),
    };
    change_domain_alias(caller.asked(&state), &before.name, change)
        .await
        .map_err(refused)?;
    let row = within(&state, &caller.scope, id).await?;
    Shown::of(&state, row).await.map(Json)
}

async fn destroy(State(state): State<WebState>, caller: Caller, Id(id): Id) -> Result<StatusCode, Problem> {
    let row = within(&state, &caller.scope, id).await?;
    remove_domain_alias(caller.asked(&state), &row.entry.name)
        .await
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: transhume_ops::ChangeError) -> Problem {
    changes::refused(WHAT, |field| field, error)
}

impl Shown {
    async fn of(state: &WebState, row: Numbered<DomainAlias>) -> Result<Self, Problem> {
        let alias = row.entry;
        Ok(Self {
            pk: row.id,
            target: state
                .directory()
                .domain_id(&alias.target)
                .await?
                .unwrap_or_default(),
            name: alias.name.to_string(),
            target_name: alias.target.to_string(),
            enabled: alias.enabled,
            description: alias.description,
        })
    }
}
