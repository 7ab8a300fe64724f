//! The user that a test server runs as.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::TestkitError;

const MAIL_USER: &str = "transhume-mail";
const POLL: Duration = Duration::from_millis(10);

/// A user of this machine.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) user: String,
    pub(crate) group: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// The system user that owns the mail of test servers; created if missing.
    pub(crate) fn system_user() -> Result<Self, TestkitError> {
        if let Some(found) = Self::find(|user, _| user == MAIL_USER)? {
            return Ok(found);
        }
        let output = Command::new("useradd")
            .args([
                "-r",
                "-M",
                "-U",
                "-d",
                "/nonexistent",
                "-s",
                "/usr/sbin/nologin",
                MAIL_USER,
            ])
            .output()
            .map_err(TestkitError::io("useradd"))?;
        // Two test programs may do this at the same time: the loser finds the user there.
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            if let Some(found) = Self::find(|user, _| user == MAIL_USER)? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                let detail = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(TestkitError::Command {
                    program: "useradd".into(),
                    detail,
                });
            }
            sleep(POLL);
        }
    }

    /// Whoever runs the tests.
    pub(crate) fn current() -> Result<Self, TestkitError> {
        let uid = rustix::process::geteuid().as_raw();
        Self::find(|_, id| id == uid)?
            .ok_or_else(|| TestkitError::Start(format!("uid {uid} has no name in /etc/passwd")))
    }

    fn find(wanted: impl Fn(&str, u32) -> bool) -> Result<Option<Self>, TestkitError> {
        let read = |path: &str| fs::read_to_string(path).map_err(TestkitError::io(path.to_owned()));
        let (users, groups) = (read("/etc/passwd")?, read("/etc/group")?);
        let group_name = |gid: u32| {
            groups.lines().find_map(|line| {
                let fields: Vec<&str> = line.split(':').collect();
                (fields.get(2)?.parse() == Ok(gid)).then(|| fields[0].to_owned())
            })
        };
        Ok(users.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let (uid, gid) = (fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?);
            wanted(fields[0], uid).then_some(())?;
            Some(Self {
                user: fields[0].to_owned(),
                group: group_name(gid)?,
                uid,
                gid,
            })
        }))
    }

    /// Gives a file or directory to this user, if we may.
    pub(crate) fn own(&self, path: &Path) -> Result<(), TestkitError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(());
        }
        chown(path, Some(self.uid), Some(self.gid))
            .map_err(TestkitError::io(format!("chown {}", path.display())))
    }

    /// A command that runs as this user without any privilege.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command
            .arg(format!("--reuid={}", self.uid))
            .arg(format!("--regid={}", self.gid));
        command.arg("--clear-groups").arg("--").arg(program);
        command
    }
}
