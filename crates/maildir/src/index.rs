//! What is in a mailbox, in little memory: 20 bytes for a message of ours, whatever its name.

use std::collections::HashMap;

use transhume_model::mail::{FlagSet, Uid, UidValidity};

use crate::error::MaildirError;
use crate::keywords::KeywordTable;
use crate::letters::Letters;
use crate::name::{Entry, Origin};
use crate::open::OpenMailbox;
use crate::uidlist::{Line, Reader, Summary, UidListHeader};

/// One message, as the directory and `dovecot-uidlist` together tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    /// Its UID here; 0 where `dovecot-uidlist` does not name it (yet).
    uid: u32,
    pub(crate) letters: Letters,
    pub(crate) is_new: bool,
    /// Whether its file was found.
    seen: bool,
    /// Free for use by whoever works through the messages.
    pub(crate) done: bool,
}

impl Record {
    /// Its UID here; [`None`] where `dovecot-uidlist` does not name it (yet).
    pub(crate) fn uid(&self) -> Option<Uid> {
        Uid::new(self.uid)
    }

    pub(crate) fn set_uid(&mut self, uid: Uid) {
        self.uid = uid.get();
    }

    fn see(&mut self, entry: &Entry<'_>) {
        self.letters = entry.letters;
        self.is_new = entry.is_new;
        self.seen = true;
    }
}

#[derive(Clone, Copy, Debug)]
struct Ours {
    /// Position among the sources.
    source: u16,
    /// UID on the source.
    origin_uid: u32,
    record: Record,
}

impl Ours {
    fn key(&self) -> (u16, u32) {
        (self.source, self.origin_uid)
    }
}

/// A source mailbox in one of its lives.
pub(crate) type Source = ([u8; 8], Option<UidValidity>);

/// The messages of a mailbox.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Hardly ever more than one.
    sources: Vec<Source>,
    /// Ascending by source and UID there, none twice.
    ours: Vec<Ours>,
    /// By base name.
    foreign: HashMap<Box<[u8]>, Record>,
}

impl Index {
    /// Reads `dovecot-uidlist` and looks which files there are. A message without a file is not in the index.
    pub(crate) fn read(mailbox: &OpenMailbox) -> Result<(Self, Option<Summary>), MaildirError> {
        let mut index = Self::default();
        let summary = match Reader::open(&mailbox.base)? {
            Some(mut reader) => {
                while let Some(line) = reader.next_line()? {
                    index.list(&line);
                }
                Some(reader.finish()?)
            }
            None => None,
        };
        index.sort();
        let mut unlisted = index.look(mailbox)?;
        // While a directory is being listed, a file that is renamed may escape. So what is listed but was not
        // seen is looked for once more.
        if index.has_unseen() {
            unlisted.extend(index.look(mailbox)?);
        }
        index.ours.retain(|ours| ours.record.seen);
        index.foreign.retain(|_, record| record.seen);
        index.ours.append(&mut unlisted);
        index.sort();
        Ok((index, summary))
    }

    fn list(&mut self, line: &Line<'_>) {
        let record = Record {
            uid: line.uid.get(),
            ..Record::default()
        };
        match self.ours(line.base, record) {
            Some(ours) => self.ours.push(ours),
            // The last line of a name counts.
            None => {
                self.foreign.insert(line.base.into(), record);
            }
        }
    }

    /// [`None`] for a message that somebody else put there.
    fn ours(&mut self, base: &[u8], record: Record) -> Option<Ours> {
        let origin = Origin::of_name(base)?;
        let source = (origin.tag, origin.uid_validity);
        let position = self.sources.iter().position(|&known| known == source);
        let position = position.unwrap_or_else(|| {
            self.sources.push(source);
            self.sources.len() - 1
        });
        Some(Ours {
            source: u16::try_from(position).ok()?,
            origin_uid: origin.uid.get(),
            record,
        })
    }

    /// Looks through the directories. Gives those of ours that are not listed.
    fn look(&mut self, mailbox: &OpenMailbox) -> Result<Vec<Ours>, MaildirError> {
        let mut unlisted = Vec::new();
        mailbox.for_each_entry(|entry| {
            if let Some(record) = self.get_mut(entry.base) {
                record.see(&entry);
                return Ok(());
            }
            let mut record = Record::default();
            record.see(&entry);
            match self.ours(entry.base, record) {
                Some(ours) => unlisted.push(ours),
                None => {
                    self.foreign.insert(entry.base.into(), record);
                }
            }
            Ok(())
        })?;
        Ok(unlisted)
    }

    fn has_unseen(&self) -> bool {
        !self.ours.iter().all(|ours| ours.record.seen) || !self.foreign.values().all(|record| record.seen)
    }

