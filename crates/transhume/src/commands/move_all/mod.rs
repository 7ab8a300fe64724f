//! `transhume move-all`: many accounts, named in a file, several at a time in one process.

mod accounts;
mod board;
mod outcome;
mod table;
mod turns;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Args;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::task::{JoinSet, LocalSet, spawn_blocking};
use transhume_sync::{Doveadm, Raise, Stop, stop_switch};

use self::accounts::{Account, Folders, Label};
use self::board::{Board, Listener};
use self::outcome::{All, Ended};
use self::table::Fault;
use self::turns::Turns;
use super::account::{Manner, listen_for_signals};
use super::move_account::setup::{MoveRules, Setup};
use super::move_account::{Moving, Outcome, Telling};
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
The file is CSV (separated by commas, semicolons or tabs); its first line names the columns, in any order:
  from           the old account, as in transhume move
  to             the new mailbox, maildir:/PATH
  password       the password; or
  password_file  a file that holds it on its only line (relative to the file of accounts)
  state          where to remember what was moved, if not beside the Maildir (may be left out)
  dovecot_user   the account's name in Dovecot here, for doveadm (may be left out)

Examples:
  transhume move-all --accounts accounts.csv --dry-run
  transhume move-all --accounts accounts.csv

Nothing is done before the whole file is found to be right. The trouble of one account never stops the others. The same
command again brings over what has changed since, as does transhume move for one of them. The old servers are never
written to.

Exit codes: 0 all accounts moved and verified; 2 wrong command line, or something is wrong in the file; 3 some accounts are
not complete (the report names them, --json gives each one's own code); 70 internal error; 130 interrupted.";

/// Accounts at a time for each processor: a pass mostly waits, for the old server, for the line, or for the disk, so that
/// several keep a processor busy.
const JOBS_PER_PROCESSOR: usize = 4;

/// At the most, unless more are asked for: each takes some megabytes, two threads and some thirty open files.
const JOBS_MAX: usize = 32;

/// Moves many mailbox accounts, named in a file, several at a time
#[derive(Debug, Args)]
#[allow(clippy::doc_markdown, reason = "these comments are the help text")]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// File of accounts (- for standard input); see below
    #[arg(long, value_name = "FILE")]
    accounts: PathBuf,

    /// Accounts moved at a time [default: 4 for each processor, at most 32]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    jobs: Option<usize>,

    /// Accounts moved at a time from one old server: many servers allow no more connections than this
    #[arg(long, value_name = "N", default_value = "10", value_parser = at_least_one)]
    per_host: usize,

    /// Where to remember what was moved, a file for each account [default: beside each Maildir, PATH.transhume.db]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,

    /// Dovecot's configuration file for the column dovecot_user, if it is not the usual one
    #[arg(long, value_name = "FILE")]
    dovecot_config: Option<PathBuf>,

    #[command(flatten)]
    manner: Manner,

    #[command(flatten)]
    moving: Moving,
}

impl Arguments {
    fn telling(&self) -> Telling {
        Telling {
            dry_run: self.moving.dry_run,
            quiet: self.manner.quiet,
            into_maildir: true,
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        other => other.map_err(|error| format!("{error}")),
    }
}

/// What cannot be begun.
struct Refusal {
    failure: Failure,
    faults: Vec<Fault>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let faults = Vec::new();
        Self { failure, faults }
    }
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let began = Instant::now();
    let manner = &arguments.manner;
    match execute(arguments, began) {
        Ok((exit, text)) => {
            // Whoever reads standard output may have gone; the exit code still tells.
            let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
            exit
        }
        Err(Refusal { failure, faults }) => {
            eprintln!("transhume: {failure}");
            for fault in &faults {
                eprintln!("  {fault}");
            }
            if manner.json {
                let text = outcome::nothing_done(arguments.telling(), &failure, &faults, began.elapsed());
                let _ = writeln!(std::io::stdout(), "{text}");
            }
            failure.exit
        }
    }
}

fn execute(arguments: &Arguments, began: Instant) -> Result<(Exit, String), Refusal> {
    let manner = &arguments.manner;
    let rules = MoveRules::new(manner, &arguments.moving, 1)?;
    let (accounts, warnings) = read_accounts(arguments)?;
    if !manner.quiet {
        for warning in &warnings {
            eprintln!("Warning: {warning}");
        }
    }
    let labels: Vec<Label> = accounts.iter().map(Account::label).collect();
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("the program cannot start: {error}"), ""))?;
    let (switch, stop) = stop_switch();
    let ended = LocalSet::new().block_on(&runtime, async {
        let listening = tokio::spawn(listen_for_signals(switch, manner.quiet));
        let board = Rc::new(Board::new(accounts.len(), manner.quiet));
        let work = Rc::new(Work {
            rules,
            doveadm_config: arguments.dovecot_config.clone(),
            board: Rc::clone(&board),
            stop,
        });
        let ended = move_all(&work, arguments, accounts, &labels).await;
        board.end();
        listening.abort();
        ended
    });
    // A thread that waits for a lock must not keep the program from ending.
    runtime.shutdown_timeout(Duration::from_secs(1));
    let all = All {
        telling: arguments.telling(),
        labels: &labels,
        ended: &ended,
        warnings: &warnings,
        took: began.elapsed(),
    };
    let text = if manner.json { all.json() } else { all.text() };
    Ok((all.exit(), text))
}

