//! The base of one account: its mailboxes, checkpoints and pairs.

use std::collections::BTreeSet;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};
use transhume_model::mail::{Checkpoint, MailboxName, Uid, UidValidity};
use transhume_model::plan::MailboxBase;

use crate::rows;
use crate::{DbError, Store};

/// Rows that one statement writes: beyond some hundreds a larger one is no faster.
pub(crate) const BATCH: usize = 500;

/// A mailbox's number in the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxId(pub(crate) i64);

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
    /// What it was called on the source when its first message was brought: its messages' marks are made of it.
    pub marked: MailboxName,
    /// What both sides last agreed on.
    pub base: MailboxBase,
}

/// One account's part of a [`Store`].
#[derive(Clone, Debug)]
pub struct Base {
    pub(crate) store: Store,
    pub(crate) account: i64,
}

impl Base {
    /// Finds the account by its two ends, or begins it.
    pub async fn open(store: Store, source: &str, target: &str) -> Result<Self, DbError> {
        let account = if let Some(account) = account_id(&store, source, target).await? {
            account
        } else {
            // Not by RETURNING: its row comes before the commit, and a commit that then fails goes unnoticed.
            let begin = sqlx::query("INSERT INTO account (source, target) VALUES (?, ?)");
            store
                .write(begin.bind(source).bind(target))
                .await?
                .last_insert_rowid()
        };
        Ok(Self { store, account })
    }

    /// Finds the account by its two ends; `None` when nothing is known of it.
    pub async fn find(store: Store, source: &str, target: &str) -> Result<Option<Self>, DbError> {
        let account = account_id(&store, source, target).await?;
        Ok(account.map(|account| Self { store, account }))
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
        self.store.write(query).await?;
        Ok(())
    }

    /// How many connections the source let us have at once when it last refused one; `None` while it never did.
    pub async fn connections(&self) -> Result<Option<u32>, DbError> {
        let sql = "SELECT connections FROM account WHERE id = ?";
        self.store.hear(
            sqlx::query_scalar(sql)
                .bind(self.account)
                .fetch_one(self.store.pool())
                .await,
        )
    }

    /// Records that.
    pub async fn set_connections(&self, connections: Option<u32>) -> Result<(), DbError> {
        let sql = "UPDATE account SET connections = ? WHERE id = ?";
        let query = sqlx::query(sql).bind(connections).bind(self.account);
        self.store.write(query).await?;
        Ok(())
    }

    /// Closes the file.
    pub async fn close(self) {
        self.store.close().await;
    }

    /// All mailboxes that earlier passes saw.
    pub async fn mailboxes(&self) -> Result<Vec<MailboxRecord>, DbError> {
        let sql = "SELECT id, source_name, target_name, marked_name, uid_validity, target_uid_validity, target_uid_next, agreed_uid_next, \
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
        let sql = "INSERT INTO mailbox (account, source_name, target_name) VALUES (?, ?, ?)";
        let query = sqlx::query(sql)
            .bind(self.account)
            .bind(rows::name_to_column(source))
            .bind(rows::name_to_column(target));
        Ok(MailboxId(self.store.write(query).await?.last_insert_rowid()))
    }

    /// The mailbox is called otherwise now, on the source and perhaps on the target. Its messages keep their marks.
    pub async fn rename_mailbox(
        &self,
        mailbox: MailboxId,
        source: &MailboxName,
        target: &MailboxName,
    ) -> Result<(), DbError> {
        let sql = "UPDATE mailbox SET marked_name = coalesce(marked_name, source_name), source_name = ?, \
                   target_name = ? WHERE id = ?";
        let query = sqlx::query(sql)
            .bind(rows::name_to_column(source))
            .bind(rows::name_to_column(target))
            .bind(mailbox.0);
        self.store.write(query).await?;
        Ok(())
    }

    /// Forgets what is known of the account's mailboxes but their names: its target is a new one.
    pub async fn forget_all(&self) -> Result<(), DbError> {
        let mut transaction = self.store.hear(self.store.pool().begin().await)?;
        for sql in [
            "DELETE FROM pair WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?)",
            "DELETE FROM earlier WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?)",
            "DELETE FROM quarantine WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?)",
            "DELETE FROM subscription WHERE account = ?",
            "UPDATE mailbox SET uid_validity = NULL, target_uid_validity = NULL, target_uid_next = NULL, \
             agreed_uid_next = NULL, agreed_mod_seq = NULL, agreed_messages = NULL WHERE account = ?",
        ] {
            let done = sqlx::query(sql)
                .bind(self.account)
                .execute(&mut *transaction)
                .await;
            self.store.hear(done)?;
        }
        self.store.commit(transaction).await
    }

