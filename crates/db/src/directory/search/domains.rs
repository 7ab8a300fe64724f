//! Domains and their other names.

use transhume_model::directory::{Directory, Domain, DomainAlias};
use transhume_model::rights::Scope;

use super::super::link::{Link, Value};
use super::super::lookup::each;
use super::super::{DirectoryError, DirectoryLocation, DirectoryPool, read};
use super::{Conditions, Found, Numbered, Paging, count, in_octets};

/// Which domains are wanted. What is `None` matters not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainSearch {
    /// With this text in their name.
    pub text: Option<String>,
    /// Enabled or not.
    pub enabled: Option<bool>,
    /// Local ones, or relay domains.
    pub local: Option<bool>,
}

/// A domain, with its number and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainRow {
    /// Its number.
    pub id: i64,
    /// The domain.
    pub domain: Domain,
    /// Mailboxes in it.
    pub mailboxes: u64,
    /// Aliases in it.
    pub aliases: u64,
    /// Other names of it.
    pub other_names: u64,
}

const NUMBERS: &str = "id, (SELECT count(*) FROM mailbox m WHERE m.domain = domain.name), \
                       (SELECT count(*) FROM alias s WHERE s.domain = domain.name), \
                       (SELECT count(*) FROM domain_alias d WHERE d.target = domain.name)";
/// Columns that [`read::DOMAINS`] and [`read::DOMAIN_ALIASES`] have.
const WIDTH: usize = 14;
const WIDTH_OF_ALIASES: usize = 4;

impl DirectoryPool {
    /// A page of the domains that match, by name.
    pub async fn search_domains(
        &self,
        scope: &Scope,
        search: &DomainSearch,
        paging: Paging,
    ) -> Result<Found<DomainRow>, DirectoryError> {
        let mut lent = self.lend().await?;
        let mut conditions = Conditions::new();
        conditions.within(scope, "name IN {}", None);
        conditions.has_text(&["name"], search.text.as_deref());
        if let Some(enabled) = search.enabled {
            conditions.add("enabled = ?", [Value::truth(enabled)]);
        }
        if let Some(local) = search.local {
            conditions.add("(kind = 'local') = ?", [Value::truth(local)]);
        }
        let total = count(lent.link(), self.location(), "domain", &conditions).await?;
        let rows = domains(lent.link(), self.location(), &conditions, paging).await?;
        Ok(Found { rows, total })
    }

    /// The domain of that number.
    pub async fn domain_within(&self, scope: &Scope, id: i64) -> Result<Option<DomainRow>, DirectoryError> {
        let mut conditions = Conditions::new();
        conditions.within(scope, "name IN {}", None);
        conditions.add("id = ?", [Value::number(id)]);
        let mut lent = self.lend().await?;
        let rows = domains(lent.link(), self.location(), &conditions, Paging::first(1)).await?;
        Ok(rows.into_iter().next())
    }

    /// A page of the other names of domains that have this text in either name.
    pub async fn search_domain_aliases(
        &self,
        scope: &Scope,
        text: Option<&str>,
        paging: Paging,
    ) -> Result<Found<Numbered<DomainAlias>>, DirectoryError> {
        let mut conditions = Conditions::new();
        conditions.within(scope, "target IN {}", None);
        conditions.has_text(&["name", "target"], text);
        let mut lent = self.lend().await?;
        let total = count(lent.link(), self.location(), "domain_alias", &conditions).await?;
        let rows = aliases(lent.link(), self.location(), &conditions, paging).await?;
        Ok(Found { rows, total })
    }

    /// The other name of that number.
    pub async fn domain_alias_within(
        &self,
        scope: &Scope,
        id: i64,
    ) -> Result<Option<Numbered<DomainAlias>>, DirectoryError> {
        let mut conditions = Conditions::new();
        conditions.within(scope, "target IN {}", None);
        conditions.add("id = ?", [Value::number(id)]);
        let mut lent = self.lend().await?;
        let rows = aliases(lent.link(), self.location(), &conditions, Paging::first(1)).await?;
        Ok(rows.into_iter().next())
    }
}

async fn domains(
    link: Link<'_>,
    at: &DirectoryLocation,
    conditions: &Conditions<'_>,
    paging: Paging,
) -> Result<Vec<DomainRow>, DirectoryError> {
    let columns = read::DOMAINS.replacen(" FROM ", &format!(", {NUMBERS} FROM "), 1);
    let order = in_octets(&link, "name");
    let question = format!(
        "{columns} WHERE {} ORDER BY {order}{}",
        conditions.text(),
        paging.clause()
    );
    let mut rows = Vec::new();
    each(link, at, "domain", question, conditions.values(), |row| {
        let mut found = Directory::default();
        read::domain(row, &mut found)?;
        if let Some((_, domain)) = found.domains.pop_first() {
            rows.push(DomainRow {
                id: row.number(WIDTH)?.unwrap_or_default(),
                mailboxes: row.count(WIDTH + 1)?,
                aliases: row.count(WIDTH + 2)?,
                other_names: row.count(WIDTH + 3)?,
                domain,
            });
        }
        Ok(())
    })
    .await?;
    Ok(rows)
}

async fn aliases(
    link: Link<'_>,
    at: &DirectoryLocation,
    conditions: &Conditions<'_>,
    paging: Paging,
) -> Result<Vec<Numbered<DomainAlias>>, DirectoryError> {
    let columns = read::DOMAIN_ALIASES.replacen(" FROM ", ", id FROM ", 1);
    let order = in_octets(&link, "name");
    let question = format!(
        "{columns} WHERE {} ORDER BY {order}{}",
        conditions.text(),
        paging.clause()
    );
    let mut rows = Vec::new();
    each(link, at, "domain_alias", question, conditions.values(), |row| {
        let mut found = Directory::default();
        read::domain_alias(row, &mut found)?;
        let id = row.number(WIDTH_OF_ALIASES)?.unwrap_or_default();
        let entry = found.domain_aliases.pop_first();
        rows.extend(entry.map(|(_, entry)| Numbered { id, entry }));
        Ok(())
    })
    .await?;
    Ok(rows)
}
