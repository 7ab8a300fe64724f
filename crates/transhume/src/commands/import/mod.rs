//! `transhume import`: CSV files become part of the directory, each as a whole or not at all.

mod bar;
mod report;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use transhume_db::directory::{DirectoryError, DirectoryLocation, DirectoryStore};
use transhume_model::directory::password::{NewScheme, SALT_OCTETS, hash_new};
use transhume_model::directory::{Directory, StoredPassword};
use transhume_model::import::csv::{Options, separator};
use transhume_model::plan::directory::{IfExists, Recipients, Rules};
use transhume_ops::import_csv::{FileReport, How, Into, import_csv};

use super::directory;
use crate::config::DirectoryOptions;
use crate::exit::{Exit, Failure};
use bar::Bar;

const AFTER_HELP: &str = "\
Rows, in an order in which nothing is named before it is declared:
  domain; name; quota; default mailbox quota; enabled
  domainalias; name; targeted domain; enabled
  relaydomain; name; target host; target port; service; enabled; verify recipients
  account; login; password; first name; last name; enabled; group; address; quota[; domain; ...]
  alias; address; enabled; recipient[; recipient; ...]        (also: forward, dlist)
Quotas are MB, 0 is unlimited for a domain and the domain's default for a mailbox. true, 1, yes and y mean yes.

Examples:
  transhume import --dry-run --crypt-passwords domains.csv accounts.csv
  transhume import --continue-if-exists accounts.csv
  transhume export | ssh new.example.org transhume import -

A file is looked at as a whole first. When anything in it is wrong, all of that is told with line and column, and nothing of
the file is imported; files after it are not looked at.

Exit codes: 0 imported (with --dry-run: would be imported); 2 wrong command line, or something is wrong in a file; 7 the
directory cannot be reached, read or written; 8 another program is writing; 70 internal error.";

/// Imports domains, accounts and aliases from CSV files into the directory
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct Arguments {
    /// The files, in their order; “-” is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    #[command(flatten)]
    directory: DirectoryOptions,

    /// What stands between fields; \t is a tab
    #[arg(long, value_name = "CHARACTER", default_value = ";", value_parser = separator)]
    sepchar: char,

    /// Keep what exists already, instead of refusing the file; aliases get the recipients that they lack
    #[arg(long)]
    continue_if_exists: bool,

    /// The file holds passwords: hash them. Those that are hashes already stay as they are
    #[arg(long)]
    crypt_passwords: bool,

    /// How passwords are hashed
    #[arg(long, value_name = "SCHEME", default_value = NewScheme::default().as_str(), value_parser = scheme)]
    password_scheme: NewScheme,

    /// The files' encoding, if it is not UTF-8 (like windows-1252)
    #[arg(long, value_name = "NAME")]
    encoding: Option<String>,

    /// Refuse recipients outside the directory's domains
    #[arg(long, conflicts_with = "any_recipients")]
    own_recipients_only: bool,

    /// Let aliases lead to addresses of the directory's domains that do not exist (yet)
    #[arg(long)]
    any_recipients: bool,

    /// Show what would happen, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,

    /// No progress, no notices
    #[arg(long, short)]
    quiet: bool,
}

fn scheme(text: &str) -> Result<NewScheme, String> {
    NewScheme::named(text).ok_or_else(|| {
        let names = NewScheme::ALL.map(NewScheme::as_str).join(", ");
        format!("one of {names}")
    })
}

/// A file, and what came of it: nothing, where one before it was wrong.
type Imported<'a> = (&'a Path, Option<FileReport>);

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    match execute(arguments) {
        Ok((location, files)) => report::tell(arguments, &location, &files),
        Err(failure) => {
            eprintln!("transhume: {failure}");
            failure.exit
        }
    }
}

fn execute(arguments: &Arguments) -> Result<(DirectoryLocation, Vec<Imported<'_>>), Failure> {
    let location = arguments.directory.location(&arguments.directory.config()?)?;
    let hash = |password: &str| hash(arguments.password_scheme, password);
    let how = How {
        options: options(arguments),
        encoding: arguments.encoding.as_deref(),
        hash: &hash,
        actor: None,
    };
    let bar = Bar::new(arguments.quiet || arguments.json);
    let files = directory::run(async {
        let mut store = None;
        let mut shown = Directory::default();
        if arguments.dry_run {
            shown = there(&location)
                .await
                .map_err(|error| directory::failure(&error))?;
        } else {
            let opened = DirectoryStore::open(&location).await;
            store = Some(opened.map_err(|error| directory::failure(&error))?);
        }
        let mut files: Vec<Imported<'_>> = Vec::new();
        for file in &arguments.files {
            if files
                .last()
                .is_some_and(|(_, report)| report.as_ref().is_none_or(|report| !report.errors.is_empty()))
            {
                files.push((file, None));
                continue;
            }
            let bytes = read(file)?;
            bar.begin(file);
            let target = store
                .as_mut()
                .map_or_else(|| Into::Memory(&mut shown), Into::Store);
            let report = import_csv(bytes, how, target, &mut |step| bar.tell(step)).await;
            files.push((file, Some(report.map_err(|error| directory::failure(&error))?)));
        }
        if let Some(store) = store {
            store.close().await.map_err(|error| directory::failure(&error))?;
        }
        Ok(files)
    });
    bar.end();
    Ok((location, files?))
}

fn options(arguments: &Arguments) -> Options {
    let if_exists = if arguments.continue_if_exists {
        IfExists::Keep
    } else {
        IfExists::Refuse
    };
    let recipients = match (arguments.own_recipients_only, arguments.any_recipients) {
        (true, _) => Recipients::Own,
        (_, true) => Recipients::Any,
        _ => Recipients::Known,
    };
    Options {
        separator: arguments.sepchar,
        crypt_passwords: arguments.crypt_passwords,
        rules: Rules {
            if_exists,
            recipients,
        },
    }
}

/// What the directory holds now; where there is none yet, nothing.
async fn there(location: &DirectoryLocation) -> Result<Directory, DirectoryError> {
    let mut store = match DirectoryStore::open_to_read(location).await {
        Err(DirectoryError::NotThere { .. }) => return Ok(Directory::default()),
        opened => opened?,
    };
    let directory = store.read().await?;
    store.close().await?;
    Ok(directory)
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    read.map_err(|error| Failure::usage(format!("{} cannot be read: {error}", file.display()), ""))
}

fn hash(scheme: NewScheme, password: &str) -> Result<StoredPassword, String> {
    let mut salt = [0; SALT_OCTETS];
    getrandom::fill(&mut salt).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    hash_new(scheme, password, salt).map_err(|error| error.to_string())
}
