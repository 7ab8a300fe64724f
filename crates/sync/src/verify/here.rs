//! The target's side of one mailbox: its index, and what reading every file has shown.
//!
//! All files are read, on a thread of its own, and held against the base batch by batch. What is just as the base says leaves
//! no trace, so memory grows with what differs, and not with the mailbox (I9); without a base every message leaves one. For a
//! report that reads no text twice, only those files are read whose bytes are not known and may be a message's that was carried.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};

use tokio::sync::mpsc;
use transhume_db::{Base, MailboxId};
use transhume_maildir::{Contents, Entry, MailboxDir, MaildirError, Origin, Scan};
use transhume_model::mail::{Digest, Keyword, Uid, UidValidity};
use transhume_model::plan::{TargetHeader, TargetState};
use transhume_model::verify::{Counterpart, File, is_as_recorded};

use super::mailbox::Comparison;
use crate::endpoint::blocking;
use crate::error::SyncError;
use crate::progress::Progress;

/// Files that are looked up in the base at a time, and such batches that may wait.
const BATCH: usize = 500;
const BATCHES: usize = 4;

/// What marks the messages of a source mailbox in one of its lives.
pub(super) type Life = ([u8; 8], Option<UidValidity>);

/// A mailbox on the target.
#[derive(Default)]
pub(super) struct Here {
    pub(super) state: TargetState,
    pub(super) bytes_read: u64,
    /// Messages that are no source message's counterparts.
    pub(super) strangers: Vec<Stranger>,
    scan: Option<Scan>,
    life: Life,
    /// Counterparts that do not bear their mark, by source UID.
    names: BTreeMap<Uid, String>,
    /// Source UIDs of those that do, ascending.
    marked: Vec<Uid>,
    /// What was read of those that are not just as the base says.
    files: HashMap<Uid, File>,
}

/// A message that is no source message's counterpart.
pub(super) struct Stranger {
    /// Its UID on the target.
    pub(super) uid: Option<Uid>,
    /// Whether it bears a mark of the source mailbox, from before that was numbered anew.
    pub(super) bears_old_mark: bool,
    /// Source messages that have the same bytes.
    pub(super) carried: Vec<Uid>,
}

/// A file that was read.
struct ReadFile {
    base_name: Vec<u8>,
    origin: Option<Origin>,
    file: File,
}

impl Here {
    /// Reads all of a mailbox that is there.
    pub(super) async fn read(
        comparison: &Comparison<'_>,
        life: Life,
        mailbox: MailboxId,
    ) -> Result<Self, SyncError> {
        let Comparison {
            base,
            target,
            subject,
            observer,
            ..
        } = comparison;
        let dir = target.mailbox(&subject.target)?;
        let scanned = blocking({
            let dir = dir.clone();
            move || dir.exists()?.then(|| dir.scan()).transpose()
        })
        .await?;
        let Some(scan) = scanned else {
            return Ok(Self::default());
        };
        let names: BTreeMap<Uid, String> = base.named(mailbox).await?.into_iter().collect();
        let own = |(origin, _): (Origin, _)| {
            ((origin.tag, origin.uid_validity) == life && !names.contains_key(&origin.uid))
                .then_some(origin.uid)
        };
        let marked = scan.ours().filter_map(own).collect();
        let state = TargetState {
            exists: true,
            header: scan.header.as_ref().map(|header| TargetHeader {
                uid_validity: header.uid_validity,
                uid_next: header.uid_next,
            }),
            holds_ours: scan.ours().any(|(origin, _)| origin.tag == life.0),
        };
        let mut here = Self {
            state,
            scan: Some(scan),
            life,
            names,
            marked,
            ..Self::default()
        };
        let choice = here.choice(comparison, mailbox).await?;
        observer.hear(&Progress::Planned { messages: here.len() });
        here.read_files(dir, choice, comparison, mailbox).await?;
        Ok(here)
    }

    /// Which files are to be read. Of those that are not, strangers are noted now.
    async fn choice(&mut self, comparison: &Comparison<'_>, mailbox: MailboxId) -> Result<Choice, SyncError> {
        if comparison.depth.reads_files() {
            return Ok(Choice::All);
        }
        let names: HashSet<Vec<u8>> = self.names.values().map(|name| name.as_bytes().to_vec()).collect();
        let sizes = comparison.base.sizes(mailbox).await?;
        let foreign = self.scan.as_ref().map(Scan::foreign).unwrap_or_default();
        for message in foreign {
            let is_read = message.virtual_size.is_none_or(|size| sizes.contains(&size));
            if !is_read && !names.contains(&message.base) {
                self.strangers.push(Stranger {
                    uid: message.found.uid,
                    bears_old_mark: false,
                    carried: Vec::new(),
                });
            }
        }
        Ok(Choice::Strangers {
            life: self.life,
            renamed: self.names.keys().copied().collect(),
            names,
            sizes,
        })
    }

