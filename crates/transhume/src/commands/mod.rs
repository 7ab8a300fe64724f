//! One file, or folder, for each command.

pub(crate) mod move_account;
pub(crate) mod move_all;
