//! `transhume migration`: the moves of accounts, and what a person may want of them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use transhume_db::Sealer;
use transhume_db::directory::{DirectoryPool, Filter, MigrationRecord, PassRecord, TransitionError};
use transhume_model::directory::{Address, Secret};
use transhume_model::migration::{Event, Hold, Phase, Progress, Share};
use transhume_ops::add_migration::{AddMigrationError, Mover, add_migration};
use transhume_ops::migration::{MigrationError, delete_migration, find_migration, let_happen};
use transhume_sync::stop_switch;
use transhume_worker::PlanError;

use super::account::password::{self, OF_SOURCE};
use super::account::{listen_for_signals, now};
use super::directory::{self, Answer, Common, moment, table, tell};
use super::move_account::shown;
use super::people;
use super::provider::provider_name;
use super::report::{self, Output};
use super::verify::DepthOptions;
use crate::exit::{Exit, Failure};
use crate::service::{Prepared, block_on};

/// Lines of history that `show` has.
const LINES: u32 = 20;

const AFTER_HELP: &str = "\
Examples:
  transhume migration list --held
  transhume migration show alice@new.example
  transhume migration retry alice@new.example
  transhume migration report alice@new.example --output /srv/reports/alice
  transhume migration verify alice@new.example --report /srv/reports/alice.jsonl
  transhume migration cut-over alice@new.example

A migration is named by its number, by its address here, or by its address on the old server.

Exit codes: 0 done; 2 wrong command line, or it cannot be; 3 (report, verify) not all is here, or a report no longer holds, 4 to
6 (the old server, as with “transhume move”); 7 the directory cannot be reached, read or written; 8 another
program is writing; 70 internal error.";

/// Shows the moves of accounts, and steers them
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows migrations
    List {
        /// Only those in this phase
        #[arg(long, value_parser = PossibleValuesParser::new(Phase::ALL.map(Phase::as_str)))]
        phase: Option<String>,

        /// Only those that are held
        #[arg(long)]
        held: bool,

        /// Only those from this provider
        #[arg(long, value_name = "NAME")]
        provider: Option<String>,

        /// Only those with this text in one of their addresses, the new one or the old
        text: Option<String>,
    },
    /// Begins one, without its owner having to log in first; domain and account are made where they are not here
    Add {
        /// The address on the old server
        old_address: String,

        /// File that holds the password of the old server on its only line (- for standard input); it becomes the one here
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,

        /// No password: passes log in as the provider's master user, and nobody logs in here until a password is set
        #[arg(long, conflicts_with = "password_file")]
        no_password: bool,
    },
    /// Shows all that is known of one
    Show {
        /// Which
        migration: String,
    },
    /// Shows what the next pass over one would do, and does nothing
    Plan {
        /// Which
        migration: String,
    },
    /// Puts on record where every message of the old mailbox is now, or why not
    Report {
        /// Which
        migration: String,

        #[command(flatten)]
        output: Output,
    },
    /// Compares both sides of one, and explains every difference; changes nothing
    Verify {
        /// Which
        migration: String,

        #[command(flatten)]
        depth: DepthOptions,
    },
    /// Lets one wait; a pass that is running ends soon
    Pause {
        /// Which
        migration: String,
    },
    /// Lets one go on after a pause
    Resume {
        /// Which
        migration: String,
    },
    /// Tries one again now, whatever held it
    Retry {
        /// Which
        migration: String,
    },
    /// Passes until one has nothing to do, and nobody is led to the old server any more; for a while it is still swept for late mail
    CutOver {
        /// Which
        migration: String,
    },
    /// Takes a cut-over back, as long as the old mailbox is swept: its mail follows again
    Reopen {
        /// Which
        migration: String,
    },
    /// Ends one before its time, or its sweep after the cut-over; what is here stays
    Stop {
        /// Which
        migration: String,
    },
    /// Forgets one: its history, and what is known of the old password. Account and mail stay
    Delete {
        /// Which
        migration: String,

        /// Though it is under way
        #[arg(long)]
        force: bool,
    },
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let common = &arguments.common;
    tell(execute(&arguments.what, common), common.json)
}

fn execute(what: &What, common: &Common) -> Result<Answer, Failure> {
    let (migration, event) = match what {
        What::List { .. } => {
            let filter = filter(what)?;
            return common.look(async |pool| list(pool, &filter).await);
        }
        What::Add {
            old_address,
            password_file,
            no_password,
        } => return add(common, old_address, password_file.as_deref(), *no_password),
        What::Show { migration } => return common.look(async |pool| show(pool, migration).await),
        What::Plan { migration } => return plan(common, migration),
        What::Report { migration, output } => return report::migration::write(common, migration, output),
        What::Verify { migration, depth } => return report::migration::verify(common, migration, depth),
        What::Delete { migration, force } => {
            return common.change(async |pool| delete(pool, migration, *force).await);
        }
        What::Pause { migration } => (migration, Event::Pause { by: who() }),
        What::Resume { migration } => (migration, Event::Resume),
        What::Retry { migration } => (migration, Event::Retry),
        What::CutOver { migration } => (migration, Event::CutOver),
        What::Reopen { migration } => (migration, Event::Reopen),
        What::Stop { migration } => (migration, Event::Cancel),
    };
    common.change(async |pool| {
        let record = find_migration(pool, migration).await.map_err(failure)?;
        let id = record.migration.id;
        let_happen(pool, id, event, now().unix()).await.map_err(failure)?;
        let record = find_migration(pool, &id.to_string()).await.map_err(failure)?;
        let text = format!("{}: {}.", record.migration.address, standing(&record));
        Ok(Answer::new(text, json!({ "migration": json_of(&record) })))
    })
}

