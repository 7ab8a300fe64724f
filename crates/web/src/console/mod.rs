//! Pages for people.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::gate::{Refusal, Route, Visitor};

/// The pages, and what their forms ask for.
pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}

/// The page that says why there is no other.
pub(crate) fn refused(refusal: &Refusal, _visitor: Option<&Visitor>) -> Response {
    let status: StatusCode = refusal.status();
    (status, refusal.told()).into_response()
}
