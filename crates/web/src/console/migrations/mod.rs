//! Migrations: the list, what is done with many of them at once, the page of each.

mod begin;
mod list;
mod many;
mod one;
mod report;
mod row;

pub(super) use begin::{begin, new};
pub(super) use list::list;
pub(super) use many::bulk;
pub(super) use one::{Fact, delete, facts_for_owner, show, steer};
pub(super) use report::report;
pub(crate) use row::Row;
pub(super) use row::hold_said;
