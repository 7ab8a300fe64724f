//! The router, built from the table and from nothing else.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::MethodRouter;

use super::guard::{Guarded, guard, unknown};
use super::{Entrance, Kind, Route, headers};
use crate::{WebState, api, console, live};

/// All that there is.
fn all() -> Vec<Route> {
    let mut routes = console::routes();
    routes.extend(api::routes());
    routes.push(live::route());
    routes
}

/// The table, without what answers.
pub(crate) fn table() -> Vec<Entrance> {
    all().into_iter().map(|route| route.entrance).collect()
}

/// What answers people and programs.
pub(crate) fn routes(state: WebState) -> Router {
    let mut paths: BTreeMap<&'static str, MethodRouter<WebState>> = BTreeMap::new();
    for Route { entrance, answer } in all() {
        let path = entrance.path;
        let is_api = entrance.kind == Kind::Api;
        let guarded = Guarded {
            state: state.clone(),
            entrance,
        };
        // The guard has read no more than it may.
        let answer = answer.route_layer(DefaultBodyLimit::disable());
        let mut answer = answer.route_layer(from_fn_with_state(guarded, guard));
        if let Some(others) = paths.remove(path) {
            answer = others.merge(answer);
        } else if is_api {
            answer = answer.fallback(other_method);
        }
        paths.insert(path, answer);
    }
    let router = paths
        .into_iter()
        .fold(Router::new(), |router, (path, answer)| router.route(path, answer));
    router
        .fallback(nothing)
        .layer(from_fn(headers::add))
        .layer(from_fn_with_state(state.clone(), super::guard::told))
        .with_state(state)
}

/// There is something of that name, but not by that method.
async fn other_method(State(state): State<WebState>, request: Request<axum::body::Body>) -> Response {
    unknown(&state, request, true).await
}

async fn nothing(State(state): State<WebState>, request: Request<axum::body::Body>) -> Response {
    unknown(&state, request, false).await
}
