//! Tables for a terminal.

/// A table: its first row is the heading. The first column is flush left, the others flush right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| pad(cell, width, column == 0))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
        if index == 0 {
            let lines: Vec<String> = widths.iter().map(|&width| "─".repeat(width)).collect();
            text.push_str(&lines.join("  "));
            text.push('\n');
        }
    }
    text
}

fn pad(cell: &str, width: usize, left: bool) -> String {
    if left {
        format!("{cell:<width$}")
    } else {
        format!("{cell:>width$}")
    }
}

/// A row from anything that can be shown.
pub(crate) fn row<const N: usize>(cells: [&dyn std::fmt::Display; N]) -> Vec<String> {
    cells.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let text = table(&[row([&"account", &"n"]), row([&"änne", &12]), row([&"b", &3456])]);
        assert_eq!(
            text,
            "account     n\n───────  ────\nänne       12\nb        3456\n"
        );
    }
}