fn add(
    common: &Common,
    old_address: &str,
    file: Option<&Path>,
    no_password: bool,
) -> Result<Answer, Failure> {
    let old = Address::parse(old_address).map_err(|problem| Failure::usage(problem, ""))?;
    let password = if no_password {
        None
    } else {
        Some(password::obtain(OF_SOURCE, file, old.as_str(), "the old server")?.reveal())
    };
    // What is no UTF-8 is a password there, and cannot be one here.
    let stored = password
        .as_ref()
        .filter(|password| std::str::from_utf8(password).is_ok());
    let stored = stored.map(|password| people::stored(password)).transpose()?;
    let (_, key) = common.places()?;
    common.change(async |pool| {
        let sealer = Sealer::open(&key).map_err(|error| Failure::new(Exit::TargetFailed, error, ""))?;
        let password = password.map(Secret::new);
        let mover = Mover {
            old_address: &old,
            password: password.as_ref(),
            stored: stored.as_ref(),
            sealer: &sealer,
            now: now().unix(),
        };
        let begun = add_migration(pool, mover).await.map_err(|error| match error {
            AddMigrationError::Directory(error) => directory::failure(&error),
            AddMigrationError::Seal(error) => Failure::new(Exit::TargetFailed, error, ""),
            other => Failure::usage(other, ""),
        })?;
        let record = find_migration(pool, &begun.id.to_string())
            .await
            .map_err(failure)?;
        let account = if begun.is_new {
            "its account is new"
        } else {
            "its account was here"
        };
        let text = format!(
            "{old} will be moved to {} (number {}); {account}.",
            begun.address, begun.id
        );
        Ok(Answer::new(
            text,
            json!({ "migration": json_of(&record), "new_account": begun.is_new }),
        ))
    })
}

/// With the rights of the owner of all mail, who alone may look into the Maildir.
fn plan(common: &Common, name: &str) -> Result<Answer, Failure> {
    let prepared = Prepared::new(common.options())?;
    prepared.become_owner()?;
    let (switch, stop) = stop_switch();
    block_on(async || {
        let listening = tokio::spawn(listen_for_signals(switch, true));
        let pool = prepared.pool().await?;
        let record = find_migration(&pool, name).await.map_err(failure)?;
        let planned = transhume_worker::plan(&prepared.worker(pool.clone()), &record.migration, &stop).await;
        pool.close().await;
        listening.abort();
        let report = planned.map_err(|error| match error {
            PlanError::Directory(error) => directory::failure(&error),
            other => Failure::new(
                Exit::Partial,
                format!("{}: {other}", record.migration.address),
                "",
            ),
        })?;
        Ok(shown(report))
    })
}

/// Who runs the command, as far as the system tells.
fn who() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid());
    user.ok().flatten().map(|user| user.name).unwrap_or_default()
}

fn filter(what: &What) -> Result<Filter, Failure> {
    let What::List {
        phase,
        held,
        provider,
        text,
    } = what
    else {
        return Ok(Filter::default());
    };
    Ok(Filter {
        phase: phase.as_deref().and_then(Phase::named),
        held: held.then_some(true),
        provider: provider.as_deref().map(provider_name).transpose()?,
        text: text.clone(),
        ..Filter::default()
    })
}

async fn list(pool: &DirectoryPool, filter: &Filter) -> Result<Answer, Failure> {
    let records = pool
        .migrations(filter)
        .await
        .map_err(|error| directory::failure(&error))?;
    let rows: Vec<[String; 7]> = records
        .iter()
        .map(|record| {
            let migration = &record.migration;
            [
                migration.id.to_string(),
                migration.address.to_string(),
                migration.old_address.to_string(),
                migration.provider.to_string(),
                migration.phase.to_string(),
                share(record.progress.messages),
                record.migration.hold.as_ref().map_or("", Hold::as_str).to_owned(),
            ]
        })
        .collect();
    let text = if rows.is_empty() {
        "There are no such migrations.".to_owned()
    } else {
        table(
            [
                "ID",
                "ADDRESS",
                "OLD ADDRESS",
                "PROVIDER",
                "PHASE",
                "MESSAGES",
                "HELD",
            ],
            &rows,
        )
    };
    let json: Vec<Value> = records.iter().map(json_of).collect();
    Ok(Answer::new(text, json!({ "migrations": json })))
}

