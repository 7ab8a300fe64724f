//! Directories held open, and the few things that are done in them.
//!
//! The tree belongs to a user and we may be root: a path that is walked twice may lead elsewhere the second
//! time. So the walk is done once, every directory below the root is opened without following symbolic links,
//! and files are named relative to the directory that holds them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps};
use rustix::io::Errno;

use crate::error::MaildirError;
use crate::seam::Power;

/// To whom new files and directories are given, where we run as root: the user and group Dovecot uses for
/// the account's mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// A directory held open.
#[derive(Debug)]
pub(crate) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
    power: Power,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const NO_LINK: OFlags = OFlags::NOFOLLOW.union(OFlags::CLOEXEC);

impl Dir {
    /// Opens a directory that the administrator named: symbolic links on the way to it are his to make. The directory
    /// itself is none: it lies with the user, who could lead us anywhere.
    pub(crate) fn open(path: &Path) -> Result<Self, MaildirError> {
        // With a slash or a dot behind its name, a link would be followed all the same.
        let path: PathBuf = path.components().collect();
        match rustix::fs::openat(CWD, &path, DIRECTORY | NO_LINK, Mode::empty()) {
            Ok(fd) => Ok(Self {
                fd,
                path,
                power: Power::of_this_thread(),
            }),
            Err(errno) => Err(not_opened(CWD, path.as_os_str().as_bytes(), &path, errno)),
        }
    }

    /// As [`Dir::open`], but follows a symbolic link: for a directory in which nothing is trusted but what we make.
    pub(crate) fn open_followed(path: &Path) -> Result<Self, MaildirError> {
        let fd = rustix::fs::openat(CWD, path, DIRECTORY, Mode::empty())
            .map_err(|errno| MaildirError::io("opening", path, errno))?;
        Ok(Self {
            fd,
            path: path.to_owned(),
            power: Power::of_this_thread(),
        })
    }

    /// The same directory, opened once more.
    pub(crate) fn again(&self) -> Result<Self, MaildirError> {
        let fd = rustix::fs::openat(&self.fd, ".", DIRECTORY, Mode::empty())
            .map_err(|errno| MaildirError::io("opening", &self.path, errno))?;
        Ok(Self {
            fd,
            path: self.path.clone(),
            power: self.power.clone(),
        })
    }

    /// Opens a directory in this one; [`None`] where there is none.
    pub(crate) fn find_dir(&self, name: &[u8]) -> Result<Option<Self>, MaildirError> {
        self.check(name)?;
        match rustix::fs::openat(&self.fd, name, DIRECTORY | NO_LINK, Mode::empty()) {
            Ok(fd) => Ok(Some(Self {
                fd,
                path: self.join(name),
                power: self.power.clone(),
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(not_opened(&self.fd, name, &self.join(name), errno)),
        }
    }

    /// Opens a directory in this one that has to be there.
    pub(crate) fn dir(&self, name: &[u8]) -> Result<Self, MaildirError> {
        self.find_dir(name)?
            .ok_or_else(|| self.fail("opening", name, Errno::NOENT))
    }

    /// Whether there is a directory that holds something of the name.
    pub(crate) fn has_in(&self, dir: &[u8], name: &[u8]) -> Result<bool, MaildirError> {
        self.check(dir)?;
        self.check(name)?;
        let both = [dir, b"/", name].concat();
        match rustix::fs::statat(&self.fd, &both[..], AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(false),
            Err(errno) => Err(self.fail("looking at", &both, errno)),
        }
    }

    /// The device and inode of what lies at a path below this directory: to compare it with what was opened before,
    /// and not to open it, as symbolic links are followed on the way. [`None`] where there is nothing that can be seen.
    pub(crate) fn identity_below(&self, path: &[u8]) -> Option<(u64, u64)> {
        let stat = rustix::fs::statat(&self.fd, path, AtFlags::SYMLINK_NOFOLLOW);
        stat.ok().map(|stat| (stat.st_dev, stat.st_ino))
    }

    /// Refuses names that lead out of the directory, or into another one.
    fn check(&self, name: &[u8]) -> Result<(), MaildirError> {
        if name.is_empty() || name == b"." || name == b".." || memchr::memchr2(b'/', 0, name).is_some() {
            return Err(self.fail("naming", name, Errno::INVAL));
        }
        Ok(())
    }

    /// A new file of mode 0600, open for writing. Fails where something has that name already, a dangling
    /// symbolic link included.
    pub(crate) fn create(&self, name: &[u8], owner: Option<Owner>) -> Result<File, MaildirError> {
        self.check(name)?;
        let file = self
            .create_raw(name)
            .map_err(|error| self.fail("creating", name, error))?;
        if let Some(owner) = owner {
            self.give(&file, name, owner)?;
        }
        Ok(file)
    }

    /// As [`Dir::create`], but a file that has the name already is removed first.
    pub(crate) fn create_over(&self, name: &[u8]) -> Result<File, MaildirError> {
        self.check(name)?;
        match self.create_raw(name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(name)?;
                self.create(name, None)
            }
            other => other.map_err(|error| self.fail("creating", name, error)),
        }
    }

    fn create_raw(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | NO_LINK;
        let mode = Mode::RUSR | Mode::WUSR;
        self.power
            .step(|| rustix::fs::openat(&self.fd, name, flags, mode))
            .map(File::from)
    }

    /// Opens a file for reading; [`None`] where there is none.
    pub(crate) fn read(&self, name: &[u8]) -> Result<Option<File>, MaildirError> {
        self.check(name)?;
        // Without NONBLOCK, a pipe that somebody put there would hold us up for ever.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | NO_LINK;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(File::from(fd))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.fail("opening", name, errno)),
        }
    }

    /// Opens an existing file for appending. One that is no plain file, or has other names (which may lead
    /// out of the Maildir), is refused.
    pub(crate) fn append(&self, name: &[u8]) -> Result<File, MaildirError> {
        self.check(name)?;
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK | NO_LINK;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty())
            .map_err(|errno| self.fail("opening", name, errno))?;
        let stat = rustix::fs::fstat(&fd).map_err(|errno| self.fail("looking at", name, errno))?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() || stat.st_nlink != 1 {
            return Err(self.fail("appending to", name, Errno::LOOP));
        }
        Ok(File::from(fd))
    }

