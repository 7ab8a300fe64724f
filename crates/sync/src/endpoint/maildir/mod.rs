//! The target as a Maildir that Dovecot serves.

mod place;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle};
pub use transhume_maildir::{Durability, Owner};
use transhume_maildir::{MailboxDir, MaildirError, MaildirRoot, Options, Origin, Scan};
use transhume_model::mail::{FlagSet, MailboxName, Uid, UidValidity};
use transhume_model::plan::{NameRules, TargetHeader, TargetState};

pub(crate) use self::place::{How, MaildirPlace};
use super::target::{Batch, Claim, Counterpart, Index, Look, Place, Target, Wanted};
use crate::error::SyncError;

/// What Maildir++ and Dovecot can hold as a name: the dot separates levels, the slash directories.
const NAMES: NameRules = NameRules {
    forbidden: &['.', '/'],
    max_octets: transhume_maildir::DIRECTORY_NAME_MAX,
};

/// Mailboxes that are committed at a time: the disk is waited for once, not for each.
pub const MAILBOXES_AT_A_TIME: usize = 4;

/// Mailboxes that are looked at at a time.
const LOOKS_AT_A_TIME: usize = 2;

/// How to write.
#[derive(Clone, Copy, Debug)]
pub struct TargetOptions {
    /// To whom everything that is made is given; `None` leaves it with the process.
    pub owner: Option<Owner>,
    /// When what was written is made safe from a power cut.
    pub durability: Durability,
    /// Mailboxes that are committed at a time; [`MAILBOXES_AT_A_TIME`] unless there are reasons for another number.
    pub mailboxes: usize,
}

/// A Maildir, or in a dry run the place where one would be.
#[derive(Clone, Debug)]
pub struct MaildirTarget {
    root: Option<MaildirRoot>,
    mailboxes: usize,
    /// What was looked at ahead in this round.
    foreseen: Arc<Mutex<HashMap<MailboxName, Foreseen>>>,
}

/// A mailbox that is being looked at.
type Foreseen = JoinHandle<Result<Option<Scan>, MaildirError>>;

impl MaildirTarget {
    /// Opens a Maildir, making it where it is missing; the folder that it lies in must exist.
    pub fn open(path: &Path, options: TargetOptions) -> Result<Self, SyncError> {
        let TargetOptions {
            owner,
            durability,
            mailboxes,
        } = options;
        let root = MaildirRoot::open(
            path,
            Options {
                owner,
                durability,
                ..Options::default()
            },
        )?;
        Ok(Self {
            root: Some(root),
            mailboxes,
            foreseen: Arc::default(),
        })
    }

    /// Looks at a Maildir without making anything. It need not be there.
    pub fn look_only(path: &Path, options: TargetOptions) -> Result<Self, SyncError> {
        // A Maildir is complete when it has `cur`; opening it makes nothing then.
        if path.join("cur").is_dir() {
            return Self::open(path, options);
        }
        Ok(Self {
            root: None,
            mailboxes: options.mailboxes,
            foreseen: Arc::default(),
        })
    }

    /// Whether there is a Maildir.
    pub fn is_there(&self) -> bool {
        self.root.is_some()
    }

    /// Keeps other runs of this program from writing. Those that only read may share it, and nothing is written.
    pub fn claim_to_read(&self) -> Result<Claim, SyncError> {
        Ok(Claim::new(self.root()?.lock_shared()?))
    }

    /// The folder of a mailbox.
    pub(crate) fn mailbox(&self, name: &MailboxName) -> Result<MailboxDir, SyncError> {
        Ok(self.root()?.mailbox(name)?)
    }

    /// All mailboxes that have a name, INBOX first.
    pub(crate) async fn list(&self) -> Result<Vec<MailboxName>, SyncError> {
        let root = self.root()?.clone();
        let found = blocking(move || root.list()).await?;
        Ok(found.into_iter().filter_map(|mailbox| mailbox.name).collect())
    }

    /// How many messages a mailbox that is there holds.
    pub(crate) async fn count(&self, name: &MailboxName) -> Result<u64, SyncError> {
        let dir = self.mailbox(name)?;
        blocking(move || Ok(dir.scan()?.len() as u64)).await
    }

    /// The subscriptions.
    pub(crate) async fn subscriptions(&self) -> Result<Vec<MailboxName>, SyncError> {
        let root = self.root()?.clone();
        blocking(move || root.subscriptions()).await
    }

    fn root(&self) -> Result<&MaildirRoot, SyncError> {
        self.root
            .as_ref()
            .ok_or_else(|| SyncError::Internal("a dry run was to write".to_owned()))
    }

    /// What a mailbox holds; nothing when it is not there.
    async fn scan(&self, name: &MailboxName) -> Result<Option<Scan>, SyncError> {
        let Some(root) = &self.root else {
            return Ok(None);
        };
        let foreseen = self.lock_foreseen().remove(name);
        if let Some(scan) = foreseen {
            return joined(scan.await);
        }
        let dir = root.mailbox(name)?;
        blocking(move || look_at(&dir)).await
    }

