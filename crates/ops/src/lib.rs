//! What a person can ask of the directory: one file for each request.
//!
//! An operation reads, lets the model decide, shows, and carries out. It knows neither the command line nor HTTP: whoever
//! asks parses the question and renders the answer.
//!
//! What is asked through a page or the API is [`Asked`] in somebody's name: it looks whose things they may change, and notes
//! who did it. On the command line, whoever may read the directory's password may do everything.

pub mod account;
pub mod add_migration;
pub mod admit_login;
mod asked;
pub mod audit;
pub mod begin_migration;
pub mod change_account;
pub mod change_alias;
pub mod change_domain;
pub mod change_provider;
pub mod change_settings;
pub mod check_provider;
pub mod convert_postfixadmin;
pub mod cut_over;
mod digest;
pub mod first_start;
pub mod folders;
pub mod import_csv;
pub mod migration;
mod new_password;
pub mod offlineimap_config;
mod old_server;
pub mod own_profile;
pub mod platform;
pub mod provider;
pub mod remove_domain;
pub mod serving;
pub mod sign_in;
pub mod steer;
pub mod upload;

pub use asked::{Asked, ChangeError, Fault};
pub use new_password::SHORTEST as SHORTEST_PASSWORD;
