//! Quarantine: the messages that stay behind, and why.
//!
//! A message goes in when a pass ends without it, and comes out when it is on the target, or the source numbers its messages
//! anew. One that the source removes stays on record, and does no harm there: nobody asks for it, and nothing tells of it.
//! Every pass tries every one of them, by itself and last of all. There is no growing distance between tries: one costs one
//! short command, and the pass that must not leave a message out is the last one before the old server is switched off.

use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use transhume_model::mail::{InternalDate, Uid};

use crate::rows;
use crate::{Base, DbError, MailboxId};

/// A message that stays behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// On the source.
    pub uid: Uid,
    /// Why, in plain words, as of the last try.
    pub reason: String,
    /// When a pass first ended without it.
    pub first_seen: InternalDate,
    /// When a pass last ended without it.
    pub last_tried: InternalDate,
    /// How many passes have ended without it.
    pub tries: u32,
}

impl Base {
    /// Records that a pass has ended without these messages.
    pub async fn quarantine(
        &self,
        mailbox: MailboxId,
        messages: &[(Uid, String)],
        now: InternalDate,
    ) -> Result<(), DbError> {
        self.write_in_batches(messages, |builder, batch| {
            builder.push("INSERT INTO quarantine (mailbox, uid, reason, first_seen, last_tried, tries) ");
            builder.push_values(batch, |mut row, (uid, reason)| {
                row.push_bind(mailbox.0)
                    .push_bind(uid.get())
                    .push_bind(reason.clone())
                    .push_bind(now.unix())
                    .push_bind(now.unix())
                    .push_bind(1);
            });
            builder.push(
                " ON CONFLICT (mailbox, uid) DO UPDATE SET reason = excluded.reason, \
                 last_tried = excluded.last_tried, tries = tries + 1",
            );
        })
        .await
    }

    /// Lets all messages of the account out that have come at last.
    pub async fn release_what_came(&self) -> Result<(), DbError> {
        let sql = "DELETE FROM quarantine WHERE mailbox IN (SELECT id FROM mailbox WHERE account = ?) AND EXISTS \
                   (SELECT 1 FROM pair WHERE pair.mailbox = quarantine.mailbox AND pair.uid = quarantine.uid)";
        let query = sqlx::query(sql).bind(self.account);
        self.store.write(query).await?;
        Ok(())
    }

    /// The mailbox's messages that stay behind, ascending by UID.
    pub async fn quarantined(&self, mailbox: MailboxId) -> Result<Vec<Quarantined>, DbError> {
        let sql = "SELECT uid, reason, first_seen, last_tried, tries FROM quarantine WHERE mailbox = ? ORDER BY uid";
        let found = sqlx::query(sql)
            .bind(mailbox.0)
            .fetch_all(self.store.pool())
            .await;
        Ok(self.store.hear(found)?.iter().filter_map(quarantined).collect())
    }
}

fn quarantined(row: &SqliteRow) -> Option<Quarantined> {
    Some(Quarantined {
        uid: rows::uid(row.get("uid"))?,
        reason: row.get("reason"),
        first_seen: rows::date(row.get("first_seen")),
        last_tried: rows::date(row.get("last_tried")),
        tries: row.get("tries"),
    })
}
