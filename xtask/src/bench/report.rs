//! What was measured, for people: a table for each section and phase.

use std::fmt::Write as _;

use super::options::Section;
use super::peers::Contender;
use super::process::Outcome;
use super::results::{Phase, Run, SectionResult, digits, median, megabytes, spread};
use crate::table::table;

/// What every table needs to be read rightly.
const NOTES: &str = "\
Medians with the spread in brackets. Ratios are taken within each round, where the programs ran one after another: they
count, seconds depend on the machine. A run that was ended at its limit counts with the limit (>).
floor: one connection, one pipelined FETCH of everything into files, one syncfs; no flags, no UIDs, no state.
CPU is the program's own, all threads, and of programs that it runs. MB are millions of octets as stored.
Received and turns are what a proxy counted; a turn is one change from the server's speaking to the client's.
";

/// Everything about the sections.
pub(super) fn text(results: &[SectionResult]) -> String {
    let mut text = String::new();
    for result in results {
        for phase in Phase::TIMED {
            if result.runs.iter().any(|run| run.phase == phase) {
                text.push_str(&heading(result, phase));
                text.push_str(&table(&rows(result, phase)));
                text.push('\n');
            }
        }
        for (contender, why) in &result.absent {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{} did not take part in {}: {why}\n",
                contender.name(),
                result.section.key()
            );
        }
    }
    text.push_str(NOTES);
    text
}

fn heading(result: &SectionResult, phase: Phase) -> String {
    let (section, changed) = (result.section, result.changed);
    let accounts = match result.accounts {
        1 => String::new(),
        many => format!("{many} accounts, "),
    };
    let what = match phase {
        Phase::Changed => format!(
            " ({} new, {} with other flags, {} gone)",
            changed.new, changed.flags, changed.expunged
        ),
        _ => String::new(),
    };
    format!(
        "{} ({}): {}{what}\n{accounts}{} messages in {} mailboxes, {}; others kept {} of {} processors busy\n\n",
        section.key(),
        section.title(),
        phase.title(),
        result.messages,
        result.mailboxes,
        spell_bytes(result.bytes),
        digits(result.others(phase)),
        processors(),
    )
}

