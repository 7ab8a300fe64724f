//! `transhume offlineimap-config`: the configuration for those who want OfflineIMAP to carry the mail.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tempfile::NamedTempFile;
use transhume_db::Sealer;
use transhume_db::directory::DirectoryPool;
use transhume_ops::offlineimap_config::{Configuration, Filtered, LocalMaster, Request, offlineimap_config};

use super::account::password::{self, OF_LOCAL_MASTER};
use super::directory::{self, Answer, Common, amount, tell};
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Examples:
  transhume offlineimap-config --output /var/lib/transhume/offlineimap.conf
  transhume offlineimap-config --output F --local-master root --local-master-password-file P

The file holds everybody's passwords. It is written at once, for its owner alone to read (--no-restrict lets its group read it
too). Who is not in it is told. Where “transhume serve” runs, nothing of this is needed.

Exit codes: 0 written; 2 wrong command line, or there is no directory; 3 written, but there is no account in it; 7 the directory
cannot be reached or read, or the file cannot be written; 70 internal error.";

/// Writes OfflineIMAP's configuration for everybody who is being moved
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The file to write; what is there is replaced
    #[arg(long, value_name = "FILE")]
    output: PathBuf,

    /// Let the file's group read it too
    #[arg(long)]
    no_restrict: bool,

    /// The IMAP server here
    #[arg(long, value_name = "HOST", default_value = "localhost")]
    local_host: String,

    /// Its port [default: 143]
    #[arg(long, value_name = "PORT")]
    local_port: Option<u16>,

    /// A user who may log in here as anybody (USER*LOGIN); without one, the password of the old server has to be right here
    #[arg(long, value_name = "LOGIN")]
    local_master: Option<String>,

    /// File that holds that user's password on its only line (- for standard input)
    #[arg(long, value_name = "FILE", requires = "local_master")]
    local_master_password_file: Option<PathBuf>,

    /// The certificates of the authorities that are believed
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/ssl/certs/ca-certificates.crt"
    )]
    ca_file: String,

    /// As “Folder Filter Exclusions”, instead of the settings' patterns: a regular expression of Python's
    #[arg(long, value_name = "REGEX")]
    folder_filter_exclude: Option<String>,

    /// As “Folder Filter Inclusions”: folders, with commas between them, that come in spite of the exclusions
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    folder_filter_include: Vec<String>,

    /// Say nothing but errors
    #[arg(long, short)]
    quiet: bool,

    #[command(flatten)]
    common: Common,
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let common = &arguments.common;
    let mut answer = execute(arguments);
    if let (true, Ok(answer)) = (arguments.quiet, &mut answer) {
        answer.text.clear();
    }
    tell(answer, common.json)
}

fn execute(arguments: &Arguments) -> Result<Answer, Failure> {
    let request = request(arguments)?;
    let (_, key) = arguments.common.places()?;
    let sealer = Sealer::open(&key).map_err(|error| Failure::new(Exit::TargetFailed, error, ""))?;
    let configuration = arguments.common.look(async |pool: &DirectoryPool| {
        let configuration = offlineimap_config(pool, &sealer, &request).await;
        configuration.map_err(|error| directory::failure(&error))
    })?;
    write(
        &arguments.output,
        configuration.text.as_bytes(),
        arguments.no_restrict,
    )?;
    Ok(answer(&arguments.output, &configuration))
}

fn request(arguments: &Arguments) -> Result<Request, Failure> {
    let one_line = |option: &str, text: &str| match text.trim() {
        text if text.is_empty() || text.chars().any(char::is_control) => {
            Err(Failure::usage(format!("{option} is not one line of text"), ""))
        }
        text => Ok(text.to_owned()),
    };
    let local_master = match &arguments.local_master {
        None => None,
        Some(login) => {
            let file = arguments.local_master_password_file.as_deref();
            let password = password::ask(OF_LOCAL_MASTER, file, login)?;
            let password = String::from_utf8(password.reveal());
            Some(LocalMaster {
                login: one_line("--local-master", login)?,
                separator: '*',
                password: password.map_err(|_| {
                    Failure::usage(
                        "the master user's password is not UTF-8",
                        "OfflineIMAP sends UTF-8 only.",
                    )
                })?,
            })
        }
    };
    let include = arguments
        .folder_filter_include
        .iter()
        .map(|name| one_line("--folder-filter-include", name))
        .collect::<Result<Vec<_>, _>>()?;
    let filter = Filtered {
        exclude: arguments
            .folder_filter_exclude
            .clone()
            .filter(|text| !text.is_empty()),
        include,
    };
    Ok(Request {
        local_host: one_line("--local-host", &arguments.local_host)?,
        local_port: arguments.local_port,
        authorities: one_line("--ca-file", &arguments.ca_file)?,
        local_master,
        filter: (filter.exclude.is_some() || !filter.include.is_empty()).then_some(filter),
    })
}

/// Writes the file: whole, or not at all, and never with more rights than it ends with.
fn write(path: &Path, bytes: &[u8], for_group: bool) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = || -> std::io::Result<()> {
        // A new file is its owner's alone from the first moment.
        let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        if for_group {
            file.as_file()
                .set_permissions(std::fs::Permissions::from_mode(0o640))?;
        }
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    written().map_err(|error| {
        Failure::new(
            Exit::TargetFailed,
            format!("{} cannot be written: {error}", path.display()),
            "Name a file in a folder that this user may write into.",
        )
    })
}

fn answer(output: &Path, configuration: &Configuration) -> Answer {
    let Configuration {
        accounts,
        left_out,
        warnings,
        ..
    } = configuration;
    let mut text = format!(
        "{} written, with {}.\n",
        output.display(),
        amount(*accounts, "account", "accounts")
    );
    for warning in warnings {
        let _ = writeln!(text, "Warning: {warning}.");
    }
    for (address, why) in left_out {
        let _ = writeln!(text, "Left out: {address}: {why}.");
    }
    let left: Vec<_> = left_out
        .iter()
        .map(|(address, why)| json!({ "old_address": address.as_str(), "why": why }))
        .collect();
    let output = output.display().to_string();
    let json = json!({ "output": output, "accounts": accounts, "left_out": left, "warnings": warnings });
    Answer {
        exit: if *accounts == 0 {
            Exit::Partial
        } else {
            Exit::Complete
        },
        ..Answer::new(text, json)
    }
}
