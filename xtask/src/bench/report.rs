//! Medians, spreads and ratios.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use transhume_testkit::Measured;

use crate::table::table;

/// What the others are held against.
pub(super) const FLOOR: &str = "floor";

/// One run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    round: u32,
    wall: Duration,
    cpu: Duration,
    peak_kib: u64,
}

impl Sample {
    /// From a measured process.
    pub(super) fn new(round: u32, measured: &Measured) -> Self {
        Self {
            round,
            wall: measured.wall,
            cpu: measured.user_cpu + measured.sys_cpu,
            peak_kib: measured.peak_rss_kib,
        }
    }
}

/// All runs, by contender.
#[derive(Default)]
pub(super) struct Report {
    first: BTreeMap<&'static str, Vec<Sample>>,
    again: BTreeMap<&'static str, Vec<Sample>>,
}

impl Report {
    /// Notes a first copy.
    pub(super) fn first(&mut self, name: &'static str, sample: Sample) {
        self.first.entry(name).or_default().push(sample);
    }

    /// Notes a run that had nothing to do.
    pub(super) fn again(&mut self, name: &'static str, sample: Sample) {
        self.again.entry(name).or_default().push(sample);
    }

    /// Both tables.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (title, samples) in [("First copy", &self.first), ("Nothing has changed", &self.again)] {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{title}\n\n{}", table(&rows(samples)));
        }
        text.push_str(
            "Medians, with the spread in brackets. The ratio is taken within each round. The floor keeps no flags, \
             UIDs or state: nothing that does can reach 1.0. CPU to 10 ms.\n",
        );
        text
    }
}

fn rows(samples: &BTreeMap<&'static str, Vec<Sample>>) -> Vec<Vec<String>> {
    let head = ["program", "wall s", "× floor", "CPU s", "peak MiB", "runs"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut contenders: Vec<_> = samples.iter().collect();
    contenders
        .sort_by_key(|(_, runs)| median(runs.iter().map(|run| run.wall.as_secs_f64()).collect()).to_bits());
    let floor = samples.get(FLOOR).map(Vec::as_slice).unwrap_or_default();
    for (name, runs) in contenders {
        let walls: Vec<f64> = runs.iter().map(|run| run.wall.as_secs_f64()).collect();
        let cpus: Vec<f64> = runs.iter().map(|run| run.cpu.as_secs_f64()).collect();
        #[expect(clippy::cast_precision_loss, reason = "kibibytes of a process")]
        let peaks: Vec<f64> = runs.iter().map(|run| run.peak_kib as f64 / 1024.0).collect();
        rows.push(vec![
            (*name).to_owned(),
            spread(walls, 3),
            spread(ratios(runs, floor), 1),
            spread(cpus, 2),
            format!("{:.0}", median(peaks)),
            runs.len().to_string(),
        ]);
    }
    rows
}

/// Each run's wall time against the floor's of the same round.
fn ratios(runs: &[Sample], floor: &[Sample]) -> Vec<f64> {
    runs.iter()
        .filter_map(|run| {
            let beside = floor.iter().find(|beside| beside.round == run.round)?;
            Some(run.wall.as_secs_f64() / beside.wall.as_secs_f64().max(1e-9))
        })
        .collect()
}

/// The middle one, or the mean of the two in the middle; 0 of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => 0.0,
    }
}

fn spread(values: Vec<f64>, digits: usize) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() {
        return "–".to_owned();
    }
    format!("{:.digits$} ({low:.digits$}–{high:.digits$})", median(values))
}

/// Bytes for a person.
pub(crate) fn spell_bytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mega = bytes as f64 / 1e6;
    format!("{mega:.1} MB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(round: u32, millis: u64) -> Sample {
        Sample {
            round,
            wall: Duration::from_millis(millis),
            cpu: Duration::from_millis(millis / 10),
            peak_kib: 2048,
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut report = Report::default();
        for (round, floor, peer) in [(1, 100, 200), (2, 1000, 2000), (3, 100, 300)] {
            report.first(FLOOR, sample(round, floor));
            report.first("transhume", sample(round, peer));
        }
        let rows = rows(&report.first);
        assert_eq!(
            rows[1],
            [
                "floor",
                "0.100 (0.100–1.000)",
                "1.0 (1.0–1.0)",
                "0.01 (0.01–0.10)",
                "2",
                "3"
            ]
        );
        assert_eq!(
            rows[2],
            [
                "transhume",
                "0.300 (0.200–2.000)",
                "2.0 (2.0–3.0)",
                "0.03 (0.02–0.20)",
                "2",
                "3"
            ]
        );
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![]).to_bits(), 0);
        assert_eq!(median(vec![3.0, 1.0, 2.0]).to_string(), "2");
        assert_eq!(median(vec![4.0, 1.0]).to_string(), "2.5");
        assert_eq!(spread(vec![], 1), "–");
    }
}
