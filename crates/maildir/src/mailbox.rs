//! One mailbox of an account.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use transhume_model::mail::{FlagSet, Keyword, UidValidity};

use crate::commit::{Commit, CommitKind};
use crate::content::{self, Contents};
use crate::disk::Dir;
use crate::error::MaildirError;
use crate::flags::{self, FileName, FlagUpdate, MessageKey};
use crate::index::Scan;
use crate::name::{Entry, full_name};
use crate::open::OpenMailbox;
use crate::removal::{self, Removal};
use crate::root::{MaildirRoot, Settings};
use crate::stage::{Stage, Staged};
use crate::uidlist::{self, UidListHeader};

/// One mailbox, existing or not. Cheap to clone; holds nothing open.
#[derive(Clone, Debug)]
pub struct MailboxDir {
    root: MaildirRoot,
    /// The directory's name in the Maildir; empty for INBOX.
    directory: String,
}

impl MailboxDir {
    pub(crate) fn new(root: MaildirRoot, directory: String) -> Self {
        Self { root, directory }
    }

    /// Where it lies, or would.
    pub fn path(&self) -> PathBuf {
        self.root.dir.join(self.directory.as_bytes())
    }

    /// Whether it exists. INBOX always does.
    pub fn exists(&self) -> Result<bool, MaildirError> {
        match self.find_base()? {
            Some(base) => Ok(base.stat(b"cur")?.is_some()),
            None => Ok(false),
        }
    }

    /// Makes the mailbox where it is missing, or completes one whose making was cut short. Gives whether
    /// there was anything to do.
    pub fn create(&self) -> Result<bool, MaildirError> {
        if self.directory.is_empty() {
            return make_directories(&self.root.dir, &self.root.settings);
        }
        let settings = &self.root.settings;
        let (base, _) = self
            .root
            .dir
            .make_dir(self.directory.as_bytes(), settings.owner)?;
        // Tells delivery agents that this is a part of the Maildir above (Maildir++).
        base.make_file(b"maildirfolder", settings.owner)?;
        let made = make_directories(&base, settings)?;
        if made && settings.is_each_flushed() {
            self.root.dir.sync()?;
        }
        Ok(made)
    }

    /// What `dovecot-uidlist` says of the mailbox as a whole; [`None`] where there is none.
    pub fn header(&self) -> Result<Option<UidListHeader>, MaildirError> {
        let Some(base) = self.find_base()? else {
            return Ok(None);
        };
        Ok(uidlist::read_ends(&base)?.map(|summary| summary.header))
    }

    /// What is in the mailbox, seen without the lock: what Dovecot changes meanwhile may be seen or not.
    pub fn scan(&self) -> Result<Scan, MaildirError> {
        Scan::read(&self.open()?)
    }

    /// The place in `tmp/` for messages of the source that is tagged `tag` (see [`Origin::tag`](crate::Origin::tag)).
    /// Looks at nothing yet: it is the use of it that fails where the mailbox is missing.
    pub fn stage(&self, tag: [u8; 8]) -> Stage {
        Stage::new(self.clone(), tag)
    }

    /// Takes Dovecot's lock and begins to put staged messages into the mailbox. `keywords` get their letters first,
    /// in their order: the most used should come first, as there are 26 letters and no more.
    ///
    /// The lock is held until the [`Commit`] is finished or dropped. Dovecot's clients and deliveries may wait for it,
    /// so nothing slow, above all nothing over a network, belongs in between; it is touched with every
    /// message, but two minutes without a call make it anybody's.
    pub fn begin_commit(&self, kind: CommitKind, keywords: &[Keyword]) -> Result<Commit, MaildirError> {
        Commit::begin(self.open()?, kind, keywords)
    }

