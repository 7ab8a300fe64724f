//! Where mail goes, from the arguments to an open target: a Maildir, or an account on a server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use transhume_sync::{
    AnyTarget, CertificateRule, Durability, ImapTarget, ImapTargetOptions, MaildirTarget, Owner,
    SourceAddress, SyncError, TargetOptions,
};

use super::address::TargetAddress;
use super::setup::certificate_rule;
use super::{Arguments, owner, password};
use crate::exit::Failure;

/// A target that has been asked for.
#[derive(Debug)]
pub(crate) enum Destination {
    /// A Maildir.
    Maildir { path: PathBuf, options: TargetOptions },
    /// An account on a server.
    Account(Account),
}

/// An account on a server.
#[derive(Debug)]
pub(crate) struct Account {
    address: SourceAddress,
    certificate: CertificateRule,
    patience: Duration,
    password: Option<password::Password>,
}

impl Destination {
    /// Checks the arguments that are about it, but for the password.
    pub(crate) fn check(arguments: &Arguments, address: TargetAddress) -> Result<Self, Failure> {
        match address {
            TargetAddress::Maildir(path) => {
                let of_server = [
                    ("--to-password-file", arguments.to_password_file.is_some()),
                    ("--to-pin", arguments.to_pin.is_some()),
                ];
                refuse(&of_server, "is for accounts on a server, and --to is a Maildir")?;
                let owner = owner::resolve(arguments.owner.as_deref(), &path)?;
                let durability = match arguments.durability {
                    super::Durability::Batch => Durability::Batch,
                    super::Durability::File => Durability::File,
                    super::Durability::None => Durability::None,
                };
                let options = TargetOptions { owner, durability };
                Ok(Self::Maildir { path, options })
            }
            TargetAddress::Imap(address) => {
                let of_maildir = [
                    ("--owner", arguments.owner.is_some()),
                    ("--dovecot-user", arguments.dovecot_user.is_some()),
                ];
                refuse(&of_maildir, "is for Maildirs, and --to is an account on a server")?;
                let stdin = |file: &Option<PathBuf>| file.as_deref() == Some(Path::new("-"));
                if stdin(&arguments.password_file) && stdin(&arguments.to_password_file) {
                    return Err(Failure::usage(
                        "both passwords cannot come from standard input",
                        "Give one of them by a file or a variable.",
                    ));
                }
                Ok(Self::Account(Account {
                    address,
                    certificate: certificate_rule(arguments.to_pin.as_deref(), "--to-pin")?,
                    patience: Duration::from_secs(arguments.timeout),
                    password: None,
                }))
            }
        }
    }

    /// Asks for the password, where there is one.
    pub(crate) fn with_password(mut self, arguments: &Arguments) -> Result<Self, Failure> {
        if let Self::Account(account) = &mut self {
            let file = arguments.to_password_file.as_deref();
            let SourceAddress { user, host, .. } = &account.address;
            account.password = Some(password::obtain(password::OF_TARGET, file, user, host)?);
        }
        Ok(self)
    }

    /// What the base and people know it by.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Maildir { path, .. } => path.to_string_lossy().into_owned(),
            Self::Account(account) => format!("imap:{}", account.address.account()),
        }
    }

    /// To whom the state file is given.
    pub(crate) fn owner(&self) -> Option<Owner> {
        match self {
            Self::Maildir { options, .. } => options.owner,
            Self::Account(_) => None,
        }
    }

    /// The server that it is on, if it is on one.
    pub(crate) fn server(&self) -> Option<&SourceAddress> {
        match self {
            Self::Maildir { .. } => None,
            Self::Account(account) => Some(&account.address),
        }
    }

    /// Whether it is on a server.
    pub(crate) fn is_server(&self) -> bool {
        self.server().is_some()
    }

    /// Whether it is there, as far as can be told from here.
    pub(crate) fn exists(&self) -> bool {
        match self {
            Self::Maildir { path, .. } => path.join("cur").is_dir(),
            Self::Account(_) => true,
        }
    }

    /// The state file where none is named: beside the Maildir, else in the folder for such things of whoever runs this.
    pub(crate) fn usual_state(&self) -> Result<PathBuf, Failure> {
        match self {
            Self::Maildir { path, .. } => Ok(beside(path)),
            Self::Account(account) => {
                let folder = state_folder(
                    std::env::var_os("XDG_STATE_HOME").map(PathBuf::from),
                    std::env::home_dir(),
                );
                let folder = folder.ok_or_else(|| {
                    Failure::usage(
                        "there is no folder of yours in which to remember what was moved",
                        "Name a file for that: --state FILE.",
                    )
                })?;
                Ok(folder.join(state_name(&account.address.account())))
            }
        }
    }

    /// Opens it; to look at it only, when nothing is to be made.
    pub(crate) fn open(self, state: &Path, dry_run: bool) -> Result<AnyTarget, SyncError> {
        match self {
            Self::Maildir { path, options } if dry_run => {
                Ok(MaildirTarget::look_only(&path, options)?.into())
            }
            Self::Maildir { path, options } => Ok(MaildirTarget::open(&path, options)?.into()),
            Self::Account(account) => {
                let folder = state.parent().filter(|folder| !folder.as_os_str().is_empty());
                let target = ImapTarget::new(ImapTargetOptions {
                    address: account.address,
                    password: account
                        .password
                        .map(password::Password::reveal)
                        .unwrap_or_default(),
                    certificate: account.certificate,
                    patience: account.patience,
                    lock: state.to_owned(),
                    spool: folder.unwrap_or(Path::new(".")).to_owned(),
                });
                Ok(target.into())
            }
        }
    }
}

fn refuse(options: &[(&str, bool)], why: &str) -> Result<(), Failure> {
    match options.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::usage(format!("{option} {why}"), "Leave it out.")),
        None => Ok(()),
    }
}

/// `/path/Maildir` → `/path/Maildir.transhume.db`
fn beside(maildir: &Path) -> PathBuf {
    let mut name = maildir.as_os_str().to_owned();
    name.push(".transhume.db");
    PathBuf::from(name)
}

/// Where programs keep what they have to remember (XDG Base Directory Specification).
fn state_folder(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let usable = |path: &PathBuf| path.is_absolute();
    let folder = xdg
        .filter(usable)
        .or_else(|| Some(home.filter(usable)?.join(".local/state")))?;
    Some(folder.join("transhume"))
}

/// A file's name for an account.
fn state_name(account: &str) -> String {
    let plain = |c: char| if c == '/' || c.is_control() { '_' } else { c };
    format!("{}.db", account.chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_lies_beside_the_maildir_or_with_the_users_own() {
        assert_eq!(
            beside(Path::new("/v/a/Maildir")),
            Path::new("/v/a/Maildir.transhume.db")
        );
        assert_eq!(state_name("a/../b@new.example"), "a_.._b@new.example.db");
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(state_folder(path("/x"), path("/h")), path("/x/transhume"));
        assert_eq!(
            state_folder(path("x"), path("/h")),
            path("/h/.local/state/transhume")
        );
        assert_eq!(state_folder(None, None), None);
    }
}
