//! What is answered when something cannot be done: `application/problem+json` (RFC 9457).
//!
//! Scripts that were written for Modoboa read `body["detail"]`, or the errors of a field at `body["name"]`. Both stand there as
//! they expect it: fields' errors are members of the problem beside those of the RFC (section 3.2, extension members).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use transhume_db::directory::DirectoryError;

use crate::gate::Refusal;

/// What an answer of this kind is called (RFC 9457 section 6.1).
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why something was not done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    status: StatusCode,
    members: Map<String, Value>,
    /// What the log of the service is to say of it.
    log: Option<String>,
}

/// What is wrong with a request, by field; whatever is found is told at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Faults(Map<String, Value>);

impl Problem {
    /// One with a sentence for a person.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let mut members = Map::new();
        members.insert("detail".to_owned(), Value::String(detail.into()));
        Self {
            status,
            members,
            log: None,
        }
    }

    /// Something does not work here, which the log of the service is told.
    pub(crate) fn internal(why: impl std::fmt::Display) -> Self {
        Self {
            log: Some(why.to_string()),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Something does not work here; the service's log says what.",
            )
        }
    }

    /// What the gate would have said.
    pub(crate) fn of(refusal: &Refusal) -> Self {
        Self::new(refusal.status(), refusal.told())
    }

    /// There is no such thing, or it is none of theirs.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("No {what} matches the given query."),
        )
    }

    /// It cannot be, as things stand.
    pub(crate) fn conflict(why: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::CONFLICT, why.to_string())
    }

    /// A sentence where Modoboa has it for some refusals, instead of `detail`; it stands in both.
    pub(crate) fn with_error(mut self) -> Self {
        if let Some(detail) = self.members.get("detail").cloned() {
            self.members.insert("error".to_owned(), detail);
        }
        self
    }

    /// The members as they are sent.
    pub(crate) fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert(
            "title".to_owned(),
            json!(self.status.canonical_reason().unwrap_or("Error")),
        );
        body.insert("status".to_owned(), json!(self.status.as_u16()));
        body.extend(self.members.clone());
        Value::Object(body)
    }
}

impl Faults {
    /// One fault of one field.
    pub(crate) fn one(field: &str, what: impl Into<String>) -> Self {
        let mut faults = Self::default();
        faults.add(field, what);
        faults
    }

    /// Adds what is wrong with a field; it may have several faults.
    pub(crate) fn add(&mut self, field: &str, what: impl Into<String>) {
        let what = Value::String(what.into());
        let there = self.0.entry(field).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = there {
            list.push(what);
        }
    }

    /// What is wrong within a field that has fields of its own, or several of them.
    pub(crate) fn within(&mut self, field: &str, faults: Self) {
        if !faults.0.is_empty() {
            self.0.insert(field.to_owned(), Value::Object(faults.0));
        }
    }

    /// Takes over what another has found.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Nothing where nothing is wrong.
    pub(crate) fn check(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.into())
        }
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            members: faults.0,
            log: None,
        }
    }
}

impl From<DirectoryError> for Problem {
    /// Why a database does not answer is for the log of the service: whoever asks cannot help it.
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Contradiction { .. } => Self::conflict(
                "Something else was written meanwhile that contradicts this; read again what is there.",
            ),
            DirectoryError::Unstorable { why, .. } => {
                Self::new(StatusCode::BAD_REQUEST, format!("A value cannot be kept: {why}."))
            }
            other => Self {
                log: Some(other.to_string()),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "The directory cannot be reached now; the service's log says why. Try again later.",
                )
            },
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON))];
        let body = self.body().to_string();
        let mut response = (self.status, kind, body).into_response();
        if let Some(why) = self.log {
            // The gate writes it into the log.
            response.extensions_mut().insert(Refusal::Internal(why));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_stand_where_scripts_look_for_them() {
        let mut inner = Faults::one("name", "This field may not be blank.");
        inner.add("name", "Twice.");
        let mut second = Faults::default();
        second.within("1", inner);
        let mut faults = Faults::one("port", "A valid integer is required.");
        faults.within("domains", second);
        faults.within("nothing", Faults::default());
        assert_eq!(
            Problem::from(faults).body(),
            json!({
                "title": "Bad Request",
                "status": 400,
                "port": ["A valid integer is required."],
                "domains": {"1": {"name": ["This field may not be blank.", "Twice."]}},
            })
        );
        let problem = Problem::not_found("Migration").with_error();
        assert_eq!(
            problem.body(),
            json!({
                "title": "Not Found",
                "status": 404,
                "detail": "No Migration matches the given query.",
                "error": "No Migration matches the given query.",
            })
        );
    }
}
