//! `cargo xtask fuzz`: bytes that nobody would write, for as long as one likes.
//!
//! The targets lie in `fuzz/`, a workspace of its own, since they need a nightly compiler. What must hold stands in the
//! crates (`fuzzing.rs`); their tests try it with `fuzz/corpus` on every run. What fuzzing adds to the corpus stays
//! under `target/`; a finding is printed, and belongs into `fuzz/corpus` once it is mended.

use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::cargo::Workspace;
use crate::steps::{Steps, succeeds};

/// Longest input, in octets: long enough for every combination of what the readers know.
const LONGEST: u32 = 4096;
/// A target that takes longer over one input, in seconds, has a finding.
const SLOWEST: u32 = 10;
/// A target that takes more memory, in megabytes, has one too.
const LARGEST: u32 = 2048;

/// What to run, and for how long.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    minutes: NonZeroU32,
    targets: Vec<String>,
}

impl Options {
    /// Reads the words after `fuzz`.
    pub(crate) fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self {
            minutes: NonZeroU32::MIN.saturating_add(1),
            targets: Vec::new(),
        };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            if word == "--minutes" {
                let minutes = words.next().context("--minutes takes a number")?;
                options.minutes = minutes.parse().context("--minutes takes a number")?;
            } else if word.starts_with('-') {
                bail!("fuzz takes --minutes N and names of targets, not {word}");
            } else {
                options.targets.push(word.to_owned());
            }
        }
        Ok(options)
    }
}

/// Runs the targets one after another; `false` when there is a finding.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let workspace = Workspace::read()?;
    let all = targets(&workspace.root)?;
    if let Some(unknown) = options.targets.iter().find(|target| !all.contains(target)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    let chosen = if options.targets.is_empty() {
        &all
    } else {
        &options.targets
    };
    let mut steps = Steps::default();
    install(&mut steps)?;
    for target in chosen {
        let found = workspace.target.join("fuzz-corpus").join(target);
        std::fs::create_dir_all(&found).with_context(|| format!("making {}", found.display()))?;
        steps.command(
            target,
            nightly(&["cargo", "fuzz", "run", "--fuzz-dir", "fuzz", "--target-dir"])
                .arg(workspace.target.join("fuzz"))
                .arg(target)
                // The first folder is written to, the second is only read.
                .arg(&found)
                .arg(Path::new("fuzz").join("corpus").join(target))
                .arg("--")
                .arg(format!("-max_total_time={}", options.minutes.get().saturating_mul(60)))
                .arg(format!("-max_len={LONGEST}"))
                .arg(format!("-timeout={SLOWEST}"))
                .arg(format!("-rss_limit_mb={LARGEST}"))
                .arg("-print_final_stats=1")
                .current_dir(&workspace.root),
        )?;
    }
    Ok(steps.finish())
}

/// The names of the targets, ascending.
fn targets(root: &Path) -> anyhow::Result<Vec<String>> {
    let folder = root.join("fuzz").join("fuzz_targets");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Installs the nightly compiler and cargo-fuzz, where they are missing.
fn install(steps: &mut Steps) -> anyhow::Result<()> {
    if !is_there(&mut nightly(&["rustc", "--version"])) {
        let mut rustup = Command::new("rustup");
        rustup.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
        steps.command("install the nightly compiler", &mut rustup)?;
    }
    if !is_there(&mut nightly(&["cargo", "fuzz", "--version"])) {
        let mut cargo = nightly(&["cargo", "install", "cargo-fuzz", "--locked"]);
        steps.step("install cargo-fuzz", || succeeds(&mut cargo))?;
    }
    Ok(())
}

/// A command of the nightly toolchain. The variables that name the toolchain at work would be inherited.
fn nightly(words: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly"])
        .args(words)
        .env_remove("CARGO")
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN");
    command
}

fn is_there(command: &mut Command) -> bool {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_options() {
        let parse = |words: &[&str]| Options::parse(words).ok();
        let options = |minutes, targets: &[&str]| {
            let targets = targets.iter().map(ToString::to_string).collect();
            NonZeroU32::new(minutes).map(|minutes| Options { minutes, targets })
        };
        assert_eq!(parse(&[]), options(2, &[]));
        assert_eq!(
            parse(&["wire", "--minutes", "10", "date"]),
            options(10, &["wire", "date"])
        );
        assert_eq!(parse(&["--minutes"]), None);
        assert_eq!(parse(&["--minutes", "x"]), None);
        // To libFuzzer it would mean for ever.
        assert_eq!(parse(&["--minutes", "0"]), None);
        assert_eq!(parse(&["--hours", "1"]), None);
    }

    /// Each target is built, and has a corpus to begin with that the tests run too.
    #[test]
    fn targets_manifest_and_corpus_agree() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let manifest = std::fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
        let names = targets(&root).unwrap();
        assert!(!names.is_empty());
        for name in &names {
            assert!(manifest.contains(&format!("name = \"{name}\"\n")), "{name}");
            let corpus = root.join("fuzz/corpus").join(name);
            assert!(corpus.read_dir().unwrap().next().is_some(), "{name}");
        }
        assert_eq!(manifest.matches("[[bin]]").count(), names.len());
    }
}
