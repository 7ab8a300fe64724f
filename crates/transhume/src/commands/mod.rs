//! One file, or folder, for each command; and what commands have in common.

pub(crate) mod account;
pub(crate) mod check_provider;
pub(crate) mod config;
pub(crate) mod convert;
pub(crate) mod directory;
pub(crate) mod domain;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod migration;
pub(crate) mod move_account;
pub(crate) mod move_all;
pub(crate) mod offlineimap;
pub(crate) mod people;
pub(crate) mod provider;
pub(crate) mod report;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod verify;
pub(crate) mod work;
