//! `email-providers/`: the old platforms that people come from.

mod checks;
mod domains;
mod read;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use transhume_db::directory::ProviderRow;
use transhume_model::directory::{DomainName, ProviderSecurity, Secret};
use transhume_model::rights::{Right, Scope};
use transhume_ops::change_provider::{add_provider, change_provider, remove_provider};
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

const WHAT: &str = "EmailProvider";
const ALL: &str = "/api/v2/email-providers/";
const ONE: &str = "/api/v2/email-providers/{id}/";

static DOMAIN: Shape = Shape {
    name: "EmailProviderDomain",
    fields: &[
        Field::new("id", Kind::Key, "Is not needed: a domain is known by its name.").nullable(),
        Field::text("name", 253, "A domain that the old platform hosts.").required(),
        Field::new("new_domain", Kind::Key, "The local domain that its people come into.").nullable(),
        Field::text(
            "new_domain_name",
            253,
            "The name of that domain, which the first login makes when it is not here yet. Not beside new_domain.",
        )
        .nullable(),
    ],
};

static PROVIDER: Shape = Shape {
    name: WHAT,
    fields: &[
        Field::text("name", 50, "What it is called; no two have the same name.").required(),
        Field::text("address", 200, "Its IMAP server: host name or IP address.").required(),
        Field::number("port", 1, 65535, "The IMAP port; 993 unless it is said, 143 without TLS."),
        Field::switch(
            "secured",
            "Whether the connection is secured by TLS, on port 143 after STARTTLS. Yes unless it is said: in clear, passwords and \
             mail can be read on the way.",
        ),
        Field::new(
            "domains",
            Kind::List(&DOMAIN),
            "The domains that it hosts. Where they are left out of a change, they stay.",
        ),
        Field::new(
            "security",
            Kind::Word(&["tls", "starttls", "clear"]),
            "How the connection is secured, where `secured` does not say enough.",
        ),
        Field::text(
            "certificate",
            200,
            "The SHA-256 fingerprint of the only certificate that is believed; null is any that an authority of this machine vouches for.",
        )
        .nullable(),
        Field::new(
            "login_form",
            Kind::Word(&["address", "local-part"]),
            "What people are called there.",
        ),
        Field::text("master", 200, "A user who may log in there as anybody; passes then do so.").nullable(),
        Field::text("master_separator", 1, "What stands between the two names: *"),
        Field::new("master_password", Kind::Secret, "The master user's password; kept sealed, never answered."),
        Field::number("connections", 1, 1000, "Passes that may work on it at a time: 10"),
        Field::number("connections_per_account", 1, 100, "Connections that one pass may have: 2"),
        Field::switch("enabled", "Whether people may come from it, and passes run."),
    ],
};

/// An old platform that people come from.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailProvider {
    id: i64,
    /// The domains that it hosts.
    domains: Vec<EmailProviderDomain>,
    name: String,
    /// Its IMAP server.
    address: String,
    port: u16,
    /// Whether the connection is secured, be it from the first octet or after STARTTLS.
    secured: bool,
    /// `tls`, `starttls`, or `clear`.
    security: &'static str,
    /// The SHA-256 fingerprint of the only certificate that is believed.
    certificate: Option<String>,
    /// What people are called there: `address`, or `local-part`.
    login_form: &'static str,
    /// A user who may log in there as anybody.
    master: Option<String>,
    /// What stands between the two names.
    master_separator: Option<String>,
    /// Passes that may work on it at a time.
    connections: u32,
    /// Connections that one pass may have.
    connections_per_account: u32,
    enabled: bool,
    /// How many migrations come from it.
    migrations: u64,
}

/// A domain that an old platform hosts.
#[derive(Serialize, ToSchema)]
pub(crate) struct EmailProviderDomain {
    id: i64,
    name: String,
    /// The local domain that its people come into; null where it keeps its name, and where that domain is not here yet.
    new_domain: Option<i64>,
    /// The name of that domain.
    new_domain_name: Option<String>,
}