    /// What the system knows of a name; [`None`] where there is none. Symbolic links are not followed.
    pub(crate) fn stat(&self, name: &[u8]) -> Result<Option<Stat>, MaildirError> {
        self.check(name)?;
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(self.fail("looking at", name, errno)),
        }
    }

    /// Renames. `false` where `from` does not exist.
    pub(crate) fn rename(&self, from: &[u8], into: &Self, to: &[u8]) -> Result<bool, MaildirError> {
        self.check(from)?;
        into.check(to)?;
        match self
            .power
            .step(|| rustix::fs::renameat(&self.fd, from, &into.fd, to))
        {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.fail("renaming", from, error)),
        }
    }

    /// Renames within the directory, unless something has that name; whether it did. `false` also where there is nothing of the
    /// old name.
    pub(crate) fn rename_to_free(&self, from: &[u8], to: &[u8]) -> Result<bool, MaildirError> {
        self.check(from)?;
        self.check(to)?;
        let flags = RenameFlags::NOREPLACE;
        match self
            .power
            .step(|| rustix::fs::renameat_with(&self.fd, from, &self.fd, to, flags))
        {
            Ok(()) => Ok(true),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists
                ) =>
            {
                Ok(false)
            }
            Err(error) => Err(MaildirError::io("renaming", self.join(from), error)),
        }
    }

    /// Gives a file a second name. `false` where that name is taken.
    pub(crate) fn link(&self, from: &[u8], into: &Self, to: &[u8]) -> Result<bool, MaildirError> {
        self.check(from)?;
        into.check(to)?;
        match self
            .power
            .step(|| rustix::fs::linkat(&self.fd, from, &into.fd, to, AtFlags::empty()))
        {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(into.fail("linking", to, error)),
        }
    }

    /// Removes a file. `false` where there was none.
    pub(crate) fn remove(&self, name: &[u8]) -> Result<bool, MaildirError> {
        self.check(name)?;
        match self
            .power
            .step(|| rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()))
        {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.fail("removing", name, error)),
        }
    }

    /// Hands every name to `visit`, but for those that begin with a dot: no message has one (Maildir, "names
    /// beginning with a dot are to be skipped").
    pub(crate) fn for_each(
        &self,
        mut visit: impl FnMut(&[u8]) -> Result<(), MaildirError>,
    ) -> Result<(), MaildirError> {
        self.for_each_with_dots(|name, _| {
            if name.starts_with(b".") {
                Ok(())
            } else {
                visit(name)
            }
        })
    }

    /// Hands every name but `.` and `..` to `visit`, with its type where the directory tells.
    pub(crate) fn for_each_with_dots(
        &self,
        mut visit: impl FnMut(&[u8], FileType) -> Result<(), MaildirError>,
    ) -> Result<(), MaildirError> {
        let failed = |errno| MaildirError::io("listing", &self.path, errno);
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            match entry.file_name().to_bytes() {
                b"." | b".." => {}
                name => visit(name, entry.file_type())?,
            }
        }
        Ok(())
    }

    /// Makes what was done to the directory's names outlive a power cut.
    pub(crate) fn sync(&self) -> Result<(), MaildirError> {
        self.power
            .flush(|| rustix::fs::fsync(&self.fd))
            .map_err(|error| MaildirError::io("flushing", &self.path, error))
    }

    pub(crate) fn give(&self, file: &File, name: &[u8], owner: Owner) -> Result<(), MaildirError> {
        self.power
            .step(|| give(file, owner))
            .map_err(|error| self.fail("giving away", name, error))
    }

    pub(crate) fn write(&self, mut file: &File, name: &[u8], bytes: &[u8]) -> Result<(), MaildirError> {
        self.power
            .write(bytes, |_, bytes| file.write_all(bytes))
            .map_err(|error| self.fail("writing", name, error))
    }

    pub(crate) fn truncate(&self, file: &File, name: &[u8], length: u64) -> Result<(), MaildirError> {
        self.power
            .step(|| rustix::fs::ftruncate(file, length))
            .map_err(|error| self.fail("cutting", name, error))
    }

    pub(crate) fn sync_file(&self, file: &File, name: &[u8]) -> Result<(), MaildirError> {
        self.power
            .flush(|| rustix::fs::fsync(file))
            .map_err(|error| self.fail("flushing", name, error))
    }

    /// Sets the time of last modification, in seconds since the epoch.
    pub(crate) fn set_modified(&self, file: &File, name: &[u8], seconds: i64) -> Result<(), MaildirError> {
        let times = Timestamps {
            last_access: Timespec {
                tv_sec: 0,
                tv_nsec: rustix::fs::UTIME_OMIT,
            },
            last_modification: Timespec {
                tv_sec: seconds,
                tv_nsec: 0,
            },
        };
        self.power
            .step(|| rustix::fs::futimens(file, &times))
            .map_err(|error| self.fail("dating", name, error))
    }

    /// Lets the directory itself look as if something in it had changed just now.
    pub(crate) fn touch(&self) -> Result<(), MaildirError> {
        let now = |nsec| Timespec {
            tv_sec: 0,
            tv_nsec: nsec,
        };
        let times = Timestamps {
            last_access: now(rustix::fs::UTIME_OMIT),
            last_modification: now(rustix::fs::UTIME_NOW),
        };
        self.power
            .step(|| rustix::fs::futimens(&self.fd, &times))
            .map_err(|error| MaildirError::io("dating", &self.path, error))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What every change in it depends on.
    pub(crate) fn power(&self) -> &Power {
        &self.power
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    pub(crate) fn into_fd(self) -> OwnedFd {
        self.fd
    }

    pub(crate) fn join(&self, name: &[u8]) -> PathBuf {
        self.path.join(OsStr::from_bytes(name))
    }

    pub(crate) fn fail(
        &self,
        action: &'static str,
        name: &[u8],
        error: impl Into<io::Error>,
    ) -> MaildirError {
        MaildirError::io(action, self.join(name), error)
    }
}

/// Why a directory could not be opened: the system does not always say that it is a symbolic link.
fn not_opened(at: impl AsFd, name: &[u8], path: &Path, errno: Errno) -> MaildirError {
    if matches!(errno, Errno::LOOP | Errno::NOTDIR)
        && rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_symlink())
    {
        let path = path.to_owned();
        return MaildirError::SymbolicLink { path };
    }
    MaildirError::io("opening", path, errno)
}

pub(crate) fn give(file: impl AsFd, owner: Owner) -> rustix::io::Result<()> {
    rustix::fs::fchown(
        file,
        Some(rustix::fs::Uid::from_raw(owner.uid)),
        Some(rustix::fs::Gid::from_raw(owner.gid)),
    )
}

/// Seconds since the epoch, now.
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// `N` random bytes in hexadecimal digits: names that nobody else has, and GUIDs.
pub(crate) fn random_hex<const N: usize>() -> String {
    use std::fmt::Write as _;
    let mut bytes = [0_u8; N];
    // Interrupted or not yet seeded, it gives less: what is missing stays zero and O_EXCL catches a double.
    let _ = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty());
    bytes.iter().fold(String::with_capacity(2 * N), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
