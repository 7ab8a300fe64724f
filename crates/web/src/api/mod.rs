//! The API, for programs.

use crate::gate::Route;

/// What programs can ask for.
pub(crate) fn routes() -> Vec<Route> {
    Vec::new()
}
