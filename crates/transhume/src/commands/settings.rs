//! `transhume settings`: what holds for all migrations.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::json;
use transhume_db::directory::DirectoryPool;
use transhume_model::directory::{Settings, SettingsProblem, UntilComplete};

use super::directory::{self, Answer, Common, tell};
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Examples:
  transhume settings show
  transhume settings set --jobs 8 --exclude Trash --exclude Lists/%
  transhume settings set --until-complete local

Patterns are those of “transhume move”: * stands for any characters, % for any within a level, and each also covers what lies
below. “--include ''” and “--exclude ''” empty the list.

Exit codes: 0 done; 2 wrong command line; 7 the directory cannot be reached, read or written; 8 another program is writing;
70 internal error.";

/// Shows and changes what holds for all migrations
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows the settings
    Show,
    /// Changes settings; what is not said stays
    Set(Fields),
}

#[derive(Debug, Args)]
struct Fields {
    /// Enable IMAP migration: whether people may come from providers, and passes run
    #[arg(long, value_name = "BOOLEAN")]
    imap_migration: Option<bool>,

    /// Automatic domain/mailbox creation: whether a first login makes domain, account and mailbox
    #[arg(long, value_name = "BOOLEAN")]
    auto_create: Option<bool>,

    /// Concurrent sync jobs: passes at a time, of all processes together
    #[arg(long, value_name = "NUMBER")]
    jobs: Option<u32>,

    /// Create folders: whether a pass makes folders that are missing here
    #[arg(long, value_name = "BOOLEAN")]
    create_folders: Option<bool>,

    /// Only folders that this pattern covers; may be given again, and replaces all that were there
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,

    /// No folders that this pattern covers; may be given again, and replaces all that were there
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,

    /// Seconds from the end of one pass over an account to the next
    #[arg(long, value_name = "SECONDS")]
    every: Option<u32>,

    /// Seconds for which an old mailbox is swept after its cut-over, for mail that came late; 0 is not at all. The cut-over can be taken
    /// back, and the old password is kept, as long
    #[arg(long, value_name = "SECONDS")]
    sweep_for: Option<u32>,

    /// What somebody who logs in sees until all of their mail is here: the old server, through this one (proxy); what is here
    /// (local); or that they have to wait (refuse)
    #[arg(long, value_parser = PossibleValuesParser::new(UntilComplete::ALL.map(UntilComplete::as_str)))]
    until_complete: Option<String>,
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let common = &arguments.common;
    let answer = match &arguments.what {
        What::Show => common.look(async |pool| {
            let settings = pool
                .settings()
                .await
                .map_err(|error| directory::failure(&error))?;
            Ok(answer(&settings))
        }),
        What::Set(fields) => fields
            .apply(Settings::default())
            .map_err(wrong)
            .and_then(|_| common.change(async |pool| set(pool, fields).await)),
    };
    tell(answer, common.json)
}

async fn set(pool: &DirectoryPool, fields: &Fields) -> Result<Answer, Failure> {
    let failed = |error| directory::failure(&error);
    let mut transaction = pool.begin().await.map_err(failed)?;
    let settings = transaction.settings().await.map_err(failed)?;
    let settings = fields.apply(settings).map_err(wrong)?;
    transaction.set_settings(&settings).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(answer(&settings))
}

impl Fields {
    fn apply(&self, settings: Settings) -> Result<Settings, SettingsProblem> {
        let patterns = |said: &[String], there: Vec<String>| match said {
            [] => Ok(there),
            said => Settings::patterns(said.iter().map(String::as_str).filter(|text| !text.is_empty())),
        };
        Ok(Settings {
            imap_migration: self.imap_migration.unwrap_or(settings.imap_migration),
            auto_create: self.auto_create.unwrap_or(settings.auto_create),
            jobs: self.jobs.map_or(Ok(settings.jobs), Settings::jobs)?,
            create_folders: self.create_folders.unwrap_or(settings.create_folders),
            include: patterns(&self.include, settings.include)?,
            exclude: patterns(&self.exclude, settings.exclude)?,
            every: self.every.map_or(Ok(settings.every), Settings::every)?,
            sweep_for: self
                .sweep_for
                .map_or(Ok(settings.sweep_for), Settings::sweep_for)?,
            until_complete: self
                .until_complete
                .as_deref()
                .and_then(UntilComplete::named)
                .unwrap_or(settings.until_complete),
        })
    }
}

fn wrong(problem: SettingsProblem) -> Failure {
    Failure::usage(problem, "")
}

fn answer(settings: &Settings) -> Answer {
    let switch = |on| if on { "on" } else { "off" };
    let patterns = |patterns: &[String]| match patterns {
        [] => "none".to_owned(),
        patterns => patterns.join(", "),
    };
    let text = format!(
        "imap-migration  {}\nauto-create     {}\njobs            {}\ncreate-folders  {}\ninclude         {}\nexclude         \
         {}\nevery           {} seconds\nuntil-complete  {}\nsweep-for       {} seconds\n",
        switch(settings.imap_migration),
        switch(settings.auto_create),
        settings.jobs,
        switch(settings.create_folders),
        patterns(&settings.include),
        patterns(&settings.exclude),
        settings.every,
        settings.until_complete,
        settings.sweep_for,
    );
    let json = json!({
        "imap_migration": settings.imap_migration,
        "auto_create": settings.auto_create,
        "jobs": settings.jobs,
        "create_folders": settings.create_folders,
        "include": settings.include,
        "exclude": settings.exclude,
        "every": settings.every,
        "until_complete": settings.until_complete.as_str(),
        "sweep_for": settings.sweep_for,
    });
    Answer::new(text, json!({ "settings": json }))
}
