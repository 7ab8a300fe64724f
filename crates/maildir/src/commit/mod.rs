//! Staged messages become part of the mailbox.
//!
//! Everything here happens under Dovecot's lock, in one of two ways. Where the mailbox's UIDVALIDITY is not yet the
//! one it is to have, it is *filled*: `dovecot-uidlist` is written anew, with the source's messages under the source's
//! UIDs, and what else was in the mailbox above them ([`fill`]). Where it is, messages are *added* ([`add`]).

mod add;
#[cfg(test)]
mod crash_tests;
mod fill;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use transhume_model::mail::{FlagSet, Keyword, Uid, UidValidity};

use self::add::Add;
use self::fill::Fill;
use crate::error::MaildirError;
use crate::index::{Index, Record, Scan};
use crate::keywords::KeywordTable;
use crate::lock::DotLock;
use crate::name::{Origin, full_name};
use crate::open::OpenMailbox;
use crate::stage::{Staged, is_staged, stage_name};
use crate::uidlist::{self, UID_MAX, UidListHeader};

/// How messages are to be entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitKind {
    /// The mailbox gets the UIDVALIDITY given. *All* messages that the source's mailbox has are to be placed,
    /// those that an earlier run has placed already, and twins, included: what is in the mailbox and is not placed
    /// is kept, but gets a UID above. Nothing changes for Dovecot until [`Commit::finish`].
    ///
    /// Where the mailbox has that UIDVALIDITY already, as after a run that was killed when all was done, this is the same
    /// as [`CommitKind::Add`].
    Fill {
        /// The UIDVALIDITY to be had.
        uid_validity: UidValidity,
        /// The source's UIDNEXT: no UID below it is given to anything but the source's messages.
        uid_next: Option<Uid>,
    },
    /// Messages are added above those that are there. A message keeps the source's UID where that is above all UIDs
    /// that were ever given, else it gets the next. [`MaildirError::NeedsFill`] where the mailbox has another
    /// UIDVALIDITY.
    Add {
        /// The UIDVALIDITY that is expected.
        uid_validity: UidValidity,
    },
}

/// One message to be placed.
#[derive(Clone, Copy, Debug)]
pub struct ToPlace<'a> {
    /// What was staged.
    pub staged: &'a Staged,
    /// The flags and keywords it is to have.
    pub flags: &'a FlagSet,
    /// The base name of the message that it is already, where that does not bear its mark. Nothing is taken in then.
    pub twin: Option<&'a [u8]>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is in the mailbox now, under this UID.
    New {
        /// Its UID here.
        uid: Uid,
    },
    /// It has been in the mailbox before, and is left as it is; what was staged is dropped.
    Present {
        /// Its UID here.
        uid: Uid,
        /// The flags it has.
        flags: FlagSet,
    },
    /// What was staged is not there any more, or not complete: it has to be staged again.
    Vanished,
}

/// What a finished commit has come to.
#[derive(Clone, Debug)]
pub struct CommitReport {
    /// The mailbox's UIDVALIDITY, its next UID and its GUID.
    pub header: UidListHeader,
    /// Whether the mailbox was filled anew, so that messages that were there have other UIDs now.
    pub filled: bool,
    /// How many messages were kept that were in the mailbox and not placed; they have UIDs above the others.
    pub kept: u64,
    /// Keywords that messages should have, but for which no letter was left.
    pub keywords_left_out: Vec<Keyword>,
}

/// Messages being put into a mailbox, under its lock. What [`Commit::place`] gives is certain only once
/// [`Commit::finish`] has succeeded. Dropped before, it leaves a mailbox that a later commit completes.
#[derive(Debug)]
pub struct Commit {
    // The order matters: fields are dropped from first to last, and the lock goes last.
    how: How,
    state: State,
    lock: DotLock,
}

#[derive(Debug)]
enum How {
    Fill(Fill),
    Add(Add),
}

#[derive(Debug)]
struct State {
    mailbox: OpenMailbox,
    index: Index,
    keywords: KeywordTable,
    left_out: BTreeSet<Keyword>,
    last_origin_uid: u32,
    /// What the mailbox held earlier, where that is enough to know; the index is read only if it is not.
    seen: Option<Arc<Scan>>,
}

