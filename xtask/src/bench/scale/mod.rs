//! One large mailbox and one large message: whether time and memory stay what they are.

mod source;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};
use transhume_testkit::Dovecot;

use super::aims::Aim;
use super::options::Options;
use super::process::{self, Measured, Outcome};
use super::results::{digits, megabytes};
use super::{PASSWORD, report};
use crate::cargo::Workspace;
use crate::table::{row, table};
use source::{PARTS, Shape, Source};

/// Octets of each message of the large mailbox.
const SMALL: u64 = 2_000;

/// The most memory that anything may take, in millions of octets.
const MOST_MEMORY: f64 = 64.0;

/// The last tenth must go at this share of the first tenth's rate.
const FLAT: f64 = 0.8;

/// How often the target is looked at for its first message.
const LOOK: Duration = Duration::from_millis(1);

/// What came out.
pub(super) struct ScaleResult {
    mailbox: Copied,
    /// The same again, with nothing to do.
    again: Measured,
    message: Copied,
}

/// A copy of everything that a made-up source has.
struct Copied {
    shape: Shape,
    measured: Measured,
    /// From the start to the first message in the target's folder.
    first_staged: Option<Duration>,
    /// From the start to the first text, and to the end of each tenth.
    marks: Vec<Duration>,
}

/// Runs both.
pub(super) fn measure(
    options: &Options,
    workspace: &Workspace,
    folder: &Path,
    interrupted: &AtomicBool,
) -> anyhow::Result<ScaleResult> {
    let many = Shape {
        messages: options.scale_messages(),
        octets: SMALL,
    };
    let big = Shape {
        messages: 1,
        octets: options.big_octets(),
    };
    refuse_if_full(folder, &[many, big])?;
    let run = |shape, name: &str| Target::create(workspace, folder, name)?.copy(shape, interrupted);
    eprintln!("\n=== one mailbox of {} messages", many.messages);
    let (mailbox, again) = run(many, "mailbox")?;
    eprintln!("=== one message of {}", report::spell_bytes(big.octets));
    let (message, _) = run(big, "message")?;
    Ok(ScaleResult {
        mailbox,
        again,
        message,
    })
}

fn refuse_if_full(folder: &Path, shapes: &[Shape]) -> anyhow::Result<()> {
    // A message takes whole blocks, an inode, and its lines in the lists and the state file.
    let needed: u64 = shapes
        .iter()
        .map(|shape| u64::from(shape.messages) * (shape.octets.next_multiple_of(4096) + 1024))
        .sum();
    let system = rustix::fs::statvfs(folder).context("asking for free space")?;
    let free = system.f_bavail * system.f_frsize;
    if needed > free {
        bail!(
            "{} are needed below {}, and {} are free: take --messages or --big",
            report::spell_bytes(needed),
            folder.display(),
            report::spell_bytes(free)
        );
    }
    Ok(())
}

struct Target {
    binary: PathBuf,
    home: PathBuf,
}

impl Target {
    fn create(workspace: &Workspace, folder: &Path, name: &str) -> anyhow::Result<Self> {
        // The only thing that is wanted of a server is who owns mail; it is gone at once.
        let owner = Dovecot::builder().dir(&folder.join("owner")).start()?.chown_to();
        let home = folder.join(name);
        std::fs::create_dir_all(&home)
            .and_then(|()| match owner {
                Some((uid, gid)) => std::os::unix::fs::chown(&home, Some(uid), Some(gid)),
                None => Ok(()),
            })
            .with_context(|| home.display().to_string())?;
        Ok(Self {
            binary: workspace.binary(),
            home,
        })
    }

    fn maildir(&self) -> PathBuf {
        self.home.join("Maildir")
    }

    /// A first copy, and a pass that has nothing to do.
    fn copy(&self, shape: Shape, interrupted: &AtomicBool) -> anyhow::Result<(Copied, Measured)> {
        let source = Source::start(shape)?;
        let staging = self.maildir();
        let (ended, still_runs) = mpsc::channel();
        let start = Instant::now();
        let watching = thread::spawn(move || first_file(&staging, start, &still_runs));
        let measured = self.run(&source, interrupted);
        drop(ended);
        let first_staged = watching.join().unwrap_or_default();
        let measured = measured?;
        let found = count(&self.maildir().join("cur"))?;
        if found != u64::from(shape.messages) {
            bail!("{found} of {} messages have arrived", shape.messages);
        }
        let again = self.run(&source, interrupted)?;
        let copied = Copied {
            shape,
            measured,
            first_staged,
            marks: source
                .marks()
                .iter()
                .map(|mark| mark.saturating_duration_since(start))
                .collect(),
        };
        Ok((copied, again))
    }

    fn run(&self, source: &Source, interrupted: &AtomicBool) -> anyhow::Result<Measured> {
        let mut command = Command::new(&self.binary);
        command
            .args(["move", "--quiet", "--from"])
            .arg(format!("imap+insecure://scale@127.0.0.1:{}", source.port()))
            .arg("--to")
            .arg(format!("maildir:{}", self.maildir().display()))
            .env("TRANSHUME_PASSWORD", PASSWORD);
        rustix::fs::sync();
        let log = self.home.join("last.log");
        let measured = process::run(&mut command, &log, Duration::MAX, interrupted)?;
        match &measured.outcome {
            Outcome::Done => Ok(measured),
            other => bail!("transhume: {other:?}"),
        }
    }
}

/// How long after the start a first message lay in the mailbox's folders.
fn first_file(maildir: &Path, start: Instant, still_runs: &Receiver<()>) -> Option<Duration> {
    let folders = [maildir.join("tmp"), maildir.join("cur")];
    loop {
        let filled = folders
            .iter()
            .any(|folder| std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()));
        if filled {
            return Some(start.elapsed());
        }
        if still_runs.recv_timeout(LOOK) != Err(RecvTimeoutError::Timeout) {
            return None;
        }
    }
}

