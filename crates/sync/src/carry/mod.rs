//! Carry: the source's pipe is kept full, whatever the round-trip time.
//!
//! One task reads one connection. It keeps many commands in flight: rows of windows ahead of the texts of earlier
//! ones, across mailboxes, each with the EXAMINE it needs. Rows are planned as they come ([`plan_messages`]); texts
//! go to the [`Stager`] in the pieces in which they arrive. It decides nothing: it walks the plan's actions.
//!
//! [`plan_messages`]: transhume_model::plan::plan_messages

mod answers;
mod removals;
mod wants;

use std::collections::VecDeque;

use transhume_db::Base;
use transhume_imap::client::Connection;
use transhume_model::mail::Uid;

use crate::error::SyncError;
use crate::pipe::{Asking, Pipe, Texts};
use crate::progress::{Observer, Progress};
use crate::stage::Stager;
use crate::stop::Stop;
use crate::window::{Ask, WINDOW};
use crate::work::{End, Work};
pub(crate) use removals::Removals;

/// Rows that may be in memory at once, planned or under way.
const ROWS_IN_FLIGHT: u64 = 10 * WINDOW;

/// Texts that one command asks for, and commands for texts that may be in flight.
const TEXTS_PER_COMMAND: usize = 500;
const TEXT_COMMANDS_IN_FLIGHT: usize = 64;

/// Octets of a set of UIDs in one command. The shortest line that some server is known to take has 1,000.
const SET_OCTETS: usize = 900;

/// Places that one command asks about: a number of ten digits and a comma each.
const PLACES_PER_COMMAND: usize = SET_OCTETS / 11;

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
    /// Whether a server that asks not to be asked so much ends the reading, to be asked again later; else it has refused.
    is_patient: bool,
    removals: Removals,
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
            is_patient: false,
            removals: Removals::default(),
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

    /// Gives a server time that asks for it.
    pub(crate) fn patient(mut self, is_patient: bool) -> Self {
        self.is_patient = is_patient;
        self
    }

    /// Follows removals on the source, or keeps what was removed there.
    pub(crate) fn removing(mut self, removals: Removals) -> Self {
        self.removals = removals;
        for work in self.works.iter_mut() {
            work.is_to_be_opened = removals.deletions.is_follow() && work.checkpoint.messages == 0;
        }
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
            if !work.places.is_empty() {
                self.ask_places(self.unread);
                continue;
            }
            if std::mem::take(&mut work.is_to_be_opened) {
                self.examine(self.unread);
                continue;
            }
            let Some(&window) = work.windows.front() else {
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
            if window.ask == Ask::Whole && window.first == Uid::FIRST {
                self.observer.hear(&Progress::Planned {
                    messages: u64::from(work.checkpoint.messages),
                });
            }
            self.examine(self.unread);
            let asking = Asking {
                window,
                found: Vec::new(),
                reserved,
            };
            self.pipe.ask_window(self.connection, self.unread, asking);
        }
    }

    fn ask_places(&mut self, mailbox: usize) {
        let places = std::mem::take(&mut self.works[mailbox].places);
        self.examine(mailbox);
        for part in places.chunks(PLACES_PER_COMMAND) {
            self.works[mailbox].open += 1;
            self.works[mailbox].places_asked += 1;
            self.pipe.ask_places(self.connection, mailbox, part);
        }
    }

    fn examine(&mut self, mailbox: usize) {
        let work = &mut self.works[mailbox];
        work.open += usize::from(self.pipe.examine(self.connection, mailbox, &work.wire));
    }

    /// When nothing more of a mailbox is to come, the stager learns it.
    async fn settle(&mut self, mailbox: usize) -> Result<(), SyncError> {
        let work = &mut self.works[mailbox];
        let is_unread = !work.windows.is_empty() || !work.places.is_empty() || work.is_to_be_opened;
        if work.end.is_some() || work.open > 0 || is_unread {
            return Ok(());
        }
        if work.error.is_none() && work.resurvey() {
            self.unread = self.unread.min(mailbox);
            return Ok(());
        }
        work.end = Some(End::Read);
        work.unlisted = work.missing();
        self.follow_removals(mailbox).await?;
        let work = &mut self.works[mailbox];
        if work.handed_over > 0 {
            self.observer.hear(&Progress::Mailbox {
                mailbox: &work.record.source,
                carried: work.handed_over,
            });
        }
        if self.hold_back && work.fills && (work.unlisted > 0 || !work.failed.is_empty()) {
            work.end = Some(End::HeldBack);
        }
        // A mailbox that could not be read to its end is not committed: what is staged waits for the next pass.
        if let Purpose::CarryOut(stager) = &mut self.purpose
            && work.error.is_none()
            && work.end == Some(End::Read)
        {
            let is_whole = work.unlisted == 0 && work.failed.is_empty();
            stager.close(work.record.id, work.handed_over, is_whole).await?;
        }
        Ok(())
    }
}
