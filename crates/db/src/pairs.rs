//! The pairs of one mailbox: source messages and what became of them on the target.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use transhume_model::mail::{Digest, FlagSet, InternalDate, Uid};
use transhume_model::plan::{Pair, PairState, Sample};

use crate::base::BATCH;
use crate::rows;
use crate::{Base, DbError, MailboxId};

const STAGED: i64 = 0;
const PLACED: i64 = 1;
const GONE: i64 = 2;

/// A message whose bytes lie safely on the target, but not yet in its mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedMessage {
    /// On the source.
    pub uid: Uid,
    /// The source's flags.
    pub flags: FlagSet,
    /// When it arrived on the source.
    pub internal_date: InternalDate,
    /// Octets.
    pub size: u64,
    /// Line feeds without a carriage return before them.
    pub line_feeds: u64,
    /// SHA-256 of the octets.
    pub digest: Digest,
}

/// Where a message went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// On the source.
    pub uid: Uid,
    /// On the target, where it is known.
    pub target_uid: Option<Uid>,
    /// The name of the target message, where it does not bear the mark of this source message.
    pub target_name: Option<String>,
}

impl Base {
    /// The pairs of a range of source UIDs, ascending, both ends included.
    pub async fn pairs(&self, mailbox: MailboxId, first: Uid, last: Uid) -> Result<Vec<Pair>, DbError> {
        let sql = "SELECT uid, state, system_flags, keywords, target_name, missing_since FROM pair \
                   WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid";
        let found = sqlx::query(sql)
            .bind(mailbox.0)
            .bind(first.get())
            .bind(last.get())
            .fetch_all(self.store.pool())
            .await;
        Ok(self.store.hear(found)?.iter().filter_map(pair).collect())
    }

    /// The pairs of these source UIDs, ascending.
    pub async fn pairs_of(&self, mailbox: MailboxId, uids: &[Uid]) -> Result<Vec<Pair>, DbError> {
        let mut pairs = Vec::new();
        for batch in uids.chunks(BATCH) {
            let mut builder = QueryBuilder::new(
                "SELECT uid, state, system_flags, keywords, target_name, missing_since FROM pair WHERE mailbox = ",
            );
            builder.push_bind(mailbox.0);
            push_uid_in(&mut builder, batch);
            let found = builder.build().fetch_all(self.store.pool()).await;
            pairs.extend(self.store.hear(found)?.iter().filter_map(pair));
        }
        pairs.sort_by_key(|pair| pair.uid);
        Ok(pairs)
    }

    /// Some messages of the mailbox to know it again by: up to half of `count` from either end.
    pub async fn samples(&self, mailbox: MailboxId, count: u32) -> Result<Vec<Sample>, DbError> {
        let mut samples = Vec::new();
        for sql in [
            "SELECT uid, size, internal_date FROM pair WHERE mailbox = ? ORDER BY uid LIMIT ?",
            "SELECT uid, size, internal_date FROM pair WHERE mailbox = ? ORDER BY uid DESC LIMIT ?",
        ] {
            let found = sqlx::query(sql)
                .bind(mailbox.0)
                .bind(count.div_ceil(2))
                .fetch_all(self.store.pool())
                .await;
            samples.extend(self.store.hear(found)?.iter().filter_map(|row| {
                Some(Sample {
                    uid: rows::uid(row.get("uid"))?,
                    size: row.get::<i64, _>("size").cast_unsigned(),
                    internal_date: rows::date(row.get("internal_date")),
                })
            }));
        }
        samples.sort_by_key(|sample| sample.uid);
        samples.dedup();
        Ok(samples)
    }

