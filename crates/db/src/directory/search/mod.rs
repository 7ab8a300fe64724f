//! Found among many: a page of what matches, of what lies within somebody's scope.
//!
//! What lies outside is not counted either: a foreign number is as unknown as one that was never given.

mod accounts;
mod aliases;
mod conditions;
mod domains;
mod migrations;
mod overview;
mod providers;

use transhume_model::directory::{AliasAddress, DomainName};

pub use accounts::{AccountRow, AccountSearch};
pub use aliases::AliasSearch;
pub(super) use conditions::Conditions;
pub use domains::{DomainRow, DomainSearch};
pub use migrations::{MigrationRow, MigrationSearch, MigrationSort};
pub use overview::Overview;
pub use providers::ProviderRow;

use super::link::{Link, Value};
use super::{DirectoryError, DirectoryLocation, DirectoryPool};

/// Which part of what is found is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paging {
    /// Which page, from 1 on.
    pub page: u32,
    /// How many a page holds.
    pub size: u32,
}

/// A page of what is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// The page.
    pub rows: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Something with its number in the database, which never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered<T> {
    /// The number.
    pub id: i64,
    /// What has it.
    pub entry: T,
}

impl Paging {
    /// All of it.
    pub const ALL: Self = Self {
        page: 1,
        size: u32::MAX,
    };

    /// The first so many.
    pub fn first(size: u32) -> Self {
        Self { page: 1, size }
    }

    pub(super) fn clause(self) -> String {
        let before = u64::from(self.page.max(1) - 1) * u64::from(self.size);
        format!(" LIMIT {} OFFSET {before}", self.size)
    }
}

impl DirectoryPool {
    /// The number of a domain.
    pub async fn domain_id(&self, name: &DomainName) -> Result<Option<i64>, DirectoryError> {
        self.number("SELECT id FROM domain WHERE name = $1", name.as_str())
            .await
    }

    /// The number of an alias.
    pub async fn alias_id(&self, address: &AliasAddress) -> Result<Option<i64>, DirectoryError> {
        let address = address.to_string();
        self.number("SELECT id FROM alias WHERE address = $1", &address)
            .await
    }

    /// The number of an account.
    pub async fn account_id(
        &self,
        login: &transhume_model::directory::Login,
    ) -> Result<Option<i64>, DirectoryError> {
        self.number("SELECT id FROM account WHERE login = $1", login.as_str())
            .await
    }

    async fn number(&self, question: &str, name: &str) -> Result<Option<i64>, DirectoryError> {
        let mut lent = self.lend().await?;
        let rows = lent.link().ask(question.to_owned(), &[Value::text(name)]).await;
        let rows = rows.map_err(|error| self.hear(error))?;
        let number = rows.first().map(|row| row.number(0)).transpose();
        Ok(number.map_err(|error| self.hear(error))?.flatten())
    }
}

/// Octet by octet in both engines.
fn in_octets(link: &Link<'_>, column: &str) -> String {
    if link.is_sqlite() {
        column.to_owned()
    } else {
        format!("{column} COLLATE \"C\"")
    }
}

/// How many rows of a table hold.
pub(super) async fn count(
    link: Link<'_>,
    at: &DirectoryLocation,
    from: &str,
    conditions: &Conditions<'_>,
) -> Result<u64, DirectoryError> {
    let question = format!("SELECT count(*) FROM {from} WHERE {}", conditions.text());
    let hear = |error| DirectoryError::heard(at, error);
    let rows = link.ask(question, conditions.values()).await.map_err(hear)?;
    let count = rows.first().map(|row| row.count(0)).transpose().map_err(hear)?;
    Ok(count.unwrap_or_default())
}
