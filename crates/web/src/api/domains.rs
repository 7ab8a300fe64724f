//! `domains/`: local domains, whose mail ends here, and relay domains, whose mail goes on.

mod read;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use transhume_db::directory::{DomainRow, DomainSearch, Paging};
use transhume_model::directory::{DomainKind, DomainName};
use transhume_model::rights::{Right, Scope};
use transhume_ops::change_domain::{add_domain, change_domain, remove_domain};
use utoipa::ToSchema;

use super::accounts::MOST_MEGABYTES;
use super::body::Body;
use super::changes;
use super::fields::{Field, Kind, Said, Sent, Shape};
use super::id::Id;
use super::operation::{Operation, Parameter, ParameterKind, SEARCH};
use super::page::Query;
use super::problem::Problem;
use crate::WebState;
use crate::gate::Caller;

const WHAT: &str = "Domain";
const ALL: &str = "/api/v2/domains/";
const ONE: &str = "/api/v2/domains/{id}/";
const TYPES: &[&str] = &["domain", "relaydomain"];

static TRANSPORT: Shape = Shape {
    name: "Transport",
    fields: &[
        Field::text("service", 50, "Postfix's transport: relay or smtp."),
        Field::text(
            "host",
            253,
            "The next server; null follows the domain's MX records.",
        )
        .nullable(),
        Field::number("port", 1, 65535, "Its port; null is 25.").nullable(),
        Field::switch(
            "verify_recipients",
            "Whether the next server is asked for each recipient before a message is accepted.",
        ),
    ],
};

static DOMAIN: Shape = Shape {
    name: "Domain",
    fields: &[
        Field::text("name", 253, "Its name. Given once: it does not change.").required(),
        Field::new(
            "type",
            Kind::Word(TYPES),
            "Whether its mail ends here (domain) or goes on (relaydomain).",
        ),
        Field::switch("enabled", "Whether mail for it is accepted."),
        Field::number(
            "quota",
            0,
            MOST_MEGABYTES,
            "MB that all its mailboxes may hold together; 0 is any number.",
        ),
        Field::number(
            "default_mailbox_quota",
            0,
            MOST_MEGABYTES,
            "MB that a mailbox without a quota of its own may hold; 0 is any number.",
        ),
        Field::note("description", 1000, "What its owner writes about it."),
        Field::new(
            "transport",
            Kind::Object(&TRANSPORT),
            "The way of a relay domain's mail.",
        )
        .nullable(),
    ],
};

/// A domain.
#[derive(Serialize, ToSchema)]
pub(crate) struct Domain {
    pk: i64,
    name: String,
    /// `domain`, whose mail ends here, or `relaydomain`, whose mail goes on.
    #[serde(rename = "type")]
    kind: &'static str,
    enabled: bool,
    /// MB that all its mailboxes may hold together; 0 is any number.
    quota: u64,
    /// MB that a mailbox without a quota of its own may hold; 0 is any number.
    default_mailbox_quota: u64,
    description: String,
    /// The way of a relay domain's mail.
    transport: Option<Transport>,
    /// How many mailboxes are in it.
    mailbox_count: u64,
    /// How many aliases are in it.
    mbalias_count: u64,
    /// How many other names it has.
    domainalias_count: u64,
    /// When it was made, where that is known.
    created: Option<i64>,
}

/// The way of a relay domain's mail.
#[derive(Serialize, ToSchema)]
pub(crate) struct Transport {
    service: String,
    host: Option<String>,
    port: Option<u16>,
    verify_recipients: bool,
}

/// Octets as MB, rounded up; nothing is 0.
pub(super) fn megabytes(octets: Option<u64>) -> u64 {
    octets.unwrap_or_default().div_ceil(1 << 20)
}

pub(super) fn operations() -> Vec<Operation> {
    let (see, change) = (Right::SeeDomains, Right::ChangeDomains);
    vec![
        Operation::get(ALL, see, list)
            .named("domains_list", "Local and relay domains")
            .asks(&[
                SEARCH,
                Parameter::new("type", ParameterKind::Word(TYPES), "Whether its mail ends here."),
                Parameter::switch("enabled", "Whether mail for it is accepted."),
            ])
            .lists::<Domain>(),
        Operation::post(ALL, change, create)
            .named("domains_create", "Adds a domain")
            .details("A Reseller administers it from then on.")
            .takes(&DOMAIN)
            .gives::<Domain>(201, "It is there."),
        Operation::get(ONE, see, retrieve)
            .named("domains_retrieve", "One domain")
            .gives::<Domain>(200, "It is this."),
        Operation::put(ONE, change, update)
            .named("domains_update", "Changes a domain")
            .details("What is not sent stays, but for the name, which has to be sent.")
            .takes(&DOMAIN)
            .gives::<Domain>(200, "It is this now."),
        Operation::patch(ONE, change, partial_update)
            .named("domains_partial_update", "Changes what is sent of a domain")
            .takes_changes(&DOMAIN)
            .gives::<Domain>(200, "It is this now."),
        Operation::delete(ONE, change, destroy)
            .named("domains_destroy", "Removes a domain")
            .details("One that holds something, or that people of a provider come into, stays (409)."),
    ]
}

