//! What the project aims at, held against what was measured.

use serde_json::{Value, json};

use super::options::Section;
use super::peers::Contender;
use super::results::{Phase, SectionResult, digits, median};

/// One aim of the project.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Aim {
    /// What is aimed at.
    what: String,
    /// The figure; `None` when it was not measured.
    figure: Option<String>,
    /// Whether it is reached.
    reached: bool,
}

impl Aim {
    /// A figure that may be at most so much.
    pub(super) fn at_most(what: impl Into<String>, limit: f64, figure: Option<f64>, unit: &str) -> Self {
        Self {
            what: format!("{}: at most {limit}{unit}", what.into()),
            figure: figure.map(|figure| format!("{}{unit}", digits(figure))),
            reached: figure.is_some_and(|figure| figure <= limit),
        }
    }

    /// A figure that must be at least so much.
    pub(super) fn at_least(what: impl Into<String>, limit: f64, figure: Option<f64>, unit: &str) -> Self {
        Self {
            what: format!("{}: at least {limit}{unit}", what.into()),
            figure: figure.map(|figure| format!("{}{unit}", digits(figure))),
            reached: figure.is_some_and(|figure| figure >= limit),
        }
    }

    fn line(&self) -> String {
        match &self.figure {
            Some(figure) => format!(
                "{} {} – {figure}",
                if self.reached { '✓' } else { '✗' },
                self.what
            ),
            None => format!("? {} – not measured", self.what),
        }
    }

    /// For programs; `reached` is null where nothing was measured.
    pub(super) fn json(&self) -> Value {
        json!({
            "what": self.what,
            "figure": self.figure,
            "reached": self.figure.is_some().then_some(self.reached),
        })
    }
}

/// All of them, a line each.
pub(super) fn text(aims: &[Aim]) -> String {
    let mut text = "What is aimed at\n\n".to_owned();
    for aim in aims {
        text.push_str(&aim.line());
        text.push('\n');
    }
    text
}

/// Those about the sections that were asked for.
pub(super) fn check(results: &[SectionResult]) -> Vec<Aim> {
    let mut aims = Vec::new();
    for result in results {
        match result.section {
            Section::A => {
                aims.push(above_floor(result, 1.3));
                aims.push(processor(result));
                aims.extend(idle_here(result));
            }
            Section::B => {
                aims.push(above_floor(result, 1.5));
                aims.push(processor(result));
            }
            Section::C => aims.push(above_floor(result, 2.0)),
            Section::Lat50 => {
                for (phase, limit) in [(Phase::First, 1.0), (Phase::Idle, 0.3)] {
                    let wall = median(result.walls(phase, Contender::Transhume));
                    aims.push(Aim::at_most(
                        format!("lat50, {}", phase.title()),
                        limit,
                        wall,
                        " s",
                    ));
                }
            }
        }
        aims.extend(ahead(result));
    }
    aims
}

fn above_floor(result: &SectionResult, limit: f64) -> Aim {
    let ratios = result.ratios(Phase::First, Contender::Transhume, Contender::Floor);
    let what = format!("{}, first copy", result.section.key());
    Aim::at_most(what, limit, median(ratios), " × floor")
}

/// How far the nearest peer is behind.
fn ahead(result: &SectionResult) -> Option<Aim> {
    let peers = Contender::ALL.into_iter().filter(|contender| contender.is_peer());
    let (nearest, ratio) = peers
        .filter_map(|peer| {
            let ratios = result.ratios(Phase::First, peer, Contender::Transhume);
            Some((peer, median(ratios)?))
        })
        .min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let what = format!(
        "{}, first copy, before every peer (the nearest: {})",
        result.section.key(),
        nearest.name()
    );
    Some(Aim::at_least(what, 4.0, Some(ratio), " ×"))
}

/// Milliseconds of processor time that a first copy may take: for each message, and for each million octets.
const MILLIS_PER_MESSAGE: f64 = 0.1;
const MILLIS_PER_MEGABYTE: f64 = 2.0;

