//! `[service]` and `[mail]`: what the programs need that go on by themselves.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use transhume_sync::Owner;
use transhume_worker::DoveadmUse;

use super::Config;
use super::said::{Said, Variables, said};
use crate::commands::account::owner;
use crate::exit::Failure;

/// Where the service listens when nobody says otherwise.
const LISTEN: &str = "127.0.0.1:8525";
/// Where it is remembered what was moved, when nobody says otherwise.
const STATE: &str = "/var/lib/transhume/state";
/// The folder of all mail, and whose it is, as in `transhume config dovecot`.
const MAIL: &str = "/var/vmail";
const OWNER: &str = "vmail";
/// How many seconds a lease lasts, unless something else is said, and what may be said.
const LEASE: u32 = 60;
const LEASES: std::ops::RangeInclusive<u32> = 4..=3_600;

/// `[service]` in the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct ServiceSection {
    /// Where HTTP is listened for: an IP address and a port.
    listen: Option<Spanned<String>>,
    /// Where it is remembered what was moved.
    state_dir: Option<Spanned<PathBuf>>,
    /// What this process is called in the directory.
    name: Option<Spanned<String>>,
    /// Seconds after which the migrations of a process that was killed are given to others.
    lease: Option<Spanned<u32>>,
}

/// `[mail]` in the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct MailSection {
    /// The folder of all mail.
    folder: Option<Spanned<PathBuf>>,
    /// Whom all mail belongs to: USER, or USER:GROUP.
    owner: Option<Spanned<String>>,
    /// Whether doveadm is asked to raise Dovecot's modification sequences.
    doveadm: Option<Spanned<bool>>,
    /// Dovecot's configuration file, for doveadm.
    dovecot_config: Option<Spanned<PathBuf>>,
}

/// What both sections say, checked as far as it can be without touching anything.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    /// Where HTTP is listened for.
    pub(crate) listen: SocketAddr,
    /// Where it is remembered what was moved, a file for each migration.
    pub(crate) state: PathBuf,
    /// What this process is called in the directory, if something was said.
    pub(crate) name: Option<String>,
    /// How long a lease lasts.
    pub(crate) lease: Duration,
    /// The folder of all mail.
    pub(crate) mail: PathBuf,
    /// Whom all mail belongs to, as it was said.
    pub(crate) owner: Said<String>,
    /// How doveadm is called, where it is to be.
    pub(crate) doveadm: Option<DoveadmUse>,
}

impl Service {
    /// The user that all mail belongs to, by its numbers.
    pub(crate) fn mail_owner(&self, config: &Config) -> Result<Owner, Failure> {
        let unknown = || {
            let text = &self.owner.value;
            let what = format!("this machine knows no user (or group) “{text}”");
            config.refuse(&self.owner, what)
        };
        let owner = owner::parse(&self.owner.value).map_err(|_| unknown())?;
        if owner.uid == 0 {
            return Err(config.refuse(&self.owner, "Dovecot never serves mail that belongs to root"));
        }
        Ok(owner)
    }
}

impl Config {
    /// What `[service]` and `[mail]` say, with variables such as `TRANSHUME_SERVICE_LISTEN` in their place.
    pub(crate) fn service(&self, variables: Variables<'_>) -> Result<Service, Failure> {
        let ServiceSection {
            listen,
            state_dir,
            name,
            lease,
        } = &self.service;
        let MailSection {
            folder,
            owner,
            doveadm,
            dovecot_config,
        } = &self.mail;
        let listen = said(
            ("service", "listen"),
            listen.as_ref(),
            LISTEN.to_owned(),
            variables,
        )?;
        let state = said(
            ("service", "state-dir"),
            state_dir.as_ref(),
            STATE.into(),
            variables,
        )?;
        let name = said(("service", "name"), name.as_ref(), String::new(), variables)?;
        let lease = said(("service", "lease"), lease.as_ref(), LEASE, variables)?;
        let mail = said(("mail", "folder"), folder.as_ref(), MAIL.into(), variables)?;
        let owner = said(("mail", "owner"), owner.as_ref(), OWNER.to_owned(), variables)?;
        let doveadm = said(("mail", "doveadm"), doveadm.as_ref(), true, variables)?;
        let none = PathBuf::new();
        let dovecot = said(
            ("mail", "dovecot-config"),
            dovecot_config.as_ref(),
            none,
            variables,
        )?;
        if !LEASES.contains(&lease.value) {
            let (from, to) = (LEASES.start(), LEASES.end());
            return Err(self.refuse(&lease, format!("a lease lasts for {from} to {to} seconds")));
        }
        let named = name.value.trim();
        if named.chars().any(char::is_control)
            || named.len() > 200
            || (named.is_empty() && !name.is_default())
        {
            return Err(self.refuse(&name, "a name has 1 to 200 characters that can be shown"));
        }
        if !dovecot.is_default() && !doveadm.value {
            return Err(self.refuse(
                &dovecot,
                "this is for doveadm, and doveadm is not to be used (doveadm = false)",
            ));
        }
        Ok(Service {
            listen: (listen.value.parse()).map_err(|_| {
                self.refuse(
                    &listen,
                    "this is no IP address with a port, such as 127.0.0.1:8525",
                )
            })?,
            state: self.absolute(&state, &state.value)?,
            name: (!named.is_empty()).then(|| named.to_owned()),
            lease: Duration::from_secs(u64::from(lease.value)),
            mail: self.absolute(&mail, &mail.value)?,
            owner,
            doveadm: doveadm.value.then(|| DoveadmUse {
                config: (!dovecot.is_default()).then(|| dovecot.value.clone()),
            }),
        })
    }

