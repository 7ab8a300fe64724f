//! Stage: messages' bytes go to the target's disk while the next ones are on their way.
//!
//! The [`Stager`] takes one message at a time in pieces and hands it to one of a few writer threads. Channels are
//! short: when the disk is slower than the wire, the reader waits, and memory does not grow (I9). What the threads
//! have written goes on to the [keeper](crate::keeper).

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::mpsc;
use transhume_db::MailboxId;
use transhume_model::mail::MessageRow;
use transhume_model::plan::Action;

use crate::endpoint::{Draft, Place, Received};
use crate::error::SyncError;
use crate::keeper::ToKeeper;

/// Orders that may wait for one writer.
const ORDERS: usize = 16;

/// A message is handed over whole up to this size, in octets; a larger one goes piece by piece.
const WHOLE: usize = 64 * 1024;

enum Order {
    Whole {
        place: Arc<dyn Place>,
        pieces: Vec<Bytes>,
        row: MessageRow,
    },
    Begin(Arc<dyn Place>),
    Piece(Bytes),
    Finish(MessageRow),
    Abandon,
}

/// The message that is on its way.
struct Current {
    place: Arc<dyn Place>,
    pieces: Vec<Bytes>,
    octets: usize,
    /// The writer that has begun with it.
    begun: Option<usize>,
}

/// Takes messages in; see the module.
pub(crate) struct Stager {
    places: HashMap<MailboxId, Arc<dyn Place>>,
    writers: Vec<mpsc::Sender<Order>>,
    threads: Vec<JoinHandle<()>>,
    turn: usize,
    current: Option<Current>,
    keeper: mpsc::Sender<ToKeeper>,
}

impl Stager {
    /// Starts the writers.
    pub(crate) fn start(
        places: HashMap<MailboxId, Arc<dyn Place>>,
        keeper: mpsc::Sender<ToKeeper>,
        count: usize,
    ) -> Self {
        let mut writers = Vec::new();
        let mut threads = Vec::new();
        for _ in 0..count {
            let (orders, queue) = mpsc::channel(ORDERS);
            let keeper = keeper.clone();
            writers.push(orders);
            threads.push(std::thread::spawn(move || write_all(queue, &keeper)));
        }
        Self {
            places,
            writers,
            threads,
            turn: 0,
            current: None,
            keeper,
        }
    }

    /// A message of a mailbox begins; one that was never finished is dropped with its bytes.
    pub(crate) fn begin(&mut self, mailbox: MailboxId) {
        self.current = self.places.get(&mailbox).map(|place| Current {
            place: place.clone(),
            pieces: Vec::new(),
            octets: 0,
            begun: None,
        });
    }

    /// The next piece of the message.
    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<(), SyncError> {
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        if let Some(writer) = current.begun {
            return self.order(writer, Order::Piece(piece)).await;
        }
        current.octets += piece.len();
        current.pieces.push(piece);
        if current.octets > WHOLE {
            let writer = self.turn;
            self.turn = (self.turn + 1) % self.writers.len();
            current.begun = Some(writer);
            let place = current.place.clone();
            let pieces = std::mem::take(&mut current.pieces);
            self.order(writer, Order::Begin(place)).await?;
            for piece in pieces {
                self.order(writer, Order::Piece(piece)).await?;
            }
        }
        Ok(())
    }

    /// The message is complete, and this is which it is.
    pub(crate) async fn finish(&mut self, row: MessageRow) -> Result<(), SyncError> {
        let Some(current) = self.current.take() else {
            return Ok(());
        };
        if let Some(writer) = current.begun {
            return self.order(writer, Order::Finish(row)).await;
        }
        let writer = self.turn;
        self.turn = (self.turn + 1) % self.writers.len();
        self.order(
            writer,
            Order::Whole {
                place: current.place,
                pieces: current.pieces,
                row,
            },
        )
        .await
    }

