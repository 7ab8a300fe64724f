//! What the next pass over a migration would do.

use std::cell::RefCell;

use transhume_db::directory::DirectoryError;
use transhume_model::migration::Migration;
use transhume_sync::{Report, Stop, SyncError};

use crate::WorkerOptions;
use crate::carrying::Carrier;
use crate::pass::Ingredients;
use crate::rest::Resting;

/// Why it cannot be told what a pass would do, or how both sides are.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// No pass may run.
    #[error("no pass runs now: the provider, the account or its domain is disabled")]
    NotNow,
    /// There is no password to log in with.
    #[error("{0}")]
    NoPassword(String),
    /// No pass has been here yet.
    #[error("nothing of it is here yet: its first pass has not begun")]
    NothingHere,
    /// The pass could not look at both sides.
    #[error(transparent)]
    Pass(#[from] SyncError),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// Surveys and plans, and does nothing: I12. Whoever carries the migration meanwhile is not disturbed.
pub async fn plan(options: &WorkerOptions, migration: &Migration, stop: &Stop) -> Result<Report, PlanError> {
    let carrier = Carrier {
        options: options.clone(),
        resting: RefCell::new(Resting::default()),
    };
    let known = carrier.look_up(migration).await?.ok_or(PlanError::NotNow)?;
    let password = known
        .password
        .map_err(|ended| PlanError::NoPassword(ended.what.unwrap_or_default()))?;
    let ingredients = Ingredients {
        migration,
        provider: &known.provider,
        settings: &known.settings,
        folders: &options.folders,
        below: &known.below,
        password,
        fence: None,
        now: options.surroundings.now(),
    };
    let pass = ingredients.into_shown().await?;
    let shown = pass.show(&(), stop).await;
    pass.base.close().await;
    Ok(shown?)
}
