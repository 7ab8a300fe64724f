//! What a request may say: its fields, told once. By the same table a request is read, and described in the API's document.
//!
//! What is wrong is told in the words that scripts for Django REST Framework know (`This field is required.`), for all fields at
//! once. Fields that are not in the table are passed over, as there.

mod read;
mod schema;

use serde_json::{Map, Value};

/// The fields of a request's body, or of an object within it.
pub(crate) struct Shape {
    /// What the document calls it.
    pub(crate) name: &'static str,
    /// Its fields, in their order.
    pub(crate) fields: &'static [Field],
}

/// One field.
pub(crate) struct Field {
    /// What it is called.
    pub(crate) name: &'static str,
    /// What it holds.
    pub(crate) kind: Kind,
    /// Whether it has to be there, unless only what changes is sent (PATCH).
    pub(crate) required: bool,
    /// Whether `null` may be sent.
    pub(crate) nullable: bool,
    /// What it is, for the document.
    pub(crate) help: &'static str,
}

/// What a field holds.
pub(crate) enum Kind {
    /// A text without blanks around it, of so many characters at most.
    Text {
        /// Characters.
        most: usize,
        /// Whether it may be empty.
        blank: bool,
    },
    /// A text as it was typed, blanks and all; never answered again.
    Secret,
    /// A whole number between these two.
    Number {
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// The number of something else.
    Key,
    /// Yes or no.
    Switch,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Numbers of other things.
    Keys,
    /// Texts.
    Texts,
    /// Objects, each with these fields.
    List(&'static Shape),
    /// One object with these fields.
    Object(&'static Shape),
}

/// Whether all that has to be there has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The whole of it (POST, PUT).
    Whole,
    /// What is to change, and nothing else (PATCH).
    Changes,
}

/// What a request says, read and found to be of the right kind. What was not sent is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Said(Map<String, Value>);

impl Field {
    /// A field that may be left out.
    pub(crate) const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            kind,
            required: false,
            nullable: false,
            help,
        }
    }

    /// The same, which has to be there.
    pub(crate) const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    /// The same, which may be `null`.
    pub(crate) const fn nullable(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }

    /// A line of text that is not empty.
    pub(crate) const fn text(name: &'static str, most: usize, help: &'static str) -> Self {
        Self::new(name, Kind::Text { most, blank: false }, help)
    }

    /// A text that may be empty.
    pub(crate) const fn note(name: &'static str, most: usize, help: &'static str) -> Self {
        Self::new(name, Kind::Text { most, blank: true }, help)
    }

    /// A whole number.
    pub(crate) const fn number(name: &'static str, least: i64, most: i64, help: &'static str) -> Self {
        Self::new(name, Kind::Number { least, most }, help)
    }

    /// Yes or no.
    pub(crate) const fn switch(name: &'static str, help: &'static str) -> Self {
        Self::new(name, Kind::Switch, help)
    }
}

impl Said {
    /// Whether a field was sent, be it as `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether a field was sent as `null`.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(Value::is_null)
    }

    /// A text, or a word.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A whole number, or the number of something.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    /// Yes or no.
    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        self.0.get(name)?.as_bool()
    }

    /// Numbers of other things.
    pub(crate) fn keys(&self, name: &str) -> Option<Vec<i64>> {
        Some(
            self.0
                .get(name)?
                .as_array()?
                .iter()
                .filter_map(Value::as_i64)
                .collect(),
        )
    }

    /// Texts.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        Some(
            self.0
                .get(name)?
                .as_array()?
                .iter()
                .filter_map(Value::as_str)
                .collect(),
        )
    }

    /// Objects.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<Said>> {
        let list = self.0.get(name)?.as_array()?;
        Some(
            list.iter()
                .filter_map(|one| one.as_object().cloned().map(Said))
                .collect(),
        )
    }

    /// One object.
    pub(crate) fn object(&self, name: &str) -> Option<Said> {
        self.0.get(name)?.as_object().cloned().map(Said)
    }
}
