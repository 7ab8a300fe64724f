//! HTTP: what people and other programs ask the service. Thin: it reads a question, hands it on, and writes the answer.
//!
//! Nothing is decided here but who may ask: of the hooks, programs that know a secret; of all else, what the table in
//! `gate/` says.

mod api;
mod console;
mod gate;
mod hooks;
mod live;
mod state;

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use tokio::net::TcpListener;

pub use api::document as api_document;
pub use gate::{Entrance, Kind};
pub use state::{ConsoleRules, WebState};

/// Longest question to the hooks, in octets.
const LONGEST: usize = 16 * 1024;

/// Answers the hooks until `shutdown` comes to its end; what was asked before is still answered.
pub async fn serve(
    listener: TcpListener,
    state: WebState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service = hook_routes(state).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(shutdown)
        .await
}

/// Answers people and programs until `shutdown` comes to its end. Pages that follow what goes on are let go then.
pub async fn serve_console(
    listener: TcpListener,
    state: WebState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let desk = std::sync::Arc::clone(&state.desk);
    let service = gate::routes(state).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async move {
            shutdown.await;
            desk.live.end();
        })
        .await
}

/// Everything that people and programs can ask for, and who may.
pub fn entrances() -> Vec<Entrance> {
    gate::table()
}

fn hook_routes(state: WebState) -> Router {
    Router::new()
        .route("/hooks/dovecot", post(hooks::dovecot))
        .route("/hooks/login", post(hooks::login))
        .layer(DefaultBodyLimit::max(LONGEST))
        .with_state(state)
}
