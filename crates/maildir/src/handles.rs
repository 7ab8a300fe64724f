//! The `tmp/` directories that were used last, held open: opening one for every message would cost more than the rest of
//! beginning it. Only so many, however many mailboxes there are.

use std::sync::{Arc, Mutex, PoisonError};

use crate::disk::Dir;
use crate::error::MaildirError;

/// How many are held open for an account: as many as are worked on at once.
pub(crate) const HANDLES_MAX: usize = 4;

/// Those of one account, last used first.
#[derive(Debug, Default)]
pub(crate) struct Handles(Mutex<Vec<Handle>>);

#[derive(Debug)]
struct Handle {
    /// The mailbox's directory; empty for INBOX.
    directory: String,
    tmp: Arc<Dir>,
    /// Device and inode.
    identity: Option<(u64, u64)>,
}

impl Handles {
    /// `tmp/` of the mailbox that lies in `directory` (empty for INBOX) below `root`. One that is held open is used only if
    /// it is still that mailbox's.
    pub(crate) fn tmp(&self, root: &Dir, directory: &str) -> Result<Arc<Dir>, MaildirError> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = held.iter().position(|handle| handle.directory == directory) {
            let below = if directory.is_empty() {
                root.identity_below(b"tmp")
            } else {
                root.identity_below(&[directory.as_bytes(), b"/tmp"].concat())
            };
            if below.is_some() && below == held[at].identity {
                held[..=at].rotate_right(1);
                return Ok(Arc::clone(&held[0].tmp));
            }
            held.remove(at);
        }
        let tmp = if directory.is_empty() {
            root.dir(b"tmp")?
        } else {
            root.dir(directory.as_bytes())?.dir(b"tmp")?
        };
        let tmp = Arc::new(tmp);
        held.truncate(HANDLES_MAX - 1);
        let handle = Handle {
            directory: directory.to_owned(),
            identity: tmp.identity_below(b"."),
            tmp: Arc::clone(&tmp),
        };
        held.insert(0, handle);
        Ok(tmp)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}