/// An old platform, in short.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProviderBrief {
    id: i64,
    name: String,
    address: String,
    port: u16,
    secured: bool,
}

impl ProviderBrief {
    /// In short.
    pub(crate) fn of(row: &ProviderRow) -> Self {
        Self {
            id: row.id,
            name: row.provider.name.to_string(),
            address: row.provider.host.to_string(),
            port: row.provider.port.get(),
            secured: row.provider.security != ProviderSecurity::Clear,
        }
    }
}

/// What is done here.
pub(super) fn operations() -> Vec<Operation> {
    let mut operations = vec![
        Operation::get(ALL, Right::ListProviders, list)
            .named(
                "email_providers_list",
                "The old platforms that people come from, by name",
            )
            .asks(&[SEARCH])
            .lists::<EmailProvider>(),
        Operation::post(ALL, Right::ChangeProviders, create)
            .named("email_providers_create", "Adds an old platform")
            .takes(&PROVIDER)
            .gives::<EmailProvider>(201, "It is there."),
        Operation::get(ONE, Right::ListProviders, retrieve)
            .named("email_providers_retrieve", "One old platform")
            .gives::<EmailProvider>(200, "It is this."),
        Operation::put(ONE, Right::ChangeProviders, update)
            .named("email_providers_update", "Changes an old platform")
            .details("What is not sent stays, but for name and address, which have to be sent.")
            .takes(&PROVIDER)
            .gives::<EmailProvider>(200, "It is this now."),
        Operation::patch(ONE, Right::ChangeProviders, partial_update)
            .named(
                "email_providers_partial_update",
                "Changes what is sent of an old platform",
            )
            .takes_changes(&PROVIDER)
            .gives::<EmailProvider>(200, "It is this now."),
        Operation::delete(ONE, Right::ChangeProviders, destroy)
            .named("email_providers_destroy", "Removes an old platform")
            .details("Accounts and mail stay in any case.")
            .asks(&[Parameter::switch(
                "with_migrations",
                "Its migrations go with it. Without this, one that has migrations is not removed (409).",
            )]),
    ];
    operations.extend(checks::operations());
    operations
}

async fn list(State(state): State<WebState>, caller: Caller, query: Query) -> Result<Response, Problem> {
    let mut rows = state.directory().providers_within(&caller.scope).await?;
    if let Some(text) = query.get("search") {
        let text = text.to_lowercase();
        rows.retain(|row| is_found(row, &text));
    }
    // Octet by octet, as scripts for the reference find them.
    rows.sort_by(|one, other| one.provider.name.as_str().cmp(other.provider.name.as_str()));
    // A page's worth is little more than a page: there are few.
    query.answer_of(shown(&state, rows).await?)
}

/// Whether its name, its server or one of its domains holds the text.
fn is_found(row: &ProviderRow, text: &str) -> bool {
    let provider = &row.provider;
    let mut domains = provider.domains.iter();
    provider.name.folded().contains(text)
        || provider.host.as_str().contains(text)
        || domains.any(|(old, new)| {
            old.as_str().contains(text) || new.as_ref().is_some_and(|new| new.as_str().contains(text))
        })
}

