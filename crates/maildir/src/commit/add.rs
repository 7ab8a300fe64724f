//! Adding above what is there: lines are appended to `dovecot-uidlist`, as Dovecot does it.
//!
//! Page by page: files are renamed, the directory is flushed, lines are appended. So the list never names a file that
//! a power cut may take back. Between renaming and appending, a file may be left that the list does not
//! name; the next run finds it by its origin, unless Dovecot has given it a UID first.

use std::fs::File;

use transhume_model::mail::Uid;

use crate::error::MaildirError;
use crate::lock::DotLock;
use crate::open::OpenMailbox;
use crate::uidlist::{Line, Summary, UIDLIST, UidListHeader};

#[derive(Debug)]
pub(super) struct Add {
    file: File,
    /// Where the last whole line ends.
    end: u64,
    header: UidListHeader,
    lines: Vec<u8>,
}

impl Add {
    pub(super) fn begin(mailbox: &OpenMailbox, summary: Summary) -> Result<Self, MaildirError> {
        let file = mailbox.base.append(UIDLIST)?;
        if summary.torn {
            // What follows the last line end never counted; appended to, it would become a line of nonsense.
            mailbox.base.truncate(&file, UIDLIST, summary.end)?;
        }
        Ok(Self {
            file,
            end: summary.end,
            header: summary.header,
            lines: Vec::new(),
        })
    }

    /// The least UID that no message has ever had.
    pub(super) fn next_uid(&self) -> Uid {
        self.header.uid_next
    }

    pub(super) fn enter(&mut self, uid: Uid, base: &[u8]) {
        let line = Line {
            uid,
            extensions: b"",
            base,
        };
        line.write_to(&mut self.lines);
        self.header.uid_next = uid.next().unwrap_or(Uid::LAST);
    }

    pub(super) fn end_page(&mut self, mailbox: &OpenMailbox, lock: &DotLock) -> Result<(), MaildirError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        mailbox.sync(&mailbox.cur)?;
        lock.check()?;
        let written = mailbox.base.write(&self.file, UIDLIST, &self.lines);
        if written.is_err() {
            // The disk may be full in the middle of a line, to which Dovecot would append.
            let _ = mailbox.base.truncate(&self.file, UIDLIST, self.end);
        }
        self.end += self.lines.len() as u64;
        self.lines.clear();
        written
    }

    pub(super) fn finish(self, mailbox: &OpenMailbox) -> Result<UidListHeader, MaildirError> {
        mailbox.sync_uidlist(&self.file)?;
        Ok(self.header)
    }
}
