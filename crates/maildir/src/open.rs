//! A mailbox with its directories held open, and scratch files in its `tmp/`.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use crate::disk::{Dir, random_hex};
use crate::error::MaildirError;
use crate::flush::Flusher;
use crate::lock::DotLock;
use crate::name::Entry;
use crate::root::{MaildirRoot, Settings};
use crate::uidlist::UIDLIST;

/// What all names of ours in `tmp/` begin with.
pub(crate) const PREFIX: &str = "transhume.";

/// The lock that Dovecot takes for every change of `dovecot-uidlist`.
const LOCK: &[u8] = b"dovecot-uidlist.lock";

/// A mailbox with its directories held open. Held for one piece of work only: a mailbox that is deleted and
/// made anew meanwhile is another one.
#[derive(Debug)]
pub(crate) struct OpenMailbox {
    pub(crate) base: Arc<Dir>,
    pub(crate) cur: Dir,
    pub(crate) new: Dir,
    pub(crate) tmp: Arc<Dir>,
    pub(crate) settings: Arc<Settings>,
    flusher: Option<Arc<Flusher>>,
}

impl OpenMailbox {
    pub(crate) fn new(base: Arc<Dir>, root: &MaildirRoot) -> Result<Self, MaildirError> {
        Ok(Self {
            cur: base.dir(b"cur")?,
            new: base.dir(b"new")?,
            tmp: Arc::new(base.dir(b"tmp")?),
            base,
            settings: Arc::clone(&root.settings),
            flusher: root.flusher.clone(),
        })
    }

    pub(crate) fn lock(&self) -> Result<DotLock, MaildirError> {
        DotLock::acquire(&self.base, LOCK, &self.tmp, &self.settings)
    }

    /// A new file in `tmp/`, to be renamed over another. Dovecot removes what is left there after 36 hours.
    pub(crate) fn scratch(&self, purpose: &str) -> Result<Scratch, MaildirError> {
        Scratch::new(&self.tmp, purpose, &self.settings)
    }

    /// The directory that an entry lies in.
    pub(crate) fn place(&self, is_new: bool) -> &Dir {
        if is_new { &self.new } else { &self.cur }
    }

    /// Hands all messages to `visit`: those of `new/` first, as Dovecot moves them to `cur/` and never back.
    pub(crate) fn for_each_entry(
        &self,
        mut visit: impl FnMut(Entry<'_>) -> Result<(), MaildirError>,
    ) -> Result<(), MaildirError> {
        for is_new in [true, false] {
            self.place(is_new)
                .for_each(|name| visit(Entry::parse(name, is_new)))?;
        }
        Ok(())
    }

    pub(crate) fn sync(&self, dir: &Dir) -> Result<(), MaildirError> {
        if self.settings.is_durable() {
            dir.sync()
        } else {
            Ok(())
        }
    }

    /// With [`Durability::Batch`](crate::Durability::Batch), makes all that was done so far outlive a power cut.
    pub(crate) fn flush(&self) -> Result<(), MaildirError> {
        self.flusher.as_ref().map_or(Ok(()), |flusher| flusher.flush())
    }

    /// Makes lines appended to `dovecot-uidlist` outlive a power cut.
    pub(crate) fn sync_uidlist(&self, file: &File) -> Result<(), MaildirError> {
        if self.settings.is_durable() {
            self.base.sync_file(file, UIDLIST)
        } else {
            Ok(())
        }
    }
}

/// A file under a name of its own that takes another's place once it is complete; dropped before, it is gone.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: Arc<Dir>,
    name: Vec<u8>,
    file: File,
    buffer: Vec<u8>,
    settings: Arc<Settings>,
    placed: bool,
}

/// Bytes gathered before they are written.
const BUFFER: usize = 1 << 16;

impl Scratch {
    pub(crate) fn new(dir: &Arc<Dir>, purpose: &str, settings: &Arc<Settings>) -> Result<Self, MaildirError> {
        let name = scratch_name(purpose);
        Ok(Self {
            file: dir.create(&name, settings.owner)?,
            dir: Arc::clone(dir),
            name,
            buffer: Vec::new(),
            settings: Arc::clone(settings),
            placed: false,
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), MaildirError> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), MaildirError> {
        self.dir.write(&self.file, &self.name, &self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Writes over the beginning.
    pub(crate) fn write_at_start(&mut self, bytes: &[u8]) -> Result<(), MaildirError> {
        use std::os::unix::fs::FileExt as _;
        self.flush()?;
        self.dir
            .power()
            .write(bytes, |offset, bytes| self.file.write_all_at(bytes, offset))
            .map_err(|error| self.dir.fail("writing", &self.name, error))
    }

    /// Makes the file complete and puts it in the place of `name`: from one instant to the next everybody
    /// sees the whole of it.
    pub(crate) fn replace(self, into: &Dir, name: &[u8], modified: Option<i64>) -> Result<(), MaildirError> {
        let durable = self.settings.is_durable();
        self.put(into, name, modified, durable)
    }

    /// As [`Scratch::replace`], but what a power cut takes back until the file system is flushed may be the file's contents: only
    /// for a file in whose place there is nothing that anybody would miss.
    pub(crate) fn replace_for_now(self, into: &Dir, name: &[u8]) -> Result<(), MaildirError> {
        let durable = self.settings.is_each_flushed();
        self.put(into, name, None, durable)
    }

    fn put(
        mut self,
        into: &Dir,
        name: &[u8],
        modified: Option<i64>,
        durable: bool,
    ) -> Result<(), MaildirError> {
        self.flush()?;
        if let Some(modified) = modified {
            self.dir.set_modified(&self.file, &self.name, modified)?;
        }
        if durable {
            self.dir.sync_file(&self.file, &self.name)?;
        }
        if !self.dir.rename(&self.name, into, name)? {
            return Err(self.dir.fail("renaming", &self.name, rustix::io::Errno::NOENT));
        }
        self.placed = true;
        if durable { into.sync() } else { Ok(()) }
    }

    /// Makes the file complete and gives it the name `name`, unless something has that name already.
    pub(crate) fn link(mut self, into: &Dir, name: &[u8]) -> Result<Option<File>, MaildirError> {
        self.flush()?;
        if !self.dir.link(&self.name, into, name)? {
            return Ok(None);
        }
        let file = self
            .file
            .try_clone()
            .map_err(|error| into.fail("opening", name, error))?;
        Ok(Some(file))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.placed {
            // What stays behind does no harm, and Dovecot sweeps `tmp/`.
            let _ = self.dir.remove(&self.name);
        }
    }
}

/// A name in `tmp/` that nobody else has.
pub(crate) fn scratch_name(purpose: &str) -> Vec<u8> {
    let mut name = PREFIX.as_bytes().to_vec();
    let _ = write!(name, "{purpose}.{}", random_hex::<8>());
    name
}