fn count(folder: &Path) -> anyhow::Result<u64> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    Ok(entries.count() as u64)
}

impl Copied {
    /// Messages in a second, in each tenth.
    fn rates(&self) -> Vec<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts of messages")]
        let part = f64::from(self.shape.messages) / PARTS as f64;
        let pairs = self.marks.windows(2);
        pairs
            .map(|pair| part / (pair[1].saturating_sub(pair[0])).as_secs_f64().max(1e-9))
            .collect()
    }

    /// The last tenth's rate as a share of the first's.
    fn flatness(&self) -> Option<f64> {
        let rates = self.rates();
        Some(rates.last()? / rates.first()?)
    }

    /// Memory at a moment, in millions of octets: the look that was nearest before it.
    fn memory_at(&self, moment: Duration) -> f64 {
        let looks = self.measured.memory.iter();
        let found = looks.take_while(|(at, _)| *at <= moment).last();
        found.map_or(0.0, |(_, kib)| megabytes(kib * 1024))
    }

    fn peak(&self) -> f64 {
        megabytes(self.measured.peak_kib * 1024)
    }
}

impl ScaleResult {
    /// For people.
    pub(super) fn text(&self) -> String {
        let seconds = |time: Duration| digits(time.as_secs_f64());
        let mut rows = vec![row([&"tenth", &"ends after s", &"messages/s", &"memory MB"])];
        let ends = self.mailbox.marks.iter().skip(1);
        for ((number, rate), &end) in (1..).zip(self.mailbox.rates()).zip(ends) {
            let memory = digits(self.mailbox.memory_at(end));
            rows.push(row([&number, &seconds(end), &format!("{rate:.0}"), &memory]));
        }
        let (mailbox, message) = (&self.mailbox, &self.message);
        format!(
            "One mailbox of {} messages of {SMALL} octets\n\n{}\n\
             first message staged after {} s, last served after {} s, all in place after {} s; CPU {} s; at most {} MB\n\
             nothing has changed, on a source that keeps no change numbers: {} s, CPU {} s, at most {} MB\n\n\
             One message of {}: {} s, CPU {} s, at most {} MB\n",
            mailbox.shape.messages,
            table(&rows),
            mailbox.first_staged.map_or_else(|| "–".to_owned(), seconds),
            mailbox
                .marks
                .last()
                .map_or_else(|| "–".to_owned(), |&mark| seconds(mark)),
            seconds(mailbox.measured.wall),
            seconds(mailbox.measured.cpu),
            digits(mailbox.peak()),
            seconds(self.again.wall),
            seconds(self.again.cpu),
            digits(megabytes(self.again.peak_kib * 1024)),
            report::spell_bytes(message.shape.octets),
            seconds(message.measured.wall),
            seconds(message.measured.cpu),
            digits(message.peak()),
        )
    }

    /// What is aimed at of it.
    pub(super) fn aims(&self) -> Vec<Aim> {
        let peak = |what, copied: &Copied| Aim::at_most(what, MOST_MEMORY, Some(copied.peak()), " MB");
        vec![
            peak("large mailbox, memory", &self.mailbox),
            Aim::at_least(
                "large mailbox, the last tenth's rate",
                FLAT,
                self.mailbox.flatness(),
                " × the first tenth's",
            ),
            peak("large message, memory", &self.message),
        ]
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let copied = |copied: &Copied| {
            json!({
                "messages": copied.shape.messages,
                "octets": copied.shape.octets,
                "wall_seconds": copied.measured.wall.as_secs_f64(),
                "cpu_seconds": copied.measured.cpu.as_secs_f64(),
                "peak_kib": copied.measured.peak_kib,
                "first_staged_seconds": copied.first_staged.map(|time| time.as_secs_f64()),
                "messages_per_second": copied.rates(),
            })
        };
        json!({
            "mailbox": copied(&self.mailbox),
            "mailbox_idle": {
                "wall_seconds": self.again.wall.as_secs_f64(),
                "cpu_seconds": self.again.cpu.as_secs_f64(),
                "peak_kib": self.again.peak_kib,
            },
            "message": copied(&self.message),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::peers::Contender;
    use super::super::results::Phase;
    use super::super::results::tests::run;
    use super::*;

    /// Tenths that took so many seconds.
    fn copied(seconds: &[u64]) -> Copied {
        let mut at = Duration::from_secs(1);
        let mut marks = vec![at];
        for &second in seconds {
            at += Duration::from_secs(second);
            marks.push(at);
        }
        let mut measured = run(Phase::First, Contender::Transhume, 1, 1000).measured;
        measured.peak_kib = 70_000;
        measured.memory = vec![(Duration::ZERO, 1_000), (Duration::from_secs(3), 50_000)];
        Copied {
            shape: Shape {
                messages: 1000,
                octets: SMALL,
            },
            measured,
            first_staged: None,
            marks,
        }
    }

    #[test]
    fn rates_are_those_of_each_tenth() {
        let result = copied(&[2, 1, 4]);
        assert_eq!(result.rates(), [50.0, 100.0, 25.0]);
        assert_eq!(result.flatness(), Some(0.5));
        assert_eq!(copied(&[]).flatness(), None);
        assert_eq!(digits(result.memory_at(Duration::from_secs(2))), "1.02");
        assert_eq!(digits(result.memory_at(Duration::from_secs(9))), "51.2");
        assert!(result.peak() > MOST_MEMORY);
    }
}