    /// Forgets a mailbox's pairs and checkpoints: its target is a new one. What is staged stays staged.
    pub async fn restart(&self, mailbox: MailboxId) -> Result<(), DbError> {
        let mut transaction = self.store.hear(self.store.pool().begin().await)?;
        for sql in [
            "DELETE FROM pair WHERE mailbox = ? AND state <> 0",
            "DELETE FROM earlier WHERE mailbox = ?",
            "UPDATE mailbox SET target_uid_validity = NULL, target_uid_next = NULL, agreed_uid_next = NULL, \
             agreed_mod_seq = NULL, agreed_messages = NULL WHERE id = ?",
        ] {
            self.store
                .hear(sqlx::query(sql).bind(mailbox.0).execute(&mut *transaction).await)?;
        }
        self.store.commit(transaction).await
    }

    /// A mailbox's owner has removed it on the target: what was in it is gone, and it has no numbers any more.
    pub async fn let_go(&self, mailbox: MailboxId) -> Result<(), DbError> {
        let mut transaction = self.store.hear(self.store.pool().begin().await)?;
        for sql in [
            "UPDATE pair SET state = 2 WHERE mailbox = ? AND state = 1",
            "UPDATE mailbox SET target_uid_validity = NULL, target_uid_next = NULL, agreed_uid_next = NULL, \
             agreed_mod_seq = NULL, agreed_messages = NULL WHERE id = ?",
        ] {
            self.store
                .hear(sqlx::query(sql).bind(mailbox.0).execute(&mut *transaction).await)?;
        }
        self.store.commit(transaction).await
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

    /// Records that all that belongs into the target's mailbox is there, under the source's UIDs, and the target's numbers.
    pub async fn filled(
        &self,
        mailbox: MailboxId,
        target: UidValidity,
        target_uid_next: Uid,
    ) -> Result<(), DbError> {
        let mut transaction = self.store.hear(self.store.pool().begin().await)?;
        let sql = "UPDATE pair SET state = 1, target_uid = uid WHERE mailbox = ? AND state <> 2";
        self.store
            .hear(sqlx::query(sql).bind(mailbox.0).execute(&mut *transaction).await)?;
        let sql = "UPDATE mailbox SET target_uid_validity = ?, target_uid_next = ? WHERE id = ?";
        let query = sqlx::query(sql)
            .bind(target.get())
            .bind(target_uid_next.get())
            .bind(mailbox.0);
        self.store.hear(query.execute(&mut *transaction).await)?;
        self.store.commit(transaction).await
    }

    /// Records the target's numbers.
    pub async fn set_target(
        &self,
        mailbox: MailboxId,
        target: UidValidity,
        target_uid_next: Uid,
    ) -> Result<(), DbError> {
        let sql = "UPDATE mailbox SET target_uid_validity = ?, target_uid_next = ? WHERE id = ?";
        let query = sqlx::query(sql)
            .bind(target.get())
            .bind(target_uid_next.get())
            .bind(mailbox.0);
        self.store.write(query).await?;
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
        self.store.write(query).await?;
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
            "DELETE FROM quarantine WHERE mailbox = ?",
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
        self.store.commit(transaction).await
    }

    pub(crate) async fn write_in_batches<T>(
        &self,
        items: &[T],
        statement: impl for<'a> Fn(&mut QueryBuilder<Sqlite>, &'a [T]),
    ) -> Result<(), DbError> {
        if items.is_empty() {
            return Ok(());
        }
        if items.len() <= BATCH {
            // A statement by itself is all or nothing, too, and takes a third of the time.
            let mut builder = QueryBuilder::new("");
            statement(&mut builder, items);
            self.store.write(builder.build()).await?;
            return Ok(());
        }
        let mut transaction = self.store.hear(self.store.pool().begin().await)?;
        self.write_within(&mut transaction, items, statement).await?;
        self.store.commit(transaction).await
    }

    pub(crate) async fn write_within<T>(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        items: &[T],
        statement: impl for<'a> Fn(&mut QueryBuilder<Sqlite>, &'a [T]),
    ) -> Result<(), DbError> {
        for batch in items.chunks(BATCH) {
            let mut builder = QueryBuilder::new("");
            statement(&mut builder, batch);
            self.store
                .hear(builder.build().execute(&mut **transaction).await)?;
        }
        Ok(())
    }
}

async fn account_id(store: &Store, source: &str, target: &str) -> Result<Option<i64>, DbError> {
    let sql = "SELECT id FROM account WHERE source = ? AND target = ?";
    let query = sqlx::query_scalar(sql).bind(source).bind(target);
    store.hear(query.fetch_optional(store.pool()).await)
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
    let source = rows::name_from_column(row.get("source_name"))?;
    let marked: Option<&str> = row.get("marked_name");
    Some(MailboxRecord {
        id: MailboxId(row.get("id")),
        marked: marked
            .and_then(rows::name_from_column)
            .unwrap_or_else(|| source.clone()),
        source,
        target: rows::name_from_column(row.get("target_name"))?,
        base: MailboxBase {
            uid_validity,
            target_uid_validity: rows::uid_validity(row.get("target_uid_validity")),
            target_uid_next: row.get::<Option<i64>, _>("target_uid_next").and_then(rows::uid),
            agreed,
        },
    })
}
