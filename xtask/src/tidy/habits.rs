//! How long a file may be, and what does not stay in one.

use super::Finding;
use super::rust::{Source, mentions};

/// Lines of one Rust file, unit tests at the bottom apart.
const LONGEST: usize = 500;

/// Files that may be longer, each with its reason.
const LONGER: [(&str, &str); 0] = [];

/// Where tests may sleep, each with its reason.
const MAY_SLEEP: [(&str, &str); 6] = [
    (
        "crates/testkit/",
        "it waits for real servers, always with a deadline",
    ),
    (
        "crates/maildir/tests/dovecot/kill.rs",
        "the moment of the kill is what is tried out",
    ),
    (
        "crates/maildir/tests/dovecot/main.rs",
        "a session stays idle for a while, and a lock is held for a while: that is what is tried out",
    ),
    (
        "crates/ops/tests/login/",
        "how soon a silent server is known to be silent is what is tried out; a real server's log is waited for, with a deadline",
    ),
    (
        "crates/worker/tests/stories/processes.rs",
        "it waits for conditions, always with a deadline",
    ),
    (
        "tests/src/lib.rs",
        "it waits for conditions, always with a deadline",
    ),
];

/// What is found, where it is not allowed, and what to do.
const LEFT_BEHIND: [(&str, &str); 3] = [
    (
        "#[ignore",
        "a test runs or it does not exist: make it run, or remove it",
    ),
    (
        "todo!(",
        "finish it, or return an error that says what is missing",
    ),
    ("dbg!(", "remove it"),
];

/// Checks each file by itself.
pub(crate) fn check(sources: &[Source<'_>]) -> Vec<Finding> {
    sources
        .iter()
        .flat_map(|source| length(source).into_iter().chain(lines(source)))
        .collect()
}

fn length(source: &Source<'_>) -> Option<Finding> {
    let whole = source.code.len();
    let counted = if source.tests_from == 0 {
        whole
    } else {
        source.tests_from
    };
    let excused = LONGER.iter().any(|&(path, _)| path == source.path);
    (counted > LONGEST && !excused).then(|| {
        Finding::new(
            source.path,
            format!("{counted} lines; {LONGEST} are enough"),
            "split it along what it does; if it cannot be split, list it in LONGER with the reason",
        )
    })
}

fn lines(source: &Source<'_>) -> Vec<Finding> {
    let excused = MAY_SLEEP.iter().any(|&(path, _)| source.path.starts_with(path));
    let mut findings = Vec::new();
    for (line, code) in source.code.iter().enumerate() {
        for (word, remedy) in LEFT_BEHIND {
            if mentions(code, word) {
                findings.push(Finding::new(source.place(line), format!("`{word}`"), remedy));
            }
        }
        let sleeps = code.contains("thread::sleep") || code.contains("time::sleep");
        if sleeps && line >= source.tests_from && !excused {
            findings.push(Finding::new(
                source.place(line),
                "a test sleeps",
                "wait for the thing itself (a channel, a process's end, the testkit's waiting), not for time; if time \
                 itself is what is tested, list the file in MAY_SLEEP with the reason",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(path: &str, text: &str) -> Vec<String> {
        check(&[Source::new(path, text)])
            .into_iter()
            .map(|finding| format!("{}: {}", finding.place, finding.what))
            .collect()
    }

    #[test]
    fn length_is_counted_without_the_tests_at_the_bottom() {
        let long = "x();\n".repeat(501);
        assert_eq!(places("a.rs", &long), ["a.rs: 501 lines; 500 are enough"]);
        let tested = format!("{}#[cfg(test)]\nmod tests {{\n{long}}}\n", "x();\n".repeat(500));
        assert_eq!(places("a.rs", &tested), [""; 0]);
        assert_eq!(
            places("tests/a.rs", &long),
            ["tests/a.rs: 501 lines; 500 are enough"]
        );
    }

    #[test]
    fn what_is_left_behind_is_found_in_code_only() {
        let text = "#[ignore = \"slow\"]\nfn f() { todo!() } // todo!()\nlet s = \"dbg!()\"; dbg!(s);\nmethod_todo!();\n";
        assert_eq!(
            places("a.rs", text),
            ["a.rs:1: `#[ignore`", "a.rs:2: `todo!(`", "a.rs:3: `dbg!(`"]
        );
    }

    #[test]
    fn tests_do_not_sleep() {
        let text = "thread::sleep(d);\n#[cfg(test)]\nmod tests {\n    tokio::time::sleep(d).await;\n}\n";
        assert_eq!(places("a.rs", text), ["a.rs:4: a test sleeps"]);
        assert_eq!(
            places("tests/a.rs", "std::thread::sleep(d);"),
            ["tests/a.rs:1: a test sleeps"]
        );
        assert_eq!(
            places("crates/testkit/tests/a.rs", "std::thread::sleep(d);"),
            [""; 0]
        );
    }
}