fn processor(result: &SectionResult) -> Aim {
    #[expect(clippy::cast_precision_loss, reason = "a count of messages")]
    let allowed = MILLIS_PER_MESSAGE * result.messages as f64 + MILLIS_PER_MEGABYTE * result.megabytes();
    let used = result.cpu(Phase::First, Contender::Transhume);
    let what = format!(
        "{}, processor time as a share of {MILLIS_PER_MESSAGE} ms per message and {MILLIS_PER_MEGABYTE} ms per MB",
        result.section.key()
    );
    Aim::at_most(what, 100.0, used.map(|used| used * 1e3 / allowed * 100.0), " %")
}

fn idle_here(result: &SectionResult) -> Vec<Aim> {
    let ours = Contender::Transhume;
    let traffic = result.traffic(Phase::Idle, ours);
    let beside = result.ratios(Phase::Idle, ours, Contender::Mbsync);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let (turns, received) = (
        traffic.map(|traffic| traffic.turns as f64),
        traffic.map(|traffic| traffic.received as f64 / 1e3),
    );
    vec![
        Aim::at_most(
            "A, nothing has changed, own time",
            0.02,
            result.cpu(Phase::Idle, ours),
            " s",
        ),
        Aim::at_most("A, nothing has changed, wall", 0.5, median(beside), " × mbsync"),
        Aim::at_most("A, nothing has changed, turns", 4.0, turns, ""),
        Aim::at_most("A, nothing has changed, received", 8.0, received, " kB"),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::process::Outcome;
    use super::super::results::tests::{run, section};
    use super::*;
    use transhume_testkit::Traffic;

    fn lines(results: &[SectionResult]) -> Vec<String> {
        check(results).iter().map(Aim::line).collect()
    }

    #[test]
    fn aims_are_held_against_the_figures() {
        let (floor, ours, mbsync, doveadm) = (
            Contender::Floor,
            Contender::Transhume,
            Contender::Mbsync,
            Contender::Doveadm,
        );
        let mut counted = run(Phase::Counted, ours, 1, 10);
        counted.traffic = Some(Traffic {
            turns: 5,
            received: 7_900,
            ..Traffic::default()
        });
        let mut stopped = run(Phase::First, doveadm, 1, 3900);
        stopped.measured.outcome = Outcome::OverLimit;
        let typical = section(
            Section::A,
            vec![
                run(Phase::First, floor, 1, 1000),
                run(Phase::First, ours, 1, 1300),
                run(Phase::First, mbsync, 1, 6500),
                stopped,
                run(Phase::Idle, ours, 1, 100),
                run(Phase::Idle, mbsync, 1, 300),
                counted,
            ],
        );
        assert_eq!(
            lines(&[typical]),
            [
                "✓ A, first copy: at most 1.3 × floor – 1.30 × floor",
                "✗ A, processor time as a share of 0.1 ms per message and 2 ms per MB: at most 100 % – 108 %",
                "✓ A, nothing has changed, own time: at most 0.02 s – 0.010 s",
                "✓ A, nothing has changed, wall: at most 0.5 × mbsync – 0.333 × mbsync",
                "✗ A, nothing has changed, turns: at most 4 – 5.00",
                "✓ A, nothing has changed, received: at most 8 kB – 7.90 kB",
                "✗ A, first copy, before every peer (the nearest: doveadm backup): at least 4 × – 3.00 ×",
            ]
        );
    }

    #[test]
    fn what_was_not_measured_is_not_kept() {
        let far = section(
            Section::Lat50,
            vec![run(Phase::First, Contender::Transhume, 1, 1001)],
        );
        let many = section(Section::C, Vec::new());
        assert_eq!(
            lines(&[far, many]),
            [
                "✗ lat50, first copy: at most 1 s – 1.00 s",
                "? lat50, nothing has changed: at most 0.3 s – not measured",
                "? C, first copy: at most 2 × floor – not measured",
            ]
        );
    }
}
