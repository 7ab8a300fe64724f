//! Providers: the list, the wizard that makes one, the page that changes one.

mod check;
mod domains;
mod edit;
mod general;
mod list;
mod well_known;
mod wizard;

pub(super) use edit::{change, delete, show};
pub(super) use list::list;
pub(super) use wizard::{wizard, wizard_step};
