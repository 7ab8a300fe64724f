//! Who asks, as the gate has found out.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::response::Response;
use transhume_model::directory::Account;
use transhume_model::rights::{Actor, Scope};
use transhume_ops::Asked;

use super::Refusal;
use crate::WebState;

/// Somebody before a page.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// Who they are, for the rights.
    pub(crate) actor: Actor,
    /// Whose things they may see here.
    pub(crate) scope: Scope,
    /// The network that they come from; `None` is this machine.
    pub(crate) network: Option<String>,
    /// What the forms of their pages have to say.
    pub(crate) csrf: String,
    /// Their account.
    pub(crate) account: Account,
}

/// A program that asks the API, in somebody's name.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// In whose name.
    pub(crate) actor: Actor,
    /// Whose things they may see here.
    pub(crate) scope: Scope,
    /// The network that they come from; `None` is this machine.
    pub(crate) network: Option<String>,
}

/// Where a question comes from, whoever asks it.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// The network; `None` is this machine.
    pub(crate) network: Option<String>,
}

impl Visitor {
    /// What they want changed, they want as this.
    pub(crate) fn asked<'a>(&'a self, state: &'a WebState) -> Asked<'a> {
        Asked {
            around: &state.around,
            actor: &self.actor,
            network: self.network.as_deref(),
        }
    }
}

impl Caller {
    /// What they want changed, they want as this.
    pub(crate) fn asked<'a>(&'a self, state: &'a WebState) -> Asked<'a> {
        Asked {
            around: &state.around,
            actor: &self.actor,
            network: self.network.as_deref(),
        }
    }
}

impl FromRequestParts<WebState> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Self, Refusal> {
        parts.extensions.get().cloned().ok_or(Refusal::Unauthenticated)
    }
}

impl FromRequestParts<WebState> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Self, Response> {
        let found = parts.extensions.get().cloned();
        found.ok_or_else(|| crate::console::refused(&Refusal::Unauthenticated, None))
    }
}

impl OptionalFromRequestParts<WebState> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Option<Self>, Response> {
        Ok(parts.extensions.get().cloned())
    }
}

impl FromRequestParts<WebState> for Origin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &WebState) -> Result<Self, Refusal> {
        let found = parts.extensions.get().cloned();
        found.ok_or_else(|| Refusal::Internal("the gate did not look at this question".to_owned()))
    }
}
