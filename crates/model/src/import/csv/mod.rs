//! A platform in a CSV file: domains, domain aliases, relay domains, accounts and aliases, one for each row.
//!
//! `docs/csv-import.md` has the rows as people write them. The whole of a file is looked at before anything is decided, and
//! each thing that is wrong is told with its place. Nothing is passed over silently: whatever is read otherwise than it
//! may have been meant is a notice.

mod complaint;
mod entry;
mod password;
mod plan;
mod rows;
mod text;
mod value;
mod write;

pub use complaint::Complaint;
pub use password::ClearPassword;
pub use plan::{FilePlan, plan_file, plan_file_of};
pub use rows::{Cell, Misquoted, Place, Rows};
pub use text::{Text, TextProblem, decode};
pub use write::{Part, Unsaid, write};

use crate::plan::directory::Rules;

/// How a file is read, and what may be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What stands between fields.
    pub separator: char,
    /// Whether passwords that are no hashes are to be hashed; otherwise they are errors.
    pub crypt_passwords: bool,
    /// How strictly entries are compared with what is there.
    pub rules: Rules,
}

impl Options {
    /// Another separator, when a row that is one field has it in it.
    fn likelier_separator(self, text: &str) -> Option<char> {
        [';', ',', '\t', '|', ':']
            .into_iter()
            .find(|other| *other != self.separator && text.contains(*other))
    }
}

/// Reads what stands between fields, as a person writes it: one character, or `\t` for a tab.
pub fn separator(text: &str) -> Result<char, &'static str> {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        _ if text == "\\t" => Ok('\t'),
        (Some('"' | '\n' | '\r'), _) => Err("a quote or a line end cannot stand between fields"),
        (Some(letter), None) => Ok(letter),
        _ => Err("one character is needed between fields, like ; or ,"),
    }
}

#[cfg(test)]
mod tests;
