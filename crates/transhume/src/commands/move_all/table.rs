//! The file of accounts as a table: a header, and a row of cells for each account (CSV, RFC 4180).
//!
//! Stricter than programs that read CSV usually are: a quote that is out of place may have swallowed a line, which here is
//! somebody's mail, or have changed a password. And whatever is wrong is told without what stands in the cells: without a
//! header, or with a separator too few, the password is where nobody expects it.

use std::fmt;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    /// The old account.
    From,
    /// The new Maildir.
    To,
    /// The password itself.
    Password,
    /// A file that holds it.
    PasswordFile,
    /// The state file.
    State,
    /// The account's name in Dovecot.
    DovecotUser,
}

impl Column {
    const ALL: [Self; 6] = [
        Self::From,
        Self::To,
        Self::Password,
        Self::PasswordFile,
        Self::State,
        Self::DovecotUser,
    ];

    /// As the header names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::To => "to",
            Self::Password => "password",
            Self::PasswordFile => "password_file",
            Self::State => "state",
            Self::DovecotUser => "dovecot_user",
        }
    }
}

/// Something wrong in the file. Never with what stands in a cell that may hold a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// From 1.
    pub(crate) line: u64,
    /// Where it is known.
    pub(crate) column: Option<Column>,
    /// In words.
    pub(crate) what: String,
}

impl Fault {
    /// In a cell.
    pub(crate) fn new(line: u64, column: Column, what: impl Into<String>) -> Self {
        let (column, what) = (Some(column), what.into());
        Self { line, column, what }
    }

    fn of_line(line: u64, what: impl Into<String>) -> Self {
        let (column, what) = (None, what.into());
        Self { line, column, what }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = self.column {
            write!(f, ", {}", column.name())?;
        }
        write!(f, ": {}", self.what)
    }
}

/// One line, or several where a quoted cell goes over their ends. No `Debug`: there are passwords in it (I10).
pub(crate) struct Row {
    /// Its first line.
    pub(crate) line: u64,
    cells: Vec<(Column, Vec<u8>)>,
}

impl Row {
    /// The bytes of a cell as they stand; empty where there is none.
    pub(crate) fn bytes(&self, column: Column) -> &[u8] {
        let cell = self.cells.iter().find(|(of, _)| *of == column);
        cell.map_or(&[], |(_, cell)| cell)
    }

    /// The text of a cell without the blanks around it; [`None`] where it is empty.
    pub(crate) fn text(&self, column: Column) -> Result<Option<&str>, Fault> {
        match std::str::from_utf8(self.bytes(column)) {
            Ok(text) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Err(_) => Err(Fault::new(self.line, column, "this is not UTF-8")),
        }
    }
}

/// Reads all rows, and gives with them all that is wrong.
pub(crate) fn read(bytes: &[u8]) -> (Vec<Row>, Vec<Fault>) {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        let fault = Fault::of_line(
            1,
            "the file is in UTF-16, as some spreadsheets write it; save it as UTF-8",
        );
        return (Vec::new(), vec![fault]);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut records = Records::new(bytes, separator(bytes));
    let mut faults = Vec::new();
    let columns = match records.next() {
        Some(Ok(header)) => header_columns(&header, &mut faults),
        Some(Err(fault)) => {
            faults.push(fault.into_fault(&[]));
            Vec::new()
        }
        None => {
            faults.push(Fault::of_line(1, "the file is empty"));
            Vec::new()
        }
    };
    if !faults.is_empty() {
        // Nothing is known of the cells.
        return (Vec::new(), faults);
    }
    let mut rows = Vec::new();
    for record in records {
        match record {
            // As spreadsheets write them below the last row.
            Ok(record) if record.cells.iter().all(Vec::is_empty) => {}
            Ok(record) if record.cells.len() != columns.len() => faults.push(Fault::of_line(
                record.line,
                format!(
                    "there are {} cells, and {} in the header; a cell with the separator, a quote or a line end in it has to \
                     stand in quotes, and a quote in it to be written twice",
                    record.cells.len(),
                    columns.len()
                ),
            )),
            Ok(record) => rows.push(Row {
                line: record.line,
                cells: columns.iter().copied().zip(record.cells).collect(),
            }),
            Err(malformed) => faults.push(malformed.into_fault(&columns)),
        }
    }
    (rows, faults)
}

