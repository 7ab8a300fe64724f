//! The programs that are compared, and how each is told to copy the account.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use transhume_testkit::{AccountView, Dovecot, Oracle, TestkitError, snapshot};

use super::{PASSWORD, USER, floor, report};
use crate::cargo::Workspace;
use crate::steps::succeeds;

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contender {
    /// The physical limit.
    Floor,
    /// This project.
    Transhume,
    /// isync.
    Mbsync,
    /// Dovecot's own.
    Doveadm,
}

impl Contender {
    /// All of them; the floor comes first in the report.
    pub(super) const ALL: [Self; 4] = [Self::Floor, Self::Transhume, Self::Mbsync, Self::Doveadm];

    /// As the report calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Floor => report::FLOOR,
            Self::Transhume => "transhume",
            Self::Mbsync => "mbsync",
            Self::Doveadm => "doveadm backup",
        }
    }
}

/// Where one run writes.
pub(super) struct Place {
    round: u32,
    folder: PathBuf,
}

impl Place {
    /// A place of its own for each run.
    pub(super) fn new(top: &Path, name: &str, round: u32) -> Self {
        Self {
            round,
            folder: top.join(format!("{}-{round}", name.replace(' ', "-"))),
        }
    }

    fn maildir(&self) -> PathBuf {
        self.folder.join("Maildir")
    }

    fn create(&self) -> anyhow::Result<()> {
        fs::create_dir_all(&self.folder).with_context(|| self.folder.display().to_string())
    }
}

/// What the commands need to know.
pub(super) struct Runner<'a> {
    /// Where the binaries are.
    pub(super) workspace: &'a Workspace,
    /// The source.
    pub(super) old: &'a Dovecot,
    /// Serves the accounts that doveadm fills.
    pub(super) new: &'a Dovecot,
    /// How many messages the account holds.
    pub(super) messages: usize,
}

impl Runner<'_> {
    /// The first copy.
    pub(super) fn first(&self, contender: Contender, place: &Place) -> anyhow::Result<Command> {
        place.create()?;
        match contender {
            Contender::Floor => Ok(self.floor(place)),
            Contender::Transhume => self.transhume(place),
            Contender::Mbsync => self.mbsync(place),
            Contender::Doveadm => Ok(self.doveadm(place)),
        }
    }

    /// The same again, with nothing to do; `None` for those that have no such thing.
    pub(super) fn again(&self, contender: Contender, place: &Place) -> anyhow::Result<Option<Command>> {
        Ok(match contender {
            Contender::Floor => Some(self.floor_command()),
            Contender::Transhume => Some(self.transhume(place)?),
            Contender::Mbsync => Some(self.mbsync(place)?),
            Contender::Doveadm => Some(self.doveadm(place)),
        })
    }

    /// The physical limit's first copy.
    pub(super) fn floor(&self, place: &Place) -> Command {
        let mut command = self.floor_command();
        command.arg(place.maildir());
        command
    }

    fn floor_command(&self) -> Command {
        let mut command = Command::new(self.workspace.target.join("release").join("xtask"));
        command
            .arg("floor")
            .arg(self.old.imap_port().to_string())
            .arg(USER)
            .env(floor::PASSWORD, PASSWORD);
        command
    }

    fn transhume(&self, place: &Place) -> anyhow::Result<Command> {
        let mut command = Command::new(self.workspace.binary());
        command
            .args(["move", "--quiet", "--from"])
            .arg(format!(
                "imap+insecure://{USER}@127.0.0.1:{}",
                self.old.imap_port()
            ))
            .arg("--to")
            .arg(format!("maildir:{}", place.maildir().display()))
            .env("TRANSHUME_PASSWORD", PASSWORD);
        if let Some((uid, gid)) = self.new.chown_to() {
            chown(&place.folder, Some(uid), Some(gid)).with_context(|| place.folder.display().to_string())?;
        }
        Ok(command)
    }

    fn mbsync(&self, place: &Place) -> anyhow::Result<Command> {
        let config = place.folder.join("mbsyncrc");
        let text = format!(
            "IMAPStore old\nHost 127.0.0.1\nPort {}\nUser {USER}\nPass {PASSWORD}\nSSLType None\nAuthMechs LOGIN\n\n\
             MaildirStore new\nInbox {}\nSubFolders Maildir++\n\n\
             Channel all\nFar :old:\nNear :new:\nPatterns *\nCreate Near\nExpunge None\nRemove None\nSync Pull\n\
             CopyArrivalDate yes\nSyncState *\n",
            self.old.imap_port(),
            place.maildir().display()
        );
        fs::write(&config, text)
            .and_then(|()| fs::set_permissions(&config, fs::Permissions::from_mode(0o600)))
            .with_context(|| config.display().to_string())?;
        let mut command = Command::new("mbsync");
        command.args(["-q", "-c"]).arg(config).arg("-a");
        Ok(command)
    }

    fn doveadm(&self, place: &Place) -> Command {
        let mut command = Command::new("doveadm");
        command.arg("-c").arg(self.new.config_path());
        for setting in [
            "imapc_host=127.0.0.1".to_owned(),
            format!("imapc_port={}", self.old.imap_port()),
            format!("imapc_user={USER}"),
            format!("imapc_password={PASSWORD}"),
            "imapc_features=rfc822.size fetch-headers".to_owned(),
        ] {
            command.args(["-o", &setting]);
        }
        command.args(["backup", "-R", "-u", &doveadm_user(place.round), "imapc:"]);
        command
    }

    /// How many messages have arrived.
    pub(super) fn count(&self, contender: Contender, place: &Place) -> anyhow::Result<usize> {
        match contender {
            // Dovecot may store as it likes, and is asked.
            Contender::Doveadm => Ok(self.served(&doveadm_user(place.round))?.message_count()),
            _ => files_in_cur(&place.maildir(), 2),
        }
    }

    fn served(&self, user: &str) -> Result<AccountView, TestkitError> {
        snapshot(&mut Oracle::login(self.new, user)?)
    }
}

/// doveadm writes where its server says, so each round has a user of its own.
pub(super) fn doveadm_user(round: u32) -> String {
    format!("round{round}")
}

fn files_in_cur(folder: &Path, depth: usize) -> anyhow::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "cur" || name == "new" {
            count += fs::read_dir(entry.path())?.count();
        } else if depth > 1 && entry.file_type()?.is_dir() && name != "tmp" {
            count += files_in_cur(&entry.path(), depth - 1)?;
        }
    }
    Ok(count)
}

/// Installs mbsync when it is missing.
pub(super) fn install_mbsync() -> anyhow::Result<bool> {
    if succeeds(Command::new("sh").args(["-c", "command -v mbsync >/dev/null"]))? {
        return Ok(true);
    }
    let install = "apt-get update -q && apt-get install -q -y --no-install-recommends isync";
    let mut words = vec!["env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", install];
    if !rustix::process::geteuid().is_root() {
        words.insert(0, "sudo");
    }
    succeeds(Command::new(words[0]).args(&words[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_in_all_mailboxes() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "cur/a", "new/b", "tmp/c", ".x/cur/d", ".x/new/e", ".x/tmp/f", "state",
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(files_in_cur(dir.path(), 2).unwrap(), 4);
    }
}
