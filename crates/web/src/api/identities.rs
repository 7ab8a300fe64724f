//! `identities/`: accounts and aliases in one list.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use transhume_db::directory::{AccountRow, AccountSearch, AliasSearch, Numbered, Paging};
use transhume_model::directory::Alias;
use transhume_model::rights::Right;
use utoipa::ToSchema;

use super::operation::{Operation, SEARCH};
use super::page::{Asked, Query};
use super::problem::Problem;
use crate::WebState;
use crate::gate::Caller;

/// An account or an alias, in short.
#[derive(Serialize, ToSchema)]
pub(crate) struct Identity {
    /// Its number among accounts, or among aliases.
    pk: i64,
    /// `account` or `alias`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// A login, or the address of an alias.
    identity: String,
    /// The name of a person; or where an alias leads.
    name_or_rcpt: String,
    tags: Vec<Tag>,
    enabled: bool,
    /// Always empty.
    possible_actions: Vec<String>,
}

/// What an identity is, in a word.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tag {
    name: &'static str,
    label: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/api/v2/identities/", Right::SeeIdentities, list)
            .named("identities_list", "Accounts, and behind them aliases")
            .asks(&[SEARCH])
            .lists::<Identity>(),
    ]
}

async fn list(State(state): State<WebState>, caller: Caller, query: Query) -> Result<Response, Problem> {
    let text = query.get("search").map(str::to_owned);
    let accounts = AccountSearch {
        text: text.clone(),
        ..AccountSearch::default()
    };
    let aliases = AliasSearch {
        text,
        ..AliasSearch::default()
    };
    let asked = query.page()?;
    // A page may begin among the accounts and end among the aliases: both are asked for as many as come before its end.
    let paging = asked.map_or(Paging::ALL, |asked| {
        Paging::first(asked.page.saturating_mul(asked.size))
    });
    let directory = state.directory();
    let accounts = directory
        .search_accounts(&caller.scope, &accounts, paging)
        .await?;
    let aliases = directory.search_aliases(&caller.scope, &aliases, paging).await?;
    let count = accounts.total + aliases.total;
    let accounts = accounts.rows.into_iter().map(Identity::from);
    let all: Vec<Identity> = accounts
        .chain(aliases.rows.into_iter().map(Identity::from))
        .collect();
    let rows = match asked {
        None => all,
        Some(asked) => Asked::of(asked, all),
    };
    query.answer(asked, count, rows.into_iter())
}

impl From<AccountRow> for Identity {
    fn from(row: AccountRow) -> Self {
        let account = row.account;
        let role = account.role.as_str();
        Self {
            pk: row.id,
            kind: "account",
            identity: account.login.to_string(),
            name_or_rcpt: format!("{} {}", account.first_name, account.last_name)
                .trim()
                .to_owned(),
            tags: vec![
                Tag {
                    name: "account",
                    label: "account",
                    kind: "idt",
                },
                Tag {
                    name: role,
                    label: role,
                    kind: "grp",
                },
            ],
            enabled: account.enabled,
            possible_actions: Vec::new(),
        }
    }
}

impl From<Numbered<Alias>> for Identity {
    fn from(row: Numbered<Alias>) -> Self {
        let alias = row.entry;
        let recipients: Vec<String> = alias.recipients.iter().map(ToString::to_string).collect();
        Self {
            pk: row.id,
            kind: "alias",
            identity: alias.address.to_string(),
            name_or_rcpt: recipients.join(", "),
            tags: vec![Tag {
                name: "alias",
                label: "alias",
                kind: "idt",
            }],
            enabled: alias.enabled,
            possible_actions: Vec::new(),
        }
    }
}
