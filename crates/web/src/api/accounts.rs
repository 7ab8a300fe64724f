//! `accounts/`: who may log in, as what, and with which mailbox.

mod read;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use transhume_db::directory::{AccountRow, AccountSearch, Paging};
use transhume_model::directory::{DomainName, Quota, Role, Secret};
use transhume_model::rights::{Right, Scope};
use transhume_ops::change_account::{add_account, change_account, remove_account};
use utoipa::ToSchema;

use super::body::Body;
use super::changes;
use super::domains::megabytes;
use super::fields::{Field, Kind, Said, Sent, Shape};
use super::id::Id;
use super::operation::{Operation, Parameter, ParameterKind, SEARCH};
use super::page::Query;
use super::problem::Problem;
use crate::WebState;
use crate::gate::Caller;

const WHAT: &str = "User";
const ALL: &str = "/api/v2/accounts/";
const ONE: &str = "/api/v2/accounts/{id}/";

pub(super) const ROLES: &[&str] = &["SimpleUsers", "DomainAdmins", "Resellers", "SuperAdmins"];

static MAILBOX: Shape = Shape {
    name: "Mailbox",
    fields: &[
        Field::text(
            "full_address",
            254,
            "Its address. Given once: it does not change.",
        ),
        Field::switch("use_domain_quota", "Whether it may hold what its domain says."),
        Field::number(
            "quota",
            0,
            MOST_MEGABYTES,
            "What it may hold otherwise, in MB; 0 is as much as one likes.",
        ),
        Field::switch(
            "keeps_copy",
            "Whether it gets mail also where an alias of its address leads elsewhere.",
        ),
        Field::switch("may_send", "Whether the account may send mail."),
    ],
};

/// The most MB that are kept as octets.
pub(super) const MOST_MEGABYTES: i64 = i64::MAX >> 20;

static ACCOUNT: Shape = Shape {
    name: "Account",
    fields: &[
        Field::text(
            "username",
            254,
            "What they log in with. Given once: it does not change.",
        )
        .required(),
        Field::new(
            "password",
            Kind::Secret,
            "Their password; kept as a hash, never answered. Without one, nobody logs in.",
        ),
        Field::note("first_name", 150, "Given name."),
        Field::note("last_name", 150, "Family name."),
        Field::switch(
            "is_active",
            "Whether they may log in; mail for a disabled account is refused.",
        ),
        Field::new("role", Kind::Word(ROLES), "What they may do."),
        Field::new(
            "mailbox",
            Kind::Object(&MAILBOX),
            "Their mailbox; administrators may have none.",
        )
        .nullable(),
        Field::new("domains", Kind::Texts, "The domains that they administer."),
        Field::note(
            "secondary_email",
            254,
            "Where they are reached when the mailbox is not.",
        ),
        Field::note("phone_number", 128, "Telephone number."),
    ],
};

/// Somebody who may log in.
#[derive(Serialize, ToSchema)]
pub(crate) struct Account {
    pk: i64,
    /// What they log in with.
    username: String,
    first_name: String,
    last_name: String,
    is_active: bool,
    /// `SimpleUsers`, `DomainAdmins`, `Resellers` or `SuperAdmins`.
    role: &'static str,
    mailbox: Option<Mailbox>,
    /// The domains that they administer.
    domains: Vec<String>,
    secondary_email: String,
    phone_number: String,
    /// Whether there is a password, so that they can log in.
    has_password: bool,
    /// When it was made, where that is known.
    created: Option<i64>,
    /// The number of the migration, where their mail came or comes from elsewhere.
    migration: Option<i64>,
}

/// Where an account's mail is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct Mailbox {
    pk: i64,
    full_address: String,
    /// Whether it may hold what its domain says.
    use_domain_quota: bool,
    /// What it may hold otherwise, in MB; 0 is as much as one likes; null where its domain says it.
    quota: Option<u64>,
    /// Whether it gets mail also where an alias of its address leads elsewhere.
    keeps_copy: bool,
    /// Whether the account may send mail.
    may_send: bool,
}

pub(super) fn operations() -> Vec<Operation> {
    let (see, change) = (Right::SeeIdentities, Right::ChangeIdentities);
    vec![
        Operation::get(ALL, see, list)
            .named("accounts_list", "Who has an account")
            .asks(&[
                SEARCH,
                Parameter::new("role", ParameterKind::Word(ROLES), "What they may do."),
                Parameter::switch("is_active", "Whether they may log in."),
                Parameter::text("domain", "The domain of their mailbox."),
            ])
            .lists::<Account>(),
        Operation::post(ALL, change, create)
            .named("accounts_create", "Adds an account")
            .takes(&ACCOUNT)
            .gives::<Account>(201, "It is there."),
        Operation::get(ONE, see, retrieve)
            .named("accounts_retrieve", "One account")
            .gives::<Account>(200, "It is this."),
        Operation::put(ONE, change, update)
            .named("accounts_update", "Changes an account")
            .details("What is not sent stays, but for the username, which has to be sent.")
            .takes(&ACCOUNT)
            .gives::<Account>(200, "It is this now."),
        Operation::patch(ONE, change, partial_update)
            .named("accounts_partial_update", "Changes what is sent of an account")
            .takes_changes(&ACCOUNT)
            .gives::<Account>(200, "It is this now."),
        Operation::delete(ONE, change, destroy)
            .named("accounts_destroy", "Removes an account, with its mailbox")
            .details("Its mail stays on the disk. One whose mail is still coming only with `force` (409 otherwise).")
            .asks(&[Parameter::switch("force", "Also while its mail is still coming.")]),
    ]
}

