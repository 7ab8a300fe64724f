//! What a person sees while many accounts are moved: one line on a terminal, else a line for each account that has ended. All
//! on standard error.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use transhume_sync::{Observer, Progress};

use super::accounts::Label;
use super::outcome::Ended;
use crate::exit::Exit;

/// Time between two changes of the line.
const CHANGE_EVERY: Duration = Duration::from_millis(100);

/// Tells of the progress of all accounts together.
pub(crate) struct Board {
    form: Form,
    state: RefCell<State>,
}

enum Form {
    Line(ProgressBar),
    Lines,
    Silent,
}

#[derive(Debug)]
struct State {
    began: Instant,
    changed: Option<Instant>,
    accounts: usize,
    done: usize,
    failed: usize,
    running: usize,
    messages: u64,
    bytes: u64,
}

impl State {
    fn line(&self) -> String {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rate is shown with few digits"
        )]
        let rate = (self.bytes as f64 / self.began.elapsed().as_secs_f64().max(0.001)) as u64;
        format!(
            "{} of {} accounts done, {} running, {} failed; {} messages, {}, {}/s",
            HumanCount(self.done as u64),
            HumanCount(self.accounts as u64),
            self.running,
            self.failed,
            HumanCount(self.messages),
            HumanBytes(self.bytes),
            HumanBytes(rate),
        )
    }
}

impl Board {
    /// For so many accounts, in the form that suits where standard error goes.
    pub(crate) fn new(accounts: usize, quiet: bool) -> Self {
        let form = if quiet {
            Form::Silent
        } else if std::io::stderr().is_terminal() {
            Form::Line(line())
        } else {
            Form::Lines
        };
        let state = State {
            began: Instant::now(),
            changed: None,
            accounts,
            done: 0,
            failed: 0,
            running: 0,
            messages: 0,
            bytes: 0,
        };
        Self {
            form,
            state: RefCell::new(state),
        }
    }

    /// An account is begun.
    pub(crate) fn begun(&self) {
        self.state.borrow_mut().running += 1;
        self.show(true);
    }

    /// An account has come to its end.
    pub(crate) fn ended(&self, label: &Label, ended: &Ended) {
        let mut state = self.state.borrow_mut();
        state.running -= 1;
        if ended.exit == Exit::Complete {
            state.done += 1;
        } else {
            state.failed += 1;
        }
        drop(state);
        if let Form::Lines = self.form {
            eprintln!("{label}: {}", ended.in_short());
        }
        self.show(true);
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        if let Form::Line(bar) = &self.form {
            bar.finish_and_clear();
        }
    }

    fn show(&self, now: bool) {
        let Form::Line(bar) = &self.form else { return };
        let mut state = self.state.borrow_mut();
        if now
            || state
                .changed
                .is_none_or(|changed| changed.elapsed() >= CHANGE_EVERY)
        {
            state.changed = Some(Instant::now());
            bar.set_message(state.line());
        }
    }
}

fn line() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Hears the progress of one account among many.
pub(crate) struct Listener<'a> {
    /// Where it is told.
    pub(crate) board: &'a Board,
    /// The account.
    pub(crate) label: &'a Label,
}

impl Observer for Listener<'_> {
    fn hear(&self, progress: &Progress<'_>) {
        let Self { board, label } = self;
        match progress {
            Progress::Received { bytes } => board.state.borrow_mut().bytes += bytes,
            Progress::Message { .. } => {
                board.state.borrow_mut().messages += 1;
                board.show(false);
            }
            Progress::Reconnecting { reason, after } => {
                let text = format!("{label}: {reason}; connecting again in {} s.", after.as_secs());
                match &board.form {
                    Form::Line(bar) => bar.println(text),
                    Form::Lines => eprintln!("{text}"),
                    Form::Silent => {}
                }
            }
            Progress::Surveyed { .. }
            | Progress::Planned { .. }
            | Progress::Mailbox { .. }
            | Progress::Verifying => {}
        }
    }
}