    /// Whether the mailbox has any pair.
    pub async fn has_pairs(&self, mailbox: MailboxId) -> Result<bool, DbError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM pair WHERE mailbox = ?)";
        self.store.hear(
            sqlx::query_scalar(sql)
                .bind(mailbox.0)
                .fetch_one(self.store.pool())
                .await,
        )
    }

    /// How many pairs the mailbox has.
    pub async fn count_pairs(&self, mailbox: MailboxId) -> Result<u64, DbError> {
        let sql = "SELECT count(*) FROM pair WHERE mailbox = ?";
        let count = sqlx::query_scalar(sql)
            .bind(mailbox.0)
            .fetch_one(self.store.pool());
        Ok(self.store.hear::<i64>(count.await)?.cast_unsigned())
    }

    /// Records messages as staged. One that was staged before is replaced.
    pub async fn stage(&self, mailbox: MailboxId, staged: &[StagedMessage]) -> Result<(), DbError> {
        self.write_in_batches(staged, |builder, batch| {
            builder.push(
                "INSERT OR REPLACE INTO pair (mailbox, uid, state, system_flags, keywords, internal_date, \
                 size, line_feeds, digest) ",
            );
            builder.push_values(batch, |mut row, message| {
                row.push_bind(mailbox.0)
                    .push_bind(message.uid.get())
                    .push_bind(STAGED)
                    .push_bind(message.flags.system_bits())
                    .push_bind(rows::keywords_to_column(&message.flags))
                    .push_bind(message.internal_date.unix())
                    .push_bind(message.size.cast_signed())
                    .push_bind(message.line_feeds.cast_signed())
                    .push_bind(message.digest.as_bytes().to_vec());
            });
        })
        .await
    }

    /// Up to `limit` staged messages above `after`, ascending by UID.
    pub async fn staged(
        &self,
        mailbox: MailboxId,
        after: Option<Uid>,
        limit: u32,
    ) -> Result<Vec<StagedMessage>, DbError> {
        let sql = "SELECT * FROM pair WHERE mailbox = ? AND state = 0 AND uid > ? ORDER BY uid LIMIT ?";
        let rows = self.messages_after(sql, mailbox, after, limit).await?;
        Ok(rows.into_iter().map(|(message, ..)| message).collect())
    }

    /// Up to `limit` messages above `after` that belong into the target's mailbox under their own mark, staged or placed,
    /// ascending by UID.
    pub async fn belonging(
        &self,
        mailbox: MailboxId,
        after: Option<Uid>,
        limit: u32,
    ) -> Result<Vec<(StagedMessage, PairState)>, DbError> {
        let sql = "SELECT * FROM pair WHERE mailbox = ? AND state <> 2 AND target_name IS NULL AND uid > ? \
                   ORDER BY uid LIMIT ?";
        let rows = self.messages_after(sql, mailbox, after, limit).await?;
        Ok(rows
            .into_iter()
            .map(|(message, state, _)| (message, state))
            .collect())
    }

    /// Up to `limit` messages above `after` that belong into the target's mailbox, staged or placed, ascending by UID; each
    /// with the name that it has there where it does not bear its own mark.
    pub async fn belonging_by_any_name(
        &self,
        mailbox: MailboxId,
        after: Option<Uid>,
        limit: u32,
    ) -> Result<Vec<(StagedMessage, PairState, Option<String>)>, DbError> {
        let sql = "SELECT * FROM pair WHERE mailbox = ? AND state <> 2 AND uid > ? ORDER BY uid LIMIT ?";
        self.messages_after(sql, mailbox, after, limit).await
    }

    async fn messages_after(
        &self,
        sql: &'static str,
        mailbox: MailboxId,
        after: Option<Uid>,
        limit: u32,
    ) -> Result<Vec<(StagedMessage, PairState, Option<String>)>, DbError> {
        let found = sqlx::query(sql)
            .bind(mailbox.0)
            .bind(after.map_or(0, Uid::get))
            .bind(limit)
            .fetch_all(self.store.pool())
            .await;
        let rows = self.store.hear(found)?;
        Ok(rows
            .iter()
            .filter_map(|row| Some((staged_message(row)?, state(row), row.get("target_name"))))
            .collect())
    }

    /// The keywords of a mailbox's staged messages with the number of messages that have them, most frequent first.
    pub async fn staged_keywords(&self, mailbox: MailboxId) -> Result<Vec<(String, u64)>, DbError> {
        let sql = "SELECT keywords, count(*) FROM pair WHERE mailbox = ? AND state = 0 AND keywords IS NOT NULL \
                   GROUP BY keywords";
        let found: Vec<(String, i64)> = self.store.hear(
            sqlx::query_as(sql)
                .bind(mailbox.0)
                .fetch_all(self.store.pool())
                .await,
        )?;
        let mut counts: HashMap<String, u64> = HashMap::new();
        for (words, messages) in &found {
            for word in words.split(' ') {
                *counts.entry(word.to_owned()).or_default() += messages.cast_unsigned();
            }
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(counts)
    }

    /// Records that staged messages are in the target's mailbox.
    pub async fn place(&self, mailbox: MailboxId, placed: &[Placed]) -> Result<(), DbError> {
        self.write_in_batches(placed, |builder, batch| push_place(builder, mailbox, batch))
            .await
    }

    /// Forgets staged messages whose bytes are no longer on the target: they are carried again.
    pub async fn unstage(&self, mailbox: MailboxId, uids: &[Uid]) -> Result<(), DbError> {
        self.write_in_batches(uids, |builder, batch| {
            builder
                .push("DELETE FROM pair WHERE state = 0 AND mailbox = ")
                .push_bind(mailbox.0);
            push_uid_in(builder, batch);
        })
        .await
    }

    /// Records that the owner has removed messages on the target.
    pub async fn forget(&self, mailbox: MailboxId, uids: &[Uid]) -> Result<(), DbError> {
        self.write_in_batches(uids, |builder, batch| push_forget(builder, mailbox, batch))
            .await
    }

    /// Records messages that were recognised by their bytes, in one stroke: those that are there under another name, those
    /// that their owner has removed, and the earlier copies that both have used up.
    pub async fn recognise(
        &self,
        mailbox: MailboxId,
        placed: &[Placed],
        gone: &[Uid],
        used_up: &[Digest],
    ) -> Result<(), DbError> {
        let mut transaction = self.store.hear(self.store.pool().begin().await)?;
        self.write_within(&mut transaction, placed, |builder, batch| {
            push_place(builder, mailbox, batch);
        })
        .await?;
        self.write_within(&mut transaction, gone, |builder, batch| {
            push_forget(builder, mailbox, batch);
        })
        .await?;
        for digest in used_up {
            let sql = "UPDATE earlier SET copies = copies - 1 WHERE mailbox = ? AND digest = ?";
            let query = sqlx::query(sql).bind(mailbox.0).bind(digest.as_bytes().to_vec());
            self.store.hear(query.execute(&mut *transaction).await)?;
        }
        self.store.commit(transaction).await
    }

    /// How many earlier copies of each message there are that no message has used up.
    pub async fn earlier(&self, mailbox: MailboxId) -> Result<HashMap<Digest, u64>, DbError> {
        let sql = "SELECT digest, copies FROM earlier WHERE mailbox = ? AND copies > 0";
        let found: Vec<(Vec<u8>, i64)> = self.store.hear(
            sqlx::query_as(sql)
                .bind(mailbox.0)
                .fetch_all(self.store.pool())
                .await,
        )?;
        let known = found
            .iter()
            .filter_map(|(digest, copies)| Some((rows::digest(digest)?, copies.cast_unsigned())));
        Ok(known.collect())
    }

    /// Adds to the suspicion against a message, and gives its weight from then on.
    pub async fn suspect(&self, mailbox: MailboxId, uid: Uid, weight: u32) -> Result<u32, DbError> {
        let sql = "INSERT INTO suspect (mailbox, uid, weight) VALUES (?, ?, ?) \
                   ON CONFLICT (mailbox, uid) DO UPDATE SET weight = weight + excluded.weight";
        let query = sqlx::query(sql).bind(mailbox.0).bind(uid.get()).bind(weight);
        self.store.write(query).await?;
        let sql = "SELECT weight FROM suspect WHERE mailbox = ? AND uid = ?";
        let query = sqlx::query_scalar(sql).bind(mailbox.0).bind(uid.get());
        self.store.hear(query.fetch_one(self.store.pool()).await)
    }

    /// Brings the account's messages of at least this weight of suspicion down to another.
    pub async fn ease_suspicion(&self, least: u32, to: u32) -> Result<(), DbError> {
        let sql = "UPDATE suspect SET weight = ? WHERE weight >= ? \
                   AND mailbox IN (SELECT id FROM mailbox WHERE account = ?)";
        let query = sqlx::query(sql).bind(to).bind(least).bind(self.account);
        self.store.write(query).await?;
        Ok(())
    }

    /// The messages under suspicion, ascending, with their weights; those in quarantine for another reason have none.
    pub async fn suspects(&self, mailbox: MailboxId) -> Result<Vec<(Uid, u32)>, DbError> {
        let sql = "SELECT uid, max(weight) FROM (SELECT uid, weight FROM suspect WHERE mailbox = ? \
                   UNION ALL SELECT uid, 0 FROM quarantine WHERE mailbox = ?) GROUP BY uid ORDER BY uid";
        let found: Vec<(i64, u32)> = self.store.hear(
            sqlx::query_as(sql)
                .bind(mailbox.0)
                .bind(mailbox.0)
                .fetch_all(self.store.pool())
                .await,
        )?;
        Ok(found
            .into_iter()
            .filter_map(|(uid, weight)| Some((rows::uid(uid)?, weight)))
            .collect())
    }

    /// Records the source's flags that both sides now agree on.
    pub async fn agree_flags(&self, mailbox: MailboxId, flags: &[(Uid, FlagSet)]) -> Result<(), DbError> {
        self.write_in_batches(flags, |builder, batch| {
            builder.push("WITH agreed (uid, system_flags, keywords) AS (");
            builder.push_values(batch, |mut row, (uid, flags)| {
                row.push_bind(uid.get())
                    .push_bind(flags.system_bits())
                    .push_bind(rows::keywords_to_column(flags));
            });
            builder.push(") UPDATE pair SET system_flags = agreed.system_flags, keywords = agreed.keywords");
            builder
                .push(" FROM agreed WHERE pair.uid = agreed.uid AND pair.mailbox = ")
                .push_bind(mailbox.0);
        })
        .await
    }

    /// The sizes of the staged messages as Dovecot will serve them: with a carriage return before each line feed.
    pub async fn staged_sizes(&self, mailbox: MailboxId) -> Result<HashSet<u64>, DbError> {
        let sql = "SELECT DISTINCT size + line_feeds FROM pair WHERE mailbox = ? AND state = 0";
        let found: Vec<i64> = self.store.hear(
            sqlx::query_scalar(sql)
                .bind(mailbox.0)
                .fetch_all(self.store.pool())
                .await,
        )?;
        Ok(found.into_iter().map(i64::cast_unsigned).collect())
    }

    /// The names of target messages that are paired without bearing their mark.
    pub async fn paired_names(&self, mailbox: MailboxId) -> Result<Vec<String>, DbError> {
        let sql = "SELECT target_name FROM pair WHERE mailbox = ? AND target_name IS NOT NULL";
        self.store.hear(
            sqlx::query_scalar(sql)
                .bind(mailbox.0)
                .fetch_all(self.store.pool())
                .await,
        )
    }

    /// The UIDs of placed messages on the source and on the target, where the latter are known, ascending by the former.
    pub async fn target_uids(&self, mailbox: MailboxId) -> Result<Vec<(Uid, Uid)>, DbError> {
        let sql = "SELECT uid, target_uid FROM pair WHERE mailbox = ? AND state = 1 AND target_uid IS NOT NULL \
                   ORDER BY uid";
        let found: Vec<(i64, i64)> = self.store.hear(
            sqlx::query_as(sql)
                .bind(mailbox.0)
                .fetch_all(self.store.pool())
                .await,
        )?;
        let pairs = found.iter();
        Ok(pairs
            .filter_map(|&(uid, target)| Some((rows::uid(uid)?, rows::uid(target)?)))
            .collect())
    }

    /// Whether any message has another UID on the target than on the source.
    pub async fn has_renumbered(&self, mailbox: MailboxId) -> Result<bool, DbError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM pair WHERE mailbox = ? AND target_uid <> uid)";
        self.store.hear(
            sqlx::query_scalar(sql)
                .bind(mailbox.0)
                .fetch_one(self.store.pool())
                .await,
        )
    }

    /// Whether the mailbox has earlier copies that are not taken yet.
    pub async fn has_earlier(&self, mailbox: MailboxId) -> Result<bool, DbError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM earlier WHERE mailbox = ? AND copies > 0)";
        self.store.hear(
            sqlx::query_scalar(sql)
                .bind(mailbox.0)
                .fetch_one(self.store.pool())
                .await,
        )
    }

    /// How many of the mailbox's messages are staged, placed and gone.
    pub async fn counts(&self, mailbox: MailboxId) -> Result<(u64, u64, u64), DbError> {
        let sql = "SELECT state, count(*) FROM pair WHERE mailbox = ? GROUP BY state";
        let found: Vec<(i64, i64)> = self.store.hear(
            sqlx::query_as(sql)
                .bind(mailbox.0)
                .fetch_all(self.store.pool())
                .await,
        )?;
        let count = |state| {
            found
                .iter()
                .find(|(found, _)| *found == state)
                .map_or(0, |(_, messages)| messages.cast_unsigned())
        };
        Ok((count(STAGED), count(PLACED), count(GONE)))
    }
}

