//! The cookie of those who have signed in, and what proves that a form is one of ours.

use std::fmt::Write as _;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use transhume_model::directory::Secret;

use crate::WebState;

/// The cookie's name. Where it only travels over TLS, browsers see to it that no other host and no page in clear can set it.
const NAME: &str = "transhume";
const SECURE_NAME: &str = "__Host-transhume";

/// The header that gives the cookie to a browser, for as long as that runs.
pub(crate) fn set(state: &WebState, token: &Secret) -> HeaderValue {
    let token = std::str::from_utf8(token.reveal()).unwrap_or_default();
    header(state, token, "")
}

/// The header that takes it away.
pub(crate) fn clear(state: &WebState) -> HeaderValue {
    header(state, "", "; Max-Age=0")
}

fn header(state: &WebState, token: &str, more: &str) -> HeaderValue {
    let is_secure = state.desk.rules.is_secure;
    let name = if is_secure { SECURE_NAME } else { NAME };
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(text, "{name}={token}; Path=/; HttpOnly; SameSite=Lax{more}");
    if is_secure {
        text.push_str("; Secure");
    }
    let mut value = HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

/// What the cookie says.
pub(crate) fn token(state: &WebState, headers: &HeaderMap) -> Option<String> {
    let name = if state.desk.rules.is_secure {
        SECURE_NAME
    } else {
        NAME
    };
    let lines = headers.get_all(COOKIE).into_iter();
    let mut pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    pairs.find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name && !value.is_empty()).then(|| value.to_owned())
    })
}