/// The separator by which the header has the most names that are known.
fn separator(bytes: &[u8]) -> u8 {
    let header = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let known = |separator: u8| {
        let cells = Records::new(header, separator).next().and_then(Result::ok);
        cells.map_or(0, |record| {
            record.cells.iter().filter_map(|cell| column(cell)).count()
        })
    };
    // Of equals, the last is taken.
    [b'\t', b';', b',']
        .into_iter()
        .max_by_key(|&separator| known(separator))
        .unwrap_or(b',')
}

fn column(cell: &[u8]) -> Option<Column> {
    let cell = cell.trim_ascii();
    Column::ALL
        .into_iter()
        .find(|column| cell.eq_ignore_ascii_case(column.name().as_bytes()))
}

fn header_columns(header: &Record, faults: &mut Vec<Fault>) -> Vec<Column> {
    let names = Column::ALL.map(Column::name).join(", ");
    let mut columns = Vec::new();
    for (cell, number) in header.cells.iter().zip(1..) {
        match column(cell) {
            Some(column) if columns.contains(&column) => {
                faults.push(Fault::new(
                    header.line,
                    column,
                    "there are two columns of that name",
                ));
            }
            Some(column) => columns.push(column),
            // What is written there may be the first account's password.
            None => faults.push(Fault::of_line(
                header.line,
                format!(
                    "the name of column {number} is none of {names}; the first line has to name the columns"
                ),
            )),
        }
    }
    for column in [Column::From, Column::To] {
        if faults.is_empty() && !columns.contains(&column) {
            faults.push(Fault::new(header.line, column, "this column is missing"));
        }
    }
    if faults.is_empty() && !columns.contains(&Column::Password) && !columns.contains(&Column::PasswordFile) {
        let what = "this column is missing, and password_file too";
        faults.push(Fault::new(header.line, Column::Password, what));
    }
    columns
}

struct Record {
    line: u64,
    cells: Vec<Vec<u8>>,
}

/// Quotes that are out of place.
struct Malformed {
    line: u64,
    /// Cells before it.
    cell: usize,
    what: &'static str,
}

impl Malformed {
    fn into_fault(self, columns: &[Column]) -> Fault {
        Fault {
            line: self.line,
            column: columns.get(self.cell).copied(),
            what: self.what.to_owned(),
        }
    }
}

