//! Messages on their way in: streamed into `tmp/`, not yet part of the mailbox.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use transhume_model::mail::{Digest, Hasher, InternalDate};

use crate::disk::Dir;
use crate::error::MaildirError;
use crate::mailbox::MailboxDir;
use crate::name::{Origin, base_name};
use crate::open::{PREFIX, scratch_name};
use crate::root::Durability;

/// A message that lies complete in `tmp/`. It can be written down and used by a later run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// Which message it is.
    pub origin: Origin,
    /// INTERNALDATE: the file's time of last modification, as Dovecot has it. The date that was asked for, or the
    /// nearest that the file system can keep.
    pub internal_date: InternalDate,
    /// Bytes as the source served them.
    pub size: u64,
    /// Bytes with every line ended by CRLF, as Dovecot serves them.
    pub virtual_size: u64,
    /// Digest of the bytes as the source served them.
    pub digest: Digest,
}

impl Staged {
    /// What its file is called in the mailbox, without flags.
    pub(crate) fn base_name(&self, host: &str) -> Vec<u8> {
        base_name(
            &self.origin,
            self.internal_date,
            host,
            self.size,
            self.virtual_size,
        )
        .into_bytes()
    }
}

/// `tmp/` of a mailbox, for the messages of one source. Cheap to clone; threads may use clones at once. Holds nothing
/// open: the account does, for the few mailboxes that were used last.
#[derive(Clone, Debug)]
pub struct Stage {
    mailbox: MailboxDir,
    tag: [u8; 8],
}

impl Stage {
    pub(crate) fn new(mailbox: MailboxDir, tag: [u8; 8]) -> Self {
        Self { mailbox, tag }
    }

    /// Begins a message. Where its origin is known already, a file is renamed less; a file that an earlier attempt
    /// at the same message has left is replaced.
    pub fn begin(&self, origin: Option<&Origin>) -> Result<StagedFile, MaildirError> {
        let name = origin.map_or_else(|| scratch_name(&part(self.tag)), stage_name);
        let tmp = self.mailbox.tmp()?;
        Ok(StagedFile {
            file: tmp.create_over(&name)?,
            tmp,
            mailbox: self.mailbox.clone(),
            name,
            hasher: Hasher::default(),
            size: 0,
            line_ends: LineEnds::default(),
            finished: false,
        })
    }

    /// Whether a message that was staged once, perhaps by an earlier run, still lies there complete. Dovecot removes
    /// from `tmp/` what is older than 36 hours.
    pub fn holds(&self, staged: &Staged) -> Result<bool, MaildirError> {
        is_staged(&*self.mailbox.tmp()?, staged)
    }

    /// Removes what earlier runs have left of this source's messages, but for complete ones that `keep` wants, and our
    /// scratch files. To be called while nothing else of ours works on this mailbox. Gives the number of
    /// files removed.
    pub fn sweep(&self, mut keep: impl FnMut(&Origin) -> bool) -> Result<usize, MaildirError> {
        let other_tag = |tag: [u8; 8]| tag != self.tag;
        let mut leftovers: Vec<Vec<u8>> = Vec::new();
        let tmp = self.mailbox.tmp()?;
        tmp.for_each(|name| {
            let stays = match leftover(name) {
                None => true,
                Some(Leftover::Staged(origin)) => other_tag(origin.tag) || keep(&origin),
                Some(Leftover::Part(tag)) => other_tag(tag),
                Some(Leftover::Scratch) => false,
            };
            if !stays {
                leftovers.push(name.to_owned());
            }
            Ok(())
        })?;
        let mut removed = 0;
        for name in &leftovers {
            removed += usize::from(tmp.remove(name)?);
        }
        Ok(removed)
    }
}

/// A message being written; dropped before it is finished, it is gone.
#[derive(Debug)]
pub struct StagedFile {
    mailbox: MailboxDir,
    tmp: Arc<Dir>,
    name: Vec<u8>,
    file: File,
    hasher: Hasher,
    size: u64,
    line_ends: LineEnds,
    finished: bool,
}

impl StagedFile {
    /// Appends bytes, as they came from the source.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), MaildirError> {
        self.tmp.write(&self.file, &self.name, bytes)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        self.line_ends.count(bytes);
        Ok(())
    }

    /// Bytes written so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Makes the message complete: dates it, gives it to its owner, flushes it with [`Durability::File`].
    pub fn finish(mut self, origin: Origin, internal_date: InternalDate) -> Result<Staged, MaildirError> {
        let (tmp, settings) = (&*self.tmp, self.mailbox.settings());
        if let Some(owner) = settings.owner {
            tmp.give(&self.file, &self.name, owner)?;
        }
        // The date comes last: a file that bears it is complete.
        tmp.set_modified(&self.file, &self.name, internal_date.unix())?;
        let internal_date = self.kept_date(internal_date)?;
        if settings.durability == Durability::File {
            tmp.sync_file(&self.file, &self.name)?;
        }
        let name = stage_name(&origin);
        if name != self.name && !tmp.rename(&self.name, tmp, &name)? {
            return Err(tmp.fail("renaming", &self.name, rustix::io::Errno::NOENT));
        }
        self.finished = true;
        Ok(Staged {
            origin,
            internal_date,
            size: self.size,
            virtual_size: self.size + self.line_ends.bare,
            digest: self.hasher.digest(),
        })
    }

    /// The date that the file has. Every file system keeps those of 32 bits; of others it may keep the nearest it can.
    fn kept_date(&self, asked: InternalDate) -> Result<InternalDate, MaildirError> {
        if i32::try_from(asked.unix()).is_ok() {
            return Ok(asked);
        }
        let stat =
            rustix::fs::fstat(&self.file).map_err(|errno| self.tmp.fail("looking at", &self.name, errno))?;
        Ok(InternalDate::from_unix(stat.st_mtime))
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.finished {
            // What stays behind is swept by the next run, or by Dovecot.
            let _ = self.tmp.remove(&self.name);
        }
    }
}

