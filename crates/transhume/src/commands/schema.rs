//! `transhume schema`: which version the directory's tables have, and bringing them up to date.

use std::io::Write as _;

use clap::Args;
use transhume_db::directory::{DirectoryError, DirectoryLocation, DirectoryStore, SchemaVersion};

use super::directory;
use crate::config::DirectoryOptions;
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Examples:
  transhume schema
  transhume schema --upgrade --directory postgres://transhume@db.example.org/mail

Every command that writes into the directory brings its tables up to date first, so this is for looking, and for doing it
at a time of your choice. It is all or nothing: when it fails, the tables are as they were.

Exit codes: 0 the tables are as this program knows them, or have been made so; 2 wrong command line, or there is something
else at that place, or a newer version of this program was there; 3 they are older, or not there yet; 7 the directory
cannot be reached, read or written; 8 another program is writing; 70 internal error.";

/// Shows the version of the directory's tables; with --upgrade, makes them or brings them up to date
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    directory: DirectoryOptions,

    /// Make the tables, or bring them up to date
    #[arg(long)]
    upgrade: bool,

    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    match execute(arguments) {
        Ok((location, version)) => {
            let exit = if version.found == version.known {
                Exit::Complete
            } else {
                Exit::Partial
            };
            // Whoever reads standard output may have gone; the exit code still tells.
            let _ = writeln!(
                std::io::stdout(),
                "{}",
                told(&location, version, exit, arguments.json)
            );
            exit
        }
        Err(failure) => {
            eprintln!("transhume: {failure}");
            failure.exit
        }
    }
}

fn execute(arguments: &Arguments) -> Result<(DirectoryLocation, SchemaVersion), Failure> {
    let location = arguments.directory.location(&arguments.directory.config()?)?;
    let version = directory::run(async {
        let found = look(&location, arguments.upgrade).await;
        found.map_err(|error| directory::failure(&error))
    })?;
    Ok((location, version))
}

async fn look(location: &DirectoryLocation, upgrade: bool) -> Result<SchemaVersion, DirectoryError> {
    if upgrade {
        DirectoryStore::open(location).await?.close().await?;
    }
    match DirectoryStore::look_at_schema(location).await {
        Err(DirectoryError::NotThere { .. }) => Ok(SchemaVersion::nothing_yet()),
        looked => looked,
    }
}

fn told(location: &DirectoryLocation, version: SchemaVersion, exit: Exit, json: bool) -> String {
    let SchemaVersion { found, known } = version;
    if json {
        let outcome = serde_json::json!({
            "exit_code": exit.code(),
            "outcome": exit,
            "directory": location.to_string(),
            "version": found,
            "known": known,
        });
        return outcome.to_string();
    }
    match found {
        0 => format!(
            "{location}: there is no directory yet. An import makes it; so does “transhume schema --upgrade”."
        ),
        _ if found < known => format!(
            "{location}: version {found}, older than this program's ({known}). An import brings it up to date; so does \
             “transhume schema --upgrade”."
        ),
        _ => format!("{location}: version {found}, up to date."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_is_told() {
        let location = DirectoryLocation::parse("sqlite:/x").unwrap();
        for (found, known, says) in [
            (0, 2, "no directory yet"),
            (1, 2, "version 1, older"),
            (2, 2, "version 2, up to date"),
        ] {
            let version = SchemaVersion { found, known };
            let text = told(&location, version, Exit::Complete, false);
            assert!(text.starts_with("/x: ") && text.contains(says), "{text}");
            let json = told(&location, version, Exit::Partial, true);
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(
                (&value["version"], &value["exit_code"]),
                (&found.into(), &3.into())
            );
        }
    }
}
