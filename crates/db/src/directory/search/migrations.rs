//! Migrations, by address, phase, hold, provider, domain.

use std::collections::BTreeSet;

use transhume_model::directory::{DomainName, ProviderName};
use transhume_model::migration::{MigrationId, Phase};
use transhume_model::rights::Scope;

use super::super::link::{Link, Value};
use super::super::lookup::each;
use super::super::migration::{COLUMNS, MigrationRecord, WIDTH, record};
use super::super::{DirectoryError, DirectoryLocation, DirectoryPool};
use super::{Conditions, Found, Paging, count, in_octets};

/// Which migrations are wanted, and in which order. What is `None` matters not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationSearch {
    /// With this text in an address, the old one or the new.
    pub text: Option<String>,
    /// In this phase.
    pub phase: Option<Phase>,
    /// Held or not.
    pub held: Option<bool>,
    /// Held for this: [`transhume_model::migration::Hold::as_str`].
    pub hold: Option<String>,
    /// Not held, but passes came to nothing of late.
    pub failing: bool,
    /// From this provider.
    pub provider: Option<ProviderName>,
    /// Into this domain.
    pub domain: Option<DomainName>,
    /// By what they are ordered.
    pub sort: MigrationSort,
    /// The other way round.
    pub descending: bool,
}

/// By what migrations are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MigrationSort {
    /// The address here.
    #[default]
    Address,
    /// The address on the old server.
    OldAddress,
    /// Where they come from.
    Provider,
    /// How far they are, by phase.
    Phase,
    /// When they began.
    Created,
    /// When something of them changed.
    Changed,
    /// Octets that are still to come; those of which that is not known come last.
    Left,
}

/// A migration, with the numbers of what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationRow {
    /// The migration.
    pub record: MigrationRecord,
    /// The number of its mailbox.
    pub mailbox_id: i64,
    /// The number of its account.
    pub account_id: i64,
    /// The number of its provider.
    pub provider_id: i64,
}

impl MigrationSort {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Address,
        Self::OldAddress,
        Self::Provider,
        Self::Phase,
        Self::Created,
        Self::Changed,
        Self::Left,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::OldAddress => "old_address",
            Self::Provider => "provider",
            Self::Phase => "phase",
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Left => "left",
        }
    }

    /// What the word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == word)
    }
}

/// Numbers in one question.
const AT_A_TIME: usize = 500;

/// The numbers of what a migration belongs to.
const NUMBERS: &str = "(SELECT b.id FROM mailbox b WHERE b.address = migration.address) AS mailbox_id, \
                       (SELECT a.id FROM account a WHERE a.login = migration.login) AS account_id, \
                       (SELECT p.id FROM provider p WHERE p.name = migration.provider) AS provider_id";

impl DirectoryPool {
    /// A page of the migrations that match.
    pub async fn search_migrations(
        &self,
        scope: &Scope,
        search: &MigrationSearch,
        paging: Paging,
    ) -> Result<Found<MigrationRow>, DirectoryError> {
        let at = self.location();
        let mut lent = self.lend().await?;
        let conditions = conditions(scope, search);
        let total = count(lent.link(), at, "migration", &conditions).await?;
        let order = order(&lent.link(), search);
        // What is shown is looked up for the page alone.
        let question = format!(
            "SELECT {COLUMNS}, {NUMBERS} FROM migration WHERE id IN \
             (SELECT id FROM migration WHERE {} ORDER BY {order}{}) ORDER BY {order}",
            conditions.text(),
            paging.clause()
        );
        let rows = rows(lent.link(), at, question, conditions.values()).await?;
        Ok(Found { rows, total })
    }

    /// The migration of that number.
    pub async fn migration_within(
        &self,
        scope: &Scope,
        id: MigrationId,
    ) -> Result<Option<MigrationRow>, DirectoryError> {
        let search = MigrationSearch::default();
        let mut conditions = conditions(scope, &search);
        conditions.add("id = ?", [Value::number(id.0)]);
        let question = format!(
            "SELECT {COLUMNS}, {NUMBERS} FROM migration WHERE {}",
            conditions.text()
        );
        let mut lent = self.lend().await?;
        let mut rows = rows(lent.link(), self.location(), question, conditions.values()).await?;
        Ok(rows.pop())
    }

    /// The numbers of all migrations that match, in their order.
    pub async fn migration_ids(
        &self,
        scope: &Scope,
        search: &MigrationSearch,
    ) -> Result<Vec<MigrationId>, DirectoryError> {
        let mut lent = self.lend().await?;
        let conditions = conditions(scope, search);
        let order = order(&lent.link(), search);
        let question = format!(
            "SELECT id FROM migration WHERE {} ORDER BY {order}",
            conditions.text()
        );
        let mut ids = Vec::new();
        let values = conditions.values();
        each(
            lent.link(),
            self.location(),
            "migration",
            question,
            values,
            |row| {
                ids.push(MigrationId(row.number(0)?.unwrap_or_default()));
                Ok(())
            },
        )
        .await?;
        Ok(ids)
    }

