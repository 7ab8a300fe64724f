//! Accounts, by login, name, role, domain.

use transhume_model::directory::{Account, Directory, DomainName, Role};
use transhume_model::migration::MigrationId;
use transhume_model::rights::Scope;

use super::super::link::{Link, Value};
use super::super::lookup::each;
use super::super::{DirectoryError, DirectoryLocation, DirectoryPool, read};
use super::{Conditions, Found, Paging, count, in_octets};

/// Which accounts are wanted. What is `None` matters not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSearch {
    /// With this text in login, address or name.
    pub text: Option<String>,
    /// Of this role.
    pub role: Option<Role>,
    /// Enabled or not.
    pub enabled: Option<bool>,
    /// With a mailbox in this domain.
    pub domain: Option<DomainName>,
}

/// An account, with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountRow {
    /// Its number.
    pub id: i64,
    /// That of its mailbox.
    pub mailbox_id: Option<i64>,
    /// The account.
    pub account: Account,
    /// Its migration.
    pub migration: Option<MigrationId>,
}

const FROM: &str = "account a LEFT JOIN mailbox m ON m.login = a.login";
/// Columns that [`read::ACCOUNTS`] has.
const WIDTH: usize = 15;

impl DirectoryPool {
    /// A page of the accounts that match, by login.
    pub async fn search_accounts(
        &self,
        scope: &Scope,
        search: &AccountSearch,
        paging: Paging,
    ) -> Result<Found<AccountRow>, DirectoryError> {
        let mut lent = self.lend().await?;
        let conditions = conditions(scope, search);
        let total = count(lent.link(), self.location(), FROM, &conditions).await?;
        let rows = rows(lent.link(), self.location(), &conditions, paging).await?;
        Ok(Found { rows, total })
    }

    /// The account of that number.
    pub async fn account_within(&self, scope: &Scope, id: i64) -> Result<Option<AccountRow>, DirectoryError> {
        let search = AccountSearch::default();
        let mut conditions = conditions(scope, &search);
        conditions.add("a.id = ?", [Value::number(id)]);
        let mut lent = self.lend().await?;
        let rows = rows(lent.link(), self.location(), &conditions, Paging::first(1)).await?;
        Ok(rows.into_iter().next())
    }
}

fn conditions<'v>(scope: &'v Scope, search: &'v AccountSearch) -> Conditions<'v> {
    let mut conditions = Conditions::new();
    conditions.within(scope, "m.domain IN {}", Some("a.login = ?"));
    let columns = [
        "a.login",
        "m.address",
        "lower(a.first_name)",
        "lower(a.last_name)",
    ];
    conditions.has_text(&columns, search.text.as_deref());
    if let Some(role) = search.role {
        conditions.add("a.role = ?", [Value::text(role.as_str())]);
    }
    if let Some(enabled) = search.enabled {
        conditions.add("a.enabled = ?", [Value::truth(enabled)]);
    }
    if let Some(domain) = &search.domain {
        conditions.add("m.domain = ?", [Value::text(domain.as_str())]);
    }
    conditions
}

async fn rows(
    mut link: Link<'_>,
    at: &DirectoryLocation,
    conditions: &Conditions<'_>,
    paging: Paging,
) -> Result<Vec<AccountRow>, DirectoryError> {
    let numbers = "a.id, m.id, (SELECT g.id FROM migration g WHERE g.login = a.login)";
    let columns = read::ACCOUNTS.replacen(" FROM ", &format!(", {numbers} FROM "), 1);
    let order = in_octets(&link, "a.login");
    let question = format!(
        "{columns} WHERE {} ORDER BY {order}{}",
        conditions.text(),
        paging.clause()
    );
    let mut rows: Vec<AccountRow> = Vec::new();
    each(link.same(), at, "account", question, conditions.values(), |row| {
        let mut found = Directory::default();
        read::account(row, &mut found)?;
        if let Some((_, account)) = found.accounts.pop_first() {
            rows.push(AccountRow {
                id: row.number(WIDTH)?.unwrap_or_default(),
                mailbox_id: row.number(WIDTH + 1)?,
                migration: row.number(WIDTH + 2)?.map(MigrationId),
                account,
            });
        }
        Ok(())
    })
    .await?;
    for row in rows
        .iter_mut()
        .filter(|row| row.account.role != Role::SimpleUsers)
    {
        let question = format!("{} WHERE login = $1", read::ADMINISTRATORS);
        let login = row.account.login.clone();
        let mut found = Directory::default();
        found.accounts.insert(login.clone(), row.account.clone());
        let values = [Value::text(login.as_str())];
        each(link.same(), at, "administrator", question, &values, |row| {
            read::administrator(row, &mut found)
        })
        .await?;
        row.account.administers = found
            .accounts
            .remove(&login)
            .map(|account| account.administers)
            .unwrap_or_default();
    }
    Ok(rows)
}
