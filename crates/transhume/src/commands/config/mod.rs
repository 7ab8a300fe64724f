//! `transhume config`: the files with which Postfix and Dovecot serve the directory; and whether our own is right.

mod check;
mod write;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use transhume_ops::serving::{self, Rendered, Request, RolePassword, ServiceHook, Version};

use crate::config::said::of_process;
use crate::config::{DirectoryOptions, password_in};
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Examples:
  transhume config check
  transhume config postfix
  transhume config postfix --output /etc/postfix/transhume
  transhume config dovecot --dovecot 2.4 --output /etc/dovecot/transhume
  transhume config dovecot --admit-logins --output /etc/dovecot/transhume
  transhume config dovecot --directory postgres://transhume@db.example.org/mail \\
      --role-password-file /srv/dovecot-role --output /etc/dovecot/transhume

Without --output the files are printed. With it they are written, each at once, those with a password readable for root and
the server's group alone; what is left to do is printed. Neither server is touched, nor is the directory.

Exit codes: 0 printed or written, or right; 2 wrong command line or configuration; 7 the files cannot be written; 70 internal error.";

/// Prints or writes the files with which Postfix or Dovecot serve the directory; or checks the configuration file
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Reads the configuration file and the variables as the service does, and tells what holds
    Check {
        #[command(flatten)]
        directory: DirectoryOptions,
    },

    /// Maps for Postfix, and settings for its main.cf
    Postfix {
        #[command(flatten)]
        options: Options,
    },
    /// Logins, mailboxes and quotas for Dovecot
    Dovecot {
        #[command(flatten)]
        options: Options,

        /// The version that is to read the files (“dovecot --version” tells it)
        #[arg(long = "dovecot", value_name = "VERSION", default_value = "2.3")]
        version: DovecotVersion,

        /// The folder of all mail
        #[arg(long, value_name = "DIR", default_value = "/var/vmail")]
        mail_root: PathBuf,

        /// The user, and its group, that all mail belongs to
        #[arg(long, value_name = "USER[:GROUP]", default_value = "vmail")]
        mail_owner: String,

        /// Postfix's queue, where both servers meet
        #[arg(long, value_name = "DIR", default_value = "/var/spool/postfix")]
        queue: PathBuf,

        /// Let people of old platforms log in: Dovecot asks the service (transhume serve) about those whom the directory does
        /// not let in
        #[arg(long)]
        admit_logins: bool,
    },
}

#[derive(Debug, Args)]
struct Options {
    #[command(flatten)]
    directory: DirectoryOptions,

    /// Write the files into this folder, in place of those that are there
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// A file with the password of the PostgreSQL role that the server is to read the directory with
    #[arg(long, value_name = "FILE")]
    role_password_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DovecotVersion {
    #[value(name = "2.3")]
    V2_3,
    #[value(name = "2.4")]
    V2_4,
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    match execute(&arguments.subject) {
        Ok(text) => {
            // Whoever reads standard output may have gone; the exit code still tells.
            let _ = write!(std::io::stdout(), "{text}");
            Exit::Complete
        }
        Err(failure) => {
            eprintln!("transhume: {failure}");
            failure.exit
        }
    }
}

fn execute(subject: &Subject) -> Result<String, Failure> {
    let unusable = |error| Failure::usage(error, "");
    let (name, options, rendered) = match subject {
        Subject::Check { directory } => return check::check(directory),
        Subject::Postfix { options } => {
            let request = request("postfix", options, Path::new("/"), "root", Path::new("/"), None)?;
            ("postfix", options, serving::postfix(&request).map_err(unusable)?)
        }
        Subject::Dovecot {
            options,
            version,
            mail_root,
            mail_owner,
            queue,
            admit_logins,
        } => {
            let service = admit_logins.then(|| service_hook(options)).transpose()?;
            let request = request("dovecot", options, mail_root, mail_owner, queue, service)?;
            let version = match version {
                DovecotVersion::V2_3 => Version::V2_3,
                DovecotVersion::V2_4 => Version::V2_4,
            };
            let rendered = serving::dovecot(&request, version).map_err(unusable)?;
            ("dovecot", options, rendered)
        }
    };
    match &options.output {
        None => Ok(printed(&rendered)),
        Some(folder) => {
            let notes = write::files(folder, name, &rendered)?;
            let count = rendered.files.len();
            Ok(format!(
                "{count} files written into {}.\n{notes}\n{}",
                folder.display(),
                rendered.instructions
            ))
        }
    }
}

fn request(
    server: &str,
    options: &Options,
    mail_root: &Path,
    mail_owner: &str,
    queue: &Path,
    service: Option<ServiceHook>,
) -> Result<Request, Failure> {
    let location = options.directory.location(&options.directory.config()?)?;
    let role_password = options
        .role_password_file
        .as_deref()
        .map(role_password)
        .transpose()?;
    if role_password.is_some() && location.file().is_some() {
        return Err(Failure::usage(
            "--role-password-file is for PostgreSQL, and the directory is a SQLite file",
            "Leave it out: who may read the file is said by its permissions.",
        ));
    }
    if role_password.is_none() && location.file().is_none() && options.output.is_some() {
        return Err(Failure::usage(
            "the server is to read PostgreSQL with a role of its own, and there is no password for it",
            "Make one that root alone may read, for example with “umask 077; openssl rand -hex 24 > FILE”, and name it with \
             --role-password-file. Keep it for the next time.",
        ));
    }
    let (user, group) = mail_owner.split_once(':').unwrap_or((mail_owner, mail_owner));
    Ok(Request {
        location,
        folder: match &options.output {
            Some(folder) => std::path::absolute(folder).unwrap_or_else(|_| folder.clone()),
            None => format!("/etc/{server}/transhume").into(),
        },
        role_password,
        mail_root: mail_root.to_owned(),
        mail_owner: (user.to_owned(), group.to_owned()),
        queue: queue.to_owned(),
        service,
    })
}

/// The service as the configuration describes it.
fn service_hook(options: &Options) -> Result<ServiceHook, Failure> {
    let config = options.directory.config()?;
    Ok(ServiceHook {
        at: config.service(&of_process)?.listen,
        secret: config.login(&of_process)?.hook_secret,
    })
}

fn role_password(file: &Path) -> Result<RolePassword, Failure> {
    let unusable = |error: &dyn std::fmt::Display| {
        format!("--role-password-file: {} cannot be used: {error}", file.display())
    };
    let text = password_in(file).map_err(|error| Failure::usage(unusable(&error), ""))?;
    RolePassword::new(&text).map_err(|error| Failure::usage(unusable(&error), ""))
}

/// All files and what to do with them, in one text.
fn printed(rendered: &Rendered) -> String {
    let mut text = String::new();
    for file in &rendered.files {
        let _ = write!(text, "# ---- {}\n{}\n", file.name, file.text);
    }
    for line in rendered.instructions.lines() {
        let _ = writeln!(text, "# {line}");
    }
    text
}
