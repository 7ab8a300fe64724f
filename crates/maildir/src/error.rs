//! What can go wrong, in words for people, with a [`kind`](MaildirError::kind) that a program can act on.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use transhume_model::mail::{MailboxName, UidValidity};

use crate::layout::NameProblem;

/// Why something could not be done. Every message names the file.
#[derive(Debug, thiserror::Error)]
pub enum MaildirError {
    /// The operating system refused.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was being done, as a participle: "renaming".
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A symbolic link stands where none is followed: it may lead anywhere, and whoever owns the mail can make one.
    #[error("{} is a symbolic link, which is not followed: name the real folder, or put it in the link's place", path.display())]
    SymbolicLink {
        /// The link.
        path: PathBuf,
    },
    /// No mailbox can have that name in a Maildir.
    #[error("the mailbox “{name}” cannot exist in a Maildir: {problem}")]
    Unrepresentable {
        /// The mailbox.
        name: MailboxName,
        /// Why not.
        problem: NameProblem,
    },
    /// Somebody else holds the lock and has not let go of it in time.
    #[error("{} is held by {holder}; gave up after {} s", path.display(), waited.as_secs())]
    Busy {
        /// The lock.
        path: PathBuf,
        /// Who holds it: the lock file's content, where it says so.
        holder: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Our lock was taken over by somebody else while we held it: nothing more was written.
    #[error("the lock {} was taken over by another process", path.display())]
    LockLost {
        /// The lock.
        path: PathBuf,
    },
    /// A file of Dovecot's holds what Dovecot would not have written. Nothing was changed.
    #[error("{}, line {line}: {problem}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Messages were to be added under a UIDVALIDITY that the mailbox does not have (any more).
    #[error("{} has UIDVALIDITY {}, not {wanted}: it has to be filled anew", path.display(), found.map_or_else(|| "none".to_owned(), |v| v.to_string()))]
    NeedsFill {
        /// The mailbox's directory.
        path: PathBuf,
        /// The UIDVALIDITY it has.
        found: Option<UidValidity>,
        /// The UIDVALIDITY that was asked for.
        wanted: UidValidity,
    },
    /// The mailbox has no UID left: Dovecot keeps none above 4294967294.
    #[error("{} has run out of UIDs", path.display())]
    UidsExhausted {
        /// The mailbox's directory.
        path: PathBuf,
    },
    /// Messages were not handed over in ascending order of their UIDs.
    #[error("{}: messages out of order at UID {uid}", path.display())]
    OutOfOrder {
        /// The mailbox's directory.
        path: PathBuf,
        /// The message that should have come earlier.
        uid: u32,
    },
}

/// What a caller can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No room, or the quota is used up: try again when there is.
    DiskFull,
    /// The file system takes no changes.
    ReadOnly,
    /// We may not; or a file of Dovecot's is a link, or has one.
    PermissionDenied,
    /// Locked by somebody else: try again later.
    Busy,
    /// A control file is damaged: a person has to look at it.
    Corrupt,
    /// The mailbox, or a directory of it, does not exist.
    Missing,
    /// The mailbox's UIDVALIDITY is not the one expected: fill it anew.
    NeedsFill,
    /// Anything else.
    Other,
}

impl MaildirError {
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        Self::Io {
            action,
            path: path.as_ref().to_owned(),
            source: source.into(),
        }
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { source, .. } => match source.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::NOSPC | Errno::DQUOT) => ErrorKind::DiskFull,
                Some(Errno::ROFS) => ErrorKind::ReadOnly,
                Some(Errno::ACCESS | Errno::PERM | Errno::LOOP) => ErrorKind::PermissionDenied,
                Some(Errno::NOENT) => ErrorKind::Missing,
                _ => ErrorKind::Other,
            },
            Self::Busy { .. } | Self::LockLost { .. } => ErrorKind::Busy,
            Self::Corrupt { .. } => ErrorKind::Corrupt,
            Self::NeedsFill { .. } => ErrorKind::NeedsFill,
            Self::SymbolicLink { .. }
            | Self::Unrepresentable { .. }
            | Self::UidsExhausted { .. }
            | Self::OutOfOrder { .. } => ErrorKind::Other,
        }
    }
}
