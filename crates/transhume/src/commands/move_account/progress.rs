//! What a person sees while a move runs: a bar on a terminal, plain lines elsewhere. All on standard error.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressStyle};
use transhume_sync::{Observer, Progress};

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Tells of progress.
pub(crate) struct Teller {
    form: Form,
    state: RefCell<State>,
}

enum Form {
    Bar(ProgressBar),
    Lines,
    Silent,
}

#[derive(Clone, Debug)]
struct State {
    began: Instant,
    last_line: Instant,
    messages: u64,
    messages_planned: u64,
    bytes: u64,
    bytes_planned: u64,
}

impl State {
    /// Octets per second since the beginning.
    fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate is shown with two digits")]
        let bytes = self.bytes as f64;
        bytes / self.began.elapsed().as_secs_f64().max(0.001)
    }

    /// Time that the rest will take at that rate, as far as is known by now.
    fn rest(&self) -> Option<Duration> {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let left = self.bytes_planned.saturating_sub(self.bytes) as f64;
        let rate = self.rate();
        (rate > 0.0 && left > 0.0).then(|| Duration::try_from_secs_f64(left / rate).ok())?
    }

    fn line(&self) -> String {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rates are positive and small"
        )]
        let rate = HumanBytes(self.rate() as u64);
        let rest = self
            .rest()
            .map_or_else(String::new, |rest| format!(", {} left", HumanDuration(rest)));
        format!(
            "{} of {} messages, {} of {}, {rate}/s{rest}",
            HumanCount(self.messages),
            HumanCount(self.messages_planned),
            HumanBytes(self.bytes),
            HumanBytes(self.bytes_planned),
        )
    }
}

impl Teller {
    /// In the form that suits where standard error goes.
    pub(crate) fn new(quiet: bool) -> Self {
        let form = if quiet {
            Form::Silent
        } else if std::io::stderr().is_terminal() {
            Form::Bar(bar())
        } else {
            Form::Lines
        };
        let now = Instant::now();
        let state = State {
            began: now,
            last_line: now,
            messages: 0,
            messages_planned: 0,
            bytes: 0,
            bytes_planned: 0,
        };
        Self {
            form,
            state: RefCell::new(state),
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }

    fn say(&self, text: &str) {
        match &self.form {
            Form::Bar(bar) => bar.println(text),
            Form::Lines => eprintln!("{text}"),
            Form::Silent => {}
        }
    }

    fn show(&self) {
        let mut state = self.state.borrow_mut();
        match &self.form {
            Form::Bar(bar) => {
                bar.set_length(state.bytes_planned.max(state.bytes));
                bar.set_position(state.bytes);
                bar.set_prefix(format!(
                    "{}/{} messages",
                    HumanCount(state.messages),
                    HumanCount(state.messages_planned)
                ));
            }
            Form::Lines if state.last_line.elapsed() >= LINE_EVERY => {
                state.last_line = Instant::now();
                eprintln!("{}", state.line());
            }
            Form::Lines | Form::Silent => {}
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = "{prefix}  {wide_bar}  {bytes}/{total_bytes}  {bytes_per_sec}  ETA {eta}  {msg:.dim}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Observer for Teller {
    fn hear(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Surveyed { mailboxes, messages } => {
                let first = self.state.borrow().messages_planned == 0;
                if first {
                    self.say(&format!(
                        "{mailboxes} mailboxes on the old server; {} messages to look at.",
                        HumanCount(*messages)
                    ));
                }
            }
            Progress::Planned { messages, bytes } => {
                let mut state = self.state.borrow_mut();
                state.messages_planned += messages;
                state.bytes_planned += bytes;
            }
            Progress::Received { bytes } => {
                self.state.borrow_mut().bytes += bytes;
                self.show();
            }
            Progress::Message { mailbox } => {
                self.state.borrow_mut().messages += 1;
                if let Form::Bar(bar) = &self.form {
                    bar.set_message(mailbox.to_string());
                }
                self.show();
            }
            Progress::Mailbox { mailbox, carried } => {
                if let Form::Lines = self.form {
                    let noun = if *carried == 1 { "message" } else { "messages" };
                    eprintln!("{mailbox}: {} {noun}", HumanCount(*carried));
                }
            }
            Progress::Verifying => {
                if let Form::Bar(bar) = &self.form {
                    bar.set_message("verifying");
                }
            }
            Progress::Reconnecting { reason, after } => {
                self.say(&format!("{reason}; connecting again in {} s.", after.as_secs()));
            }
        }
    }
}
