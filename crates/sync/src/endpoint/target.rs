//! The seam between a pass and the new side: what any target does.
//!
//! Two things stand behind it: a [Maildir](super::MaildirTarget) that Dovecot serves, and an account on
//! an [IMAP server](super::ImapTarget). A pass knows neither; what only one of them has (marks in file names, Dovecot's
//! lock; connections, UIDs that the server gives) stays on its side of the seam.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use transhume_db::{Base, MailboxId, MailboxRecord, StagedMessage};
use transhume_imap::wire::Octets;
use transhume_model::mail::{Checkpoint, FlagSet, InternalDate, MailboxName, MessageRow, Uid, UidValidity};
use transhume_model::plan::{
    Action, MailboxBase, MailboxStep, NameRules, TargetState, TargetView, decide_mailbox,
};

use super::{ImapTarget, MaildirTarget};
use crate::confirm::Confirmed;
use crate::error::SyncError;

/// Where mail goes: one account's new home.
#[async_trait]
pub(crate) trait Target: fmt::Debug + Send + Sync {
    /// Whether it is there; in a dry run it need not be.
    fn exists(&self) -> bool;

    /// Keeps other runs of this program out.
    fn claim(&self) -> Result<Claim, SyncError>;

    /// Which target this is, whatever its address; `None` when it was never marked, or was emptied since.
    async fn identity(&self) -> Result<Option<String>, SyncError>;

    /// Marks the target, and gives what it is known by from then on.
    async fn mark(&self) -> Result<String, SyncError>;

    /// A round begins: what was seen of the target before counts no more.
    async fn begin_round(&self) -> Result<(), SyncError>;

    /// These mailboxes are about to be opened in this round: whoever can look at them ahead, does.
    fn foresee(&self, _mailboxes: Vec<MailboxName>) {}

    /// What its mailboxes can be called.
    async fn name_rules(&self) -> Result<NameRules, SyncError>;

    /// How a mailbox is found.
    async fn state(&self, mailbox: &Counterpart<'_>) -> Result<TargetState, SyncError>;

    /// What a mailbox needs as a whole.
    fn decide(&self, source: &Checkpoint, base: &MailboxBase, state: &TargetState) -> MailboxStep {
        decide_mailbox(source, Some(base), state)
    }

    /// Makes a mailbox where it is missing, and says whether it was.
    async fn make_mailbox(&self, name: &MailboxName) -> Result<bool, SyncError>;

    /// Gives a mailbox another name, and says whether it could.
    async fn rename_mailbox(&self, from: &MailboxName, to: &MailboxName) -> Result<bool, SyncError>;

    /// Those of these mailboxes, which were filled once, that their owner calls by another name now: their positions, and the names,
    /// which are none of `taken`.
    async fn renamed_by_owner(
        &self,
        _filled: &[Counterpart<'_>],
        _taken: &HashSet<MailboxName>,
    ) -> Result<Vec<(usize, MailboxName)>, SyncError> {
        Ok(Vec::new())
    }

    /// What a mailbox holds; nothing when it is not there. `uid_validity` is the source's.
    async fn look(
        &self,
        mailbox: &Counterpart<'_>,
        uid_validity: Option<UidValidity>,
    ) -> Result<Look, SyncError>;

    /// Opens a mailbox to be written to, once it has been made, and clears up what an interruption left behind. What it
    /// then holds comes with it.
    async fn place(&self, wanted: &Wanted<'_>) -> Result<(Arc<dyn Place>, Look), SyncError>;

    /// Subscribes to mailboxes, and says to how many of them nobody had subscribed before.
    async fn subscribe(&self, names: Vec<MailboxName>) -> Result<usize, SyncError>;

    /// Makes all messages that have been received so far safe from a power cut.
    async fn make_durable(&self) -> Result<(), SyncError>;

    /// How much is received at a time, and kept with one stroke.
    fn batch(&self) -> Batch;
}

/// One mailbox of a target, and the way in.
#[async_trait]
pub(crate) trait Place: fmt::Debug + Send + Sync {
    /// Which mailbox of the base.
    fn id(&self) -> MailboxId;

    /// Begins to receive a message; its UID is given where it is known by now. Called on a thread that may block.
    fn begin(&self, uid: Option<Uid>) -> Result<Box<dyn Draft>, SyncError>;

    /// Takes messages that were received, and made durable, into the base's and its own keeping.
    async fn keep(&self, base: &Base, received: Vec<Received>) -> Result<Confirmed, SyncError>;

    /// Carries out actions that need no bytes from the source.
    async fn apply(&self, base: &Base, actions: Vec<Action>) -> Result<Confirmed, SyncError>;

    /// All that this pass has for the mailbox has been kept: makes it part of the mailbox. `is_whole` says whether that is all that
    /// the source has, so that no message below its UIDNEXT is still to come.
    async fn commit(&self, base: &Base, is_whole: bool) -> Result<Confirmed, SyncError>;
}

/// A message on its way in. Dropped before it is finished, it leaves nothing behind.
pub(crate) trait Draft: Send {
    /// The next piece of its text.
    fn write(&mut self, piece: &[u8]) -> Result<(), SyncError>;

    /// The text is complete, and this is whose it is.
    fn finish(self: Box<Self>, row: MessageRow) -> Result<Received, SyncError>;
}

/// A message that has come in whole.
pub(crate) struct Received {
    pub(crate) message: StagedMessage,
    /// Its text, where the target has yet to be given it.
    pub(crate) text: Option<Arc<dyn Octets>>,
}

/// A mailbox of the source and its counterpart on the target, as the base knows them.
#[derive(Clone, Copy)]
pub(crate) struct Counterpart<'a> {
    pub(crate) base: &'a Base,
    /// The source's account.
    pub(crate) account: &'a str,
    pub(crate) record: &'a MailboxRecord,
}

/// What a mailbox is opened for.
pub(crate) struct Wanted<'a> {
    pub(crate) mailbox: Counterpart<'a>,
    pub(crate) step: MailboxStep,
    /// The source's.
    pub(crate) checkpoint: &'a Checkpoint,
    pub(crate) state: &'a TargetState,
    pub(crate) now: InternalDate,
}

/// How much is received at a time, and the messages, and octets, after which a batch is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    /// Threads that receive messages. With more than one, messages may overtake each other.
    pub(crate) writers: usize,
    /// Connections to the source that are of use, at most.
    pub(crate) lines: u32,
    pub(crate) messages: usize,
    pub(crate) octets: u64,
    /// Mailboxes that are committed at a time.
    pub(crate) mailboxes: usize,
}

