//! One mailbox of a Maildir: where its messages are staged, and how they are committed.

use std::sync::Arc;

use async_trait::async_trait;
use transhume_db::{Base, MailboxId, StagedMessage};
use transhume_maildir::{MailboxDir, MessageKey, Origin, Scan, Stage, Staged, StagedFile};
use transhume_model::mail::{InternalDate, MessageRow, Uid, UidValidity};
use transhume_model::plan::{Action, MailboxStep, TargetHeader};

use super::{Marks, tag_of};
use crate::confirm::{self, Confirmed};
use crate::endpoint::target::{Draft, Place, Received, Wanted};
use crate::error::SyncError;

/// Staged messages that are looked for at a time.
const STAGED_PAGE: u32 = 1_000;

/// Where one mailbox's messages go, and how.
#[derive(Debug)]
pub(crate) struct MaildirPlace {
    pub(crate) id: MailboxId,
    pub(crate) dir: MailboxDir,
    pub(crate) stage: Stage,
    pub(crate) tag: [u8; 8],
    /// The source's.
    pub(crate) uid_validity: Option<UidValidity>,
    /// The source's.
    pub(crate) uid_next: Option<Uid>,
    pub(crate) how: How,
    /// The target's numbers as they were found.
    pub(crate) header: Option<TargetHeader>,
    /// Whether the base knows the target's numbers already.
    pub(crate) numbers_known: bool,
    /// Whether messages may be on the target already without bearing their mark.
    pub(crate) may_have_twins: bool,
    pub(crate) now: InternalDate,
    /// What the mailbox held when it was opened.
    pub(crate) seen: Option<Arc<Scan>>,
}

/// How a mailbox is committed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    /// In one stroke, under these numbers.
    Fill {
        uid_validity: UidValidity,
        uid_next: Option<Uid>,
    },
    /// Above what is there.
    Add { uid_validity: UidValidity },
}

impl MaildirPlace {
    pub(super) async fn open(
        dir: MailboxDir,
        wanted: &Wanted<'_>,
        marks: Option<&Marks>,
    ) -> Result<Self, SyncError> {
        let (base, record) = (wanted.mailbox.base, wanted.mailbox.record);
        let has_others = marks.is_some_and(Marks::holds_others);
        let how = how(wanted, has_others).await?;
        let (How::Fill { uid_validity, .. } | How::Add { uid_validity }) = how;
        let tag = tag_of(&wanted.mailbox);
        let place = Self {
            id: record.id,
            stage: dir.stage(tag),
            dir,
            tag,
            uid_validity: wanted.checkpoint.uid_validity,
            uid_next: wanted.checkpoint.uid_next,
            how,
            header: wanted.state.header,
            numbers_known: record.base.target_uid_validity == Some(uid_validity),
            may_have_twins: has_others || base.has_earlier(record.id).await?,
            now: wanted.now,
            seen: marks.map(|marks| Arc::clone(&marks.scan)),
        };
        place.unstage_what_is_gone(base, marks).await?;
        Ok(place)
    }

    /// Messages that an earlier run has staged may be gone (Dovecot clears `tmp/` of what is older than 36 hours): those
    /// are carried again before the mailbox is committed.
    async fn unstage_what_is_gone(&self, base: &Base, marks: Option<&Marks>) -> Result<(), SyncError> {
        let mut after = None;
        loop {
            let page = base.staged(self.id, after, STAGED_PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.uid);
            let mut gone = Vec::new();
            for message in &page {
                let is_there = marks.is_some_and(|marks| marks.holds(message.uid));
                if !is_there && !self.stage.holds(&self.staged(message))? {
                    gone.push(message.uid);
                }
            }
            base.unstage(self.id, &gone).await?;
            if page.len() < STAGED_PAGE as usize {
                return Ok(());
            }
        }
    }

    /// The mark of a source message.
    pub(crate) fn origin(&self, uid: Uid) -> Origin {
        Origin {
            tag: self.tag,
            uid_validity: self.uid_validity,
            uid,
        }
    }

    /// The source's UIDNEXT, where the target has the source's numbers and is behind it.
    pub(crate) fn behind(&self) -> Option<Uid> {
        let (How::Add { uid_validity }, Some(header)) = (self.how, self.header) else {
            return None;
        };
        let next = self.uid_next.filter(|next| header.uid_next < *next);
        next.filter(|_| self.uid_validity == Some(uid_validity))
    }