impl Commit {
    pub(crate) fn begin(
        mailbox: OpenMailbox,
        kind: CommitKind,
        keywords: &[Keyword],
    ) -> Result<Self, MaildirError> {
        let lock = mailbox.lock()?;
        let (index, summary) = Index::read(&mailbox)?;
        let mut table = KeywordTable::read(&mailbox.base)?;
        let found = summary.as_ref().map(|summary| summary.header.uid_validity);
        let (CommitKind::Fill { uid_validity, .. } | CommitKind::Add { uid_validity }) = kind;
        let how = match (kind, summary) {
            (_, Some(summary)) if summary.header.uid_validity == uid_validity => {
                How::Add(Add::begin(&mailbox, summary)?)
            }
            (CommitKind::Fill { uid_next, .. }, summary) => {
                let guid = summary.and_then(|summary| summary.header.guid);
                How::Fill(Fill::begin(&mailbox, uid_validity, uid_next, guid)?)
            }
            (CommitKind::Add { .. }, _) => {
                return Err(needs_fill(&mailbox, found, uid_validity));
            }
        };
        table.extend_on_disk(&mailbox, keywords)?;
        Ok(Self {
            how,
            state: State {
                mailbox,
                index,
                keywords: table,
                left_out: BTreeSet::new(),
                last_origin_uid: 0,
                seen: None,
            },
            lock,
        })
    }

    pub(crate) fn begin_adding(
        mailbox: OpenMailbox,
        uid_validity: UidValidity,
        keywords: &[Keyword],
        seen: Arc<Scan>,
    ) -> Result<Self, MaildirError> {
        let lock = mailbox.lock()?;
        let mut table = KeywordTable::read(&mailbox.base)?;
        let summary = uidlist::read_ends(&mailbox.base)?;
        let found = summary.as_ref().map(|summary| summary.header.uid_validity);
        let summary = summary.filter(|summary| summary.header.uid_validity == uid_validity);
        let summary = summary.ok_or_else(|| needs_fill(&mailbox, found, uid_validity))?;
        let how = How::Add(Add::begin(&mailbox, summary)?);
        table.extend_on_disk(&mailbox, keywords)?;
        Ok(Self {
            how,
            state: State {
                mailbox,
                index: Index::default(),
                keywords: table,
                left_out: BTreeSet::new(),
                last_origin_uid: 0,
                seen: Some(seen),
            },
            lock,
        })
    }

    /// Places messages, in ascending order of their source UIDs over all calls; the outcomes are in the same
    /// order. They have to be durable by now. A few thousand at a time are a good measure.
    pub fn place(&mut self, messages: &[ToPlace<'_>]) -> Result<Vec<Placed>, MaildirError> {
        self.lock.check()?;
        self.state.look_closer_at(messages)?;
        let words = messages.iter().flat_map(|message| message.flags.keywords());
        self.state.keywords.extend_on_disk(&self.state.mailbox, words)?;
        let names = self.names_to_enter(messages)?;
        let mut outcomes = Vec::with_capacity(messages.len());
        let mut placed = Ok(());
        for (message, name) in messages.iter().zip(names) {
            match self.place_one(message, name) {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    placed = Err(error);
                    break;
                }
            }
        }
        // Even after an error: what has been renamed is to be in the list.
        let entered = match &mut self.how {
            How::Fill(_) => Ok(()),
            How::Add(add) => add.end_page(&self.state.mailbox, &self.lock),
        };
        placed.and(entered).map(|()| outcomes)
    }

    /// Sees to it that no UID below this one, the source's UIDNEXT, is given to what arrives here later: on the source it stood for a
    /// message that has come and gone, and that some client may still have. To be called when all messages are placed.
    pub fn reserve(&mut self, uid_next: Uid) -> Result<(), MaildirError> {
        match &mut self.how {
            // It has been told so when it began.
            How::Fill(_) => Ok(()),
            How::Add(add) => add.reserve(&self.state.mailbox, &mut self.lock, uid_next),
        }
    }

