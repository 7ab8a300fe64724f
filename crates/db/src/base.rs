//! The base of one account: its mailboxes, checkpoints and pairs.

use std::collections::{BTreeSet, HashMap};

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};
use transhume_model::mail::{Checkpoint, Digest, FlagSet, InternalDate, MailboxName, Uid, UidValidity};
use transhume_model::plan::{MailboxBase, Pair, PairState};

use crate::rows;
use crate::{DbError, Store};

/// Rows that one statement writes: beyond some hundreds a larger one is no faster.
const BATCH: usize = 500;

const STAGED: i64 = 0;
const PLACED: i64 = 1;
const GONE: i64 = 2;

/// A mailbox's number in the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxId(i64);

impl MailboxId {
    /// No mailbox of any base: it has no pairs.
    pub const NONE: Self = Self(0);
}

/// A mailbox as the base knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxRecord {
    /// Its number.
    pub id: MailboxId,
    /// On the source.
    pub source: MailboxName,
    /// On the target.
    pub target: MailboxName,
    /// What both sides last agreed on.
    pub base: MailboxBase,
}

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

/// One account's part of a [`Store`].
#[derive(Clone, Debug)]
pub struct Base {
    store: Store,
    account: i64,
}

impl Base {
    /// Finds the account by its two ends, or begins it.
    pub async fn open(store: Store, source: &str, target: &str) -> Result<Self, DbError> {
        let find = "SELECT id FROM account WHERE source = ? AND target = ?";
        let found: Option<i64> = store.hear(
            sqlx::query_scalar(find)
                .bind(source)
                .bind(target)
                .fetch_optional(store.pool())
                .await,
        )?;
        let account = if let Some(account) = found {
            account
        } else {
            let begin = "INSERT INTO account (source, target) VALUES (?, ?) RETURNING id";
            store.hear(
                sqlx::query_scalar(begin)
                    .bind(source)
                    .bind(target)
                    .fetch_one(store.pool())
                    .await,
            )?
        };
        Ok(Self { store, account })
    }

    /// Which target the pairs speak of, as [`Base::set_target_identity`] recorded it.
    pub async fn target_identity(&self) -> Result<Option<String>, DbError> {
        let sql = "SELECT target_identity FROM account WHERE id = ?";
        self.store.hear(
            sqlx::query_scalar(sql)
                .bind(self.account)
                .fetch_one(self.store.pool())
                .await,
        )
    }

    /// Records which target the pairs speak of.
    pub async fn set_target_identity(&self, identity: &str) -> Result<(), DbError> {
        let sql = "UPDATE account SET target_identity = ? WHERE id = ?";
        let query = sqlx::query(sql).bind(identity).bind(self.account);
        self.store.hear(query.execute(self.store.pool()).await)?;
        Ok(())
    }

    /// Closes the file.
    pub async fn close(self) {
        self.store.close().await;
    }

    /// All mailboxes that earlier passes saw.
    pub async fn mailboxes(&self) -> Result<Vec<MailboxRecord>, DbError> {
        let sql = "SELECT id, source_name, target_name, uid_validity, target_uid_validity, agreed_uid_next, \
                   agreed_mod_seq, agreed_messages FROM mailbox WHERE account = ? ORDER BY id";
        let found = sqlx::query(sql)
            .bind(self.account)
            .fetch_all(self.store.pool())
            .await;
        Ok(self
            .store
            .hear(found)?
            .iter()
            .filter_map(mailbox_record)
            .collect())
    }

    /// Enters a mailbox that no pass has seen before.
    pub async fn add_mailbox(
        &self,
        source: &MailboxName,
        target: &MailboxName,
    ) -> Result<MailboxId, DbError> {
        let sql = "INSERT INTO mailbox (account, source_name, target_name) VALUES (?, ?, ?) RETURNING id";
        let id = sqlx::query_scalar(sql)
            .bind(self.account)
            .bind(rows::name_to_column(source))
            .bind(rows::name_to_column(target))
            .fetch_one(self.store.pool())
            .await;
        Ok(MailboxId(self.store.hear(id)?))
    }

    /// Forgets everything about the account's mailboxes: its target is a new one.
    pub async fn forget_all(&self) -> Result<(), DbError> {
        let mut transaction = self.store.hear(self.store.pool().begin().await)?;
        for sql in [
            "DELETE FROM pair WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?)",
            "DELETE FROM earlier WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?)",
            "DELETE FROM mailbox WHERE account = ?",
            "DELETE FROM subscription WHERE account = ?",
        ] {
            self.store.hear(
                sqlx::query(sql)
                    .bind(self.account)
                    .execute(&mut *transaction)
                    .await,
            )?;
        }
        self.store.hear(transaction.commit().await)
    }