async fn retrieve(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<EmailProvider>, Problem> {
    one(&state, &caller.scope, id).await.map(Json)
}

async fn create(State(state): State<WebState>, caller: Caller, body: Body) -> Result<Response, Problem> {
    let said = body.read(&PROVIDER, Sent::Whole)?;
    let there = state.directory().providers_within(&Scope::All).await?;
    let domains = domains::said(&state, &said, &there, None).await?;
    let provider = read::new(&said, domains)?;
    let password = password(&said);
    let id = add_provider(caller.asked(&state), &provider, password.as_ref())
        .await
        .map_err(refused)?;
    let added = one(&state, &caller.scope, id).await?;
    Ok((StatusCode::CREATED, Json(added)).into_response())
}

async fn update(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<EmailProvider>, Problem> {
    change(&state, &caller, id, &body.read(&PROVIDER, Sent::Whole)?).await
}

async fn partial_update(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<EmailProvider>, Problem> {
    change(&state, &caller, id, &body.read(&PROVIDER, Sent::Changes)?).await
}

async fn change(
    state: &WebState,
    caller: &Caller,
    id: i64,
    said: &Said,
) -> Result<Json<EmailProvider>, Problem> {
    let there = state.directory().providers_within(&caller.scope).await?;
    let before = there.iter().find(|row| row.id == id);
    let before = before.ok_or_else(|| Problem::not_found(WHAT))?.provider.clone();
    let domains = domains::said(state, said, &there, Some(id)).await?;
    // What is wrong with the fields is told before anything is opened.
    read::changed(said, before, domains.clone())?;
    let change = |provider: transhume_model::directory::Provider| {
        read::changed(said, provider.clone(), domains).unwrap_or(provider)
    };
    let password = password(said);
    change_provider(caller.asked(state), id, change, password.as_ref())
        .await
        .map_err(refused)?;
    one(state, &caller.scope, id).await.map(Json)
}

async fn destroy(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    query: Query,
) -> Result<StatusCode, Problem> {
    let with_migrations = query.switch("with_migrations")?.unwrap_or(false);
    remove_provider(caller.asked(&state), id, with_migrations)
        .await
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn one(state: &WebState, scope: &Scope, id: i64) -> Result<EmailProvider, Problem> {
    let row = state.directory().provider_within(scope, id).await?;
    let row = row.ok_or_else(|| Problem::not_found(WHAT))?;
    let mut shown = shown(state, vec![row]).await?;
    shown.pop().ok_or_else(|| Problem::not_found(WHAT))
}

async fn shown(state: &WebState, rows: Vec<ProviderRow>) -> Result<Vec<EmailProvider>, Problem> {
    // The numbers of new domains; several providers may lead into one.
    let mut numbers: BTreeMap<DomainName, Option<i64>> = BTreeMap::new();
    for new in rows
        .iter()
        .flat_map(|row| row.provider.domains.values().flatten())
    {
        if !numbers.contains_key(new) {
            numbers.insert(new.clone(), state.directory().domain_id(new).await?);
        }
    }
    Ok(rows.iter().map(|row| EmailProvider::of(row, &numbers)).collect())
}

impl EmailProvider {
    fn of(row: &ProviderRow, numbers: &BTreeMap<DomainName, Option<i64>>) -> Self {
        let provider = &row.provider;
        let domains = provider.domains.iter().map(|(old, new)| EmailProviderDomain {
            id: row.domain_ids.get(old).copied().unwrap_or_default(),
            name: old.to_string(),
            new_domain: new.as_ref().and_then(|new| numbers.get(new).copied().flatten()),
            new_domain_name: new.as_ref().map(ToString::to_string),
        });
        let master = provider.master.as_ref();
        Self {
            id: row.id,
            domains: domains.collect(),
            name: provider.name.to_string(),
            address: provider.host.to_string(),
            port: provider.port.get(),
            secured: provider.security != ProviderSecurity::Clear,
            security: provider.security.as_str(),
            certificate: provider.certificate.hex(),
            login_form: provider.login_form.as_str(),
            master: master.map(|master| master.login.clone()),
            master_separator: master.map(|master| master.separator.to_string()),
            connections: provider.connections.get(),
            connections_per_account: provider.connections_per_account.get(),
            enabled: provider.enabled,
            migrations: row.migrations,
        }
    }
}

fn password(said: &Said) -> Option<Secret> {
    let password = said.text("master_password")?;
    Some(Secret::new(password.as_bytes().to_vec()))
}

fn refused(error: transhume_ops::ChangeError) -> Problem {
    changes::refused(
        WHAT,
        |field| match field {
            "host" => "address",
            "pin" => "certificate",
            other => other,
        },
        error,
    )
}

/// What is wrong with one field.
fn wrong(field: &str, what: &impl ToString) -> Faults {
    Faults::one(field, what.to_string())
}