    /// What a message is found by: its name where the base knows it by that, else its mark.
    pub(crate) fn key(&self, uid: Uid, name: Option<String>) -> MessageKey {
        match name {
            Some(name) => MessageKey::Name(name.into_bytes()),
            None => MessageKey::Origin(self.origin(uid)),
        }
    }

    /// The staged file of a message.
    pub(crate) fn staged(&self, message: &StagedMessage) -> Staged {
        Staged {
            origin: self.origin(message.uid),
            internal_date: message.internal_date,
            size: message.size,
            virtual_size: message.size + message.line_feeds,
            digest: message.digest,
        }
    }
}

#[async_trait]
impl Place for MaildirPlace {
    fn id(&self) -> MailboxId {
        self.id
    }

    fn begin(&self, uid: Option<Uid>) -> Result<Box<dyn Draft>, SyncError> {
        let origin = uid.map(|uid| self.origin(uid));
        Ok(Box::new(MaildirDraft {
            file: self.stage.begin(origin.as_ref())?,
            tag: self.tag,
            uid_validity: self.uid_validity,
            now: self.now,
        }))
    }

    async fn keep(&self, base: &Base, received: Vec<Received>) -> Result<Confirmed, SyncError> {
        let messages: Vec<StagedMessage> = received.into_iter().map(|received| received.message).collect();
        base.stage(self.id, &messages).await?;
        Ok(Confirmed::default())
    }

    async fn apply(&self, base: &Base, actions: Vec<Action>) -> Result<Confirmed, SyncError> {
        confirm::apply(base, self, actions).await
    }

    async fn commit(&self, base: &Base, is_whole: bool) -> Result<Confirmed, SyncError> {
        confirm::commit(base, self, is_whole).await
    }
}

/// A message that is being written into the staging place.
struct MaildirDraft {
    file: StagedFile,
    tag: [u8; 8],
    uid_validity: Option<UidValidity>,
    now: InternalDate,
}

impl Draft for MaildirDraft {
    fn write(&mut self, piece: &[u8]) -> Result<(), SyncError> {
        Ok(self.file.write(piece)?)
    }

    fn finish(self: Box<Self>, row: MessageRow) -> Result<Received, SyncError> {
        let origin = Origin {
            tag: self.tag,
            uid_validity: self.uid_validity,
            uid: row.uid,
        };
        let staged = self.file.finish(origin, row.internal_date.unwrap_or(self.now))?;
        Ok(Received {
            message: StagedMessage {
                uid: row.uid,
                flags: row.flags,
                internal_date: staged.internal_date,
                size: staged.size,
                line_feeds: staged.virtual_size - staged.size,
                digest: staged.digest,
            },
            text: None,
        })
    }
}

async fn how(wanted: &Wanted<'_>, has_others: bool) -> Result<How, SyncError> {
    let (base, record) = (wanted.mailbox.base, wanted.mailbox.record);
    let found = wanted.state.header.map(|header| header.uid_validity);
    let is_refill = record.base.target_uid_validity.is_some();
    let uid_validity = match (wanted.step, found) {
        (MailboxStep::Follow | MailboxStep::Reidentify, Some(uid_validity)) => {
            return Ok(How::Add { uid_validity });
        }
        // Set back, but under the same number: what it lacks is added.
        (MailboxStep::Restart(wanted), Some(uid_validity)) if wanted == found => {
            return Ok(How::Add { uid_validity });
        }
        // Under its old number every message would have to get its old UID back; where some had another than the
        // source's, or came by another way, a new number says to clients that nothing they know holds.
        (MailboxStep::Fill(_), _) if is_refill && (has_others || base.has_renumbered(record.id).await?) => {
            None
        }
        // A source without UIDVALIDITY has no UIDs that could be kept: any number does, best the one that is there.
        (MailboxStep::Fill(wanted) | MailboxStep::Restart(wanted), _) => wanted.or(found),
        _ => wanted.checkpoint.uid_validity,
    };
    let uid_validity = uid_validity.unwrap_or_else(|| from_clock(wanted.now));
    Ok(How::Fill {
        uid_validity,
        uid_next: wanted.checkpoint.uid_next,
    })
}

fn from_clock(now: InternalDate) -> UidValidity {
    u32::try_from(now.unix())
        .ok()
        .and_then(UidValidity::new)
        .unwrap_or(UidValidity::MAX)
}
