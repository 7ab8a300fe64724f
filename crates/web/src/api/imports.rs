//! `domains/import`, `domains/export`, `identities/import`, `identities/export`: the directory as CSV.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::{Value, json};
use transhume_model::import::csv::{Complaint, Part, separator};
use transhume_model::rights::Right;
use transhume_ops::import_csv::FileReport;
use transhume_ops::upload::{Upload, export, import};
use utoipa::ToSchema;

use super::body::Body;
use super::changes;
use super::fields::{Field, Sent, Shape};
use super::operation::{Components, Operation, Parameter};
use super::page::Query;
use super::problem::{Faults, Problem};
use crate::WebState;
use crate::gate::Caller;

const SEPARATOR: Field = Field::text(
    "sepchar",
    2,
    "What stands between fields; \\t is a tab. Unless it is said, what the first row has after its first word.",
);
const CONTINUE: Field = Field::switch(
    "continue_if_exists",
    "Keep what exists already; aliases get the recipients that they lack.",
);
const DRY_RUN: Field = Field::switch("dry_run", "Tell what would happen, and write nothing.");
const ENCODING: Field = Field::text(
    "encoding",
    40,
    "The encoding of the file; it is guessed where it is not said and not UTF-8.",
);

static DOMAINS: Shape = Shape {
    name: "CSVImport",
    fields: &[SEPARATOR, CONTINUE, DRY_RUN, ENCODING],
};

static IDENTITIES: Shape = Shape {
    name: "CSVIdentityImport",
    fields: &[
        SEPARATOR,
        CONTINUE,
        Field::switch(
            "crypt_passwords",
            "The file holds passwords: hash them. Those that are hashes already stay as they are.",
        ),
        DRY_RUN,
        ENCODING,
    ],
};

/// What came of a file.
#[derive(Serialize, ToSchema)]
pub(crate) struct ImportReport {
    /// Whether it was imported; with `dry_run`, whether it would be. It is all or nothing.
    status: bool,
    /// What came of it, in a sentence.
    message: String,
    /// Whether nothing was to be written.
    dry_run: bool,
    /// Rows that are not blank.
    rows: u64,
    /// What is new in the directory.
    added: Added,
    /// Rows of which all was there already.
    kept: u64,
    /// Rows that need something with an error, and have none of their own.
    held_up: u64,
    /// What is wrong. If there is anything, nothing was imported.
    errors: Vec<Remark>,
    /// What was read otherwise than it may have been meant.
    notices: Vec<Remark>,
    /// The encoding, where it was guessed.
    guessed_encoding: Option<String>,
}

/// What an import adds, by kind.
#[derive(Serialize, ToSchema)]
pub(crate) struct Added {
    domains: u64,
    relay_domains: u64,
    domain_aliases: u64,
    accounts: u64,
    mailboxes: u64,
    aliases: u64,
    /// Recipients that aliases got which were there before.
    recipients: u64,
}

/// Something about a line of the file.
#[derive(Serialize, ToSchema)]
pub(crate) struct Remark {
    /// The line, from 1.
    line: u32,
    /// The column, from 1.
    column: u32,
    /// What is wrong, or was done otherwise than one might think.
    message: String,
    /// What would be right.
    advice: String,
}

pub(super) fn operations() -> Vec<Operation> {
    let sepchar = Parameter::text(
        "sepchar",
        "What stands between fields: , unless it is said; \\t is a tab.",
    );
    let details = "All of a file is looked at before anything is written, and it is imported whole or not at all. What is wrong is \
                   told line by line. The answer is 200 also where nothing was imported: `status` says it.";
    vec![
        Operation::post("/api/v2/domains/import/", Right::ImportDomains, import_domains)
            .named(
                "domains_import_create",
                "Imports domains and their other names from a CSV file",
            )
            .details(details)
            .takes_file(&DOMAINS)
            .gives::<ImportReport>(200, "The file was looked at; `status` says what came of it."),
        Operation::get("/api/v2/domains/export/", Right::SeeDomains, export_domains)
            .named("domains_export_retrieve", "Domains and their other names as CSV")
            .asks(&[sepchar])
            .gives_body(200, "The rows.", "text/csv", text),
        Operation::post(
            "/api/v2/identities/import/",
            Right::ImportIdentities,
            import_identities,
        )
        .named(
            "identities_import_create",
            "Imports accounts and aliases from a CSV file",
        )
        .details(details)
        .takes_file(&IDENTITIES)
        .gives::<ImportReport>(200, "The file was looked at; `status` says what came of it."),
        Operation::get("/api/v2/identities/export/", Right::Export, export_identities)
            .named("identities_export_retrieve", "Accounts and aliases as CSV")
            .details(
                "It holds hashes of passwords, of those accounts that one may change: keep it from others.",
            )
            .asks(&[sepchar])
            .gives_body(200, "The rows.", "text/csv", text),
    ]
}

fn text(_: &mut Components) -> Value {
    json!({ "type": "string" })
}

