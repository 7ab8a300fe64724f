//! One thing that the configuration file says, or a variable in its place; and where it was said, for messages.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;

use super::Config;
use crate::exit::Failure;

/// A value, and where it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said<T> {
    /// What was said, or the default.
    pub(crate) value: T,
    origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    Nowhere,
    File { key: &'static str, span: Range<usize> },
    Variable(String),
}

/// Looks up variables: the process's own, or a test's.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's own variables; an empty one counts as none.
pub(crate) fn of_process(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `("service", "state-dir")` → `TRANSHUME_SERVICE_STATE_DIR`
pub(super) fn variable(section: &str, key: &str) -> String {
    format!("TRANSHUME_{section}_{key}")
        .replace('-', "_")
        .to_uppercase()
}

/// The variable, else the file, else the default. A variable that cannot be read as such a value is refused, and not repeated.
pub(super) fn said<T: FromStr + Clone>(
    (section, key): (&'static str, &'static str),
    in_file: Option<&Spanned<T>>,
    default: T,
    variables: Variables<'_>,
) -> Result<Said<T>, Failure> {
    let name = variable(section, key);
    if let Some(text) = variables(&name) {
        let value = text.parse().map_err(|_| {
            Failure::usage(
                format!("{name}: the value is of the wrong kind"),
                format!(
                    "Correct the variable; it stands for “{key}” in [{section}] of the configuration file."
                ),
            )
        })?;
        let origin = Origin::Variable(name);
        return Ok(Said { value, origin });
    }
    Ok(match in_file {
        Some(said) => Said {
            value: said.get_ref().clone(),
            origin: Origin::File {
                key,
                span: said.span(),
            },
        },
        None => Said {
            value: default,
            origin: Origin::Nowhere,
        },
    })
}

impl Config {
    /// What is wrong with a value, and where it was said.
    pub(crate) fn refuse<T>(&self, said: &Said<T>, what: impl Display) -> Failure {
        match &said.origin {
            Origin::Nowhere => Failure::usage(what, "Say something else in the configuration file."),
            Origin::File { key, span } => self.wrong(Some(span), format!("{key}: {what}")),
            Origin::Variable(name) => Failure::usage(format!("{name}: {what}"), "Correct the variable."),
        }
    }
}

impl<T> Said<T> {
    /// Whether anybody has said it.
    pub(crate) fn is_default(&self) -> bool {
        self.origin == Origin::Nowhere
    }
}
