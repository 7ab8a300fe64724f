//! An account's Maildir.

use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FileType, FlockOperation};
use rustix::io::Errno;
use transhume_model::mail::MailboxName;

use crate::disk::{Dir, Owner, random_hex};
use crate::error::MaildirError;
use crate::flush::Flusher;
use crate::handles::Handles;
use crate::layout::{self, FoundMailbox};
use crate::mailbox::{self, MailboxDir};
use crate::name::safe_host;
use crate::open::Scratch;
use crate::subscriptions;

/// When what was staged is made to outlive a power cut. Only then may it be committed, or written down as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// All at once, when [`MaildirRoot::sync`] is called: it flushes the whole file system (`syncfs`). Nearly as fast
    /// as none at all; other users of the file system wait for it, too.
    #[default]
    Batch,
    /// Each file by itself when it is complete (`fsync`). Several times slower unless many threads stage at once.
    File,
    /// Never: for tests, and for those who can start over.
    None,
}

/// How to work in a Maildir.
#[derive(Clone, Debug)]
pub struct Options {
    /// To whom everything that is made is given; [`None`] leaves it with the process.
    pub owner: Option<Owner>,
    /// When staged messages are flushed.
    pub durability: Durability,
    /// The host name to write into lock files. [`None`] is this host's. Where Dovecot runs under the same host name but
    /// does not see our processes (containers), it has to be another name: a lock of a process that it does not
    /// see on its own host counts as left behind.
    pub lock_host: Option<String>,
    /// How long to wait for a lock. Less than two minutes does not outlast one that was left behind.
    pub lock_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            owner: None,
            durability: Durability::default(),
            lock_host: None,
            lock_timeout: Duration::from_secs(150),
        }
    }
}

/// [`Options`], made up.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) owner: Option<Owner>,
    pub(crate) durability: Durability,
    pub(crate) lock_host: String,
    pub(crate) lock_timeout: Duration,
    /// This host's name as file names bear it.
    pub(crate) host: String,
}

impl Settings {
    pub(crate) fn is_durable(&self) -> bool {
        self.durability != Durability::None
    }

    /// Whether what is made is flushed by itself. Else, and if anything is, the flush of the whole file system with which its
    /// filling ends reaches it too: what a power cut takes back before that, the base does not say yet.
    pub(crate) fn is_each_flushed(&self) -> bool {
        self.durability == Durability::File
    }
}

/// An account's Maildir. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MaildirRoot {
    pub(crate) dir: Arc<Dir>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) handles: Arc<Handles>,
    /// Where staged messages, and mailboxes that were filled, are flushed together.
    pub(crate) flusher: Option<Arc<Flusher>>,
}

/// Keeps other processes of ours out of a Maildir until it is dropped.
#[derive(Debug)]
pub struct RootLock {
    _directory: OwnedFd,
}

