//! The outcome of many accounts, for a person and for a machine. Of each account that has ended, only what will be printed is
//! kept.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use serde_json::{Value, json};
use transhume_sync::Counts;

use super::accounts::Label;
use super::table::Fault;
use crate::commands::move_account::{Outcome, Telling, exit_of, report};
use crate::exit::{Exit, Failure};

/// What is kept of an account that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What `move` would have ended with.
    pub(crate) exit: Exit,
    mailboxes: usize,
    counts: Counts,
    seconds: f64,
    /// What is to be said of it; empty where there is nothing.
    words: String,
    /// What `move --json` would have printed, where it is asked for.
    json: Option<String>,
}

impl Ended {
    /// Folds an outcome.
    pub(crate) fn new(
        telling: Telling,
        json: bool,
        label: &Label,
        outcome: &Result<Outcome, Failure>,
        took: Duration,
    ) -> Self {
        let (mailboxes, counts) = match outcome {
            Ok(outcome) => (outcome.report.mailboxes.len(), outcome.report.totals()),
            Err(_) => (0, Counts::default()),
        };
        let exit = exit_of(outcome, telling.dry_run);
        Self {
            exit,
            mailboxes,
            counts,
            seconds: took.as_secs_f64(),
            words: words(telling, exit, outcome),
            json: json.then(|| {
                let mut value = report::json(telling, outcome, took);
                value["line"] = label.line.into();
                value["from"] = label.source.clone().into();
                value["to"] = label.maildir.to_string_lossy().into();
                value.to_string()
            }),
        }
    }

    /// In a line, without the account's name.
    pub(crate) fn in_short(&self) -> String {
        let Counts { carried, bytes, .. } = self.counts;
        let end = match self.exit {
            Exit::Complete => String::new(),
            exit => format!(", not complete (code {})", exit.code()),
        };
        format!(
            "{} messages ({}) in {} mailboxes in {:.1} s{end}",
            HumanCount(carried),
            HumanBytes(bytes),
            self.mailboxes,
            self.seconds
        )
    }
}

fn words(telling: Telling, exit: Exit, outcome: &Result<Outcome, Failure>) -> String {
    let mut words = String::new();
    match outcome {
        Err(failure) => {
            let _ = writeln!(words, "  {failure}");
        }
        Ok(outcome) => {
            if exit != Exit::Complete && !telling.dry_run {
                let _ = writeln!(words, "  {}", report::verdict(&outcome.report));
            }
            for note in &outcome.report.notes {
                let _ = writeln!(words, "  Note: {note}.");
            }
            report::left(&mut words, telling, outcome);
        }
    }
    words
}

/// All accounts, in the file's order; [`None`] for those that were never begun.
pub(crate) struct All<'a> {
    /// How they were moved.
    pub(crate) telling: Telling,
    /// What they are called.
    pub(crate) labels: &'a [Label],
    /// What became of them.
    pub(crate) ended: &'a [Option<Ended>],
    /// What an administrator should know of the file.
    pub(crate) warnings: &'a [String],
    /// In total.
    pub(crate) took: Duration,
}

struct Totals {
    counts: Counts,
    complete: usize,
    incomplete: usize,
    not_begun: usize,
}

