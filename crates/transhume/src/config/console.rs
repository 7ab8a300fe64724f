//! `[console]`: where people and programs reach the console and the API, and how.

use std::net::SocketAddr;

use serde::Deserialize;
use toml::Spanned;
use transhume_web::ConsoleRules;

use super::Config;
use super::said::{Variables, said};
use crate::exit::Failure;

/// Where the console is when nobody says otherwise, and the word for nowhere.
const LISTEN: &str = "127.0.0.1:8526";
const OFF: &str = "off";
/// Questions each minute in one account's name.
const PER_MINUTE: std::ops::RangeInclusive<u32> = 10..=1_000_000;

/// `[console]` in the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct ConsoleSection {
    /// Where HTTP is listened for: an IP address and a port; or “off”.
    listen: Option<Spanned<String>>,
    /// What browsers call it: `https://…`, or `http://…`.
    address: Option<Spanned<String>>,
    /// Whether a proxy stands before it that says where people come from.
    behind_proxy: Option<Spanned<bool>>,
    /// Questions each minute in one account's name.
    per_minute: Option<Spanned<u32>>,
}

/// What the section says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Console {
    /// Where HTTP is listened for; `None` is nowhere.
    pub(crate) listen: Option<SocketAddr>,
    /// How it is reached.
    pub(crate) rules: ConsoleRules,
}

impl Config {
    /// What `[console]` says, with variables such as `TRANSHUME_CONSOLE_LISTEN` in their place.
    pub(crate) fn console(&self, variables: Variables<'_>) -> Result<Console, Failure> {
        let section = &self.console;
        let usual = ConsoleRules::default();
        let listen = said(
            ("console", "listen"),
            section.listen.as_ref(),
            LISTEN.to_owned(),
            variables,
        )?;
        let address = said(
            ("console", "address"),
            section.address.as_ref(),
            String::new(),
            variables,
        )?;
        let proxy = said(
            ("console", "behind-proxy"),
            section.behind_proxy.as_ref(),
            usual.is_behind_proxy,
            variables,
        )?;
        let per_minute = said(
            ("console", "per-minute"),
            section.per_minute.as_ref(),
            usual.per_minute,
            variables,
        )?;
        let at = if listen.value == OFF {
            None
        } else {
            let at = listen.value.parse().map_err(|_| {
                let what = "this is no IP address with a port, such as 127.0.0.1:8526, nor “off”";
                self.refuse(&listen, what)
            })?;
            Some(at)
        };
        let is_secure = address.value.starts_with("https://");
        if !is_secure && !address.value.is_empty() && !address.value.starts_with("http://") {
            let what = "this is not what browsers call a page (https://mail.example.org)";
            return Err(self.refuse(&address, what));
        }
        if !PER_MINUTE.contains(&per_minute.value) {
            let (least, most) = (PER_MINUTE.start(), PER_MINUTE.end());
            return Err(self.refuse(&per_minute, format!("it may be {least} to {most}")));
        }
        Ok(Console {
            listen: at,
            rules: ConsoleRules {
                is_secure,
                is_behind_proxy: proxy.value,
                per_minute: per_minute.value,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(file: &str, variable: Option<(&str, &str)>) -> Result<Console, String> {
        let config = Config::parse(file, "/etc/x.toml".into()).map_err(|failure| failure.to_string())?;
        let variables = |name: &str| {
            let (known, value) = variable?;
            (known == name).then(|| value.to_owned())
        };
        config.console(&variables).map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_nearest_word_counts() {
        let usual = console("", None).unwrap();
        assert_eq!(usual.listen.unwrap().to_string(), LISTEN);
        assert_eq!(usual.rules, ConsoleRules::default());
        let said = "[console]\nlisten = \"[::1]:1\"\naddress = \"https://x\"\nbehind-proxy = true\nper-minute = 60\n";
        let file = console(said, None).unwrap();
        assert_eq!(file.listen.unwrap().to_string(), "[::1]:1");
        assert!(file.rules.is_secure && file.rules.is_behind_proxy && file.rules.per_minute == 60);
        let off = console(said, Some(("TRANSHUME_CONSOLE_LISTEN", "off"))).unwrap();
        assert_eq!(off.listen, None);
    }

    #[test]
    fn what_is_wrong_is_told_with_where_it_was_said() {
        for (file, says) in [
            (
                "[console]\nlisten = \"localhost\"",
                "line 2: listen: this is no IP",
            ),
            (
                "[console]\naddress = \"mail\"",
                "line 2: address: this is not what",
            ),
            ("[console]\nper-minute = 1", "line 2: per-minute: it may be 10 to"),
            ("[console]\nport = 1", "line 2: unknown field `port`"),
        ] {
            let failure = console(file, None).unwrap_err();
            assert!(failure.contains(says), "{failure}");
        }
    }
}
