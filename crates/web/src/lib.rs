//! HTTP: what other programs ask the service. Thin: it reads a question, hands it on, and writes the answer.
//!
//! Nothing is decided here but who may ask.

mod hooks;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use tokio::net::TcpListener;
use transhume_model::directory::Secret;
use transhume_ops::admit_login::Admission;

/// Longest question, in octets.
const LONGEST: usize = 16 * 1024;

/// What questions are handed on to.
#[derive(Clone)]
pub struct WebState {
    /// Lets people in.
    pub admission: Admission,
    /// What whoever asks the hooks has to know; where there is none, programs on this machine may ask, and no others.
    pub hook_secret: Option<Arc<Secret>>,
}

/// Answers until `shutdown` comes to its end; what was asked before is still answered.
pub async fn serve(
    listener: TcpListener,
    state: WebState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service = routes(state).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(shutdown)
        .await
}

fn routes(state: WebState) -> Router {
    Router::new()
        .route("/hooks/dovecot", post(hooks::dovecot))
        .route("/hooks/login", post(hooks::login))
        .layer(DefaultBodyLimit::max(LONGEST))
        .with_state(state)
}

impl fmt::Debug for WebState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebState").finish_non_exhaustive()
    }
}
