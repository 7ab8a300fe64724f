//! Steps that are named, timed, and summed up at the end.

use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

/// What was done so far.
#[derive(Default)]
pub(crate) struct Steps(Vec<Step>);

struct Step {
    name: String,
    took: Duration,
    passed: bool,
}

impl Steps {
    /// Runs one step, says so, and notes how long it took.
    pub(crate) fn step(
        &mut self,
        name: &str,
        work: impl FnOnce() -> anyhow::Result<bool>,
    ) -> anyhow::Result<bool> {
        eprintln!("\n=== {name}");
        let start = Instant::now();
        let result = work();
        let took = start.elapsed();
        let passed = matches!(result, Ok(true));
        let verdict = if passed { "passed" } else { "FAILED" };
        eprintln!("=== {name}: {verdict} after {}", spell(took));
        self.0.push(Step {
            name: name.to_owned(),
            took,
            passed,
        });
        result.with_context(|| name.to_owned())
    }

    /// Runs a program as one step; its output goes to the terminal.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command) -> anyhow::Result<bool> {
        self.step(name, || succeeds(command))
    }

    /// Prints all steps; `true` when each has passed.
    pub(crate) fn finish(&self) -> bool {
        eprint!("{}", self.summary());
        self.0.iter().all(|step| step.passed)
    }

    fn summary(&self) -> String {
        let mut text = String::from("\n");
        for step in &self.0 {
            let word = if step.passed { "passed" } else { "FAILED" };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{word}  {:>8}  {}", spell(step.took), step.name);
        }
        text
    }
}

/// Runs a program with the terminal's input and output; whether it ended well.
pub(crate) fn succeeds(command: &mut Command) -> anyhow::Result<bool> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))?;
    Ok(status.success())
}

fn spell(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {:02} s", took.as_secs() / 60, took.as_secs() % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_fails_the_whole_and_is_named() {
        let mut steps = Steps::default();
        assert!(steps.step("first", || Ok(true)).unwrap());
        assert!(!steps.step("second", || Ok(false)).unwrap());
        assert!(steps.step("third", || anyhow::bail!("broken")).is_err());
        assert!(!steps.finish());
        let summary = steps.summary();
        let words: Vec<_> = summary
            .lines()
            .filter_map(|line| Some((line.split(' ').next()?, line.rsplit(' ').next()?)))
            .filter(|(word, _)| !word.is_empty())
            .collect();
        assert_eq!(
            words,
            [("passed", "first"), ("FAILED", "second"), ("FAILED", "third")]
        );
    }

    #[test]
    fn durations_are_readable() {
        assert_eq!(spell(Duration::from_millis(1240)), "1.2 s");
        assert_eq!(spell(Duration::from_secs(605)), "10 min 05 s");
    }
}
