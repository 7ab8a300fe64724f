//! Quarantine: the messages that a pass has ended without are recorded, and those that came at last let out.
//!
//! One bad message never stops a pass, nor its mailbox. It is asked for by itself, stays behind, and every later pass tries it
//! once more when everything else has come.

use std::collections::HashMap;

use transhume_db::{Base, MailboxId};
use transhume_model::mail::{InternalDate, MailboxName, Uid};

use crate::error::SyncError;
use crate::report::{MailboxReport, MailboxState, Report};

/// Records what the pass has ended without, and gives each mailbox's report all that is in quarantine now.
pub(crate) async fn record(base: &Base, now: InternalDate, report: &mut Report) -> Result<(), SyncError> {
    let ids = ids(base).await?;
    for mailbox in &mut report.mailboxes {
        let Some(&id) = ids.get(&mailbox.source) else {
            continue;
        };
        let failed: Vec<(Uid, String)> = mailbox
            .failed
            .iter()
            .map(|failed| (failed.uid, failed.reason.clone()))
            .collect();
        base.quarantine(id, &failed, now).await?;
        base.release_what_came(id).await?;
        if was_read_whole(mailbox) {
            base.release_what_is_gone(id, now).await?;
        }
        mailbox.quarantined = base.quarantined(id).await?;
    }
    Ok(())
}

/// Gives each mailbox's report what is in quarantine, and changes nothing.
pub(crate) async fn show(base: &Base, report: &mut Report) -> Result<(), SyncError> {
    let ids = ids(base).await?;
    for mailbox in &mut report.mailboxes {
        if let Some(&id) = ids.get(&mailbox.source) {
            mailbox.quarantined = base.quarantined(id).await?;
        }
    }
    Ok(())
}

async fn ids(base: &Base) -> Result<HashMap<MailboxName, MailboxId>, SyncError> {
    let records = base.mailboxes().await?;
    Ok(records
        .into_iter()
        .map(|record| (record.source, record.id))
        .collect())
}

/// Whether every message of the mailbox was seen: one that was in quarantine, and was not tried, is gone then.
fn was_read_whole(mailbox: &MailboxReport) -> bool {
    mailbox.error.is_none()
        && mailbox.unlisted == 0
        && !matches!(
            mailbox.state,
            MailboxState::Unchanged | MailboxState::RemovedByOwner
        )
}