/// Cuts bytes into records.
struct Records<'a> {
    rest: &'a [u8],
    separator: u8,
    line: u64,
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8], separator: u8) -> Self {
        Self {
            rest: bytes,
            separator,
            line: 1,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn take(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.line += u64::from(byte == b'\n');
        Some(byte)
    }

    fn skip_line_end(&mut self) -> bool {
        let length = match self.rest {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] | [b'\r'] => 1,
            _ => return false,
        };
        self.rest = &self.rest[length..];
        self.line += 1;
        true
    }

    fn cell_ends(&self) -> bool {
        matches!(self.rest, [] | [b'\r'] | [b'\n', ..] | [b'\r', b'\n', ..])
            || self.peek() == Some(self.separator)
    }

    fn cell(&mut self) -> Result<Vec<u8>, &'static str> {
        let mut cell = Vec::new();
        if self.peek() != Some(b'"') {
            while !self.cell_ends() {
                cell.extend(self.take());
            }
            return Ok(cell);
        }
        self.take();
        loop {
            match self.take() {
                Some(b'"') if self.peek() == Some(b'"') => cell.extend(self.take()),
                Some(b'"') => break,
                Some(byte) => cell.push(byte),
                None => return Err("the quote with which this cell begins is never closed"),
            }
        }
        if self.cell_ends() {
            Ok(cell)
        } else {
            Err(
                "something follows the quote that closes this cell; a quote in a cell has to be written twice",
            )
        }
    }

    fn record(&mut self) -> Result<Record, Malformed> {
        let line = self.line;
        let mut cells = Vec::new();
        loop {
            match self.cell() {
                Ok(cell) => cells.push(cell),
                Err(what) => {
                    while !self.rest.is_empty() && !self.skip_line_end() {
                        self.take();
                    }
                    let cell = cells.len();
                    return Err(Malformed { line, cell, what });
                }
            }
            if self.skip_line_end() || self.rest.is_empty() {
                return Ok(Record { line, cells });
            }
            self.take();
        }
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.skip_line_end() {}
        (!self.rest.is_empty()).then(|| self.record())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        bytes.escape_ascii().to_string()
    }

    /// `line: from|to|password` for each row, then the faults.
    fn told(bytes: &[u8]) -> Vec<String> {
        let (rows, faults) = read(bytes);
        let row = |row: &Row| {
            let cells = [Column::From, Column::To, Column::Password].map(|column| text(row.bytes(column)));
            format!("{}: {}", row.line, cells.join("|"))
        };
        let rows = rows.iter().map(row);
        rows.chain(faults.iter().map(ToString::to_string)).collect()
    }

    #[test]
    fn rows_are_read_as_they_are_written() {
        let check = |file: &[u8], expected: &[&str]| assert_eq!(told(file), expected, "{}", text(file));
        check(b"from,to,password\na,b,c\n", &["2: a|b|c"]);
        check(b"\xef\xbb\xbffrom;to;password\r\na;b;c,d\r\n", &["2: a|b|c,d"]);
        check(b"password\tfrom\tto\nc;d\ta\tb", &["2: a|b|c;d"]);
        check(b" To , FROM ,\"Password\"\nb,a,c\n", &["2: a|b|c"]);
        // A password is never trimmed, and need not be text.
        check(b"from,to,password\na,b, c \n", &["2: a|b| c "]);
        check(b"from,to,password\na,b,\xe9\xff\n", &["2: a|b|\\xe9\\xff"]);
        check(
            b"from,to,password\na,b,\"c,\"\"d\r\ne \"\nf,g,h\n",
            &["2: a|b|c,\\\"d\\r\\ne ", "4: f|g|h"],
        );
        check(b"from,to,password\na,b,c\"d\"\n", &["2: a|b|c\\\"d\\\""]);
        check(b"from,to,password\na,b,\r\r\n", &["2: a|b|\\r"]);
        check(
            b"from,to,password\n\n\r\na,b,c\n,,\n\nd,e,f",
            &["4: a|b|c", "7: d|e|f"],
        );
        check(b"from,to,password_file\na,b,\"\"\n", &["2: a|b|"]);
        check(b"from,to,password\r\na,b,c\r", &["2: a|b|c"]);
        check(b"from,to,password\n", &[]);
    }

    #[test]
    fn what_is_wrong_is_told_without_what_is_in_the_cells() {
        let check = |file: &str, expected: &[&str]| {
            let told = told(file.as_bytes());
            assert_eq!(told.len(), expected.len(), "{told:?}");
            for (told, expected) in told.iter().zip(expected) {
                assert!(told.starts_with(expected), "{told}");
                assert!(!told.contains("s3cret"), "{told}");
            }
        };
        check("", &["line 1: the file is empty"]);
        check("\n\n", &["line 1: the file is empty"]);
        check(
            "imaps://a@b,s3cret\n",
            &["line 1: the name of column 1", "line 1: the name of column 2"],
        );
        check("from,to,passwort\n", &["line 1: the name of column 3"]);
        check("from,to,from,password\n", &["line 1, from: there are two"]);
        check("to,password\n", &["line 1, from: this column is missing"]);
        check("from,to\n", &["line 1, password: this column is missing"]);
        check(
            "from,to,password\na,s3cret\n\na,b,s3,cret\nd,e,f\n",
            &[
                "5: d|e|f",
                "line 2: there are 2 cells",
                "line 4: there are 4 cells",
            ],
        );
        check(
            "from,to,password\na,b,\"s3\"cret\nd,e,f\na,b,\"s3cret\nd,e,f\n",
            &[
                "3: d|e|f",
                "line 2, password: something follows",
                "line 4, password: the quote",
            ],
        );
        check("\"from,to\n", &["line 1: the quote"]);
        assert!(told(b"\xff\xfef\0r\0")[0].contains("UTF-16"));
    }

    #[test]
    fn only_passwords_may_be_anything_but_text() {
        let (rows, _) = read(b"from,to,password,state\n\xff, b ,c, \n");
        let row = &rows[0];
        assert_eq!(row.text(Column::To).unwrap(), Some("b"));
        assert_eq!(row.text(Column::State).unwrap(), None);
        assert_eq!(row.text(Column::DovecotUser).unwrap(), None);
        assert_eq!(
            row.text(Column::From).unwrap_err().to_string(),
            "line 2, from: this is not UTF-8"
        );
    }
}