    /// How many messages there are.
    pub(super) fn len(&self) -> u64 {
        self.scan.as_ref().map_or(0, |scan| scan.len() as u64)
    }

    /// Whether a message has a counterpart here.
    pub(super) fn holds(&self, uid: Uid) -> bool {
        self.names.contains_key(&uid) || self.marked.binary_search(&uid).is_ok()
    }

    /// The counterparts of source messages in a range of UIDs, both ends included.
    pub(super) fn counterparts(&self, first: Uid, last: Uid) -> BTreeMap<Uid, Counterpart> {
        let begin = self.marked.partition_point(|uid| *uid < first);
        let end = self.marked.partition_point(|uid| *uid <= last);
        let named = self.names.range(first..=last).map(|(uid, _)| *uid);
        let uids = self.marked[begin..end].iter().copied().chain(named);
        uids.filter_map(|uid| Some((uid, self.counterpart(uid)?)))
            .collect()
    }

    fn counterpart(&self, uid: Uid) -> Option<Counterpart> {
        let scan = self.scan.as_ref()?;
        let found = match self.names.get(&uid) {
            Some(name) => scan.find_name(name.as_bytes())?,
            None => scan.find(&self.origin(uid))?,
        };
        Some(Counterpart {
            uid: found.uid,
            flags: scan.flags(found.letters),
            file: self.files.get(&uid).copied(),
        })
    }

    fn origin(&self, uid: Uid) -> Origin {
        Origin {
            tag: self.life.0,
            uid_validity: self.life.1,
            uid,
        }
    }

    /// Whether the mailbox has no letter left for a keyword.
    pub(super) fn has_no_room(&self, keyword: &Keyword) -> bool {
        self.scan.as_ref().is_some_and(|scan| {
            scan.keywords.iter().count() >= transhume_maildir::KEYWORDS_MAX
                && scan.keywords.iter().all(|(_, known)| known != keyword)
        })
    }

    async fn read_files(
        &mut self,
        dir: MailboxDir,
        choice: Choice,
        comparison: &Comparison<'_>,
        mailbox: MailboxId,
    ) -> Result<(), SyncError> {
        let Comparison {
            base,
            subject,
            observer,
            ..
        } = comparison;
        let by_name: HashMap<Vec<u8>, Uid> = self
            .names
            .iter()
            .map(|(uid, name)| (name.as_bytes().to_vec(), *uid))
            .collect();
        let mut seen = vec![false; self.marked.len()];
        let mut twice: HashSet<Uid> = HashSet::new();
        let (batches, mut received) = mpsc::channel(BATCHES);
        let again = dir.clone();
        let reading = tokio::spawn(blocking(move || read_all(&dir, &choice, &batches)));
        while let Some(batch) = received.recv().await {
            let mut own = HashMap::with_capacity(batch.len());
            let mut others = Vec::new();
            for read in batch {
                self.bytes_read += read.file.size;
                observer.hear(&Progress::Received {
                    bytes: read.file.size,
                });
                observer.hear(&Progress::Message {
                    mailbox: &subject.source,
                });
                match self.source_uid(&read, &by_name) {
                    Some(uid) => {
                        if let Ok(at) = self.marked.binary_search(&uid)
                            && std::mem::replace(&mut seen[at], true)
                        {
                            twice.insert(uid);
                        }
                        own.insert(uid, read.file);
                    }
                    None => others.push(read),
                }
            }
            self.hold_against(own, base, mailbox).await?;
            self.meet(others, base, mailbox).await?;
        }
        let read = reading.await;
        read.map_err(|error| SyncError::Internal(error.to_string()))??;
        if !twice.is_empty() {
            self.meet_doubles(again, twice).await?;
        }
        Ok(())
    }

    fn source_uid(&self, read: &ReadFile, by_name: &HashMap<Vec<u8>, Uid>) -> Option<Uid> {
        by_name.get(&read.base_name).copied().or_else(|| {
            let origin = read.origin?;
            ((origin.tag, origin.uid_validity) == self.life && !self.names.contains_key(&origin.uid))
                .then_some(origin.uid)
        })
    }

    /// Keeps what is not just as the base says.
    async fn hold_against(
        &mut self,
        mut own: HashMap<Uid, File>,
        base: &Base,
        mailbox: MailboxId,
    ) -> Result<(), SyncError> {
        let uids: Vec<Uid> = own.keys().copied().collect();
        for known in base.known_among(mailbox, &uids).await? {
            if own
                .get(&known.uid)
                .is_some_and(|file| is_as_recorded(&known, file))
            {
                own.remove(&known.uid);
            }
        }
        self.files.extend(own);
        Ok(())
    }

