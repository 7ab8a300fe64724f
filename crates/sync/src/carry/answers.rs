//! What the source answers, and whose answer it is.

use transhume_imap::ImapError;
use transhume_imap::session::{BodyEvent, Examine, Exchange, FetchBodies, FetchRows};
use transhume_imap::wire::{Event, Fetch, FetchBody, Patience, Response, Shortage, Status, Tagged};
use transhume_model::mail::MessageRow;

use super::{Carrier, Purpose};
use crate::error::SyncError;
use crate::pipe::{Asked, InFlight};
use crate::progress::Progress;
use crate::window::Ask;

impl Carrier<'_> {
    /// Takes one event.
    pub(super) async fn take(&mut self, event: Event) -> Result<(), SyncError> {
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
            Event::Response(Response::Fetch(fetch))
                if fetch.flags.is_some() && fetch.body == FetchBody::Absent =>
            {
                if let Some(row) = FetchRows::row(fetch) {
                    if let (Some(rows), Some(mailbox)) = (self.pipe.take_row(row), self.pipe.mailbox()) {
                        self.plan(mailbox, rows).await?;
                    }
                    return Ok(());
                }
            }
            Event::Response(Response::Fetch(Fetch {
                uid: Some(uid),
                body: FetchBody::Absent,
                ..
            })) if self.pipe.take_place(*uid) => return Ok(()),
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
            BodyEvent::Complete { fetch, octets } => {
                self.under_way = None;
                let asked = self.whose(fetch, octets);
                let Purpose::CarryOut(stager) = &mut self.purpose else {
                    return Ok(());
                };
                // A text that was not asked for, or comes a second time, is not ours to keep.
                let Some((mailbox, row)) = asked else {
                    return stager.abandon().await;
                };
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

    /// Whose text has come: of a message that was asked for by its row, or of one that comes whole.
    fn whose(&mut self, fetch: Fetch, octets: u64) -> Option<(usize, MessageRow)> {
        let uid = fetch.uid?;
        if let Some(asked) = self.pipe.take_text(uid, octets) {
            self.rows_in_flight -= 1;
            return Some(asked);
        }
        let mailbox = self.pipe.take_whole(uid)?;
        // An empty text may be that of a message that the server cannot read: only its row tells.
        let row = FetchBodies::row(fetch, octets).filter(|row| row.size > 0)?;
        let work = &mut self.works[mailbox];
        if work.whole.contains(uid) {
            return None;
        }
        work.whole.insert(uid);
        work.listed += 1;
        Some((mailbox, row))
    }

    async fn answered(&mut self, reply: Tagged) -> Result<(), SyncError> {
        let Some(InFlight { mailbox, asked, .. }) = self.pipe.answered(reply.tag) else {
            return Ok(());
        };
        if self.is_patient && asks_for_patience(&reply) {
            return Err(ImapError::refused(asked.command(), reply).into());
        }
        let work = &mut self.works[mailbox];
        work.open -= 1;
        match asked {
            Asked::Examine(exchange) => self.examined(mailbox, &exchange, &reply),
            Asked::Places(found) => {
                work.begins.extend(found);
                work.places_asked -= 1;
                if work.places_asked == 0 && work.error.is_none() {
                    work.cut_at_places();
                    self.unread = self.unread.min(mailbox);
                }
            }
            Asked::Window(asking) => {
                self.rows_in_flight -= asking.reserved;
                match refusal(&reply) {
                    // It is asked for row by row then.
                    Some(_) if asking.window.ask != Ask::Rows => work.refused = true,
                    Some(text) => work.fail(text),
                    None if work.error.is_none() => {
                        self.note_absent(mailbox, &asking).await?;
                        self.plan(mailbox, asking.found).await?;
                    }
                    None => {}
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
}

/// Whether the server refuses since it has been asked for too much in too short a time.
fn asks_for_patience(reply: &Tagged) -> bool {
    let asked = Patience::asked(reply.code.as_ref(), &reply.text);
    reply.status != Status::Ok && asked.is_some_and(|patience| patience.shortage == Shortage::Rate)
}

/// What the server said, when it did not say OK.
fn refusal(reply: &Tagged) -> Option<String> {
    (reply.status != Status::Ok).then(|| format!("the server answered: {}", reply.text))
}