fn push_place(builder: &mut QueryBuilder<Sqlite>, mailbox: MailboxId, batch: &[Placed]) {
    builder.push("WITH placed (uid, target_uid, target_name) AS (");
    builder.push_values(batch, |mut row, placed| {
        row.push_bind(placed.uid.get())
            .push_bind(placed.target_uid.map(Uid::get))
            .push_bind(placed.target_name.clone());
    });
    builder.push(") UPDATE pair SET state = ").push_bind(PLACED);
    builder.push(", target_uid = placed.target_uid, target_name = placed.target_name FROM placed");
    builder
        .push(" WHERE pair.uid = placed.uid AND pair.mailbox = ")
        .push_bind(mailbox.0);
}

fn push_forget(builder: &mut QueryBuilder<Sqlite>, mailbox: MailboxId, uids: &[Uid]) {
    builder.push("UPDATE pair SET state = ").push_bind(GONE);
    builder.push(" WHERE mailbox = ").push_bind(mailbox.0);
    push_uid_in(builder, uids);
}

pub(crate) fn push_uid_in(builder: &mut QueryBuilder<Sqlite>, uids: &[Uid]) {
    builder.push(" AND uid IN (");
    let mut list = builder.separated(", ");
    for uid in uids {
        list.push_bind(uid.get());
    }
    builder.push(")");
}

