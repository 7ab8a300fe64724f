//! `aliases/`: addresses that lead to others.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use transhume_db::directory::{AliasSearch, Found, Numbered, Paging};
use transhume_model::directory::{Alias, AliasAddress, DomainName, Recipient};
use transhume_model::rights::{Right, Scope};
use transhume_ops::change_alias::{AliasChange, add_alias, change_alias, remove_alias};
use utoipa::ToSchema;

use super::body::Body;
use super::changes;
use super::fields::{Field, Kind, Said, Sent, Shape};
use super::id::Id;
use super::operation::{Operation, Parameter, SEARCH};
use super::page::Query;
use super::problem::{Faults, Problem};
use crate::WebState;
use crate::gate::Caller;

const WHAT: &str = "Alias";
const ALL: &str = "/api/v2/aliases/";
const ONE: &str = "/api/v2/aliases/{id}/";

static ALIAS: Shape = Shape {
    name: WHAT,
    fields: &[
        Field::text(
            "address",
            254,
            "What it answers to: an address, or @domain for all of a domain that have nothing of their own. Given once.",
        )
        .required(),
        Field::new("recipients", Kind::Texts, "Where it leads; at least one.").required(),
        Field::switch("enabled", "Whether it is in use."),
        Field::note("description", 1000, "What its owner writes about it."),
    ],
};

/// An address that leads to others.
#[derive(Serialize, ToSchema)]
#[schema(as = Alias)]
pub(crate) struct Shown {
    pk: i64,
    /// An address, or `@domain`.
    address: String,
    /// Where it leads.
    recipients: Vec<String>,
    enabled: bool,
    description: String,
    /// When it was made, where that is known.
    created: Option<i64>,
}

pub(super) fn operations() -> Vec<Operation> {
    let (see, change) = (Right::SeeIdentities, Right::ChangeIdentities);
    vec![
        Operation::get(ALL, see, list)
            .named("aliases_list", "Aliases, forwards, lists and catch-alls")
            .asks(&[
                SEARCH,
                Parameter::switch("enabled", "Whether it is in use."),
                Parameter::text("domain", "The domain of its address."),
            ])
            .lists::<Shown>(),
        Operation::post(ALL, change, create)
            .named("aliases_create", "Adds an alias")
            .takes(&ALIAS)
            .gives::<Shown>(201, "It is there."),
        Operation::get(ONE, see, retrieve)
            .named("aliases_retrieve", "One alias")
            .gives::<Shown>(200, "It is this."),
        Operation::put(ONE, change, update)
            .named("aliases_update", "Changes an alias")
            .takes(&ALIAS)
            .gives::<Shown>(200, "It is this now."),
        Operation::patch(ONE, change, partial_update)
            .named("aliases_partial_update", "Changes what is sent of an alias")
            .takes_changes(&ALIAS)
            .gives::<Shown>(200, "It is this now."),
        Operation::delete(ONE, change, destroy).named("aliases_destroy", "Removes an alias"),
    ]
}

async fn list(State(state): State<WebState>, caller: Caller, query: Query) -> Result<Response, Problem> {
    let mut search = AliasSearch {
        text: query.get("search").map(str::to_owned),
        enabled: query.switch("enabled")?,
        ..AliasSearch::default()
    };
    let asked = query.page()?;
    let found = match query.get("domain").map(DomainName::parse).transpose() {
        Ok(domain) => {
            search.domain = domain;
            let paging = asked.map_or(Paging::ALL, Paging::from);
            state
                .directory()
                .search_aliases(&caller.scope, &search, paging)
                .await?
        }
        // What is no domain name has none.
        Err(_) => Found {
            rows: Vec::new(),
            total: 0,
        },
    };
    query.answer(asked, found.total, found.rows.into_iter().map(Shown::from))
}

async fn retrieve(State(state): State<WebState>, caller: Caller, Id(id): Id) -> Result<Json<Shown>, Problem> {
    let row = within(&state, &caller.scope, id).await?;
    Ok(Json(row.into()))
}

