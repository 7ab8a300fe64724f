//! `[login]`: how often old servers are asked about passwords, and what whoever asks the hooks has to know.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use transhume_model::admission::{Allowance, GuardRules};
use transhume_ops::serving::RolePassword;

use super::said::{Said, Variables, said};
use super::{Config, password_in};
use crate::exit::Failure;

/// The least that may be allowed at once, and the most; and the longest time for one more, in milliseconds: a day.
const BURST: std::ops::RangeInclusive<u32> = 1..=100_000;
const EVERY: std::ops::RangeInclusive<u32> = 1..=86_400_000;

/// `[login]` in the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct LoginSection {
    /// A file with the secret on its only line.
    hook_secret_file: Option<Spanned<PathBuf>>,
    /// Wrong passwords at once, and milliseconds for one more, from one network address.
    per_network: Option<Spanned<u32>>,
    per_network_every: Option<Spanned<u32>>,
    /// The same for one account.
    per_account: Option<Spanned<u32>>,
    per_account_every: Option<Spanned<u32>>,
    /// The same at one provider.
    per_provider: Option<Spanned<u32>>,
    per_provider_every: Option<Spanned<u32>>,
    /// Milliseconds for which a refused password is refused without asking.
    remember_wrong: Option<Spanned<u32>>,
}

/// What the section says.
#[derive(Clone, Debug)]
pub(crate) struct LoginRules {
    /// How often old servers are asked.
    pub(crate) guard: GuardRules,
    /// What whoever asks the hooks has to know; never shown.
    pub(crate) hook_secret: Option<RolePassword>,
}

impl Config {
    /// What `[login]` says, with variables such as `TRANSHUME_LOGIN_PER_ACCOUNT` in their place. The secret's file is read.
    pub(crate) fn login(&self, variables: Variables<'_>) -> Result<LoginRules, Failure> {
        let section = &self.login;
        let usual = GuardRules::default();
        let number =
            |key, in_file: &Option<Spanned<u32>>, default, allowed: std::ops::RangeInclusive<u32>| {
                let number = said(("login", key), in_file.as_ref(), default, variables)?;
                if allowed.contains(&number.value) {
                    return Ok(number.value);
                }
                let (least, most) = (allowed.start(), allowed.end());
                Err(self.refuse(&number, format!("it may be {least} to {most}")))
            };
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let allowance = |keys: (&'static str, &'static str),
                         burst: &Option<Spanned<u32>>,
                         every: &Option<Spanned<u32>>,
                         usual: Allowance| {
            Ok(Allowance {
                burst: number(keys.0, burst, usual.burst, BURST)?,
                every: Duration::from_millis(number(keys.1, every, millis(usual.every), EVERY)?.into()),
            })
        };
        let remember = number(
            "remember-wrong",
            &section.remember_wrong,
            millis(usual.remember_wrong),
            EVERY,
        )?;
        let guard = GuardRules {
            per_network: allowance(
                ("per-network", "per-network-every"),
                &section.per_network,
                &section.per_network_every,
                usual.per_network,
            )?,
            per_account: allowance(
                ("per-account", "per-account-every"),
                &section.per_account,
                &section.per_account_every,
                usual.per_account,
            )?,
            per_provider: allowance(
                ("per-provider", "per-provider-every"),
                &section.per_provider,
                &section.per_provider_every,
                usual.per_provider,
            )?,
            remember_wrong: Duration::from_millis(remember.into()),
        };
        let file = said(
            ("login", "hook-secret-file"),
            section.hook_secret_file.as_ref(),
            PathBuf::new(),
            variables,
        )?;
        Ok(LoginRules {
            guard,
            hook_secret: self.hook_secret(&file)?,
        })
    }

    fn hook_secret(&self, file: &Said<PathBuf>) -> Result<Option<RolePassword>, Failure> {
        if file.is_default() {
            return Ok(None);
        }
        let path = self.beside(&file.value);
        let unusable = |error: &dyn std::fmt::Display| {
            self.refuse(file, format!("{} cannot be used: {error}", path.display()))
        };
        let text = password_in(&path).map_err(|error| unusable(&error))?;
        RolePassword::new(&text)
            .map(Some)
            .map_err(|error| unusable(&error))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn login(file: &str, variable: Option<(&str, &str)>) -> Result<LoginRules, String> {
        let config = Config::parse(file, "/etc/x.toml".into()).map_err(|failure| failure.to_string())?;
        let variables = |name: &str| {
            let (known, value) = variable?;
            (known == name).then(|| value.to_owned())
        };
        config.login(&variables).map_err(|failure| failure.to_string())
    }

    #[test]
    fn the_nearest_word_counts() {
        assert_eq!(login("", None).unwrap().guard, GuardRules::default());
        let file = "[login]\nper-account = 3\nper-account-every = 2000\n";
        let three = Allowance {
            burst: 3,
            every: Duration::from_secs(2),
        };
        assert_eq!(login(file, None).unwrap().guard.per_account, three);
        let variable = Some(("TRANSHUME_LOGIN_PER_ACCOUNT", "4"));
        assert_eq!(login(file, variable).unwrap().guard.per_account.burst, 4);
    }

    #[test]
    fn what_is_wrong_is_told_with_where_it_was_said() {
        for (file, variable, says) in [
            (
                "[login]\nper-network = 0",
                None,
                "/etc/x.toml, line 2: per-network: it may be 1 to 100000",
            ),
            (
                "[login]\nper-networks = 1",
                None,
                "line 2: unknown field `per-networks`",
            ),
            (
                "[login]\nremember-wrong = 0",
                None,
                "line 2: remember-wrong: it may be 1 to 86400000",
            ),
            (
                "",
                Some(("TRANSHUME_LOGIN_PER_PROVIDER", "x")),
                "TRANSHUME_LOGIN_PER_PROVIDER: the value",
            ),
            (
                "[login]\nhook-secret-file = \"none\"",
                None,
                "line 2: hook-secret-file: /etc/none cannot be used",
            ),
        ] {
            let failure = login(file, variable).unwrap_err();
            assert!(failure.contains(says), "{failure}");
        }
    }

    #[test]
    fn the_secret_is_one_that_can_be_written_into_a_script() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let config = format!("[login]\nhook-secret-file = \"{}\"", file.display());
        for (text, is_taken) in [("0123abc\n", true), ("it's\n", false), ("", false)] {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            match login(&config, None) {
                Ok(rules) => {
                    assert!(is_taken, "{text:?}");
                    // I10: no secret in Debug.
                    assert!(!format!("{rules:?}").contains("0123abc"));
                }
                Err(failure) => {
                    assert!(!is_taken, "{failure}");
                    assert!(!failure.contains("it's"), "{failure}");
                }
            }
        }
    }
}
