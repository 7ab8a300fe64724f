//! Runs a program and says how much memory and time it took. It measures that one process only, not
//! the children it may start.

use std::fs;
use std::io::Read;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::error::TestkitError;

/// The kernel counts the peak itself; only growth in the very last interval can be missed.
const POLL: Duration = Duration::from_millis(2);
/// The unit of times in `/proc`; the same on all machines Linux runs tests on.
const TICKS_PER_SECOND: u32 = 100;

/// What a program did and what it took.
#[derive(Debug)]
pub struct Measured {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it printed as errors.
    pub stderr: Vec<u8>,
    /// The most memory it had at any time, in KiB.
    pub peak_rss_kib: u64,
    /// Time from start to end.
    pub wall: Duration,
    /// Processor time of its own, to 10 ms.
    pub user_cpu: Duration,
    /// Processor time in the system, to 10 ms.
    pub sys_cpu: Duration,
}

/// Runs a program to its end, with no input.
pub fn run_measured(command: &mut Command) -> Result<Measured, TestkitError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(TestkitError::io(format!("starting {program}")))?;
    let pid = Pid::from_child(&child);
    let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (out, err) = (
        thread::spawn(move || drain(out)),
        thread::spawn(move || drain(err)),
    );
    let proc = format!("/proc/{}", child.id());
    let mut peak_rss_kib = 0;
    loop {
        if let Some(now) = peak(&proc) {
            peak_rss_kib = now.max(peak_rss_kib);
        }
        // The dead process is kept, because its times are read from it.
        let ended = waitid(
            WaitId::Pid(pid),
            WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT,
        )
        .map_err(|error| TestkitError::io(format!("waiting for {program}"))(error.into()))?;
        if ended.is_some() {
            break;
        }
        thread::sleep(POLL);
    }
    let wall = start.elapsed();
    let (user_cpu, sys_cpu) = times(&proc).unwrap_or_default();
    let status = child
        .wait()
        .map_err(TestkitError::io(format!("waiting for {program}")))?;
    Ok(Measured {
        status,
        stdout: out.join().unwrap(),
        stderr: err.join().unwrap(),
        peak_rss_kib,
        wall,
        user_cpu,
        sys_cpu,
    })
}

fn drain(mut from: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = from.read_to_end(&mut all);
    all
}

fn peak(proc: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("{proc}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// User and system time from `pid (name) state ...`, fields 14 and 15.
fn times(proc: &str) -> Option<(Duration, Duration)> {
    let stat = fs::read_to_string(format!("{proc}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut time = || Some(Duration::from_secs(fields.next()?.parse().ok()?) / TICKS_PER_SECOND);
    Some((time()?, time()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_status_come_through() {
        let measured =
            run_measured(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"])).unwrap();
        assert_eq!(measured.status.code(), Some(3));
        assert_eq!(measured.stdout, b"out\n");
        assert_eq!(measured.stderr, b"err\n");
    }

    #[test]
    fn memory_and_time_are_seen() {
        // dd holds one block of 64 MiB, and filling it takes processor time.
        let mut dd = Command::new("dd");
        dd.args([
            "if=/dev/urandom",
            "of=/dev/null",
            "bs=64M",
            "count=1",
            "iflag=fullblock",
        ]);
        let measured = run_measured(&mut dd).unwrap();
        assert!(measured.status.success());
        assert!(
            (64 << 10..80 << 10).contains(&measured.peak_rss_kib),
            "{measured:?}"
        );
        assert!(
            measured.user_cpu + measured.sys_cpu >= Duration::from_millis(20),
            "{measured:?}"
        );
        assert!(measured.wall >= Duration::from_millis(20));
    }
}
