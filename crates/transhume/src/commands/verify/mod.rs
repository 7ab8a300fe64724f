//! `transhume verify`: both sides are read again, and every difference is explained. Nothing is written.

mod html;
mod json;
mod setup;
mod text;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use transhume_model::verify::Standing;
use transhume_sync::{Depth, Verification};

use self::setup::{Setup, Title};
use super::account;
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Examples:
  transhume verify --from imaps://alice@mail.old.example --to maildir:/var/vmail/alice/Maildir
  transhume verify --from imaps://alice@mail.old.example --to maildir:/var/vmail/alice/Maildir --deep --html alice.html

Every file on the new side is read and compared with what was moved; --deep fetches every message from the old server
again as well, which takes as long as moving them. Nothing is written: not on the old server, not on the new side, not
in the state file. Before the old server is switched off, “unexplained: 0” and exit code 0 are what to wait for.

Exit codes: 0 all of the old server's mail is here, and every difference explained; 2 wrong command line; 3 finished,
but some mail is not here (not moved yet, or quarantined), or some difference has no explanation (the report names
them); 4 login refused; 5 old server not reachable or connection lost; 6 certificate not trusted; 7 new side not
readable; 8 another run is at work there; 70 internal error; 130 interrupted.";

/// Compares the old account with the Maildir that it was moved into, and explains every difference; changes nothing
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    account: account::Options,

    /// Fetch every message from the old server again, and compare its bytes too
    #[arg(long)]
    deep: bool,

    /// Write the outcome as a page for a browser into this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Arguments {
    fn depth(&self) -> Depth {
        if self.deep { Depth::Texts } else { Depth::Rows }
    }
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let began = Instant::now();
    let outcome = execute(arguments);
    let took = began.elapsed();
    let mut exit = match &outcome {
        Ok((_, verification)) if verification.is_good() => Exit::Complete,
        Ok(_) => Exit::Partial,
        Err(failure) => failure.exit,
    };
    if let (Ok((title, verification)), Some(file)) = (&outcome, &arguments.html)
        && let Err(failure) = write_page(file, title, verification)
    {
        eprintln!("transhume: {failure}");
        exit = failure.exit;
    }
    let outcome = outcome.map(|(_, verification)| verification);
    if arguments.account.manner.json {
        let text = json::outcome(exit, &outcome, took);
        // Whoever reads standard output may have gone; the exit code still tells.
        let _ = writeln!(std::io::stdout(), "{text}");
    }
    match outcome {
        Ok(verification) if !arguments.account.manner.json => {
            let text = text::report(&verification, took);
            let _ = write!(std::io::stdout(), "{text}");
        }
        Ok(_) => {}
        Err(failure) => eprintln!("transhume: {failure}"),
    }
    exit
}

fn execute(arguments: &Arguments) -> Result<(Title, Verification), Failure> {
    let setup = Setup::new(arguments)?;
    let title = setup.title();
    let verification = account::run(arguments.account.manner.quiet, async |observer, stop| {
        setup.verify(observer, stop).await
    })?;
    Ok((title, verification))
}

fn write_page(file: &Path, title: &Title, verification: &Verification) -> Result<(), Failure> {
    let page = html::page(title, verification);
    std::fs::write(file, page).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("--html: {} cannot be written: {error}", file.display()),
            "Name a file in a folder that can be written, and run the same command again.",
        )
    })
}

/// What a comparison comes to, in one sentence.
fn verdict(verification: &Verification) -> &'static str {
    let (behind, unexplained) = (
        verification.count(Standing::Behind),
        verification.count(Standing::Unexplained),
    );
    match (behind, unexplained) {
        (0, 0) => "All of the old server's mail is here, and every difference is explained.",
        (_, 0) => {
            "Not all of the old server's mail is here: run “transhume move” again, which brings it or says why not."
        }
        (0, _) => "Some differences have no explanation: look at them before the old server is switched off.",
        (_, _) => {
            "Some differences have no explanation, and not all of the old server's mail is here: run “transhume move” \
             again, then look at what is left."
        }
    }
}

/// What a comparison without a base cannot tell.
const NO_BASE: &str = "No record of a move into this Maildir was found (is --state right?). Messages are known by their marks \
                       only: their bytes are compared by size, unless --deep is given, and what is missing or has other flags \
                       cannot be explained.";
