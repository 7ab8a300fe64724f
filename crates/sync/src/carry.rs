//! Carry: the source's pipe is kept full, whatever the round-trip time.
//!
//! One task reads one connection. It keeps many commands in flight: rows of windows ahead of the texts of earlier
//! ones, across mailboxes, each with the EXAMINE it needs. Rows are planned as they come ([`plan_messages`]); texts
//! go to the [`Stager`] in the pieces in which they arrive. It decides nothing: it walks the plan's actions.

use std::collections::{HashMap, VecDeque};

use transhume_db::Base;
use transhume_imap::client::Connection;
use transhume_imap::session::{BodyEvent, Examine, Exchange, FetchBodies, FetchRows};
use transhume_imap::wire::{Event, Response, Status, Tagged};
use transhume_model::mail::{MessageRow, Uid, UidSet};
use transhume_model::plan::{Action, plan_messages};

use crate::error::SyncError;
use crate::pipe::{Asked, InFlight, Pipe, Rows, Texts};
use crate::progress::{Observer, Progress};
use crate::report::{Counts, FailedMessage};
use crate::stage::Stager;
use crate::stop::Stop;
use crate::window::{WINDOW, compact_set};
use crate::work::{CONDEMNED, ENDED_BEFORE, ENDED_WITHIN, Work};

/// Rows that may be in memory at once, planned or under way.
const ROWS_IN_FLIGHT: u64 = 10 * WINDOW;

/// Texts that one command asks for, and commands for texts that may be in flight.
const TEXTS_PER_COMMAND: usize = 500;
const TEXT_COMMANDS_IN_FLIGHT: usize = 64;

