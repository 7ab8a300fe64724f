//! `transhume convert postfixadmin`: a PostfixAdmin database becomes part of the directory.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use transhume_db::Sealer;
use transhume_db::directory::DirectoryLocation;
use transhume_db::foreign::postfixadmin::{ForeignError, ForeignLocation, TableNames};
use transhume_model::directory::{Directory, DomainName, RemoteMailbox, Secret};
use transhume_model::import::postfixadmin::{ClearText, Options, Table};
use transhume_ops::convert_postfixadmin::{
    Conversion, ConvertError, PostfixadminSource, REMOTE_MAILBOXES, convert_postfixadmin,
    preview_postfixadmin,
};

use super::{json, text};
use crate::commands::account::password;
use crate::commands::directory;
use crate::config::DirectoryOptions;
use crate::exit::{Exit, Failure};

/// The variable that may say where the old database is, with its password.
const VARIABLE: &str = "TRANSHUME_FROM";

const FROM_HELP: &str = "The old database: mysql://user@host/database, postgres://user@host/database or \
                         sqlite:/path/to/file [env: TRANSHUME_FROM]";

const AFTER_HELP: &str = "\
Examples:
  transhume convert postfixadmin --from mysql://postfix@db.old.example/postfix --dry-run
  transhume convert postfixadmin --from postgres://postfix@localhost/postfix --password-file secret --sieve-dir /tmp/sieve
  transhume convert postfixadmin --from sqlite:/var/lib/postfixadmin/postfixadmin.db

The old database is only read, as it is at one moment. Its password is asked for, or comes from --password-file or
TRANSHUME_PASSWORD; TRANSHUME_FROM may hold the whole address. A bad row stops nothing: it is left out, and the report says
why. Run the same command again for what is new; what is in the directory already stays as it is there.

Exit codes: 0 every row is in the directory, or the report says why not; 2 wrong command line, or no PostfixAdmin database;
3 there are rows that the report does not explain; 4 login refused; 5 old database not reachable; 7 the directory cannot be
read or written; 8 another program is writing into it; 70 internal error.";

/// Brings a PostfixAdmin database (2.3 to 4) into the directory
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Arguments {
    #[command(flatten)]
    directory: DirectoryOptions,

    /// The old database.
    #[arg(long, value_name = "URL", help = FROM_HELP)]
    from: Option<String>,

    /// A file that holds the old database's password on its only line; - is standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// What the names of all tables begin with (`database_prefix`)
    #[arg(long, value_name = "PREFIX", default_value = "")]
    table_prefix: String,

    /// A table with another name, like mailbox=accounts (`database_tables`); once for each
    #[arg(long = "table", value_name = "TABLE=NAME")]
    tables: Vec<String>,

    /// The domain of PostfixAdmin's absence program (`vacation_domain`), if it is not recognised by its addresses
    #[arg(long, value_name = "DOMAIN")]
    vacation_domain: Option<String>,

    /// Octets in one of its megabytes (`quota_multiplier`)
    #[arg(long, value_name = "OCTETS", default_value_t = 1_024_000, value_parser = clap::value_parser!(u64).range(1..))]
    quota_multiplier: u64,

    /// Its passwords are not hashed (encrypt = cleartext): take every one as it is, even if it looks like a hash; or, where
    /// that setting was changed over the years, only those that are no hash of any kind (unrecognised)
    #[arg(long, value_name = "WHICH", value_enum, num_args = 0..=1, default_missing_value = "all")]
    cleartext_passwords: Option<Cleartext>,

    /// Where a mailbox and an administrator have one name, take the administrator's password, not the mailbox's
    #[arg(long)]
    administrators_password: bool,

    /// Write a Sieve script for each absence text into this folder
    #[arg(long, value_name = "DIR")]
    sieve_dir: Option<PathBuf>,

    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Name every row in the report, not only the first of each kind
    #[arg(long)]
    details: bool,

    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cleartext {
    All,
    Unrecognised,
}

/// Runs the command to its end and says how it went.
pub(super) fn run(arguments: &Arguments) -> Exit {
    let began = Instant::now();
    let outcome = execute(arguments);
    let exit = match &outcome {
        Ok(conversion) if conversion.report.unexplained() == 0 && conversion.report.adds_up() => {
            Exit::Complete
        }
        Ok(_) => Exit::Partial,
        Err(failure) => failure.exit,
    };
    let printed = if arguments.json {
        Some(json::outcome(exit, &outcome, arguments.dry_run, began.elapsed()))
    } else {
        let details = arguments.details;
        outcome
            .as_ref()
            .ok()
            .map(|conversion| text::report(conversion, arguments.dry_run, details))
    };
    if let Some(printed) = printed {
        // Whoever reads standard output may have gone; the exit code still tells.
        let _ = writeln!(io::stdout(), "{printed}");
    }
    if let (Err(failure), false) = (&outcome, arguments.json) {
        eprintln!("transhume: {failure}");
    }
    exit
}

fn execute(arguments: &Arguments) -> Result<Conversion, Failure> {
    let source = PostfixadminSource {
        names: names(arguments)?,
        options: options(arguments)?,
        at: location(arguments)?,
    };
    let config = arguments.directory.config()?;
    let target = arguments.directory.location(&config)?;
    let key = config.key_file(&target);
    // The key is made when the first password needs it.
    let seal = |remote: &RemoteMailbox, password: &Secret| {
        Sealer::open(&key)?.seal(REMOTE_MAILBOXES, &remote.to_string(), password.reveal())
    };
    let conversion = directory::run(async {
        let converted = if arguments.dry_run {
            preview_postfixadmin(&source, &target).await
        } else {
            convert_postfixadmin(&source, &target, &seal).await
        };
        converted.map_err(|error| failure(&error, &target))
    })?;
    if let (Some(folder), false) = (&arguments.sieve_dir, arguments.dry_run) {
        write_scripts(folder, &conversion.directory)?;
    }
    Ok(conversion)
}

fn location(arguments: &Arguments) -> Result<ForeignLocation, Failure> {
    let read = |text: &str, origin: &str| {
        ForeignLocation::parse(text).map_err(|error| {
            Failure::usage(
                format!("{origin} does not say where the old database is: {error}"),
                "",
            )
        })
    };
    let location = if let Some(text) = &arguments.from {
        let location = read(text, "--from")?;
        if location.names_password() {
            return Err(Failure::usage(
                "--from has a password in it",
                format!(
                    "Other users of this machine can read command lines: leave the password out, and use --password-file, \
                     {}, or {VARIABLE} for the whole address.",
                    password::VARIABLE
                ),
            ));
        }
        location
    } else {
        let text = std::env::var(VARIABLE).ok().filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| {
            Failure::usage(
                "nothing says where the old database is",
                format!("Give --from URL, or set {VARIABLE}."),
            )
        })?;
        read(&text, VARIABLE)?
    };
    // Databases on this machine may know who is asking; others are given a password where there is one.
    let is_given = arguments.password_file.is_some() || std::env::var_os(password::VARIABLE).is_some();
    if !location.takes_password() || (location.names_password() && !is_given) {
        return Ok(location);
    }
    if !is_given && !io::IsTerminal::is_terminal(&io::stdin()) {
        return Ok(location);
    }
    let shown = location.to_string();
    let obtained = password::obtain(
        password::OF_SOURCE,
        arguments.password_file.as_deref(),
        "the old database",
        &shown,
    )?;
    let octets = obtained.reveal();
    let password = std::str::from_utf8(&octets).map_err(|_| {
        Failure::usage(
            "the old database's password is not UTF-8",
            "Change it, or give it to another user.",
        )
    })?;
    Ok(if password.is_empty() {
        location
    } else {
        location.with_password(password)
    })
}

