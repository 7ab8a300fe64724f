//! Real database servers for tests: own directory, own port on 127.0.0.1, gone when dropped, or when the test program ends.
//!
//! Starting one takes a second, a database in it milliseconds: `shared()` gives all tests of a program the same server, and
//! each makes databases of its own.

mod mariadb;
mod postgres;
mod process;

pub use mariadb::Mariadb;
pub use postgres::Postgres;

/// The user that the URLs name. It may do everything.
pub const USER: &str = "transhume";

/// Its password: with characters that a URL has to escape.
pub const PASSWORD: &str = "p:w/d@ %s#1";

/// [`PASSWORD`], as a URL spells it.
const PASSWORD_IN_URLS: &str = "p%3Aw%2Fd%40%20%25s%231";
