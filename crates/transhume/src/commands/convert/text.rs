//! The report for a person: the numbers first, then what was left out and why, then what there is to know.

use std::fmt::Write as _;

use transhume_model::import::postfixadmin::{Note, Report};
use transhume_ops::convert_postfixadmin::Conversion;

/// How many names stand for all of one kind, unless every one is asked for.
const FIRST: usize = 5;

pub(super) fn report(conversion: &Conversion, dry_run: bool, details: bool) -> String {
    let Report {
        version,
        warnings,
        tables,
        notes,
    } = &conversion.report;
    let mut text = String::new();
    if let Some(version) = version {
        let _ = writeln!(text, "PostfixAdmin, schema {version}");
    }
    for warning in warnings {
        let _ = writeln!(text, "Warning: {warning}.");
    }
    let _ = writeln!(
        text,
        "{:<24} {:>9} {:>9} {:>9} {:>9}",
        "table", "read", "written", "unchanged", "skipped"
    );
    for table in tables {
        let skipped = table.skipped.len() + table.left.map_or(0, |(rows, _)| rows);
        let name = table.table.name();
        let _ = writeln!(
            text,
            "{name:<24} {:>9} {:>9} {:>9} {skipped:>9}",
            table.read, table.written, table.unchanged
        );
        if table.unexplained > 0 {
            let _ = writeln!(
                text,
                "  {} rows are UNEXPLAINED: please report it",
                table.unexplained
            );
        }
    }
    let skipped = tables.iter().flat_map(|table| &table.skipped);
    let left = tables
        .iter()
        .filter_map(|table| Some((table.table.name(), table.left?)));
    let left: Vec<_> = left.filter(|(_, (rows, _))| *rows > 0).collect();
    let groups = grouped(skipped);
    if !groups.is_empty() || !left.is_empty() {
        text.push_str("\nSkipped, and why:\n");
        for group in &groups {
            show(&mut text, group, details);
        }
        for (table, (rows, why)) in left {
            let _ = writeln!(text, "  {table}: {why} ({rows})");
        }
    }
    let groups = grouped(notes.iter());
    if !groups.is_empty() {
        text.push_str("\nGood to know:\n");
        for group in &groups {
            show(&mut text, group, details);
        }
    }
    text.push('\n');
    text.push_str(verdict(conversion, dry_run));
    text
}

fn verdict(conversion: &Conversion, dry_run: bool) -> &'static str {
    match (
        conversion.report.unexplained() == 0 && conversion.report.adds_up(),
        conversion.changed,
        dry_run,
    ) {
        (false, ..) => "Some rows are not explained: please report it.",
        (true, false, _) => "Every row is accounted for. Nothing is new: the directory stays as it was.",
        (true, true, true) => "Every row is accounted for. Nothing was written (--dry-run).",
        (true, true, false) => "Every row is accounted for, and what is written is in the directory.",
    }
}

/// Notes that say the same of rows of one table, in the order in which they were first said.
fn grouped<'n>(notes: impl Iterator<Item = &'n Note>) -> Vec<Vec<&'n Note>> {
    let mut groups: Vec<Vec<&Note>> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for note in notes {
        let place = *places.entry((note.table, note.remark.what)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(note);
    }
    groups
}

fn show(text: &mut String, group: &[&Note], details: bool) {
    let Some(first) = group.first() else { return };
    let _ = writeln!(
        text,
        "  {}: {} ({})",
        first.table.name(),
        first.remark.what,
        group.len()
    );
    let shown = if details { group.len() } else { FIRST };
    for note in group.iter().take(shown) {
        let _ = match note.remark.detail.as_str() {
            "" => writeln!(text, "    {}", printable(&note.name)),
            detail => writeln!(text, "    {}: {}", printable(&note.name), printable(detail)),
        };
    }
    if group.len() > shown {
        let _ = writeln!(
            text,
            "    and {} more (--details names them)",
            group.len() - shown
        );
    }
}

/// What comes from the old database may hold anything, and the terminal obeys some of it.
fn printable(text: &str) -> String {
    let text = text
        .chars()
        .map(|letter| if letter.is_control() { '\u{fffd}' } else { letter });
    let mut text: String = text.take(200).collect();
    if text.chars().count() == 200 {
        text.push('…');
    }
    text
}
