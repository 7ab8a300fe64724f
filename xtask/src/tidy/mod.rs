//! `cargo xtask tidy`: what the compiler does not see. The map is ARCHITECTURE.md; these checks hold the tree to it.
//!
//! Each check is a pure function from a [`Tree`] (and what cargo or the map says) to findings. Only this file and
//! [`tree`] read anything.

mod arrows;
mod habits;
mod invariants;
mod links;
mod map;
mod paths;
mod rooms;
mod rust;
mod schema;
mod tree;

use std::fmt;

use anyhow::Context;

use crate::cargo::Workspace;
use map::Map;
use tree::Tree;

/// Something that is not as it should be.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// A file, with a line where there is one; or a room.
    place: String,
    /// What is wrong.
    what: String,
    /// What to do.
    remedy: String,
}

impl Finding {
    fn new(place: impl Into<String>, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            what: what.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    → {}", self.place, self.what, self.remedy)
    }
}

/// Runs all checks; `false` when there are findings.
pub(crate) fn run() -> anyhow::Result<bool> {
    let workspace = Workspace::read()?;
    let tree = Tree::read(&workspace.root)?;
    let findings = check(&tree, &workspace);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: {} files, nothing to say", tree.len()),
        1 => println!("tidy: 1 finding"),
        count => println!("tidy: {count} findings"),
    }
    Ok(findings.is_empty())
}

/// Notes the schema files that are not yet noted: from now on they never change.
pub(crate) fn record() -> anyhow::Result<bool> {
    let workspace = Workspace::read()?;
    let tree = Tree::read(&workspace.root)?;
    let (text, added) = schema::with_new_ones(&tree);
    let path = workspace.root.join(schema::RECORD);
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    if added.is_empty() {
        println!("no new schema file");
    }
    for file in added {
        println!("recorded {file}: it never changes from now on");
    }
    Ok(true)
}

fn check(tree: &Tree, workspace: &Workspace) -> Vec<Finding> {
    let map = Map::new(tree.text(map::FILE).unwrap_or_default());
    let sources = rust::sources(tree);
    let mut findings = Vec::new();
    findings.extend(arrows::check(&workspace.packages, &map));
    findings.extend(arrows::purity(&workspace.packages, &sources));
    findings.extend(rooms::check(tree, &workspace.packages, &map));
    findings.extend(rooms::names(tree));
    findings.extend(invariants::check(&sources, &map));
    findings.extend(habits::check(&sources));
    findings.extend(schema::check(tree));
    findings.extend(links::check(tree));
    findings.extend(paths::check(tree));
    findings.sort();
    findings.dedup();
    findings
}
