//! A whole directory at once: how long an import of one large CSV file takes, or the conversion of a large PostfixAdmin
//! database, and how much memory.

use std::fmt::Write as _;
use std::path::Path;
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

/// That number.
const AIMED_AT: u32 = 100_000;
/// The most memory, in millions of octets.
const MOST_MEMORY: f64 = 150.0;
/// Accounts in each domain.
const IN_A_DOMAIN: u32 = 1_000;
/// An alias for every so many accounts.
const FOR_AN_ALIAS: u32 = 10;

/// A database as PostfixAdmin made it, emptied before it is filled.
const POSTFIXADMIN: &str = "crates/ops/tests/postfixadmin/cases/postgresql-3.3.13.sql";

/// What came out.
pub(super) struct DirectoryResult {
    accounts: u32,
    runs: Vec<Run>,
}

/// Where the accounts come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Csv,
    Postfixadmin,
}

impl Origin {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Postfixadmin => "PostfixAdmin",
        }
    }

    /// The longest that the aim's number of accounts may take, in seconds.
    fn most_seconds(self) -> f64 {
        match self {
            Self::Csv => 10.0,
            Self::Postfixadmin => 15.0,
        }
    }
}

struct Run {
    origin: Origin,
    engine: &'static str,
    /// Whether everything was there already.
    again: bool,
    measured: Measured,
}

/// Brings the accounts of each origin into each engine, twice.
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
    server.create_database("postfixadmin")?;
    server.load("postfixadmin", &workspace.root.join(POSTFIXADMIN))?;
    server.sql("postfixadmin", &postfixadmin(accounts))?;
    let old = server.socket_url("postfixadmin");
    let mut runs = Vec::new();
    for origin in [Origin::Csv, Origin::Postfixadmin] {
        let name = origin.name().to_lowercase();
        server.create_database(&name)?;
        let places = [
            ("SQLite", format!("sqlite:{}/{name}.sqlite", folder.display())),
            ("PostgreSQL", server.socket_url(&name)),
        ];
        for (engine, place) in places {
            for again in [false, true] {
                eprintln!(
                    "=== {accounts} accounts from {} into {engine}{}",
                    origin.name(),
                    if again { ", again" } else { "" }
                );
                let mut command = Command::new(workspace.binary());
                match origin {
                    Origin::Csv => {
                        command.args(["import", "--quiet"]).arg(&file);
                        if again {
                            command.arg("--continue-if-exists");
                        }
                    }
                    Origin::Postfixadmin => {
                        command.args(["convert", "postfixadmin", "--from", &old]);
                    }
                }
                command.args(["--json", "--directory", &place]);
                rustix::fs::sync();
                let log = folder.join("last.log");
                let measured = process::run(&mut command, &log, std::time::Duration::MAX, interrupted)?;
                if !matches!(measured.outcome, Outcome::Done) {
                    bail!("{}: {:?}", origin.name(), measured.outcome);
                }
                runs.push(Run {
                    origin,
                    engine,
                    again,
                    measured,
                });
            }
        }
    }
    Ok(DirectoryResult { accounts, runs })
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

/// The same as PostfixAdmin keeps it: each mailbox has an alias to itself.
fn postfixadmin(accounts: u32) -> String {
    let last = accounts.saturating_sub(1);
    let last_domain = accounts.div_ceil(IN_A_DOMAIN).saturating_sub(1);
    format!(
        "TRUNCATE alias, alias_domain, admin, domain, domain_admins, fetchmail, mailbox, vacation CASCADE;
         INSERT INTO domain (domain, transport) SELECT format('d%s.example', n), 'virtual' FROM generate_series(0, {last_domain}) n;
         INSERT INTO mailbox (username, password, name, maildir, local_part, domain)
         SELECT format('user%s@d%s.example', n, n / {IN_A_DOMAIN}), '$6$rounds=70000$' || lpad(n::text, 16, '0') || '$' || lpad(n::text, 86, '0'),
                format('Given%s Family%s', n, n), format('d%s.example/user%s/', n / {IN_A_DOMAIN}, n), format('user%s', n),
                format('d%s.example', n / {IN_A_DOMAIN})
           FROM generate_series(0, {last}) n;
         INSERT INTO alias (address, goto, domain) SELECT username, username, domain FROM mailbox;
         INSERT INTO alias (address, goto, domain)
         SELECT format('alias%s@d%s.example', n, n / {IN_A_DOMAIN}),
                format('user%s@d%s.example,x%s@elsewhere.example', n, n / {IN_A_DOMAIN}, n), format('d%s.example', n / {IN_A_DOMAIN})
           FROM generate_series(0, {last}, {FOR_AN_ALIAS}) n;
         ANALYZE;"
    )
}

impl Run {
    fn peak(&self) -> f64 {
        megabytes(self.measured.peak_kib * 1024)
    }
}

impl DirectoryResult {
    /// For people.
    pub(super) fn text(&self) -> String {
        let mut rows = vec![row([&"from", &"into", &"", &"s", &"CPU s", &"memory MB"])];
        for run in &self.runs {
            rows.push(row([
                &run.origin.name(),
                &run.engine,
                &if run.again { "again" } else { "first" },
                &digits(run.measured.wall.as_secs_f64()),
                &digits(run.measured.cpu.as_secs_f64()),
                &digits(run.peak()),
            ]));
        }
        format!("A directory of {} accounts\n\n{}", self.accounts, table(&rows))
    }

    /// What is aimed at of it: about the number of accounts that the aims speak of.
    pub(super) fn aims(&self) -> Vec<Aim> {
        let runs = self.runs.iter().filter(|run| !run.again);
        let is_measured = self.accounts >= AIMED_AT;
        let aims = runs.flat_map(|run| {
            let figure = |figure: f64| is_measured.then_some(figure);
            let (origin, engine) = (run.origin.name(), run.engine);
            let what = |what: &str| format!("{AIMED_AT} accounts from {origin} into {engine}, {what}");
            let wall = run.measured.wall.as_secs_f64();
            [
                Some(Aim::at_most(
                    what("time"),
                    run.origin.most_seconds(),
                    figure(wall),
                    " s",
                )),
                (run.origin == Origin::Csv)
                    .then(|| Aim::at_most(what("memory"), MOST_MEMORY, figure(run.peak()), " MB")),
            ]
        });
        aims.flatten().collect()
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let runs = self.runs.iter().map(|run| {
            json!({
                "from": run.origin.name(),
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
                    origin: Origin::Csv,
                    engine: "SQLite",
                    again,
                    measured: measured.clone(),
                })
                .into(),
        };
        let told = |accounts| super::super::aims::text(&result(accounts).aims());
        assert!(
            told(AIMED_AT).contains("✗ 100000 accounts from CSV into SQLite, time: at most 10 s – 12"),
            "{}",
            told(AIMED_AT)
        );
        assert_eq!(told(AIMED_AT).matches("SQLite").count(), 2);
        assert!(told(10).contains("not measured"));
        assert!(result(10).text().contains("again"));
    }
}
