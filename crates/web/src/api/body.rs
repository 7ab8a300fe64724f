//! A request's body: JSON, a form, or a form with files, whichever its sender likes.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use serde_json::{Map, Value};

use super::fields::{Said, Sent, Shape};
use super::problem::Problem;

/// A body as it was sent, not looked at yet.
pub(crate) struct Body {
    /// Its fields.
    fields: Value,
    /// Its files, by field.
    files: BTreeMap<String, Bytes>,
}

impl Body {
    /// Reads it by a table.
    pub(crate) fn read(&self, shape: &Shape, sent: Sent) -> Result<Said, Problem> {
        Ok(shape.read(&self.fields, sent)?)
    }

    /// Takes a file out of it: what was sent as one, or else the text of a field.
    pub(crate) fn file(&mut self, field: &str) -> Option<Bytes> {
        let text = || self.fields.get(field)?.as_str().map(str::to_owned);
        match self.files.remove(field) {
            Some(file) => Some(file),
            None => text().map(Bytes::from),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let kind = kind
            .as_ref()
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        let essence = kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if essence == "multipart/form-data" {
            return parts(request, state).await;
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|refused| Problem::new(refused.status(), refused.body_text()))?;
        let fields = match essence.as_str() {
            _ if bytes.is_empty() => Value::Object(Map::new()),
            "application/json" => json(&bytes)?,
            "application/x-www-form-urlencoded" => form(&bytes),
            _ => {
                let shown: String = kind
                    .chars()
                    .filter(|letter| !letter.is_control())
                    .take(100)
                    .collect();
                let what = format!("Unsupported media type \"{shown}\" in request.");
                return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, what));
            }
        };
        Ok(Self {
            fields,
            files: BTreeMap::new(),
        })
    }
}

fn json(bytes: &[u8]) -> Result<Value, Problem> {
    // What is wrong is told by its place, never by what stands there: it may be a password.
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what = format!("JSON parse error - line {line} column {column}");
        Problem::new(StatusCode::BAD_REQUEST, what)
    })
}

fn form(bytes: &[u8]) -> Value {
    let pairs = form_urlencoded::parse(bytes);
    Value::Object(
        pairs
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect(),
    )
}

async fn parts<S: Send + Sync>(request: Request, state: &S) -> Result<Body, Problem> {
    let mut parts = Multipart::from_request(request, state)
        .await
        .map_err(|refused| Problem::new(refused.status(), refused.body_text()))?;
    let refused = |error: axum::extract::multipart::MultipartError| {
        Problem::new(
            error.status(),
            format!("Multipart form parse error - {}", error.body_text()),
        )
    };
    let mut fields = Map::new();
    let mut files = BTreeMap::new();
    while let Some(part) = parts.next_field().await.map_err(refused)? {
        let Some(name) = part.name().map(str::to_owned) else {
            continue;
        };
        let is_file = part.file_name().is_some();
        let bytes = part.bytes().await.map_err(refused)?;
        if is_file {
            files.insert(name, bytes);
        } else {
            fields.insert(name, Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(Body {
        fields: Value::Object(fields),
        files,
    })
}
