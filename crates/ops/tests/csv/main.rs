//! Files as people hand them over, imported for real: into SQLite, into PostgreSQL, and for show.
//!
//! The JSON files beside this one say what is in each file, what another platform with the same format made of it, and what is
//! made of it here. `docs/csv-import.md` has a table of the same, which these tests keep true.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod case;
mod places;
mod state;

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use transhume_db::directory::DirectoryStore;
use transhume_model::directory::{Directory, StoredPassword};
use transhume_model::import::csv::Complaint;
use transhume_model::plan::directory::IfExists;
use transhume_ops::import_csv::{FileReport, How, Into, import_csv};

use case::Case;
use places::{each_engine, wait};

/// A stand-in for hashing, which takes long on purpose: the password stays readable, to be compared.
fn readable(password: &str) -> Result<StoredPassword, String> {
    StoredPassword::from_stored(&format!("{{PLAIN}}{password}")).ok_or_else(|| "no such scheme".into())
}

fn how(case: &Case, crypt: bool) -> How<'_> {
    How {
        options: case.options(crypt),
        encoding: None,
        hash: &readable,
        actor: None,
    }
}

async fn import(store: &mut DirectoryStore, bytes: &[u8], how: How<'_>) -> FileReport {
    import_csv(bytes.to_vec(), how, Into::Store(store), &mut |_| {})
        .await
        .unwrap()
}

fn shown(complaints: &[Complaint]) -> Vec<String> {
    complaints.iter().map(Complaint::to_string).collect()
}

#[test]
fn each_file_has_the_result_that_is_written_down() {
    each_engine("cases", |place| {
        let mut wrong = String::new();
        for case in case::all() {
            if let Err(why) = case.separator() {
                // The command line refuses it; there is nothing to import.
                assert_eq!(case.expected()["errors"], json!([why]), "{}", case.name());
                continue;
            }
            let at = place.fresh();
            let found = wait(async {
                let mut store = DirectoryStore::open(&at).await.unwrap();
                for before in case.before() {
                    let report = import(&mut store, before.as_bytes(), how(&case, true)).await;
                    assert_eq!(shown(&report.errors), <[String; 0]>::default(), "{}", case.name());
                }
                let before = store.read().await.unwrap();
                if case.has_clear_passwords() {
                    let report = import(&mut store, &case.bytes(), how(&case, false)).await;
                    let why = "this is no hash of a password";
                    let refused = report
                        .errors
                        .iter()
                        .any(|complaint| complaint.wrong.starts_with(why));
                    assert!(refused || !case.imports(), "{}: passwords in clear", case.name());
                    assert_eq!(
                        store.read().await.unwrap(),
                        before,
                        "{}: refused files change nothing",
                        case.name()
                    );
                }
                let found = whole(&case, &mut store, before).await;
                store.close().await.unwrap();
                found
            });
            if found != case.expected() {
                writeln!(wrong, "{found}").unwrap();
            }
        }
        assert!(wrong.is_empty(), "these are otherwise:\n{wrong}");
    });
}

/// Imports the case's file for show, then for real, then once more.
async fn whole(case: &Case, store: &mut DirectoryStore, before: Directory) -> Value {
    let how = how(case, case.crypts());
    let mut in_memory = before.clone();
    let (bytes, show) = (case.bytes(), Into::Memory(&mut in_memory));
    // I12: what is shown first is what happens then.
    let dry = import_csv(bytes.clone(), how, show, &mut |_| {}).await.unwrap();
    let report = import(store, &bytes, how).await;
    let after = store.read().await.unwrap();
    assert_eq!(shown(&dry.errors), shown(&report.errors), "{}", case.name());
    assert_eq!(dry.added, report.added, "{}", case.name());
    assert_eq!(
        state::without_passwords(&in_memory),
        state::without_passwords(&after),
        "{}",
        case.name()
    );
    if report.errors.is_empty() {
        // I4: the same file again changes nothing.
        let mut keeping = how;
        keeping.options.rules.if_exists = IfExists::Keep;
        let again = import(store, &bytes, keeping).await;
        assert_eq!(shown(&again.errors), <[String; 0]>::default(), "{}", case.name());
        assert!(again.added.is_nothing(), "{}: {:?}", case.name(), again.added);
        assert_eq!(again.kept, again.rows, "{}", case.name());
        assert_eq!(store.read().await.unwrap(), after, "{}", case.name());
    } else {
        assert_eq!(
            after,
            before,
            "{}: nothing of a file with an error is imported",
            case.name()
        );
        assert!(report.added.is_nothing());
    }
    json!({
        "name": case.name(),
        "imports": report.errors.is_empty(),
        "errors": shown(&report.errors),
        "notices": shown(&report.notices),
        "state": state::lines(&after),
    })
}

#[test]
fn the_document_has_the_same_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/csv-import.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- cases -->\n", "<!-- end of cases -->");
    let mut table = String::from("| a file with | the reference | Transhume |\n|---|---|---|\n");
    for case in case::all() {
        let [about, reference, here] = case.words();
        writeln!(table, "| {about} | {reference} | {here} |").unwrap();
    }
    let (before, rest) = document.split_once(begin).unwrap();
    let (there, after) = rest.split_once(end).unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, [before, begin, &table, end, after].concat()).unwrap();
    } else {
        assert_eq!(there, table, "UPDATE_EXPECT=1 writes the table into the document");
    }
}