    /// Forgets a mailbox's pairs and checkpoints: its target is a new one. What is staged stays staged.
    pub async fn restart(&self, mailbox: MailboxId) -> Result<(), DbError> {
        let mut transaction = self.store.hear(self.store.pool().begin().await)?;
        for sql in [
            "DELETE FROM pair WHERE mailbox = ? AND state <> 0",
            "DELETE FROM earlier WHERE mailbox = ?",
            "UPDATE mailbox SET uid_validity = NULL, target_uid_validity = NULL, agreed_uid_next = NULL, \
             agreed_mod_seq = NULL, agreed_messages = NULL WHERE id = ?",
        ] {
            self.store
                .hear(sqlx::query(sql).bind(mailbox.0).execute(&mut *transaction).await)?;
        }
        self.store.hear(transaction.commit().await)
    }

    /// The target's names of mailboxes that were subscribed to before.
    pub async fn subscriptions(&self) -> Result<BTreeSet<MailboxName>, DbError> {
        let sql = "SELECT name FROM subscription WHERE account = ?";
        let found = sqlx::query_scalar(sql)
            .bind(self.account)
            .fetch_all(self.store.pool())
            .await;
        let names: Vec<String> = self.store.hear(found)?;
        Ok(names
            .iter()
            .filter_map(|name| rows::name_from_column(name))
            .collect())
    }

    /// Records that mailboxes have been subscribed to.
    pub async fn add_subscriptions(&self, names: &[MailboxName]) -> Result<(), DbError> {
        self.write_in_batches(names, |builder, batch| {
            builder.push("INSERT OR IGNORE INTO subscription (account, name) ");
            builder.push_values(batch, |mut row, name| {
                row.push_bind(self.account).push_bind(rows::name_to_column(name));
            });
        })
        .await
    }

    /// The pairs of a range of source UIDs, ascending, both ends included.
    pub async fn pairs(&self, mailbox: MailboxId, first: Uid, last: Uid) -> Result<Vec<Pair>, DbError> {
        let sql = "SELECT uid, state, system_flags, keywords FROM pair \
                   WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid";
        let found = sqlx::query(sql)
            .bind(mailbox.0)
            .bind(first.get())
            .bind(last.get())
            .fetch_all(self.store.pool())
            .await;
        Ok(self.store.hear(found)?.iter().filter_map(pair).collect())
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
        Ok(rows.into_iter().map(|(message, _)| message).collect())
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
        self.messages_after(sql, mailbox, after, limit).await
    }