    async fn meet(
        &mut self,
        others: Vec<ReadFile>,
        base: &Base,
        mailbox: MailboxId,
    ) -> Result<(), SyncError> {
        if others.is_empty() {
            return Ok(());
        }
        let both = |read: &ReadFile| [read.file.stored, read.file.served];
        let mut digests: Vec<Digest> = others.iter().flat_map(both).collect();
        digests.sort_unstable();
        digests.dedup();
        let mut carried: HashMap<Digest, Vec<Uid>> = HashMap::new();
        for (digest, uid) in base.of_digests(mailbox, &digests).await? {
            carried.entry(digest).or_default().push(uid);
        }
        for read in others {
            let same = both(&read).iter().find_map(|digest| carried.get(digest)).cloned();
            let found = self
                .scan
                .as_ref()
                .and_then(|scan| scan.find_name(&read.base_name));
            self.strangers.push(Stranger {
                uid: found.and_then(|found| found.uid),
                bears_old_mark: read.origin.is_some_and(|origin| origin.tag == self.life.0),
                carried: same.unwrap_or_default(),
            });
        }
        Ok(())
    }

    /// A mark that was seen twice is on two files, unless a file was renamed while it was read (its flags have changed): so
    /// it is looked for once more.
    async fn meet_doubles(&mut self, dir: MailboxDir, twice: HashSet<Uid>) -> Result<(), SyncError> {
        let life = self.life;
        let counted = blocking(move || {
            let mut counts: HashMap<Uid, usize> = HashMap::new();
            dir.read_contents(
                |entry| entry.origin.is_some_and(|origin| is_of(life, &origin, &twice)),
                |entry, _| {
                    if let Some(origin) = entry.origin {
                        *counts.entry(origin.uid).or_default() += 1;
                    }
                },
            )?;
            Ok(counts)
        })
        .await?;
        for (uid, count) in counted {
            for _ in 1..count {
                self.strangers.push(Stranger {
                    uid: None,
                    bears_old_mark: false,
                    carried: vec![uid],
                });
            }
        }
        Ok(())
    }
}

fn is_of(life: Life, origin: &Origin, uids: &HashSet<Uid>) -> bool {
    (origin.tag, origin.uid_validity) == life && uids.contains(&origin.uid)
}

/// Which files of a mailbox are read.
enum Choice {
    All,
    /// Those that are no source message's counterparts, and as long as some message that was carried.
    Strangers {
        life: Life,
        /// Source messages whose counterparts do not bear their mark, and what those are called.
        renamed: HashSet<Uid>,
        names: HashSet<Vec<u8>>,
        sizes: HashSet<u64>,
    },
}

impl Choice {
    fn takes(&self, entry: &Entry<'_>) -> bool {
        let Self::Strangers {
            life,
            renamed,
            names,
            sizes,
        } = self
        else {
            return true;
        };
        if names.contains(entry.base) {
            return false;
        }
        match entry.origin {
            Some(origin) => (origin.tag, origin.uid_validity) != *life || renamed.contains(&origin.uid),
            None => entry.virtual_size().is_none_or(|size| sizes.contains(&size)),
        }
    }
}

/// Reads the files of a choice and hands them over in batches, until nobody takes them any more.
fn read_all(
    dir: &MailboxDir,
    choice: &Choice,
    batches: &mpsc::Sender<Vec<ReadFile>>,
) -> Result<(), MaildirError> {
    let is_wanted = Cell::new(true);
    let mut batch = Vec::with_capacity(BATCH);
    dir.read_contents(
        |entry| is_wanted.get() && choice.takes(entry),
        |entry, contents| {
            batch.push(read_file(entry, &contents));
            if batch.len() == BATCH {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
                is_wanted.set(batches.blocking_send(full).is_ok());
            }
        },
    )?;
    // Nobody there: they have been told, or have gone.
    let _ = batches.blocking_send(batch);
    Ok(())
}

fn read_file(entry: &Entry<'_>, contents: &Contents) -> ReadFile {
    ReadFile {
        base_name: entry.base.to_vec(),
        origin: entry.origin,
        file: file_of(contents),
    }
}

pub(super) fn file_of(contents: &Contents) -> File {
    File {
        stored: contents.stored,
        served: contents.served,
        size: contents.size,
        virtual_size: contents.virtual_size,
        has_nul: contents.has_nul,
        date: contents.modified,
    }
}
