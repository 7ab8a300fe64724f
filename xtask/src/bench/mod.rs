//! `cargo xtask bench`: what a first copy and an idle pass cost, beside other programs and the physical limit.
//!
//! All run against the same source server, one after another, over plain IMAP on the loopback, each into a fresh
//! folder. Nothing is deleted before the end: file systems are slow for a while after a large removal.

mod corpus;
pub(crate) mod floor;
mod peers;
mod report;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use transhume_testkit::{Dovecot, Measured, mailbox, run_measured};

use crate::cargo::{self, Workspace};
use crate::ci;
use crate::interrupt::Interrupt;
use crate::steps::Steps;
use peers::{Place, Runner};
use report::{Report, Sample};

/// The account on the source.
const USER: &str = "alice";
/// Its password, of servers that live for minutes and listen on the loopback only.
const PASSWORD: &str = "bench";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    messages: u32,
    rounds: u32,
    seed: u64,
}

impl Options {
    /// From the command line.
    pub(crate) fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self {
            messages: 4000,
            rounds: 3,
            seed: 1,
        };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            let mut number = || -> anyhow::Result<u64> {
                let value = words.next().with_context(|| format!("{word} needs a number"))?;
                value.parse().with_context(|| format!("{word} {value}"))
            };
            match word {
                "--messages" => options.messages = u32::try_from(number()?)?.max(1),
                "--rounds" => options.rounds = u32::try_from(number()?)?.max(1),
                "--seed" => options.seed = number()?,
                _ => bail!("bench does not know “{word}”"),
            }
        }
        Ok(options)
    }
}

/// Runs the benchmark.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let workspace = Workspace::read()?;
    let mut steps = Steps::default();
    ci::install(&mut steps)?;
    steps.step("install mbsync", peers::install_mbsync)?;
    // This program too: the floor would be no floor without optimisation.
    let built = steps.command(
        "release build",
        cargo::command().current_dir(&workspace.root).args([
            "build",
            "--release",
            "--package",
            "transhume",
            "--package",
            "xtask",
        ]),
    )?;
    if !built {
        return Ok(false);
    }
    // Ctrl-C ends the program that is being measured, and everything is cleared away by the ordinary way out.
    let _interrupt = Interrupt::watch()?;
    // Not the system's folder for temporary files, which may lie in memory.
    let folder = tempfile::Builder::new()
        .prefix("transhume-bench-")
        .tempdir_in("/var/tmp")
        .context("a folder below /var/tmp")?;
    allow_everybody_in(folder.path())?;

    let old = old_server(folder.path())?;
    let content = corpus::log_normal(options.messages, options.seed);
    let messages: usize = content.iter().map(|mailbox| mailbox.messages.len()).sum();
    let bytes: u64 = content
        .iter()
        .flat_map(|mailbox| &mailbox.messages)
        .map(|message| message.body.len())
        .sum();
    mailbox::write_account(&old.maildir(USER), old.chown_to(), &content)?;
    eprintln!(
        "\n{messages} messages in {} mailboxes, {}",
        content.len(),
        report::spell_bytes(bytes)
    );
    drop(content);

    let new = new_server(folder.path(), options.rounds)?;
    let runner = Runner {
        workspace: &workspace,
        old: &old,
        new: &new,
        messages,
    };
    let report = measure(&runner, folder.path(), options.rounds)?;
    print!("\n{}", report.text());
    Ok(true)
}

fn measure(runner: &Runner<'_>, folder: &Path, rounds: u32) -> anyhow::Result<Report> {
    let mut report = Report::default();
    // The server reads the account once before anything counts, so that nobody pays for building its index.
    let warm_up = Place::new(folder, "warm-up", 0);
    run_one(&mut runner.floor(&warm_up))?;
    for round in 1..=rounds {
        for contender in rotated(round) {
            let place = Place::new(folder, contender.name(), round);
            let mut command = runner.first(contender, &place)?;
            let measured = run_one(&mut command)?;
            let found = runner.count(contender, &place)?;
            if found != runner.messages {
                bail!(
                    "{} brought {found} of {} messages",
                    contender.name(),
                    runner.messages
                );
            }
            report.first(contender.name(), Sample::new(round, &measured));
            if let Some(mut command) = runner.again(contender, &place)? {
                report.again(contender.name(), Sample::new(round, &run_one(&mut command)?));
            }
        }
        eprintln!("round {round} of {rounds} is done");
    }
    Ok(report)
}

/// Every contender once, each round beginning with another.
fn rotated(round: u32) -> Vec<peers::Contender> {
    let mut all = peers::Contender::ALL.to_vec();
    let by = round as usize % all.len();
    all.rotate_left(by);
    all
}

fn run_one(command: &mut Command) -> anyhow::Result<Measured> {
    // What others have written must not be paid for by who comes next.
    rustix::fs::sync();
    let measured = run_measured(command)?;
    if !measured.status.success() {
        bail!(
            "{} ended with {}:\n{}{}",
            command.get_program().to_string_lossy(),
            measured.status,
            String::from_utf8_lossy(&measured.stdout),
            String::from_utf8_lossy(&measured.stderr)
        );
    }
    Ok(measured)
}

fn old_server(folder: &Path) -> anyhow::Result<Dovecot> {
    Ok(Dovecot::builder()
        .dir(&folder.join("old"))
        .separator('/')
        .user(USER, PASSWORD)
        .start()?)
}

fn new_server(folder: &Path, rounds: u32) -> anyhow::Result<Dovecot> {
    let mut builder = Dovecot::builder().dir(&folder.join("new")).separator('/');
    for round in 1..=rounds {
        builder = builder.user(&peers::doveadm_user(round), PASSWORD);
    }
    Ok(builder.start()?)
}

/// Servers drop their privileges, and must still reach their folders.
fn allow_everybody_in(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("opening {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        assert_eq!(
            Options::parse(&["--messages", "10", "--seed", "7"]).unwrap(),
            Options {
                messages: 10,
                rounds: 3,
                seed: 7
            }
        );
        assert!(Options::parse(&["--rounds"]).is_err());
        assert!(Options::parse(&["--rounds", "x"]).is_err());
        assert!(Options::parse(&["fast"]).is_err());
    }

    #[test]
    fn every_round_runs_all_and_begins_with_another() {
        let first: Vec<&str> = (0..4).map(|round| rotated(round)[0].name()).collect();
        assert_eq!(first, ["floor", "transhume", "mbsync", "doveadm backup"]);
        assert!((0..4).all(|round| rotated(round).len() == 4));
    }
}
