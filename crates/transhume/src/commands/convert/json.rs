//! The report for programs. Keys are only ever added.

use std::time::Duration;

use serde_json::{Value, json};
use transhume_model::import::postfixadmin::{Note, TableReport};
use transhume_ops::convert_postfixadmin::Conversion;

use crate::exit::{Exit, Failure};

pub(super) fn outcome(
    exit: Exit,
    outcome: &Result<Conversion, Failure>,
    dry_run: bool,
    took: Duration,
) -> String {
    let mut printed = json!({
        "exit_code": exit.code(),
        "outcome": exit,
        "dry_run": dry_run,
        "seconds": took.as_secs_f64(),
    });
    match outcome {
        Ok(conversion) => {
            let report = &conversion.report;
            printed["schema_version"] = json!(report.version);
            printed["changed"] = json!(conversion.changed);
            printed["unexplained"] = json!(report.unexplained());
            printed["warnings"] = json!(report.warnings);
            let tables = report
                .tables
                .iter()
                .map(|of| (of.table.name().to_owned(), table(of)));
            printed["tables"] = Value::Object(tables.collect());
            printed["notes"] = report.notes.iter().map(note).collect();
        }
        Err(failure) => printed["error"] = json!({ "what": failure.what, "advice": failure.advice }),
    }
    printed.to_string()
}

fn table(of: &TableReport) -> Value {
    let (left, why) = of.left.unwrap_or_default();
    let mut printed = json!({
        "read": of.read,
        "written": of.written,
        "unchanged": of.unchanged,
        "skipped": of.skipped.len() + left,
        "unexplained": of.unexplained,
        "skipped_rows": of.skipped.iter().map(note).collect::<Vec<_>>(),
    });
    if left > 0 {
        printed["skipped_all"] = json!(why);
    }
    printed
}

fn note(note: &Note) -> Value {
    json!({
        "table": note.table.name(),
        "row": note.name,
        "what": note.remark.what,
        "detail": note.remark.detail,
    })
}