    /// As [`MailboxDir::begin_commit`] for adding, where the mailbox has been looked at before, and since when nobody but
    /// this caller has put messages of these sources into it: what of them is there need not be looked for under the lock.
    /// [`MaildirError::NeedsFill`] where the mailbox has another UIDVALIDITY.
    pub fn begin_adding(
        &self,
        uid_validity: UidValidity,
        keywords: &[Keyword],
        seen: Arc<Scan>,
    ) -> Result<Commit, MaildirError> {
        Commit::begin_adding(self.open()?, uid_validity, keywords, seen)
    }

    /// Changes flags of messages, under Dovecot's lock. For each of `keys` that is there, `change` is given its
    /// flags as they are now and gives those it is to have; it can merge what others have changed meanwhile.
    /// The outcomes are in the order of `keys`, in which none may be twice.
    ///
    /// `names` says of some of them, by their places among `keys`, what their files were called a moment ago
    /// ([`MailboxDir::file_name`]): where all are known, and none is called otherwise now, nothing has to be searched.
    pub fn update_flags(
        &self,
        keys: &[MessageKey],
        names: HashMap<usize, FileName>,
        change: impl FnMut(&MessageKey, &FlagSet) -> FlagSet,
    ) -> Result<FlagUpdate, MaildirError> {
        flags::update(&self.open()?, keys, names, change)
    }

    /// What the file of a message that was staged as `staged` was called when the mailbox was looked at.
    pub fn file_name(&self, seen: &Scan, staged: &Staged) -> Option<FileName> {
        let found = seen.find(&staged.origin)?;
        let base = staged.base_name(&self.settings().host);
        Some(FileName {
            name: full_name(&base, found.letters),
            is_new: found.is_new,
        })
    }

    /// Removes messages, under Dovecot's lock: those of `keys` whose flags, as they are now, `may_go` agrees to. The outcomes
    /// are in the order of `keys`, in which none may be twice.
    pub fn remove(
        &self,
        keys: &[MessageKey],
        may_go: impl FnMut(&MessageKey, &FlagSet) -> bool,
    ) -> Result<Vec<Removal>, MaildirError> {
        removal::remove(&self.open()?, keys, may_go)
    }

    /// Reads messages and hands their digests and sizes to `visit`: all those that `wanted` chooses. Without the
    /// lock; a message that is removed meanwhile is passed over.
    pub fn read_contents(
        &self,
        wanted: impl FnMut(&Entry<'_>) -> bool,
        visit: impl FnMut(&Entry<'_>, Contents),
    ) -> Result<(), MaildirError> {
        content::read_all(&self.open()?, wanted, visit)
    }

    /// The name of its directory in the Maildir; empty for INBOX.
    pub(crate) fn directory(&self) -> &str {
        &self.directory
    }

    fn find_base(&self) -> Result<Option<Arc<Dir>>, MaildirError> {
        if self.directory.is_empty() {
            return Ok(Some(Arc::clone(&self.root.dir)));
        }
        Ok(self.root.dir.find_dir(self.directory.as_bytes())?.map(Arc::new))
    }

    pub(crate) fn open(&self) -> Result<OpenMailbox, MaildirError> {
        let base = self.find_base()?.ok_or_else(|| {
            let missing = rustix::io::Errno::NOENT;
            self.root.dir.fail("opening", self.directory.as_bytes(), missing)
        })?;
        OpenMailbox::new(base, &self.root)
    }

    pub(crate) fn tmp(&self) -> Result<Arc<Dir>, MaildirError> {
        self.root.handles.tmp(&self.root.dir, &self.directory)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.root.settings
    }
}

/// Makes what a Maildir consists of; whether anything was missing. `cur` comes last: where it is, all is.
pub(crate) fn make_directories(base: &Dir, settings: &Settings) -> Result<bool, MaildirError> {
    let mut made_any = false;
    if base.stat(b"cur")?.is_none() {
        base.sweep_makings()?;
    }
    for name in [b"tmp".as_slice(), b"new", b"cur"] {
        let (_, made) = base.make_dir(name, settings.owner)?;
        made_any |= made;
    }
    if made_any && settings.is_each_flushed() {
        base.sync()?;
    }
    Ok(made_any)
}
