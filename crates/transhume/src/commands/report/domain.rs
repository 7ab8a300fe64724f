//! The report of a domain: those of all its accounts, and one summary that holds them together.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use indicatif::HumanCount;
use serde_json::{Value, json};
use transhume_db::directory::MigrationRecord;
use transhume_model::directory::DomainName;
use transhume_model::report::Chain;
use transhume_ops::cut_over::migrations_in;

use super::files::{Names, Sheet, failure};
use super::line::written as line;
use super::{Output, Seal, migration};
use crate::commands::account::now;
use crate::commands::account::state_file::plain;
use crate::commands::directory::{self, Answer, Common};
use crate::commands::verify::html::{STYLE, Text};
use crate::exit::{Exit, Failure};

/// What came of one account.
struct Account {
    record: MigrationRecord,
    outcome: Result<Seal, Failure>,
}

/// Writes the reports of all accounts that came from an old server into the domain. `output` names a folder that is there.
pub(crate) fn write(common: &Common, domain: &DomainName, output: &Output) -> Result<Answer, Failure> {
    let folder = &output.output;
    if !folder.is_dir() {
        return Err(Failure::usage(
            format!("--output: there is no folder {}", folder.display()),
            "Make it, or name another.",
        ));
    }
    let names = |name: &str| Names::new(&folder.join(plain(name)), &output.format, "--output");
    let summary = names(domain.as_str())?;
    migration::with_worker(common, async |pool, worker, stop| {
        let records = migrations_in(pool, domain).await;
        let records = records.map_err(|error| directory::failure(&error))?;
        if records.is_empty() {
            return Err(Failure::usage(format!("nobody in {domain} has a migration"), ""));
        }
        let mut accounts = Vec::new();
        for record in records {
            let outcome = match names(record.migration.address.as_str()) {
                Ok(names) => migration::written(worker, &record.migration, names, stop).await,
                Err(failure) => Err(failure),
            };
            if matches!(&outcome, Err(failure) if failure.exit == Exit::Interrupted) {
                return Err(Failure::new(Exit::Interrupted, "stopped as asked", ""));
            }
            accounts.push(Account { record, outcome });
        }
        let chain = summarise(domain, &accounts, &summary);
        let chain = chain.map_err(|error| failure(&error, &summary.lines))?;
        Ok(answer(domain, &accounts, chain, &summary))
    })
}

impl Account {
    fn is_complete(&self) -> bool {
        matches!(&self.outcome, Ok(seal) if seal.is_complete)
    }

    fn messages(&self) -> u64 {
        let seal = self.outcome.as_ref().ok();
        seal.map_or(0, |seal| seal.fates.values().sum())
    }

    /// In one sentence.
    fn verdict(&self) -> String {
        match &self.outcome {
            Ok(seal) => seal.verdict(),
            Err(failure) => format!("No report: {failure}"),
        }
    }

    fn value(&self) -> Value {
        let migration = &self.record.migration;
        let mut value = json!({
            "line": "account",
            "address": migration.address.as_str(),
            "old_address": migration.old_address.as_str(),
            "provider": migration.provider.as_str(),
            "phase": migration.phase.as_str(),
        });
        match &self.outcome {
            Ok(seal) => value["report"] = seal.json(),
            Err(failure) => value["error"] = failure.what.clone().into(),
        }
        value
    }

    fn link(&self) -> String {
        let seal = self.outcome.as_ref().ok();
        seal.map_or_else(String::new, |seal| seal.chain.to_string())
    }
}

