//! No file speaks of one machine.

use super::Finding;
use super::tree::Tree;

/// Put together here, so that this file does not speak of one itself.
const ROOTS: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];

/// Looks for paths that only one machine has.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files() {
        for (number, line) in text.lines().enumerate() {
            if let Some(root) = ROOTS.into_iter().find(|root| holds(line, root)) {
                findings.push(Finding::new(
                    format!("{path}:{}", number + 1),
                    format!("names a path under {root}"),
                    "use a path from the repository's top, a temporary folder, or one that fits any machine (/srv/…)",
                ));
            }
        }
    }
    findings
}

/// Whether an absolute path under `root` stands in the line: neither part of a longer path, nor the bare root.
fn holds(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + root.len()..].chars().next();
        !before.is_some_and(|mark| mark.is_alphanumeric() || "._-*})".contains(mark))
            && after.is_some_and(|mark| mark.is_alphanumeric() || mark == '_' || mark == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_paths_are_found() {
        let found = |line: &str| holds(line, "/top/");
        assert!(found("see /top/x") && found("\"/top/x\"") && found("file:///top/.x"));
        assert!(!found("INBOX/top/x") && !found("the folder /top/ itself") && !found("a/b/top/c"));
    }

    #[test]
    fn the_line_is_named() {
        let text = format!("a\n{}alice\n", ROOTS[2]);
        let findings = check(&Tree::of([("x.md", &text)]));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "x.md:2");
    }
}