    /// A folder of the service has to be told whole: where it is run from says nothing.
    fn absolute<T>(&self, said: &Said<T>, path: &Path) -> Result<PathBuf, Failure> {
        if path.is_absolute() {
            return Ok(path.components().collect());
        }
        Err(self.refuse(said, "this is no path from the root on (/…)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(file: &str, variable: Option<(&str, &str)>) -> Result<Service, String> {
        let config = Config::parse(file, "/etc/x.toml".into()).map_err(|failure| failure.to_string())?;
        let variables = |name: &str| {
            let (known, value) = variable?;
            (known == name).then(|| value.to_owned())
        };
        let service = config
            .service(&variables)
            .map_err(|failure| failure.to_string())?;
        let owner = service.mail_owner(&config).map_err(|failure| failure.to_string());
        owner.map(|_| service)
    }

    const OWNED: &str = "[mail]\nowner = \"1:1\"\n";

    #[test]
    fn the_nearest_word_counts() {
        let said =
            "[mail]\nowner = \"1:1\"\nfolder = \"/mail/\"\n[service]\nlisten = \"[::1]:1\"\nlease = 7\n";
        let usual = service(OWNED, None).unwrap();
        assert_eq!(
            (usual.listen.to_string().as_str(), usual.lease, &usual.doveadm),
            (LISTEN, Duration::from_mins(1), &Some(DoveadmUse { config: None }))
        );
        let file = service(said, None).unwrap();
        assert_eq!(
            (file.listen.to_string().as_str(), file.lease, file.mail.as_path()),
            ("[::1]:1", Duration::from_secs(7), Path::new("/mail"))
        );
        let variable = service(said, Some(("TRANSHUME_SERVICE_LISTEN", "127.0.0.1:2"))).unwrap();
        assert_eq!(variable.listen.to_string(), "127.0.0.1:2");
        let variable = service(said, Some(("TRANSHUME_SERVICE_STATE_DIR", "/s"))).unwrap();
        assert_eq!(variable.state, Path::new("/s"));
        let variable = service(said, Some(("TRANSHUME_MAIL_DOVEADM", "false"))).unwrap();
        assert_eq!(variable.doveadm, None);
    }

    #[test]
    fn what_is_wrong_is_told_with_where_it_was_said() {
        for (file, variable, says) in [
            (
                "[service]\nlisten = \"localhost\"",
                None,
                "/etc/x.toml, line 2: listen: this is no IP",
            ),
            (
                "[service]\nlease = 1",
                None,
                "line 2: lease: a lease lasts for 4 to 3600 seconds",
            ),
            (
                "[service]\nlease = \"1\"",
                None,
                "line 2: the value is of the wrong kind",
            ),
            ("[service]\nport = 1", None, "line 2: unknown field `port`"),
            (
                "[service]\nstate-dir = \"x\"",
                None,
                "line 2: state-dir: this is no path from the root",
            ),
            ("[service]\nname = \"\"", None, "line 2: name: a name has"),
            (
                "\n[mail]\nfolder = \"mail\"",
                None,
                "line 3: folder: this is no path from the root",
            ),
            (
                "[mail]\nowner = \"nobody-such\"",
                None,
                "line 2: owner: this machine knows no user",
            ),
            (
                "[mail]\nowner = \"0:0\"",
                None,
                "line 2: owner: Dovecot never serves",
            ),
            (
                "[mail]\ndoveadm = false\ndovecot-config = \"/x\"",
                None,
                "line 3: dovecot-config: this is for doveadm",
            ),
            (
                OWNED,
                Some(("TRANSHUME_SERVICE_LEASE", "x")),
                "TRANSHUME_SERVICE_LEASE: the value is of",
            ),
            (
                OWNED,
                Some(("TRANSHUME_SERVICE_LEASE", "1")),
                "TRANSHUME_SERVICE_LEASE: a lease lasts",
            ),
            (
                OWNED,
                Some(("TRANSHUME_MAIL_OWNER", "root")),
                "TRANSHUME_MAIL_OWNER: Dovecot never",
            ),
        ] {
            let failure = service(file, variable).unwrap_err();
            assert!(failure.contains(says), "{failure}");
        }
    }
}
