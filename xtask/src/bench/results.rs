//! What was measured, and the figures that come of it: medians, spreads, and ratios within a round.

use std::time::Duration;

use serde_json::{Value, json};
use transhume_testkit::Traffic;

use super::change::Changed;
use super::options::Section;
use super::peers::Contender;
use super::process::{Measured, Outcome};

/// What the programs had to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// A first copy.
    First,
    /// The same again, with nothing to do.
    Idle,
    /// The same again, after a hundredth has changed.
    Changed,
    /// As [`Phase::Idle`], through a proxy that counts and does not delay. Its times are nobody's.
    Counted,
}

impl Phase {
    /// Those that have a table.
    pub(super) const TIMED: [Self; 3] = [Self::First, Self::Idle, Self::Changed];

    /// For people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::First => "first copy",
            Self::Idle => "nothing has changed",
            Self::Changed => "1 % has changed",
            Self::Counted => "nothing has changed, counted",
        }
    }

    /// For programs.
    fn key(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Idle => "idle",
            Self::Changed => "changed",
            Self::Counted => "counted",
        }
    }
}

/// One run.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// What there was to do.
    pub(super) phase: Phase,
    /// Who ran.
    pub(super) contender: Contender,
    /// In which repetition.
    pub(super) round: u32,
    /// What it took.
    pub(super) measured: Measured,
    /// What passed, where a proxy counted.
    pub(super) traffic: Option<Traffic>,
    /// Processor time that others on this machine used meanwhile.
    pub(super) others: Duration,
}

impl Run {
    fn seconds(&self) -> f64 {
        self.measured.wall.as_secs_f64()
    }

    fn is_done(&self) -> bool {
        self.measured.outcome == Outcome::Done
    }
}

/// All runs of a section.
#[derive(Clone, Debug)]
pub(super) struct SectionResult {
    /// Which.
    pub(super) section: Section,
    /// How many accounts, mailboxes and messages all accounts have together, and octets as stored.
    pub(super) accounts: usize,
    pub(super) mailboxes: usize,
    pub(super) messages: usize,
    pub(super) bytes: u64,
    /// What each round of changes came to, about.
    pub(super) changed: Changed,
    /// In the order in which they were made.
    pub(super) runs: Vec<Run>,
    /// Who did not take part, and why.
    pub(super) absent: Vec<(Contender, String)>,
}

impl SectionResult {
    /// Runs of one contender, whatever came of them.
    pub(super) fn of(&self, phase: Phase, contender: Contender) -> Vec<&Run> {
        let runs = self.runs.iter();
        runs.filter(|run| run.phase == phase && run.contender == contender)
            .collect()
    }

    /// Those of them that ended well.
    pub(super) fn done(&self, phase: Phase, contender: Contender) -> Vec<&Run> {
        let mut runs = self.of(phase, contender);
        runs.retain(|run| run.is_done());
        runs
    }

    /// Wall times in seconds.
    pub(super) fn walls(&self, phase: Phase, contender: Contender) -> Vec<f64> {
        let runs = self.done(phase, contender);
        runs.iter().map(|run| run.seconds()).collect()
    }

    /// Processor time of one run in seconds, the median.
    pub(super) fn cpu(&self, phase: Phase, contender: Contender) -> Option<f64> {
        let runs = self.done(phase, contender);
        median(runs.iter().map(|run| run.measured.cpu.as_secs_f64()).collect())
    }

    /// How many times as long as `beside` in the same round. A run that was ended at its limit counts with the limit: it
    /// would have taken longer.
    pub(super) fn ratios(&self, phase: Phase, contender: Contender, beside: Contender) -> Vec<f64> {
        let others = self.done(phase, beside);
        let runs = self.of(phase, contender);
        runs.iter()
            .filter(|run| run.is_done() || run.measured.outcome == Outcome::OverLimit)
            .filter_map(|run| {
                let other = others.iter().find(|other| other.round == run.round)?;
                Some(run.seconds() / other.seconds().max(1e-9))
            })
            .collect()
    }

    /// What passed in the middle one of the runs that were counted; for an idle pass those through a proxy without delay
    /// count as well.
    pub(super) fn traffic(&self, phase: Phase, contender: Contender) -> Option<Traffic> {
        let mut counted = self.done(phase, contender);
        if phase == Phase::Idle {
            counted.extend(self.done(Phase::Counted, contender));
        }
        let mut found: Vec<Traffic> = counted.iter().filter_map(|run| run.traffic).collect();
        found.sort_by_key(|traffic| (traffic.turns, traffic.received));
        found.get(found.len() / 2).copied()
    }

    /// Processors that others kept busy during a phase, on average.
    pub(super) fn others(&self, phase: Phase) -> f64 {
        let runs: Vec<&Run> = self.runs.iter().filter(|run| run.phase == phase).collect();
        let busy: Duration = runs.iter().map(|run| run.others).sum();
        let wall: Duration = runs.iter().map(|run| run.measured.wall).sum();
        busy.as_secs_f64() / wall.as_secs_f64().max(1e-9)
    }

    /// Millions of octets.
    pub(super) fn megabytes(&self) -> f64 {
        megabytes(self.bytes)
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let runs: Vec<Value> = self.runs.iter().map(run_json).collect();
        let absent: Vec<Value> = self
            .absent
            .iter()
            .map(|(contender, why)| json!({"program": contender.key(), "why": why}))
            .collect();
        json!({
            "section": self.section.key(),
            "accounts": self.accounts,
            "mailboxes": self.mailboxes,
            "messages": self.messages,
            "bytes": self.bytes,
            "changed": {
                "new": self.changed.new,
                "flags": self.changed.flags,
                "expunged": self.changed.expunged,
            },
            "runs": runs,
            "absent": absent,
        })
    }
}

