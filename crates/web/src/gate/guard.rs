//! Whoever asks is looked at here, before anything answers.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use subtle::ConstantTimeEq as _;
use transhume_model::directory::{Account, Role};
use transhume_model::rights::{Actor, Right, Scope, permits};
use transhume_ops::sign_in;

use super::{Caller, Entrance, Kind, Origin, Refusal, Visitor, session};
use crate::WebState;
use crate::hooks::{field, network};

/// Longest question, in octets; and the longest with files.
const LONGEST: usize = 256 * 1024;
const LONGEST_UPLOAD: usize = 32 * 1024 * 1024;
/// How long the text of a question may take to come.
const PATIENCE: Duration = Duration::from_mins(1);
/// Octets in which the first field of a form with files has to stand.
const FIRST_FIELD: usize = 1024;

/// A line of the table, with what its guard needs.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) state: WebState,
    pub(super) entrance: Entrance,
}

/// Why somebody does not come in, and who it was, where that is known.
struct Turned {
    refusal: Refusal,
    visitor: Option<Box<Visitor>>,
}

impl From<Refusal> for Turned {
    fn from(refusal: Refusal) -> Self {
        let visitor = None;
        Self { refusal, visitor }
    }
}

/// Lets in or turns away.
pub(super) async fn guard(State(guarded): State<Guarded>, request: Request, next: Next) -> Response {
    let Guarded { state, entrance } = &guarded;
    let asked = request.uri().path_and_query().map(ToString::to_string);
    let admitted = match entrance.kind {
        Kind::Api => api(state, entrance, request).await.map_err(Turned::from),
        Kind::Page | Kind::Form => page(state, entrance, request).await,
    };
    let turned = match admitted {
        Ok(request) => return next.run(request).await,
        Err(turned) => turned,
    };
    let Turned { refusal, visitor } = turned;
    let response = match (entrance.kind, &refusal) {
        (Kind::Api, _) => return refusal.into_response(),
        (Kind::Page, Refusal::Unauthenticated) => return to_sign_in(asked.as_deref()),
        (Kind::Form, Refusal::Unauthenticated) => return to_sign_in(None),
        (Kind::Page | Kind::Form, _) => crate::console::refused(&refusal, visitor.as_deref()),
    };
    with(response, refusal)
}

/// The answer, with what the log is to say of it.
fn with(mut response: Response, refusal: Refusal) -> Response {
    response.extensions_mut().insert(refusal);
    response
}

/// Writes what does not work here into the log: whoever asks is not told.
pub(super) async fn told(State(state): State<WebState>, request: Request, next: Next) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    let response = next.run(request).await;
    if let Some(Refusal::Internal(why)) = response.extensions().get() {
        (state.around.log)(format!("{what}: {why}"));
    }
    response
}

/// What the table does not have: a program is told whether it is the name or the method, in the reference's order.
pub(super) async fn unknown(state: &WebState, request: Request, is_method: bool) -> Response {
    let (parts, _) = request.into_parts();
    if !parts.uri.path().starts_with("/api/") {
        return crate::console::refused(&Refusal::NotFound, None);
    }
    let refusal = match caller(state, &parts.method, &parts.headers, peer(state, &parts)).await {
        Err(refusal) => refusal,
        Ok(_) if !is_method => Refusal::NotFound,
        Ok(account) if account.role == Role::SuperAdmins => Refusal::MethodNotAllowed(parts.method),
        Ok(_) => Refusal::Forbidden,
    };
    refusal.into_response()
}

async fn api(state: &WebState, entrance: &Entrance, request: Request) -> Result<Request, Refusal> {
    let (mut parts, body) = request.into_parts();
    let network = peer(state, &parts);
    let account = caller(state, &parts.method, &parts.headers, network.clone()).await?;
    state
        .desk
        .throttles
        .of_actor(account.login.as_str(), state.time())?;
    let actor = Actor::of(&account);
    let scope = scope(&actor, entrance.right)?;
    let body = read(entrance, body).await?;
    parts.extensions.insert(Caller {
        actor,
        scope,
        network,
    });
    Ok(Request::from_parts(parts, body))
}

