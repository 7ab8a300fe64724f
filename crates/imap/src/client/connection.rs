//! A connection: bytes to and from a server, and the exchanges on it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::buffers::Buffers;
use super::connect::{Timeouts, Transport};
use super::deflated::Deflated;
use crate::ImapError;
use crate::session::{
    Compress, Dialogue, Examine, Examined, Exchange, List, Listing, Login, ReadCapabilities, Running,
};
use crate::wire::{Capabilities, CommandLine, Event, Outbox, Response, Tag, Tagged, WireName};

/// How long what is left to send may take to leave when the connection is closed.
const PARTING: Duration = Duration::from_secs(3);

/// A connection to a server.
///
/// At its lowest level commands are queued with [`enqueue`](Connection::enqueue), any number of them, and
/// [`next_event`](Connection::next_event) brings their answers in order. Sending goes on while answers are read, so
/// neither side ever waits for the other to read first.
///
/// Dropping the connection closes it. After an error other than [`ImapError::Refused`], and after
/// [`run`](Connection::run) was given up half way, nothing more can be done with it.
pub struct Connection {
    pub(super) stream: Box<dyn Transport>,
    pub(super) dialogue: Dialogue,
    buffers: Buffers,
    pub(super) logged_in: bool,
    timeouts: Timeouts,
    sending: Sending,
    pub(super) compressing: Compressing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Compressing {
    Unwanted,
    /// It may begin when somebody is logged in.
    Wanted,
    Begun,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    /// All that was taken has left.
    Done,
    /// Something was taken and may still lie in a buffer on the way.
    Unflushed,
    /// The server takes nothing any more; it may still have something to say.
    Deaf,
}

/// What went over the connection.
enum Moved {
    Sent,
    /// So many bytes; none when the server has closed it.
    Received(usize),
}

impl Connection {
    pub(super) fn new(stream: Box<dyn Transport>, timeouts: Timeouts) -> Self {
        Self {
            stream,
            dialogue: Dialogue::default(),
            buffers: Buffers::default(),
            logged_in: false,
            timeouts,
            sending: Sending::Done,
            compressing: Compressing::Unwanted,
        }
    }

    /// What the server can do, as last told.
    pub fn capabilities(&self) -> &Capabilities {
        self.dialogue.capabilities()
    }

    /// Whether someone is logged in: after [`login`](Connection::login), or by the server's greeting (PREAUTH).
    pub fn is_logged_in(&self) -> bool {
        self.logged_in
    }

    /// Whether what comes and goes is compressed (RFC 4978).
    pub fn is_compressed(&self) -> bool {
        self.compressing == Compressing::Begun
    }

    /// How many commands have no reply yet.
    pub fn in_flight(&self) -> usize {
        self.dialogue.in_flight()
    }

    /// Queues a command behind the others and gives the tag that its reply will have. It is sent by
    /// [`flush`](Connection::flush) or while [`next_event`](Connection::next_event) waits.
    pub fn enqueue(&mut self, command: &CommandLine) -> Tag {
        self.dialogue.enqueue(command)
    }

    /// Sends what can be sent without waiting. What is left is sent while [`next_event`](Connection::next_event)
    /// waits. A failure shows there too: the server may have said why.
    pub async fn flush(&mut self) {
        let Self {
            stream,
            dialogue,
            sending,
            ..
        } = self;
        poll_fn(|cx| {
            poll_send(&mut **stream, dialogue.outbox(), sending, cx);
            Poll::Ready(())
        })
        .await;
    }

    /// The next event, in the order in which the server sent them. It must not be called when nothing is expected:
    /// silence is an error after [`Timeouts::idle`].
    ///
    /// It is cancel-safe. BYE comes as [`ImapError::Bye`].
    pub async fn next_event(&mut self) -> Result<Event, ImapError> {
        loop {
            if let Some(event) = self.dialogue.next_event()? {
                return Ok(event);
            }
            if self.dialogue.outbox().is_broken() {
                return Err(ImapError::ConnectionLost {
                    doing: "a message was to be sent whose text could not be read back".to_owned(),
                });
            }
            let received = timeout(self.timeouts.idle, self.receive()).await;
            match received {
                Ok(Ok(Moved::Sent | Moved::Received(1..))) => {}
                // A reset, a TLS stream without its end, or a plain end: the connection is gone in each case.
                Ok(Ok(Moved::Received(0)) | Err(_)) => {
                    return Err(ImapError::ConnectionLost {
                        doing: self.dialogue.doing(),
                    });
                }
                Err(_) => {
                    return Err(ImapError::Timeout {
                        doing: self.dialogue.doing(),
                    });
                }
            }
        }
    }

    /// Waits for bytes to come or to leave.
    async fn receive(&mut self) -> io::Result<Moved> {
        let Self {
            stream,
            dialogue,
            sending,
            buffers,
            ..
        } = self;
        let (input, outbox) = dialogue.both_ends();
        buffers.make_room(input);
        poll_fn(|cx| {
            let sent = poll_send(&mut **stream, outbox, sending, cx);
            match pin!(stream.read_buf(input)).poll(cx) {
                // A server that takes a long message has nothing to say meanwhile, and is alive.
                Poll::Pending if sent => Poll::Ready(Ok(Moved::Sent)),
                received => received.map_ok(Moved::Received),
            }
        })
        .await
    }

