//! A domain is cut over: all of its accounts at once; and taken back.

use transhume_db::directory::{DirectoryError, DirectoryPool, Filter, MigrationRecord, TransitionError};
use transhume_model::directory::DomainName;
use transhume_model::migration::{Event, InvalidTransition, Migration, Phase};

/// What becomes of one account of a domain.
#[derive(Debug)]
pub struct Step {
    /// How it was.
    pub before: MigrationRecord,
    /// How it is now, or why nothing has become of it.
    pub then: Result<Migration, InvalidTransition>,
}

/// The migrations of all accounts in a domain here, by address.
pub async fn migrations_in(
    pool: &DirectoryPool,
    domain: &DomainName,
) -> Result<Vec<MigrationRecord>, DirectoryError> {
    let filter = Filter {
        text: Some(format!("@{domain}")),
        ..Filter::default()
    };
    let mut records = pool.migrations(&filter).await?;
    // The text may stand in an old address, or be the beginning of another domain's name.
    records.retain(|record| record.migration.address.domain() == domain.as_str());
    Ok(records)
}

/// Cuts over every account of a domain that is not over yet. `now` is in seconds since 1970 UTC. One that cannot be cut over, since not all
/// of its mail is here, stays as it is and keeps no other from it.
pub async fn cut_over_domain(
    pool: &DirectoryPool,
    domain: &DomainName,
    now: i64,
) -> Result<Vec<Step>, DirectoryError> {
    let is_open = |migration: &Migration| migration.phase.is_under_way();
    let_all_happen(pool, domain, is_open, &Event::CutOver, now).await
}

/// Takes the cut-over of every account of a domain back that can be taken back: all that are on their way to it, or swept still.
/// Those that were over before are not touched, and not told of.
pub async fn reopen_domain(
    pool: &DirectoryPool,
    domain: &DomainName,
    now: i64,
) -> Result<Vec<Step>, DirectoryError> {
    let is_cut_over = |migration: &Migration| {
        matches!(migration.phase, Phase::Finishing | Phase::Finished) && migration.wants_passes()
    };
    let_all_happen(pool, domain, is_cut_over, &Event::Reopen, now).await
}

async fn let_all_happen(
    pool: &DirectoryPool,
    domain: &DomainName,
    which: impl Fn(&Migration) -> bool,
    event: &Event,
    now: i64,
) -> Result<Vec<Step>, DirectoryError> {
    let mut steps = Vec::new();
    for before in migrations_in(pool, domain).await? {
        if !which(&before.migration) {
            continue;
        }
        let then = match pool.happen(before.migration.id, event.clone(), now).await {
            Ok(migration) => Ok(migration),
            Err(TransitionError::Invalid(why)) => Err(why),
            // Deleted in this moment.
            Err(TransitionError::Unknown(_)) => continue,
            Err(TransitionError::Directory(error)) => return Err(error),
        };
        steps.push(Step { before, then });
    }
    Ok(steps)
}