/// Writes the summary, and gives the link of its last line.
fn summarise(domain: &DomainName, accounts: &[Account], names: &Names) -> io::Result<Chain> {
    let mut chain = Chain::default();
    let mut lines = Sheet::begin(&names.lines)?;
    let mut write = |value: &Value| -> io::Result<()> {
        let (mut text, next) = line(value, chain)?;
        chain = next;
        text.push(b'\n');
        lines.write(&text)
    };
    write(&json!({
        "line": "domain_report",
        "format": "transhume domain report 1",
        "transhume": env!("CARGO_PKG_VERSION"),
        "made": now().unix(),
        "domain": domain.as_str(),
    }))?;
    for account in accounts {
        write(&account.value())?;
    }
    write(&json!({
        "line": "end",
        "complete": accounts.iter().all(Account::is_complete),
        "accounts": accounts.len(),
        "complete_accounts": accounts.iter().filter(|account| account.is_complete()).count(),
        "messages": accounts.iter().map(Account::messages).sum::<u64>(),
    }))?;
    if let Some(path) = &names.table {
        let mut table = Sheet::begin(path)?;
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record([
            "address",
            "old_address",
            "phase",
            "complete",
            "messages",
            "verdict",
            "chain",
        ])?;
        for account in accounts {
            let migration = &account.record.migration;
            writer.write_record([
                migration.address.as_str(),
                migration.old_address.as_str(),
                migration.phase.as_str(),
                if account.is_complete() { "yes" } else { "no" },
                &account.messages().to_string(),
                &account.verdict(),
                &account.link(),
            ])?;
        }
        let rows = writer
            .into_inner()
            .map_err(|error| io::Error::other(error.to_string()))?;
        table.write(&rows)?;
        table.finish()?;
    }
    if let Some(path) = &names.page {
        let mut sheet = Sheet::begin(path)?;
        sheet.write(page(domain, accounts, chain).as_bytes())?;
        sheet.finish()?;
    }
    lines.finish()?;
    Ok(chain)
}

fn page(domain: &DomainName, accounts: &[Account], chain: Chain) -> String {
    let name = domain.to_unicode();
    let (name, complete) = (
        Text(&name),
        accounts.iter().filter(|account| account.is_complete()).count(),
    );
    let tone = if complete == accounts.len() {
        "good"
    } else {
        "behind"
    };
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Move of {name}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<p class=\"kind\">Report of a domain's move, made {}</p>\n<h1>{name}</h1>\n</header>\n\
         <section class=\"verdict {tone}\">\n<p>{complete} of {} accounts are complete.</p>\n</section>\n\
         <section>\n<h2>Accounts</h2>\n<div class=\"wide\"><table>\n<thead><tr><th>Account</th><th>Messages</th>\
         <th>Complete</th></tr></thead>\n<tbody>\n",
        now(),
        accounts.len(),
    );
    for account in accounts {
        let migration = &account.record.migration;
        let (class, word) = if account.is_complete() {
            ("good", "yes")
        } else {
            ("bad", "no")
        };
        let verdict = account.verdict();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}<span class=\"uids\"> {} {}</span></th><td>{}</td><td class=\"{class}\">{word}</td></tr>",
            Text(migration.address.as_str()),
            Text(&verdict),
            Text(&account.link()),
            HumanCount(account.messages()),
        );
    }
    let _ = write!(
        out,
        "</tbody>\n</table></div>\n<p>Under each account stands what its own report's chain ends with; this summary's ends \
         with</p>\n<p class=\"chain\">{chain}</p>\n</section>\n<footer>Made by transhume {}.</footer>\n</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    out
}

fn answer(domain: &DomainName, accounts: &[Account], chain: Chain, names: &Names) -> Answer {
    let complete = accounts.iter().filter(|account| account.is_complete()).count();
    let mut text = format!(
        "{}: {complete} of {} accounts are complete.\n",
        domain.to_unicode(),
        accounts.len()
    );
    for account in accounts {
        let _ = writeln!(
            text,
            "  {}: {}",
            account.record.migration.address,
            account.verdict()
        );
    }
    let files: Vec<_> = names.all().map(Path::to_string_lossy).collect();
    let _ = writeln!(text, "{}\nChain of the summary: {chain}", files.join("\n"));
    let values: Vec<Value> = accounts.iter().map(Account::value).collect();
    Answer {
        text,
        json: json!({
            "domain": domain.as_str(),
            "complete": complete == accounts.len(),
            "accounts": values,
            "chain": chain.to_string(),
            "files": files,
        }),
        exit: if complete == accounts.len() {
            Exit::Complete
        } else {
            Exit::Partial
        },
    }
}
