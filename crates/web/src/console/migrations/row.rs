//! A migration in words: as its line in a list shows it, as its own page does, and as the live stream tells both.

use serde::Serialize;
use transhume_db::directory::MigrationRecord;
use transhume_model::migration::{Hold, Migration, Phase, Progress};

use crate::console::words;

/// What stands where nothing is to be told.
const NOTHING: &str = "–";

/// A migration in words. The live stream sends them as they are; a page's elements name the one that they show.
#[derive(Serialize)]
pub(crate) struct Row {
    pub(in crate::console) id: i64,
    #[serde(skip)]
    pub(in crate::console) address: String,
    #[serde(skip)]
    pub(in crate::console) old_address: String,
    #[serde(skip)]
    pub(in crate::console) is_renamed: bool,
    #[serde(skip)]
    pub(in crate::console) provider: String,
    /// How it stands, in a word or two.
    pub(in crate::console) state: &'static str,
    /// How that looks.
    pub(in crate::console) state_tone: &'static str,
    /// The same in a sentence.
    pub(in crate::console) sentence: String,
    /// How much is here, of a hundred.
    pub(in crate::console) percent: u64,
    pub(in crate::console) messages: String,
    pub(in crate::console) octets: String,
    /// How fast it goes, while something moves.
    pub(in crate::console) rate: String,
    /// How long it takes still; the same.
    pub(in crate::console) left: String,
    /// What is wrong, where something is.
    pub(in crate::console) trouble: String,
}

impl Row {
    pub(crate) fn new(record: &MigrationRecord) -> Self {
        let migration = &record.migration;
        let is_running = record.leased.is_some();
        let (state, state_tone) = state(migration, is_running);
        let trouble = match (&migration.hold, &record.last_error) {
            (Some(hold), _) => hold_said(hold),
            (None, Some(error)) => words::sentence(error),
            (None, None) => NOTHING.to_owned(),
        };
        Self {
            id: migration.id.0,
            address: migration.address.to_string(),
            old_address: migration.old_address.to_string(),
            is_renamed: migration.address != migration.old_address,
            provider: migration.provider.as_str().to_owned(),
            state,
            state_tone,
            sentence: format!("{}.", words::sentence(migration.phase.sentence())),
            percent: percent(migration.phase, &record.progress),
            messages: messages(&record.progress),
            octets: octets(&record.progress),
            rate: record
                .rate
                .filter(|_| is_running)
                .map_or_else(|| NOTHING.to_owned(), |rate| format!("{}/s", words::octets(rate))),
            left: record
                .eta()
                .filter(|_| is_running)
                .map_or_else(|| NOTHING.to_owned(), words::span),
            trouble,
        }
    }
}

/// How a migration stands, and how that looks.
fn state(migration: &Migration, is_running: bool) -> (&'static str, &'static str) {
    match &migration.hold {
        Some(Hold::Paused { .. }) => return ("Paused", "wait"),
        Some(Hold::CredentialRejected) => return ("Password refused", "bad"),
        Some(Hold::CredentialUnreadable) => return ("Password unreadable", "bad"),
        Some(Hold::TargetFull) => return ("No room here", "bad"),
        Some(Hold::TargetUnwritable) => return ("Mailbox not writable", "bad"),
        Some(Hold::CertificateChanged) => return ("Certificate not believed", "bad"),
        Some(Hold::TooManyRefused) => return ("Messages not delivered", "bad"),
        None => {}
    }
    match migration.phase {
        Phase::Pending if is_running => ("Begins", "calm"),
        Phase::Pending => ("Pending", ""),
        Phase::Seeding => ("Seeding", "calm"),
        Phase::Following => ("Following", "good"),
        Phase::Finishing => ("Finishing", "calm"),
        Phase::Finished => ("Finished", "good"),
        Phase::Cancelled => ("Stopped", ""),
    }
}

/// What holds a migration and what helps, for somebody who looks at the console.
pub(in crate::console) fn hold_said(hold: &Hold) -> String {
    match hold {
        Hold::Paused { by } if by.is_empty() => "Paused; Resume lets it go on.".to_owned(),
        Hold::Paused { by } => format!("Paused by {by}; Resume lets it go on."),
        Hold::CredentialRejected => {
            "The old server refuses the password that is known. It goes on when its owner logs in \
                                     here with the password of the old server, or with Retry."
                .to_owned()
        }
        Hold::CertificateChanged => {
            "The old server shows a certificate that is not believed. Check the connection on the \
                                     provider's page; it goes on by itself when that is right."
                .to_owned()
        }
        other => format!("{}.", words::sentence(&other.sentence())),
    }
}

/// By octets, as long as messages are not all: the last ones may be the large ones.
fn percent(phase: Phase, progress: &Progress) -> u64 {
    if matches!(phase, Phase::Following | Phase::Finished) {
        return 100;
    }
    let of = |done: u64, all: Option<u64>| {
        let all = all.filter(|all| *all > 0)?;
        let hundredths = u128::from(done.min(all)) * 100 / u128::from(all);
        u64::try_from(hundredths).ok()
    };
    let by_octets = of(progress.octets.done, progress.octets.all);
    by_octets
        .or_else(|| of(progress.messages.done, progress.messages.all))
        .unwrap_or(0)
}

fn messages(progress: &Progress) -> String {
    match progress.messages.all {
        None if progress.messages.done == 0 => "not counted yet".to_owned(),
        None => words::so_many(progress.messages.done, "message", "messages"),
        Some(all) => format!(
            "{} of {}",
            words::count(progress.messages.done),
            words::so_many(all, "message", "messages")
        ),
    }
}

fn octets(progress: &Progress) -> String {
    match progress.octets.all {
        None => String::new(),
        Some(all) => format!(
            "{} of {}",
            words::octets(progress.octets.done),
            words::octets(all)
        ),
    }
}

#[cfg(test)]
mod tests {
    use transhume_model::migration::Share;

    use super::*;

    #[test]
    fn how_far_it_is() {
        let share = |done, all| Share { done, all };
        for (phase, messages, octets, expected) in [
            (Phase::Pending, share(0, None), share(0, None), 0),
            (Phase::Seeding, share(5, Some(10)), share(0, None), 50),
            (Phase::Seeding, share(9, Some(10)), share(10, Some(1000)), 1),
            (Phase::Seeding, share(0, Some(0)), share(0, Some(0)), 0),
            (
                Phase::Seeding,
                share(11, Some(10)),
                share(u64::MAX, Some(u64::MAX)),
                100,
            ),
            (Phase::Following, share(0, Some(3)), share(0, Some(3)), 100),
            (Phase::Finishing, share(1, Some(4)), share(1, Some(4)), 25),
        ] {
            let progress = Progress {
                mailboxes: share(0, None),
                messages,
                octets,
            };
            assert_eq!(percent(phase, &progress), expected, "{phase} {progress:?}");
        }
    }

    #[test]
    fn holds_name_no_command_lines() {
        for hold in Hold::ALL {
            let said = hold_said(&hold);
            assert!(said.ends_with('.') && !said.contains("transhume "), "{said}");
        }
    }
}