impl All<'_> {
    /// What scripts see.
    pub(crate) fn exit(&self) -> Exit {
        let is = |wanted: Exit| {
            move |ended: &Option<Ended>| ended.as_ref().is_some_and(|ended| ended.exit == wanted)
        };
        if self.ended.iter().all(is(Exit::Complete)) {
            Exit::Complete
        } else if self
            .ended
            .iter()
            .any(|ended| ended.is_none() || is(Exit::Interrupted)(ended))
        {
            Exit::Interrupted
        } else {
            Exit::Partial
        }
    }

    fn each(&self) -> impl Iterator<Item = (&Label, &Ended)> {
        let pairs = self.labels.iter().zip(self.ended);
        pairs.filter_map(|(label, ended)| Some((label, ended.as_ref()?)))
    }

    fn totals(&self) -> Totals {
        let mut totals = Totals {
            counts: Counts::default(),
            complete: 0,
            incomplete: 0,
            not_begun: self.labels.len(),
        };
        for (_, ended) in self.each() {
            totals.counts.add(&ended.counts);
            totals.not_begun -= 1;
            if ended.exit == Exit::Complete {
                totals.complete += 1;
            } else {
                totals.incomplete += 1;
            }
        }
        totals
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        if self.telling.dry_run {
            self.plan(&mut out);
        }
        let (complete, incomplete): (Vec<_>, Vec<_>) =
            self.each().partition(|(_, ended)| ended.exit == Exit::Complete);
        for (label, ended) in complete.iter().filter(|(_, ended)| !ended.words.is_empty()) {
            paragraph(&mut out, label, "complete", &ended.words);
        }
        for (label, ended) in &incomplete {
            let state = format!("not complete (code {})", ended.exit.code());
            paragraph(&mut out, label, &state, &ended.words);
        }
        self.last_lines(&mut out);
        out
    }

    fn plan(&self, out: &mut String) {
        let name = |label: &Label| label.to_string();
        let width = self
            .labels
            .iter()
            .map(|label| name(label).chars().count())
            .max()
            .unwrap_or(0)
            .max(7);
        let _ = writeln!(
            out,
            "{:<width$}  {:>9}  {:>10}  {:>12}",
            "account", "mailboxes", "to carry", "size"
        );
        for (label, ended) in self.each().filter(|(_, ended)| ended.mailboxes > 0) {
            let _ = writeln!(
                out,
                "{:<width$}  {:>9}  {:>10}  {:>12}",
                name(label),
                ended.mailboxes,
                HumanCount(ended.counts.carried).to_string(),
                HumanBytes(ended.counts.bytes).to_string(),
            );
        }
        out.push('\n');
    }

    fn last_lines(&self, out: &mut String) {
        let Totals {
            counts,
            complete,
            incomplete,
            not_begun,
        } = self.totals();
        let carried = format!(
            "{} messages ({})",
            HumanCount(counts.carried),
            HumanBytes(counts.bytes)
        );
        let _ = if self.telling.dry_run {
            writeln!(
                out,
                "To carry: {carried} in {} accounts. Nothing was changed (dry run).",
                self.labels.len()
            )
        } else if counts.is_empty() && self.exit() == Exit::Complete {
            writeln!(out, "Nothing has changed: {complete} accounts are up to date.")
        } else {
            writeln!(out, "Moved {carried} in {:.1} s.", self.took.as_secs_f64())
        };
        if self.exit() == Exit::Complete {
            if !self.telling.dry_run {
                let _ = writeln!(
                    out,
                    "Verified: a last look at both sides of {complete} accounts found nothing left to do."
                );
            }
            return;
        }
        let _ = write!(
            out,
            "{complete} of {} accounts are complete, {incomplete} are not",
            self.labels.len()
        );
        if not_begun > 0 {
            let _ = write!(out, ", {not_begun} were not begun");
        }
        let _ = writeln!(
            out,
            ". Run the same command again when that is mended: it goes on where it stopped."
        );
    }

    /// For a machine. The keys are documented in README.md and only ever added to.
    pub(crate) fn json(&self) -> String {
        let exit = self.exit();
        let Totals {
            counts,
            complete,
            incomplete,
            not_begun,
        } = self.totals();
        let mut totals = report::counts(&counts);
        totals["accounts"] = self.labels.len().into();
        totals["complete"] = complete.into();
        totals["incomplete"] = incomplete.into();
        totals["not_begun"] = not_begun.into();
        let head = head(exit, self.telling.dry_run, self.took);
        let mut out = with(head, &json!({ "totals": totals, "warnings": self.warnings })).to_string();
        // Put together as text: of thousands of accounts, the parts are long enough.
        out.pop();
        out.push_str(",\"accounts\":[");
        for (at, (label, ended)) in self.labels.iter().zip(self.ended).enumerate() {
            if at > 0 {
                out.push(',');
            }
            match ended.as_ref().and_then(|ended| ended.json.as_ref()) {
                Some(json) => out.push_str(json),
                None => out.push_str(&never_begun(label, self.telling.dry_run).to_string()),
            }
        }
        out.push_str("]}");
        out
    }
}