/// In whose name a program asks: by a token, or by the cookie of a page whose script it is.
async fn caller(
    state: &WebState,
    method: &Method,
    headers: &HeaderMap,
    network: Option<String>,
) -> Result<Account, Refusal> {
    let now = state.time();
    let throttles = &state.desk.throttles;
    throttles.of_network(network.as_deref(), now)?;
    throttles.may_try(network.as_deref(), now)?;
    let found = if let Some(said) = headers.get(AUTHORIZATION) {
        by_token(state, said).await?
    } else {
        by_cookie(state, method, headers).await?
    };
    found.ok_or_else(|| {
        throttles.was_wrong(network.as_deref(), now);
        Refusal::InvalidToken
    })
}

async fn by_token(state: &WebState, said: &HeaderValue) -> Result<Option<Account>, Refusal> {
    let said = said.to_str().unwrap_or_default();
    let (scheme, token) = said.split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("token") && !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::Unauthenticated);
    }
    let found = sign_in::by_token(&state.around, token.trim()).await;
    found.map_err(|error| Refusal::Internal(error.to_string()))
}

/// What a page's script changes has to be proved to be its own, as with forms.
async fn by_cookie(
    state: &WebState,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<Account>, Refusal> {
    let token = session::token(state, headers).ok_or(Refusal::Unauthenticated)?;
    let found = sign_in::by_session(&state.around, &token, true).await;
    let found = found.map_err(|error| Refusal::Internal(error.to_string()))?;
    let given = headers.get("x-csrf-token").or_else(|| headers.get("x-csrftoken"));
    let given = given.map(HeaderValue::as_bytes).unwrap_or_default();
    if found.is_some() && !method.is_safe() && !is_csrf(&token, given) {
        return Err(Refusal::Csrf);
    }
    Ok(found)
}

async fn page(state: &WebState, entrance: &Entrance, request: Request) -> Result<Request, Turned> {
    let (mut parts, body) = request.into_parts();
    let network = peer(state, &parts);
    parts.extensions.insert(Origin {
        network: network.clone(),
    });
    let now = state.time();
    state.desk.throttles.of_network(network.as_deref(), now)?;
    let token = session::token(state, &parts.headers);
    // What the browser asks for by itself says nothing about whether somebody is there.
    let is_used = entrance.path != crate::live::PATH;
    let account = match &token {
        Some(token) => sign_in::by_session(&state.around, token, is_used)
            .await
            .map_err(|error| Refusal::Internal(error.to_string()))?,
        None => None,
    };
    let visitor = account.zip(token.as_ref()).map(|(account, token)| {
        let actor = Actor::of(&account);
        Visitor {
            scope: Scope::Own(actor.login.clone()),
            csrf: sign_in::csrf(token),
            actor,
            network,
            account,
        }
    });
    let Some(right) = entrance.right else {
        if entrance.kind == Kind::Form && !is_same_origin(&parts.headers) {
            return Err(Refusal::Csrf.into());
        }
        let body = read(entrance, body).await?;
        parts
            .extensions
            .extend(visitor.map(extension).unwrap_or_default());
        return Ok(Request::from_parts(parts, body));
    };
    let mut visitor = visitor.ok_or(Refusal::Unauthenticated)?;
    let turned = |visitor: &Visitor, refusal| Turned {
        refusal,
        visitor: Some(Box::new(visitor.clone())),
    };
    let may = || -> Result<Scope, Refusal> {
        let login = visitor.actor.login.as_str();
        state.desk.throttles.of_actor(login, now)?;
        scope(&visitor.actor, Some(right))
    };
    visitor.scope = may().map_err(|refusal| turned(&visitor, refusal))?;
    let body = read(entrance, body)
        .await
        .map_err(|refusal| turned(&visitor, refusal))?;
    let body = if entrance.kind == Kind::Form {
        let octets = to_bytes(body, LONGEST_UPLOAD).await.unwrap_or_default();
        let given = csrf_of(&parts.headers, &octets);
        if !is_csrf(token.as_deref().unwrap_or_default(), &given) {
            return Err(turned(&visitor, Refusal::Csrf));
        }
        Body::from(octets)
    } else {
        body
    };
    parts.extensions.extend(extension(visitor));
    Ok(Request::from_parts(parts, body))
}

fn extension(visitor: Visitor) -> axum::http::Extensions {
    let mut extensions = axum::http::Extensions::new();
    extensions.insert(visitor);
    extensions
}

fn scope(actor: &Actor, right: Option<Right>) -> Result<Scope, Refusal> {
    let right = right.ok_or(Refusal::Forbidden)?;
    permits(actor, right).ok_or(Refusal::Forbidden)
}

/// Where somebody comes from: who is connected, or whom the proxy before us names last.
fn peer(state: &WebState, parts: &axum::http::request::Parts) -> Option<String> {
    let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let connected = connected.map(|ConnectInfo(peer)| peer.ip().to_string())?;
    let mut address = connected;
    if state.desk.rules.is_behind_proxy {
        let said = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let last = said.and_then(|said| said.to_str().ok()?.rsplit(',').next());
        if let Some(last) = last {
            last.trim().clone_into(&mut address);
        }
    }
    network(&address)
}

/// The text of a question, whole: nothing is done for one that is too long or does not come.
async fn read(entrance: &Entrance, body: Body) -> Result<Body, Refusal> {
    if entrance.method == Method::GET {
        return Ok(Body::empty());
    }
    let most = if entrance.uploads { LONGEST_UPLOAD } else { LONGEST };
    let octets = tokio::time::timeout(PATIENCE, to_bytes(body, most)).await;
    // It broke off, took too long, or is too long; whoever is still there can be told of the last only.
    octets
        .ok()
        .and_then(Result::ok)
        .map(Body::from)
        .ok_or(Refusal::TooLarge)
}

/// What a form, or a script of a page, says to prove that it is ours.
fn csrf_of(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    if let Some(said) = headers.get("x-csrf-token") {
        return said.as_bytes().to_vec();
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("multipart/form-data")) {
        return field(body, "csrf");
    }
    // In a form with files, it is the first field: what comes after it is for those who read files.
    let start = &body[..body.len().min(FIRST_FIELD)];
    let start = String::from_utf8_lossy(start);
    let (head, rest) = start.split_once("\r\n\r\n").unwrap_or_default();
    let is_ours = head.contains("name=\"csrf\"") && head.matches("name=").count() == 1;
    let (value, _) = rest.split_once("\r\n").unwrap_or_default();
    if is_ours {
        value.as_bytes().to_vec()
    } else {
        Vec::new()
    }
}

fn is_csrf(token: &str, given: &[u8]) -> bool {
    sign_in::csrf(token).as_bytes().ct_eq(given).into()
}

/// Whether a form comes from one of our pages, as far as browsers tell. What is no browser may ask as it likes: it has no
/// cookies that are not its own.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(ORIGIN.as_str()) else {
        return true;
    };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text(HOST.as_str())
}

