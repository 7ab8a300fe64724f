//! How a command answers: a text for a person, or one object for programs.

use std::io::Write as _;

use serde_json::{Value, json};
use transhume_model::mail::InternalDate;
use unicode_width::UnicodeWidthStr;

use crate::exit::{Exit, Failure};

/// What a command says.
#[derive(Debug)]
pub(crate) struct Answer {
    /// For a person; may be empty.
    pub(crate) text: String,
    /// For programs: an object, whose keys stand beside `exit_code` and `outcome`.
    pub(crate) json: Value,
    /// How it ended.
    pub(crate) exit: Exit,
}

impl Answer {
    /// All that was asked for is done.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: text.into(),
            json,
            exit: Exit::Complete,
        }
    }
}

/// Prints the answer, or what went wrong, and says how the command ended.
pub(crate) fn tell(answer: Result<Answer, Failure>, as_json: bool) -> Exit {
    let (exit, text, object) = match answer {
        Ok(Answer { text, json, exit }) => (exit, text, json),
        Err(failure) => {
            if !as_json {
                eprintln!("transhume: {failure}");
                return failure.exit;
            }
            let error = json!({ "what": failure.what, "advice": failure.advice });
            (failure.exit, String::new(), json!({ "error": error }))
        }
    };
    let printed = if as_json {
        let mut whole = json!({ "exit_code": exit.code(), "outcome": exit });
        if let (Some(whole), Value::Object(object)) = (whole.as_object_mut(), object) {
            whole.extend(object);
        }
        format!("{whole}\n")
    } else if text.is_empty() || text.ends_with('\n') {
        text
    } else {
        format!("{text}\n")
    };
    // Whoever reads standard output may have gone; the exit code still tells.
    let _ = write!(std::io::stdout(), "{printed}");
    exit
}

/// Rows in columns, each as wide as its widest cell; the last one as it comes.
pub(crate) fn table<const COLUMNS: usize>(heads: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let mut widths = heads.map(UnicodeWidthStr::width);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |cells: [&str; COLUMNS]| {
        let mut line = String::new();
        for (cell, width) in cells.into_iter().zip(widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(width - cell.width() + 2));
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    };
    let heads = line(heads);
    rows.iter()
        .map(|row| line(row.each_ref().map(String::as_str)))
        .fold(heads, |text, row| text + &row)
}

/// So many of something: “1 account”, “2 accounts”.
pub(crate) fn amount(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A moment, in seconds since 1970 UTC, as a person reads it.
pub(crate) fn moment(seconds: i64) -> String {
    InternalDate::from_unix(seconds).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["ü", "1"], ["a longer one", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(
            table(["name", "n"], &rows),
            "name          n\nü             1\na longer one\n"
        );
        assert_eq!(table(["name", "n"], &[]), "name  n\n");
    }
}
