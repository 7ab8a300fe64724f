//! Progress of an import on a terminal; elsewhere nothing is shown.

use std::cell::Cell;
use std::io::IsTerminal as _;
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use transhume_ops::import_csv::Step;

/// One bar for all files and steps.
pub(super) struct Bar {
    bar: ProgressBar,
    /// The step shown last, in words: the bar begins anew with each.
    step: Cell<&'static str>,
}

impl Bar {
    pub(super) fn new(quiet: bool) -> Self {
        let bar = if quiet || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(0)
        };
        if let Ok(style) = ProgressStyle::with_template("{prefix} {msg} {wide_bar} {percent:>3} %  {eta}") {
            bar.set_style(style);
        }
        let step = Cell::new("");
        Self { bar, step }
    }

    pub(super) fn begin(&self, file: &Path) {
        self.bar.set_prefix(file.display().to_string());
        self.step.set("");
    }

    pub(super) fn tell(&self, step: Step) {
        let (words, done, all) = match step {
            Step::Reading(done, all) => ("checking", done, all),
            Step::Hashing(done, all) => ("hashing passwords", done, all),
            Step::Writing(done, all) => ("writing", done, all),
        };
        if self.step.replace(words) != words {
            self.bar.reset();
            self.bar.set_message(words);
        }
        self.bar.set_length(u64::try_from(all).unwrap_or(u64::MAX));
        self.bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
