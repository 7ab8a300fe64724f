//! Messages that are not in their place on the target: an owner may have put them elsewhere.
//!
//! Looked for only when one is missed. The marks in the names of files tell most of them without reading any (a mailbox that was
//! renamed, a file that a program has moved); others are known by their bytes, and only files of the right length are read.
//! Each is found once: two copies of a message are not both the one that is left.

use std::collections::{HashMap, HashSet};

use tokio::sync::Mutex;
use transhume_db::{Base, MailboxId};
use transhume_maildir::{Contents, Entry, Found, MaildirError, Origin, Scan};
use transhume_model::mail::{FlagSet, MailboxName, Uid};
use transhume_model::report::Spot;
use transhume_model::verify::{File, Known};

use super::here::{Life, file_of};
use crate::endpoint::{MaildirTarget, blocking};
use crate::error::SyncError;

/// What a mailbox of the target holds that is in its place.
pub(super) struct Home {
    pub(super) target: MailboxName,
    pub(super) life: Life,
    pub(super) id: MailboxId,
}

/// Finds what is elsewhere.
pub(super) struct Elsewhere<'a> {
    base: &'a Base,
    target: &'a MaildirTarget,
    homes: Vec<Home>,
    /// Whether every file that is found is read.
    reads_files: bool,
    strays: Mutex<Option<Strays>>,
}

/// Messages that are in no message's place.
#[derive(Default)]
struct Strays {
    mailboxes: Vec<MailboxName>,
    all: Vec<Stray>,
    by_origin: HashMap<Origin, usize>,
    by_size: HashMap<u64, Vec<usize>>,
    /// Those whose names do not tell how long they are.
    unsized_ones: Vec<usize>,
    /// What was found to be which message.
    taken: HashMap<(Life, Uid), usize>,
}

struct Stray {
    mailbox: usize,
    name: Name,
    uid: Option<Uid>,
    flags: FlagSet,
    file: Option<File>,
    is_taken: bool,
}

/// What a file is known by, for as long as its message exists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Mark(Origin),
    Base(Box<[u8]>),
}

impl Name {
    fn of(entry: &Entry<'_>) -> Self {
        entry
            .origin
            .map_or_else(|| Self::Base(entry.base.into()), Self::Mark)
    }
}

impl<'a> Elsewhere<'a> {
    pub(super) fn new(
        base: &'a Base,
        target: &'a MaildirTarget,
        homes: Vec<Home>,
        reads_files: bool,
    ) -> Self {
        Self {
            base,
            target,
            homes,
            reads_files,
            strays: Mutex::new(None),
        }
    }

    /// Where messages are that are missed in their place.
    pub(super) async fn find(&self, life: Life, missed: &[&Known]) -> Result<HashMap<Uid, Spot>, SyncError> {
        let mut found = HashMap::new();
        if missed.is_empty() {
            return Ok(found);
        }
        let mut slot = self.strays.lock().await;
        let strays = match &mut *slot {
            Some(strays) => strays,
            None => slot.insert(self.look().await?),
        };
        self.read(strays, strays.worth_reading(life, missed, self.reads_files))
            .await?;
        for known in missed {
            if let Some(at) = strays.take(life, known) {
                found.insert(known.uid, strays.spot(at, known));
            }
        }
        Ok(found)
    }

    /// Looks through all mailboxes.
    async fn look(&self) -> Result<Strays, SyncError> {
        let mut strays = Strays::default();
        for name in self.target.list().await? {
            let home = self.homes.iter().find(|home| home.target == name);
            let (life, names) = match home {
                Some(home) => (Some(home.life), self.base.named(home.id).await?),
                None => (None, Vec::new()),
            };
            let dir = self.target.mailbox(&name)?;
            let scan = blocking(move || dir.exists()?.then(|| dir.scan()).transpose()).await?;
            if let Some(scan) = scan {
                strays.add(name, &scan, life, &names);
            }
        }
        Ok(strays)
    }