    async fn messages_after(
        &self,
        sql: &'static str,
        mailbox: MailboxId,
        after: Option<Uid>,
        limit: u32,
    ) -> Result<Vec<(StagedMessage, PairState)>, DbError> {
        let found = sqlx::query(sql)
            .bind(mailbox.0)
            .bind(after.map_or(0, Uid::get))
            .bind(limit)
            .fetch_all(self.store.pool())
            .await;
        let rows = self.store.hear(found)?;
        Ok(rows
            .iter()
            .filter_map(|row| Some((staged_message(row)?, state(row))))
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
        self.write_in_batches(placed, |builder, batch| {
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
        })
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
        self.write_in_batches(uids, |builder, batch| {
            builder.push("UPDATE pair SET state = ").push_bind(GONE);
            builder.push(" WHERE mailbox = ").push_bind(mailbox.0);
            push_uid_in(builder, batch);
        })
        .await
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

    /// Records the numbers under which the target's mailbox was filled.
    pub async fn filled(
        &self,
        mailbox: MailboxId,
        source: Option<UidValidity>,
        target: UidValidity,
    ) -> Result<(), DbError> {
        let sql = "UPDATE mailbox SET uid_validity = ?, target_uid_validity = ? WHERE id = ?";
        let query = sqlx::query(sql)
            .bind(source.map(UidValidity::get))
            .bind(target.get())
            .bind(mailbox.0);
        self.store.hear(query.execute(self.store.pool()).await)?;
        Ok(())
    }

    /// Records the source's checkpoint at which nothing was left to do.
    pub async fn agree(&self, mailbox: MailboxId, checkpoint: &Checkpoint) -> Result<(), DbError> {
        let sql =
            "UPDATE mailbox SET agreed_uid_next = ?, agreed_mod_seq = ?, agreed_messages = ? WHERE id = ?";
        let query = sqlx::query(sql)
            .bind(checkpoint.uid_next.map(Uid::get))
            .bind(checkpoint.highest_mod_seq.map(|mod_seq| mod_seq.0.cast_signed()))
            .bind(checkpoint.messages)
            .bind(mailbox.0);
        self.store.hear(query.execute(self.store.pool()).await)?;
        Ok(())
    }

    /// The source has numbered the mailbox's messages anew: its pairs become digests to recognise them by.
    pub async fn renumber(&self, mailbox: MailboxId, source: Option<UidValidity>) -> Result<(), DbError> {
        let mut transaction = self.store.hear(self.store.pool().begin().await)?;
        for sql in [
            "INSERT INTO earlier (mailbox, digest, copies) \
             SELECT mailbox, digest, count(*) FROM pair WHERE mailbox = ? AND state <> 0 GROUP BY mailbox, digest \
             ON CONFLICT (mailbox, digest) DO UPDATE SET copies = copies + excluded.copies",
            "DELETE FROM pair WHERE mailbox = ?",
        ] {
            self.store
                .hear(sqlx::query(sql).bind(mailbox.0).execute(&mut *transaction).await)?;
        }
        let sql = "UPDATE mailbox SET uid_validity = ?, agreed_uid_next = NULL, agreed_mod_seq = NULL, \
                   agreed_messages = NULL WHERE id = ?";
        let query = sqlx::query(sql)
            .bind(source.map(UidValidity::get))
            .bind(mailbox.0);
        self.store.hear(query.execute(&mut *transaction).await)?;
        self.store.hear(transaction.commit().await)
    }

    /// Takes one of the earlier copies of a message, if there is one: it was on the target before.
    pub async fn take_earlier(&self, mailbox: MailboxId, digest: &Digest) -> Result<bool, DbError> {
        let sql = "UPDATE earlier SET copies = copies - 1 WHERE mailbox = ? AND digest = ? AND copies > 0";
        let query = sqlx::query(sql).bind(mailbox.0).bind(digest.as_bytes().to_vec());
        Ok(self
            .store
            .hear(query.execute(self.store.pool()).await)?
            .rows_affected()
            > 0)
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

    async fn write_in_batches<T>(
        &self,
        items: &[T],
        statement: impl for<'a> Fn(&mut QueryBuilder<Sqlite>, &'a [T]),
    ) -> Result<(), DbError> {
        if items.is_empty() {
            return Ok(());
        }
        let mut transaction = self.store.hear(self.store.pool().begin().await)?;
        for batch in items.chunks(BATCH) {
            let mut builder = QueryBuilder::new("");
            statement(&mut builder, batch);
            self.store
                .hear(builder.build().execute(&mut *transaction).await)?;
        }
        self.store.hear(transaction.commit().await)
    }
}

fn push_uid_in(builder: &mut QueryBuilder<Sqlite>, uids: &[Uid]) {
    builder.push(" AND uid IN (");
    let mut list = builder.separated(", ");
    for uid in uids {
        list.push_bind(uid.get());
    }
    builder.push(")");
}

fn mailbox_record(row: &SqliteRow) -> Option<MailboxRecord> {
    let uid_validity = rows::uid_validity(row.get("uid_validity"));
    let agreed = row
        .get::<Option<i64>, _>("agreed_messages")
        .map(|messages| Checkpoint {
            uid_validity,
            uid_next: row.get::<Option<i64>, _>("agreed_uid_next").and_then(rows::uid),
            highest_mod_seq: row.get::<Option<i64>, _>("agreed_mod_seq").map(rows::mod_seq),
            messages: u32::try_from(messages).unwrap_or(u32::MAX),
        });
    Some(MailboxRecord {
        id: MailboxId(row.get("id")),
        source: rows::name_from_column(row.get("source_name"))?,
        target: rows::name_from_column(row.get("target_name"))?,
        base: MailboxBase {
            uid_validity,
            target_uid_validity: rows::uid_validity(row.get("target_uid_validity")),
            agreed,
        },
    })
}

fn flags(row: &SqliteRow) -> FlagSet {
    rows::flags_from_columns(row.get("system_flags"), row.get("keywords"))
}

fn pair(row: &SqliteRow) -> Option<Pair> {
    let state = match row.get("state") {
        STAGED => PairState::Staged,
        PLACED => PairState::Placed,
        _ => PairState::Gone,
    };
    Some(Pair {
        uid: rows::uid(row.get("uid"))?,
        state,
        flags: flags(row),
    })
}

fn state(row: &SqliteRow) -> PairState {
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
