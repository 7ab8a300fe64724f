//! The configuration file: what one platform's commands have in common.
//!
//! No command needs one; without it, the defaults hold. What is wrong in it is told with its line, and without its values.

mod console;
mod directory;
mod login;
pub(crate) mod said;
mod service;

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use transhume_db::directory::DirectoryLocation;

pub(crate) use console::Console;
pub(crate) use directory::{DirectoryOptions, password_in};
pub(crate) use login::LoginRules;
pub(crate) use service::Service;

use crate::exit::Failure;

/// Where the file is when nobody says otherwise.
const USUAL: &str = "/etc/transhume/transhume.toml";

/// Where the key is for a directory in PostgreSQL when nobody says otherwise.
const USUAL_KEY: &str = "/var/lib/transhume/secret.key";

/// The variable that may name another.
const VARIABLE: &str = "TRANSHUME_CONFIG";

/// What the file says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Config {
    /// Where it was read from, for messages.
    #[serde(skip)]
    path: PathBuf,
    /// Where each line begins.
    #[serde(skip)]
    lines: Vec<usize>,
    directory: directory::Section,
    secrets: Secrets,
    service: service::ServiceSection,
    mail: service::MailSection,
    login: login::LoginSection,
    console: console::ConsoleSection,
}

/// `[secrets]` in the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Secrets {
    /// The file with the key that seals passwords of old servers.
    key_file: Option<PathBuf>,
}

impl Config {
    /// Reads the file that was named, else the one that `TRANSHUME_CONFIG` names, else the usual one, if it is there.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, Failure> {
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        let asked = named.map(Path::to_owned).or(variable.map(PathBuf::from));
        let is_asked = asked.is_some();
        let path = asked.unwrap_or_else(|| USUAL.into());
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == ErrorKind::NotFound && !is_asked => Ok(Self::default()),
            Err(error) => Err(Failure::usage(
                format!(
                    "the configuration file {} cannot be read: {error}",
                    path.display()
                ),
                format!("Name another with --config or {VARIABLE}, or correct its permissions."),
            )),
        }
    }

    fn parse(text: &str, path: PathBuf) -> Result<Self, Failure> {
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        let read: Result<Self, toml::de::Error> = toml::from_str(text);
        match read {
            Ok(config) => Ok(Self {
                path,
                lines,
                ..config
            }),
            Err(error) => {
                let place = Self {
                    path,
                    lines,
                    ..Self::default()
                };
                Err(place.wrong(error.span().as_ref(), without_values(error.message())))
            }
        }
    }

    /// What is wrong, with file and line.
    fn wrong(&self, span: Option<&Range<usize>>, what: impl std::fmt::Display) -> Failure {
        let line = span.map_or(1, |span| {
            self.lines.iter().filter(|&&begin| begin <= span.start).count()
        });
        Failure::usage(
            format!("{}, line {line}: {what}", self.path.display()),
            "Correct the configuration file.",
        )
    }

    /// The file with the key that seals passwords of old servers; unless something else is said, beside the directory's
    /// file.
    pub(crate) fn key_file(&self, directory: &DirectoryLocation) -> PathBuf {
        match &self.secrets.key_file {
            Some(file) => self.beside(file),
            None => directory
                .file()
                .map_or_else(|| USUAL_KEY.into(), |file| file.with_file_name("secret.key")),
        }
    }

    /// A file that the configuration names, relative to where it is itself.
    fn beside(&self, file: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(file)
    }
}

/// The reader repeats a value that is of the wrong kind, and it may be a password.
fn without_values(message: &str) -> String {
    match (message.starts_with("invalid "), message.split_once(", expected ")) {
        (true, Some((_, expected))) => format!("the value is of the wrong kind, expected {expected}"),
        (true, None) => "the value is of the wrong kind".to_owned(),
        (false, _) => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_without_its_value() {
        for (text, says) in [
            ("[directory]\nurl = \"geheim", "line 2:"),
            (
                "\n\n[directory]\npath = \"geheim\"",
                "line 4: unknown field `path`",
            ),
            ("directory = \"geheim\"", "line 1: the value is of the wrong kind"),
            (
                "[directory]\nurl = [\"geheim\"]",
                "line 2: the value is of the wrong kind, expected a string",
            ),
            ("[directori]\n", "line 1: unknown field `directori`"),
            (
                "[directory]\nurl = \"a\"\nurl = \"geheim\"",
                "line 3: duplicate key",
            ),
        ] {
            let failure = Config::parse(text, "/etc/x.toml".into()).unwrap_err().to_string();
            assert!(failure.starts_with("/etc/x.toml, "), "{failure}");
            assert!(failure.contains(says), "{failure}");
            // I10: what may be a password is not repeated.
            assert!(!failure.contains("geheim"), "{failure}");
        }
    }

    #[test]
    fn the_key_lies_beside_the_directory_unless_something_else_is_said() {
        for (text, directory, key) in [
            ("", "sqlite:/srv/d.sqlite", "/srv/secret.key"),
            ("", "postgres://u@h/d", "/var/lib/transhume/secret.key"),
            ("[secrets]\nkey-file = \"k\"", "sqlite:/srv/d.sqlite", "/etc/k"),
            ("[secrets]\nkey-file = \"/k\"", "postgres://u@h/d", "/k"),
        ] {
            let config = Config::parse(text, "/etc/x.toml".into()).unwrap();
            let directory = DirectoryLocation::parse(directory).unwrap();
            assert_eq!(config.key_file(&directory), Path::new(key));
        }
    }

    #[test]
    fn a_file_that_was_named_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let failure = Config::read(Some(&folder.path().join("none.toml"))).unwrap_err();
        assert!(
            failure.to_string().contains("none.toml cannot be read"),
            "{failure}"
        );
    }
}