async fn list(State(state): State<WebState>, caller: Caller, query: Query) -> Result<Response, Problem> {
    let search = DomainSearch {
        text: query.get("search").map(str::to_owned),
        enabled: query.switch("enabled")?,
        local: query.choice("type", |word| match word {
            "domain" => Some(true),
            "relaydomain" => Some(false),
            _ => None,
        })?,
    };
    let asked = query.page()?;
    let paging = asked.map_or(Paging::ALL, Paging::from);
    let found = state
        .directory()
        .search_domains(&caller.scope, &search, paging)
        .await?;
    query.answer(asked, found.total, found.rows.into_iter().map(Domain::from))
}

async fn retrieve(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Domain>, Problem> {
    let row = within(&state, &caller.scope, id).await?;
    Ok(Json(row.into()))
}

async fn within(state: &WebState, scope: &Scope, id: i64) -> Result<DomainRow, Problem> {
    let row = state.directory().domain_within(scope, id).await?;
    row.ok_or_else(|| Problem::not_found(WHAT))
}

async fn create(State(state): State<WebState>, caller: Caller, body: Body) -> Result<Response, Problem> {
    let said = body.read(&DOMAIN, Sent::Whole)?;
    let domain = read::new(&said, state.now())?;
    let name = domain.name.clone();
    add_domain(caller.asked(&state), domain).await.map_err(refused)?;
    let added = named(&state, &name).await?;
    Ok((StatusCode::CREATED, Json(added)).into_response())
}

/// What whoever asks has just written: it is read without asking again whether they may.
async fn named(state: &WebState, name: &DomainName) -> Result<Domain, Problem> {
    let id = state.directory().domain_id(name).await?;
    let id = id.ok_or_else(|| Problem::not_found(WHAT))?;
    Ok(within(state, &Scope::All, id).await?.into())
}

async fn update(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Domain>, Problem> {
    // What is not theirs is not there, whatever is said of it.
    within(&state, &caller.scope, id).await?;
    change(&state, &caller, id, &body.read(&DOMAIN, Sent::Whole)?).await
}

async fn partial_update(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Domain>, Problem> {
    // What is not theirs is not there, whatever is said of it.
    within(&state, &caller.scope, id).await?;
    change(&state, &caller, id, &body.read(&DOMAIN, Sent::Changes)?).await
}

async fn change(state: &WebState, caller: &Caller, id: i64, said: &Said) -> Result<Json<Domain>, Problem> {
    let before = within(state, &caller.scope, id).await?.domain;
    let change = read::change(said, &before)?;
    change_domain(caller.asked(state), &before.name, change)
        .await
        .map_err(refused)?;
    named(state, &before.name).await.map(Json)
}

async fn destroy(State(state): State<WebState>, caller: Caller, Id(id): Id) -> Result<StatusCode, Problem> {
    let row = within(&state, &caller.scope, id).await?;
    remove_domain(caller.asked(&state), &row.domain.name)
        .await
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: transhume_ops::ChangeError) -> Problem {
    changes::refused(WHAT, |field| field, error)
}

impl From<DomainRow> for Domain {
    fn from(row: DomainRow) -> Self {
        let domain = row.domain;
        let is_local = domain.is_local();
        let transport = match domain.kind {
            DomainKind::Local => None,
            DomainKind::Relay(relay) => Some(Transport {
                service: relay.service,
                host: relay.host,
                port: relay.port.map(std::num::NonZeroU16::get),
                verify_recipients: relay.verify_recipients,
            }),
        };
        Self {
            pk: row.id,
            name: domain.name.to_string(),
            kind: if is_local { "domain" } else { "relaydomain" },
            enabled: domain.enabled,
            quota: megabytes(domain.quota),
            default_mailbox_quota: megabytes(domain.default_mailbox_quota),
            description: domain.description,
            transport,
            mailbox_count: row.mailboxes,
            mbalias_count: row.aliases,
            domainalias_count: row.other_names,
            created: domain.created,
        }
    }
}
