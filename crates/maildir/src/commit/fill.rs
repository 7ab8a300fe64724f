//! Filling a mailbox: `dovecot-uidlist` is written anew, under another UIDVALIDITY.
//!
//! The renaming of the new list over the old one is what commits: until then Dovecot sees the old UIDVALIDITY, under which
//! it may give the renamed files whatever UIDs it likes; from then on all UIDs are new. A run that is killed before
//! leaves files in `cur/` that the next run finds by their origin and enters.

use std::collections::HashMap;

use transhume_model::mail::{Uid, UidSet, UidValidity};

use super::usable;
use crate::disk::random_hex;
use crate::error::MaildirError;
use crate::index::{Index, Source};
use crate::lock::DotLock;
use crate::name::{Entry, Origin};
use crate::open::{OpenMailbox, Scratch};
use crate::uidlist::{Line, Reader, UIDLIST, UidListHeader, header_line};

#[derive(Debug)]
pub(super) struct Fill {
    /// The list to be: a header, and messages in the order of their UIDs.
    scratch: Scratch,
    uid_validity: UidValidity,
    guid: String,
    /// The least UID for messages that are not the source's.
    above: u32,
    placed: HashMap<Source, UidSet>,
    /// Whether messages are entered that were there before.
    has_twins: bool,
    line: Vec<u8>,
}

impl Fill {
    pub(super) fn begin(
        mailbox: &OpenMailbox,
        uid_validity: UidValidity,
        uid_next: Option<Uid>,
        guid: Option<String>,
    ) -> Result<Self, MaildirError> {
        let guid = guid.unwrap_or_else(random_hex::<16>);
        let mut scratch = mailbox.scratch("uidlist")?;
        scratch.write(header_line(uid_validity, Uid::FIRST, &guid).as_bytes())?;
        Ok(Self {
            scratch,
            uid_validity,
            guid,
            above: uid_next.map_or(1, Uid::get),
            placed: HashMap::new(),
            has_twins: false,
            line: Vec::new(),
        })
    }

    pub(super) fn enter(&mut self, origin: &Origin, uid: Uid, base: &[u8]) -> Result<(), MaildirError> {
        let source = (origin.tag, origin.uid_validity);
        self.placed.entry(source).or_default().insert(origin.uid);
        self.write(uid, b"", base)
    }

    /// Enters a message that does not bear the mark of the source's message that it is.
    pub(super) fn enter_twin(&mut self, uid: Uid, base: &[u8]) -> Result<(), MaildirError> {
        self.has_twins = true;
        self.write(uid, b"", base)
    }

    fn write(&mut self, uid: Uid, extensions: &[u8], base: &[u8]) -> Result<(), MaildirError> {
        let line = Line {
            uid,
            extensions,
            base,
        };
        self.line.clear();
        line.write_to(&mut self.line);
        self.above = self.above.max(uid.get().saturating_add(1));
        self.scratch.write(&self.line)
    }

    pub(super) fn finish(
        mut self,
        mailbox: &OpenMailbox,
        index: &mut Index,
        lock: &mut DotLock,
    ) -> Result<(UidListHeader, u64), MaildirError> {
        let kept = self.keep_listed(mailbox, index, lock)? + self.keep_unlisted(mailbox, index, lock)?;
        let header = UidListHeader {
            uid_validity: self.uid_validity,
            uid_next: Uid::new(self.above).unwrap_or(Uid::LAST),
            guid: Some(self.guid.clone()),
        };
        let line = header_line(header.uid_validity, header.uid_next, &self.guid);
        self.scratch.write_at_start(line.as_bytes())?;
        // Where mail was before, its UIDs must not be lost with a list that a power cut leaves empty. Else one flush is enough
        // that comes when the lock is released: what it comes too late for is filled again.
        let is_fresh = kept == 0 && !self.has_twins;
        if !is_fresh || mailbox.settings.is_each_flushed() {
            mailbox.sync(&mailbox.cur)?;
        }
        lock.check()?;
        // As long as nothing changes in `cur/`, Dovecot believes its index and does not read the list: where all
        // messages were in place before, and where there are none. Before the list is replaced, as we may be killed in
        // between (what changed within the last second Dovecot looks at again); and after, if that takes longer.
        mailbox.cur.touch()?;
        if is_fresh {
            self.scratch.replace_for_now(&mailbox.base, UIDLIST)?;
        } else {
            self.scratch.replace(&mailbox.base, UIDLIST, None)?;
        }
        mailbox.cur.touch()?;
        Ok((header, kept))
    }

    /// Messages of the old list that were not placed get UIDs above, in their old order, and keep what else
    /// the list says of them.
    fn keep_listed(
        &mut self,
        mailbox: &OpenMailbox,
        index: &mut Index,
        lock: &mut DotLock,
    ) -> Result<u64, MaildirError> {
        let mut kept = 0;
        let Some(mut reader) = Reader::open(&mailbox.base)? else {
            return Ok(0);
        };
        while let Some(line) = reader.next_line()? {
            lock.keep()?;
            // A name that occurs twice counts where it occurs last; one without a file does not count at all.
            let Some(record) = index.get_mut(line.base) else {
                continue;
            };
            if record.done || record.uid() != Some(line.uid) {
                continue;
            }
            record.done = true;
            self.write(usable(self.above, mailbox)?, line.extensions, line.base)?;
            kept += 1;
        }
        Ok(kept)
    }

    /// Then those that no list has named yet, as Dovecot would order them: by the time in their names.
    fn keep_unlisted(
        &mut self,
        mailbox: &OpenMailbox,
        index: &mut Index,
        lock: &mut DotLock,
    ) -> Result<u64, MaildirError> {
        let mut unlisted: Vec<(i64, Vec<u8>)> = Vec::new();
        mailbox.for_each_entry(|entry| {
            if !self.has(&entry) && !index.get_mut(entry.base).is_some_and(|record| record.done) {
                unlisted.push((entry.arrival(), entry.base.to_owned()));
            }
            Ok(())
        })?;
        unlisted.sort_unstable();
        unlisted.dedup();
        for (_, base) in &unlisted {
            lock.keep()?;
            self.write(usable(self.above, mailbox)?, b"", base)?;
        }
        Ok(unlisted.len() as u64)
    }

    fn has(&self, entry: &Entry<'_>) -> bool {
        entry.origin.is_some_and(|origin| {
            let placed = self.placed.get(&(origin.tag, origin.uid_validity));
            placed.is_some_and(|placed| placed.contains(origin.uid))
        })
    }
}
