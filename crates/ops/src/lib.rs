//! What a person can ask of the directory: one file for each request.
//!
//! An operation reads, lets the model decide, shows, and carries out. It knows neither the command line nor HTTP: whoever
//! asks parses the question and renders the answer.

pub mod account;
pub mod add_migration;
pub mod admit_login;
pub mod check_provider;
pub mod convert_postfixadmin;
pub mod cut_over;
pub mod import_csv;
pub mod migration;
pub mod offlineimap_config;
mod old_server;
pub mod provider;
pub mod remove_domain;
pub mod serving;