/// Octets of a set of UIDs in one command. The shortest line that some server is known to take has 1,000.
const SET_OCTETS: usize = 900;

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
    pipe: Pipe,
    /// Texts to be asked for.
    texts: VecDeque<Texts>,
    /// Texts of messages at which the connection has ended before: asked for when there is nothing else.
    last: Vec<Texts>,
    /// The message whose text is coming in, and how much of it has come.
    under_way: Option<Uid>,
    received: u64,
    /// Messages that stay behind from now on, since the connection has ended at them too often.
    condemned: u32,
    /// The first mailbox that may have windows left.
    unread: usize,
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
    ) -> Self {
        Self {
            connection,
            base,
            works,
            purpose,
            observer,
            stop,
            hold_back: false,
            last: Vec::new(),
            condemned: 0,
            received: 0,
            pipe: Pipe::default(),
            texts: VecDeque::new(),
            under_way: None,
            unread: 0,
            rows_in_flight: 0,
        }
    }

    /// Lets mailboxes wait for the next round rather than fill them with a hole.
    pub(crate) fn holding_back(mut self, hold_back: bool) -> Self {
        self.hold_back = hold_back;
        self
    }

    /// Reads until there is nothing left to read. What was carried is with the stager, whatever the outcome. Also gives how
    /// many messages have been given up.
    pub(crate) async fn run(mut self) -> (Result<(), SyncError>, u32) {
        let result = self.read_all().await;
        (result, self.condemned)
    }

    async fn read_all(&mut self) -> Result<(), SyncError> {
        for mailbox in 0..self.works.len() {
            self.settle(mailbox).await?;
        }
        let stop = self.stop;
        let asked = stop.asked();
        tokio::pin!(asked);
        loop {
            self.fill_pipe();
            if self.pipe.is_empty() && !self.last.is_empty() {
                self.texts.extend(self.last.pop());
                continue;
            }
            if self.pipe.is_empty() {
                debug_assert_eq!(self.rows_in_flight, 0, "every row has been accounted for");
                return Ok(());
            }
            let event = tokio::select! {
                biased;
                () = &mut asked => return Err(SyncError::Interrupted),
                event = self.connection.next_event() => event,
            };
            match event {
                Ok(event) => self.take(event).await?,
                Err(error) => {
                    self.suspect().await?;
                    return Err(error.into());
                }
            }
        }
    }

    fn fill_pipe(&mut self) {
        while self.pipe.texts() < TEXT_COMMANDS_IN_FLIGHT
            && let Some(texts) = self.texts.pop_front()
        {
            if self.works[texts.mailbox].error.is_some() {
                self.works[texts.mailbox].open -= 1;
                self.rows_in_flight -= texts.rows.len() as u64;
                continue;
            }
            self.examine(texts.mailbox);
            self.pipe.ask_texts(self.connection, texts);
        }
        while let Some(work) = self.works.get_mut(self.unread) {
            let Some(&range) = work.windows.front() else {
                self.unread += 1;
                continue;
            };
            let reserved = u64::from(work.checkpoint.messages).min(WINDOW);
            if self.rows_in_flight > 0 && self.rows_in_flight + reserved > ROWS_IN_FLIGHT {
                return;
            }
            work.windows.pop_front();
            work.open += 1;
            self.rows_in_flight += reserved;
            self.examine(self.unread);
            let rows = Rows {
                range,
                found: Vec::new(),
                reserved,
            };
            self.pipe.ask_rows(self.connection, self.unread, rows);
        }
    }

    fn examine(&mut self, mailbox: usize) {
        let work = &mut self.works[mailbox];
        work.open += usize::from(self.pipe.examine(self.connection, mailbox, &work.wire));
    }

    async fn take(&mut self, event: Event) -> Result<(), SyncError> {
        if let Event::Response(Response::Tagged(reply)) = event {
            return self.answered(reply).await;
        }
        if let Some(exchange) = self.pipe.examining() {
            if let Event::Response(response) = event {
                exchange.untagged(response);
            }
            return Ok(());
        }
        match &event {
            // A row without flags would take flags away on the target: it counts as not listed.
            Event::Response(Response::Fetch(fetch)) if fetch.flags.is_some() => {
                if let Some(row) = FetchRows::row(fetch) {
                    self.pipe.take_row(row);
                    return Ok(());
                }
            }
            Event::Response(Response::Expunge(_)) => {
                if let Some(mailbox) = self.pipe.mailbox()
                    && let Some(expected) = &mut self.works[mailbox].expected
                {
                    *expected = expected.saturating_sub(1);
                }
                return Ok(());
            }
            _ => {}
        }
        self.take_text(event).await
    }

    async fn take_text(&mut self, event: Event) -> Result<(), SyncError> {
        match FetchBodies::read(event) {
            BodyEvent::Started { uid, .. } => {
                self.under_way = uid;
                self.received = 0;
                if let Some(mailbox) = self.pipe.mailbox()
                    && let Purpose::CarryOut(stager) = &mut self.purpose
                {
                    stager.begin(self.works[mailbox].record.id);
                }
            }
            BodyEvent::Chunk(chunk) => {
                self.received += chunk.len() as u64;
                self.observer.hear(&Progress::Received {
                    bytes: chunk.len() as u64,
                });
                if let Purpose::CarryOut(stager) = &mut self.purpose {
                    stager.write(chunk).await?;
                }
            }
            BodyEvent::Complete { uid, octets } => {
                self.under_way = None;
                let asked = uid.and_then(|uid| self.pipe.take_text(uid, octets));
                let Purpose::CarryOut(stager) = &mut self.purpose else {
                    return Ok(());
                };
                // A text that was not asked for, or comes a second time, is not ours to keep.
                let Some((mailbox, row)) = asked else {
                    return stager.abandon().await;
                };
                self.rows_in_flight -= 1;
                let work = &mut self.works[mailbox];
                if work.error.is_some() {
                    return stager.abandon().await;
                }
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

    async fn answered(&mut self, reply: Tagged) -> Result<(), SyncError> {
        let Some(InFlight { mailbox, asked, .. }) = self.pipe.answered(reply.tag) else {
            return Ok(());
        };
        self.works[mailbox].open -= 1;
        match asked {
            Asked::Examine(exchange) => self.examined(mailbox, &exchange, &reply),
            Asked::Rows(Rows {
                range,
                found,
                reserved,
            }) => {
                self.rows_in_flight -= reserved;
                if let Some(text) = refusal(&reply) {
                    self.works[mailbox].fail(text);
                } else if self.works[mailbox].error.is_none() {
                    self.plan(mailbox, range, found).await?;
                }
            }
            Asked::Texts(texts) => {
                self.rows_in_flight -= texts.rows.len() as u64;
                self.not_delivered(texts, refusal(&reply).as_deref());
            }
        }
        self.settle(mailbox).await
    }

    fn examined(&mut self, mailbox: usize, exchange: &Examine, reply: &Tagged) {
        let work = &mut self.works[mailbox];
        if let Some(text) = refusal(reply) {
            work.fail(text);
            return;
        }
        // What was removed in between is not missed: the least number that the source has told counts.
        let messages = u64::from(exchange.found().checkpoint.messages);
        work.expected = Some(work.expected.map_or(messages, |expected| expected.min(messages)));
        let found = exchange.found().checkpoint.uid_validity;
        if found.is_some() && found != work.checkpoint.uid_validity {
            let text = "the source numbered its messages anew while they were read; run again to move it";
            work.fail(text.to_owned());
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
        self.works[mailbox].listed += rows.len() as u64;
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
                    let work = &mut self.works[mailbox];
                    if let Some(reason) = work.look.refused.get(&row.uid) {
                        let (uid, reason) = (row.uid, reason.clone());
                        work.failed.push(FailedMessage { uid, reason });
                    } else {
                        carry.insert(row.uid, row);
                    }
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
                self.set_suspects_apart(mailbox, &mut carry);
                self.queue_texts(mailbox, &rows, carry);
            }
        }
        Ok(())
    }

    /// The connection has ended: the message that was being answered may be why.
    async fn suspect(&mut self) -> Result<(), SyncError> {
        let Some(mailbox) = self.pipe.mailbox() else {
            return Ok(());
        };
        let (uid, weight) = match self.under_way {
            Some(uid) if self.received > 0 => (Some(uid), ENDED_WITHIN),
            Some(uid) => (Some(uid), ENDED_BEFORE),
            None => (self.pipe.next_text(), ENDED_BEFORE),
        };
        if let (Some(uid), Purpose::CarryOut(_)) = (uid, &self.purpose) {
            let id = self.works[mailbox].record.id;
            let total = self.base.suspect(id, uid, weight).await?;
            self.condemned += u32::from(total >= CONDEMNED && total - weight < CONDEMNED);
        }
        Ok(())
    }

    /// Takes out of `carry` what has ended the connection: what did so again and again stays behind, so that the rest can
    /// come; the others are to be asked for by themselves, after everything else.
    fn set_suspects_apart(&mut self, mailbox: usize, carry: &mut HashMap<Uid, MessageRow>) {
        let work = &mut self.works[mailbox];
        for &(uid, weight) in &work.suspects {
            let Some(row) = carry.remove(&uid) else { continue };
            if weight >= CONDEMNED {
                let reason = "the connection has ended again and again when it was asked for".to_owned();
                work.failed.push(FailedMessage { uid, reason });
            } else {
                work.open += 1;
                self.rows_in_flight += 1;
                let rows = HashMap::from([(uid, row)]);
                self.last.push(Texts {
                    mailbox,
                    set: UidSet::range(uid, uid),
                    rows,
                    alone: true,
                });
            }
        }
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
        if work.closed || work.open > 0 || !work.windows.is_empty() {
            return Ok(());
        }
        work.closed = true;
        work.unlisted = work.expected.unwrap_or(0).saturating_sub(work.listed);
        if work.handed_over > 0 {
            self.observer.hear(&Progress::Mailbox {
                mailbox: &work.record.source,
                carried: work.handed_over,
            });
        }
        work.held_back = self.hold_back && work.fills && (work.unlisted > 0 || !work.failed.is_empty());
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
