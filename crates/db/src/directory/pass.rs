//! The history of passes.

use transhume_model::migration::{MigrationId, PassOutcome, PassReport};

use super::link::{Link, Row, Value};
use super::lookup::each;
use super::read::{self, Trouble};
use super::{DirectoryError, DirectoryLocation};

const COLUMNS: &str = "id, worker, began, ended, times, outcome, messages, octets, error";
const ADD: &str = "INSERT INTO pass (migration, worker, began, ended, times, outcome, messages, octets, error) \
                   VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8)";
const AGAIN: &str = "UPDATE pass SET worker = $2, ended = $3, times = times + 1, messages = messages + $4, \
                     octets = octets + $5 WHERE id = $1";

/// A line of a migration's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassRecord {
    /// What came of the pass: of several that say the same, the beginning of the first, the end of the last, and their sums.
    pub report: PassReport,
    /// How many passes they were.
    pub times: u32,
    /// The worker that ran the last of them.
    pub worker: String,
}

pub(super) async fn last(
    link: Link<'_>,
    at: &DirectoryLocation,
    id: MigrationId,
    most: u32,
) -> Result<Vec<PassRecord>, DirectoryError> {
    let lines = lines(link, at, id, most).await?;
    Ok(lines.into_iter().map(|(_, record)| record).collect())
}

async fn lines(
    link: Link<'_>,
    at: &DirectoryLocation,
    id: MigrationId,
    most: u32,
) -> Result<Vec<(i64, PassRecord)>, DirectoryError> {
    let mut lines = Vec::new();
    let question = format!("SELECT {COLUMNS} FROM pass WHERE migration = $1 ORDER BY id DESC LIMIT {most}");
    each(link, at, "pass", question, &[Value::number(id.0)], |row| {
        lines.push((row.number(0)?.unwrap_or_default(), record(row)?));
        Ok(())
    })
    .await?;
    Ok(lines)
}

fn record(row: &Row) -> Result<PassRecord, Trouble> {
    let outcome = row.text(5)?;
    let times = row.small_number(4)?.unwrap_or_default();
    Ok(PassRecord {
        worker: row.text(1)?,
        times: u32::try_from(times).unwrap_or_default(),
        report: PassReport {
            began: row.number(2)?.unwrap_or_default(),
            ended: row.number(3)?.unwrap_or_default(),
            outcome: PassOutcome::named(&outcome)
                .ok_or_else(|| read::of(&outcome, "the outcome is unknown"))?,
            messages: row.count(6)?,
            octets: row.count(7)?,
            error: row.text_or_none(8)?,
        },
    })
}

/// Adds a pass to the history: a line of its own, or once more what the last line says.
pub(super) async fn add(
    mut link: Link<'_>,
    at: &DirectoryLocation,
    id: MigrationId,
    worker: &str,
    report: &PassReport,
) -> Result<(), DirectoryError> {
    let last = lines(link.same(), at, id, 1).await?.pop();
    let same = last.filter(|(_, last)| {
        let last = &last.report;
        report.says_the_same(last.outcome, last.error.as_deref(), last.messages)
    });
    let (statement, values) = match same {
        Some((before, _)) => (
            AGAIN,
            vec![
                Value::number(before),
                Value::text(worker),
                Value::number(report.ended),
                Value::count(report.messages),
                Value::count(report.octets),
            ],
        ),
        None => (
            ADD,
            vec![
                Value::number(id.0),
                Value::text(worker),
                Value::number(report.began),
                Value::number(report.ended),
                Value::text(report.outcome.as_str()),
                Value::count(report.messages),
                Value::count(report.octets),
                Value::text_or_none(report.error.as_deref()),
            ],
        ),
    };
    let written = link.write(statement.to_owned(), &values, true).await;
    written
        .map(drop)
        .map_err(|error| DirectoryError::heard_of(at, "pass", &id, error))
}
