//! Who may ask: a hook tells whether a password is right, and leads to an old server with the password for it.

use std::net::SocketAddr;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;

use crate::WebState;

/// Whether it runs on this machine.
pub(super) fn is_here(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}

/// Whether this program may ask. Where there is a secret, it has to know it, wherever it runs.
pub(super) fn may_ask(state: &WebState, peer: SocketAddr, headers: &HeaderMap) -> bool {
    match &state.hook_secret {
        None => is_here(peer),
        Some(secret) => {
            let given = headers.get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
            let given = given.and_then(|given| given.strip_prefix(b"Bearer "));
            given.is_some_and(|given| bool::from(given.ct_eq(secret.reveal())))
        }
    }
}