async fn list(State(state): State<WebState>, caller: Caller, query: Query) -> Result<Response, Problem> {
    let mut search = AccountSearch {
        text: query.get("search").map(str::to_owned),
        role: query.choice("role", Role::named)?,
        enabled: query.switch("is_active")?,
        ..AccountSearch::default()
    };
    let asked = query.page()?;
    let found = match query.get("domain").map(DomainName::parse).transpose() {
        Ok(domain) => {
            search.domain = domain;
            let paging = asked.map_or(Paging::ALL, Paging::from);
            state
                .directory()
                .search_accounts(&caller.scope, &search, paging)
                .await?
        }
        // What is no domain name is nobody's.
        Err(_) => transhume_db::directory::Found {
            rows: Vec::new(),
            total: 0,
        },
    };
    query.answer(asked, found.total, found.rows.into_iter().map(Account::from))
}

async fn retrieve(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Account>, Problem> {
    let row = within(&state, &caller.scope, id).await?;
    Ok(Json(row.into()))
}

async fn within(state: &WebState, scope: &Scope, id: i64) -> Result<AccountRow, Problem> {
    let row = state.directory().account_within(scope, id).await?;
    row.ok_or_else(|| Problem::not_found(WHAT))
}

async fn create(State(state): State<WebState>, caller: Caller, body: Body) -> Result<Response, Problem> {
    let said = body.read(&ACCOUNT, Sent::Whole)?;
    let account = read::new(&said, state.now())?;
    let login = account.login.clone();
    let password = password(&said);
    add_account(caller.asked(&state), account, password.as_ref())
        .await
        .map_err(refused)?;
    let id = state.directory().account_id(&login).await?;
    let id = id.ok_or_else(|| Problem::not_found(WHAT))?;
    // Whoever may add it may see it: it is read without asking again.
    let row = within(&state, &Scope::All, id).await?;
    Ok((StatusCode::CREATED, Json(Account::from(row))).into_response())
}

async fn update(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Account>, Problem> {
    // What is not theirs is not there, whatever is said of it.
    within(&state, &caller.scope, id).await?;
    change(&state, &caller, id, &body.read(&ACCOUNT, Sent::Whole)?).await
}

async fn partial_update(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    body: Body,
) -> Result<Json<Account>, Problem> {
    // What is not theirs is not there, whatever is said of it.
    within(&state, &caller.scope, id).await?;
    change(&state, &caller, id, &body.read(&ACCOUNT, Sent::Changes)?).await
}

async fn change(state: &WebState, caller: &Caller, id: i64, said: &Said) -> Result<Json<Account>, Problem> {
    let row = within(state, &caller.scope, id).await?;
    let change = read::change(said, &row.account)?;
    change_account(caller.asked(state), &row.account.login, change)
        .await
        .map_err(refused)?;
    let row = within(state, &Scope::All, id).await?;
    Ok(Json(row.into()))
}

async fn destroy(
    State(state): State<WebState>,
    caller: Caller,
    Id(id): Id,
    query: Query,
) -> Result<StatusCode, Problem> {
    let row = within(&state, &caller.scope, id).await?;
    let force = query.switch("force")?.unwrap_or(false);
    remove_account(caller.asked(&state), &row.account.login, force)
        .await
        .map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

fn password(said: &Said) -> Option<Secret> {
    let password = said.text("password")?;
    Some(Secret::new(password.as_bytes().to_vec()))
}

fn refused(error: transhume_ops::ChangeError) -> Problem {
    changes::refused(
        WHAT,
        |field| match field {
            "login" | "name" => "username",
            "address" | "quota" | "keeps_copy" | "may_send" => "mailbox",
            "administers" => "domains",
            "phone" => "phone_number",
            other => other,
        },
        error,
    )
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        let AccountRow {
            id,
            mailbox_id,
            account,
            migration,
        } = row;
        let mailbox = account.mailbox.map(|mailbox| Mailbox {
            pk: mailbox_id.unwrap_or_default(),
            full_address: mailbox.address.to_string(),
            use_domain_quota: mailbox.quota == Quota::OfDomain,
            quota: match mailbox.quota {
                Quota::OfDomain => None,
                Quota::Unlimited => Some(0),
                Quota::Octets(octets) => Some(megabytes(Some(octets.get()))),
            },
            keeps_copy: mailbox.keeps_copy,
            may_send: mailbox.may_send,
        });
        Self {
            pk: id,
            username: account.login.to_string(),
            first_name: account.first_name,
            last_name: account.last_name,
            is_active: account.enabled,
            role: account.role.as_str(),
            mailbox,
            domains: account.administers.iter().map(ToString::to_string).collect(),
            secondary_email: account.secondary_email,
            phone_number: account.phone,
            has_password: account.password.is_some(),
            created: account.created,
            migration: migration.map(|id| id.0),
        }
    }
}
