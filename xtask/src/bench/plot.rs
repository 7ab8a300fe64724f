//! The ratios of first copies as a picture: bars on a logarithmic scale that begins at the physical limit.
//!
//! Its background is transparent and its colours are of middle lightness, so that it can be read on light pages and on
//! dark ones: pictures are not told which they are on.

use std::fmt::Write as _;

use super::peers::Contender;
use super::process::Outcome;
use super::results::{Phase, SectionResult, digits, median};

const WIDTH: f64 = 760.0;
/// Where bars begin, and how far they may go: names stand before, figures behind.
const LEFT: f64 = 130.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 46.0;
const BAR: f64 = 16.0;
const STEP: f64 = 22.0;
const HEADING: f64 = 32.0;

const TEXT: &str = "#76808c";
const GRID: &str = "#808a9566";
const OURS: &str = "#2f9e6e";
const PEER: &str = "#8b93a1";

/// One bar.
struct Bar {
    name: &'static str,
    ratio: f64,
    /// It was ended at its limit: it would have been longer.
    is_least: bool,
    is_ours: bool,
}

/// The picture; `None` when nothing can be shown.
pub(super) fn svg(results: &[SectionResult]) -> Option<String> {
    let groups: Vec<(String, Vec<Bar>)> = results
        .iter()
        .map(|result| (heading(result), bars(result)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let greatest = groups
        .iter()
        .flat_map(|(_, bars)| bars)
        .map(|bar| bar.ratio)
        .reduce(f64::max)?;
    let decades = greatest.max(10.0).log10().ceil();
    let at = |ratio: f64| LEFT + (RIGHT - LEFT) * (ratio.max(1.0).log10() / decades);
    let mut body = String::new();
    let mut y = TOP;
    for (heading, bars) in &groups {
        y += HEADING;
        // Writing to a string cannot fail.
        let _ = writeln!(
            body,
            "<text x=\"8\" y=\"{}\" font-weight=\"600\">{}</text>",
            y - 9.0,
            escaped(heading)
        );
        for bar in bars {
            body.push_str(&drawn(bar, y, at(bar.ratio)));
            y += STEP;
        }
    }
    let height = y + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"{TEXT}\" role=\"img\">\n\
         <title>First copies: how many times as long as the physical limit</title>\n\
         <text x=\"8\" y=\"18\">First copy, times as long as the durable floor (logarithmic)</text>\n"
    );
    let mut ratio = 1.0;
    while ratio <= 10_f64.powf(decades) * 1.001 {
        let x = at(ratio);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{y}\" stroke=\"{GRID}\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\">{ratio}×</text>",
            TOP - 5.0
        );
        ratio *= 10.0;
    }
    svg.push_str(&body);
    svg.push_str("</svg>\n");
    Some(svg)
}

fn heading(result: &SectionResult) -> String {
    let section = result.section;
    format!(
        "{} · {} · {} messages",
        section.key(),
        section.title(),
        result.messages
    )
}

/// The shortest first.
fn bars(result: &SectionResult) -> Vec<Bar> {
    let others = Contender::ALL
        .into_iter()
        .filter(|&contender| contender != Contender::Floor);
    let mut bars: Vec<Bar> = others
        .filter_map(|contender| {
            let ratios = result.ratios(Phase::First, contender, Contender::Floor);
            let runs = result.of(Phase::First, contender);
            Some(Bar {
                name: contender.name(),
                ratio: median(ratios)?,
                is_least: runs.iter().all(|run| run.measured.outcome == Outcome::OverLimit),
                is_ours: contender == Contender::Transhume,
            })
        })
        .collect();
    bars.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    bars
}

fn drawn(bar: &Bar, y: f64, end: f64) -> String {
    let colour = if bar.is_ours { OURS } else { PEER };
    // The limit itself is still to be seen.
    let width = (end - LEFT).max(2.0);
    let middle = y + 12.5;
    format!(
        "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>\
         <rect x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\" fill=\"{colour}\"/>\
         <text x=\"{:.1}\" y=\"{middle}\">{}{}×</text>\n",
        LEFT - 8.0,
        escaped(bar.name),
        LEFT + width + 6.0,
        if bar.is_least { "&gt; " } else { "" },
        digits(bar.ratio),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::options::Section;
    use super::super::results::tests::{run, section};
    use super::*;

    /// The width of the bar and the words of each row, in order.
    fn shown(svg: &str) -> Vec<(f64, String)> {
        let bars = svg.lines().filter_map(|line| line.split_once("<rect "));
        bars.map(|(_, line)| {
            let width = line.split("width=\"").nth(1).unwrap().split('"').next().unwrap();
            let words = line.rsplit("\">").next().unwrap().split('<').next().unwrap();
            (width.parse().unwrap(), words.to_owned())
        })
        .collect()
    }

    #[test]
    fn a_decade_is_as_long_as_the_next() {
        let first = |contender, millis| run(Phase::First, contender, 1, millis);
        let mut stopped = first(Contender::Doveadm, 100_000);
        stopped.measured.outcome = Outcome::OverLimit;
        let result = section(
            Section::A,
            vec![
                first(Contender::Floor, 1_000),
                first(Contender::OfflineImap, 1_000_000),
                first(Contender::Mbsync, 10_000),
                first(Contender::Transhume, 900),
                stopped,
            ],
        );
        let svg = svg(&[result]).unwrap();
        let third = ((RIGHT - LEFT) / 3.0 * 10.0).round() / 10.0;
        let twice = ((RIGHT - LEFT) / 3.0 * 20.0).round() / 10.0;
        assert_eq!(
            shown(&svg),
            [
                (2.0, "0.900×".to_owned()),
                (third, "10.0×".to_owned()),
                (twice, "&gt; 100×".to_owned()),
                (RIGHT - LEFT, "1000×".to_owned()),
            ]
        );
        assert_eq!(svg.matches(OURS).count(), 1);
        assert_eq!(svg.matches("<line").count(), 4);
    }

    #[test]
    fn nothing_is_shown_of_nothing() {
        assert_eq!(svg(&[]), None);
        let alone = section(Section::B, vec![run(Phase::First, Contender::Mbsync, 1, 10)]);
        assert_eq!(svg(&[alone]), None);
    }
}
