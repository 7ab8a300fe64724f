//! How busy others kept the machine during the runs: what all processors did, less what this benchmark did itself.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use nix::sys::resource::UsageWho;
use transhume_testkit::Dovecot;

use super::process::cpu_of;

/// The unit of times in `/proc`: a hundredth of a second on all machines that this runs on.
const TICK_MILLIS: u64 = 10;

/// Processor time since the machine started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Of everybody.
    all: Duration,
    /// Of this program, what it ran, and its servers.
    ours: Duration,
}

impl Clock {
    /// Now.
    pub(super) fn read(servers: &[&Dovecot]) -> anyhow::Result<Self> {
        let stat = fs::read_to_string("/proc/stat").context("/proc/stat")?;
        let groups: Vec<String> = servers.iter().filter_map(|server| group(server)).collect();
        Ok(Self {
            all: busy(&stat).context("/proc/stat is not as it always is")?,
            ours: cpu_of(UsageWho::RUSAGE_SELF)? + cpu_of(UsageWho::RUSAGE_CHILDREN)? + of_groups(&groups),
        })
    }

    /// What others have used since.
    pub(super) fn others_since(&self, earlier: &Self) -> Duration {
        let ours = self.ours.saturating_sub(earlier.ours);
        self.all.saturating_sub(earlier.all).saturating_sub(ours)
    }
}

/// The server's process group, which is its master's number.
fn group(server: &Dovecot) -> Option<String> {
    let text = fs::read_to_string(server.dir().join("run").join("master.pid")).ok()?;
    Some(text.trim().to_owned())
}

/// From the line `cpu user nice system idle iowait irq softirq steal …`: all but idle and iowait.
fn busy(stat: &str) -> Option<Duration> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let numbers: Vec<u64> = line
        .split_whitespace()
        .map_while(|word| word.parse().ok())
        .collect();
    let ticks: u64 = [0, 1, 2, 5, 6, 7]
        .iter()
        .filter_map(|&at: &usize| numbers.get(at))
        .sum();
    Some(Duration::from_millis(ticks * TICK_MILLIS))
}

/// Of all processes in these groups, and those of them that have ended.
fn of_groups(groups: &[String]) -> Duration {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Duration::ZERO;
    };
    let numbered = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
    });
    numbered
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok())
        .filter_map(|stat| in_groups(&stat, groups))
        .sum()
}

/// `pid (name) state ppid pgrp …`; fields 14 to 17 are its own times and those of its children that have ended.
fn in_groups(stat: &str, groups: &[String]) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    groups
        .iter()
        .any(|group| fields.get(2) == Some(&group.as_str()))
        .then_some(())?;
    let ticks: u64 = fields
        .get(11..15)?
        .iter()
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Some(Duration::from_millis(ticks * TICK_MILLIS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let stat = "cpu  100 20 3 9999 8888 40 50 60 7777 6666\ncpu0 1 1 1 1 1 1 1 1 1 1\n";
        assert_eq!(busy(stat), Some(Duration::from_millis(2730)));
        let process = "12 (a) b) S 1 34 5 6 7 8 9 10 11 12 100 20 3 400 15 16";
        let groups = ["34".to_owned()];
        assert_eq!(in_groups(process, &groups), Some(Duration::from_millis(5230)));
        assert_eq!(in_groups(process, &["5".to_owned()]), None);
    }

    #[test]
    fn what_we_do_is_not_what_others_do() {
        let before = Clock::read(&[]).unwrap();
        let mut sum = 0_u64;
        while cpu_of(UsageWho::RUSAGE_SELF).unwrap() < before.ours + Duration::from_millis(300) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }
        let after = Clock::read(&[]).unwrap();
        let all = after.all.saturating_sub(before.all);
        assert!(all >= Duration::from_millis(200), "{all:?}");
        assert!(after.others_since(&before) + Duration::from_millis(250) <= all);
    }
}
