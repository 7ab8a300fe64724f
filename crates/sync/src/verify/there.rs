//! The source's side of one mailbox: its rows, a window at a time, and the digests of its texts when they are asked for.

use std::collections::HashMap;

use transhume_imap::Connection;
use transhume_imap::session::{BodyEvent, Examine, Exchange, FetchBodies, FetchRows, accept};
use transhume_imap::wire::{CommandLine, Event, Response, Status, WireName};
use transhume_model::mail::{Hasher, MailboxName, MessageRow, Uid, UidSet, UidValidity};
use transhume_model::verify::Text;

use crate::error::SyncError;
use crate::progress::{Observer, Progress};

/// Octets of a set of UIDs in one command. The shortest line that some server is known to take has 1,000.
const SET_OCTETS: usize = 900;

/// How often the connection may end at a message before its text counts as withheld.
const ENDS: u32 = 2;

/// How many messages have ended the connection too often.
pub(super) fn withheld(ends: &HashMap<Uid, u32>) -> usize {
    ends.values().filter(|ends| **ends >= ENDS).count()
}

/// A mailbox on the source, opened when it is first read.
pub(super) struct There<'a> {
    pub(super) connection: &'a mut Connection,
    pub(super) mailbox: &'a MailboxName,
    pub(super) wire: &'a WireName,
    pub(super) observer: &'a dyn Observer,
    /// Messages at which the connection has ended, and how often.
    pub(super) ends: &'a mut HashMap<Uid, u32>,
    /// What the mailbox was found to be when it was opened.
    opened: Option<Opened>,
}

#[derive(Clone, Copy, Debug)]
struct Opened {
    uid_validity: Option<UidValidity>,
    /// Messages that the source says there are.
    messages: u64,
}

impl<'a> There<'a> {
    pub(super) fn new(
        connection: &'a mut Connection,
        (mailbox, wire): (&'a MailboxName, &'a WireName),
        observer: &'a dyn Observer,
        ends: &'a mut HashMap<Uid, u32>,
    ) -> Self {
        Self {
            connection,
            mailbox,
            wire,
            observer,
            ends,
            opened: None,
        }
    }

    /// The source's UIDVALIDITY, as it was when the mailbox was opened.
    pub(super) fn uid_validity(&self) -> Option<UidValidity> {
        self.opened.and_then(|opened| opened.uid_validity)
    }

    /// How many messages the source says it has.
    pub(super) fn expected(&self) -> u64 {
        self.opened.map_or(0, |opened| opened.messages)
    }

    /// The rows of a range of UIDs, ascending, none twice. A row that has no flags counts as not listed.
    pub(super) async fn rows(&mut self, (first, last): (Uid, Uid)) -> Result<Vec<MessageRow>, SyncError> {
        let mut commands: Vec<CommandLine> = Vec::new();
        let opens = self.opened.is_none();
        if opens {
            commands.push(Examine::command(self.wire));
        }
        commands.push(FetchRows::command(&UidSet::range(first, last)));
        let mut examine = Examine::new(self.wire.clone());
        let (mut rows, mut expunged) = (Vec::new(), 0);
        let replies = self
            .connection
            .pipeline(&commands, |command, event| {
                let Event::Response(response) = event else { return };
                match response {
                    response if opens && command == 0 => examine.untagged(response),
                    Response::Fetch(fetch) if fetch.flags.is_some() => rows.extend(FetchRows::row(&fetch)),
                    Response::Expunge(_) => expunged += 1,
                    _ => {}
                }
            })
            .await?;
        for reply in replies {
            accept("a mailbox's listing", reply)?;
        }
        if opens {
            let checkpoint = examine.found().checkpoint;
            self.opened = Some(Opened {
                uid_validity: checkpoint.uid_validity,
                messages: u64::from(checkpoint.messages),
            });
        }
        if let Some(opened) = &mut self.opened {
            opened.messages = opened.messages.saturating_sub(expunged);
        }
        rows.sort_by_key(|row: &MessageRow| row.uid);
        rows.dedup_by_key(|row| row.uid);
        Ok(rows)
    }