    /// Enters everything that was placed, for Dovecot and for good, and releases the lock.
    pub fn finish(self) -> Result<CommitReport, MaildirError> {
        let Self {
            how,
            mut state,
            mut lock,
        } = self;
        let (header, filled, kept) = match how {
            How::Fill(fill) => {
                let (header, kept) = fill.finish(&state.mailbox, &mut state.index, &mut lock)?;
                drop(lock);
                state.mailbox.flush()?;
                (header, true, kept)
            }
            How::Add(add) => (add.finish(&state.mailbox)?, false, 0),
        };
        Ok(CommitReport {
            header,
            filled,
            kept,
            keywords_left_out: state.left_out.into_iter().collect(),
        })
    }

    fn place_one(&mut self, message: &ToPlace<'_>, base: Option<Vec<u8>>) -> Result<Placed, MaildirError> {
        self.lock.keep()?;
        let origin = &message.staged.origin;
        self.state.check_order(origin)?;
        if let Some(twin) = message.twin {
            return Ok(self.enter_twin(origin, twin)?.unwrap_or(Placed::Vanished));
        }
        match self.find_present(origin, base)? {
            Some(present) => {
                self.state.mailbox.tmp.remove(&stage_name(origin))?;
                Ok(present)
            }
            None => self.take_in(message),
        }
    }

    /// A message that is in the mailbox already; it is entered in the list where it has to be. `base` is its name, if so.
    fn find_present(
        &mut self,
        origin: &Origin,
        base: Option<Vec<u8>>,
    ) -> Result<Option<Placed>, MaildirError> {
        let State {
            mailbox,
            index,
            keywords,
            ..
        } = &mut self.state;
        let Some(record) = index.get_origin_mut(origin) else {
            return Ok(None);
        };
        let uid = match (&mut self.how, record.uid(), base) {
            (How::Add(_), Some(uid), _) => uid,
            (how, _, Some(base)) => {
                let uid = how.assign(mailbox, origin)?;
                how.enter(origin, uid, &base)?;
                uid
            }
            // It has gone since the index was read.
            (_, _, None) => return Ok(None),
        };
        record.set_uid(uid);
        record.done = true;
        let flags = keywords.flags(record.letters);
        Ok(Some(Placed::Present { uid, flags }))
    }

    /// A message that came another way, and is the source's: numbered anew, it gets the source's UID; else it keeps its own.
    fn enter_twin(&mut self, origin: &Origin, base: &[u8]) -> Result<Option<Placed>, MaildirError> {
        let State {
            mailbox,
            index,
            keywords,
            ..
        } = &mut self.state;
        let Some(record) = index.get_mut(base).filter(|record| !record.done) else {
            return Ok(None);
        };
        let uid = match (&mut self.how, record.uid()) {
            (How::Add(_), Some(uid)) => uid,
            (how, _) => {
                let uid = how.assign(mailbox, origin)?;
                how.enter_twin(uid, base)?;
                uid
            }
        };
        record.set_uid(uid);
        record.done = true;
        let flags = keywords.flags(record.letters);
        Ok(Some(Placed::Present { uid, flags }))
    }

    /// Renames a staged message into `cur/`.
    fn take_in(&mut self, message: &ToPlace<'_>) -> Result<Placed, MaildirError> {
        let ToPlace { staged, flags, .. } = *message;
        let state = &mut self.state;
        let mailbox = &state.mailbox;
        // What lies there may be another, unfinished attempt at the same message.
        if !is_staged(&mailbox.tmp, staged)? {
            return Ok(Placed::Vanished);
        }
        // Before the renaming, as there may be no UID left.
        let uid = self.how.assign(mailbox, &staged.origin)?;
        let base = staged.base_name(&state.mailbox.settings.host);
        let name = full_name(&base, state.keywords.letters(flags, &mut state.left_out));
        if !mailbox
            .tmp
            .rename(&stage_name(&staged.origin), &mailbox.cur, &name)?
        {
            return Ok(Placed::Vanished);
        }
        self.how.enter(&staged.origin, uid, &base)?;
        Ok(Placed::New { uid })
    }