    /// Of several with the same origin, the last one stays.
    fn sort(&mut self) {
        self.ours.sort_by_key(Ours::key);
        self.ours.dedup_by(|later, kept| {
            let same = later.key() == kept.key();
            if same {
                *kept = *later;
            }
            same
        });
    }

    fn position(&self, origin: &Origin) -> Option<usize> {
        let source = (origin.tag, origin.uid_validity);
        let source = self.sources.iter().position(|&known| known == source)?;
        let key = (u16::try_from(source).ok()?, origin.uid.get());
        self.ours.binary_search_by_key(&key, Ours::key).ok()
    }

    /// The message of that origin.
    pub(crate) fn get(&self, origin: &Origin) -> Option<&Record> {
        self.position(origin).map(|at| &self.ours[at].record)
    }

    /// The message of that origin, to be changed.
    pub(crate) fn get_origin_mut(&mut self, origin: &Origin) -> Option<&mut Record> {
        self.position(origin).map(|at| &mut self.ours[at].record)
    }

    /// The message of that base name, to be changed.
    pub(crate) fn get_mut(&mut self, base: &[u8]) -> Option<&mut Record> {
        match Origin::of_name(base) {
            Some(origin) => self.get_origin_mut(&origin),
            None => self.foreign.get_mut(base),
        }
    }
}

/// What was found of a message of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its UID here; [`None`] where Dovecot has not been told of it (yet).
    pub uid: Option<Uid>,
    /// Its flags and keywords.
    pub letters: Letters,
    /// Whether it lies in `new/`.
    pub is_new: bool,
}

impl From<&Record> for Found {
    fn from(record: &Record) -> Self {
        Self {
            uid: record.uid(),
            letters: record.letters,
            is_new: record.is_new,
        }
    }
}

/// A message that somebody else put there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignMessage {
    /// Its name without flags, by which it is known for as long as it exists.
    pub base: Vec<u8>,
    /// UID, flags and place.
    pub found: Found,
    /// Bytes on disk, where the name tells.
    pub size: Option<u64>,
    /// Bytes as Dovecot serves them, where the name tells.
    pub virtual_size: Option<u64>,
}

/// A mailbox as it was at one time.
#[derive(Debug)]
pub struct Scan {
    /// What `dovecot-uidlist` says of the whole; [`None`] where there is none.
    pub header: Option<UidListHeader>,
    /// What the keyword letters mean.
    pub keywords: KeywordTable,
    index: Index,
}

impl Scan {
    pub(crate) fn read(mailbox: &OpenMailbox) -> Result<Self, MaildirError> {
        let (index, summary) = Index::read(mailbox)?;
        Ok(Self {
            header: summary.map(|summary| summary.header),
            // Read last: a letter is given its meaning before any file bears it.
            keywords: KeywordTable::read(&mailbox.base)?,
            index,
        })
    }

    /// The message of ours that has this origin.
    pub fn find(&self, origin: &Origin) -> Option<Found> {
        self.index.get(origin).map(Found::from)
    }

    /// The message of that name without flags, whoever put it there; one of ours is known by what the name says of its
    /// origin, whatever else the file is called by now.
    pub fn find_name(&self, base: &[u8]) -> Option<Found> {
        match Origin::of_name(base) {
            Some(origin) => self.find(&origin),
            None => self.index.foreign.get(base).map(Found::from),
        }
    }

    /// All messages of ours, of all sources, ascending by UID within a source.
    pub fn ours(&self) -> impl Iterator<Item = (Origin, Found)> + '_ {
        self.index.ours.iter().filter_map(|ours| {
            let (tag, uid_validity) = *self.index.sources.get(usize::from(ours.source))?;
            let uid = Uid::new(ours.origin_uid)?;
            let origin = Origin {
                tag,
                uid_validity,
                uid,
            };
            Some((origin, Found::from(&ours.record)))
        })
    }

    /// All others, by UID; those without one come last.
    pub fn foreign(&self) -> Vec<ForeignMessage> {
        let mut messages: Vec<ForeignMessage> = self
            .index
            .foreign
            .iter()
            .map(|(base, record)| {
                let entry = Entry::parse(base, record.is_new);
                ForeignMessage {
                    base: base.to_vec(),
                    found: record.into(),
                    size: entry.size(),
                    virtual_size: entry.virtual_size(),
                }
            })
            .collect();
        messages.sort_by(|a, b| {
            let key = |message: &ForeignMessage| message.found.uid.map_or(u32::MAX, Uid::get);
            key(a).cmp(&key(b)).then_with(|| a.base.cmp(&b.base))
        });
        messages
    }

    /// How many messages there are.
    pub fn len(&self) -> usize {
        self.index.ours.len() + self.index.foreign.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What letters mean in this mailbox.
    pub fn flags(&self, letters: Letters) -> FlagSet {
        self.keywords.flags(letters)
    }
}
