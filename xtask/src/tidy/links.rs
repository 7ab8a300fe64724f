//! What the documents point to exists.

use super::Finding;
use super::rust::ends_with;
use super::tree::Tree;

/// First parts of names that stand for files of the repository.
const TOP: [&str; 6] = ["crates", "tests", "xtask", "docs", ".ci", ".cargo"];

/// Checks links and quoted file names in every Markdown file.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| ends_with(path, ".md")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut fenced = false;
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
                continue;
            }
            if fenced {
                continue;
            }
            let links = targets(line).filter(|target| !resolves(tree, folder, target));
            let names = quoted(line).filter(|name| !names_nothing_missing(tree, folder, name));
            for missing in links.chain(names) {
                findings.push(Finding::new(
                    format!("{path}:{}", number + 1),
                    format!("points to {missing}, which does not exist"),
                    "correct the name, or remove the sentence",
                ));
            }
        }
    }
    findings
}

/// The targets of `[…](target)`, without their fragments; only those within the repository.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, mark)| {
        let target = line[at + mark.len()..].split(')').next()?;
        let file = target.split('#').next()?;
        let elsewhere = file.is_empty() || file.contains("://") || file.starts_with("mailto:");
        (!elsewhere).then_some(file)
    })
}

fn resolves(tree: &Tree, folder: &str, target: &str) -> bool {
    let start = if target.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return false;
                }
            }
            _ => parts.push(part),
        }
    }
    tree.exists(&parts.join("/"))
}

/// What stands between backquotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Whether quoted text is no file name of ours, or one that exists. Rooms may be named short: `model/plan/tree.rs`.
fn names_nothing_missing(tree: &Tree, folder: &str, name: &str) -> bool {
    if name.contains(|mark: char| mark.is_whitespace() || "*<>{}$:…".contains(mark)) {
        return true;
    }
    let Some((first, rest)) = name.split_once('/') else {
        return !ends_with(name, ".md") || tree.exists(name) || resolves(tree, folder, name);
    };
    if TOP.contains(&first) && (tree.exists(name) || rest.is_empty()) {
        return true;
    }
    let room = format!("crates/{first}");
    if tree.is_folder(&room) {
        return tree.exists(&format!("{room}/{rest}"))
            || tree.exists(&format!("{room}/src/{rest}"))
            || tree.exists(name);
    }
    !TOP.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(line: &str) -> Vec<String> {
        let tree = Tree::of([
            ("docs/adr/0001-a.md", line),
            ("README.md", ""),
            ("crates/model/src/plan/tree.rs", ""),
            ("crates/db/schema/1.sql", ""),
        ]);
        check(&tree)
            .into_iter()
            .filter_map(|finding| finding.what.split([' ', ',']).nth(2).map(str::to_owned))
            .collect()
    }

    #[test]
    fn links_are_relative_to_their_file() {
        assert_eq!(
            missing("[a](../../README.md#top) [b](0001-a.md) [c](https://x.org/) [d](#e) [f](..)"),
            [""; 0]
        );
        assert_eq!(
            missing("[a](README.md) [b](../../../x)"),
            ["README.md", "../../../x"]
        );
    }

    #[test]
    fn quoted_names_may_be_short() {
        assert_eq!(
            missing("`model/plan/` `model/plan/tree.rs` `db/schema/` `README.md` `crates/model`"),
            [""; 0]
        );
        assert_eq!(
            missing("`tmp/` `cur/x` `crates/*/src` `cargo xtask test` `imaps://a/b`"),
            [""; 0]
        );
        assert_eq!(
            missing("`model/plan/gone.rs` `docs/gone.md` `GONE.md` `crates/gone/`"),
            ["model/plan/gone.rs", "docs/gone.md", "GONE.md", "crates/gone/"]
        );
    }

    #[test]
    fn blocks_are_left_alone() {
        assert_eq!(missing("```\n[a](gone.md) `crates/gone`\n```"), [""; 0]);
    }
}
