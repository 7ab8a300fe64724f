//! Messages that the source has no longer, where removals are followed.

use sqlx::{QueryBuilder, Row};
use transhume_model::mail::Uid;
use transhume_model::plan::Absent;

use crate::base::BATCH;
use crate::pairs::{pair, push_uid_in};
use crate::{Base, DbError, MailboxId};

impl Base {
    /// Those of these pairs that there are, for who asks because the source does not list them.
    pub async fn absent(&self, mailbox: MailboxId, uids: &[Uid]) -> Result<Vec<Absent>, DbError> {
        let mut absent = Vec::new();
        for batch in uids.chunks(BATCH) {
            let mut builder = QueryBuilder::new(
                "SELECT uid, state, system_flags, keywords, target_name, missing_since FROM pair WHERE mailbox = ",
            );
            builder.push_bind(mailbox.0);
            push_uid_in(&mut builder, batch);
            let found = builder.build().fetch_all(self.store.pool()).await;
            absent.extend(self.store.hear(found)?.iter().filter_map(|row| {
                let pair = pair(row)?;
                Some(Absent {
                    uid: pair.uid,
                    state: pair.state,
                    flags: pair.flags,
                    target_name: pair.target_name,
                    missing_since: row.get("missing_since"),
                })
            }));
        }
        Ok(absent)
    }

    /// Since when that message of the account is missing that was missed last.
    pub async fn last_missed(&self) -> Result<Option<i64>, DbError> {
        let sql =
            "SELECT max(missing_since) FROM pair WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?)";
        self.store.hear(
            sqlx::query_scalar(sql)
                .bind(self.account)
                .fetch_one(self.store.pool())
                .await,
        )
    }

    /// Records since when messages are missing on the source; `None` when they are there again.
    pub async fn set_missing(
        &self,
        mailbox: MailboxId,
        uids: &[Uid],
        since: Option<i64>,
    ) -> Result<(), DbError> {
        self.write_in_batches(uids, |builder, batch| {
            builder.push("UPDATE pair SET missing_since = ").push_bind(since);
            builder.push(" WHERE mailbox = ").push_bind(mailbox.0);
            push_uid_in(builder, batch);
        })
        .await
    }

    /// Forgets pairs of which neither side is left, or that are none any more.
    pub async fn drop_pairs(&self, mailbox: MailboxId, uids: &[Uid]) -> Result<(), DbError> {
        self.write_in_batches(uids, |builder, batch| {
            builder
                .push("DELETE FROM pair WHERE mailbox = ")
                .push_bind(mailbox.0);
            push_uid_in(builder, batch);
        })
        .await
    }
}
