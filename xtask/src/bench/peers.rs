//! The programs that are compared, and how each is told to copy the accounts. All write Maildirs, each with the durability
//! that it has by itself.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use transhume_testkit::Dovecot;

use super::{PASSWORD, floor};
use crate::cargo::Workspace;
use crate::steps::succeeds;

/// Accounts that are moved at a time where there are many, by all programs that can; the floor takes one after another.
const JOBS: u32 = 4;

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Contender {
    /// The physical limit.
    Floor,
    /// This project.
    Transhume,
    /// isync.
    Mbsync,
    /// Python's.
    OfflineImap,
    /// Dovecot's own.
    Doveadm,
}

impl Contender {
    /// All of them; the floor comes first in the report.
    pub(super) const ALL: [Self; 5] = [
        Self::Floor,
        Self::Transhume,
        Self::Mbsync,
        Self::OfflineImap,
        Self::Doveadm,
    ];

    /// As the options call it.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Transhume => "transhume",
            Self::Mbsync => "mbsync",
            Self::OfflineImap => "offlineimap",
            Self::Doveadm => "doveadm",
        }
    }

    /// As the report calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Doveadm => "doveadm backup",
            other => other.key(),
        }
    }

    /// Whether it does the same work as this project: the floor does not.
    pub(super) fn is_peer(self) -> bool {
        !matches!(self, Self::Floor | Self::Transhume)
    }

    /// Its command, and the Debian package that brings it, where it is not built here or needed anyway.
    fn package(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Mbsync => Some(("mbsync", "isync")),
            Self::OfflineImap => Some(("offlineimap", "offlineimap3")),
            Self::Floor | Self::Transhume | Self::Doveadm => None,
        }
    }
}

/// Where one contender writes, in one round of one section.
#[derive(Clone)]
pub(super) struct Place {
    folder: PathBuf,
}

impl Place {
    /// A folder of its own, with a home for each account that belongs to who owns the mail.
    pub(super) fn create(
        folder: PathBuf,
        users: &[String],
        owner: Option<(u32, u32)>,
    ) -> anyhow::Result<Self> {
        for user in users {
            let home = folder.join(user);
            fs::create_dir_all(&home)
                .and_then(|()| match owner {
                    Some((uid, gid)) => chown(&home, Some(uid), Some(gid)),
                    None => Ok(()),
                })
                .with_context(|| home.display().to_string())?;
        }
        Ok(Self { folder })
    }

    /// The account's mail.
    pub(super) fn maildir(&self, user: &str) -> PathBuf {
        self.folder.join(user).join("Maildir")
    }

    /// What the last run has said.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("last.log")
    }

    /// How many messages of these accounts have arrived.
    pub(super) fn count(&self, users: &[String]) -> anyhow::Result<usize> {
        let counts = users.iter().map(|user| files_in_cur(&self.maildir(user), 2));
        counts.sum()
    }

    /// A file of settings that only its owner may read: there is a password in it.
    fn private_file(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)))
            .with_context(|| path.display().to_string())?;
        Ok(path)
    }
}

/// What a run shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Copy everything.
    Copy,
    /// Bring a copy up to date.
    Update,
}

/// What the commands need to know.
#[derive(Clone, Copy)]
pub(super) struct Runner<'a> {
    /// Where the binaries are.
    pub(super) workspace: &'a Workspace,
    /// The source's port, or that of a proxy in front of it.
    pub(super) port: u16,
    /// Its configuration tells doveadm who owns mail.
    pub(super) new: &'a Dovecot,
    /// The accounts.
    pub(super) users: &'a [String],
}

