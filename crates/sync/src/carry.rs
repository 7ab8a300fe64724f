//! Carry: the source's pipe is kept full, whatever the round-trip time.
//!
//! One task reads one connection. It keeps many commands in flight: rows of windows ahead of the texts of earlier
//! ones, across mailboxes, each with the EXAMINE it needs. Rows are planned as they come ([`plan_messages`]); texts
//! go to the [`Stager`] in the pieces in which they arrive. It decides nothing: it walks the plan's actions.

use std::collections::{HashMap, VecDeque};

use transhume_db::{Base, MailboxRecord};
use transhume_imap::client::Connection;
use transhume_imap::session::{BodyEvent, Examine, Exchange, FetchBodies, FetchRows};
use transhume_imap::wire::{Event, Response, Status, Tag, Tagged, WireName};
use transhume_model::mail::{Checkpoint, MessageRow, Uid, UidSet};
use transhume_model::plan::{Action, plan_messages};

use crate::endpoint::Look;
use crate::error::SyncError;
use crate::progress::{Observer, Progress};
use crate::report::{Counts, FailedMessage};
use crate::stage::Stager;
use crate::stop::Stop;
use crate::window::{WINDOW, compact_set, range_set, windows};

/// Rows that may be in memory at once, planned or under way.
const ROWS_IN_FLIGHT: u64 = 10 * WINDOW;

/// Texts that one command asks for, and commands for texts that may be in flight.
const TEXTS_PER_COMMAND: usize = 500;
const TEXT_COMMANDS_IN_FLIGHT: usize = 64;

/// Octets of a set of UIDs in one command: with the rest of the line well below the 8,000 octets that every server
/// must take (RFC 7162 section 4); those known to take less get their sets in ranges, which are short.
const SET_OCTETS: usize = 4_000;

/// A mailbox that has to be read.
pub(crate) struct Work {
    pub(crate) record: MailboxRecord,
    pub(crate) wire: WireName,
    pub(crate) checkpoint: Checkpoint,
    look: Look,
    windows: VecDeque<(Uid, Uid)>,
    /// Commands in flight and texts not yet asked for.
    open: usize,
    closed: bool,
    /// Messages handed to the stager.
    handed_over: u64,
    /// Whether the mailbox is to be filled in one stroke.
    fills: bool,
    /// Whether it waits for the next round.
    pub(crate) held_back: bool,
    pub(crate) counts: Counts,
    pub(crate) failed: Vec<FailedMessage>,
    pub(crate) error: Option<String>,
}

impl Work {
    pub(crate) fn new(
        record: MailboxRecord,
        wire: WireName,
        checkpoint: Checkpoint,
        look: Look,
        fills: bool,
    ) -> Self {
        Self {
            record,
            wire,
            windows: windows(&checkpoint),
            checkpoint,
            look,
            open: 0,
            closed: false,
            handed_over: 0,
            fills,
            held_back: false,
            counts: Counts::default(),
            failed: Vec::new(),
            error: None,
        }
    }
}

/// Texts to ask for with one command.
struct Texts {
    mailbox: usize,
    set: UidSet,
    rows: HashMap<Uid, MessageRow>,
    /// Asked for one by one, since the server answered a larger command with less than all.
    alone: bool,
}

enum Asked {
    Examine(Examine),
    Rows {
        range: (Uid, Uid),
        rows: Vec<MessageRow>,
        reserved: u64,
    },
    Texts(Texts),
}

struct InFlight {
    tag: Tag,
    mailbox: usize,
    asked: Asked,
}

/// What is done with what was planned.
pub(crate) enum Purpose<'a> {
    /// Nothing: a dry run counts.
    Show,
    /// All of it.
    CarryOut(&'a mut Stager),
}

/// Reads all of `works` over one connection.
pub(crate) struct Carrier<'a> {
    pub(crate) connection: &'a mut Connection,
    pub(crate) base: &'a Base,
    pub(crate) works: &'a mut [Work],
    pub(crate) purpose: Purpose<'a>,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) stop: &'a Stop,
    /// Whether a mailbox that is to be filled waits for the next round when a message of it did not come: placed later,
    /// that message would lose its UID.
    hold_back: bool,
    pipe: VecDeque<InFlight>,
    /// The mailbox that is open behind everything in the pipe.
    open_at_end: Option<usize>,
    texts: VecDeque<Texts>,
    texts_in_flight: usize,
    rows_in_flight: u64,
}

