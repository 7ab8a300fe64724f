//! `transhume move`: one account, once, from an IMAP server into a Maildir, or onto another IMAP server.

pub(super) mod report;
pub(super) mod setup;
mod target;

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use transhume_sync::{Doveadm, Raise, Report};

use super::account;
use super::directory::Answer;
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Examples:
  transhume move --from imaps://alice@mail.old.example --to maildir:/var/vmail/alice/Maildir --dry-run
  transhume move --from imaps://alice@mail.old.example --to maildir:/var/vmail/alice/Maildir
  transhume move --from imaps://alice@mail.old.example --to imaps://alice@mail.new.example

Into a Maildir, messages keep their UIDs, and clients download nothing again. A server that is only reached by IMAP
gives messages UIDs of its own: use that where the new server's files are out of reach.

The password is asked for, or read from --password-file or the variable TRANSHUME_PASSWORD; that of the new server from
--to-password-file or TRANSHUME_TO_PASSWORD. The same command again brings over what has changed since. The old server is
never written to.

Exit codes: 0 all moved and verified; 2 wrong command line; 3 finished, but some messages or mailboxes stay behind
(the report names them); 4 login refused; 5 server not reachable or connection lost; 6 certificate not trusted;
7 new side not writable; 8 another run is at work there; 70 internal error; 130 interrupted.";

/// Moves one mailbox account from an IMAP server into a Maildir that Dovecot serves, with the same UIDs, flags and dates; or
/// onto another IMAP server
#[derive(Debug, Args)]
#[allow(
    clippy::doc_markdown,
    rustdoc::bare_urls,
    reason = "these comments are the help text"
)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: account::Options,

    #[command(flatten)]
    moving: Moving,

    /// File that holds the password of the new account, where --to is imaps://USER@HOST[:PORT], imap://… or
    /// imap+insecure://… (- for standard input)
    #[arg(long, value_name = "FILE")]
    to_password_file: Option<PathBuf>,

    /// Believe the new server's certificate if this is its SHA-256, where --to is an account on a server
    #[arg(long, value_name = "sha256:HEX")]
    to_pin: Option<String>,

    /// The account's name in Dovecot here: lets doveadm tell it how far the old server's change numbers had got, so that
    /// clients with CONDSTORE or QRESYNC miss nothing
    #[arg(long, value_name = "USER")]
    dovecot_user: Option<String>,

    /// Dovecot's configuration file for --dovecot-user, if it is not the usual one
    #[arg(long, value_name = "FILE", requires = "dovecot_user")]
    dovecot_config: Option<PathBuf>,
}

// How accounts are moved, whichever and however many. (A doc comment would take the place of the command's own.)
#[derive(Debug, Args)]
#[allow(clippy::doc_markdown, reason = "these comments are the help text")]
pub(super) struct Moving {
    /// Owner of all files made, USER[:GROUP]; as root the default is the owner of the folder the Maildir lies in
    #[arg(long, value_name = "USER[:GROUP]")]
    owner: Option<String>,

    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,

    /// When files are made safe from a power cut
    #[arg(long, value_enum, default_value_t = Durability::Batch)]
    durability: Durability,

    /// What becomes of messages that were removed on the old server after they were moved
    #[arg(long, value_enum, default_value_t = Deletions::Keep)]
    deletions: Deletions,

    /// With --deletions follow: remove nothing from a mailbox that has lost more messages than these on the old server
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    most_deletions: u32,

    /// Connections to the old server for one account, if there is much to carry; fewer where it refuses them [default: 2; with
    /// move-all 1]. Onto a server by IMAP it is always one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(super) connections: Option<u32>,
}

/// When files are made safe from a power cut.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Durability {
    /// Many at a time, by flushing the whole file system (fastest; other programs may feel it)
    Batch,
    /// Each by itself
    File,
    /// Never: only for tries
    None,
}

/// What becomes of messages that were removed on the old server.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Deletions {
    /// They stay here
    Keep,
    /// They are removed here too, when they have been missing in two runs and were not touched here
    Follow,
}

/// What of the options a report depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    pub(super) dry_run: bool,
    pub(super) quiet: bool,
    /// Whether mail goes into files, where UIDs can be kept and roles are configuration.
    pub(super) into_maildir: bool,
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let began = Instant::now();
    let telling = Telling {
        dry_run: arguments.moving.dry_run,
        quiet: arguments.account.manner.quiet,
        into_maildir: arguments.account.to.starts_with("maildir:"),
    };
    let json = arguments.account.manner.json;
    let outcome = execute(arguments);
    let exit = exit_of(&outcome, telling.dry_run);
    if json {
        let text = report::json(telling, &outcome, began.elapsed());
        // Whoever reads standard output may have gone; the exit code still tells.
        let _ = writeln!(std::io::stdout(), "{text}");
    }
    match outcome {
        Ok(outcome) if !json => {
            let text = report::text(telling, &outcome, began.elapsed());
            let _ = write!(std::io::stdout(), "{text}");
        }
        Ok(_) => {}
        Err(failure) => eprintln!("transhume: {failure}"),
    }
    exit
}

/// What scripts see of an account's outcome.
pub(super) fn exit_of(outcome: &Result<Outcome, Failure>, dry_run: bool) -> Exit {
    match outcome {
        Ok(outcome) if outcome.is_complete(dry_run) => Exit::Complete,
        Ok(_) => Exit::Partial,
        Err(failure) => failure.exit,
    }
}

/// How a dry run answers.
pub(crate) fn shown(report: Report) -> Answer {
    let telling = Telling {
        dry_run: true,
        quiet: false,
        into_maildir: true,
    };
    let outcome = Outcome {
        report,
        dovecot_trouble: None,
    };
    let text = report::text(telling, &outcome, Duration::ZERO);
    let outcome = Ok(outcome);
    Answer {
        text,
        json: report::json(telling, &outcome, Duration::ZERO),
        exit: exit_of(&outcome, true),
    }
}

/// What a pass that came to its end came to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) report: Report,
    /// What doveadm could not do.
    pub(super) dovecot_trouble: Option<String>,
}

impl Outcome {
    /// A dry run is complete when it could look at everything.
    fn is_complete(&self, dry_run: bool) -> bool {
        let report = &self.report;
        let is_done = if dry_run {
            report.is_free_of_trouble()
        } else {
            report.is_complete()
        };
        is_done && self.dovecot_trouble.is_none()
    }
}

fn execute(arguments: &Arguments) -> Result<Outcome, Failure> {
    let setup = setup::Setup::new(arguments)?;
    let report = account::run(arguments.account.manner.quiet, async |observer, stop| {
        setup.move_account(observer, stop).await
    })?;
    let doveadm = arguments
        .dovecot_user
        .as_ref()
        .filter(|_| !arguments.moving.dry_run)
        .map(|user| Doveadm {
            user: user.clone(),
            config: arguments.dovecot_config.clone(),
        });
    let dovecot_trouble = doveadm.and_then(|doveadm| doveadm.raise_mod_seqs(&report, Raise::Touched).err());
    Ok(Outcome {
        report,
        dovecot_trouble,
    })
}