fn run_json(run: &Run) -> Value {
    let (outcome, reason) = match &run.measured.outcome {
        Outcome::Done => ("done", None),
        Outcome::OverLimit => ("over-limit", None),
        Outcome::Failed(reason) => ("failed", Some(reason)),
    };
    json!({
        "phase": run.phase.key(),
        "program": run.contender.key(),
        "round": run.round,
        "outcome": outcome,
        "reason": reason,
        "wall_seconds": run.seconds(),
        "cpu_seconds": run.measured.cpu.as_secs_f64(),
        "peak_kib": run.measured.peak_kib,
        "others_cpu_seconds": run.others.as_secs_f64(),
        "traffic": run.traffic.map(|traffic| json!({
            "connections": traffic.connections,
            "sent": traffic.sent,
            "received": traffic.received,
            "turns": traffic.turns,
        })),
    })
}

/// The middle one, or the mean of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    Some(f64::midpoint(*values.get(low)?, *values.get(high)?))
}

/// The median with the least and the greatest, or a dash for nothing.
pub(super) fn spread(values: Vec<f64>) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let single = values.len() == 1;
    match median(values) {
        None => "–".to_owned(),
        Some(middle) if single => digits(middle),
        Some(middle) => format!("{} ({}–{})", digits(middle), digits(low), digits(high)),
    }
}

/// Three digits that mean something, or all before the point.
pub(super) fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        large if large >= 99.95 => 0,
        middle if middle >= 9.995 => 1,
        small if small >= 0.9995 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// Millions of octets.
#[expect(clippy::cast_precision_loss, reason = "a few digits are shown")]
pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A run that took so long, and a tenth of it as processor time.
    pub(in crate::bench) fn run(phase: Phase, contender: Contender, round: u32, millis: u64) -> Run {
        Run {
            phase,
            contender,
            round,
            measured: Measured {
                outcome: Outcome::Done,
                wall: Duration::from_millis(millis),
                cpu: Duration::from_millis(millis / 10),
                peak_kib: 2048,
                memory: Vec::new(),
            },
            traffic: None,
            others: Duration::from_millis(millis / 2),
        }
    }

    /// A section of 1,000 messages and 10 MB.
    pub(in crate::bench) fn section(section: Section, runs: Vec<Run>) -> SectionResult {
        SectionResult {
            section,
            accounts: 1,
            mailboxes: 25,
            messages: 1_000,
            bytes: 10_000_000,
            changed: Changed::default(),
            runs,
            absent: Vec::new(),
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut runs = Vec::new();
        for (round, floor, peer) in [(1, 500, 1000), (2, 1000, 2000), (3, 500, 1500)] {
            runs.push(run(Phase::First, Contender::Floor, round, floor));
            runs.push(run(Phase::First, Contender::Mbsync, round, peer));
        }
        // Not comparable: another phase, a failure, a round without its floor.
        runs.push(run(Phase::Idle, Contender::Mbsync, 1, 9));
        runs.push(run(Phase::First, Contender::Mbsync, 4, 9));
        let mut failed = run(Phase::First, Contender::Mbsync, 1, 9);
        failed.measured.outcome = Outcome::Failed("no".to_owned());
        runs.push(failed);
        let mut stopped = run(Phase::First, Contender::OfflineImap, 2, 5000);
        stopped.measured.outcome = Outcome::OverLimit;
        runs.push(stopped);
        let result = section(Section::A, runs);
        let against = |contender| result.ratios(Phase::First, contender, Contender::Floor);
        assert_eq!(against(Contender::Mbsync), [2.0, 2.0, 3.0]);
        assert_eq!(against(Contender::OfflineImap), [5.0]);
        assert_eq!(result.walls(Phase::First, Contender::OfflineImap), [0.0_f64; 0]);
        assert_eq!(digits(result.others(Phase::First)), "0.500");
    }

    #[test]
    fn an_idle_pass_may_be_counted_in_a_run_of_its_own() {
        let traffic = |turns, received| Traffic {
            turns,
            received,
            ..Traffic::default()
        };
        let mut counted = run(Phase::Counted, Contender::Mbsync, 1, 10);
        counted.traffic = Some(traffic(5, 100));
        let idle = run(Phase::Idle, Contender::Mbsync, 1, 10);
        let local = section(Section::A, vec![idle, counted]);
        assert_eq!(
            local.traffic(Phase::Idle, Contender::Mbsync),
            Some(traffic(5, 100))
        );
        assert_eq!(local.traffic(Phase::First, Contender::Mbsync), None);
        let runs = [(9, 1), (4, 7), (6, 3)]
            .iter()
            .zip(1..)
            .map(|(&(turns, received), round)| {
                let mut run = run(Phase::First, Contender::Mbsync, round, 10);
                run.traffic = Some(traffic(turns, received));
                run
            });
        let far = section(Section::Lat50, runs.collect());
        assert_eq!(far.traffic(Phase::First, Contender::Mbsync), Some(traffic(6, 3)));
    }

    #[test]
    fn medians_and_digits() {
        for (values, text) in [
            (vec![], "–"),
            (vec![0.01234], "0.012"),
            (vec![3.0, 1.0, 2.0], "2.00 (1.00–3.00)"),
            (vec![40.0, 1.0], "20.5 (1.00–40.0)"),
            (vec![123.4, 99.96, 9.996], "100 (10.0–123)"),
        ] {
            assert_eq!(spread(values), text);
        }
    }
}