    /// The message is nobody's: its bytes are dropped.
    pub(crate) async fn abandon(&mut self) -> Result<(), SyncError> {
        match self.current.take().and_then(|current| current.begun) {
            Some(writer) => self.order(writer, Order::Abandon).await,
            None => Ok(()),
        }
    }

    /// Hands over actions that need no bytes from the source.
    pub(crate) async fn apply(&mut self, mailbox: MailboxId, actions: Vec<Action>) -> Result<(), SyncError> {
        self.tell(ToKeeper::Apply { mailbox, actions }).await
    }

    /// Nothing more of the mailbox is to come; so many messages were handed over. `is_whole`: none of it stays behind.
    pub(crate) async fn close(
        &mut self,
        mailbox: MailboxId,
        handed_over: u64,
        is_whole: bool,
    ) -> Result<(), SyncError> {
        self.tell(ToKeeper::Close {
            mailbox,
            handed_over,
            is_whole,
        })
        .await
    }

    /// Lets the writers finish what they have. A message that is still incomplete is dropped.
    pub(crate) async fn end(mut self) -> Result<(), SyncError> {
        let _ = self.abandon().await;
        drop(self.writers);
        drop(self.keeper);
        for thread in self.threads {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                return Err(SyncError::Internal("a writer thread has panicked".to_owned()));
            }
        }
        Ok(())
    }

    /// A closed channel means that the keeper has ended with an error, which its own result tells.
    async fn order(&self, writer: usize, order: Order) -> Result<(), SyncError> {
        self.writers[writer].send(order).await.map_err(|_| keeper_gone())
    }

    async fn tell(&self, message: ToKeeper) -> Result<(), SyncError> {
        self.keeper.send(message).await.map_err(|_| keeper_gone())
    }
}

fn keeper_gone() -> SyncError {
    SyncError::Internal("the writers have stopped".to_owned())
}

/// A writer thread: until the orders end, or the keeper is gone.
fn write_all(mut orders: mpsc::Receiver<Order>, keeper: &mpsc::Sender<ToKeeper>) {
    let mut open = None;
    while let Some(order) = orders.blocking_recv() {
        let message = match execute(order, &mut open) {
            Ok(None) => continue,
            Ok(Some((mailbox, received))) => ToKeeper::Received { mailbox, received },
            Err((mailbox, error)) => ToKeeper::Failed { mailbox, error },
        };
        if keeper.blocking_send(message).is_err() {
            return;
        }
    }
}

/// Executes an order. After an error the message is dropped, and orders about the rest of it do nothing.
fn execute(
    order: Order,
    open: &mut Option<(MailboxId, Box<dyn Draft>)>,
) -> Result<Option<(MailboxId, Received)>, (MailboxId, SyncError)> {
    match order {
        Order::Whole { place, pieces, row } => {
            let received = receive(&*place, pieces, row).map_err(|error| (place.id(), error))?;
            return Ok(Some((place.id(), received)));
        }
        Order::Begin(place) => {
            let draft = place.begin(None).map_err(|error| (place.id(), error))?;
            *open = Some((place.id(), draft));
        }
        Order::Piece(piece) => {
            if let Some((mailbox, mut draft)) = open.take() {
                draft.write(&piece).map_err(|error| (mailbox, error))?;
                *open = Some((mailbox, draft));
            }
        }
        Order::Finish(row) => {
            if let Some((mailbox, draft)) = open.take() {
                let received = draft.finish(row).map_err(|error| (mailbox, error))?;
                return Ok(Some((mailbox, received)));
            }
        }
        Order::Abandon => *open = None,
    }
    Ok(None)
}

fn receive(place: &dyn Place, pieces: Vec<Bytes>, row: MessageRow) -> Result<Received, SyncError> {
    let mut draft = place.begin(Some(row.uid))?;
    for piece in pieces {
        draft.write(&piece)?;
    }
    draft.finish(row)
}
