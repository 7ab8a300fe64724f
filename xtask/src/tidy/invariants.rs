//! Every invariant in force is cited by a test, and every number that is cited exists.

use std::collections::BTreeSet;

use super::Finding;
use super::map::{self, Map};
use super::rust::Source;

/// Holds the citations against the list. xtask's own sources speak about the numbers, they do not test them.
pub(crate) fn check(sources: &[Source<'_>], map: &Map) -> Vec<Finding> {
    let mut findings = about_the_list(map);
    let mut tested = BTreeSet::new();
    for source in sources.iter().filter(|source| !source.path.starts_with("xtask/")) {
        for (line, comment) in source.comments.iter().enumerate() {
            for number in citations(comment) {
                if line >= source.tests_from {
                    tested.insert(number);
                }
                if !map.in_force.contains(&number) && !map.not_yet.contains(&number) {
                    findings.push(Finding::new(
                        source.place(line),
                        format!("cites I{number}, which {} does not know", map::FILE),
                        "correct the number, or add the invariant under “## Invariants”",
                    ));
                }
            }
        }
    }
    for number in map.in_force.difference(&tested) {
        findings.push(Finding::new(
            map::FILE,
            format!("I{number} is in force, but no test cites it"),
            format!("write `// I{number}: …` at the test that would fail without it, or write that test"),
        ));
    }
    findings
}

fn about_the_list(map: &Map) -> Vec<Finding> {
    let mut findings = Vec::new();
    if map.in_force.is_empty() {
        findings.push(Finding::new(
            map::FILE,
            "no invariant is listed under “### In force”",
            "put the heading back: the list is read from there, as `- **I1** …`",
        ));
    }
    for number in map.in_force.intersection(&map.not_yet) {
        findings.push(Finding::new(
            map::FILE,
            format!("I{number} is both in force and not yet in force"),
            "keep one of the two",
        ));
    }
    findings
}

/// The numbers in `I1`, `I13`, …, each a word of its own.
fn citations(comment: &str) -> Vec<u32> {
    comment
        .split(|mark: char| !mark.is_alphanumeric() && mark != '_' && mark != '`')
        .filter_map(|word| {
            let digits = word.trim_matches('`').strip_prefix('I')?;
            let plain = digits.len() <= 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok())?
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_are_words() {
        assert_eq!(citations(" I2: bytes; I13, (I4) `I5` I6–I7"), [2, 13, 4, 5, 6, 7]);
        assert!(citations(" I18N II2 I I1a xI3 I123 $I").is_empty());
    }

    #[test]
    fn a_lost_list_does_not_pass_for_a_good_one() {
        assert_eq!(check(&[], &Map::default()).len(), 1);
        let both = Map::new("### In force\n- **I1** a\n### Not yet in force\n- **I1** a\n");
        assert_eq!(check(&[], &both).len(), 2);
    }

    #[test]
    fn both_directions() {
        let map =
            Map::new("### In force\n- **I1** a\n- **I2** b\n- **I3** c\n### Not yet in force\n- **I8** d\n");
        let sources = [
            Source::new(
                "crates/a/src/lib.rs",
                "// I2 in mere code\n#[cfg(test)]\nmod tests {\n    // I1: so\n}\n",
            ),
            Source::new("tests/tests/b.rs", "/// I3, I8 and I77.\nfn f() { \"I2\" }\n"),
            Source::new("xtask/src/tests/c.rs", "// I99\n"),
        ];
        let found: Vec<String> = check(&sources, &map)
            .into_iter()
            .map(|finding| format!("{}: {}", finding.place, finding.what))
            .collect();
        assert_eq!(
            found,
            [
                "tests/tests/b.rs:1: cites I77, which ARCHITECTURE.md does not know",
                "ARCHITECTURE.md: I2 is in force, but no test cites it",
            ]
        );
    }
}
