//! Providers, with their numbers. There are few: all are read.

use std::collections::BTreeMap;

use transhume_model::directory::{DomainName, Provider};
use transhume_model::rights::Scope;

use super::super::lookup::each;
use super::super::{DirectoryError, DirectoryPool, read};

/// A provider, with its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRow {
    /// Its number.
    pub id: i64,
    /// The provider.
    pub provider: Provider,
    /// The numbers of its domains there. They stay when the provider is changed.
    pub domain_ids: BTreeMap<DomainName, i64>,
    /// How many migrations come from it.
    pub migrations: u64,
}

const NUMBERS: &str =
    "SELECT name, id, (SELECT count(*) FROM migration g WHERE g.provider = provider.name) FROM provider";
const DOMAIN_NUMBERS: &str = "SELECT old_domain, id FROM provider_domain";

impl DirectoryPool {
    /// The providers within a scope, by name.
    pub async fn providers_within(&self, scope: &Scope) -> Result<Vec<ProviderRow>, DirectoryError> {
        let mut numbers = BTreeMap::new();
        let mut domain_ids = BTreeMap::new();
        let at = self.location();
        let providers = self.providers().await?;
        let mut lent = self.lend().await?;
        each(lent.link(), at, "provider", NUMBERS.to_owned(), &[], |row| {
            let id = row.number(1)?.unwrap_or_default();
            numbers.insert(row.text(0)?, (id, row.count(2)?));
            Ok(())
        })
        .await?;
        each(
            lent.link(),
            at,
            "provider_domain",
            DOMAIN_NUMBERS.to_owned(),
            &[],
            |row| {
                let name = read::spelled(&row.text(0)?, DomainName::parse)?;
                domain_ids.insert(name, row.number(1)?.unwrap_or_default());
                Ok(())
            },
        )
        .await?;
        let rows = providers
            .into_iter()
            .filter(|provider| scope.has_provider(provider));
        let rows = rows.filter_map(|provider| {
            // Another may have removed it since.
            let (id, migrations) = *numbers.get(provider.name.as_str())?;
            let of_it = |old: &DomainName| Some((old.clone(), *domain_ids.get(old)?));
            Some(ProviderRow {
                id,
                domain_ids: provider.domains.keys().filter_map(of_it).collect(),
                provider,
                migrations,
            })
        });
        Ok(rows.collect())
    }

    /// The provider of that number.
    pub async fn provider_within(
        &self,
        scope: &Scope,
        id: i64,
    ) -> Result<Option<ProviderRow>, DirectoryError> {
        let mut rows = self.providers_within(scope).await?.into_iter();
        Ok(rows.find(|row| row.id == id))
    }
}
