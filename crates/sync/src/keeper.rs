//! The keeper: what the writers have received is made durable, then recorded in the base, then committed.
//!
//! In this order, always: the base never says of a message that it is safe before it is (architecture, step 6).
//! Messages are kept in batches, and all mailboxes that are complete by then are committed after the batch.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use transhume_db::{Base, MailboxId};
use transhume_model::plan::Action;

use crate::confirm::Confirmed;
use crate::endpoint::{Place, Received, Target};
use crate::error::SyncError;
use crate::fence::{Guard, still_ours};

/// A smaller batch does not wait longer than this for more.
const BATCH_AGE: Duration = Duration::from_secs(1);

/// Actions that need no bytes do not wait when there are more than so many.
const ACTIONS_MAX: usize = 4_000;

/// What the keeper is told.
pub(crate) enum ToKeeper {
    /// A message has come in whole, and is not yet durable.
    Received { mailbox: MailboxId, received: Received },
    /// Actions that need no bytes from the source.
    Apply {
        mailbox: MailboxId,
        actions: Vec<Action>,
    },
    /// Nothing more of the mailbox is to come but what has been handed over to the writers.
    Close {
        mailbox: MailboxId,
        handed_over: u64,
        /// Whether none of it stays behind on the source.
        is_whole: bool,
    },
    /// A message could not be written.
    Failed { mailbox: MailboxId, error: SyncError },
}

#[derive(Default)]
struct Reception {
    received: u64,
    handed_over: Option<u64>,
    is_whole: bool,
}

impl Reception {
    fn is_complete(&self) -> bool {
        self.handed_over.is_some_and(|messages| self.received >= messages)
    }
}

/// Keeps what is written; see the module.
pub(crate) struct Keeper {
    base: Base,
    target: Arc<dyn Target>,
    guard: Guard,
    places: HashMap<MailboxId, Arc<dyn Place>>,
    batch: BTreeMap<MailboxId, Vec<Received>>,
    batch_messages: usize,
    batch_octets: u64,
    /// Actions that need no bytes, in the order in which they came.
    actions: BTreeMap<MailboxId, Vec<Vec<Action>>>,
    waiting_actions: usize,
    receptions: BTreeMap<MailboxId, Reception>,
    confirmed: HashMap<MailboxId, Confirmed>,
}

impl Keeper {
    pub(crate) fn new(
        base: Base,
        target: Arc<dyn Target>,
        guard: Guard,
        places: HashMap<MailboxId, Arc<dyn Place>>,
    ) -> Self {
        Self {
            base,
            target,
            guard,
            places,
            batch: BTreeMap::new(),
            batch_messages: 0,
            batch_octets: 0,
            actions: BTreeMap::new(),
            waiting_actions: 0,
            receptions: BTreeMap::new(),
            confirmed: HashMap::new(),
        }
    }

    /// Works until all that could tell it something are gone. Whatever ended them, all that was received by then is
    /// kept, and every mailbox that is complete is committed. What was kept is told even when an error ends it.
    pub(crate) async fn run(
        mut self,
        messages: mpsc::Receiver<ToKeeper>,
    ) -> (HashMap<MailboxId, Confirmed>, Result<(), SyncError>) {
        let outcome = self.keep_all(messages).await;
        (self.confirmed, outcome)
    }

    async fn keep_all(&mut self, mut messages: mpsc::Receiver<ToKeeper>) -> Result<(), SyncError> {
        let batch = self.target.batch();
        loop {
            let message = if self.has_work() {
                let Ok(message) = timeout(BATCH_AGE, messages.recv()).await else {
                    self.keep().await?;
                    continue;
                };
                message
            } else {
                messages.recv().await
            };
            match message {
                Some(message) => {
                    if let Err(error) = self.take(message) {
                        // What was received before the failure is worth keeping, but may well fail the same way.
                        let _ = self.keep_batch().await;
                        return Err(error);
                    }
                }
                None => break,
            }
            if self.batch_messages >= batch.messages
                || self.batch_octets >= batch.octets
                || self.waiting_actions >= ACTIONS_MAX
            {
                self.keep().await?;
            }
        }
        self.keep().await?;
        // Closed, but not all of it came through the writers: their errors have been recorded.
        for (mailbox, reception) in std::mem::take(&mut self.receptions) {
            if reception.handed_over.is_some() {
                let confirmed = self.confirmed.entry(mailbox).or_default();
                confirmed
                    .error
                    .get_or_insert_with(|| "some of its messages could not be written".to_owned());
            }
        }
        Ok(())
    }

    fn has_work(&self) -> bool {
        self.batch_messages > 0
            || self.waiting_actions > 0
            || self.receptions.values().any(Reception::is_complete)
    }

