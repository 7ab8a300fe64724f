//! What a person has to be told about a file: where, what is wrong, and what would be right.

use std::fmt;

use super::rows::Place;

/// Something about a line of a file that a person has to know. Never with what may be a password in it (I10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Where.
    pub place: Place,
    /// What is wrong, or was done otherwise than one might think.
    pub wrong: String,
    /// What would be right.
    pub right: String,
}

impl Complaint {
    pub(super) fn new(place: Place, wrong: impl Into<String>, right: impl Into<String>) -> Self {
        Self {
            place,
            wrong: printable(wrong.into()),
            right: printable(right.into()),
        }
    }
}

/// The text without what would change the terminal, or end the line.
fn printable(text: String) -> String {
    if text.chars().any(char::is_control) {
        return text.replace(char::is_control, "\u{fffd}");
    }
    text
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        write!(f, "{line}:{column}: {} → {}", self.wrong, self.right)
    }
}
