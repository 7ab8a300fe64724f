//! What the base knows, for who compares both sides with it. Nothing here writes.

use std::collections::HashSet;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use transhume_model::mail::{Digest, Uid};
use transhume_model::verify::Known;

use crate::pairs::{flags, push_uid_in, state};
use crate::rows;
use crate::{Base, DbError, MailboxId};

const COLUMNS: &str = "SELECT uid, state, system_flags, keywords, internal_date, size, line_feeds, digest, target_uid, \
                       target_name FROM pair WHERE mailbox = ";

/// UIDs, or digests, that one statement asks for.
const BATCH: usize = 500;

impl Base {
    /// What is known of source messages in a range of UIDs, both ends included: up to `limit`, ascending.
    pub async fn known(
        &self,
        mailbox: MailboxId,
        (first, last): (Uid, Uid),
        limit: usize,
    ) -> Result<Vec<Known>, DbError> {
        let mut query = QueryBuilder::new(COLUMNS);
        query.push_bind(mailbox.0);
        query.push(" AND uid BETWEEN ").push_bind(first.get());
        query.push(" AND ").push_bind(last.get());
        query.push(" ORDER BY uid LIMIT ");
        query.push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        self.all_known(query).await
    }

    /// What is known of these source messages, in no order.
    pub async fn known_among(&self, mailbox: MailboxId, uids: &[Uid]) -> Result<Vec<Known>, DbError> {
        let mut found = Vec::with_capacity(uids.len());
        for batch in uids.chunks(BATCH) {
            let mut query = QueryBuilder::new(COLUMNS);
            query.push_bind(mailbox.0);
            push_uid_in(&mut query, batch);
            found.append(&mut self.all_known(query).await?);
        }
        Ok(found)
    }

    /// The source messages whose counterparts do not bear their mark, with the counterparts' names.
    pub async fn named(&self, mailbox: MailboxId) -> Result<Vec<(Uid, String)>, DbError> {
        let sql =
            "SELECT uid, target_name FROM pair WHERE mailbox = ? AND state = 1 AND target_name IS NOT NULL";
        let found: Vec<(i64, String)> = self.store.hear(
            sqlx::query_as(sql)
                .bind(mailbox.0)
                .fetch_all(self.store.pool())
                .await,
        )?;
        Ok(found
            .into_iter()
            .filter_map(|(uid, name)| Some((rows::uid(uid)?, name)))
            .collect())
    }

    /// The source messages that have these bytes.
    pub async fn of_digests(
        &self,
        mailbox: MailboxId,
        digests: &[Digest],
    ) -> Result<Vec<(Digest, Uid)>, DbError> {
        let mut all = Vec::new();
        for batch in digests.chunks(BATCH) {
            let mut query = QueryBuilder::new("SELECT digest, uid FROM pair WHERE mailbox = ");
            query.push_bind(mailbox.0).push(" AND digest IN (");
            let mut list = query.separated(", ");
            for digest in batch {
                list.push_bind(digest.as_bytes().to_vec());
            }
            query.push(")");
            let found: Vec<(Vec<u8>, i64)> = self
                .store
                .hear(query.build_query_as().fetch_all(self.store.pool()).await)?;
            all.extend(
                found
                    .iter()
                    .filter_map(|(digest, uid)| Some((rows::digest(digest)?, rows::uid(*uid)?))),
            );
        }
        Ok(all)
    }

    /// How long the mailbox's messages are, with every line ended by CRLF: in octets, each length once.
    pub async fn sizes(&self, mailbox: MailboxId) -> Result<HashSet<u64>, DbError> {
        let sql = "SELECT DISTINCT size + line_feeds FROM pair WHERE mailbox = ?";
        let found: Vec<i64> = self.store.hear(
            sqlx::query_scalar(sql)
                .bind(mailbox.0)
                .fetch_all(self.store.pool())
                .await,
        )?;
        Ok(found.into_iter().map(i64::cast_unsigned).collect())
    }

    async fn all_known(&self, mut query: QueryBuilder<Sqlite>) -> Result<Vec<Known>, DbError> {
        let found = query.build().fetch_all(self.store.pool()).await;
        Ok(self.store.hear(found)?.iter().filter_map(known).collect())
    }
}

fn known(row: &SqliteRow) -> Option<Known> {
    Some(Known {
        uid: rows::uid(row.get("uid"))?,
        state: state(row),
        flags: flags(row),
        internal_date: rows::date(row.get("internal_date")),
        size: row.get::<i64, _>("size").cast_unsigned(),
        line_feeds: row.get::<i64, _>("line_feeds").cast_unsigned(),
        digest: rows::digest(row.get("digest"))?,
        target_uid: row.get::<Option<i64>, _>("target_uid").and_then(rows::uid),
        was_there: row.get::<Option<String>, _>("target_name").is_some(),
    })
}