fn names(arguments: &Arguments) -> Result<TableNames, Failure> {
    let mut renamed = BTreeMap::new();
    for text in &arguments.tables {
        let (table, name) = text
            .split_once('=')
            .and_then(|(table, name)| Some((Table::named(table.trim())?, name.trim())))
            .filter(|(_, name)| !name.is_empty())
            .ok_or_else(|| {
                let known: Vec<_> = Table::ALL.iter().map(|table| table.name()).collect();
                Failure::usage(
                    format!("--table {text} does not name a table"),
                    format!(
                        "Write TABLE=NAME; PostfixAdmin's tables are {}.",
                        known.join(", ")
                    ),
                )
            })?;
        renamed.insert(table, name.to_owned());
    }
    let prefix = arguments.table_prefix.clone();
    Ok(TableNames { prefix, renamed })
}

fn options(arguments: &Arguments) -> Result<Options, Failure> {
    let vacation_domain = arguments
        .vacation_domain
        .as_deref()
        .map(DomainName::parse)
        .transpose();
    let vacation_domain =
        vacation_domain.map_err(|problem| Failure::usage(format!("--vacation-domain: {problem}"), ""))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Options {
        vacation_domain,
        clear_text: match arguments.cleartext_passwords {
            None => ClearText::None,
            Some(Cleartext::All) => ClearText::All,
            Some(Cleartext::Unrecognised) => ClearText::Unrecognised,
        },
        administrators_password: arguments.administrators_password,
        quota_multiplier: arguments.quota_multiplier,
        ..Options::new(i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
    })
}

fn failure(error: &ConvertError, target: &DirectoryLocation) -> Failure {
    match error {
        ConvertError::Directory(error) => directory::failure(error),
        ConvertError::Seal(why) => Failure::new(Exit::TargetFailed, format!("{target}: {why}"), ""),
        ConvertError::Source(error) => match error {
            ForeignError::Address(_) => Failure::usage(error, ""),
            ForeignError::NotPostfixAdmin { .. } => Failure::usage(
                error,
                "Name the right database, or say what its tables are called (--table-prefix, --table).",
            ),
            ForeignError::Refused { .. } => Failure::new(
                Exit::LoginRefused,
                error,
                format!(
                    "Look at the user, and give the password (--password-file, {}).",
                    password::VARIABLE
                ),
            ),
            ForeignError::Database { .. } => Failure::new(
                Exit::Unreachable,
                error,
                "Look at the address, and whether the database answers this machine; then run the same command again.",
            ),
        },
    }
}

/// Writes a script for each absence text: `ADDRESS.sieve`. Slashes, which no file name may hold, become `%2F`.
fn write_scripts(folder: &Path, directory: &Directory) -> Result<(), Failure> {
    let failed = |path: &Path, error: io::Error| {
        Failure::new(
            Exit::TargetFailed,
            format!(
                "--sieve-dir: {} cannot be written: {error}; all else is done",
                path.display()
            ),
            "Name a folder that can be written, and run the same command again.",
        )
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (address, script) in directory.absence_scripts() {
        let name = address.as_str().replace('%', "%25").replace('/', "%2F");
        let path = folder.join(format!("{name}.sieve"));
        fs::write(&path, script).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