fn paragraph(out: &mut String, label: &Label, state: &str, words: &str) {
    let Label { line, maildir, .. } = label;
    let _ = writeln!(
        out,
        "Line {line}, {label} to {}: {state}\n{words}",
        maildir.display()
    );
}

fn head(exit: Exit, dry_run: bool, took: Duration) -> Value {
    json!({
        "exit_code": exit.code(),
        "outcome": exit,
        "dry_run": dry_run,
        "seconds": (took.as_secs_f64() * 1000.0).round() / 1000.0,
    })
}

fn with(mut value: Value, more: &Value) -> Value {
    if let (Some(value), Some(more)) = (value.as_object_mut(), more.as_object()) {
        value.extend(more.clone());
    }
    value
}

fn never_begun(label: &Label, dry_run: bool) -> Value {
    let more = json!({
        "line": label.line,
        "from": label.source,
        "to": label.maildir.to_string_lossy(),
        "error": { "what": "not begun", "advice": "Run the same command again." },
    });
    with(head(Exit::Interrupted, dry_run, Duration::ZERO), &more)
}

/// Nothing was done, for a machine.
pub(crate) fn nothing_done(telling: Telling, failure: &Failure, faults: &[Fault], took: Duration) -> String {
    let fault = |fault: &Fault| {
        json!({
            "line": fault.line,
            "column": fault.column.map(super::table::Column::name),
            "what": fault.what,
        })
    };
    let more = json!({
        "error": { "what": failure.what, "advice": failure.advice },
        "faults": faults.iter().map(fault).collect::<Vec<_>>(),
    });
    with(head(failure.exit, telling.dry_run, took), &more).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit: Exit) -> Ended {
        let counts = Counts {
            carried: 3,
            ..Counts::default()
        };
        Ended {
            exit,
            mailboxes: 1,
            counts,
            seconds: 0.0,
            words: if exit == Exit::Complete {
                String::new()
            } else {
                format!("  {exit:?}\n")
            },
            json: None,
        }
    }

    #[test]
    fn the_exit_code_is_that_of_all_accounts_together() {
        use Exit::{Complete, Interrupted, LoginRefused, Partial};
        let check = |exits: &[Option<Exit>], expected: Exit, words: &[&str]| {
            let labels: Vec<Label> = (2..)
                .take(exits.len())
                .map(|line| Label {
                    line,
                    source: format!("u{line}@h"),
                    maildir: "/v".into(),
                })
                .collect();
            let ended: Vec<Option<Ended>> = exits.iter().map(|exit| exit.map(ended)).collect();
            let all = All {
                telling: Telling {
                    dry_run: false,
                    quiet: false,
                    into_maildir: true,
                },
                labels: &labels,
                ended: &ended,
                warnings: &[],
                took: Duration::ZERO,
            };
            assert_eq!(all.exit(), expected, "{exits:?}");
            let text = all.text();
            for words in words {
                assert!(text.contains(words), "{text}");
            }
            let json: Value = serde_json::from_str(&all.json()).unwrap();
            assert_eq!(json["exit_code"], expected.code());
            assert_eq!(json["accounts"].as_array().unwrap().len(), exits.len());
        };
        check(
            &[Some(Complete), Some(Complete)],
            Complete,
            &["Moved 6 messages", "Verified: "],
        );
        check(
            &[Some(Complete), Some(LoginRefused)],
            Partial,
            &[
                "Line 3, u3@h to /v: not complete (code 4)\n  LoginRefused",
                "1 of 2 accounts are complete, 1 are not.",
            ],
        );
        check(&[Some(Partial)], Partial, &["0 of 1"]);
        check(&[Some(Interrupted), Some(LoginRefused)], Interrupted, &["0 of 2"]);
        check(
            &[Some(Complete), None],
            Interrupted,
            &["1 of 2 accounts are complete, 0 are not, 1 were not begun."],
        );
    }
}