    fn take(&mut self, message: ToKeeper) -> Result<(), SyncError> {
        match message {
            ToKeeper::Received { mailbox, received } => {
                self.receptions.entry(mailbox).or_default().received += 1;
                self.batch_messages += 1;
                self.batch_octets += received.message.size;
                self.batch.entry(mailbox).or_default().push(received);
            }
            ToKeeper::Apply { mailbox, actions } => {
                self.waiting_actions += actions.len();
                self.actions.entry(mailbox).or_default().push(actions);
            }
            ToKeeper::Close {
                mailbox,
                handed_over,
                is_whole,
            } => {
                let reception = self.receptions.entry(mailbox).or_default();
                reception.handed_over = Some(handed_over);
                reception.is_whole = is_whole;
            }
            ToKeeper::Failed { mailbox, error } => self.record(mailbox, Err(error))?,
        }
        Ok(())
    }

    /// Keeps the batch; then, mailbox by mailbox, what needs no bytes is carried out and what is complete is committed. Several
    /// mailboxes at a time: most of it is waiting for the disk.
    async fn keep(&mut self) -> Result<(), SyncError> {
        self.keep_batch().await?;
        let complete: BTreeMap<MailboxId, bool> = self
            .receptions
            .iter()
            .filter(|(_, reception)| reception.is_complete())
            .map(|(mailbox, reception)| (*mailbox, reception.is_whole))
            .collect();
        let mut due = std::mem::take(&mut self.actions);
        self.waiting_actions = 0;
        for mailbox in complete.keys() {
            self.receptions.remove(mailbox);
            due.entry(*mailbox).or_default();
        }
        let mut due = due.into_iter();
        let mut running = JoinSet::new();
        let mut outcome = Ok(());
        loop {
            while running.len() < self.target.batch().mailboxes
                && outcome.is_ok()
                && let Some((mailbox, actions)) = due.next()
            {
                let complete = complete.get(&mailbox).copied();
                if let Some(place) = self.places.get(&mailbox).cloned() {
                    running.spawn(settle(
                        self.base.clone(),
                        self.guard.clone(),
                        place,
                        actions,
                        complete,
                    ));
                }
            }
            let Some(settled) = running.join_next().await else {
                return outcome;
            };
            let (mailbox, settled) = settled.map_err(|error| SyncError::Internal(error.to_string()))?;
            for step in settled {
                outcome = self.record(mailbox, step).and(outcome);
            }
        }
    }

    async fn keep_batch(&mut self) -> Result<(), SyncError> {
        if self.batch_messages == 0 {
            return Ok(());
        }
        self.target.make_durable().await?;
        still_ours(&self.guard).await?;
        for (mailbox, received) in std::mem::take(&mut self.batch) {
            let Some(place) = self.places.get(&mailbox).cloned() else {
                continue;
            };
            let messages = received.len() as u64;
            let octets: u64 = received.iter().map(|received| received.message.size).sum();
            let outcome = place.keep(&self.base, received).await;
            let outcome = outcome.map(|confirmed| Confirmed {
                messages,
                octets,
                ..confirmed
            });
            self.record(mailbox, outcome)?;
        }
        self.batch_messages = 0;
        self.batch_octets = 0;
        Ok(())
    }

    /// An error that concerns one mailbox is noted there; the others go on.
    fn record(&mut self, mailbox: MailboxId, outcome: Result<Confirmed, SyncError>) -> Result<(), SyncError> {
        let confirmed = self.confirmed.entry(mailbox).or_default();
        match outcome {
            Ok(outcome) => confirmed.add(outcome),
            Err(error) if error.is_of_one_mailbox() => confirmed.error = Some(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Carries out one mailbox's actions, and commits it when it is complete (then `complete` says whether it is whole). Gives how each step went, up to one after which nothing
/// can go well.
async fn settle(
    base: Base,
    guard: Guard,
    place: Arc<dyn Place>,
    actions: Vec<Vec<Action>>,
    complete: Option<bool>,
) -> (MailboxId, Vec<Result<Confirmed, SyncError>>) {
    if let Err(error) = still_ours(&guard).await {
        return (place.id(), vec![Err(error)]);
    }
    let mut steps = Vec::new();
    let is_hopeless = |outcome: &Result<_, SyncError>| {
        let error = outcome.as_ref().err();
        error.is_some_and(|error| !error.is_of_one_mailbox())
    };
    for actions in actions {
        let outcome = place.apply(&base, actions).await;
        let ends = is_hopeless(&outcome);
        steps.push(outcome);
        if ends {
            return (place.id(), steps);
        }
    }
    if let Some(is_whole) = complete {
        steps.push(place.commit(&base, is_whole).await);
    }
    (place.id(), steps)
}
