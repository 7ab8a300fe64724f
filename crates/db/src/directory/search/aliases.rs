//! Aliases, by address, recipient, domain.

use transhume_model::directory::{Alias, Directory, DomainName};
use transhume_model::rights::Scope;

use super::super::link::{Link, Value};
use super::super::lookup::each;
use super::super::migration::escaped;
use super::super::{DirectoryError, DirectoryLocation, DirectoryPool, read};
use super::{Conditions, Found, Numbered, Paging, count, in_octets};

/// Which aliases are wanted. What is `None` matters not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AliasSearch {
    /// With this text in their address, or in one of their recipients.
    pub text: Option<String>,
    /// In use or not.
    pub enabled: Option<bool>,
    /// Of this domain.
    pub domain: Option<DomainName>,
}

/// Columns that [`read::ALIASES`] has.
const WIDTH: usize = 4;

impl DirectoryPool {
    /// A page of the aliases that match, by address.
    pub async fn search_aliases(
        &self,
        scope: &Scope,
        search: &AliasSearch,
        paging: Paging,
    ) -> Result<Found<Numbered<Alias>>, DirectoryError> {
        let mut conditions = Conditions::new();
        conditions.within(scope, "domain IN {}", None);
        if let Some(text) = search
            .text
            .as_deref()
            .map(str::trim)
            .filter(|text| !text.is_empty())
        {
            let pattern = format!("%{}%", escaped(&text.to_lowercase()));
            let value = Value::Text(Some(pattern.into()));
            let condition = "(address LIKE ? ESCAPE '!' \
                             OR address IN (SELECT address FROM alias_recipient WHERE recipient LIKE ? ESCAPE '!'))";
            conditions.add(condition, [value.clone(), value]);
        }
        if let Some(enabled) = search.enabled {
            conditions.add("enabled = ?", [Value::truth(enabled)]);
        }
        if let Some(domain) = &search.domain {
            conditions.add("domain = ?", [Value::text(domain.as_str())]);
        }
        let mut lent = self.lend().await?;
        let total = count(lent.link(), self.location(), "alias", &conditions).await?;
        let rows = rows(lent.link(), self.location(), &conditions, paging).await?;
        Ok(Found { rows, total })
    }

    /// The alias of that number.
    pub async fn alias_within(
        &self,
        scope: &Scope,
        id: i64,
    ) -> Result<Option<Numbered<Alias>>, DirectoryError> {
        let mut conditions = Conditions::new();
        conditions.within(scope, "domain IN {}", None);
        conditions.add("id = ?", [Value::number(id)]);
        let mut lent = self.lend().await?;
        let rows = rows(lent.link(), self.location(), &conditions, Paging::first(1)).await?;
        Ok(rows.into_iter().next())
    }
}

async fn rows(
    mut link: Link<'_>,
    at: &DirectoryLocation,
    conditions: &Conditions<'_>,
    paging: Paging,
) -> Result<Vec<Numbered<Alias>>, DirectoryError> {
    let columns = read::ALIASES.replacen(" FROM ", ", id FROM ", 1);
    let order = in_octets(&link, "address");
    let (text, clause) = (conditions.text(), paging.clause());
    let question = format!("{columns} WHERE {text} ORDER BY {order}{clause}");
    let mut found = Directory::default();
    let mut order_of_rows = Vec::new();
    each(link.same(), at, "alias", question, conditions.values(), |row| {
        let mut one = Directory::default();
        read::alias(row, &mut one)?;
        let id = row.number(WIDTH)?.unwrap_or_default();
        for (address, alias) in one.aliases {
            order_of_rows.push((id, address.clone()));
            found.aliases.insert(address, alias);
        }
        Ok(())
    })
    .await?;
    // The conditions' columns are those of aliases, so they are told again.
    let question = format!(
        "{} WHERE address IN (SELECT address FROM alias WHERE {text} ORDER BY {order}{clause})",
        read::RECIPIENTS
    );
    each(
        link,
        at,
        "alias_recipient",
        question,
        conditions.values(),
        |row| read::recipient(row, &mut found),
    )
    .await?;
    let numbered = order_of_rows.into_iter().filter_map(|(id, address)| {
        let entry = found.aliases.remove(&address)?;
        Some(Numbered { id, entry })
    });
    Ok(numbered.collect())
}