    /// When the last of all changes of migrations was, in the milliseconds of [`Self::changed_since`]; 0 where there was none.
    pub async fn newest_change(&self) -> Result<i64, DirectoryError> {
        let question = "SELECT max(changed) FROM migration".to_owned();
        let mut newest = None;
        let mut lent = self.lend().await?;
        each(lent.link(), self.location(), "migration", question, &[], |row| {
            newest = row.number(0)?;
            Ok(())
        })
        .await?;
        Ok(newest.unwrap_or_default())
    }

    /// The migrations of these numbers.
    pub async fn migrations_of(
        &self,
        ids: &BTreeSet<MigrationId>,
    ) -> Result<Vec<MigrationRecord>, DirectoryError> {
        let ids: Vec<MigrationId> = ids.iter().copied().collect();
        let mut records = Vec::new();
        let mut lent = self.lend().await?;
        for ids in ids.chunks(AT_A_TIME) {
            let mut conditions = Conditions::new();
            let list = vec!["?"; ids.len()].join(", ");
            conditions.add(
                &format!("id IN ({list})"),
                ids.iter().map(|id| Value::number(id.0)),
            );
            let question = format!("SELECT {COLUMNS} FROM migration WHERE {}", conditions.text());
            let values = conditions.values();
            each(
                lent.link(),
                self.location(),
                "migration",
                question,
                values,
                |row| {
                    records.push(record(row)?);
                    Ok(())
                },
            )
            .await?;
        }
        Ok(records)
    }

    /// Migrations that have become something else since then (milliseconds since 1970 UTC, by the database's clock), the
    /// oldest change first, so many at most.
    pub async fn changed_since(&self, since: i64, most: u32) -> Result<Vec<MigrationRecord>, DirectoryError> {
        let question =
            format!("SELECT {COLUMNS} FROM migration WHERE changed >= $1 ORDER BY changed, id LIMIT {most}");
        let mut records = Vec::new();
        let mut lent = self.lend().await?;
        let values = [Value::number(since)];
        each(
            lent.link(),
            self.location(),
            "migration",
            question,
            &values,
            |row| {
                records.push(record(row)?);
                Ok(())
            },
        )
        .await?;
        Ok(records)
    }
}

/// That a migration lies within a scope, by the domain of its mailbox.
pub(super) fn within<'v>(conditions: &mut Conditions<'v>, scope: &'v Scope) {
    let of_domains = "address IN (SELECT address FROM mailbox WHERE domain IN {})";
    conditions.within(scope, of_domains, Some("login = ?"));
}

fn conditions<'v>(scope: &'v Scope, search: &'v MigrationSearch) -> Conditions<'v> {
    let mut conditions = Conditions::new();
    within(&mut conditions, scope);
    conditions.has_text(&["address", "old_address"], search.text.as_deref());
    if let Some(phase) = search.phase {
        conditions.add("phase = ?", [Value::text(phase.as_str())]);
    }
    if let Some(held) = search.held {
        conditions.add("(hold IS NOT NULL) = ?", [Value::truth(held)]);
    }
    if let Some(hold) = &search.hold {
        conditions.add("hold = ?", [Value::text(hold)]);
    }
    if search.failing {
        conditions.add(FAILING, []);
    }
    if let Some(provider) = &search.provider {
        let condition = "provider = (SELECT name FROM provider WHERE folded = ?)";
        conditions.add(condition, [Value::text(provider.folded())]);
    }
    if let Some(domain) = &search.domain {
        let condition = "address IN (SELECT address FROM mailbox WHERE domain = ?)";
        conditions.add(condition, [Value::text(domain.as_str())]);
    }
    conditions
}

/// Under way and not held, but passes came to nothing of late.
pub(super) const FAILING: &str =
    "hold IS NULL AND failures > 0 AND phase IN ('pending', 'seeding', 'following', 'finishing')";

fn order(link: &Link<'_>, search: &MigrationSearch) -> String {
    let way = if search.descending { " DESC" } else { "" };
    let by = match search.sort {
        MigrationSort::Address => in_octets(link, "address"),
        MigrationSort::OldAddress => in_octets(link, "old_address"),
        MigrationSort::Provider => in_octets(link, "provider"),
        MigrationSort::Phase => {
            let phases = Phase::ALL.iter().zip(0..);
            let cases = phases.map(|(phase, place)| format!("WHEN '{}' THEN {place} ", phase.as_str()));
            format!("CASE phase {}END", cases.collect::<String>())
        }
        MigrationSort::Created => "created".to_owned(),
        MigrationSort::Changed => "changed".to_owned(),
        MigrationSort::Left => return format!("octets_all IS NULL, octets_all - octets_done{way}, id"),
    };
    format!("{by}{way}, id{way}")
}

async fn rows(
    link: Link<'_>,
    at: &DirectoryLocation,
    question: String,
    values: &[Value<'_>],
) -> Result<Vec<MigrationRow>, DirectoryError> {
    let mut rows = Vec::new();
    each(link, at, "migration", question, values, |row| {
        let number = |column| -> Result<i64, sqlx::Error> { Ok(row.number(column)?.unwrap_or_default()) };
        rows.push(MigrationRow {
            mailbox_id: number(WIDTH)?,
            account_id: number(WIDTH + 1)?,
            provider_id: number(WIDTH + 2)?,
            record: record(row)?,
        });
        Ok(())
    })
    .await?;
    Ok(rows)
}