/// To the page where one signs in, and from there back.
fn to_sign_in(back: Option<&str>) -> Response {
    let mut to = "/sign-in".to_owned();
    if let Some(back) = back.filter(|back| *back != "/") {
        to += "?next=";
        to += &crate::hooks::encoded(back.as_bytes());
    }
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(to) = HeaderValue::from_str(&to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(said: &[(&'static str, &str)]) -> HeaderMap {
        said.iter()
            .map(|(name, value)| {
                let name = axum::http::HeaderName::from_static(name);
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    #[test]
    fn forms_of_other_sites_are_known() {
        for (said, is_ours) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "none")][..], true),
            (&[("sec-fetch-site", "same-site")][..], false),
            (
                &[
                    ("sec-fetch-site", "cross-site"),
                    ("host", "a"),
                    ("origin", "http://a"),
                ][..],
                false,
            ),
            (&[("host", "a:1"), ("origin", "http://a:1")][..], true),
            (&[("host", "a:1"), ("origin", "http://a")][..], false),
            (&[("host", "a"), ("origin", "https://b")][..], false),
            (&[("host", "null"), ("origin", "null")][..], false),
        ] {
            assert_eq!(is_same_origin(&headers(said)), is_ours, "{said:?}");
        }
    }

    #[test]
    fn the_proof_is_a_header_a_field_or_the_first_part() {
        let form = ("content-type", "application/x-www-form-urlencoded");
        let multipart = ("content-type", "multipart/form-data; boundary=b");
        let part = "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nX\r\n--b\r\n";
        let later = format!("--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n{part}");
        for (said, body, given) in [
            (&[form][..], "a=1&csrf=X", "X"),
            (&[form, ("x-csrf-token", "Y")][..], "csrf=X", "Y"),
            (&[form][..], "a=1", ""),
            (&[multipart][..], part, "X"),
            (&[multipart][..], later.as_str(), ""),
            (&[multipart][..], "csrf=X", ""),
            (&[][..], "", ""),
        ] {
            let found = csrf_of(&headers(said), body.as_bytes());
            assert_eq!(found, given.as_bytes(), "{said:?} {body}");
        }
    }
}
