//! Why the gate refuses, and how programs are told: problem documents (RFC 9457), whose `detail` is the reference's word for
//! word, so that scripts written for it understand.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// Why nothing is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody said who they are.
    Unauthenticated,
    /// What they said is not, or no longer, true.
    InvalidToken,
    /// They may not.
    Forbidden,
    /// There is no such thing, or it is not theirs.
    NotFound,
    /// Not this way.
    MethodNotAllowed(Method),
    /// More than is read.
    TooLarge,
    /// Too often.
    TooMany {
        /// Seconds to wait.
        seconds: u64,
    },
    /// It does not come from one of our pages.
    Csrf,
    /// Something does not work here. What it is goes to the log, not to whoever asks.
    Internal(String),
}

impl Refusal {
    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Csrf => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What is told.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Unauthenticated => "Authentication credentials were not provided.".to_owned(),
            Self::InvalidToken => "Invalid token.".to_owned(),
            Self::Forbidden => "You do not have permission to perform this action.".to_owned(),
            Self::Csrf => "CSRF Failed: CSRF token missing or incorrect.".to_owned(),
            Self::NotFound => "Not found.".to_owned(),
            Self::MethodNotAllowed(method) => format!("Method \"{method}\" not allowed."),
            Self::TooLarge => "The request is larger than what is read here.".to_owned(),
            Self::TooMany { seconds } => {
                format!("Request was throttled. Expected available in {seconds} seconds.")
            }
            Self::Internal(_) => "Something does not work here; the service's log says what.".to_owned(),
        }
    }
}

/// For programs. Pages have words of their own.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = problem(self.status(), &self.told(), Map::new());
        match &self {
            Self::Unauthenticated | Self::InvalidToken => {
                let realm = HeaderValue::from_static("Token realm=\"transhume\"");
                response.headers_mut().insert(WWW_AUTHENTICATE, realm);
            }
            Self::TooMany { seconds } => {
                response.headers_mut().insert(RETRY_AFTER, (*seconds).into());
            }
            _ => {}
        }
        // The gate writes it into the log.
        response.extensions_mut().insert(self);
        response
    }
}

/// A problem document: what the status means, what is wrong, and, as further members, which fields are wrong and why.
pub(crate) fn problem(status: StatusCode, detail: &str, fields: Map<String, Value>) -> Response {
    let mut document = Map::new();
    document.insert("type".to_owned(), "about:blank".into());
    document.insert(
        "title".to_owned(),
        status.canonical_reason().unwrap_or_default().into(),
    );
    document.insert("status".to_owned(), status.as_u16().into());
    document.insert("detail".to_owned(), json!(detail));
    // A field may have one of these names too: its errors are what scripts look for.
    document.extend(fields);
    let kind = HeaderValue::from_static("application/problem+json");
    let mut response = Response::new(Body::from(Value::Object(document).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
