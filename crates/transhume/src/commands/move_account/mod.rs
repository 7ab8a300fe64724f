//! `transhume move`: one account, once, from an IMAP server into a Maildir, or onto another IMAP server.

mod address;
mod dovecot;
mod owner;
mod password;
mod progress;
mod report;
mod setup;
mod target;
mod trouble;

use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use transhume_sync::{Report, StopSwitch, stop_switch};

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
    /// The old account: imaps://USER@HOST[:PORT] (TLS), imap://… (STARTTLS), or imap+insecure://… (no encryption)
    #[arg(long, value_name = "ADDRESS")]
    from: String,

    /// The new mailbox: maildir:/PATH, as Dovecot's mail_location names it; or an account: imaps://USER@HOST[:PORT], imap://…,
    /// imap+insecure://…
    #[arg(long, value_name = "TARGET")]
    to: String,

    /// File that holds the password on its only line (- for standard input)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// File that holds the password of the new account, where --to is a server (- for standard input)
    #[arg(long, value_name = "FILE")]
    to_password_file: Option<PathBuf>,

    /// Believe the old server's certificate if this is its SHA-256, whoever issued it (for self-signed servers)
    #[arg(long, value_name = "sha256:HEX")]
    pin: Option<String>,

    /// Believe the new server's certificate if this is its SHA-256, where --to is a server
    #[arg(long, value_name = "sha256:HEX")]
    to_pin: Option<String>,

    /// Owner of all files made, USER[:GROUP]; as root the default is the owner of the folder the Maildir lies in
    #[arg(long, value_name = "USER[:GROUP]")]
    owner: Option<String>,

    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Print the outcome as JSON on standard output
    #[arg(long)]
    json: bool,

    /// Only mailboxes that match, and those below them (* any characters, % any but /); may be repeated
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,

    /// Not mailboxes that match, nor those below them; stronger than --include; may be repeated
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,

    /// Where to remember what was moved [default: beside the Maildir, PATH.transhume.db; for an account
    /// on a server, transhume/USER@HOST.db in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,

    /// The account's name in Dovecot here: lets doveadm tell it how far the old server's change numbers had got, so that
    /// clients with CONDSTORE or QRESYNC miss nothing
    #[arg(long, value_name = "USER")]
    dovecot_user: Option<String>,

    /// Dovecot's configuration file for --dovecot-user, if it is not the usual one
    #[arg(long, value_name = "FILE", requires = "dovecot_user")]
    dovecot_config: Option<PathBuf>,

    /// When files are made safe from a power cut
    #[arg(long, value_enum, default_value_t = Durability::Batch)]
    durability: Durability,

    /// New connections in a row that may bring nothing before giving up
    #[arg(long, value_name = "N", default_value_t = 3)]
    retries: u32,

    /// Seconds for which a server may be silent
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,

    /// Say nothing but errors and the outcome
    #[arg(long, short)]
    quiet: bool,
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

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let began = Instant::now();
    let outcome = execute(arguments);
    let exit = match &outcome {
        Ok(outcome) if outcome.is_complete(arguments.dry_run) => Exit::Complete,
        Ok(_) => Exit::Partial,
        Err(failure) => failure.exit,
    };
    if arguments.json {
        let text = report::json(arguments, exit, &outcome, began.elapsed());
        // Whoever reads standard output may have gone; the exit code still tells.
        let _ = writeln!(std::io::stdout(), "{text}");
    }
    match outcome {
        Ok(outcome) if !arguments.json => {
            let text = report::text(arguments, &outcome, began.elapsed());
            let _ = write!(std::io::stdout(), "{text}");
        }
        Ok(_) => {}
        Err(failure) => eprintln!("transhume: {failure}"),
    }
    exit
}

/// What a pass that came to its end came to.
#[derive(Debug)]
struct Outcome {
    report: Report,
    /// What doveadm could not do.
    dovecot_trouble: Option<String>,
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("the program cannot start: {error}"), ""))?;
    let (switch, stop) = stop_switch();
    let setup = setup::Setup::new(arguments)?;
    let result = runtime.block_on(async {
        let listening = tokio::spawn(listen_for_signals(switch, arguments.quiet));
        let observer = progress::Teller::new(arguments);
        let result = setup.move_account(&observer, &stop).await;
        observer.end();
        listening.abort();
        result
    });
    // A thread that waits for a lock must not keep the program from ending.
    runtime.shutdown_timeout(Duration::from_secs(1));
    let report = result?;
    let doveadm = arguments
        .dovecot_user
        .as_ref()
        .filter(|_| !arguments.dry_run)
        .map(|user| dovecot::Doveadm {
            user: user.clone(),
            config: arguments.dovecot_config.clone(),
        });
    let dovecot_trouble = doveadm.and_then(|doveadm| doveadm.raise_mod_seqs(&report).err());
    Ok(Outcome {
        report,
        dovecot_trouble,
    })
}

/// The first signal asks for a clean end; the second ends the program at once, which loses nothing either.
async fn listen_for_signals(switch: StopSwitch, quiet: bool) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let mut asked = false;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if asked {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
        asked = true;
        switch.ask();
        if !quiet {
            eprintln!(
                "\nFinishing what is on its way; press Ctrl-C again to end at once (nothing is lost either way)."
            );
        }
    }
}