impl MaildirRoot {
    /// Opens a Maildir, making it where it is missing; the directory that it lies in must exist. Symbolic links on
    /// the way to it are followed; the Maildir itself must not be one, nor are those within it followed.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, MaildirError> {
        let path = path.as_ref();
        let host = rustix::system::uname().nodename().to_bytes().to_owned();
        let lock_host = options
            .lock_host
            .unwrap_or_else(|| String::from_utf8_lossy(&host).into_owned());
        let settings = Arc::new(Settings {
            owner: options.owner,
            durability: options.durability,
            lock_host,
            lock_timeout: options.lock_timeout,
            host: safe_host(&host),
        });
        let dir = match Dir::open(path) {
            Err(error) if error.kind() == crate::ErrorKind::Missing => make_root(path, &settings)?,
            other => other?,
        };
        mailbox::make_directories(&dir, &settings)?;
        let flusher = match settings.durability {
            Durability::Batch => Some(Arc::new(Flusher::of(&dir)?)),
            Durability::File | Durability::None => None,
        };
        Ok(Self {
            flusher,
            dir: Arc::new(dir),
            settings,
            handles: Arc::default(),
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// What [`MaildirRoot::mark`] wrote into the Maildir; [`None`] where there is nothing readable. It goes where the Maildir
    /// goes, and is gone when that is emptied.
    pub fn identity(&self) -> Result<Option<String>, MaildirError> {
        let Some(file) = self.dir.read(IDENTITY)? else {
            return Ok(None);
        };
        let mut text = String::new();
        let read = file.take(IDENTITY_MAX).read_to_string(&mut text);
        Ok(read
            .ok()
            .map(|_| text.trim_end().to_owned())
            .filter(|text| !text.is_empty()))
    }

    /// Writes something into the Maildir by which it is known again, and gives it.
    pub fn mark(&self) -> Result<String, MaildirError> {
        let identity = random_hex::<16>();
        let tmp = Arc::new(self.dir.dir(b"tmp")?);
        let mut file = Scratch::new(&tmp, "identity", &self.settings)?;
        file.write(identity.as_bytes())?;
        file.write(b"\n")?;
        file.replace(&self.dir, IDENTITY, None)?;
        Ok(identity)
    }

    /// Claims the Maildir: no other process that does the same gets it until the value is dropped. Dovecot and
    /// deliveries are not held up.
    pub fn lock_exclusively(&self) -> Result<RootLock, MaildirError> {
        let own = self.lock(FlockOperation::NonBlockingLockExclusive)?;
        own.sweep_makings()?;
        Ok(RootLock {
            _directory: own.into_fd(),
        })
    }

    /// Keeps processes of ours that write out of the Maildir until the value is dropped; those that only read may share it.
    /// Nothing is written.
    pub fn lock_shared(&self) -> Result<RootLock, MaildirError> {
        let own = self.lock(FlockOperation::NonBlockingLockShared)?;
        Ok(RootLock {
            _directory: own.into_fd(),
        })
    }

    fn lock(&self, operation: FlockOperation) -> Result<Dir, MaildirError> {
        // The lock belongs to what was opened, so it is opened once more: a second claim in this process fails, too.
        let own = self.dir.again()?;
        match rustix::fs::flock(own.fd(), operation) {
            Ok(()) => Ok(own),
            Err(Errno::WOULDBLOCK) => Err(MaildirError::Busy {
                path: self.path().to_owned(),
                holder: "another run of this program".to_owned(),
                waited: Duration::ZERO,
            }),
            Err(errno) => Err(MaildirError::io("locking", self.path(), errno)),
        }
    }

    /// All mailboxes that are there, INBOX first, the others by their directory's name.
    pub fn list(&self) -> Result<Vec<FoundMailbox>, MaildirError> {
        let mut mailboxes = Vec::new();
        self.dir.for_each_with_dots(|name, file_type| {
            let may_be_directory = matches!(file_type, FileType::Directory | FileType::Unknown);
            if may_be_directory
                && let Some(found) = layout::found(name)
                && self.dir.has_in(name, b"cur")?
            {
                mailboxes.push(found);
            }
            Ok(())
        })?;
        mailboxes.sort_by(|a, b| a.directory.cmp(&b.directory));
        let inbox = FoundMailbox {
            directory: std::ffi::OsString::new(),
            name: Some(MailboxName::inbox()),
        };
        mailboxes.insert(0, inbox);
        Ok(mailboxes)
    }

    /// The mailbox of that name, whether it exists or not. [`MaildirError::Unrepresentable`] where none can have it.
    pub fn mailbox(&self, name: &MailboxName) -> Result<MailboxDir, MaildirError> {
        match layout::representable(name) {
            Ok(()) => Ok(MailboxDir::new(self.clone(), layout::directory(name))),
            Err(problem) => Err(MaildirError::Unrepresentable {
                name: name.clone(),
                problem,
            }),
        }
    }

    /// Gives a mailbox another name, and says whether it could: not INBOX, not one that is not there, and not a name that
    /// another has. Those below it are mailboxes of their own, each with its name.
    pub fn rename(&self, from: &MailboxName, to: &MailboxName) -> Result<bool, MaildirError> {
        let (from, to) = (self.mailbox(from)?, self.mailbox(to)?);
        let (from, to) = (from.directory(), to.directory());
        if from.is_empty() || to.is_empty() {
            return Ok(false);
        }
        let renamed = self.dir.rename_to_free(from.as_bytes(), to.as_bytes())?;
        if renamed && self.settings.is_durable() {
            self.dir.sync()?;
        }
        Ok(renamed)
    }

    /// With [`Durability::Batch`], makes everything that was staged so far outlive a power cut. Nothing may be committed
    /// before. Those who ask at the same time, for Maildirs on the same file system, are served together.
    pub fn sync(&self) -> Result<(), MaildirError> {
        self.flusher.as_ref().map_or(Ok(()), |flusher| flusher.flush())
    }

    /// The mailboxes that the account has subscribed to, those that do not exist included.
    pub fn subscriptions(&self) -> Result<Vec<MailboxName>, MaildirError> {
        subscriptions::read(&self.dir)
    }

    /// Subscribes to mailboxes, existing or not; gives how many were not subscribed to before. Nothing is written
    /// where there is none.
    pub fn subscribe(&self, names: &[MailboxName]) -> Result<usize, MaildirError> {
        subscriptions::add(self, names)
    }
}

/// Beside Dovecot's own files; Dovecot takes no notice of it.
const IDENTITY: &[u8] = b"transhume-identity";

/// Longer than any identity, in bytes.
const IDENTITY_MAX: u64 = 100;

fn make_root(path: &Path, settings: &Settings) -> Result<Dir, MaildirError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(MaildirError::io("making", path, Errno::INVAL));
    };
    let parent = if parent == Path::new("") {
        Path::new(".")
    } else {
        parent
    };
    // The way there is the administrator's, to its last link.
    let parent = Dir::open_followed(parent)?;
    parent.sweep_makings()?;
    let (dir, _) = parent.make_dir(name.as_encoded_bytes(), settings.owner)?;
    if settings.is_durable() {
        parent.sync()?;
    }
    Ok(dir)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;
    use crate::testing::Account;
    use crate::{ErrorKind, NameProblem};