    /// Runs an exchange to its end. No other command may be under way: its answers would be lost.
    pub async fn run<E: Exchange>(&mut self, exchange: E) -> Result<E::Output, ImapError> {
        let mut running = Running::start(exchange, &mut self.dialogue);
        // After a refusal the other commands are waited for: their answers belong to nobody else.
        let mut refusal = None;
        while !running.is_done() {
            let event = self.next_event().await.map_err(|error| running.redact(error))?;
            if let Err(error) = running.event(&mut self.dialogue, event) {
                refusal.get_or_insert(error);
            }
        }
        match refusal {
            Some(error) => Err(running.redact(error)),
            None => running.finish(),
        }
    }

    /// Sends all commands at once. `on_event` is given every other event with the number of the command that it
    /// answers (the oldest without a reply); what comes of it is the replies, one for each command in order, also
    /// those that refuse.
    pub async fn pipeline(
        &mut self,
        commands: &[CommandLine],
        mut on_event: impl FnMut(usize, Event),
    ) -> Result<Vec<Tagged>, ImapError> {
        let tags: Vec<Tag> = commands.iter().map(|command| self.enqueue(command)).collect();
        let mut replies = Vec::with_capacity(tags.len());
        while replies.len() < tags.len() {
            match self.next_event().await? {
                Event::Response(Response::Tagged(reply)) if reply.tag == tags[replies.len()] => {
                    replies.push(reply);
                }
                Event::Response(Response::Tagged(reply)) => {
                    let reason = "the server answers commands out of their order";
                    return Err(ImapError::protocol(reason, reply.tag.to_string().as_bytes()));
                }
                event => on_event(replies.len(), event),
            }
        }
        Ok(replies)
    }

    /// Logs in and learns what the server can do from then on; not when the server's greeting said that someone is logged
    /// in. Then the server may begin to compress ([`Compression`](super::Compression)).
    pub async fn login(&mut self, user: &str, password: &[u8]) -> Result<(), ImapError> {
        if !self.logged_in {
            let login = Login::new(self.capabilities(), user, password)?;
            let told = self.run(login).await?;
            self.logged_in = true;
            if told.is_none() {
                self.run(ReadCapabilities::default()).await?;
            }
        }
        self.begin_compression().await
    }

    /// Lets the server compress, where that is wanted and it can. Only after the login: what is secret is not compressed
    /// together with what others may have written.
    async fn begin_compression(&mut self) -> Result<(), ImapError> {
        if self.compressing != Compressing::Wanted || !self.capabilities().has("COMPRESS=DEFLATE") {
            return Ok(());
        }
        self.compressing = Compressing::Unwanted;
        if self.run(Compress::default()).await? {
            // What came behind the reply is compressed already.
            let come = self.dialogue.input().split().freeze();
            let plain: Box<dyn Transport> = Box::new(tokio::io::empty());
            let plain = std::mem::replace(&mut self.stream, plain);
            self.stream = Box::new(Deflated::new(plain, come));
            self.compressing = Compressing::Begun;
        }
        Ok(())
    }

    /// All mailboxes with their state, and the subscriptions.
    pub async fn list(&mut self) -> Result<Listing, ImapError> {
        let list = List::new(self.capabilities());
        self.run(list).await
    }

    /// Opens a mailbox for reading.
    pub async fn examine(&mut self, name: &WireName) -> Result<Examined, ImapError> {
        self.run(Examine::new(name.clone())).await
    }

    /// Says good-bye and closes, without waiting for the server to do the same: nothing that it could say matters any more, and
    /// over a long line the wait would be a fifth of a pass that finds nothing to do.
    pub async fn logout(mut self) {
        self.enqueue(&CommandLine::new("LOGOUT"));
        self.flush().await;
        let _ = timeout(PARTING, self.stream.shutdown()).await;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is to be sent may be a password.
        f.debug_struct("Connection")
            .field("doing", &self.dialogue.doing())
            .finish_non_exhaustive()
    }
}

/// Sends as much as the stream takes. A failure to send is not reported: what the server said last explains
/// it better, and reading is going to end. Says whether anything was sent.
fn poll_send(
    stream: &mut dyn Transport,
    outbox: &mut Outbox,
    sending: &mut Sending,
    cx: &mut Context<'_>,
) -> bool {
    let mut sent = false;
    while *sending != Sending::Deaf && !outbox.ready().is_empty() {
        match Pin::new(&mut *stream).poll_write(cx, outbox.ready()) {
            Poll::Ready(Ok(count @ 1..)) => {
                outbox.sent(count);
                sent = true;
                *sending = Sending::Unflushed;
            }
            Poll::Ready(Ok(0) | Err(_)) => *sending = Sending::Deaf,
            Poll::Pending => break,
        }
    }
    if *sending == Sending::Unflushed {
        match Pin::new(&mut *stream).poll_flush(cx) {
            Poll::Ready(Ok(())) => *sending = Sending::Done,
            Poll::Ready(Err(_)) => *sending = Sending::Deaf,
            Poll::Pending => {}
        }
    }
    sent
}

#[cfg(test)]
mod tests;
