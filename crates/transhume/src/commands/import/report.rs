//! What came of an import, for people and for scripts.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use transhume_db::directory::DirectoryLocation;
use transhume_model::import::csv::Complaint;
use transhume_ops::import_csv::{Added, FileReport};

use super::{Arguments, Imported};
use crate::exit::Exit;

/// Prints the report: problems and notices on standard error, the rest on standard output; or all of it as JSON.
pub(super) fn tell(arguments: &Arguments, location: &DirectoryLocation, files: &[Imported<'_>]) -> Exit {
    let is_fine = |(_, report): &Imported<'_>| report.as_ref().is_some_and(|report| report.errors.is_empty());
    let exit = if files.iter().all(is_fine) {
        Exit::Complete
    } else {
        Exit::Usage
    };
    let told = if arguments.json {
        let outcome = json!({
            "exit_code": exit.code(),
            "outcome": exit,
            "directory": location.to_string(),
            "dry_run": arguments.dry_run,
            "files": files.iter().map(as_json).collect::<Vec<_>>(),
        });
        format!("{outcome}\n")
    } else {
        let mut errors = String::new();
        let mut summary = String::new();
        for (file, report) in files {
            if let Some(report) = report {
                complaints(&mut errors, file, report, arguments.quiet);
            }
            let _ = writeln!(
                summary,
                "{}: {}",
                file.display(),
                sentence(report.as_ref(), arguments.dry_run)
            );
        }
        let _ = std::io::stderr().write_all(errors.as_bytes());
        summary
    };
    // Whoever reads standard output may have gone; the exit code still tells.
    let _ = std::io::stdout().write_all(told.as_bytes());
    exit
}

fn complaints(text: &mut String, file: &Path, report: &FileReport, quiet: bool) {
    let name = file.display();
    if let Some(encoding) = report.guessed {
        let _ = writeln!(
            text,
            "{name}: note: this is not UTF-8, and was read as {encoding} → --encoding, if it is another"
        );
    }
    for complaint in report.notices.iter().filter(|_| !quiet) {
        let _ = writeln!(text, "{name}:{}", noted(complaint));
    }
    for complaint in &report.errors {
        let _ = writeln!(text, "{name}:{complaint}");
    }
}

fn noted(complaint: &Complaint) -> String {
    let place = complaint.place;
    format!(
        "{}:{}: note: {} → {}",
        place.line, place.column, complaint.wrong, complaint.right
    )
}

/// What came of a file, in a sentence.
fn sentence(report: Option<&FileReport>, dry_run: bool) -> String {
    let Some(report) = report else {
        return "not looked at, because of the errors before.".into();
    };
    if !report.errors.is_empty() {
        let mut text = format!(
            "nothing is imported: {}",
            count(size(&report.errors), "error", "errors")
        );
        if report.held_up > 0 {
            let _ = write!(
                text,
                ", and {} that would need what is wrong",
                count(report.held_up, "row", "rows")
            );
        }
        return text + ".";
    }
    let added = in_words(&report.added);
    let mut text = match (added.is_empty(), dry_run) {
        (true, _) => "nothing new".to_owned(),
        (false, true) => format!("{added} would be imported"),
        (false, false) => format!("{added} imported"),
    };
    if report.kept > 0 {
        let _ = write!(
            text,
            "; {} there already, and kept",
            count(report.kept, "row was", "rows were")
        );
    }
    text + "."
}

fn in_words(added: &Added) -> String {
    let kinds = [
        count(added.domains, "domain", "domains"),
        count(added.relay_domains, "relay domain", "relay domains"),
        count(added.domain_aliases, "domain alias", "domain aliases"),
        count(added.accounts, "account", "accounts"),
        count(added.aliases, "alias", "aliases"),
        count(added.recipients, "recipient of an alias", "recipients of aliases"),
    ];
    let kinds: Vec<String> = kinds.into_iter().filter(|kind| !kind.starts_with("0 ")).collect();
    kinds.join(", ")
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn size<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}

fn as_json((file, report): &Imported<'_>) -> Value {
    let file = file.display().to_string();
    let Some(report) = report else {
        return json!({ "file": file, "looked_at": false });
    };
    let complaint = |complaint: &Complaint| {
        json!({
            "line": complaint.place.line,
            "column": complaint.place.column,
            "wrong": complaint.wrong,
            "right": complaint.right,
        })
    };
    let added = &report.added;
    json!({
        "file": file,
        "looked_at": true,
        "guessed_encoding": report.guessed,
        "rows": report.rows,
        "added": {
            "domains": added.domains,
            "relay_domains": added.relay_domains,
            "domain_aliases": added.domain_aliases,
            "accounts": added.accounts,
            "mailboxes": added.mailboxes,
            "aliases": added.aliases,
            "recipients": added.recipients,
        },
        "kept": report.kept,
        "held_up": report.held_up,
        "errors": report.errors.iter().map(complaint).collect::<Vec<_>>(),
        "notices": report.notices.iter().map(complaint).collect::<Vec<_>>(),
    })
}
