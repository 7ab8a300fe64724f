//! Runs one program to its end, or to its time limit, and says what that took.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::resource::{UsageWho, getrusage};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// How often memory is looked at: often at first, since many runs are over soon.
const FIRST_LOOKS: Duration = Duration::from_millis(2);
const LATER_LOOKS: Duration = Duration::from_millis(25);
const AT_FIRST: Duration = Duration::from_millis(200);

/// How long a program that is told to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Well.
    Done,
    /// It was ended at its time limit.
    OverLimit,
    /// Not well; the program's own words.
    Failed(String),
}

/// What a run took.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    /// How it ended.
    pub(super) outcome: Outcome,
    /// From start to end.
    pub(super) wall: Duration,
    /// Processor time of the program, its threads and the programs that it ran.
    pub(super) cpu: Duration,
    /// The most memory, in KiB; of several processes at once, their sum.
    pub(super) peak_kib: u64,
    /// Memory at some moments, in KiB.
    pub(super) memory: Vec<(Duration, u64)>,
}

/// Runs a program with no input; its output goes to `log`. An interrupt ends it, and is an error.
pub(super) fn run(
    command: &mut Command,
    log: &Path,
    limit: Duration,
    interrupted: &AtomicBool,
) -> anyhow::Result<Measured> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = File::create(log).with_context(|| log.display().to_string())?;
    // A group of its own, so that what it started ends with it.
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .process_group(0);
    let cpu_before = cpu_of(UsageWho::RUSAGE_CHILDREN)?;
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
    let group = Pid::from_child(&child);
    let (ended, still_runs) = mpsc::channel::<()>();
    let watcher = Watcher {
        group,
        start,
        limit,
        peak_kib: 0,
        memory: Vec::new(),
        stopped_at: None,
    };
    let (waited, wall, watcher) = thread::scope(|scope| {
        let watching = scope.spawn(move || watcher.watch(&still_runs, interrupted));
        // The dead process is kept until nobody looks at it any more: its number may soon be somebody else's.
        let waited =
            retry_on_intr(|| waitid(WaitId::Pid(group), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT));
        let wall = start.elapsed();
        drop(ended);
        (waited, wall, watching.join())
    });
    waited.with_context(|| format!("waiting for {name}"))?;
    let status = child.wait().with_context(|| format!("waiting for {name}"))?;
    let cpu = cpu_of(UsageWho::RUSAGE_CHILDREN)?.saturating_sub(cpu_before);
    let Ok(watcher) = watcher else {
        bail!("watching {name} went wrong");
    };
    if interrupted.load(Ordering::SeqCst) {
        bail!("interrupted");
    }
    let outcome = if watcher.stopped_at.is_some() {
        Outcome::OverLimit
    } else if status.success() {
        Outcome::Done
    } else {
        Outcome::Failed(format!("{status}: {}", last_words(log)))
    };
    Ok(Measured {
        outcome,
        wall,
        cpu,
        peak_kib: watcher.peak_kib,
        memory: watcher.memory,
    })
}

/// Processor time so far.
pub(super) fn cpu_of(who: UsageWho) -> anyhow::Result<Duration> {
    let usage = getrusage(who).context("getrusage")?;
    let spent = [usage.user_time(), usage.system_time()].map(|time| {
        let whole = u64::try_from(time.tv_sec()).unwrap_or(0);
        Duration::from_secs(whole) + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or(0))
    });
    Ok(spent.iter().sum())
}

/// The last thing that a program said.
fn last_words(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    line.unwrap_or("it said nothing")
        .trim()
        .chars()
        .take(200)
        .collect()
}

struct Watcher {
    group: Pid,
    start: Instant,
    limit: Duration,
    peak_kib: u64,
    memory: Vec<(Duration, u64)>,
    stopped_at: Option<Instant>,
}

impl Watcher {
    /// Looks at the processes until the first has ended.
    fn watch(mut self, still_runs: &Receiver<()>, interrupted: &AtomicBool) -> Self {
        loop {
            let elapsed = self.start.elapsed();
            let memory = memory(self.group.as_raw_nonzero().get());
            self.peak_kib = self.peak_kib.max(memory.peak_kib);
            self.memory.push((elapsed, memory.now_kib));
            if elapsed > self.limit || interrupted.load(Ordering::SeqCst) {
                let stopped_at = *self.stopped_at.get_or_insert_with(Instant::now);
                let signal = if stopped_at.elapsed() < GRACE {
                    Signal::TERM
                } else {
                    Signal::KILL
                };
                // It may have ended just now.
                let _ = kill_process_group(self.group, signal);
            }
            let pause = if elapsed < AT_FIRST {
                FIRST_LOOKS
            } else {
                LATER_LOOKS
            };
            if still_runs.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                return self;
            }
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Memory {
    now_kib: u64,
    peak_kib: u64,
}

/// Of a process and all below it that live now.
fn memory(pid: i32) -> Memory {
    let proc = format!("/proc/{pid}");
    let status = fs::read_to_string(format!("{proc}/status")).unwrap_or_default();
    let mut sum = Memory {
        now_kib: field(&status, "VmRSS:"),
        peak_kib: field(&status, "VmHWM:"),
    };
    let children = fs::read_to_string(format!("{proc}/task/{pid}/children")).unwrap_or_default();
    for child in children.split_whitespace().filter_map(|child| child.parse().ok()) {
        let below = memory(child);
        sum.now_kib += below.now_kib;
        sum.peak_kib += below.peak_kib;
    }
    sum
}

/// A number of KiB from `/proc/PID/status`; a process that has ended has none.
fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration, interrupted: bool) -> anyhow::Result<Measured> {
        let dir = tempfile::tempdir().unwrap();
        run(
            Command::new("sh").args(["-c", script]),
            &dir.path().join("log"),
            limit,
            &AtomicBool::new(interrupted),
        )
    }

    const LONG: Duration = Duration::from_mins(1);

    #[test]
    fn ends_are_told_apart() {
        assert_eq!(shell("exit 0", LONG, false).unwrap().outcome, Outcome::Done);
        let Outcome::Failed(words) = shell("echo no; echo disk full >&2; exit 3", LONG, false)
            .unwrap()
            .outcome
        else {
            panic!("it failed");
        };
        assert!(words.contains('3') && words.ends_with("disk full"), "{words}");
        // Also what was started by what was started.
        let stopped = shell("sh -c 'exec sleep 60' & wait", Duration::from_millis(50), false).unwrap();
        assert_eq!(stopped.outcome, Outcome::OverLimit);
        assert!(stopped.wall < Duration::from_secs(30));
        assert!(shell("exec sleep 60", LONG, true).is_err());
    }

    #[test]
    fn memory_and_time_of_programs_that_a_program_runs_count() {
        // The first block fills all of its memory; the others leave time to see it.
        let dd = "dd if=/dev/urandom of=/dev/null bs=32M count=4 iflag=fullblock";
        let measured = shell(&format!("{dd} & wait"), LONG, false).unwrap();
        assert!(measured.peak_kib >= 32 << 10, "{measured:?}");
        assert!(measured.cpu >= Duration::from_millis(20), "{measured:?}");
    }
}