async fn import_domains(
    State(state): State<WebState>,
    caller: Caller,
    body: Body,
) -> Result<Json<ImportReport>, Problem> {
    read(&state, &caller, body, &DOMAINS).await
}

async fn import_identities(
    State(state): State<WebState>,
    caller: Caller,
    body: Body,
) -> Result<Json<ImportReport>, Problem> {
    read(&state, &caller, body, &IDENTITIES).await
}

async fn read(
    state: &WebState,
    caller: &Caller,
    mut body: Body,
    shape: &Shape,
) -> Result<Json<ImportReport>, Problem> {
    let said = body.read(shape, Sent::Whole)?;
    let file = body
        .file("sourcefile")
        .ok_or_else(|| Faults::one("sourcefile", "No file was submitted."))?;
    let separator = match said.text("sepchar") {
        Some(text) => separator(text).map_err(|problem| Faults::one("sepchar", problem))?,
        None => likely_separator(&file),
    };
    let switch = |field| said.switch(field).unwrap_or(false);
    let dry_run = switch("dry_run");
    let upload = Upload {
        bytes: file.to_vec(),
        separator,
        continue_if_exists: switch("continue_if_exists"),
        crypt_passwords: switch("crypt_passwords"),
        encoding: said.text("encoding").map(str::to_owned),
    };
    let report = import(caller.asked(state), upload, dry_run)
        .await
        .map_err(refused)?;
    Ok(Json(ImportReport::of(report, dry_run)))
}

/// What stands behind the first word of a file: the exports of the reference have commas there, its imports semicolons.
fn likely_separator(file: &[u8]) -> char {
    let mut letters = file
        .iter()
        .copied()
        .filter(|octet| !octet.is_ascii_alphabetic() && octet.is_ascii());
    match letters.find(|octet| b";,\t|\n".contains(octet)) {
        Some(b',') => ',',
        Some(b'\t') => '\t',
        Some(b'|') => '|',
        _ => ';',
    }
}

async fn export_domains(
    State(state): State<WebState>,
    caller: Caller,
    query: Query,
) -> Result<Response, Problem> {
    written(
        &state,
        &caller,
        &query,
        Part::Domains,
        "attachment; filename=\"domains.csv\"",
    )
    .await
}

async fn export_identities(
    State(state): State<WebState>,
    caller: Caller,
    query: Query,
) -> Result<Response, Problem> {
    let name = "attachment; filename=\"identities.csv\"";
    written(&state, &caller, &query, Part::Identities, name).await
}

async fn written(
    state: &WebState,
    caller: &Caller,
    query: &Query,
    part: Part,
    name: &'static str,
) -> Result<Response, Problem> {
    let separator = match query.get("sepchar") {
        Some(text) => separator(text).map_err(|problem| Faults::one("sepchar", problem))?,
        None => ',',
    };
    let rows = export(caller.asked(state), part, separator)
        .await
        .map_err(refused)?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/csv; charset=utf-8"),
        ),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(name)),
    ];
    Ok((headers, rows).into_response())
}

fn refused(error: transhume_ops::ChangeError) -> Problem {
    changes::refused("File", |field| field, error)
}

impl ImportReport {
    fn of(report: FileReport, dry_run: bool) -> Self {
        let added = &report.added;
        let objects =
            added.domains + added.relay_domains + added.domain_aliases + added.accounts + added.aliases;
        let message = match (report.errors.len(), dry_run) {
            (0, false) => format!("{objects} objects imported successfully"),
            (0, true) => format!("{objects} objects would be imported"),
            (1, _) => "Nothing was imported: 1 error".to_owned(),
            (errors, _) => format!("Nothing was imported: {errors} errors"),
        };
        Self {
            status: report.errors.is_empty(),
            message,
            dry_run,
            rows: report.rows,
            added: Added {
                domains: added.domains,
                relay_domains: added.relay_domains,
                domain_aliases: added.domain_aliases,
                accounts: added.accounts,
                mailboxes: added.mailboxes,
                aliases: added.aliases,
                recipients: added.recipients,
            },
            kept: report.kept,
            held_up: report.held_up,
            errors: report.errors.into_iter().map(Remark::from).collect(),
            notices: report.notices.into_iter().map(Remark::from).collect(),
            guessed_encoding: report.guessed.map(str::to_owned),
        }
    }
}

impl From<Complaint> for Remark {
    fn from(complaint: Complaint) -> Self {
        Self {
            line: complaint.place.line,
            column: complaint.place.column,
            message: complaint.wrong,
            advice: complaint.right,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::likely_separator;

    #[test]
    fn the_first_row_tells_what_separates() {
        for (file, separator) in [
            ("domain; a.example; 1", ';'),
            ("domain,a.example,1", ','),
            ("\u{feff}domain\ta.example", '\t'),
            ("alias|a@b.example|c,d", '|'),
            ("domain\na,b", ';'),
            ("", ';'),
        ] {
            assert_eq!(likely_separator(file.as_bytes()), separator, "{file}");
        }
    }
}