    /// Reads some of them.
    async fn read(&self, strays: &mut Strays, wanted: HashSet<usize>) -> Result<(), SyncError> {
        let mut by_mailbox: HashMap<usize, HashMap<Name, usize>> = HashMap::new();
        for at in wanted {
            let stray = &strays.all[at];
            let names = by_mailbox.entry(stray.mailbox).or_default();
            names.insert(stray.name.clone(), at);
        }
        for (mailbox, names) in by_mailbox {
            let dir = self.target.mailbox(&strays.mailboxes[mailbox])?;
            let read = blocking(move || -> Result<Vec<(usize, File)>, MaildirError> {
                let mut read = Vec::with_capacity(names.len());
                dir.read_contents(
                    |entry| names.contains_key(&Name::of(entry)),
                    |entry, contents: Contents| {
                        if let Some(at) = names.get(&Name::of(entry)) {
                            read.push((*at, file_of(&contents)));
                        }
                    },
                )?;
                Ok(read)
            })
            .await?;
            for (at, file) in read {
                strays.all[at].file = Some(file);
            }
        }
        Ok(())
    }
}

impl Strays {
    fn add(&mut self, name: MailboxName, scan: &Scan, life: Option<Life>, names: &[(Uid, String)]) {
        let mailbox = self.mailboxes.len();
        self.mailboxes.push(name);
        let renamed: HashSet<Uid> = names.iter().map(|(uid, _)| *uid).collect();
        let names: HashSet<&[u8]> = names.iter().map(|(_, name)| name.as_bytes()).collect();
        let marks: HashSet<Origin> = names.iter().filter_map(|name| Origin::of_name(name)).collect();
        for (origin, found) in scan.ours() {
            let is_own = life == Some((origin.tag, origin.uid_validity)) && !renamed.contains(&origin.uid);
            if !is_own && !marks.contains(&origin) {
                let at = self.push(mailbox, Name::Mark(origin), found, scan);
                self.by_origin.insert(origin, at);
            }
        }
        for message in scan.foreign() {
            if names.contains(message.base.as_slice()) {
                continue;
            }
            let at = self.push(mailbox, Name::Base(message.base.into()), message.found, scan);
            match message.virtual_size {
                Some(size) => self.by_size.entry(size).or_default().push(at),
                None => self.unsized_ones.push(at),
            }
        }
    }

    fn push(&mut self, mailbox: usize, name: Name, found: Found, scan: &Scan) -> usize {
        self.all.push(Stray {
            mailbox,
            name,
            uid: found.uid,
            flags: scan.flags(found.letters),
            file: None,
            is_taken: false,
        });
        self.all.len() - 1
    }

    /// Those that may be one of the messages by their length, and have not been read.
    fn candidates(&self, known: &Known) -> impl Iterator<Item = usize> + '_ {
        let right = self.by_size.get(&(known.size + known.line_feeds));
        right.into_iter().flatten().chain(&self.unsized_ones).copied()
    }

    fn worth_reading(&self, life: Life, missed: &[&Known], reads_files: bool) -> HashSet<usize> {
        let mut wanted = HashSet::new();
        for known in missed {
            match self.by_origin.get(&origin(life, known.uid)) {
                Some(at) if reads_files => {
                    wanted.insert(*at);
                }
                Some(_) => {}
                None => wanted.extend(self.candidates(known)),
            }
        }
        wanted.retain(|at| self.all[*at].file.is_none());
        wanted
    }

    /// The message that it is, if it is there; the same when it is asked for again.
    fn take(&mut self, life: Life, known: &Known) -> Option<usize> {
        if let Some(at) = self.taken.get(&(life, known.uid)) {
            return Some(*at);
        }
        let by_mark = self.by_origin.get(&origin(life, known.uid)).copied();
        let is_same = |at: &usize| {
            let stray = &self.all[*at];
            let digests = stray.file.map(|file| [file.stored, file.served]);
            !stray.is_taken && digests.is_some_and(|digests| digests.contains(&known.digest))
        };
        let at = by_mark.or_else(|| self.candidates(known).find(is_same))?;
        self.all[at].is_taken = true;
        self.taken.insert((life, known.uid), at);
        Some(at)
    }

    fn spot(&self, at: usize, known: &Known) -> Spot {
        let stray = &self.all[at];
        Spot {
            mailbox: self.mailboxes[stray.mailbox].clone(),
            uid: stray.uid,
            flags: stray.flags.clone(),
            digest: stray.file.map(|file| file.digest_beside(Some(known.digest))),
            date: stray.file.map(|file| file.date),
        }
    }
}

fn origin((tag, uid_validity): Life, uid: Uid) -> Origin {
    Origin {
        tag,
        uid_validity,
        uid,
    }
}