impl<'a> Carrier<'a> {
    pub(crate) fn new(
        connection: &'a mut Connection,
        base: &'a Base,
        works: &'a mut [Work],
        purpose: Purpose<'a>,
        observer: &'a dyn Observer,
        stop: &'a Stop,
        hold_back: bool,
    ) -> Self {
        Self {
            connection,
            base,
            works,
            purpose,
            observer,
            stop,
            hold_back,
            pipe: VecDeque::new(),
            open_at_end: None,
            texts: VecDeque::new(),
            texts_in_flight: 0,
            rows_in_flight: 0,
        }
    }

    /// Reads until there is nothing left to read. What was carried is with the stager, whatever the outcome.
    pub(crate) async fn run(mut self) -> Result<(), SyncError> {
        for mailbox in 0..self.works.len() {
            self.settle(mailbox).await?;
        }
        let stop = self.stop;
        let asked = stop.asked();
        tokio::pin!(asked);
        loop {
            self.fill_pipe();
            if self.pipe.is_empty() {
                debug_assert_eq!(self.rows_in_flight, 0, "every row has been accounted for");
                return Ok(());
            }
            let event = tokio::select! {
                biased;
                () = &mut asked => return Err(SyncError::Interrupted),
                event = self.connection.next_event() => event?,
            };
            self.take(event).await?;
        }
    }

    fn fill_pipe(&mut self) {
        while self.texts_in_flight < TEXT_COMMANDS_IN_FLIGHT
            && let Some(texts) = self.texts.pop_front()
        {
            if self.works[texts.mailbox].error.is_some() {
                self.works[texts.mailbox].open -= 1;
                self.rows_in_flight = self.rows_in_flight.saturating_sub(texts.rows.len() as u64);
                continue;
            }
            self.examine(texts.mailbox);
            self.texts_in_flight += 1;
            let tag = self.connection.enqueue(&FetchBodies::command(&texts.set));
            self.pipe.push_back(InFlight {
                tag,
                mailbox: texts.mailbox,
                asked: Asked::Texts(texts),
            });
        }
        for mailbox in 0..self.works.len() {
            while let Some(&range) = self.works[mailbox].windows.front() {
                let reserved = u64::from(self.works[mailbox].checkpoint.messages).min(WINDOW);
                if self.rows_in_flight > 0 && self.rows_in_flight + reserved > ROWS_IN_FLIGHT {
                    return;
                }
                self.works[mailbox].windows.pop_front();
                self.works[mailbox].open += 1;
                self.examine(mailbox);
                self.rows_in_flight += reserved;
                let tag = self.connection.enqueue(&FetchRows::command(&range_set(range)));
                let asked = Asked::Rows {
                    range,
                    rows: Vec::new(),
                    reserved,
                };
                self.pipe.push_back(InFlight { tag, mailbox, asked });
            }
        }
    }

    /// Opens a mailbox behind what is in the pipe, unless it is open there already.
    fn examine(&mut self, mailbox: usize) {
        if self.open_at_end == Some(mailbox) {
            return;
        }
        let wire = &self.works[mailbox].wire;
        let tag = self.connection.enqueue(&Examine::command(wire));
        let asked = Asked::Examine(Examine::new(wire.clone()));
        self.works[mailbox].open += 1;
        self.pipe.push_back(InFlight { tag, mailbox, asked });
        self.open_at_end = Some(mailbox);
    }

    async fn take(&mut self, event: Event) -> Result<(), SyncError> {
        if let Event::Response(Response::Tagged(reply)) = event {
            return self.answered(reply).await;
        }
        if let Some(InFlight {
            asked: Asked::Examine(exchange),
            ..
        }) = self.pipe.front_mut()
        {
            if let Event::Response(response) = event {
                exchange.untagged(response);
            }
            return Ok(());
        }
        if let Event::Response(Response::Fetch(fetch)) = &event
            && let Some(row) = FetchRows::row(fetch)
        {
            self.take_row(row);
            return Ok(());
        }
        self.take_text(event).await
    }

    /// The commands whose answers may come now: all that concern the mailbox that is open. Servers work on several of
    /// them together and reply to them at the end (Dovecot does), so what comes is known by its UID, not by its place.
    fn answerable(&mut self) -> impl Iterator<Item = &mut InFlight> {
        self.pipe
            .iter_mut()
            .take_while(|asked| !matches!(asked.asked, Asked::Examine(_)))
    }

