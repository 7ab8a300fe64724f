//! What is wanted of the source: planned from its rows, and asked for so that one bad message keeps no other back.

use std::collections::HashMap;

use transhume_model::mail::{MessageRow, Uid, UidSet};
use transhume_model::plan::{Action, Reading, plan_messages};

use super::{Carrier, Purpose, SET_OCTETS, TEXTS_PER_COMMAND};
use crate::error::SyncError;
use crate::pipe::Texts;
use crate::progress::Progress;
use crate::report::{Counts, FailedMessage};
use crate::window::compact_set;
use crate::work::{CONDEMNED, ENDED_BEFORE, ENDED_WITHIN};

impl Carrier<'_> {
    /// Plans rows that have come. Messages that came whole are on their way already.
    pub(super) async fn plan(&mut self, mailbox: usize, mut rows: Vec<MessageRow>) -> Result<(), SyncError> {
        rows.sort_by_key(|row| row.uid);
        rows.dedup_by_key(|row| row.uid);
        let work = &mut self.works[mailbox];
        work.listed += match work.reading {
            Reading::Since(agreed) => rows.iter().filter(|row| row.uid >= agreed.uid_next).count() as u64,
            Reading::Rows | Reading::Whole => rows.len() as u64,
        };
        rows.retain(|row| !work.whole.contains(row.uid));
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return Ok(());
        };
        let id = work.record.id;
        // What has changed may lie far apart: the pairs in between are nobody's concern.
        let pairs = match work.reading {
            Reading::Since(_) => {
                let uids: Vec<Uid> = rows.iter().map(|row| row.uid).collect();
                self.base.pairs_of(id, &uids).await?
            }
            Reading::Rows | Reading::Whole => self.base.pairs(id, first.uid, last.uid).await?,
        };
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
    pub(super) async fn suspect(&mut self) -> Result<(), SyncError> {
        let Some(mailbox) = self.pipe.mailbox() else {
            return Ok(());
        };
        let (uid, weight) = match self.under_way {
            Some(uid) if self.received > 0 => (Some(uid), ENDED_WITHIN),
            Some(uid) => (Some(uid), ENDED_BEFORE),
            None => (
                self.pipe.next_text().or_else(|| self.next_whole(mailbox)),
                ENDED_BEFORE,
            ),
        };
        if let (Some(uid), Purpose::CarryOut(_)) = (uid, &self.purpose) {
            let id = self.works[mailbox].record.id;
            let total = self.base.suspect(id, uid, weight).await?;
            self.condemned += u32::from(total >= CONDEMNED && total - weight < CONDEMNED);
        }
        Ok(())
    }

    /// The UID that would come next of a window that is asked for whole: a guess, where UIDs have gaps. Even a wrong one makes
    /// sure that the mailbox is read by its rows next time.
    fn next_whole(&self, mailbox: usize) -> Option<Uid> {
        let window = self.pipe.whole_window()?;
        let came = self.works[mailbox].whole.ranges().iter().rev();
        let last = came.map(|(_, last)| *last).find(|last| *last <= window.last);
        match last {
            Some(last) if last >= window.first => last.next(),
            _ => Some(window.first),
        }
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
    pub(super) fn not_delivered(&mut self, texts: Texts, refusal: Option<&str>) {
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
}
