//! `transhume work`: carries accounts, and nothing else. Several of them share a directory in PostgreSQL.

use clap::Args;
use transhume_sync::stop_switch;

use super::account::listen_for_signals;
use crate::config::DirectoryOptions;
use crate::exit::{Exit, Failure};
use crate::service::{Prepared, State, block_on, tell};

const AFTER_HELP: &str = "\
Carries what is due, until it is stopped. Any number of these may run beside “transhume serve”, on other machines too where they
share the directory (PostgreSQL), the folder of all mail and the folder of the state files. Each account has one of them at a time; when one is killed,
the others take over what it had.

It runs as the owner of all mail; started as root, it becomes that user. What it needs to know stands in [service] and [mail] of the configuration
file: see “transhume config check”.

Exit codes: 0 stopped as asked; 2 wrong command line or configuration; 7 the directory or the folders cannot be used; 70 internal
error; 130 stopped at once by a second signal.";

/// Carries accounts whose turn it is, without answering logins
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    directory: DirectoryOptions,
}

/// Runs until somebody asks to stop, and says how it went.
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
    let prepared = Prepared::new(&arguments.directory)?;
    prepared.become_owner()?;
    super::move_all::raise_file_limit();
    let (switch, stop) = stop_switch();
    block_on(async || {
        let listening = tokio::spawn(listen_for_signals(switch, true));
        let pool = prepared.pool().await?;
        let options = prepared.worker(pool.clone());
        eprintln!(
            "transhume work: {} carries for {}",
            options.name, prepared.location
        );
        tell(State::Ready);
        tokio::join!(transhume_worker::run(options, &stop), async {
            stop.asked().await;
            eprintln!("transhume work: finishing what is under way");
            tell(State::Stopping);
        });
        pool.close().await;
        listening.abort();
        Ok(())
    })
}
