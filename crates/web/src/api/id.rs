//! What stands in a path: the number of something, or its name.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;
use crate::gate::Refusal;

/// What stands in a path. What cannot be one is that of nothing.
pub(crate) struct Id<T = i64>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = Path::from_request_parts(parts, state).await;
        match found {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(Problem::of(&Refusal::NotFound)),
        }
    }
}
