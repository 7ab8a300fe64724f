//! `transhume export`: the directory as CSV, in the rows that `transhume import` reads.

use std::io::{BufWriter, Write as _};

use clap::{Args, ValueEnum};
use transhume_db::directory::DirectoryStore;
use transhume_model::import::csv::{Part, separator, write};

use super::directory;
use crate::config::DirectoryOptions;
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Examples:
  transhume export >everything.csv
  transhume export domains --sepchar ,

The rows hold the hashes of passwords: keep them from others. What rows cannot say (absence texts, limits of domains, …) is
counted on standard error.

Exit codes: 0 written; 2 wrong command line, or there is no directory; 7 the directory cannot be reached or read, or the rows
cannot be written; 70 internal error.";

/// Prints the directory as CSV
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Which rows
    #[arg(value_enum, default_value_t = What::All)]
    what: What,

    #[command(flatten)]
    directory: DirectoryOptions,

    /// What stands between fields; \t is a tab
    #[arg(long, value_name = "CHARACTER", default_value = ";", value_parser = separator)]
    sepchar: char,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// Domains, relay domains and domain aliases
    Domains,
    /// Accounts and aliases
    Identities,
    /// Everything
    All,
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    match execute(arguments) {
        Ok(()) => Exit::Complete,
        Err(failure) => {
            eprintln!("transhume: {failure}");
            failure.exit
        }
    }
}

fn execute(arguments: &Arguments) -> Result<(), Failure> {
    let location = arguments.directory.location(&arguments.directory.config()?)?;
    let directory = directory::run(async {
        let hear = |error| directory::failure(&error);
        let mut store = DirectoryStore::open_to_read(&location).await.map_err(hear)?;
        let directory = store.read().await.map_err(hear)?;
        store.close().await.map_err(hear)?;
        Ok(directory)
    })?;
    let part = match arguments.what {
        What::Domains => Part::Domains,
        What::Identities => Part::Identities,
        What::All => Part::All,
    };
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut written = Ok(());
    let unsaid = write(&directory, part, arguments.sepchar, |row| {
        if written.is_ok() {
            written = writeln!(output, "{row}");
        }
    });
    let written = written.and_then(|()| output.flush());
    written.map_err(|error| {
        let what = format!("the rows cannot be written: {error}");
        Failure::new(Exit::TargetFailed, what, "")
    })?;
    for (what, number) in unsaid {
        eprintln!("transhume: not in the rows: {what} ({number})");
    }
    Ok(())
}
