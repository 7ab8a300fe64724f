//! What has become of a change, as the API tells it.

use axum::http::StatusCode;
use transhume_ops::{ChangeError, Fault};

use super::problem::{Faults, Problem};

/// Why a change was not made. `what` is the name of what was to be changed; `field` says what a field of the operation is called
/// in the API.
pub(crate) fn refused(
    what: &str,
    field: impl Fn(&'static str) -> &'static str,
    error: ChangeError,
) -> Problem {
    match error {
        ChangeError::Unknown(_) => Problem::not_found(what),
        ChangeError::Denied(denied) => Problem::new(StatusCode::FORBIDDEN, denied.to_string()),
        ChangeError::Refused(found) => {
            let mut faults = Faults::default();
            for Fault { field: name, said } in found {
                match field(name) {
                    "" => faults.add("non_field_errors", said),
                    name => faults.add(name, said),
                }
            }
            faults.into()
        }
        ChangeError::Conflict(why) => Problem::conflict(why),
        ChangeError::Directory(error) => error.into(),
        ChangeError::Internal(why) => Problem::internal(why),
    }
}