/// How many this machine has.
pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn rows(result: &SectionResult, phase: Phase) -> Vec<Vec<String>> {
    let head = [
        "program",
        "wall s",
        "× floor",
        "× transhume",
        "CPU ms",
        "ms/message",
        "ms/MB",
        "peak MiB",
        "received kB",
        "turns",
        "runs",
        "",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut contenders: Vec<Contender> = Contender::ALL.to_vec();
    contenders.retain(|&contender| !result.of(phase, contender).is_empty());
    contenders.sort_by_key(|&contender| {
        let walls = result.walls(phase, contender);
        median(walls).map_or(u64::MAX, f64::to_bits)
    });
    for contender in contenders {
        rows.push(row(result, phase, contender));
    }
    rows
}

fn row(result: &SectionResult, phase: Phase, contender: Contender) -> Vec<String> {
    let runs = result.of(phase, contender);
    let done = result.done(phase, contender);
    let cpu = result.cpu(phase, contender).map(|seconds| seconds * 1e3);
    #[expect(clippy::cast_precision_loss, reason = "counts of messages and KiB")]
    let (messages, peaks) = (
        result.messages.max(1) as f64,
        done.iter()
            .map(|run| run.measured.peak_kib as f64 / 1024.0)
            .collect(),
    );
    let first = (phase == Phase::First).then_some(cpu).flatten();
    let traffic = result.traffic(phase, contender);
    let limit = runs.iter().find(|run| run.measured.outcome == Outcome::OverLimit);
    let above = if done.is_empty() && limit.is_some() {
        ">"
    } else {
        ""
    };
    let against = |beside| match result.ratios(phase, contender, beside) {
        ratios if ratios.is_empty() => "–".to_owned(),
        ratios => format!("{above}{}", spread(ratios)),
    };
    let wall = match limit {
        Some(limit) if done.is_empty() => format!(">{}", digits(limit.measured.wall.as_secs_f64())),
        _ => spread(result.walls(phase, contender)),
    };
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
    vec![
        contender.name().to_owned(),
        wall,
        against(Contender::Floor),
        against(Contender::Transhume),
        or_dash(cpu.map(digits)),
        or_dash(first.map(|cpu| digits(cpu / messages))),
        or_dash(first.map(|cpu| digits(cpu / result.megabytes().max(1e-9)))),
        or_dash(median(peaks).map(|peak| format!("{peak:.0}"))),
        or_dash(traffic.map(|traffic| digits(megabytes(traffic.received) * 1e3))),
        or_dash(traffic.map(|traffic| traffic.turns.to_string())),
        done.len().to_string(),
        remark(result, phase, &runs),
    ]
}

/// What is unusual about these runs.
fn remark(result: &SectionResult, phase: Phase, runs: &[&Run]) -> String {
    let mut remarks = Vec::new();
    for run in runs {
        let remark = match &run.measured.outcome {
            Outcome::Done => continue,
            Outcome::OverLimit => "ended at its time limit".to_owned(),
            Outcome::Failed(reason) => format!("failed: {reason}"),
        };
        if !remarks.contains(&remark) {
            remarks.push(remark);
        }
    }
    let most = Contender::ALL
        .iter()
        .map(|&other| result.of(phase, other).len())
        .max();
    if remarks.is_empty() && Some(runs.len()) < most {
        remarks.push("slow: fewer runs".to_owned());
    }
    remarks.join("; ")
}

/// Bytes for a person.
pub(super) fn spell_bytes(bytes: u64) -> String {
    format!("{:.1} MB", megabytes(bytes))
}

/// One line on what a section is about to measure.
pub(super) fn announce(section: Section, messages: usize, bytes: u64) -> String {
    format!(
        "\n=== {} ({}): {messages} messages, {}",
        section.key(),
        section.title(),
        spell_bytes(bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::{run, section};
    use super::*;

    #[test]
    fn a_row_says_what_was_measured() {
        let (floor, ours, peer) = (Contender::Floor, Contender::Transhume, Contender::OfflineImap);
        let mut runs = Vec::new();
        for round in 1..=3 {
            runs.push(run(Phase::First, floor, round, 1000));
            runs.push(run(Phase::First, ours, round, 1000 + 100 * u64::from(round)));
        }
        let mut stopped = run(Phase::First, peer, 1, 9000);
        stopped.measured.outcome = Outcome::OverLimit;
        runs.push(stopped);
        let result = section(Section::A, runs);
        let rows = rows(&result, Phase::First);
        let names: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(names, ["program", "floor", "transhume", "offlineimap"]);
        assert_eq!(
            rows[2],
            [
                "transhume",
                "1.20 (1.10–1.30)",
                "1.20 (1.10–1.30)",
                "1.00 (1.00–1.00)",
                "120",
                "0.120",
                "12.0",
                "2",
                "–",
                "–",
                "3",
                ""
            ]
        );
        assert_eq!(rows[3][1..4], [">9.00", ">9.00", ">8.18"]);
        assert_eq!(rows[3][10..], ["0", "ended at its time limit"]);
    }

    #[test]
    fn fewer_runs_are_told() {
        let (ours, peer) = (Contender::Transhume, Contender::Doveadm);
        let runs = vec![
            run(Phase::First, ours, 1, 10),
            run(Phase::First, ours, 2, 10),
            run(Phase::First, peer, 1, 99),
        ];
        let result = section(Section::A, runs);
        assert_eq!(row(&result, Phase::First, peer)[11], "slow: fewer runs");
        assert_eq!(row(&result, Phase::First, ours)[11], "");
    }
}
