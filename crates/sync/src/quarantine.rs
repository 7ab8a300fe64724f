//! Quarantine: the messages that a pass has ended without are recorded, and those that came at last let out.
//!
//! One bad message never stops a pass, nor its mailbox. It is asked for by itself, stays behind, and every later pass tries it
//! once more when everything else has come.

use std::collections::HashMap;

use transhume_db::{Base, MailboxId};
use transhume_model::mail::{InternalDate, MailboxName, Uid};

use crate::error::SyncError;
use crate::report::Report;

/// Records what the pass has ended without, and tells the report how often that was so before.
pub(crate) async fn record(base: &Base, now: InternalDate, report: &mut Report) -> Result<(), SyncError> {
    base.release_what_came().await?;
    if report.mailboxes.iter().all(|mailbox| mailbox.failed.is_empty()) {
        return Ok(());
    }
    let records = base.mailboxes().await?.into_iter();
    let ids: HashMap<MailboxName, MailboxId> = records.map(|record| (record.source, record.id)).collect();
    for mailbox in &mut report.mailboxes {
        let Some(&id) = ids.get(&mailbox.source) else {
            continue;
        };
        if mailbox.failed.is_empty() {
            continue;
        }
        let failed: Vec<(Uid, String)> = mailbox
            .failed
            .iter()
            .map(|failed| (failed.uid, failed.reason.clone()))
            .collect();
        base.quarantine(id, &failed, now).await?;
        mailbox.quarantined = base.quarantined(id).await?;
        mailbox.quarantined.retain(|message| message.last_tried == now);
    }
    Ok(())
}
