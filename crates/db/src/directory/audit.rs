//! Who did what.

use super::link::Value;
use super::lookup::each;
use super::search::{Conditions, Found, Paging};
use super::{DirectoryError, DirectoryPool, DirectoryTransaction};

/// Something that somebody does.
#[derive(Clone, Copy, Debug)]
pub struct NewAudit<'a> {
    /// Now, in seconds since 1970 UTC.
    pub at: i64,
    /// Who.
    pub login: &'a str,
    /// Where from; `None` is this machine.
    pub network: Option<&'a str>,
    /// The word for what they do.
    pub did: &'a str,
    /// The name of what they do it to; may be empty.
    pub what: &'a str,
    /// More about it, without secrets; may be empty.
    pub details: &'a str,
}

/// Something that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// When, in seconds since 1970 UTC.
    pub at: i64,
    /// Who.
    pub login: String,
    /// Where from; `None` is this machine.
    pub network: Option<String>,
    /// The word for what they did.
    pub did: String,
    /// The name of what they did it to; may be empty.
    pub what: String,
    /// More about it; may be empty.
    pub details: String,
}

/// What of it is wanted. What is `None` matters not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSearch {
    /// With this text in who did it, or to what.
    pub text: Option<String>,
    /// This word.
    pub did: Option<String>,
}

impl DirectoryTransaction<'_> {
    /// Keeps what somebody does, if the rest of the transaction is kept.
    pub async fn note(&mut self, new: NewAudit<'_>) -> Result<(), DirectoryError> {
        let statement =
            "INSERT INTO audit (at, login, network, did, what, details) VALUES ($1, $2, $3, $4, $5, $6)";
        // PostgreSQL has no NUL in its texts.
        let plain = |text: &str| Value::Text(Some(text.replace('\0', "\u{fffd}").into()));
        let values = [
            Value::number(new.at),
            plain(new.login),
            Value::text_or_none(new.network),
            plain(new.did),
            plain(new.what),
            plain(new.details),
        ];
        let link = self.transaction.link();
        let written = link.write(statement.to_owned(), &values, true).await;
        written
            .map(drop)
            .map_err(|error| DirectoryError::heard(self.at, error))
    }
}

impl DirectoryPool {
    /// A page of what was done, the newest first.
    pub async fn search_audit(
        &self,
        search: &AuditSearch,
        paging: Paging,
    ) -> Result<Found<AuditRecord>, DirectoryError> {
        let mut conditions = Conditions::new();
        conditions.has_text(&["lower(login)", "lower(what)"], search.text.as_deref());
        if let Some(did) = &search.did {
            conditions.add("did = ?", [Value::text(did)]);
        }
        let at = self.location();
        let mut lent = self.lend().await?;
        let total = super::search::count(lent.link(), at, "audit", &conditions).await?;
        let question = format!(
            "SELECT at, login, network, did, what, details FROM audit WHERE {} ORDER BY id DESC{}",
            conditions.text(),
            paging.clause()
        );
        let mut rows = Vec::new();
        each(lent.link(), at, "audit", question, conditions.values(), |row| {
            rows.push(AuditRecord {
                at: row.number(0)?.unwrap_or_default(),
                login: row.text(1)?,
                network: row.text_or_none(2)?,
                did: row.text(3)?,
                what: row.text(4)?,
                details: row.text(5)?,
            });
            Ok(())
        })
        .await?;
        Ok(Found { rows, total })
    }
}
