//! A PostfixAdmin database of any version, on MySQL, MariaDB, PostgreSQL or in a SQLite file, read at one moment.
//!
//! Versions and engines differ in which columns there are, and of which types. So the database is asked what it has, and for
//! every value as text: what the text means is decided in [`transhume_model::import::postfixadmin`].

mod dialect;
mod error;
mod location;
mod read;

use std::collections::BTreeMap;

use transhume_model::import::postfixadmin::{Source, Table};

pub use error::ForeignError;
pub use location::ForeignLocation;

/// What the tables are called.
#[derive(Clone, Debug, Default)]
pub struct TableNames {
    /// What every name begins with (`database_prefix`); may be empty.
    pub prefix: String,
    /// Tables with another name (`database_tables`), without the prefix.
    pub renamed: BTreeMap<Table, String>,
}

impl TableNames {
    /// The name of a table in the database.
    fn of(&self, table: Table) -> String {
        let name = self.renamed.get(&table).map_or(table.name(), String::as_str);
        format!("{}{name}", self.prefix)
    }
}

/// Reads a whole database. Nothing is written.
pub async fn read(at: &ForeignLocation, names: &TableNames) -> Result<Source, ForeignError> {
    read::database(at, names).await
}
