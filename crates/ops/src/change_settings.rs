//! The settings, changed in somebody's name.

use transhume_model::directory::Settings;
use transhume_model::rights::{Denied, Right, Scope};

use crate::Asked;
use crate::asked::ChangeError;
use crate::audit::Did;

/// Changes the settings, and says what they are now.
pub async fn change_settings(
    asked: Asked<'_>,
    change: impl FnOnce(Settings) -> Settings + Send,
) -> Result<Settings, ChangeError> {
    if asked.scope(Right::ChangeSettings) != Scope::All {
        return Err(Denied::Kind("settings").into());
    }
    let mut transaction = asked.around.directory.begin().await?;
    let before = transaction.settings().await?;
    let settings = change(before.clone());
    transaction.set_settings(&settings).await?;
    let told = told(&before, &settings);
    asked
        .note(&mut transaction, Did::ChangedSettings, "", &told)
        .await?;
    transaction.commit().await?;
    Ok(settings)
}

/// What has changed, for those who look later.
fn told(before: &Settings, now: &Settings) -> String {
    let mut told = Vec::new();
    let mut tell = |name: &str, before: String, now: String| {
        if before != now {
            told.push(format!("{name} {before} → {now}"));
        }
    };
    let (old, new) = (before, now);
    tell(
        "imap_migration",
        old.imap_migration.to_string(),
        new.imap_migration.to_string(),
    );
    tell(
        "auto_create",
        old.auto_create.to_string(),
        new.auto_create.to_string(),
    );
    tell("jobs", old.jobs.to_string(), new.jobs.to_string());
    tell(
        "create_folders",
        old.create_folders.to_string(),
        new.create_folders.to_string(),
    );
    tell("include", old.include.join(" "), new.include.join(" "));
    tell("exclude", old.exclude.join(" "), new.exclude.join(" "));
    tell("every", old.every.to_string(), new.every.to_string());
    tell("sweep_for", old.sweep_for.to_string(), new.sweep_for.to_string());
    tell(
        "until_complete",
        old.until_complete.to_string(),
        new.until_complete.to_string(),
    );
    told.join(", ")
}
