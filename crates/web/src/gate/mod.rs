//! The one place where it is decided who may ask what.
//!
//! Every page and every question to the API is a [`Route`]: its path, its method, and the right that it takes. What is not in
//! that table does not exist, and nothing reaches a handler before the gate has found out who asks ([`Visitor`], [`Caller`]),
//! whether they may, and whether they ask too often. The model says who may ([`transhume_model::rights`]).

mod guard;
mod headers;
pub(crate) mod refusal;
mod route;
mod router;
pub(crate) mod session;
mod throttles;
mod visitor;

pub(crate) use refusal::Refusal;
pub(crate) use route::Route;
pub use route::{Entrance, Kind};
pub(crate) use router::{routes, table};
pub(crate) use throttles::Throttles;
pub(crate) use visitor::{Caller, Origin, Visitor};
