//! Adding above what is there: lines are appended to `dovecot-uidlist`, as Dovecot does it.
//!
//! Page by page: files are renamed, the directory is flushed, lines are appended. So the list never names a file that
//! a power cut may take back. Between renaming and appending, a file may be left that the list does not
//! name; the next run finds it by its origin, unless Dovecot has given it a UID first.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};

use transhume_model::mail::Uid;

use crate::disk::random_hex;
use crate::error::MaildirError;
use crate::lock::DotLock;
use crate::open::OpenMailbox;
use crate::uidlist::{Line, Summary, UID_MAX, UIDLIST, UidListHeader, header_line, read_ends};

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

    /// Sees to it that no UID below this one is given any more: the list is written anew under another header, as Dovecot does
    /// it. (A line for a message that is not there would be quicker; Dovecot shows it to clients until it looks for the file.)
    pub(super) fn reserve(
        &mut self,
        mailbox: &OpenMailbox,
        lock: &mut DotLock,
        uid_next: Uid,
    ) -> Result<(), MaildirError> {
        if uid_next <= self.header.uid_next || uid_next.get() > UID_MAX {
            return Ok(());
        }
        let Some(file) = mailbox.base.read(UIDLIST)? else {
            return Ok(());
        };
        let guid = self.header.guid.clone().unwrap_or_else(random_hex::<16>);
        let mut scratch = mailbox.scratch("uidlist")?;
        scratch.write(header_line(self.header.uid_validity, uid_next, &guid).as_bytes())?;
        let fail = |error| mailbox.base.fail("reading", UIDLIST, error);
        let mut old = BufReader::new(file.take(self.end));
        old.skip_until(b'\n').map_err(fail)?;
        loop {
            lock.keep()?;
            let length = {
                let lines = old.fill_buf().map_err(fail)?;
                scratch.write(lines)?;
                lines.len()
            };
            if length == 0 {
                break;
            }
            old.consume(length);
        }
        lock.check()?;
        scratch.replace(&mailbox.base, UIDLIST, None)?;
        *self = Self::begin(
            mailbox,
            read_ends(&mailbox.base)?.ok_or_else(|| fail(std::io::ErrorKind::NotFound.into()))?,
        )?;
        Ok(())
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