async fn show(pool: &DirectoryPool, name: &str) -> Result<Answer, Failure> {
    let record = find_migration(pool, name).await.map_err(failure)?;
    let passes = pool.passes(record.migration.id, LINES).await;
    let passes = passes.map_err(|error| directory::failure(&error))?;
    let migration = &record.migration;
    let mut text = format!(
        "{} (number {}), from {} at “{}”\n  {}\n  begun {}{}\n",
        migration.address,
        migration.id,
        migration.old_address,
        migration.provider,
        standing(&record),
        moment(migration.created),
        migration
            .seeded
            .map(|at| format!(", all here first at {}", moment(at)))
            .unwrap_or_default(),
    );
    let Progress {
        mailboxes,
        messages,
        octets,
    } = record.progress;
    if record.progress != Progress::default() {
        let (messages, octets, mailboxes) = (share(messages), share(octets), share(mailboxes));
        let _ = writeln!(
            text,
            "  {messages} messages, {octets} octets, {mailboxes} mailboxes"
        );
    }
    if let Some((worker, until)) = &record.leased {
        let _ = writeln!(
            text,
            "  {worker} works on it (its lease ends at {})",
            moment(*until)
        );
    } else if migration.wants_passes() && migration.hold.is_none() {
        let _ = writeln!(text, "  next pass at {}", moment(record.due));
    }
    if let Some(error) = &record.last_error {
        let _ = writeln!(text, "  last trouble: {error}");
    }
    for PassRecord { report, times, .. } in &passes {
        let times = if *times > 1 {
            format!(" ({times} times)")
        } else {
            String::new()
        };
        let _ = writeln!(
            text,
            "  {}  {}{times}, {} messages{}",
            moment(report.ended),
            report.outcome.as_str(),
            report.messages,
            report
                .error
                .as_ref()
                .map(|error| format!(": {error}"))
                .unwrap_or_default(),
        );
    }
    let mut json = json_of(&record);
    json["passes"] = passes.iter().map(json_of_pass).collect();
    Ok(Answer::new(text, json!({ "migration": json })))
}

async fn delete(pool: &DirectoryPool, name: &str, force: bool) -> Result<Answer, Failure> {
    let record = find_migration(pool, name).await.map_err(failure)?;
    delete_migration(pool, record.migration.id, force)
        .await
        .map_err(failure)?;
    let text = format!(
        "The migration of {} is deleted. The account and its mail stay.",
        record.migration.address
    );
    Ok(Answer::new(text, json!({ "migration": json_of(&record) })))
}

/// How it stands: the phase, and what holds it.
fn standing(record: &MigrationRecord) -> String {
    let migration = &record.migration;
    match &migration.hold {
        None => match migration.swept_until {
            None => migration.phase.sentence().to_owned(),
            Some(until) => format!(
                "cut over; its old mailbox is swept for late mail until {}, and “transhume migration reopen” takes the cut-over \
                 back as long",
                moment(until)
            ),
        },
        Some(hold) => format!("{}, held: {}", migration.phase, hold.sentence()),
    }
}

fn share(share: Share) -> String {
    match share.all {
        None if share.done == 0 => "–".to_owned(),
        None => share.done.to_string(),
        Some(all) => format!("{}/{all}", share.done),
    }
}

fn json_of(record: &MigrationRecord) -> Value {
    let migration = &record.migration;
    let share = |share: Share| json!({ "done": share.done, "all": share.all });
    json!({
        "id": migration.id.0,
        "login": migration.login.as_str(),
        "address": migration.address.as_str(),
        "old_address": migration.old_address.as_str(),
        "provider": migration.provider.as_str(),
        "phase": migration.phase.as_str(),
        "hold": migration.hold.as_ref().map(Hold::as_str),
        "hold_reason": migration.hold.as_ref().map(Hold::sentence),
        "created": migration.created,
        "seeded": migration.seeded,
        "swept_until": migration.swept_until,
        "due": record.due,
        "failures": record.failures,
        "last_error": record.last_error,
        "worker": record.leased.as_ref().map(|(worker, _)| worker),
        "leased_until": record.leased.as_ref().map(|(_, until)| until),
        "mailboxes": share(record.progress.mailboxes),
        "messages": share(record.progress.messages),
        "octets": share(record.progress.octets),
    })
}

fn json_of_pass(pass: &PassRecord) -> Value {
    json!({
        "worker": pass.worker,
        "times": pass.times,
        "began": pass.report.began,
        "ended": pass.report.ended,
        "outcome": pass.report.outcome.as_str(),
        "messages": pass.report.messages,
        "octets": pass.report.octets,
        "error": pass.report.error,
    })
}

pub(crate) fn failure(error: MigrationError) -> Failure {
    match error {
        MigrationError::Directory(error) | MigrationError::Transition(TransitionError::Directory(error)) => {
            directory::failure(&error)
        }
        other => Failure::usage(other, ""),
    }
}
