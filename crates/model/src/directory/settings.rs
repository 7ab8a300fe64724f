//! Settings: what administrators decide for the whole platform.

use std::fmt;
use std::num::NonZeroU32;

/// Longest list of patterns and longest pattern, in characters: far beyond what anybody writes.
const PATTERN_LIMIT: usize = 1000;
/// The shortest time between two passes over an account, in seconds: old servers do not like to be asked more often.
const SHORTEST: u32 = 60;
/// The longest: a week.
const LONGEST: u32 = 7 * 24 * 3600;
/// The longest time for which an old mailbox is swept, in seconds: 90 days. As long its password is kept.
const LONGEST_SWEEP: u32 = 90 * 24 * 3600;
/// The most passes at a time: what one machine's memory bears.
const MOST_JOBS: u32 = 1000;

/// A setting that cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsProblem {
    /// No job, or far too many.
    #[error("there may be 1 to {MOST_JOBS} concurrent jobs, not {0}")]
    Jobs(u32),
    /// Too often, or too rarely.
    #[error("a pass may come every {SHORTEST} to {LONGEST} seconds, not every {0}")]
    Every(u32),
    /// Too long after a cut-over.
    #[error(
        "an old mailbox may be swept for 0 to {LONGEST_SWEEP} seconds after its cut-over (90 days), not for {0}"
    )]
    Sweep(u32),
    /// A pattern that is empty, too long, or no single line.
    #[error("“{0}” is no pattern over folder names (like Trash, Lists/%, or *2019)")]
    Pattern(String),
    /// Too many patterns.
    #[error("there may be {PATTERN_LIMIT} patterns at most")]
    Patterns,
}

/// What holds for all migrations. What is not said has its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// *Enable IMAP migration*: whether people may come from providers, and passes run.
    pub imap_migration: bool,
    /// *Automatic domain/mailbox creation*: whether a first login makes domain, account and mailbox.
    pub auto_create: bool,
    /// *Concurrent sync jobs*: passes at a time, of all processes together.
    pub jobs: NonZeroU32,
    /// *Create folders*: whether a pass makes folders that are missing here.
    pub create_folders: bool,
    /// When not empty, only folders that one of these patterns covers ([`crate::plan::Pattern`]).
    pub include: Vec<String>,
    /// Folders that one of these covers are left out; stronger than `include`.
    pub exclude: Vec<String>,
    /// Seconds from the end of one pass over an account to the next.
    pub every: NonZeroU32,
    /// What a client sees until an account's mail is here.
    pub until_complete: UntilComplete,
    /// Seconds for which an old mailbox is swept after its cut-over, for mail that came late. A cut-over can be taken back as long.
    pub sweep_for: u32,
}

/// What somebody who logs in sees until all of their mail is here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UntilComplete {
    /// The old server, through this one.
    #[default]
    Proxy,
    /// What is here already.
    Local,
    /// That they have to wait.
    Refuse,
}

impl Default for Settings {
    fn default() -> Self {
        const JOBS: NonZeroU32 = NonZeroU32::new(4).unwrap();
        const EVERY: NonZeroU32 = NonZeroU32::new(3600).unwrap();
        Self {
            imap_migration: true,
            auto_create: true,
            jobs: JOBS,
            create_folders: true,
            include: Vec::new(),
            exclude: Vec::new(),
            every: EVERY,
            until_complete: UntilComplete::Proxy,
            sweep_for: 7 * 24 * 3600,
        }
    }
}

impl Settings {
    /// Concurrent jobs, where there can be so many.
    pub fn jobs(number: u32) -> Result<NonZeroU32, SettingsProblem> {
        let jobs = NonZeroU32::new(number).filter(|jobs| jobs.get() <= MOST_JOBS);
        jobs.ok_or(SettingsProblem::Jobs(number))
    }

    /// Seconds between passes, where it can be so many.
    pub fn every(seconds: u32) -> Result<NonZeroU32, SettingsProblem> {
        let every = NonZeroU32::new(seconds).filter(|every| (SHORTEST..=LONGEST).contains(&every.get()));
        every.ok_or(SettingsProblem::Every(seconds))
    }

    /// Seconds for which old mailboxes are swept, where it can be so many; 0 is not at all.
    pub fn sweep_for(seconds: u32) -> Result<u32, SettingsProblem> {
        if seconds > LONGEST_SWEEP {
            return Err(SettingsProblem::Sweep(seconds));
        }
        Ok(seconds)
    }

    /// Patterns, without blanks around them, where they can be such.
    pub fn patterns<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Vec<String>, SettingsProblem> {
        let patterns: Vec<String> = texts.into_iter().map(pattern).collect::<Result<_, _>>()?;
        if patterns.len() > PATTERN_LIMIT {
            return Err(SettingsProblem::Patterns);
        }
        Ok(patterns)
    }
}

fn pattern(text: &str) -> Result<String, SettingsProblem> {
    let text = text.trim();
    let is_line = !text.is_empty() && !text.chars().any(char::is_control);
    if is_line && text.chars().count() <= PATTERN_LIMIT {
        return Ok(text.to_owned());
    }
    let shown = text.chars().filter(|letter| !letter.is_control()).take(40);
    Err(SettingsProblem::Pattern(shown.collect()))
}

impl UntilComplete {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Proxy, Self::Local, Self::Refuse];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Local => "local",
            Self::Refuse => "refuse",
        }
    }

    /// What the word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == word)
    }
}

impl fmt::Display for UntilComplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_bounds() {
        for (number, jobs, every) in [
            (0, false, false),
            (1, true, false),
            (60, true, true),
            (1000, true, true),
            (1001, false, true),
            (604_800, false, true),
            (604_801, false, false),
        ] {
            assert_eq!(Settings::jobs(number).is_ok(), jobs, "{number} jobs");
            assert_eq!(Settings::every(number).is_ok(), every, "every {number}");
        }
        assert_eq!(
            Settings::patterns([" debian.user", "Lists/%"]).unwrap(),
            ["debian.user", "Lists/%"]
        );
        for wrong in ["", " ", "a\nb", &"a".repeat(1001)] {
            assert!(Settings::patterns([wrong]).is_err(), "{wrong:?}");
        }
        let defaults = Settings::default();
        assert_eq!(Settings::jobs(defaults.jobs.get()), Ok(defaults.jobs));
        assert_eq!(Settings::every(defaults.every.get()), Ok(defaults.every));
        assert_eq!(Settings::sweep_for(defaults.sweep_for), Ok(604_800));
        assert_eq!(Settings::sweep_for(0), Ok(0));
        assert!(Settings::sweep_for(7_776_001).is_err());
    }
}