    fn take_row(&mut self, row: MessageRow) {
        for asked in self.answerable() {
            if let Asked::Rows {
                range: (first, last),
                rows,
                ..
            } = &mut asked.asked
                && (*first..=*last).contains(&row.uid)
            {
                rows.push(row);
                return;
            }
        }
    }

    /// The message that was asked for and has come, with its mailbox.
    fn take_asked(&mut self, uid: Uid) -> Option<(usize, MessageRow)> {
        self.answerable().find_map(|asked| match &mut asked.asked {
            Asked::Texts(texts) => texts.rows.remove(&uid).map(|row| (texts.mailbox, row)),
            _ => None,
        })
    }

    async fn take_text(&mut self, event: Event) -> Result<(), SyncError> {
        match FetchBodies::read(event) {
            BodyEvent::Started { .. } => {
                if let Some(mailbox) = self.pipe.front().map(|asked| asked.mailbox)
                    && let Purpose::CarryOut(stager) = &mut self.purpose
                {
                    stager.begin(self.works[mailbox].record.id);
                }
            }
            BodyEvent::Chunk(chunk) => {
                self.observer.hear(&Progress::Received {
                    bytes: chunk.len() as u64,
                });
                if let Purpose::CarryOut(stager) = &mut self.purpose {
                    stager.write(chunk).await?;
                }
            }
            BodyEvent::Complete { uid, octets } => {
                let asked = uid.and_then(|uid| self.take_asked(uid));
                let Purpose::CarryOut(stager) = &mut self.purpose else {
                    return Ok(());
                };
                // A text that was not asked for, or comes a second time, is not ours to keep.
                let Some((mailbox, row)) = asked else {
                    return stager.abandon().await;
                };
                self.rows_in_flight = self.rows_in_flight.saturating_sub(1);
                let work = &mut self.works[mailbox];
                work.handed_over += 1;
                work.counts.carried += 1;
                work.counts.bytes += octets;
                work.counts.undated += u64::from(row.internal_date.is_none());
                stager.finish(row).await?;
                self.observer.hear(&Progress::Message {
                    mailbox: &work.record.source,
                });
            }
            BodyEvent::Unreadable => {
                if let Purpose::CarryOut(stager) = &mut self.purpose {
                    stager.abandon().await?;
                }
            }
            BodyEvent::Withheld { .. } | BodyEvent::Other | BodyEvent::Response(_) => {}
        }
        Ok(())
    }

    /// A command has been answered. Servers answer in order; one that does not is followed all the same.
    async fn answered(&mut self, reply: Tagged) -> Result<(), SyncError> {
        let Some(at) = self.pipe.iter().position(|asked| asked.tag == reply.tag) else {
            return Ok(());
        };
        let Some(InFlight { mailbox, asked, .. }) = self.pipe.remove(at) else {
            return Ok(());
        };
        self.works[mailbox].open -= 1;
        match asked {
            Asked::Examine(exchange) => self.examined(mailbox, &exchange, &reply),
            Asked::Rows {
                range,
                rows,
                reserved,
            } => {
                self.rows_in_flight = self.rows_in_flight.saturating_sub(reserved);
                if let Some(text) = refusal(&reply) {
                    self.works[mailbox].error.get_or_insert(text);
                } else if self.works[mailbox].error.is_none() {
                    self.plan(mailbox, range, rows).await?;
                }
            }
            Asked::Texts(texts) => {
                self.texts_in_flight -= 1;
                self.rows_in_flight = self.rows_in_flight.saturating_sub(texts.rows.len() as u64);
                self.not_delivered(texts, refusal(&reply).as_deref());
            }
        }
        self.settle(mailbox).await
    }

    fn examined(&mut self, mailbox: usize, exchange: &Examine, reply: &Tagged) {
        let work = &mut self.works[mailbox];
        if let Some(text) = refusal(reply) {
            work.error.get_or_insert(text);
            return;
        }
        let found = exchange.found().checkpoint.uid_validity;
        if found.is_some() && found != work.checkpoint.uid_validity {
            let text = "the source numbered its messages anew while they were read; run again to move it";
            work.error.get_or_insert_with(|| text.to_owned());
        }
    }

