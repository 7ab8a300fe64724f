//! Which directory a command works on: the option, the variable, the configuration file, or the usual place.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;
use toml::Spanned;
use transhume_db::directory::DirectoryLocation;

use super::Config;
use crate::exit::Failure;

/// Where the directory is when nobody says otherwise.
const USUAL: &str = "sqlite:/var/lib/transhume/directory.sqlite";

/// The variable that may say where it is.
const VARIABLE: &str = "TRANSHUME_DIRECTORY";

const NO_PASSWORDS: &str = "Other users of this machine can read command lines: leave the password out, and put it into a file \
                            that the configuration names (password-file), or into PGPASSFILE or PGPASSWORD.";

const DIRECTORY_HELP: &str = "The directory: sqlite:/path/to/file or postgres://user@host:port/database [env: \
                              TRANSHUME_DIRECTORY] [default: what the configuration file says, else \
                              sqlite:/var/lib/transhume/directory.sqlite]";
const CONFIG_HELP: &str =
    "The configuration file [env: TRANSHUME_CONFIG] [default: /etc/transhume/transhume.toml, if it is there]";

/// The options that say where the directory is.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DirectoryOptions {
    /// Where the directory is.
    #[arg(long, global = true, value_name = "URL", help = DIRECTORY_HELP)]
    directory: Option<String>,

    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", help = CONFIG_HELP)]
    config: Option<PathBuf>,
}

/// `[directory]` in the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Section {
    /// Where it is.
    url: Option<Spanned<String>>,
    /// A file with PostgreSQL's password on its only line.
    password_file: Option<Spanned<PathBuf>>,
}

impl DirectoryOptions {
    /// The configuration file, read.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Config::read(self.config.as_deref())
    }

    /// Where the directory is.
    pub(crate) fn location(&self, config: &Config) -> Result<DirectoryLocation, Failure> {
        let variable = std::env::var(VARIABLE).ok().filter(|value| !value.is_empty());
        self.choose(config, variable.as_deref())
    }

    fn choose(&self, config: &Config, variable: Option<&str>) -> Result<DirectoryLocation, Failure> {
        if let Some(text) = &self.directory {
            let location = parse(text, "--directory")?;
            if location.names_password() {
                return Err(Failure::usage("--directory has a password in it", NO_PASSWORDS));
            }
            return Ok(location);
        }
        match variable {
            Some(text) => parse(text, VARIABLE),
            None => config.location(),
        }
    }
}

fn parse(text: &str, origin: &str) -> Result<DirectoryLocation, Failure> {
    DirectoryLocation::parse(text).map_err(|problem| {
        Failure::usage(
            format!("{origin} does not say where the directory is: {problem}"),
            "",
        )
    })
}

impl Config {
    fn location(&self) -> Result<DirectoryLocation, Failure> {
        let Section { url, password_file } = &self.directory;
        let location = match url {
            None => parse(USUAL, "the usual place")?,
            Some(url) => DirectoryLocation::parse(url.get_ref()).map_err(|problem| {
                self.wrong(
                    Some(&url.span()),
                    format!("url does not say where the directory is: {problem}"),
                )
            })?,
        };
        let Some(file) = password_file else {
            return Ok(location);
        };
        let wrong = |what: String| self.wrong(Some(&file.span()), what);
        if location.file().is_some() {
            return Err(wrong(
                "password-file is for PostgreSQL; a SQLite file takes no password".to_owned(),
            ));
        }
        if location.names_password() {
            return Err(wrong(
                "there is a password in the url, and a password-file too".to_owned(),
            ));
        }
        let path = self.beside(file.get_ref());
        let password = password_in(&path).map_err(|error| {
            wrong(format!(
                "password-file: {} cannot be used: {error}",
                path.display()
            ))
        })?;
        Ok(location.with_password(&password))
    }
}

/// What a file holds that not everybody may read, but for one line end.
pub(crate) fn password_in(path: &Path) -> std::io::Result<String> {
    let text = std::fs::read_to_string(path)?;
    if std::fs::metadata(path)?.permissions().mode() & 0o007 != 0 {
        return Err(std::io::Error::other(
            "everybody may read it (chmod o= would change that)",
        ));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(option: Option<&str>, variable: Option<&str>, file: &str) -> Result<String, String> {
        let options = DirectoryOptions {
            directory: option.map(str::to_owned),
            config: None,
        };
        let config = Config::parse(file, "/etc/x.toml".into()).map_err(|failure| failure.to_string())?;
        let location = options.choose(&config, variable);
        location
            .map(|location| location.to_string())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_nearest_word_counts() {
        let file = "[directory]\nurl = \"sqlite:/file\"\n";
        for (option, variable, file, expected) in [
            (None, None, "", "/var/lib/transhume/directory.sqlite"),
            (None, None, file, "/file"),
            (None, Some("sqlite:/variable"), file, "/variable"),
            (Some("sqlite:/option"), Some("sqlite:/variable"), file, "/option"),
            (
                None,
                Some("postgres://u:geheim@h/d"),
                file,
                "postgres://u@h:5432/d",
            ),
        ] {
            assert_eq!(choose(option, variable, file).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_directory_is_told_with_where_it_was_said() {
        for (option, variable, file, says) in [
            (Some("geheim"), None, "", "--directory does not say"),
            (
                Some("postgres://u:geheim@h/d"),
                None,
                "",
                "--directory has a password",
            ),
            (
                Some("postgres://u@h/d?password=geheim"),
                None,
                "",
                "--directory has a password",
            ),
            (None, Some("geheim"), "", "TRANSHUME_DIRECTORY does not say"),
            (
                None,
                None,
                "\n[directory]\nurl = \"geheim\"",
                "/etc/x.toml, line 3: url",
            ),
            (
                None,
                None,
                "[directory]\npassword-file = \"x\"",
                "line 2: password-file is for PostgreSQL",
            ),
            (
                None,
                None,
                "[directory]\nurl = \"postgres://u:geheim@h/d\"\npassword-file = \"x\"",
                "line 3: there is a password in the url",
            ),
            (
                None,
                None,
                "[directory]\nurl = \"postgres://u@h/d\"\npassword-file = \"none\"",
                "line 3: password-file: /etc/none cannot be used",
            ),
        ] {
            let failure = choose(option, variable, file).unwrap_err();
            assert!(failure.contains(says), "{failure}");
            // I10: what may be a password is not repeated.
            assert!(!failure.contains("geheim"), "{failure}");
        }
    }

    #[test]
    fn a_password_file_is_for_its_owner() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        std::fs::write(&file, "pass word\n").unwrap();
        for (mode, is_taken) in [(0o600, true), (0o640, true), (0o644, false)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = password_in(&file).ok();
            assert_eq!(read.as_deref(), is_taken.then_some("pass word"), "{mode:o}");
        }
    }
}