    #[test]
    fn a_maildir_that_is_a_symbolic_link_is_refused() {
        let account = Account::new();
        let home = account.path().parent().unwrap().to_owned();
        fs::create_dir(home.join("real")).unwrap();
        symlink("real", account.path()).unwrap();
        for end in ["", "/", "/.", "//"] {
            let path = format!("{}{end}", account.path().display());
            let error = MaildirRoot::open(path, Options::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Other, "{error}");
            assert!(error.to_string().contains("is a symbolic link"), "{error}");
        }
        assert_eq!(crate::testing::names(&home.join("real")), [""; 0]);
        // On the way to it, they are the administrator's.
        symlink(&home, home.join("way")).unwrap();
        MaildirRoot::open(home.join("way/real/"), Options::default()).unwrap();
        assert!(home.join("real/cur").exists());
    }

    /// Only root can give anything away.
    #[test]
    fn what_was_there_keeps_its_owner_and_what_is_made_has_it() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let account = Account::new();
        let (uid, gid) = (61_234, 61_235);
        let options = Options {
            owner: Some(Owner { uid, gid }),
            ..Options::default()
        };
        for there in ["", "cur", ".Sent", ".Sent/new"] {
            fs::create_dir(account.path().join(there)).unwrap();
        }
        account.write("cur/file", "x");
        let name = |name: &str| MailboxName::from_components([name]).unwrap();
        let root = MaildirRoot::open(account.path(), options).unwrap();
        for made in ["Sent", "Drafts"] {
            root.mailbox(&name(made)).unwrap().create().unwrap();
        }
        let owner = |of: &str| fs::metadata(account.path().join(of)).map(|data| (data.uid(), data.gid()));
        for there in ["", "cur", "cur/file", ".Sent", ".Sent/new"] {
            assert_eq!(owner(there).unwrap(), (0, 0), "{there}");
        }
        for made in [
            "tmp",
            "new",
            ".Sent/cur",
            ".Sent/maildirfolder",
            ".Drafts",
            ".Drafts/cur",
        ] {
            assert_eq!(owner(made).unwrap(), (uid, gid), "{made}");
        }
        assert!(!account.names("").iter().any(|name| name.starts_with("transhume")));
    }

    #[test]
    fn what_has_its_name_has_its_owner_wherever_a_run_is_killed() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let options = || Options {
            owner: Some(Owner {
                uid: 61_234,
                gid: 61_235,
            }),
            ..Options::default()
        };
        for steps in 0.. {
            let account = Account::new();
            let make = || {
                let root = MaildirRoot::open(account.path(), options())?;
                let name = MailboxName::from_components(["Sent"]).unwrap();
                root.mailbox(&name)?.create()
            };
            let (_, died) = crate::seam::until(steps, make);
            for made in [
                "",
                "tmp",
                "new",
                "cur",
                ".Sent",
                ".Sent/maildirfolder",
                ".Sent/cur",
            ] {
                if let Ok(data) = fs::metadata(account.path().join(made)) {
                    let owner = (data.uid(), data.gid());
                    assert_eq!(owner, (61_234, 61_235), "{made}, {steps} steps");
                }
            }
            make().unwrap();
            if !died {
                break;
            }
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let account = Account::new();
        let root = account.open().unwrap();
        for (part, problem) in [
            ("a/b", NameProblem::Slash),
            ("a.b", NameProblem::Dot),
            ("a\0b", NameProblem::Control),
            ("~a", NameProblem::Tilde),
        ] {
            let name = MailboxName::from_components([part]).unwrap();
            let error = root.mailbox(&name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Other);
            let MaildirError::Unrepresentable { problem: found, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(*found, problem);
        }
        let dir = &root.dir;
        for name in [&b"../x"[..], b"cur/x", b"a\0b", b".", b"..", b"", b"/etc"] {
            assert!(dir.find_dir(name).is_err() && dir.make_dir(name, None).is_err());
            assert!(dir.create(name, None).is_err() && dir.create_over(name).is_err());
            assert!(dir.read(name).is_err() && dir.append(name).is_err() && dir.stat(name).is_err());
            assert!(dir.rename(b"cur", dir, name).is_err() && dir.rename(name, dir, b"x").is_err());
            assert!(dir.link(b"cur", dir, name).is_err() && dir.remove(name).is_err());
            assert!(dir.make_file(name, None).is_err());
        }
    }
}
