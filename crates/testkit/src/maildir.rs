//! A Maildir++ as it lies on the disk, without any server: read, and changed as Dovecot and its clients change it.
//!
//! Small and slow, and not made from the code that it checks. It takes no lock: it is for moments at which nothing else
//! is at work in the Maildir.

mod changes;
mod reading;

use std::path::{Path, PathBuf};

pub use self::reading::{DiskMailbox, DiskMessage};

/// The letters of the system flags.
const LETTERS: [(char, &str); 5] = [
    ('D', "\\Draft"),
    ('F', "\\Flagged"),
    ('R', "\\Answered"),
    ('S', "\\Seen"),
    ('T', "\\Deleted"),
];

/// A Maildir at its path; it need not be there.
#[derive(Debug)]
pub struct Maildir {
    path: PathBuf,
    /// Names and numbers that were given so far.
    given: u32,
}

impl Maildir {
    /// The Maildir at a path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            given: 0,
        }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a mailbox, which goes by its name with `/` between levels.
    fn folder(&self, mailbox: &str) -> PathBuf {
        if mailbox == "INBOX" {
            self.path.clone()
        } else {
            self.path.join(format!(".{}", mailbox.replace('/', ".")))
        }
    }

    /// Whether there is such a mailbox.
    pub fn has(&self, mailbox: &str) -> bool {
        self.folder(mailbox).join("cur").is_dir()
    }
}
