//! Where mail goes, from the arguments to an open target: a Maildir, or an account on a server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use transhume_sync::{
    AnyTarget, CertificateRule, Deletions, ImapTarget, ImapTargetOptions, MAILBOXES_AT_A_TIME, MaildirTarget,
    Owner, SourceAddress, SyncError, TargetOptions,
};

use super::super::account::address::TargetAddress;
use super::super::account::{certificate_rule, owner, password, state_file};
use super::Arguments;
use super::setup::MoveRules;
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
    pub(crate) fn check(
        arguments: &Arguments,
        rules: &MoveRules,
        address: TargetAddress,
    ) -> Result<Self, Failure> {
        match address {
            TargetAddress::Maildir(path) => {
                let of_server = [
                    ("--to-password-file", arguments.to_password_file.is_some()),
                    ("--to-pin", arguments.to_pin.is_some()),
                ];
                refuse(&of_server, "is for accounts on a server, and --to is a Maildir")?;
                Self::maildir(path, rules)
            }
            TargetAddress::Imap(address) => {
                let of_maildir = [
                    ("--owner", rules.owner.is_some()),
                    ("--dovecot-user", arguments.dovecot_user.is_some()),
                ];
                refuse(&of_maildir, "is for Maildirs, and --to is an account on a server")?;
                if rules.deletions != Deletions::Keep {
                    return Err(Failure::usage(
                        "--deletions follow is for Maildirs, and --to is an account on a server: nothing is removed there",
                        "Leave it out: what was removed on the old server then stays on the new one.",
                    ));
                }
                let stdin = |file: &Option<PathBuf>| file.as_deref() == Some(Path::new("-"));
                if stdin(&arguments.account.password_file) && stdin(&arguments.to_password_file) {
                    return Err(Failure::usage(
                        "both passwords cannot come from standard input",
                        "Give one of them by a file or a variable.",
                    ));
                }
                Ok(Self::Account(Account {
                    address,
                    certificate: certificate_rule(arguments.to_pin.as_deref(), "--to-pin")?,
                    patience: rules.rules.patience(),
                    password: None,
                }))
            }
        }
    }

    /// A Maildir. Whom its files are to belong to is found out here.
    pub(crate) fn maildir(path: PathBuf, rules: &MoveRules) -> Result<Self, Failure> {
        let options = TargetOptions {
            owner: owner::resolve(rules.owner.as_deref(), &path)?,
            durability: rules.durability,
            mailboxes: MAILBOXES_AT_A_TIME,
        };
        Ok(Self::Maildir { path, options })
    }

    /// As it was typed.
    pub(crate) fn address(&self) -> TargetAddress {
        match self {
            Self::Maildir { path, .. } => TargetAddress::Maildir(path.clone()),
            Self::Account(account) => TargetAddress::Imap(account.address.clone()),
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

    /// Whether it is on a server.
    pub(crate) fn is_server(&self) -> bool {
        matches!(self, Self::Account(_))
    }

    /// The state file where none is named: beside the Maildir, else in the folder for such things of whoever runs this.
    pub(crate) fn usual_state(&self) -> Result<PathBuf, Failure> {
        match self {
            Self::Maildir { path, .. } => Ok(state_file::beside(path)),
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
                Ok(folder.join(format!("{}.db", state_file::plain(&account.address.account()))))
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

/// Where programs keep what they have to remember (XDG Base Directory Specification).
fn state_folder(xdg: Option<PathBuf>, home: Option<PathBuf>) -> Option<PathBuf> {
    let usable = |path: &PathBuf| path.is_absolute();
    let folder = xdg
        .filter(usable)
        .or_else(|| Some(home.filter(usable)?.join(".local/state")))?;
    Some(folder.join("transhume"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_of_an_account_lies_with_the_users_own() {
        assert_eq!(
            state_file::plain("a/../b%@new.example"),
            "a%2F..%2Fb%25@new.example"
        );
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(state_folder(path("/x"), path("/h")), path("/x/transhume"));
        assert_eq!(
            state_folder(path("x"), path("/h")),
            path("/h/.local/state/transhume")
        );
        assert_eq!(state_folder(None, None), None);
    }
}
