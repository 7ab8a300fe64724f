//! One file, or folder, for each command; and what commands about one account have in common.

pub(crate) mod account;
pub(crate) mod move_account;
pub(crate) mod verify;
