//! A whole directory at once: how long an import of one large CSV file takes, and how much memory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, bail};
use serde_json::{Value, json};
use transhume_testkit::Postgres;

use super::aims::Aim;
use super::options::Options;
use super::process::{self, Measured, Outcome};
use super::results::{digits, megabytes};
use crate::cargo::Workspace;
use crate::table::{row, table};

/// The longest that the aim's number of accounts may take, in seconds.
const MOST_SECONDS: f64 = 10.0;
/// That number.
const AIMED_AT: u32 = 100_000;
/// The most memory, in millions of octets.
const MOST_MEMORY: f64 = 150.0;
/// Accounts in each domain.
const IN_A_DOMAIN: u32 = 1_000;
/// An alias for every so many accounts.
const FOR_AN_ALIAS: u32 = 10;

/// What came out.
pub(super) struct DirectoryResult {
    accounts: u32,
    runs: Vec<Run>,
}

struct Run {
    engine: &'static str,
    /// Whether everything was there already.
    again: bool,
    measured: Measured,
}

/// Imports the file into each engine, twice.
pub(super) fn measure(
    options: &Options,
    workspace: &Workspace,
    folder: &Path,
    interrupted: &AtomicBool,
) -> anyhow::Result<DirectoryResult> {
    let accounts = options.accounts();
    let file = folder.join("accounts.csv");
    std::fs::write(&file, csv(accounts)).with_context(|| file.display().to_string())?;
    let server = Postgres::start_as_installed()?;
    server.create_database("bench")?;
    let places = [
        ("SQLite", format!("sqlite:{}/directory.sqlite", folder.display())),
        ("PostgreSQL", server.socket_url("bench")),
    ];
    let mut runs = Vec::new();
    for (engine, place) in places {
        for again in [false, true] {
            eprintln!(
                "=== {accounts} accounts into {engine}{}",
                if again { ", again" } else { "" }
            );
            let import = Import {
                binary: workspace.binary(),
                log: folder.join("last.log"),
                file: &file,
                place: &place,
            };
            let measured = import.run(again, interrupted)?;
            runs.push(Run {
                engine,
                again,
                measured,
            });
        }
    }
    Ok(DirectoryResult { accounts, runs })
}

struct Import<'i> {
    binary: PathBuf,
    log: PathBuf,
    file: &'i Path,
    place: &'i str,
}

impl Import<'_> {
    fn run(&self, again: bool, interrupted: &AtomicBool) -> anyhow::Result<Measured> {
        let mut command = Command::new(&self.binary);
        command.args(["import", "--json", "--quiet", "--directory", self.place]);
        if again {
            command.arg("--continue-if-exists");
        }
        command.arg(self.file);
        rustix::fs::sync();
        let measured = process::run(&mut command, &self.log, std::time::Duration::MAX, interrupted)?;
        match &measured.outcome {
            Outcome::Done => Ok(measured),
            other => bail!("transhume import: {other:?}"),
        }
    }
}

/// Domains, accounts with their mailboxes, and aliases. The hashes are no real ones; nobody asks.
fn csv(accounts: u32) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for domain in 0..accounts.div_ceil(IN_A_DOMAIN) {
        let _ = writeln!(text, "domain; d{domain}.example; 0; 0; true");
    }
    for number in 0..accounts {
        let address = format!("user{number}@d{}.example", number / IN_A_DOMAIN);
        let _ = writeln!(
            text,
            "account; {address}; {{SHA512-CRYPT}}$6$rounds=70000${number:016}${number:086}; Given{number}; \
             Family{number}; true; SimpleUsers; {address}; 0"
        );
        if number % FOR_AN_ALIAS == 0 {
            let domain = number / IN_A_DOMAIN;
            let _ = writeln!(
                text,
                "alias; alias{number}@d{domain}.example; true; {address}; x{number}@elsewhere.example"
            );
        }
    }
    text
}

impl Run {
    fn peak(&self) -> f64 {
        megabytes(self.measured.peak_kib * 1024)
    }
}

impl DirectoryResult {
    /// For people.
    pub(super) fn text(&self) -> String {
        let mut rows = vec![row([&"into", &"", &"s", &"CPU s", &"memory MB"])];
        for run in &self.runs {
            rows.push(row([
                &run.engine,
                &if run.again { "again" } else { "first" },
                &digits(run.measured.wall.as_secs_f64()),
                &digits(run.measured.cpu.as_secs_f64()),
                &digits(run.peak()),
            ]));
        }
        format!("One CSV file of {} accounts\n\n{}", self.accounts, table(&rows))
    }

    /// What is aimed at of it: about the number of accounts that the aims speak of.
    pub(super) fn aims(&self) -> Vec<Aim> {
        let runs = self.runs.iter().filter(|run| !run.again);
        let is_measured = self.accounts >= AIMED_AT;
        runs.flat_map(|run| {
            let figure = |figure: f64| is_measured.then_some(figure);
            let what = |what: &str| format!("{AIMED_AT} accounts into {}, {what}", run.engine);
            let wall = run.measured.wall.as_secs_f64();
            [
                Aim::at_most(what("time"), MOST_SECONDS, figure(wall), " s"),
                Aim::at_most(what("memory"), MOST_MEMORY, figure(run.peak()), " MB"),
            ]
        })
        .collect()
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let runs = self.runs.iter().map(|run| {
            json!({
                "engine": run.engine,
                "again": run.again,
                "wall_seconds": run.measured.wall.as_secs_f64(),
                "cpu_seconds": run.measured.cpu.as_secs_f64(),
                "peak_kib": run.measured.peak_kib,
            })
        });
        json!({ "accounts": self.accounts, "runs": runs.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::peers::Contender;
    use super::super::results::Phase;
    use super::super::results::tests::run;
    use super::*;

    #[test]
    fn every_account_has_its_row_behind_its_domain() {
        let text = csv(1_001);
        let count = |begin: &str| text.lines().filter(|line| line.starts_with(begin)).count();
        assert_eq!(
            (count("domain;"), count("account;"), count("alias;")),
            (2, 1_001, 101)
        );
        assert!(text.contains("account; user1000@d1.example;"));
    }

    #[test]
    fn aims_are_about_first_imports_of_the_full_number() {
        let measured = run(Phase::First, Contender::Transhume, 1, 12_000).measured;
        let result = |accounts| DirectoryResult {
            accounts,
            runs: [false, true]
                .map(|again| Run {
                    engine: "SQLite",
                    again,
                    measured: measured.clone(),
                })
                .into(),
        };
        let told = |accounts| super::super::aims::text(&result(accounts).aims());
        assert!(
            told(AIMED_AT).contains("✗ 100000 accounts into SQLite, time: at most 10 s – 12"),
            "{}",
            told(AIMED_AT)
        );
        assert_eq!(told(AIMED_AT).matches("SQLite").count(), 2);
        assert!(told(10).contains("not measured"));
        assert!(result(10).text().contains("again"));
    }
}
