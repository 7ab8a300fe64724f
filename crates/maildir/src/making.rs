//! Directories and files that are made, and given to their owner before anybody sees them.
//!
//! What is there already is never given away: a user could put in our way what is not his. What we make has another name
//! until it has its owner. So whatever has its final name is complete, wherever a run was killed.

use std::io;

use rustix::fs::{AtFlags, Mode, RenameFlags};
use rustix::io::Errno;

use crate::disk::{Dir, Owner, give, random_hex};
use crate::error::MaildirError;

/// What the names of things begin with that are being made. No dot: Dovecot would take it for a mailbox.
const MAKING: &str = "transhume.making.";

/// How often another run of ours may clear away what we are just making.
const ATTEMPTS: usize = 20;

impl Dir {
    /// Opens a directory in this one, making it (mode 0700) where it is missing. The flag tells whether it was.
    pub(crate) fn make_dir(&self, name: &[u8], owner: Option<Owner>) -> Result<(Self, bool), MaildirError> {
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.find_dir(name)? {
                return Ok((found, false));
            }
            if let Some(made) = self.try_make_dir(name, owner)? {
                return Ok((made, true));
            }
        }
        Err(self.fail("making", name, Errno::AGAIN))
    }

    /// [`None`] where somebody else was faster.
    fn try_make_dir(&self, name: &[u8], owner: Option<Owner>) -> Result<Option<Self>, MaildirError> {
        let failed = |error: io::Error| self.fail("making", name, error);
        let Some(owner) = owner else {
            return match self
                .power()
                .step(|| rustix::fs::mkdirat(self.fd(), name, Mode::RWXU))
            {
                Ok(()) => self.find_dir(name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
                Err(error) => Err(failed(error)),
            };
        };
        let scratch = making();
        self.power()
            .step(|| rustix::fs::mkdirat(self.fd(), &scratch[..], Mode::RWXU))
            .map_err(failed)?;
        let Some(dir) = self.find_dir(&scratch)? else {
            return Ok(None);
        };
        let given = dir.give_new(owner).and_then(|()| self.unveil(&scratch, name));
        match given {
            Ok(true) => self.find_dir(name),
            other => {
                let _ = self
                    .power()
                    .step(|| rustix::fs::unlinkat(self.fd(), &scratch[..], AtFlags::REMOVEDIR));
                other.map(|_| None)
            }
        }
    }

    /// Gives away a directory that was made a moment ago. The directory that it lies in may be the user's, who can put another
    /// in its place; but none that is root's and has something in it comes to be his.
    fn give_new(&self, owner: Owner) -> Result<(), MaildirError> {
        let failed = |error: io::Error| MaildirError::io("giving away", self.path(), error);
        let stat = rustix::fs::fstat(self.fd()).map_err(|errno| failed(errno.into()))?;
        let mut is_ours = stat.st_uid == rustix::process::geteuid().as_raw();
        self.for_each_with_dots(|_, _| {
            is_ours = false;
            Ok(())
        })?;
        if !is_ours {
            return Err(failed(Errno::PERM.into()));
        }
        self.power().step(|| give(self.fd(), owner)).map_err(failed)
    }

    /// Makes an empty file (mode 0600) where there is nothing of that name.
    pub(crate) fn make_file(&self, name: &[u8], owner: Option<Owner>) -> Result<(), MaildirError> {
        if self.stat(name)?.is_some() {
            return Ok(());
        }
        let scratch = making();
        self.create(&scratch, owner)?;
        if !self.unveil(&scratch, name)? {
            self.remove(&scratch)?;
        }
        Ok(())
    }

    /// Gives what was made its name. `false` where something else has it, or somebody took what was made.
    fn unveil(&self, scratch: &[u8], name: &[u8]) -> Result<bool, MaildirError> {
        let rename = || {
            let flags = RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(self.fd(), scratch, self.fd(), name, flags) {
                // Not every file system can. A directory that has something in it is not replaced by the other way either.
                Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::renameat(self.fd(), scratch, self.fd(), name),
                other => other,
            }
        };
        match self.power().step(rename) {
            Ok(()) => Ok(true),
            Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::EXIST | Errno::NOTEMPTY | Errno::NOENT) => Ok(false),
                _ => Err(self.fail("making", name, error)),
            },
        }
    }

    /// Removes what runs that were killed have left here half made.
    pub(crate) fn sweep_makings(&self) -> Result<(), MaildirError> {
        let mut leftovers: Vec<Vec<u8>> = Vec::new();
        self.for_each(|name| {
            if name.starts_with(MAKING.as_bytes()) {
                leftovers.push(name.to_owned());
            }
            Ok(())
        })?;
        for name in &leftovers {
            // What cannot be removed is none of ours: we leave files and directories that are empty.
            let flags = [AtFlags::REMOVEDIR, AtFlags::empty()];
            for flags in flags {
                let _ = self
                    .power()
                    .step(|| rustix::fs::unlinkat(self.fd(), &name[..], flags));
            }
        }
        Ok(())
    }
}

fn making() -> Vec<u8> {
    format!("{MAKING}{}", random_hex::<8>()).into_bytes()
}
