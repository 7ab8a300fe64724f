//! A migration's report to keep: every folder on both sides, and every message that stays behind.

use axum::extract::{Path, State};
use transhume_db::directory::MigrationRow;
use transhume_model::mail::InternalDate;
use transhume_model::rights::Scope;
use transhume_ops::folders::{Folder, FoldersError, folders};

use super::one::{find, path};
use crate::WebState;
use crate::console::answer::{Answer, Refused, download};
use crate::gate::{Refusal, Visitor};

/// Its folders, as the last pass on this machine left them.
pub(super) async fn folders_of(state: &WebState, row: &MigrationRow) -> Result<Vec<Folder>, FoldersError> {
    let migration = &row.record.migration;
    let pool = state.directory();
    // Whoever may see the migration may see its folders: what the provider says is only used to find them.
    let found = pool.provider_within(&Scope::All, row.provider_id).await?;
    match (found, &state.state_folder) {
        (Some(found), Some(folder)) => folders(pool, folder, &found.provider, migration).await,
        _ => Ok(Vec::new()),
    }
}

/// `GET /migrations/{id}/report.csv`.
pub(crate) async fn report(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let folders = folders_of(&state, &row).await;
    let folders = folders.map_err(|error| Refused(Refusal::Internal(error.to_string())))?;
    let name = format!("transhume-{}.csv", row.record.migration.address);
    download("text/csv; charset=utf-8", &name, text(&folders))
}

fn text(folders: &[Folder]) -> String {
    let mut text = line([
        "old folder",
        "new folder",
        "messages there",
        "messages here",
        "removed here",
        "stays behind (UID)",
        "why",
        "first seen",
        "tries",
    ]);
    for folder in folders {
        let [source, target] = [&folder.source, &folder.target].map(|name| path(name.components()));
        let there = folder.there.map_or_else(String::new, |there| there.to_string());
        let [here, removed] = [folder.here, folder.removed].map(|number| number.to_string());
        let own = [&source, &target, &there, &here, &removed].map(String::as_str);
        text += &line(own.into_iter().chain([""; 4]));
        for message in &folder.behind {
            let uid = message.uid.to_string();
            let first = InternalDate::to_string(&message.first_seen);
            let tries = message.tries.to_string();
            let cells = [
                &source,
                &target,
                "",
                "",
                "",
                &uid,
                &message.reason,
                &first,
                &tries,
            ];
            text += &line(cells);
        }
    }
    text
}

/// A line of a CSV file (RFC 4180). A cell that a spreadsheet would take for a formula begins with an apostrophe.
fn line<'c>(cells: impl IntoIterator<Item = &'c str>) -> String {
    let cell = |cell: &str| {
        let guarded = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            format!("'{cell}")
        } else {
            cell.to_owned()
        };
        if guarded.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", guarded.replace('"', "\"\""))
        } else {
            guarded
        }
    };
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    cells.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    #[test]
    fn cells_are_cells_and_no_formulas() {
        for (cells, expected) in [
            (["a", "b"], "a,b\r\n"),
            (["a,b", "\"c\""], "\"a,b\",\"\"\"c\"\"\"\r\n"),
            (["=1+1", "a\nb"], "'=1+1,\"a\nb\"\r\n"),
            (["@cmd", "-1"], "'@cmd,'-1\r\n"),
        ] {
            assert_eq!(super::line(cells), expected);
        }
    }
}
