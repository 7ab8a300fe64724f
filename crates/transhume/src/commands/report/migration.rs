//! Reports of the service's migrations: written, and held against both sides.

use std::path::Path;
use std::time::Instant;

use serde_json::json;
use transhume_db::directory::{DirectoryPool, MigrationRecord};
use transhume_model::migration::Migration;
use transhume_ops::migration::find_migration;
use transhume_sync::{Cause, Depth, Stop, SyncError, stop_switch};
use transhume_worker::{Looking, PlanError, WorkerOptions};

use super::files::Names;
use super::write::{About, Writer};
use super::{Output, Seal, typed};
use crate::commands::account::{listen_for_signals, now};
use crate::commands::directory::{self, Answer, Common};
use crate::commands::migration::failure as not_found;
use crate::commands::verify::html::Title;
use crate::commands::verify::{Compared, DepthOptions, held_against, json as outcome};
use crate::exit::{Exit, Failure};
use crate::service::{Prepared, block_on};

/// Writes the report of one migration.
pub(crate) fn write(common: &Common, name: &str, output: &Output) -> Result<Answer, Failure> {
    let names = output.names()?;
    with_worker(common, async |pool, worker, stop| {
        let record = found(pool, name).await?;
        let seal = written(worker, &record.migration, names, stop).await?;
        let address = &record.migration.address;
        Ok(Answer {
            text: format!("{address}: {}", seal.text()),
            json: json!({ "address": address.as_str(), "written": seal.json() }),
            exit: seal.exit(),
        })
    })
}

/// Compares both sides of one migration, and a report of it with both.
pub(crate) fn verify(common: &Common, name: &str, options: &DepthOptions) -> Result<Answer, Failure> {
    let before = options.read_report()?;
    let depth = options.depth();
    with_worker(common, async |pool, worker, stop| {
        let began = Instant::now();
        let record = found(pool, name).await?;
        let migration = &record.migration;
        if let Some(about) = before
            .as_ref()
            .and_then(|report| report.head.migration.as_deref())
            && about != migration.address.as_str()
        {
            return Err(Failure::usage(
                format!(
                    "--report: it is the report of {about}, not of {}",
                    migration.address
                ),
                "",
            ));
        }
        let looking = open(worker, migration, depth).await?;
        let title = title(&looking, depth);
        let compared: Compared = held_against(before, None, &title, depth, async |recorder| {
            let compared = looking.compare(recorder, &(), stop).await;
            compared.map_err(|error| trouble(migration, &error))
        })
        .await?;
        let mut json = json!({ "address": migration.address.as_str() });
        outcome::fill(&mut json, &compared.verification);
        if let Some(checked) = &compared.checked {
            json["report"] = checked.json();
        }
        Ok(Answer {
            text: compared.text(depth, began.elapsed()),
            json,
            exit: compared.exit(),
        })
    })
}

/// Runs with all that the service's processes have. Nothing is written but reports, so root stays root: the reports may go anywhere.
pub(super) fn with_worker<T>(
    common: &Common,
    work: impl AsyncFnOnce(&DirectoryPool, &WorkerOptions, &Stop) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let prepared = Prepared::new(common.options())?;
    let (switch, stop) = stop_switch();
    block_on(async || {
        let listening = tokio::spawn(listen_for_signals(switch, true));
        let pool = prepared.pool().await?;
        let result = work(&pool, &prepared.worker(pool.clone()), &stop).await;
        pool.close().await;
        listening.abort();
        result
    })
}

async fn found(pool: &DirectoryPool, name: &str) -> Result<MigrationRecord, Failure> {
    find_migration(pool, name).await.map_err(not_found)
}

async fn open(worker: &WorkerOptions, migration: &Migration, depth: Depth) -> Result<Looking, Failure> {
    let opened = Looking::open(worker, migration, depth).await;
    opened.map_err(|error| match error {
        PlanError::Directory(error) => directory::failure(&error),
        PlanError::Pass(error) => trouble(migration, &error),
        other => Failure::new(Exit::Partial, format!("{}: {other}", migration.address), ""),
    })
}

fn title(looking: &Looking, depth: Depth) -> Title {
    Title {
        account: looking.source().account(),
        maildir: looking.maildir().to_owned(),
        when: now().to_string(),
        depth,
    }
}

/// Writes the report of one.
pub(super) async fn written(
    worker: &WorkerOptions,
    migration: &Migration,
    names: Names,
    stop: &Stop,
) -> Result<Seal, Failure> {
    let depth = Depth::Names;
    let looking = open(worker, migration, depth).await?;
    let title = title(&looking, depth);
    let maildir: &Path = looking.maildir();
    let about = About {
        account: title.account.clone(),
        source: typed(looking.source()),
        maildir,
        migration: Some(migration.address.to_string()),
        made: now().unix(),
        depth,
    };
    let mut writer = Writer::begin(names, about)?;
    let compared = looking.compare(&mut writer, &(), stop).await;
    let verification = compared.map_err(|error| trouble(migration, &error))?;
    writer.finish(&verification, &title)
}

fn trouble(migration: &Migration, error: &SyncError) -> Failure {
    let address = &migration.address;
    let (exit, advice) = match error.cause() {
        Cause::Busy => {
            return Failure::new(
                Exit::Busy,
                format!("{address}: a pass works on it now"),
                "Run the same command again when it has ended; or pause the migration meanwhile.",
            );
        }
        Cause::Interrupted => (Exit::Interrupted, ""),
        Cause::LoginRefused | Cause::LoginDisabled => (Exit::LoginRefused, ""),
        Cause::Unreachable | Cause::UnknownHost | Cause::LoginUnavailable => (
            Exit::Unreachable,
            "Run the same command again later; “transhume provider check” says whether the old server can be reached.",
        ),
        Cause::Untrusted { .. } => (Exit::Untrusted, "See “transhume provider check”."),
        Cause::PermissionDenied => (
            Exit::TargetFailed,
            "Run this as root, or as the owner of all mail.",
        ),
        Cause::DiskFull | Cause::ReadOnly | Cause::Corrupt | Cause::TargetFault | Cause::BaseFault => {
            (Exit::TargetFailed, "")
        }
        _ => (Exit::Partial, ""),
    };
    Failure::new(exit, format!("{address}: {error}"), advice)
}