/// What the moves of all accounts share.
struct Work {
    rules: MoveRules,
    doveadm_config: Option<PathBuf>,
    board: Rc<Board>,
    stop: Stop,
}

/// Moves them, and gives what became of each. One thread decides and reads; what waits for disks, or computes digests, has
/// threads of its own.
async fn move_all(
    work: &Rc<Work>,
    arguments: &Arguments,
    accounts: Vec<Account>,
    labels: &[Label],
) -> Vec<Option<Ended>> {
    let hosts = accounts.iter().map(|account| account.ends.source.host.as_str());
    let jobs = arguments.jobs.unwrap_or_else(usual_jobs);
    let mut turns = Turns::new(hosts, jobs, arguments.per_host);
    let mut waiting: Vec<Option<Account>> = accounts.into_iter().map(Some).collect();
    let mut ended: Vec<Option<Ended>> = waiting.iter().map(|_| None).collect();
    let mut running = JoinSet::new();
    let mut numbers = HashMap::new();
    let mut stopping = false;
    loop {
        while let Some(number) = turns.next() {
            let Some(account) = waiting[number].take() else {
                continue;
            };
            let (work, label) = (Rc::clone(work), labels[number].clone());
            work.board.begun();
            let began = Instant::now();
            let task =
                running.spawn_local(async move { (work.move_one(account, &label).await, began.elapsed()) });
            numbers.insert(task.id(), number);
        }
        let joined = tokio::select! {
            joined = running.join_next_with_id() => joined,
            () = work.stop.asked(), if !stopping => {
                stopping = true;
                turns.stop();
                continue;
            }
        };
        let (id, (outcome, took)) = match joined {
            None => return ended,
            Some(Ok(joined)) => joined,
            Some(Err(error)) => {
                let failure = Failure::new(
                    Exit::Internal,
                    "a part of the program has failed",
                    "This is a mistake of transhume: please report it.",
                );
                (error.id(), (Err(failure), Duration::ZERO))
            }
        };
        if let Some(number) = numbers.remove(&id) {
            let label = &labels[number];
            let folded = Ended::new(arguments.telling(), arguments.manner.json, label, &outcome, took);
            work.board.ended(label, &folded);
            ended[number] = Some(folded);
            turns.ended(number);
        }
    }
}

impl Work {
    async fn move_one(&self, account: Account, label: &Label) -> Result<Outcome, Failure> {
        let Account {
            ends,
            password,
            dovecot_user,
            ..
        } = account;
        let setup = Setup::of(ends, &self.rules, |_| Ok(password.reveal()))?;
        let listener = Listener {
            board: &self.board,
            label,
        };
        let report = setup.move_account(&listener, &self.stop).await?;
        let doveadm = dovecot_user
            .filter(|_| !self.rules.is_dry_run())
            .map(|user| Doveadm {
                user,
                config: self.doveadm_config.clone(),
            });
        let Some(doveadm) = doveadm else {
            let dovecot_trouble = None;
            return Ok(Outcome {
                report,
                dovecot_trouble,
            });
        };
        let told = spawn_blocking(move || {
            let dovecot_trouble = doveadm.raise_mod_seqs(&report, Raise::Touched).err();
            Outcome {
                report,
                dovecot_trouble,
            }
        });
        told.await.map_err(|error| {
            Failure::new(
                Exit::Internal,
                error,
                "This is a mistake of transhume: please report it.",
            )
        })
    }
}

fn usual_jobs() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (processors * JOBS_PER_PROCESSOR).min(JOBS_MAX)
}

/// As many open files as the system lets us have: the usual limit is made for programs that do one thing.
pub(crate) fn raise_file_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // Where it cannot be raised, accounts that want for it say so.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn read_accounts(arguments: &Arguments) -> Result<(Vec<Account>, Vec<String>), Refusal> {
    let file = &arguments.accounts;
    let (bytes, mode) = read_file(file).map_err(|error| {
        Failure::usage(
            format!("the file of accounts {} cannot be read: {error}", file.display()),
            "Give the name of a CSV file with the columns from, to, and password or password_file.",
        )
    })?;
    let folders = Folders {
        own: file.parent().unwrap_or(Path::new("")),
        state: arguments.state_dir.as_deref(),
    };
    if let Some(folder) = folders.state.filter(|folder| !folder.is_dir()) {
        let what = format!("--state-dir: {} is not a folder", folder.display());
        return Err(Failure::usage(what, "Make it first, or leave the option out.").into());
    }
    let accounts = accounts::read(&bytes, folders).map_err(|faults| Refusal {
        failure: Failure::usage(
            format!("{} has {} faults", file.display(), faults.len()),
            "Nothing was done. Mend them, and run the same command again:",
        ),
        faults,
    })?;
    let mut warnings = Vec::new();
    if mode.is_some_and(|mode| mode & 0o004 != 0)
        && accounts.iter().any(|account| account.is_password_in_file)
    {
        let shown = file.display();
        warnings.push(format!(
            "{shown} holds passwords, and everybody on this machine can read it (chmod 600 {shown} ends that)."
        ));
    }
    Ok((accounts, warnings))
}

/// The bytes of a file and its mode; of standard input, they are all there is.
fn read_file(file: &Path) -> std::io::Result<(Vec<u8>, Option<u32>)> {
    let mut bytes = Vec::new();
    if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes)?;
        return Ok((bytes, None));
    }
    let mut file = std::fs::File::open(file)?;
    file.read_to_end(&mut bytes)?;
    Ok((bytes, Some(file.metadata()?.mode())))
}
