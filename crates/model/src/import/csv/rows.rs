//! A text cut into rows and fields (CSV, RFC 4180, with any separator), each field with the place where it stands.
//!
//! Stricter than programs that read CSV usually are: a quote that is out of place may have swallowed a line, or have
//! changed a password.

use std::borrow::Cow;

/// Where something stands in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1. A quoted field may go over several.
    pub line: u32,
    /// Character within the line, from 1.
    pub column: u32,
}

/// One field. No `Debug`: it may be a password (I10).
#[derive(Clone)]
pub struct Cell<'t> {
    /// Its text, without the quotes around it.
    pub text: Cow<'t, str>,
    /// Whether it stood in quotes: then blanks at its ends are its own.
    pub quoted: bool,
    /// Where it begins; where blanks come first, behind them.
    pub place: Place,
}

impl Cell<'_> {
    /// The text without blanks around it.
    pub fn trimmed(&self) -> &str {
        self.text.trim()
    }
}

/// A row whose quotes are out of place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misquoted {
    /// Its second field, where that is before the quote: what the row is about.
    pub name: Option<String>,
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub wrong: &'static str,
}

/// Cuts a text into rows. Rows without anything but blanks and separators are left out. After a row with a quote out of
/// place the rest of its line is passed over.
pub struct Rows<'t> {
    text: &'t str,
    at: usize,
    place: Place,
    separator: char,
}

/// What ends a field.
#[derive(PartialEq)]
enum End {
    Separator,
    Line,
}

impl<'t> Rows<'t> {
    /// Begins with the first line of the text.
    pub fn new(text: &'t str, separator: char) -> Self {
        Self {
            text,
            at: 0,
            place: Place { line: 1, column: 1 },
            separator,
        }
    }

    /// Octets read so far.
    pub fn octets(&self) -> usize {
        self.at
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// The next character; a line end of two octets is one.
    fn take(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += letter.len_utf8();
        if letter == '\r' && self.peek() == Some('\n') {
            self.at += 1;
        }
        if letter == '\n' || letter == '\r' {
            self.place = Place {
                line: self.place.line.saturating_add(1),
                column: 1,
            };
        } else {
            self.place.column = self.place.column.saturating_add(1);
        }
        Some(letter)
    }

    fn at_field_end(&self) -> bool {
        self.peek()
            .is_none_or(|letter| letter == self.separator || letter == '\n' || letter == '\r')
    }

    fn field_end(&mut self) -> End {
        match self.take() {
            Some(letter) if letter == self.separator => End::Separator,
            _ => End::Line,
        }
    }

    fn row(&mut self) -> Result<Vec<Cell<'t>>, Misquoted> {
        let mut cells: Vec<Cell<'t>> = Vec::new();
        loop {
            let cell = if self.peek() == Some('"') {
                self.quoted()
            } else {
                self.bare()
            };
            cells.push(cell.map_err(|(place, wrong)| Misquoted {
                name: cells.get(1).map(|cell| cell.trimmed().to_owned()),
                place,
                wrong,
            })?);
            if self.field_end() == End::Line {
                return Ok(cells);
            }
        }
    }

    fn bare(&mut self) -> Result<Cell<'t>, (Place, &'static str)> {
        while !self.at_field_end() && self.peek().is_some_and(char::is_whitespace) {
            self.take();
        }
        let (begin, place) = (self.at, self.place);
        if self.peek() == Some('"') {
            let wrong = "a quote after a blank quotes nothing: it has to be the first character of its field";
            return Err((place, wrong));
        }
        while !self.at_field_end() {
            self.take();
        }
        Ok(Cell {
            text: Cow::Borrowed(self.text[begin..self.at].trim_end()),
            quoted: false,
            place,
        })
    }

    fn quoted(&mut self) -> Result<Cell<'t>, (Place, &'static str)> {
        let place = self.place;
        self.take();
        let mut begin = self.at;
        let mut text = Cow::Borrowed("");
        loop {
            let end = self.at;
            match self.take() {
                Some('"') if self.peek() == Some('"') => {
                    text += &self.text[begin..self.at];
                    self.take();
                    begin = self.at;
                }
                Some('"') => {
                    text += &self.text[begin..end];
                    break;
                }
                Some(_) => {}
                None => {
                    let wrong = "the quote that begins here is never closed";
                    return Err((place, wrong));
                }
            }
        }
        let after = self.place;
        while !self.at_field_end() && self.peek().is_some_and(char::is_whitespace) {
            self.take();
        }
        if !self.at_field_end() {
            let wrong =
                "there is text behind the closing quote; a quote within a quoted field is written twice";
            return Err((after, wrong));
        }
        let quoted = true;
        Ok(Cell { text, quoted, place })
    }
}