impl Runner<'_> {
    /// Why a contender cannot do this at all.
    pub(super) fn cannot(&self, contender: Contender) -> Option<String> {
        if contender != Contender::Transhume || self.users.len() == 1 {
            return None;
        }
        let asked = Command::new(self.workspace.binary())
            .args(["move-all", "--help"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let known = asked.is_ok_and(|status| status.success());
        (!known).then(|| "this binary does not know move-all".to_owned())
    }

    /// What to run.
    pub(super) fn command(&self, contender: Contender, place: &Place, task: Task) -> anyhow::Result<Command> {
        let mut command = match contender {
            Contender::Floor => self.floor(place, task),
            Contender::Transhume => self.transhume(place)?,
            Contender::Mbsync => self.mbsync(place)?,
            Contender::OfflineImap => self.offlineimap(place)?,
            Contender::Doveadm => self.doveadm(place),
        };
        // Nobody reads the settings of whoever runs this.
        command.env("HOME", &place.folder).current_dir(&place.folder);
        Ok(command)
    }

    fn floor(&self, place: &Place, task: Task) -> Command {
        let mut command = Command::new(self.workspace.target.join("release").join("xtask"));
        command
            .arg("floor")
            .arg(self.port.to_string())
            .arg(self.users.join(","))
            .env(floor::PASSWORD, PASSWORD);
        if task == Task::Copy {
            command.arg(&place.folder);
        }
        command
    }

    fn transhume(&self, place: &Place) -> anyhow::Result<Command> {
        let from = |user: &str| format!("imap+insecure://{user}@127.0.0.1:{}", self.port);
        let to = |user: &str| format!("maildir:{}", place.maildir(user).display());
        let mut command = Command::new(self.workspace.binary());
        if let [user] = self.users {
            command
                .args(["move", "--quiet", "--from", &from(user), "--to", &to(user)])
                .env("TRANSHUME_PASSWORD", PASSWORD);
            return Ok(command);
        }
        let mut accounts = "from,to,password\n".to_owned();
        for user in self.users {
            // Writing to a string cannot fail.
            let _ = writeln!(accounts, "{},{},{PASSWORD}", from(user), to(user));
        }
        let states = place.folder.join("state");
        std::fs::create_dir_all(&states).with_context(|| format!("making {}", states.display()))?;
        command
            .args(["move-all", "--quiet", "--jobs", &JOBS.to_string(), "--accounts"])
            .arg(place.private_file("accounts.csv", &accounts)?)
            .arg("--state-dir")
            .arg(states);
        Ok(command)
    }

    fn mbsync(&self, place: &Place) -> anyhow::Result<Command> {
        let mut text = "FSync yes\n\n".to_owned();
        for user in self.users {
            let _ = write!(
                text,
                "IMAPStore old-{user}\nHost 127.0.0.1\nPort {}\nUser {user}\nPass {PASSWORD}\nSSLType None\n\
                 AuthMechs LOGIN\n\n\
                 MaildirStore new-{user}\nInbox {}\nSubFolders Maildir++\n\n\
                 Channel {user}\nFar :old-{user}:\nNear :new-{user}:\nPatterns *\nCreate Near\nExpunge None\n\
                 Remove None\nSync Pull\nCopyArrivalDate yes\nSyncState *\n\n",
                self.port,
                place.maildir(user).display()
            );
        }
        let config = place.private_file("mbsyncrc", &text)?;
        let mut command = Command::new("mbsync");
        if let [user] = self.users {
            command.args(["-q", "-c"]).arg(config).arg(user);
            return Ok(command);
        }
        Ok(self.for_each_user(&format!("mbsync -q -c {} {{}}", config.display())))
    }

    fn offlineimap(&self, place: &Place) -> anyhow::Result<Command> {
        let mut text = format!(
            "[general]\naccounts = {}\nmetadata = {}\nmaxsyncaccounts = {JOBS}\nfsync = True\n",
            self.users.join(", "),
            place.folder.join("offlineimap").display()
        );
        for user in self.users {
            let _ = write!(
                text,
                "[Account {user}]\nlocalrepository = new-{user}\nremoterepository = old-{user}\n\
                 [Repository new-{user}]\ntype = Maildir\nlocalfolders = {}\nsep = .\n\
                 nametrans = lambda f: 'INBOX' if f == '' else f[1:].replace('.', '/')\n\
                 [Repository old-{user}]\ntype = IMAP\nremotehost = 127.0.0.1\nremoteport = {}\nremoteuser = {user}\n\
                 remotepass = {PASSWORD}\nreadonly = true\nauth_mechanisms = PLAIN\nssl = no\nstarttls = no\n\
                 nametrans = lambda f: '' if f == 'INBOX' else '.' + f.replace('/', '.')\n",
                place.maildir(user).display(),
                self.port
            );
        }
        let mut command = Command::new("offlineimap");
        command
            .args(["-o", "-u", "quiet", "-c"])
            .arg(place.private_file("offlineimap.conf", &text)?);
        Ok(command)
    }

    fn doveadm(&self, place: &Place) -> Command {
        let settings = |user: &str| {
            [
                "imapc_host=127.0.0.1".to_owned(),
                format!("imapc_port={}", self.port),
                format!("imapc_user={user}"),
                format!("imapc_password={PASSWORD}"),
                "imapc_features=rfc822.size fetch-headers".to_owned(),
                format!("mail_location=maildir:{}", place.maildir(user).display()),
            ]
        };
        let config = self.new.config_path();
        if let [user] = self.users {
            let mut command = Command::new("doveadm");
            command.arg("-c").arg(config);
            for setting in settings(user) {
                command.args(["-o", &setting]);
            }
            command.args(["backup", "-R", "-u", user, "imapc:"]);
            return command;
        }
        let options: Vec<String> = settings("{}")
            .iter()
            .map(|setting| format!("-o '{setting}'"))
            .collect();
        let options = options.join(" ");
        self.for_each_user(&format!(
            "doveadm -c {} {options} backup -R -u {{}} imapc:",
            config.display()
        ))
    }

    /// A program that knows one account at a time: several of it, side by side. `{}` stands for the user.
    fn for_each_user(&self, line: &str) -> Command {
        let script = format!("printf '%s\\n' \"$@\" | xargs -P {JOBS} -I '{{}}' {line}");
        let mut command = Command::new("sh");
        command.args(["-c", &script, "each"]).args(self.users);
        command
    }
}

fn files_in_cur(folder: &Path, depth: usize) -> anyhow::Result<usize> {
    // A program that was stopped at its start has made nothing.
    if !folder.is_dir() {
        return Ok(0);
    }
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

/// Debian packages of contenders that are missing here.
pub(super) fn missing(contenders: &[Contender]) -> anyhow::Result<Vec<&'static str>> {
    let mut missing = Vec::new();
    for (program, package) in contenders.iter().filter_map(|contender| contender.package()) {
        let look = format!("command -v {program} >/dev/null");
        if !succeeds(Command::new("sh").args(["-c", &look]))? {
            missing.push(package);
        }
    }
    Ok(missing)
}

/// Installs packages, through `sudo` when not root.
pub(super) fn install(packages: &[&str]) -> anyhow::Result<bool> {
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "there is no apt-get here: install {} yourself",
            packages.join(" ")
        );
    }
    let script = "apt-get update -q && apt-get install -q -y --no-install-recommends \"$@\"";
    let mut words = vec![
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "sh",
        "-c",
        script,
        "install",
    ];
    words.extend(packages);
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
        let users = ["a".to_owned(), "b".to_owned(), "never".to_owned()];
        let place = Place::create(dir.path().join("x"), &users, None).unwrap();
        for path in [
            "a/Maildir/cur/a",
            "a/Maildir/new/b",
            "a/Maildir/tmp/c",
            "a/Maildir/.x/cur/d",
            "b/Maildir/.x/new/e",
            "b/Maildir/.x/tmp/f",
            "b/Maildir/state",
        ] {
            let path = dir.path().join("x").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(place.count(&users).unwrap(), 4);
        assert_eq!(place.count(&users[1..]).unwrap(), 1);
    }

    #[test]
    fn keys_are_different() {
        let keys: std::collections::BTreeSet<&str> = Contender::ALL.iter().map(|one| one.key()).collect();
        assert_eq!(keys.len(), Contender::ALL.len());
    }
}
