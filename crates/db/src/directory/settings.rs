//! The settings' row.

use std::num::NonZeroU32;

use transhume_model::directory::{Settings, UntilComplete};

use super::link::{Link, Row, Value};
use super::lookup::each;
use super::read::Trouble;
use super::{DirectoryError, DirectoryLocation, DirectoryTransaction};

const READ: &str = "SELECT imap_migration, auto_create, jobs, create_folders, include, exclude, every, until_complete, sweep_for \
                    FROM settings";
const WRITE: &str = "UPDATE settings SET imap_migration = $1, auto_create = $2, jobs = $3, create_folders = $4, \
                     include = $5, exclude = $6, every = $7, until_complete = $8, sweep_for = $9";

impl DirectoryTransaction<'_> {
    /// Puts settings in place of those that are there.
    pub async fn set_settings(&mut self, settings: &Settings) -> Result<(), DirectoryError> {
        let (include, exclude) = (settings.include.join("\n"), settings.exclude.join("\n"));
        let values = [
            Value::truth(settings.imap_migration),
            Value::truth(settings.auto_create),
            Value::number(settings.jobs.get()),
            Value::truth(settings.create_folders),
            Value::text(&include),
            Value::text(&exclude),
            Value::number(settings.every.get()),
            Value::text(settings.until_complete.as_str()),
            Value::number(settings.sweep_for),
        ];
        let written = self
            .transaction
            .link()
            .write(WRITE.to_owned(), &values, true)
            .await;
        written
            .map(drop)
            .map_err(|error| DirectoryError::heard(self.at, error))
    }
}

/// The settings; their defaults where somebody has removed the row.
pub(super) async fn read(link: Link<'_>, at: &DirectoryLocation) -> Result<Settings, DirectoryError> {
    let mut settings = Settings::default();
    each(link, at, "settings", READ.to_owned(), &[], |row| {
        settings = one(row)?;
        Ok(())
    })
    .await?;
    Ok(settings)
}

fn one(row: &Row) -> Result<Settings, Trouble> {
    let default = Settings::default();
    let number = |column| -> Result<Option<NonZeroU32>, Trouble> {
        let number = row.small_number(column)?;
        Ok(number
            .and_then(|number| u32::try_from(number).ok())
            .and_then(NonZeroU32::new))
    };
    let lines = |text: String| text.lines().map(str::to_owned).collect();
    Ok(Settings {
        imap_migration: row.truth(0)?,
        auto_create: row.truth(1)?,
        jobs: number(2)?.unwrap_or(default.jobs),
        create_folders: row.truth(3)?,
        include: lines(row.text(4)?),
        exclude: lines(row.text(5)?),
        every: number(6)?.unwrap_or(default.every),
        until_complete: UntilComplete::named(&row.text(7)?).unwrap_or_default(),
        sweep_for: row
            .small_number(8)?
            .and_then(|seconds| u32::try_from(seconds).ok())
            .unwrap_or(default.sweep_for),
    })
}