    /// Fetches the texts of messages, and keeps nothing of them but their digests.
    pub(super) async fn texts(&mut self, wanted: &[&MessageRow]) -> Result<HashMap<Uid, Text>, SyncError> {
        let mut found: HashMap<Uid, Text> = wanted.iter().map(|row| (row.uid, Text::Withheld)).collect();
        let sizes: HashMap<Uid, u64> = wanted
            .iter()
            .filter(|row| self.ends.get(&row.uid).is_none_or(|ends| *ends < ENDS))
            .map(|row| (row.uid, row.size))
            .collect();
        self.observer.hear(&Progress::Planned {
            messages: sizes.len() as u64,
        });
        let mut uids: Vec<Uid> = sizes.keys().copied().collect();
        uids.sort_unstable();
        // Those that came to grief before come last, each by itself.
        let (odd, even): (Vec<Uid>, Vec<Uid>) = uids.into_iter().partition(|uid| self.ends.contains_key(uid));
        let mut sets = even.into_iter().collect::<UidSet>().split_by_octets(SET_OCTETS);
        sets.extend(odd.into_iter().map(|uid| UidSet::range(uid, uid)));
        for set in sets {
            self.fetch(&set, &sizes, &mut found).await?;
        }
        Ok(found)
    }

    /// One command. What it leaves out is asked for once more, each message alone.
    async fn fetch(
        &mut self,
        set: &UidSet,
        sizes: &HashMap<Uid, u64>,
        found: &mut HashMap<Uid, Text>,
    ) -> Result<(), SyncError> {
        let mut reader = Reader::default();
        let is_refused = self.ask(set, sizes, &mut reader, found).await?;
        let left_out: Vec<Uid> = members(set, sizes)
            .filter(|uid| found.get(uid) == Some(&Text::Withheld))
            .collect();
        if set.len() == 1 || (left_out.is_empty() && !is_refused) {
            return Ok(());
        }
        for uid in left_out {
            let mut reader = Reader::default();
            self.ask(&UidSet::range(uid, uid), sizes, &mut reader, found)
                .await?;
        }
        Ok(())
    }

    /// Sends a command and reads its answers. Says whether it was refused.
    async fn ask(
        &mut self,
        set: &UidSet,
        sizes: &HashMap<Uid, u64>,
        reader: &mut Reader,
        found: &mut HashMap<Uid, Text>,
    ) -> Result<bool, SyncError> {
        let (observer, mailbox) = (self.observer, self.mailbox);
        let outcome = self
            .connection
            .pipeline(&[FetchBodies::command(set)], |_, event| {
                match &reader.take(event, sizes, found) {
                    BodyEvent::Chunk(chunk) => {
                        let bytes = chunk.len() as u64;
                        observer.hear(&Progress::Received { bytes });
                    }
                    BodyEvent::Complete { .. } => observer.hear(&Progress::Message { mailbox }),
                    _ => {}
                }
            })
            .await;
        match outcome {
            Ok(replies) => Ok(replies.iter().any(|reply| reply.status != Status::Ok)),
            Err(error) => {
                let next = || members(set, sizes).find(|uid| found.get(uid) == Some(&Text::Withheld));
                if let Some(uid) = reader.under_way.or_else(next) {
                    *self.ends.entry(uid).or_default() += 1;
                }
                Err(error.into())
            }
        }
    }
}

/// The messages of a set that are wanted, ascending.
fn members<'a>(set: &'a UidSet, sizes: &'a HashMap<Uid, u64>) -> impl Iterator<Item = Uid> + 'a {
    let mut uids: Vec<Uid> = sizes.keys().copied().filter(|uid| set.contains(*uid)).collect();
    uids.sort_unstable();
    uids.into_iter()
}

/// Hashes one text after the other as they come in.
#[derive(Default)]
struct Reader {
    hasher: Hasher,
    under_way: Option<Uid>,
}

impl Reader {
    fn take(&mut self, event: Event, sizes: &HashMap<Uid, u64>, found: &mut HashMap<Uid, Text>) -> BodyEvent {
        let event = FetchBodies::read(event);
        match &event {
            BodyEvent::Started { uid, .. } => {
                self.hasher = Hasher::default();
                self.under_way = *uid;
            }
            BodyEvent::Chunk(chunk) => self.hasher.update(chunk),
            BodyEvent::Complete { fetch, octets } => {
                let uid = fetch.uid;
                let hasher = std::mem::take(&mut self.hasher);
                self.under_way = None;
                // An empty text is not that of a message that has a size: some servers send one for what they cannot read.
                if let Some(uid) = uid
                    && let Some(size) = sizes.get(&uid)
                    && (*octets > 0 || *size == 0)
                {
                    let digest = hasher.digest();
                    found.insert(uid, Text::Served(digest));
                }
            }
            _ => {}
        }
        event
    }
}
