//! `email-providers/check_…`: whether a provider would work, before it is added and after.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use transhume_model::directory::{DomainName, Provider};
use transhume_model::rights::Right;
use transhume_ops::check_provider::{CheckFault, CheckProblem, Checked, TestLogin, check_provider};
use utoipa::ToSchema;

use super::{WHAT, domains, read, wrong};
use crate::WebState;
use crate::api::body::Body;
use crate::api::fields::{Field, Kind, Said, Sent, Shape};
use crate::api::id::Id;
use crate::api::operation::Operation;
use crate::api::problem::{Faults, Problem};
use crate::gate::Caller;

const LOGIN: Field = Field::text("login", 254, "A login to try there, too.");
const PASSWORD: Field = Field::new("password", Kind::Secret, "Its password.");

static CONNECTION: Shape = Shape {
    name: "CheckConnection",
    fields: &[
        Field::text("address", 200, "The IMAP server: host name or IP address.").required(),
        Field::number("port", 1, 65535, "Its port.").required(),
        Field::switch("secured", "Whether by TLS, on port 143 after STARTTLS."),
        Field::new(
            "security",
            Kind::Word(&["tls", "starttls", "clear"]),
            "How the connection is secured, where `secured` does not say enough.",
        ),
        Field::text(
            "certificate",
            200,
            "The SHA-256 fingerprint of the only certificate that is believed.",
        )
        .nullable(),
        LOGIN,
        PASSWORD,
    ],
};

static TRY: Shape = Shape {
    name: "CheckProvider",
    fields: &[LOGIN, PASSWORD],
};

static ASSOCIATED: Shape = Shape {
    name: "CheckAssociatedDomain",
    fields: &[
        Field::text("name", 253, "A domain that the old platform hosts.").required(),
        Field::new(
            "new_domain",
            Kind::Key,
            "The local domain that its people come into.",
        )
        .nullable(),
        Field::text("new_domain_name", 253, "Or its name.").nullable(),
    ],
};

/// What came of a check.
#[derive(Serialize, ToSchema)]
pub(crate) struct Connection {
    /// `ok`, or `failed`.
    status: &'static str,
    /// Why it failed: `unreachable`, `untrusted` (its certificate is not believed), or `login-refused`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// What happened and what to do, for a person.
    detail: String,
    /// What the server can do, as far as it tells strangers.
    capabilities: Vec<String>,
    /// Whether a login was tried, and taken.
    logged_in: bool,
    /// How long it took, in milliseconds.
    milliseconds: u64,
    /// What should be known nevertheless.
    notes: Vec<&'static str>,
}

pub(super) fn operations() -> Vec<Operation> {
    let failed = "It cannot be reached as it is described; the reason is said. Or a field is wrong.";
    vec![
        Operation::post(
            "/api/v2/email-providers/check_connection/",
            Right::CheckProviders,
            connection,
        )
        .named(
            "email_providers_check_connection_create",
            "Whether an IMAP server can be reached, and if not, why",
        )
        .details(
            "It takes six seconds at most, and checks certificates as a migration would. For SuperAdmins alone: to others it would \
             be a way to look into the network that this server stands in.",
        )
        .takes(&CONNECTION)
        .gives::<Connection>(200, "It can be reached.")
        .gives::<Connection>(400, failed),
        Operation::post(
            "/api/v2/email-providers/{id}/check/",
            Right::CheckProviders,
            provider,
        )
        .named(
            "email_providers_check_create",
            "Whether an old platform's server can be reached, and if not, why",
        )
        .takes(&TRY)
        .gives::<Connection>(200, "It can be reached.")
        .gives::<Connection>(400, failed),
        Operation::post(
            "/api/v2/email-providers/check_associated_domain/",
            Right::SeeProviders,
            associated,
        )
        .named(
            "email_providers_check_associated_domain_create",
            "Whether a domain can be one of an old platform",
        )
        .details("It is a domain name, no provider that one sees hosts it, and the domain here is there and local.")
        .takes(&ASSOCIATED)
        .empty(200, "It can."),
    ]
}

async fn connection(State(state): State<WebState>, caller: Caller, body: Body) -> Result<Response, Problem> {
    let said = body.read(&CONNECTION, Sent::Whole)?;
    check(&state, &caller, &read::unnamed(&said)?, &said).await
}

async fn provider(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Response, Problem> {
    let said = body.read(&TRY, Sent::Whole)?;
    let row = state.directory().provider_within(&caller.scope, id).await?;
    let row = row.ok_or_else(|| Problem::not_found(WHAT))?;
    check(&state, &caller, &row.provider, &said).await
}

async fn check(
    state: &WebState,
    caller: &Caller,
    provider: &Provider,
    said: &Said,
) -> Result<Response, Problem> {
    let login = match (said.text("login"), said.text("password")) {
        (Some(login), Some(password)) => Some(TestLogin {
            login,
            password: password.as_bytes(),
        }),
        (None, None) => None,
        (Some(_), None) => return Err(Faults::one("password", "This field is required.").into()),
        (None, Some(_)) => return Err(Faults::one("login", "This field is required.").into()),
    };
    let clock = || state.time();
    match check_provider(provider, caller.actor.role, login, &clock).await {
        Ok(checked) => Ok(Json(Connection::of(checked)).into_response()),
        Err(CheckProblem::NotAllowed) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            CheckProblem::NotAllowed.to_string(),
        )),
        Err(CheckProblem::Server { fault, said, advice }) => {
            let failed = Connection::failed(fault, format!("{said}. {advice}"));
            Ok((StatusCode::BAD_REQUEST, Json(failed)).into_response())
        }
    }
}

impl Connection {
    fn of(checked: Checked) -> Self {
        Self {
            status: "ok",
            reason: None,
            detail: "The server answers as it should.".to_owned(),
            capabilities: checked.capabilities,
            logged_in: checked.logged_in,
            milliseconds: u64::try_from(checked.took.as_millis()).unwrap_or(u64::MAX),
            notes: checked.notes,
        }
    }

    fn failed(fault: CheckFault, detail: String) -> Self {
        Self {
            status: "failed",
            reason: Some(match fault {
                CheckFault::Unreachable => "unreachable",
                CheckFault::Untrusted => "untrusted",
                CheckFault::LoginRefused => "login-refused",
            }),
            detail,
            capabilities: Vec::new(),
            logged_in: false,
            milliseconds: 0,
            notes: Vec::new(),
        }
    }
}

async fn associated(
    State(state): State<WebState>,
    caller: Caller,
    body: Body,
) -> Result<StatusCode, Problem> {
    let said = body.read(&ASSOCIATED, Sent::Whole)?;
    let there = state.directory().providers_within(&caller.scope).await?;
    let (old, new) = domains::one(&state, &caller.scope, &said).await?;
    let mut faults = Faults::default();
    if there.iter().any(|row| row.provider.domains.contains_key(&old)) {
        let what = format!("Migrated domain with name {old} already exists");
        faults.extend(wrong("name", &what));
    }
    let new: &DomainName = new.as_ref().unwrap_or(&old);
    if caller.scope.has_domain(new.as_str())
        && let Some(domain) = state.directory().domain(new).await?
        && !domain.is_local()
    {
        let what = format!("{new} is a relay domain here: nobody can be moved into it.");
        faults.extend(wrong("new_domain", &what));
    }
    if let Some(alias) = state.directory().domain_alias(new).await?
        && caller.scope.has_domain(alias.target.as_str())
    {
        let what = format!("{new} is another name of {} here.", alias.target);
        faults.extend(wrong("new_domain", &what));
    }
    faults.check()?;
    Ok(StatusCode::OK)
}
