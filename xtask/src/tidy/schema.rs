//! A schema file that has landed never changes: databases in the field were made by it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::Finding;
use super::rust::ends_with;
use super::tree::Tree;

/// Where the hashes are noted, as `sha256sum` writes them.
pub(crate) const RECORD: &str = "xtask/schema.sha256";

const SCHEMA: &str = "crates/db/schema/";

/// Holds the schema files against the record.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let landed = landed(tree);
    let now = hashes(tree);
    let mut findings = Vec::new();
    for (path, hash) in &landed {
        match now.get(path) {
            Some(found) if found == hash => {}
            Some(_) => findings.push(Finding::new(
                *path,
                "has changed since it landed",
                "put it back (git checkout), and append a new file with the next number instead",
            )),
            None => findings.push(Finding::new(
                *path,
                "has landed and is gone",
                "put it back (git checkout): databases in the field were made by it",
            )),
        }
    }
    for path in now.keys().filter(|path| !landed.contains_key(*path)) {
        findings.push(Finding::new(
            *path,
            format!("is not noted in {RECORD}"),
            "when it is ready to land, run `cargo xtask tidy --record`",
        ));
    }
    findings
}

/// The record with new files appended, and which those are. What is noted already stays as it is.
pub(crate) fn with_new_ones(tree: &Tree) -> (String, Vec<String>) {
    let landed = landed(tree);
    let mut text = tree.text(RECORD).unwrap_or_default().to_owned();
    let mut added = Vec::new();
    for (path, hash) in hashes(tree) {
        if !landed.contains_key(path) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{hash}  {path}");
            added.push(path.to_owned());
        }
    }
    (text, added)
}

fn landed(tree: &Tree) -> BTreeMap<&str, &str> {
    tree.text(RECORD)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(hash, path)| (path, hash))
        .collect()
}

fn hashes(tree: &Tree) -> BTreeMap<&str, String> {
    tree.files()
        .filter(|(path, _)| path.starts_with(SCHEMA) && ends_with(path, ".sql"))
        .map(|(path, text)| (path, hash(text)))
        .collect()
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "crates/db/schema/0001_a.sql";
    const TWO: &str = "crates/db/schema/0002_b.sql";

    #[test]
    fn recording_adds_and_never_replaces() {
        let (record, added) = with_new_ones(&Tree::of([
            (ONE, "a"),
            (TWO, "b"),
            ("crates/db/schema/x.txt", ""),
        ]));
        assert_eq!(added, [ONE, TWO]);
        assert_eq!(
            record.lines().next(),
            Some(
                "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  crates/db/schema/0001_a.sql"
            )
        );
        assert_eq!(check(&Tree::of([(ONE, "a"), (TWO, "b"), (RECORD, &record)])), []);

        let changed = Tree::of([(ONE, "changed"), (RECORD, &record)]);
        let found: Vec<String> = check(&changed)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.place, finding.what))
            .collect();
        assert_eq!(
            found,
            [
                format!("{ONE}: has changed since it landed"),
                format!("{TWO}: has landed and is gone")
            ]
        );
        assert_eq!(with_new_ones(&changed), (record, vec![]));
    }

    #[test]
    fn a_new_file_must_be_noted() {
        let findings = check(&Tree::of([(ONE, "a")]));
        assert_eq!(findings.len(), 1);
        assert!(findings[0].remedy.contains("--record"));
    }
}