    /// For each message that is in the mailbox already and has to be entered in the list: its base name as it is on the
    /// disk. Most often it is what we would call it now; else the directory has to be gone through.
    fn names_to_enter(&self, messages: &[ToPlace<'_>]) -> Result<Vec<Option<Vec<u8>>>, MaildirError> {
        let State { mailbox, index, .. } = &self.state;
        let mut names = vec![None; messages.len()];
        let mut unknown: HashMap<Origin, usize> = HashMap::new();
        for (at, ToPlace { staged, twin, .. }) in messages.iter().enumerate() {
            let record = index.get(&staged.origin).filter(|_| twin.is_none());
            let Some(record) = record.filter(|record| self.how.has_to_enter(record)) else {
                continue;
            };
            let base = staged.base_name(&self.state.mailbox.settings.host);
            let name = full_name(&base, record.letters);
            if mailbox.place(record.is_new).stat(&name)?.is_some() {
                names[at] = Some(base);
            } else {
                unknown.insert(staged.origin, at);
            }
        }
        if !unknown.is_empty() {
            mailbox.for_each_entry(|entry| {
                if let Some(&at) = entry.origin.and_then(|origin| unknown.get(&origin)) {
                    names[at] = Some(entry.base.to_owned());
                }
                Ok(())
            })?;
        }
        Ok(names)
    }
}

impl State {
    /// Where a message may be in the mailbox already, all that is there has to be known, with its UID.
    fn look_closer_at(&mut self, messages: &[ToPlace<'_>]) -> Result<(), MaildirError> {
        let is_present = |seen: &mut Arc<Scan>| {
            let mut origins = messages.iter().map(|message| &message.staged.origin);
            origins.any(|origin| seen.find(origin).is_some())
        };
        if self.seen.take_if(is_present).is_some() {
            (self.index, _) = Index::read(&self.mailbox)?;
        }
        Ok(())
    }

    fn check_order(&mut self, origin: &Origin) -> Result<(), MaildirError> {
        let uid = origin.uid.get();
        if uid <= self.last_origin_uid {
            return Err(MaildirError::OutOfOrder {
                path: self.mailbox.base.path().to_owned(),
                uid,
            });
        }
        self.last_origin_uid = uid;
        Ok(())
    }
}

impl How {
    /// Whether a message that is in the mailbox needs a line in the list.
    fn has_to_enter(&self, record: &Record) -> bool {
        match self {
            Self::Fill(_) => true,
            Self::Add(_) => record.uid().is_none(),
        }
    }

    /// The UID that the next message gets. Nothing is changed yet.
    fn assign(&self, mailbox: &OpenMailbox, origin: &Origin) -> Result<Uid, MaildirError> {
        let uid = match self {
            Self::Fill(_) => origin.uid,
            Self::Add(add) => add.next_uid().max(origin.uid),
        };
        usable(uid.get(), mailbox)
    }

    fn enter(&mut self, origin: &Origin, uid: Uid, base: &[u8]) -> Result<(), MaildirError> {
        match self {
            Self::Fill(fill) => fill.enter(origin, uid, base),
            Self::Add(add) => {
                add.enter(uid, base);
                Ok(())
            }
        }
    }

    fn enter_twin(&mut self, uid: Uid, base: &[u8]) -> Result<(), MaildirError> {
        match self {
            Self::Fill(fill) => fill.enter_twin(uid, base),
            Self::Add(add) => {
                add.enter(uid, base);
                Ok(())
            }
        }
    }
}

fn needs_fill(mailbox: &OpenMailbox, found: Option<UidValidity>, wanted: UidValidity) -> MaildirError {
    MaildirError::NeedsFill {
        path: mailbox.base.path().to_owned(),
        found,
        wanted,
    }
}

/// A UID, if Dovecot can have it.
fn usable(uid: u32, mailbox: &OpenMailbox) -> Result<Uid, MaildirError> {
    let uid = Uid::new(uid).filter(|uid| uid.get() <= UID_MAX);
    uid.ok_or_else(|| MaildirError::UidsExhausted {
        path: mailbox.base.path().to_owned(),
    })
}
