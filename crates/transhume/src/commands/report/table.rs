//! A report's lines as a table: what is in it is what the lines say, for people who work with spreadsheets.

use std::io;

/// The columns. The last one is the link of the line that says the same.
pub(crate) const COLUMNS: [&str; 14] = [
    "line",
    "mailbox",
    "uid",
    "on_old_server",
    "digest",
    "size",
    "date",
    "flags",
    "fate",
    "here_mailbox",
    "here_uid",
    "here_flags",
    "why",
    "chain",
];

/// The row of names.
pub(crate) fn heads() -> io::Result<Vec<u8>> {
    row(COLUMNS.iter().map(|name| (*name).to_owned()))
}

/// A row for a line of that kind: its cells, and its link.
pub(crate) fn line(kind: &str, cells: Vec<String>, link: &str) -> io::Result<Vec<u8>> {
    let ends = (kind.to_owned(), link.to_owned());
    row(std::iter::once(ends.0).chain(cells).chain([ends.1]))
}

/// A row for a line that is not about a message: what it says stands under `fate` and `why`.
pub(crate) fn remark(kind: &str, fate: &str, why: &str, link: &str) -> io::Result<Vec<u8>> {
    let mut cells = vec![String::new(); COLUMNS.len() - 2];
    fate.clone_into(&mut cells[7]);
    why.clone_into(&mut cells[11]);
    line(kind, cells, link)
}

fn row(cells: impl Iterator<Item = String>) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(cells.map(harmless))?;
    writer
        .into_inner()
        .map_err(|error| io::Error::other(error.to_string()))
}

/// A cell that no spreadsheet takes for a formula: whoever sends mail may choose names of mailboxes and flags.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_every_cell_and_none_is_a_formula() {
        let mut cells = vec![String::new(); COLUMNS.len() - 2];
        "=cmd|' /C calc'!A0".clone_into(&mut cells[0]);
        "a \"b\", c\nd".clone_into(&mut cells[11]);
        let line = line("message", cells, "ab").unwrap();
        let text = String::from_utf8(line).unwrap();
        assert_eq!(
            text,
            "message,'=cmd|' /C calc'!A0,,,,,,,,,,,\"a \"\"b\"\", c\nd\",ab\r\n"
        );
        let remark = String::from_utf8(remark("end", "complete", "unexplained: 0", "cd").unwrap()).unwrap();
        assert_eq!(remark, "end,,,,,,,,complete,,,,unexplained: 0,cd\r\n");
        assert_eq!(
            String::from_utf8(heads().unwrap()).unwrap().split(',').count(),
            COLUMNS.len()
        );
    }
}