    fn lock_foreseen(&self) -> MutexGuard<'_, HashMap<MailboxName, Foreseen>> {
        self.foreseen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Target for MaildirTarget {
    fn exists(&self) -> bool {
        self.is_there()
    }

    fn claim(&self) -> Result<Claim, SyncError> {
        Ok(Claim::new(self.root()?.lock_exclusively()?))
    }

    async fn identity(&self) -> Result<Option<String>, SyncError> {
        Ok(self.root()?.identity()?)
    }

    async fn mark(&self) -> Result<String, SyncError> {
        let root = self.root()?.clone();
        blocking(move || root.mark()).await
    }

    async fn begin_round(&self) -> Result<(), SyncError> {
        self.lock_foreseen().clear();
        Ok(())
    }

    fn foresee(&self, mailboxes: Vec<MailboxName>) {
        let Some(root) = &self.root else { return };
        let turns = Arc::new(Semaphore::new(LOOKS_AT_A_TIME));
        let mut foreseen = self.lock_foreseen();
        for name in mailboxes {
            // Whatever is wrong with a name is told when the mailbox is opened.
            let Ok(dir) = root.mailbox(&name) else { continue };
            let turns = Arc::clone(&turns);
            let look = async move {
                let _turn = turns.acquire().await;
                let looked = tokio::task::spawn_blocking(move || look_at(&dir)).await;
                looked.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
            };
            foreseen.insert(name, tokio::spawn(look));
        }
    }

    async fn name_rules(&self) -> Result<NameRules, SyncError> {
        Ok(NAMES)
    }

    async fn state(&self, mailbox: &Counterpart<'_>) -> Result<TargetState, SyncError> {
        let Some(root) = &self.root else {
            return Ok(TargetState::default());
        };
        let tag = tag_of(mailbox);
        let known = mailbox.record.base.target_uid_validity;
        let dir = root.mailbox(&mailbox.record.target)?;
        blocking(move || {
            if !dir.exists()? {
                return Ok(TargetState::default());
            }
            let header = dir.header()?;
            let found = header.as_ref().map(|header| header.uid_validity);
            let replaced = known.is_some() && known != found;
            let holds_ours = replaced && dir.scan()?.ours().any(|(origin, _)| origin.tag == tag);
            let header = header.map(|header| TargetHeader {
                uid_validity: header.uid_validity,
                uid_next: header.uid_next,
            });
            Ok(TargetState {
                exists: true,
                header,
                holds_ours,
            })
        })
        .await
    }

    async fn make_mailbox(&self, name: &MailboxName) -> Result<bool, SyncError> {
        let dir = self.mailbox(name)?;
        blocking(move || dir.create()).await
    }

    async fn rename_mailbox(&self, from: &MailboxName, to: &MailboxName) -> Result<bool, SyncError> {
        let (root, from, to) = (self.root()?.clone(), from.clone(), to.clone());
        blocking(move || root.rename(&from, &to)).await
    }

    async fn renamed_by_owner(
        &self,
        filled: &[Counterpart<'_>],
        taken: &HashSet<MailboxName>,
    ) -> Result<Vec<(usize, MailboxName)>, SyncError> {
        let Some(root) = &self.root else {
            return Ok(Vec::new());
        };
        let mut wanted = Vec::new();
        for (at, mailbox) in filled.iter().enumerate() {
            if let Some(known) = mailbox.record.base.target_uid_validity {
                wanted.push(Wanderer {
                    at,
                    was: root.mailbox(&mailbox.record.target)?,
                    known,
                    tag: tag_of(mailbox),
                });
            }
        }
        let (root, taken) = (root.clone(), taken.clone());
        blocking(move || find_wanderers(&root, wanted, &taken)).await
    }

    async fn look(
        &self,
        mailbox: &Counterpart<'_>,
        uid_validity: Option<UidValidity>,
    ) -> Result<Look, SyncError> {
        let scan = self.scan(&mailbox.record.target).await?;
        let marks = scan.map(|scan| Marks {
            scan: Arc::new(scan),
            tag: tag_of(mailbox),
            uid_validity,
        });
        Ok(marks.map(Marks::into_look).unwrap_or_default())
    }

    async fn place(&self, wanted: &Wanted<'_>) -> Result<(Arc<dyn Place>, Look), SyncError> {
        let record = wanted.mailbox.record;
        let dir = self.mailbox(&record.target)?;
        let scan = self.scan(&record.target).await?;
        let marks = scan.map(|scan| Marks {
            scan: Arc::new(scan),
            tag: tag_of(&wanted.mailbox),
            uid_validity: wanted.checkpoint.uid_validity,
        });
        let place = MaildirPlace::open(dir, wanted, marks.as_ref()).await?;
        let look = marks.map(Marks::into_look).unwrap_or_default();
        Ok((Arc::new(place), look))
    }

    async fn subscribe(&self, names: Vec<MailboxName>) -> Result<usize, SyncError> {
        let root = self.root()?.clone();
        blocking(move || root.subscribe(&names)).await
    }

    async fn make_durable(&self) -> Result<(), SyncError> {
        let root = self.root()?.clone();
        blocking(move || root.sync()).await
    }

    fn batch(&self) -> Batch {
        // Beyond two writers, files are made no faster. A flush of the file system costs much the same for one message as for
        // many.
        Batch {
            writers: 2,
            lines: u32::MAX,
            messages: 2_000,
            octets: 256 << 20,
            mailboxes: self.mailboxes,
        }
    }
}

/// The marks that the messages of a mailbox bear, and which of them are those of one source mailbox.
struct Marks {
    scan: Arc<Scan>,
    tag: [u8; 8],
    uid_validity: Option<UidValidity>,
}

impl Marks {
    /// Whether there is a message that bears the mark of this source UID.
    fn holds(&self, uid: Uid) -> bool {
        self.flags_of(uid, None).is_some()
    }

    /// Whether there are messages that do not bear the mark of this source mailbox as it is numbered now.
    fn holds_others(&self) -> bool {
        let own = (self.tag, self.uid_validity);
        self.scan
            .ours()
            .filter(|(origin, _)| (origin.tag, origin.uid_validity) == own)
            .count()
            < self.scan.len()
    }

    fn into_look(self) -> Look {
        let foreign_sizes = self
            .scan
            .foreign()
            .iter()
            .filter_map(|message| message.virtual_size)
            .collect();
        Look::new(self, foreign_sizes)
    }
}

impl Index for Marks {
    fn flags_of(&self, uid: Uid, name: Option<&str>) -> Option<FlagSet> {
        let found = match name {
            Some(name) => self.scan.find_name(name.as_bytes())?,
            None => self.scan.find(&Origin {
                tag: self.tag,
                uid_validity: self.uid_validity,
                uid,
            })?,
        };
        Some(self.scan.flags(found.letters))
    }

    fn is_empty(&self) -> bool {
        self.scan.len() == 0
    }
}

/// A mailbox that may have got another name.
struct Wanderer {
    at: usize,
    was: MailboxDir,
    /// The UIDVALIDITY that it had.
    known: UidValidity,
    tag: [u8; 8],
}

/// A mailbox that Dovecot renames keeps its UIDVALIDITY, and its messages their marks. Where both are found under another name, and
/// under one only, that is where it has gone.
fn find_wanderers(
    root: &MaildirRoot,
    mailboxes: Vec<Wanderer>,
    taken: &HashSet<MailboxName>,
) -> Result<Vec<(usize, MailboxName)>, MaildirError> {
    let uid_validity = |dir: &MailboxDir| -> Result<Option<UidValidity>, MaildirError> {
        Ok(dir.header()?.map(|header| header.uid_validity))
    };
    let mut gone = Vec::new();
    for mailbox in mailboxes {
        if !mailbox.was.exists()? || uid_validity(&mailbox.was)? != Some(mailbox.known) {
            gone.push(mailbox);
        }
    }
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let mut candidates = Vec::new();
    for name in root.list()?.into_iter().filter_map(|found| found.name) {
        if !name.is_inbox() && !taken.contains(&name) {
            let dir = root.mailbox(&name)?;
            if let Some(uid_validity) = uid_validity(&dir)? {
                candidates.push((name, uid_validity, dir));
            }
        }
    }
    let mut found = Vec::new();
    for mailbox in gone {
        let mut fitting = Vec::new();
        for (name, _, dir) in candidates
            .iter()
            .filter(|(_, number, _)| *number == mailbox.known)
        {
            if dir.scan()?.ours().any(|(origin, _)| origin.tag == mailbox.tag) {
                fitting.push(name);
            }
        }
        if let [name] = fitting[..] {
            found.push((mailbox.at, name.clone()));
        }
    }
    Ok(found)
}

fn tag_of(mailbox: &Counterpart<'_>) -> [u8; 8] {
    mailbox_tag(mailbox.account, &mailbox.record.marked)
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

/// Runs what may block on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, MaildirError> + Send + 'static,
) -> Result<T, SyncError> {
    joined(tokio::task::spawn_blocking(work).await)
}

fn joined<T>(outcome: Result<Result<T, MaildirError>, JoinError>) -> Result<T, SyncError> {
    Ok(outcome.map_err(|error| SyncError::Internal(error.to_string()))??)
}

/// What a mailbox holds; nothing when it is not there.
fn look_at(dir: &MailboxDir) -> Result<Option<Scan>, MaildirError> {
    if dir.exists()? {
        dir.scan().map(Some)
    } else {
        Ok(None)
    }
}