/// Counts line ends that are not CRLF, over chunks cut anywhere.
#[derive(Debug, Default)]
pub(crate) struct LineEnds {
    pub(crate) bare: u64,
    after_cr: bool,
}

impl LineEnds {
    pub(crate) fn count(&mut self, chunk: &[u8]) {
        for at in memchr::memchr_iter(b'\n', chunk) {
            let after_cr = match at.checked_sub(1) {
                Some(before) => chunk[before] == b'\r',
                None => self.after_cr,
            };
            self.bare += u64::from(!after_cr);
        }
        if let Some(&last) = chunk.last() {
            self.after_cr = last == b'\r';
        }
    }
}

/// Whether a staged message lies there complete: of the right size, and dated, which is done last.
pub(crate) fn is_staged(tmp: &Dir, staged: &Staged) -> Result<bool, MaildirError> {
    let stat = tmp.stat(&stage_name(&staged.origin))?;
    Ok(stat.is_some_and(|stat| {
        u64::try_from(stat.st_size) == Ok(staged.size) && stat.st_mtime == staged.internal_date.unix()
    }))
}

/// The name in `tmp/` of a message of known origin.
pub(crate) fn stage_name(origin: &Origin) -> Vec<u8> {
    let mut name = Vec::with_capacity(64);
    let _ = write!(name, "{PREFIX}stage.{origin}");
    name
}

fn part(tag: [u8; 8]) -> String {
    format!("part.{:016x}", u64::from_be_bytes(tag))
}

enum Leftover {
    Staged(Origin),
    Part([u8; 8]),
    Scratch,
}

fn leftover(name: &[u8]) -> Option<Leftover> {
    let rest = name.strip_prefix(PREFIX.as_bytes())?;
    if let Some(mark) = rest.strip_prefix(b"stage.") {
        return Origin::parse_mark(mark).map(Leftover::Staged);
    }
    if let Some(part) = rest.strip_prefix(b"part.") {
        let tag = std::str::from_utf8(part.get(..16)?).ok()?;
        return u64::from_str_radix(tag, 16)
            .ok()
            .map(|tag| Leftover::Part(tag.to_be_bytes()));
    }
    Some(Leftover::Scratch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handles::HANDLES_MAX;
    use crate::testing::{Account, TAG, date, origin};
    use proptest::prelude::*;
    use transhume_model::mail::MailboxName;

    #[test]
    fn few_directories_are_held_open_however_many_mailboxes_there_are() {
        let account = Account::new();
        let root = account.open().unwrap();
        let mut stages = Vec::new();
        for number in 0..20 {
            let name = MailboxName::from_components([number.to_string()]).unwrap();
            let mailbox = root.mailbox(&name).unwrap();
            mailbox.create().unwrap();
            stages.push(mailbox.stage(TAG));
        }
        for _ in 0..2 {
            for stage in &stages {
                stage.begin(None).unwrap().finish(origin(7, 1), date(1)).unwrap();
            }
        }
        assert_eq!(root.handles.len(), HANDLES_MAX);
        let tmp = stages[7].mailbox.tmp().unwrap();
        assert!(Arc::ptr_eq(&tmp, &stages[7].mailbox.tmp().unwrap()));

        // A mailbox that was moved away, and made anew, is another one.
        let path = stages[7].mailbox.path();
        std::fs::rename(&path, account.path().join(".moved")).unwrap();
        assert_eq!(
            stages[7].begin(None).unwrap_err().kind(),
            crate::ErrorKind::Missing
        );
        stages[7].mailbox.create().unwrap();
        let file = stages[7].begin(None).unwrap();
        assert_eq!(crate::testing::names(&path.join("tmp")).len(), 1);
        drop(file);
    }

    #[test]
    fn a_mailbox_that_is_missing_is_found_out_at_the_first_use() {
        let account = Account::new();
        let name = MailboxName::from_components(["not there"]).unwrap();
        let missing = account.open().unwrap().mailbox(&name).unwrap().stage(TAG);
        assert_eq!(missing.begin(None).unwrap_err().kind(), crate::ErrorKind::Missing);
    }

    proptest! {
        #[test]
        fn bare_line_ends_are_counted_over_any_cuts(text in "[\r\nab]{0,40}", cuts in proptest::collection::vec(0usize..40, 0..5)) {
            let text = text.as_bytes();
            let expected = (0..text.len())
                .filter(|&at| text[at] == b'\n' && (at == 0 || text[at - 1] != b'\r'))
                .count() as u64;
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut ends = LineEnds::default();
            for cut in cuts.windows(2) {
                ends.count(&text[cut[0]..cut[1]]);
            }
            prop_assert_eq!(ends.bare, expected);
        }
    }
}
