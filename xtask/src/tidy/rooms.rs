//! Every room that is drawn exists, and every room that exists is drawn.

use super::Finding;
use super::map::{self, Map};
use super::tree::Tree;
use crate::cargo::Package;

/// Names that say nothing about what lies inside.
const EMPTY_NAMES: [&str; 7] = ["utils", "util", "common", "helpers", "helper", "misc", "shared"];

/// Holds the tree against the drawing.
pub(crate) fn check(tree: &Tree, packages: &[Package], map: &Map) -> Vec<Finding> {
    let mut findings = Vec::new();
    for room in &map.rooms {
        if !tree.exists(room) && !in_src(room).is_some_and(|path| tree.is_folder(&path)) {
            findings.push(Finding::new(
                map::FILE,
                format!("draws {room}, which does not exist"),
                "remove it from the drawing under “## Rooms”: the map shows what is there now",
            ));
        }
    }
    let drawn = |folder: &str| {
        map.rooms
            .iter()
            .any(|room| room == folder || in_src(room).is_some_and(|path| path == folder))
    };
    let crates = packages.iter().map(|package| package.folder.as_str());
    let rooms = tree.folders().into_iter().filter(|folder| is_room(folder));
    for missing in crates.chain(rooms).filter(|folder| !drawn(folder)) {
        findings.push(Finding::new(
            missing,
            format!("is not drawn in {}", map::FILE),
            "add it under “## Rooms” with a few words on what it is for",
        ));
    }
    findings
}

/// No folder hides behind an empty name.
pub(crate) fn names(tree: &Tree) -> Vec<Finding> {
    tree.folders()
        .into_iter()
        .filter(|folder| {
            folder
                .rsplit('/')
                .next()
                .is_some_and(|name| EMPTY_NAMES.contains(&name))
        })
        .map(|folder| {
            Finding::new(
                folder,
                "the name does not say what is inside",
                "name the folder after what it is for, or move its files to where they are used",
            )
        })
        .collect()
}

/// `crates/model/mail` stands for `crates/model/src/mail`.
fn in_src(room: &str) -> Option<String> {
    let (at, _) = room.match_indices('/').nth(1)?;
    Some(format!("{}/src{}", &room[..at], &room[at..]))
}

/// `crates/*/src/*`, but for folders of tests.
fn is_room(folder: &str) -> bool {
    let parts: Vec<&str> = folder.split('/').collect();
    matches!(parts[..], ["crates", _, "src", name] if name != "tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(folder: &str) -> Package {
        Package {
            folder: folder.to_owned(),
            dependencies: Vec::new(),
        }
    }

    #[test]
    fn drawing_and_tree_are_compared_both_ways() {
        let map = Map::new(
            "## Rooms\n```\nt/\n├─ crates/\n│  └─ db/\n│     ├─ schema/\n│     ├─ rows/\n│     └─ gone/\n```\n",
        );
        let tree = Tree::of([
            ("crates/db/schema/1.sql", ""),
            ("crates/db/src/rows/a.rs", ""),
            ("crates/db/src/new/deep/b.rs", ""),
            ("crates/db/src/tests/c.rs", ""),
            ("xtask/src/main.rs", ""),
        ]);
        let findings = check(&tree, &[package("crates/db"), package("xtask")], &map);
        let found: Vec<String> = findings
            .into_iter()
            .map(|finding| format!("{}: {}", finding.place, finding.what))
            .collect();
        assert_eq!(
            found,
            [
                "ARCHITECTURE.md: draws crates/db/gone, which does not exist",
                "xtask: is not drawn in ARCHITECTURE.md",
                "crates/db/src/new: is not drawn in ARCHITECTURE.md",
            ]
        );
    }

    #[test]
    fn empty_names_are_found_at_any_depth() {
        let tree = Tree::of([("a/utils/b.rs", ""), ("a/utils.rs", ""), ("utilities/c.rs", "")]);
        let found: Vec<String> = names(&tree).into_iter().map(|finding| finding.place).collect();
        assert_eq!(found, ["a/utils"]);
    }
}
