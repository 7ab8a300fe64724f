//! Where a message's text waits until it is sent: short ones in memory, long ones in a file without a name.
//!
//! A text has to be whole before it is sent: its digest stands in the base by then, so that it is not brought twice.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use transhume_db::StagedMessage;
use transhume_imap::wire::Octets;
use transhume_model::mail::{InternalDate, MessageRow};

use super::content::Reader;
use crate::endpoint::target::{Draft, Received};
use crate::error::SyncError;

/// Octets of a text that is kept in memory.
const IN_MEMORY: usize = 128 * 1024;

/// Octets of all texts that wait. A further message is only begun below that.
const WAITING: u64 = 24 << 20;

/// Octets that are read back from a file at a time.
const READ_BACK: usize = 256 * 1024;

/// All texts that wait, and the folder for those that are too long for memory.
pub(super) struct Spool {
    folder: PathBuf,
    waiting: Mutex<u64>,
    sent: Condvar,
}

impl Spool {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            waiting: Mutex::new(0),
            sent: Condvar::new(),
        }
    }

    /// Begins a message, when others have made room for it. Blocks.
    pub(super) fn begin(self: &Arc<Self>, now: InternalDate) -> SpoolDraft {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.sent.wait_while(waiting, |waiting| *waiting >= WAITING));
        SpoolDraft {
            spool: self.clone(),
            memory: BytesMut::new(),
            file: None,
            reader: Reader::default(),
            now,
        }
    }

    fn add(&self, octets: u64) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) += octets;
    }

    fn trouble(&self, source: std::io::Error) -> SyncError {
        SyncError::Spool {
            folder: self.folder.clone(),
            source,
        }
    }
}

/// A message on its way into the spool.
pub(super) struct SpoolDraft {
    spool: Arc<Spool>,
    memory: BytesMut,
    file: Option<File>,
    reader: Reader,
    now: InternalDate,
}

impl Draft for SpoolDraft {
    fn write(&mut self, piece: &[u8]) -> Result<(), SyncError> {
        self.reader.read(piece);
        if self.file.is_none() && self.memory.len() + piece.len() > IN_MEMORY {
            let file = tempfile::tempfile_in(&self.spool.folder);
            let mut file = file.map_err(|error| self.spool.trouble(error))?;
            let written = file.write_all(&std::mem::take(&mut self.memory));
            written.map_err(|error| self.spool.trouble(error))?;
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            return file.write_all(piece).map_err(|error| self.spool.trouble(error));
        }
        self.memory.extend_from_slice(piece);
        Ok(())
    }

    fn finish(self: Box<Self>, row: MessageRow) -> Result<Received, SyncError> {
        let contents = self.reader.finish();
        self.spool.add(contents.size);
        let text = Spooled {
            len: contents.size,
            text: match self.file {
                Some(file) => Text::File(file),
                None => Text::Memory(self.memory.freeze()),
            },
            spool: self.spool,
        };
        Ok(Received {
            message: StagedMessage {
                uid: row.uid,
                flags: row.flags,
                internal_date: row.internal_date.unwrap_or(self.now),
                size: contents.size,
                line_feeds: contents.line_feeds,
                digest: contents.digest,
            },
            text: Some(Arc::new(text)),
        })
    }
}

/// A text that waits to be sent.
struct Spooled {
    len: u64,
    text: Text,
    spool: Arc<Spool>,
}

enum Text {
    Memory(Bytes),
    File(File),
}

impl Octets for Spooled {
    fn len(&self) -> u64 {
        self.len
    }

    fn piece(&self, at: u64) -> Option<Bytes> {
        match &self.text {
            Text::Memory(text) => Some(text.slice(usize::try_from(at).ok()?.min(text.len())..)),
            Text::File(file) => {
                let mut piece = vec![0; READ_BACK];
                let come = file.read_at(&mut piece, at).ok()?;
                piece.truncate(come);
                Some(Bytes::from(piece))
            }
        }
    }
}

impl Drop for Spooled {
    fn drop(&mut self) {
        let mut waiting = self.spool.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = waiting.saturating_sub(self.len);
        self.spool.sent.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transhume_model::mail::{FlagSet, Uid};

    fn spool(folder: &std::path::Path, text: &[u8]) -> (Arc<Spool>, Received) {
        let spool = Arc::new(Spool::new(folder.to_owned()));
        let mut draft = Box::new(spool.begin(InternalDate::from_unix(0)));
        for piece in text.chunks(50_000) {
            draft.write(piece).unwrap();
        }
        let row = MessageRow {
            uid: Uid::FIRST,
            flags: FlagSet::new(),
            internal_date: None,
            size: 0,
        };
        (spool, draft.finish(row).unwrap())
    }

    fn read_back(text: &dyn Octets) -> Vec<u8> {
        let mut read = Vec::new();
        while (read.len() as u64) < text.len() {
            read.extend_from_slice(&text.piece(read.len() as u64).unwrap());
        }
        read
    }

    /// I2: texts come out as they went in, from memory and from a file that nobody else sees.
    #[test]
    fn what_goes_in_comes_out() {
        let folder = tempfile::tempdir().unwrap();
        for len in [0, 1, IN_MEMORY, IN_MEMORY + 1, 1_000_003] {
            let text: Vec<u8> = (0_u32..).flat_map(u32::to_le_bytes).take(len).collect();
            let (spool, received) = spool(folder.path(), &text);
            let spooled = received.text.unwrap();
            assert_eq!(received.message.size, len as u64);
            assert!(read_back(&*spooled) == text, "{len}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
            assert_eq!(*spool.waiting.lock().unwrap(), len as u64);
            drop(spooled);
            assert_eq!(*spool.waiting.lock().unwrap(), 0);
        }
    }

    /// I9: nothing is begun while too much waits.
    #[test]
    fn what_comes_next_waits_for_room() {
        let folder = tempfile::tempdir().unwrap();
        let (spool, received) = spool(folder.path(), b"x");
        spool.add(WAITING);
        let (begun, hears) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                spool.begin(InternalDate::from_unix(0));
                begun.send(()).unwrap();
            });
            let early = hears.recv_timeout(std::time::Duration::from_millis(50));
            assert!(early.is_err(), "begun without room");
            *spool.waiting.lock().unwrap() -= WAITING;
            drop(received);
            hears.recv().unwrap();
        });
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told() {
        let spool = Arc::new(Spool::new(PathBuf::from("/nonexistent")));
        let error = spool
            .begin(InternalDate::from_unix(0))
            .write(&vec![b'x'; IN_MEMORY + 1])
            .unwrap_err();
        assert!(error.to_string().contains("/nonexistent"), "{error}");
    }
}