    async fn plan(
        &mut self,
        mailbox: usize,
        range: (Uid, Uid),
        mut rows: Vec<MessageRow>,
    ) -> Result<(), SyncError> {
        rows.sort_by_key(|row| row.uid);
        rows.dedup_by_key(|row| row.uid);
        let id = self.works[mailbox].record.id;
        let pairs = self.base.pairs(id, range.0, range.1).await?;
        let mut carry = HashMap::new();
        let mut local = Vec::new();
        let actions = self.works[mailbox]
            .look
            .with_view(|view| plan_messages(&rows, &pairs, view));
        for action in actions {
            match action {
                Action::Carry { row, .. } => {
                    carry.insert(row.uid, row);
                }
                action => local.push(action),
            }
        }
        let counts = Counts::of(&local);
        self.works[mailbox].counts.add(&counts);
        self.observer.hear(&Progress::Planned {
            messages: carry.len() as u64,
            bytes: carry.values().map(|row| row.size).sum(),
        });
        match &mut self.purpose {
            Purpose::Show => {
                let counts = &mut self.works[mailbox].counts;
                counts.carried += carry.len() as u64;
                counts.bytes += carry.values().map(|row| row.size).sum::<u64>();
            }
            Purpose::CarryOut(stager) => {
                if !local.is_empty() {
                    stager.apply(id, local).await?;
                }
                self.queue_texts(mailbox, &rows, carry);
            }
        }
        Ok(())
    }

    /// Cuts what is to be carried into commands.
    fn queue_texts(&mut self, mailbox: usize, rows: &[MessageRow], mut carry: HashMap<Uid, MessageRow>) {
        self.rows_in_flight += carry.len() as u64;
        for part in rows.chunks(TEXTS_PER_COMMAND) {
            let ranges = compact_set(part, |row| carry.contains_key(&row.uid));
            let set: UidSet = ranges.into_iter().collect();
            for set in set.split_by_octets(SET_OCTETS) {
                let rows: HashMap<Uid, MessageRow> = part
                    .iter()
                    .filter(|row| set.contains(row.uid))
                    .filter_map(|row| carry.remove_entry(&row.uid))
                    .collect();
                self.works[mailbox].open += 1;
                self.texts.push_back(Texts {
                    mailbox,
                    set,
                    rows,
                    alone: false,
                });
            }
        }
    }

    /// What a command for texts left out is asked for once more, each message alone, so that one bad message does
    /// not keep others back. What is not delivered then stays behind.
    fn not_delivered(&mut self, texts: Texts, refusal: Option<&str>) {
        if self.works[texts.mailbox].error.is_some() {
            return;
        }
        let mut rows: Vec<MessageRow> = texts.rows.into_values().collect();
        rows.sort_by_key(|row| row.uid);
        for row in rows {
            if texts.alone {
                let reason = refusal
                    .unwrap_or("the server lists the message, but does not deliver it")
                    .to_owned();
                self.works[texts.mailbox]
                    .failed
                    .push(FailedMessage { uid: row.uid, reason });
            } else {
                self.works[texts.mailbox].open += 1;
                self.rows_in_flight += 1;
                let set = UidSet::range(row.uid, row.uid);
                let rows = HashMap::from([(row.uid, row)]);
                self.texts.push_back(Texts {
                    mailbox: texts.mailbox,
                    set,
                    rows,
                    alone: true,
                });
            }
        }
    }

    /// When nothing more of a mailbox is to come, the stager learns it.
    async fn settle(&mut self, mailbox: usize) -> Result<(), SyncError> {
        let work = &mut self.works[mailbox];
        if work.closed || work.open > 0 || !(work.windows.is_empty() || work.error.is_some()) {
            return Ok(());
        }
        work.windows.clear();
        work.closed = true;
        if work.handed_over > 0 {
            self.observer.hear(&Progress::Mailbox {
                mailbox: &work.record.source,
                carried: work.handed_over,
            });
        }
        work.held_back = self.hold_back && work.fills && !work.failed.is_empty();
        // A mailbox that could not be read to its end is not committed: what is staged waits for the next pass.
        if let Purpose::CarryOut(stager) = &mut self.purpose
            && work.error.is_none()
            && !work.held_back
        {
            stager.close(work.record.id, work.handed_over).await?;
        }
        Ok(())
    }
}

/// What the server said, when it did not say OK.
fn refusal(reply: &Tagged) -> Option<String> {
    (reply.status != Status::Ok).then(|| format!("the server answered: {}", reply.text))
}
