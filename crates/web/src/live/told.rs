//! What pages are told, as JSON.

use serde_json::{Map, Value, json};
use transhume_db::directory::{MigrationRecord, Overview};
use transhume_model::migration::Share;

use crate::console::{Numbers, Row};

/// How a migration stands.
pub(super) fn migration(record: &MigrationRecord) -> String {
    let migration = &record.migration;
    let Share { done, all } = record.progress.octets;
    json!({
        "id": migration.id.0,
        "phase": migration.phase.as_str(),
        "sentence": migration.phase.sentence(),
        "hold": migration.hold.as_ref().map(transhume_model::migration::Hold::as_str),
        "hold_sentence": migration.hold.as_ref().map(transhume_model::migration::Hold::sentence),
        "running": record.leased.is_some(),
        "mailboxes_done": record.progress.mailboxes.done,
        "mailboxes_all": record.progress.mailboxes.all,
        "messages_done": record.progress.messages.done,
        "messages_all": record.progress.messages.all,
        "octets_done": done,
        "octets_all": all,
        "percent": percent(record.progress.octets),
        "rate": record.rate,
        "eta": record.eta(),
        "error": record.last_error,
        "changed": record.changed,
        "words": Row::new(record),
    })
    .to_string()
}

/// How everything stands.
pub(super) fn overview(overview: &Overview) -> String {
    let phases = overview.phases.iter();
    let phases: Map<String, Value> = phases
        .map(|(phase, count)| (phase.to_string(), json!(count)))
        .collect();
    json!({
        "total": overview.total,
        "phases": phases,
        "holds": overview.holds,
        "failing": overview.failing,
        "running": overview.running,
        "messages_done": overview.messages.done,
        "messages_all": overview.messages.all,
        "octets_done": overview.octets.done,
        "octets_all": overview.octets.all,
        "rate": overview.rate,
        "octets_last_day": overview.octets_last_day,
        "words": Numbers::new(overview),
    })
    .to_string()
}

/// Whole hundredths, rounded down: 100 is all of it. `None` while it has not been counted.
fn percent(share: Share) -> Option<u64> {
    let all = share.all?;
    if all == 0 {
        return Some(100);
    }
    let hundredths = u128::from(share.done.min(all)) * 100 / u128::from(all);
    u64::try_from(hundredths).ok()
}