pub(crate) fn flags(row: &SqliteRow) -> FlagSet {
    rows::flags_from_columns(row.get("system_flags"), row.get("keywords"))
}

pub(crate) fn pair(row: &SqliteRow) -> Option<Pair> {
    let state = match row.get("state") {
        STAGED => PairState::Staged,
        PLACED => PairState::Placed,
        _ => PairState::Gone,
    };
    Some(Pair {
        uid: rows::uid(row.get("uid"))?,
        state,
        flags: flags(row),
        target_name: row.get("target_name"),
        was_missing: row.get::<Option<i64>, _>("missing_since").is_some(),
    })
}

pub(crate) fn state(row: &SqliteRow) -> PairState {
    match row.get("state") {
        STAGED => PairState::Staged,
        PLACED => PairState::Placed,
        _ => PairState::Gone,
    }
}

fn staged_message(row: &SqliteRow) -> Option<StagedMessage> {
    Some(StagedMessage {
        uid: rows::uid(row.get("uid"))?,
        flags: flags(row),
        internal_date: rows::date(row.get("internal_date")),
        size: row.get::<i64, _>("size").cast_unsigned(),
        line_feeds: row.get::<i64, _>("line_feeds").cast_unsigned(),
        digest: rows::digest(row.get("digest"))?,
    })
}
