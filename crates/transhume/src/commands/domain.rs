//! `transhume domain`: the domains of the directory, one by one.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use transhume_db::directory::{DirectoryError, DirectoryPool};
use transhume_model::directory::{Directory, Domain, DomainName, Entry};
use transhume_ops::account::add_entry;
use transhume_ops::cut_over::{Step, cut_over_domain, reopen_domain};
use transhume_ops::remove_domain::{RemoveDomainError, remove_domain};

use super::account::now;
use super::directory::{self, Answer, Common, table, tell};
use super::people;
use super::report::{self, Output};
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Examples:
  transhume domain list
  transhume domain add example.org --mailbox-quota 500
  transhume domain report example.org --output /srv/reports
  transhume domain cut-over example.org
  transhume domain reopen example.org
  transhume domain remove example.org

Exit codes: 0 done; 2 wrong command line, or it cannot be; 3 (report, cut-over) not for all accounts, which are named; 7 the directory cannot be reached, read or written; 8 another
program is writing; 70 internal error.";

/// Shows and changes the domains of the directory
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
    /// Shows all domains
    List,
    /// Adds a domain whose mail ends here
    Add {
        /// Its name
        name: String,

        /// How much its mailboxes may hold together, in megabytes; 0 is any amount
        #[arg(long, value_name = "MB", default_value_t = 0)]
        quota: u32,

        /// How much a mailbox may hold that has no quota of its own, in megabytes; 0 is any amount
        #[arg(long, value_name = "MB", default_value_t = 0)]
        mailbox_quota: u32,
    },
    /// Puts on record where every message of its accounts' old mailboxes is now, or why not: a report for each, and a summary
    Report {
        /// Its name
        name: String,

        #[command(flatten)]
        output: Output,
    },
    /// Cuts all of its accounts over: passes until one has nothing to do, and nobody is led to the old server any more
    CutOver {
        /// Its name
        name: String,
    },
    /// Takes the cut-over of its accounts back: mail of the old server follows again
    Reopen {
        /// Its name
        name: String,
    },
    /// Removes a domain in which there is nothing, and into which nobody comes
    Remove {
        /// Its name
        name: String,
    },
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let common = &arguments.common;
    tell(execute(&arguments.what, common), common.json)
}

fn execute(what: &What, common: &Common) -> Result<Answer, Failure> {
    match what {
        What::List => common.look(async |pool| list(pool).await),
        What::Add {
            name,
            quota,
            mailbox_quota,
        } => {
            let octets = |megabytes: u32| (megabytes > 0).then_some(u64::from(megabytes) << 20);
            let domain = Domain {
                quota: octets(*quota),
                default_mailbox_quota: octets(*mailbox_quota),
                created: Some(now().unix()),
                ..Domain::local(parse(name)?)
            };
            common.change(async |pool| {
                add_entry(pool, Entry::Domain(domain.clone()))
                    .await
                    .map_err(people::failure)?;
                let text = format!("Domain {} added.", domain.name.to_unicode());
                Ok(Answer::new(text, json!({ "domain": domain.name.as_str() })))
            })
        }
        What::CutOver { name } => {
            let name = parse(name)?;
            common.change(async |pool| {
                let steps = cut_over_domain(pool, &name, now().unix()).await;
                stepped(&name, steps, "there is nobody to be cut over")
            })
        }
        What::Reopen { name } => {
            let name = parse(name)?;
            common.change(async |pool| {
                let steps = reopen_domain(pool, &name, now().unix()).await;
                stepped(&name, steps, "there is no cut-over that can be taken back")
            })
        }
        What::Report { name, output } => report::domain::write(common, &parse(name)?, output),
        What::Remove { name } => {
            let name = parse(name)?;
            common.change(async |pool| {
                remove_domain(pool, &name).await.map_err(failure)?;
                let text = format!("Domain {} removed.", name.to_unicode());
                Ok(Answer::new(text, json!({ "domain": name.as_str() })))
            })
        }
    }
}

async fn list(pool: &DirectoryPool) -> Result<Answer, Failure> {
    let directory = pool.read().await.map_err(|error| directory::failure(&error))?;
    let rows: Vec<[String; 4]> = directory
        .domains
        .values()
        .map(|domain| {
            [
                domain.name.to_unicode(),
                kind(domain).to_owned(),
                if domain.enabled { "yes" } else { "no" }.to_owned(),
                mailboxes(&directory, &domain.name).to_string(),
            ]
        })
        .collect();
    let json: Vec<Value> = directory
        .domains
        .values()
        .map(|domain| {
            json!({
                "name": domain.name.as_str(),
                "kind": kind(domain),
                "enabled": domain.enabled,
                "quota": domain.quota,
                "default_mailbox_quota": domain.default_mailbox_quota,
                "mailboxes": mailboxes(&directory, &domain.name),
            })
        })
        .collect();
    let text = table(["NAME", "KIND", "ENABLED", "MAILBOXES"], &rows);
    Ok(Answer::new(text, json!({ "domains": json })))
}

/// What has become of a domain's accounts.
fn stepped(
    domain: &DomainName,
    steps: Result<Vec<Step>, DirectoryError>,
    none: &str,
) -> Result<Answer, Failure> {
    let steps = steps.map_err(|error| directory::failure(&error))?;
    let mut text = String::new();
    let mut accounts = Vec::new();
    let mut exit = Exit::Complete;
    for Step { before, then } in &steps {
        let address = &before.migration.address;
        // Writing to a string cannot fail.
        let _ = match then {
            Ok(migration) => writeln!(text, "{address}: {}.", migration.phase.sentence()),
            Err(why) => {
                exit = Exit::Partial;
                writeln!(text, "Not changed: {why}.")
            }
        };
        accounts.push(json!({
            "address": address.as_str(),
            "phase": then.as_ref().map_or(before.migration.phase, |migration| migration.phase).as_str(),
            "error": then.as_ref().err().map(ToString::to_string),
        }));
    }
    if steps.is_empty() {
        text = format!("{}: {none}.", domain.to_unicode());
    }
    Ok(Answer {
        text,
        json: json!({ "domain": domain.as_str(), "accounts": accounts }),
        exit,
    })
}

fn kind(domain: &Domain) -> &'static str {
    if domain.is_local() { "local" } else { "relay" }
}

fn mailboxes(directory: &Directory, name: &DomainName) -> usize {
    let mailboxes = directory
        .accounts
        .values()
        .filter_map(|account| account.mailbox.as_ref());
    mailboxes
        .filter(|mailbox| mailbox.address.domain() == name.as_str())
        .count()
}

fn parse(name: &str) -> Result<DomainName, Failure> {
    DomainName::parse(name).map_err(|problem| Failure::usage(problem, ""))
}

fn failure(error: RemoveDomainError) -> Failure {
    match error {
        RemoveDomainError::Directory(error) => directory::failure(&error),
        other => Failure::usage(other, ""),
    }
}