async fn within(state: &WebState, scope: &Scope, id: i64) -> Result<Numbered<Alias>, Problem> {
    let row = state.directory().alias_within(scope, id).await?;
    row.ok_or_else(|| Problem::not_found(WHAT))
}

async fn create(State(state): State<WebState>, caller: Caller, body: Body) -> Result<Response, Problem> {
    let said = body.read(&ALIAS, Sent::Whole)?;
    let address = AliasAddress::parse(said.text("address").unwrap_or_default());
    let address = address.map_err(|problem| Faults::one("address", problem.to_string()))?;
    let alias = Alias {
        address: address.clone(),
        recipients: recipients(&said)?.unwrap_or_default(),
        enabled: said.switch("enabled").unwrap_or(true),
        description: said.text("description").unwrap_or_default().to_owned(),
        created: Some(state.now()),
    };
    add_alias(caller.asked(&state), alias).await.map_err(refused)?;
    let id = state.directory().alias_id(&address).await?;
    let id = id.ok_or_else(|| Problem::not_found(WHAT))?;
    let row = within(&state, &Scope::All, id).await?;
    Ok((StatusCode::CREATED, Json(Shown::from(row))).into_response())
}

async fn update(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Shown>, Problem> {
    // What is not theirs is not there, whatever is said of it.
    within(&state, &caller.scope, id).await?;
    change(&state, &caller, id, &body.read(&ALIAS, Sent::Whole)?).await
}

async fn partial_update(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Shown>, Problem> {
    // What is not theirs is not there, whatever is said of it.
    within(&state, &caller.scope, id).await?;
    change(&state, &caller, id, &body.read(&ALIAS, Sent::Changes)?).await
}

async fn change(state: &WebState, caller: &Caller, id: i64, said: &Said) -> Result<Json<Shown>, Problem> {
    let before = within(state, &caller.scope, id).await?.entry;
    if let Some(address) = said.text("address")
        && AliasAddress::parse(address).as_ref() != Ok(&before.address)
    {
        return Err(Faults::one("address", "It is given once, and does not change.").into());
    }
    let change = AliasChange {
        enabled: said.switch("enabled"),
        description: said.text("description").map(str::to_owned),
        recipients: recipients(said)?,
    };
    change_alias(caller.asked(state), &before.address, change)
        .await
        .map_err(refused)?;
    let row = within(state, &caller.scope, id).await?;
    Ok(Json(row.into()))
}

async fn destroy(State(state): State<WebState>, caller: Caller, Id(id): Id) -> Result<StatusCode, Problem> {
    let row = within(&state, &caller.scope, id).await?;
    remove_alias(caller.asked(&state), &row.entry.address)
        .await
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

fn recipients(said: &Said) -> Result<Option<BTreeSet<Recipient>>, Faults> {
    let Some(texts) = said.texts("recipients") else {
        return Ok(None);
    };
    if texts.is_empty() {
        return Err(Faults::one("recipients", "This list may not be empty."));
    }
    let mut within = Faults::default();
    let mut recipients = BTreeSet::new();
    for (at, text) in texts.into_iter().enumerate() {
        match Recipient::parse(text) {
            Ok(recipient) => {
                recipients.insert(recipient);
            }
            Err(problem) => within.add(&at.to_string(), problem.to_string()),
        }
    }
    if within.is_empty() {
        return Ok(Some(recipients));
    }
    let mut faults = Faults::default();
    faults.within("recipients", within);
    Err(faults)
}

fn refused(error: transhume_ops::ChangeError) -> Problem {
    changes::refused(
        WHAT,
        |field| if field == "name" { "address" } else { field },
        error,
    )
}

impl From<Numbered<Alias>> for Shown {
    fn from(row: Numbered<Alias>) -> Self {
        let alias = row.entry;
        Self {
            pk: row.id,
            address: alias.address.to_string(),
            recipients: alias.recipients.iter().map(ToString::to_string).collect(),
            enabled: alias.enabled,
            description: alias.description,
            created: alias.created,
        }
    }
}
