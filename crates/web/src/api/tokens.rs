//! `tokens/`: one's own tokens, with which programs ask in one's name.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use transhume_db::directory::TokenRecord;
use transhume_model::rights::Right;
use transhume_ops::sign_in::{add_token, remove_token};
use utoipa::ToSchema;

use super::body::Body;
use super::changes;
use super::fields::{Field, Sent, Shape};
use super::id::Id;
use super::operation::Operation;
use super::page::Query;
use super::problem::Problem;
use crate::WebState;
use crate::gate::Caller;

const WHAT: &str = "Token";
const ALL: &str = "/api/v2/tokens/";

static TOKEN: Shape = Shape {
    name: WHAT,
    fields: &[Field::text("label", 100, "What it is for, so that one knows it again.").required()],
};

/// A token, without what programs show.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct Shown {
    id: i64,
    /// What it is for.
    label: String,
    /// When it was made.
    created: i64,
    /// When it was used last; null is never.
    used: Option<i64>,
}

/// A token that has just been made. It is told this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewToken {
    id: i64,
    /// What it is for.
    label: String,
    /// What programs show: `Authorization: Token …`.
    token: String,
}

pub(super) fn operations() -> Vec<Operation> {
    let right = Right::ChangeProfile;
    vec![
        Operation::get(ALL, right, list)
            .named("tokens_list", "One's own tokens")
            .lists::<Shown>(),
        Operation::post(ALL, right, create)
            .named("tokens_create", "Makes a token")
            .details("It is told this once, and may do whatever its owner may.")
            .takes(&TOKEN)
            .gives::<NewToken>(201, "It is this."),
        Operation::delete("/api/v2/tokens/{id}/", right, destroy)
            .named("tokens_destroy", "Removes one of one's own tokens"),
    ]
}

async fn list(State(state): State<WebState>, caller: Caller, query: Query) -> Result<Response, Problem> {
    let tokens = state.directory().tokens_of(&caller.actor.login).await?;
    query.answer_of(tokens.into_iter().map(Shown::from).collect())
}

async fn create(State(state): State<WebState>, caller: Caller, body: Body) -> Result<Response, Problem> {
    let said = body.read(&TOKEN, Sent::Whole)?;
    let label = said.text("label").unwrap_or_default();
    let (id, token) = add_token(caller.asked(&state), label).await.map_err(refused)?;
    let made = NewToken {
        id,
        label: label.to_owned(),
        token: String::from_utf8_lossy(token.reveal()).into_owned(),
    };
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

async fn destroy(State(state): State<WebState>, caller: Caller, Id(id): Id) -> Result<StatusCode, Problem> {
    remove_token(caller.asked(&state), id).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}

fn refused(error: transhume_ops::ChangeError) -> Problem {
    changes::refused(WHAT, |field| field, error)
}

impl From<TokenRecord> for Shown {
    fn from(token: TokenRecord) -> Self {
        Self {
            id: token.id,
            label: token.label,
            created: token.created,
            used: token.used,
        }
    }
}