impl<'t> Iterator for Rows<'t> {
    type Item = Result<Vec<Cell<'t>>, Misquoted>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.text.len() {
            match self.row() {
                Ok(cells) if cells.iter().all(|cell| cell.trimmed().is_empty()) => {}
                Ok(cells) => return Some(Ok(cells)),
                Err(misquoted) => {
                    let line = self.place.line;
                    while self.place.line == line && self.take().is_some() {}
                    return Some(Err(misquoted));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let row = |row: Result<Vec<Cell<'_>>, Misquoted>| match row {
            Ok(cells) => {
                let cell =
                    |cell: &Cell<'_>| format!("{}:{}[{}]", cell.place.line, cell.place.column, cell.text);
                cells.iter().map(cell).collect::<Vec<_>>().join(" ")
            }
            Err(misquoted) => format!(
                "{}:{}! {}",
                misquoted.place.line, misquoted.place.column, misquoted.wrong
            ),
        };
        Rows::new(text, ';').map(row).collect()
    }

    #[test]
    fn rows_and_places() {
        for (text, rows) in [
            ("", &[][..]),
            ("a; b ;c\nd", &["1:1[a] 1:4[b] 1:7[c]", "2:1[d]"]),
            ("a;\r\n  \r\n;;\r\nb\rc", &["1:1[a] 1:3[]", "4:1[b]", "5:1[c]"]),
            ("ü;\"é;\"\"x\"\"\";z", &["1:1[ü] 1:3[é;\"x\"] 1:13[z]"]),
            ("a;\" b\nc \" ;d\ne", &["1:1[a] 1:3[ b\nc ] 2:6[d]", "3:1[e]"]),
            ("a;\"b\nc", &["1:3! the quote that begins here is never closed"]),
            (
                "a;\"b\"c;d\ne",
                &[
                    "1:6! there is text behind the closing quote; a quote within a quoted field is written twice",
                    "2:1[e]",
                ],
            ),
            (
                "a; \"b;c\"\ne",
                &[
                    "1:4! a quote after a blank quotes nothing: it has to be the first character of its field",
                    "2:1[e]",
                ],
            ),
            ("a;b\"c\"", &["1:1[a] 1:3[b\"c\"]"]),
        ] {
            assert_eq!(shown(text), rows, "{text:?}");
        }
    }

    proptest! {
        // What a strict writer writes is read as it was; another reader of CSV agrees.
        #[test]
        fn what_was_written_is_read(rows in prop::collection::vec(prop::collection::vec("[a;\" \r\n\u{e9}]{0,4}", 1..4), 0..5)) {
            let mut writer = csv::WriterBuilder::new().delimiter(b';').flexible(true)
                .quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let is_blank = |row: &&Vec<String>| row.iter().all(|field| field.trim().is_empty());
            let expected: Vec<Vec<String>> = rows.iter().filter(|row| !is_blank(row)).cloned().collect();
            let read: Vec<Vec<String>> = Rows::new(&text, ';')
                .map(|row| row.unwrap().into_iter().map(|cell| cell.text.into_owned()).collect())
                .collect();
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn any_text_ends(text in "[a;\" \r\n]{0,30}") {
            let mut rows = Rows::new(&text, ';');
            let mut last = 0;
            while rows.next().is_some() {
                prop_assert!(rows.octets() > last);
                last = rows.octets();
            }
            prop_assert_eq!(rows.octets(), text.len());
        }
    }
}