/// Finds the messages of a target's mailbox.
pub(crate) trait Index: Send + Sync {
    /// The flags of the counterpart of a source message: the one of this name, else the one that is known to be it.
    fn flags_of(&self, uid: Uid, name: Option<&str>) -> Option<FlagSet>;

    /// Whether there is no message at all.
    fn is_empty(&self) -> bool;
}

/// What a target's mailbox holds.
#[derive(Default)]
pub(crate) struct Look {
    index: Option<Box<dyn Index>>,
    foreign_sizes: HashSet<u64>,
    /// Messages that an interrupted pass had brought after all, as has been found only now.
    pub(crate) recovered: u64,
    /// Messages that the target has refused in this pass, and why: they are not brought again.
    pub(crate) refused: HashMap<Uid, String>,
}

impl Look {
    pub(crate) fn new(index: impl Index + 'static, foreign_sizes: HashSet<u64>) -> Self {
        Self {
            index: Some(Box::new(index)),
            foreign_sizes,
            ..Self::default()
        }
    }

    /// Whether there is no message at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.index.as_ref().is_none_or(|index| index.is_empty())
    }

    /// Lets `plan` see it.
    pub(crate) fn with_view<T>(&self, plan: impl FnOnce(TargetView<'_>) -> T) -> T {
        let flags_of = |uid, name: Option<&str>| self.index.as_ref()?.flags_of(uid, name);
        plan(TargetView {
            flags_of: &flags_of,
            foreign_sizes: &self.foreign_sizes,
        })
    }
}

/// Holds a target against other runs of this program, until it is dropped.
pub struct Claim {
    _held: Box<dyn Any + Send + Sync>,
}

impl Claim {
    pub(crate) fn new(held: impl Any + Send + Sync) -> Self {
        Self {
            _held: Box::new(held),
        }
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim")
    }
}

/// A target of either kind.
#[derive(Clone, Debug)]
pub struct AnyTarget(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Maildir(Arc<MaildirTarget>),
    Imap(Arc<ImapTarget>),
}

impl AnyTarget {
    /// Whether it is there.
    pub fn exists(&self) -> bool {
        self.get().exists()
    }

    /// Keeps other runs of this program out.
    pub fn claim(&self) -> Result<Claim, SyncError> {
        self.get().claim()
    }

    pub(crate) fn get(&self) -> Arc<dyn Target> {
        match &self.0 {
            Kind::Maildir(target) => target.clone(),
            Kind::Imap(target) => target.clone(),
        }
    }

    /// The Maildir, if it is one.
    pub(crate) fn maildir(&self) -> Option<&MaildirTarget> {
        match &self.0 {
            Kind::Maildir(target) => Some(target),
            Kind::Imap(_) => None,
        }
    }
}

impl From<MaildirTarget> for AnyTarget {
    fn from(target: MaildirTarget) -> Self {
        Self(Kind::Maildir(Arc::new(target)))
    }
}

impl From<ImapTarget> for AnyTarget {
    fn from(target: ImapTarget) -> Self {
        Self(Kind::Imap(Arc::new(target)))
    }
}
