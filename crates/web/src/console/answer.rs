//! How a page becomes an answer, and what is answered where there is none.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{ALLOW, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use transhume_db::directory::DirectoryError;
use transhume_ops::ChangeError;

use super::form::{Faults, Sent};
use super::frame::Frame;
use crate::gate::{Refusal, Visitor};

/// What a page answers.
pub(super) type Answer = Result<Response, Refused>;

/// A refusal, told on a page.
pub(super) struct Refused(pub(super) Refusal);

/// Renders a page.
pub(super) fn page(template: &impl Template) -> Answer {
    page_with(StatusCode::OK, template)
}

/// Renders a page that shows what was wrong with what was sent (RFC 9110, section 15.5.21).
pub(super) fn wrong_page(template: &impl Template) -> Answer {
    page_with(StatusCode::UNPROCESSABLE_ENTITY, template)
}

fn page_with(status: StatusCode, template: &impl Template) -> Answer {
    let text = template
        .render()
        .map_err(|error| Refused(Refusal::Internal(format!("a page cannot be rendered: {error}"))))?;
    let kind = [(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
    Ok((status, kind, text).into_response())
}

/// Leads to another page, which is then asked for by GET.
pub(super) fn lead_to(address: &str) -> Answer {
    let address = HeaderValue::from_str(address)
        .map_err(|_| Refused(Refusal::Internal(format!("no address to lead to: {address}"))))?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response())
}

/// A file to keep.
pub(super) fn download(kind: &'static str, name: &str, content: String) -> Answer {
    // Names are ours, and may hold an address.
    let name: String = name
        .chars()
        .map(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | '@' => letter,
            _ => '_',
        })
        .collect();
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .map_err(|error| Refused(Refusal::Internal(error.to_string())))?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, content).into_response())
}

/// What becomes of a change that was not made: what the person can mend is shown at the form.
pub(super) fn mendable(error: ChangeError) -> Result<Faults, Refused> {
    match error {
        ChangeError::Refused(faults) => {
            let mut told = Faults::default();
            for fault in faults {
                told.at(fault.field, fault.said);
            }
            Ok(told)
        }
        error @ (ChangeError::Conflict(_) | ChangeError::Denied(_)) => Ok(Faults::of_form(error)),
        other => Err(other.into()),
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem {
    frame: Frame,
    what: String,
}

/// The page that tells why there is none.
pub(crate) fn refused(refusal: &Refusal, visitor: Option<&Visitor>) -> Response {
    let (title, what) = match refusal {
        Refusal::Unauthenticated | Refusal::InvalidToken => (
            "Please sign in",
            "This page is for people who are known here.".to_owned(),
        ),
        Refusal::Forbidden => (
            "Not for you",
            match visitor {
                Some(visitor) => format!("Your role, {}, does not include this.", visitor.actor.role),
                None => "Your role does not include this.".to_owned(),
            },
        ),
        Refusal::NotFound => (
            "Not found",
            "There is no such page, or what it was about is gone.".to_owned(),
        ),
        Refusal::MethodNotAllowed(_) => ("Not this way", "This address takes no such question.".to_owned()),
        Refusal::TooLarge => ("Too large", "More was sent than is read here.".to_owned()),
        Refusal::TooMany { seconds } => (
            "Too often",
            format!("Please wait {}, then try again.", super::words::span(*seconds)),
        ),
        Refusal::Csrf => (
            "Please try again",
            "The form was too old, or came from another page. Go back, load the page again, and repeat it."
                .to_owned(),
        ),
        Refusal::Internal(_) => (
            "Something does not work here",
            "What it is stands in the service's log.".to_owned(),
        ),
    };
    let problem = Problem {
        frame: Frame::alone("", title),
        what,
    };
    let mut response = match page_with(refusal.status(), &problem) {
        Ok(response) => response,
        Err(_) => refusal.status().into_response(),
    };
    match refusal {
        Refusal::TooMany { seconds } => {
            response.headers_mut().insert(RETRY_AFTER, (*seconds).into());
        }
        Refusal::MethodNotAllowed(_) => {
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
        }
        _ => {}
    }
    // The gate writes it into the log.
    response.extensions_mut().insert(refusal.clone());
    response
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        refused(&self.0, None)
    }
}

impl From<DirectoryError> for Refused {
    fn from(error: DirectoryError) -> Self {
        Self(Refusal::Internal(error.to_string()))
    }
}

impl From<ChangeError> for Refused {
    fn from(error: ChangeError) -> Self {
        Self(match error {
            ChangeError::Unknown(_) => Refusal::NotFound,
            ChangeError::Denied(_) => Refusal::Forbidden,
            other => Refusal::Internal(other.to_string()),
        })
    }
}

/// What there is none of.
pub(super) fn not_found() -> Refused {
    Refused(Refusal::NotFound)
}

/// What an address asks behind its `?`.
pub(super) struct Question(pub(super) Sent);

impl<S: Sync> FromRequestParts<S> for Question {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(pairs(query.as_bytes())))
    }
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|_| refused(&Refusal::TooLarge, None))?;
        Ok(pairs(&body))
    }
}

fn pairs(text: &[u8]) -> Sent {
    Sent::new(form_urlencoded::parse(text).into_owned().collect())
}
