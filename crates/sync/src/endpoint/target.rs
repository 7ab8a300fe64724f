//! The target: a Maildir that Dovecot serves.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use transhume_db::{MailboxId, StagedMessage};
pub use transhume_maildir::{Durability, Owner};
use transhume_maildir::{
    MailboxDir, MaildirError, MaildirRoot, MessageKey, Options, Origin, RootLock, Scan, Stage, Staged,
};
use transhume_model::mail::{Digest, FlagSet, InternalDate, MailboxName, Uid, UidValidity};
use transhume_model::plan::{TargetHeader, TargetState, TargetView};

use crate::error::SyncError;

/// How to write.
#[derive(Clone, Copy, Debug)]
pub struct TargetOptions {
    /// To whom everything that is made is given; `None` leaves it with the process.
    pub owner: Option<Owner>,
    /// When what was written is made safe from a power cut.
    pub durability: Durability,
}

/// A Maildir, or in a dry run the place where one would be.
#[derive(Clone, Debug)]
pub struct Target {
    root: Option<MaildirRoot>,
}

/// Holds a target against other runs of this program, until it is dropped.
#[derive(Debug)]
pub struct Claim {
    _lock: RootLock,
}

/// Where one mailbox's messages go, and how.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) id: MailboxId,
    pub(crate) dir: MailboxDir,
    pub(crate) stage: Stage,
    pub(crate) tag: [u8; 8],
    /// The source's.
    pub(crate) uid_validity: Option<UidValidity>,
    pub(crate) how: How,
    /// The target's numbers as they were found.
    pub(crate) header: Option<TargetHeader>,
    /// Whether the base knows the target's numbers already.
    pub(crate) numbers_known: bool,
    /// Whether messages may be on the target already without bearing their mark.
    pub(crate) may_have_twins: bool,
    pub(crate) now: InternalDate,
}

impl Place {
    /// The mark of a source message.
    pub(crate) fn origin(&self, uid: Uid) -> Origin {
        Origin {
            tag: self.tag,
            uid_validity: self.uid_validity,
            uid,
        }
    }
}

impl Place {
    /// What a message is found by: its name where the base knows it by that, else its mark.
    pub(crate) fn key(&self, uid: Uid, name: Option<String>) -> MessageKey {
        match name {
            Some(name) => MessageKey::Name(name.into_bytes()),
            None => MessageKey::Origin(self.origin(uid)),
        }
    }

    /// Whether a message that was staged once still lies there.
    pub(crate) fn holds_staged(&self, message: &StagedMessage) -> Result<bool, SyncError> {
        Ok(self.stage.holds(&self.staged(message))?)
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

/// What a target's mailbox holds.
#[derive(Debug, Default)]
pub(crate) struct Look {
    scan: Option<Scan>,
    tag: [u8; 8],
    uid_validity: Option<UidValidity>,
    pub(crate) foreign_sizes: HashSet<u64>,
}

impl Look {
    fn flags_of(&self, uid: Uid, name: Option<&str>) -> Option<FlagSet> {
        let scan = self.scan.as_ref()?;
        let found = match name {
            Some(name) => scan.find_name(name.as_bytes())?,
            None => scan.find(&Origin {
                tag: self.tag,
                uid_validity: self.uid_validity,
                uid,
            })?,
        };
        Some(scan.flags(found.letters))
    }

    /// Whether there is no message at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.scan.as_ref().is_none_or(|scan| scan.len() == 0)
    }

    /// Whether there is a message that bears the mark of this source UID.
    pub(crate) fn holds(&self, uid: Uid) -> bool {
        self.flags_of(uid, None).is_some()
    }

    /// Lets `plan` see it.
    pub(crate) fn with_view<T>(&self, plan: impl FnOnce(TargetView<'_>) -> T) -> T {
        let flags_of = |uid, name: Option<&str>| self.flags_of(uid, name);
        plan(TargetView {
            flags_of: &flags_of,
            foreign_sizes: &self.foreign_sizes,
        })
    }

    /// Whether there are messages that do not bear the mark of this source mailbox as it is numbered now.
    pub(crate) fn holds_others(&self) -> bool {
        self.scan.as_ref().is_some_and(|scan| {
            let own = (self.tag, self.uid_validity);
            scan.ours()
                .filter(|(origin, _)| (origin.tag, origin.uid_validity) == own)
                .count()
                < scan.len()
        })
    }

    fn holds_ours(&self) -> bool {
        self.scan
            .as_ref()
            .is_some_and(|scan| scan.ours().any(|(origin, _)| origin.tag == self.tag))
    }
}

/// Marks messages of one source mailbox, always the same.
pub(crate) fn mailbox_tag(account: &str, mailbox: &MailboxName) -> [u8; 8] {
    let mut hasher = Sha256::new();
    hasher.update(account);
    for component in mailbox.components() {
        hasher.update([0]);
        hasher.update(component);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let (tag, _) = digest.split_first_chunk().unwrap_or((&[0; 8], &[]));
    *tag
}

impl Target {
    /// Opens a Maildir, making it where it is missing; the folder that it lies in must exist.
    pub fn open(path: &Path, options: TargetOptions) -> Result<Self, SyncError> {
        let TargetOptions { owner, durability } = options;
        let root = MaildirRoot::open(
            path,
            Options {
                owner,
                durability,
                ..Options::default()
            },
        )?;
        Ok(Self { root: Some(root) })
    }

    /// Looks at a Maildir without making anything. It need not be there.
    pub fn look_only(path: &Path, options: TargetOptions) -> Result<Self, SyncError> {
        // A Maildir is complete when it has `cur`; opening it makes nothing then.
        if path.join("cur").is_dir() {
            return Self::open(path, options);
        }
        Ok(Self { root: None })
    }

    /// Whether there is a Maildir.
    pub fn exists(&self) -> bool {
        self.root.is_some()
    }

    /// Keeps other runs of this program out.
    pub fn claim(&self) -> Result<Claim, SyncError> {
        Ok(Claim {
            _lock: self.root()?.lock_exclusively()?,
        })
    }

    /// Keeps other runs of this program from writing. Those that only read may share it, and nothing is written.
    pub fn claim_to_read(&self) -> Result<Claim, SyncError> {
        Ok(Claim {
            _lock: self.root()?.lock_shared()?,
        })
    }

    /// Which Maildir this is, whatever its path; `None` when it was never marked, or was emptied since.
    pub(crate) fn identity(&self) -> Result<Option<String>, SyncError> {
        Ok(self.root()?.identity()?)
    }

    /// Marks the Maildir, and gives what it is known by from then on.
    pub(crate) async fn mark(&self) -> Result<String, SyncError> {
        let root = self.root()?.clone();
        blocking(move || root.mark()).await
    }

    fn root(&self) -> Result<&MaildirRoot, SyncError> {
        self.root
            .as_ref()
            .ok_or_else(|| SyncError::Internal("a dry run was to write".to_owned()))
    }

    /// How a mailbox is found. `known` is the UIDVALIDITY that the base knows of it.
    pub(crate) async fn state(
        &self,
        name: &MailboxName,
        known: Option<UidValidity>,
        tag: [u8; 8],
    ) -> Result<TargetState, SyncError> {
        let Some(root) = &self.root else {
            return Ok(TargetState::default());
        };
        let dir = root.mailbox(name)?;
        blocking(move || {
            if !dir.exists()? {
                return Ok(TargetState::default());
            }
            let header = dir.header()?;
            let found = header.as_ref().map(|header| header.uid_validity);
            let replaced = known.is_some() && known != found;
            let look = if replaced {
                look(&dir, tag, None)?
            } else {
                Look::default()
            };
            let header = header.map(|header| TargetHeader {
                uid_validity: header.uid_validity,
                uid_next: header.uid_next,
            });
            Ok(TargetState {
                exists: true,
                header,
                holds_ours: look.holds_ours(),
            })
        })
        .await
    }

    /// What a mailbox holds; nothing when it is not there.
    pub(crate) async fn look(
        &self,
        name: &MailboxName,
        tag: [u8; 8],
        uid_validity: Option<UidValidity>,
    ) -> Result<Look, SyncError> {
        let Some(root) = &self.root else {
            return Ok(Look::default());
        };
        let dir = root.mailbox(name)?;
        blocking(move || {
            if dir.exists()? {
                look(&dir, tag, uid_validity)
            } else {
                Ok(Look::default())
            }
        })
        .await
    }

    /// Makes a mailbox where it is missing, and says whether it was.
    pub(crate) async fn make_mailbox(&self, name: &MailboxName) -> Result<bool, SyncError> {
        let dir = self.root()?.mailbox(name)?;
        blocking(move || dir.create()).await
    }

    /// Gives a mailbox another name, and says whether it could.
    pub(crate) async fn rename_mailbox(
        &self,
        from: &MailboxName,
        to: &MailboxName,
    ) -> Result<bool, SyncError> {
        let (root, from, to) = (self.root()?.clone(), from.clone(), to.clone());
        blocking(move || root.rename(&from, &to)).await
    }

    /// The mailbox, and the place in it where messages are staged.
    pub(crate) fn mailbox(&self, name: &MailboxName, tag: [u8; 8]) -> Result<(MailboxDir, Stage), SyncError> {
        let dir = self.root()?.mailbox(name)?;
        let stage = dir.stage(tag);
        Ok((dir, stage))
    }

    /// Subscribes to mailboxes, and says to how many of them nobody had subscribed before.
    pub(crate) async fn subscribe(&self, names: Vec<MailboxName>) -> Result<usize, SyncError> {
        let root = self.root()?.clone();
        blocking(move || root.subscribe(&names)).await
    }

    /// All mailboxes that have a name, INBOX first.
    pub(crate) async fn list(&self) -> Result<Vec<MailboxName>, SyncError> {
        let root = self.root()?.clone();
        let found = blocking(move || root.list()).await?;
        Ok(found.into_iter().filter_map(|mailbox| mailbox.name).collect())
    }

    /// How many messages a mailbox that is there holds.
    pub(crate) async fn count(&self, name: &MailboxName) -> Result<u64, SyncError> {
        let dir = self.root()?.mailbox(name)?;
        blocking(move || Ok(dir.scan()?.len() as u64)).await
    }

    /// The subscriptions.
    pub(crate) async fn subscriptions(&self) -> Result<Vec<MailboxName>, SyncError> {
        let root = self.root()?.clone();
        blocking(move || root.subscriptions()).await
    }

    /// Makes everything that was staged so far safe from a power cut.
    pub(crate) async fn sync(&self) -> Result<(), SyncError> {
        let root = self.root()?.clone();
        blocking(move || root.sync()).await
    }
}

fn look(dir: &MailboxDir, tag: [u8; 8], uid_validity: Option<UidValidity>) -> Result<Look, MaildirError> {
    let scan = dir.scan()?;
    let foreign_sizes = scan
        .foreign()
        .iter()
        .filter_map(|message| message.virtual_size)
        .collect();
    Ok(Look {
        scan: Some(scan),
        tag,
        uid_validity,
        foreign_sizes,
    })
}

/// Runs what may block on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MaildirError> + Send + 'static,
) -> Result<T, SyncError> {
    let joined = tokio::task::spawn_blocking(work).await;
    Ok(joined.map_err(|error| SyncError::Internal(error.to_string()))??)
}

/// Messages on the target that do not bear the mark of the source message they are: by the digest of their bytes.
pub(crate) type Twins = HashMap<Digest, Vec<String>>;
