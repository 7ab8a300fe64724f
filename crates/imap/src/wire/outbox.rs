//! What is to be sent, and what of it must wait for the server's leave.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, BytesMut};

use super::command::Octets;
use super::{CommandLine, LiteralMode, Tag};

/// Octets of a long literal that are made ready at a time.
const READY: usize = 64 * 1024;

/// Bytes for the wire, in order. Many commands may be in it; one with a synchronising literal holds up those
/// behind it until the server asks for the literal, or refuses the command.
#[derive(Default)]
pub struct Outbox {
    ready: BytesMut,
    /// The first has been sent in part; the others have not been begun.
    held: VecDeque<Held>,
    /// Whether the first waits for a continuation.
    waiting: bool,
    broken: bool,
}

struct Held {
    tag: Tag,
    pieces: VecDeque<Piece>,
    /// How much of the literal at the front has been made ready.
    at: u64,
    /// The server has replied before all of it was sent: nothing that it would have to ask for is sent any more.
    answered: bool,
}

/// A part of a command.
pub(super) enum Piece {
    Text(Vec<u8>),
    Octets(Arc<dyn Octets>),
    /// The rest is sent when the server asks for it.
    Wait,
}

impl Piece {
    /// How many octets it has.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Octets(octets) => octets.len(),
            Self::Wait => 0,
        }
    }
}

impl Outbox {
    /// Puts a command behind the others.
    pub fn push(&mut self, tag: Tag, command: &CommandLine, mode: LiteralMode) {
        let is_first = self.held.is_empty();
        self.held.push_back(Held {
            tag,
            pieces: command.encode(tag, mode).into(),
            at: 0,
            answered: false,
        });
        if is_first {
            self.proceed();
        }
    }

    /// Readies commands from the front up to the first that must wait, or to a long literal of which enough is ready.
    fn proceed(&mut self) {
        while !self.waiting && !self.broken && self.ready.len() < READY {
            let Some(front) = self.held.front_mut() else {
                return;
            };
            match front.pieces.pop_front() {
                None => {
                    self.held.pop_front();
                }
                Some(Piece::Text(text)) => self.ready.extend_from_slice(&text),
                Some(Piece::Wait) if front.answered => front.pieces.clear(),
                Some(Piece::Wait) => self.waiting = true,
                Some(Piece::Octets(octets)) if front.at >= octets.len() => front.at = 0,
                Some(Piece::Octets(octets)) => {
                    let missing = octets.len() - front.at;
                    match octets.piece(front.at).filter(|octets| !octets.is_empty()) {
                        Some(more) => {
                            let taken =
                                usize::try_from(missing).map_or(more.len(), |most| most.min(more.len()));
                            self.ready.extend_from_slice(&more[..taken]);
                            front.at += taken as u64;
                            front.pieces.push_front(Piece::Octets(octets));
                        }
                        None => self.broken = true,
                    }
                }
            }
        }
    }

    /// The server asks for more. Gives `false` when nothing waits for that.
    pub fn resume(&mut self) -> bool {
        let waits = std::mem::take(&mut self.waiting);
        self.proceed();
        waits
    }

    /// The server has replied to a command; when it had not been sent whole, what it did not ask for never will be. A
    /// literal that was begun is sent to its end all the same: the server counts on its octets.
    pub fn replied(&mut self, tag: Tag) {
        let Some(front) = self.held.front_mut().filter(|front| front.tag == tag) else {
            return;
        };
        front.answered = true;
        if std::mem::take(&mut self.waiting) {
            front.pieces.clear();
        }
        self.proceed();
    }

    /// What can be sent now; empty when nothing can.
    pub fn ready(&self) -> &[u8] {
        &self.ready
    }

    /// So many of the ready bytes have been sent.
    pub fn sent(&mut self, octets: usize) {
        self.ready.advance(octets);
        self.proceed();
    }

    /// Whether the octets of a literal could not be had: the connection is of no use any more.
    pub fn is_broken(&self) -> bool {
        self.broken
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn take(outbox: &mut Outbox) -> String {
        let mut text = String::new();
        while !outbox.ready().is_empty() {
            text += &outbox.ready().escape_ascii().to_string();
            outbox.sent(outbox.ready().len());
        }
        text
    }

    #[test]
    fn a_synchronising_literal_holds_up_what_is_behind_it() {
        let mut outbox = Outbox::default();
        let literal = CommandLine::new("EXAMINE").string(b"\xff");
        for (number, command) in [(1, &CommandLine::new("NOOP")), (2, &literal), (3, &literal)] {
            outbox.push(Tag::new(number), command, LiteralMode::Synchronising);
        }
        outbox.push(Tag::new(4), &CommandLine::new("NOOP"), LiteralMode::Synchronising);
        assert_eq!(take(&mut outbox), r"A1 NOOP\r\nA2 EXAMINE {1}\r\n");
        outbox.replied(Tag::new(1));
        assert_eq!(take(&mut outbox), "");
        assert!(outbox.resume());
        assert_eq!(take(&mut outbox), r"\xff\r\nA3 EXAMINE {1}\r\n");
        // Refused: its literal is not sent, what is behind it is.
        outbox.replied(Tag::new(3));
        assert_eq!(take(&mut outbox), r"A4 NOOP\r\n");
        assert!(!outbox.resume());
    }

    /// So many octets `x`, a few at a time, of which the last ones may be lost.
    struct Long {
        len: u64,
        there: u64,
    }

    impl Octets for Long {
        fn len(&self) -> u64 {
            self.len
        }

        fn piece(&self, at: u64) -> Option<Bytes> {
            (at < self.there).then(|| Bytes::from_static(b"xxxxxxx"))
        }
    }

    fn append(len: u64, there: u64) -> CommandLine {
        let octets = Arc::new(Long { len, there });
        CommandLine::new("APPEND")
            .octets(octets.clone())
            .text("()")
            .octets(octets)
    }

    #[test]
    fn long_literals_are_sent_as_they_are_had() {
        const PLUS: LiteralMode = LiteralMode::NonSynchronising(usize::MAX);
        let mut outbox = Outbox::default();
        outbox.push(Tag::new(1), &append(10, 10), PLUS);
        outbox.push(Tag::new(2), &append(1, 10), LiteralMode::Synchronising);
        let xs = "x".repeat(10);
        let first = format!(r"A1 APPEND {{10+}}\r\n{xs} () {{10+}}\r\n{xs}\r\n");
        assert_eq!(take(&mut outbox), first + r"A2 APPEND {1}\r\n");
        assert!(outbox.resume());
        assert_eq!(take(&mut outbox), r"x () {1}\r\n");
        // Refused between two literals.
        outbox.push(Tag::new(3), &CommandLine::new("NOOP"), PLUS);
        outbox.replied(Tag::new(2));
        assert_eq!(take(&mut outbox), r"A3 NOOP\r\n");

        // Refused within a literal: its octets are sent to their end, the next literal is not.
        outbox.push(
            Tag::new(4),
            &append(200_000, u64::MAX),
            LiteralMode::Synchronising,
        );
        assert_eq!(take(&mut outbox), r"A4 APPEND {200000}\r\n");
        assert!(outbox.resume());
        assert!(outbox.ready().len() < 2 * READY, "not all at once");
        outbox.replied(Tag::new(4));
        assert_eq!(take(&mut outbox).matches('x').count(), 200_000);
        outbox.push(Tag::new(5), &CommandLine::new("NOOP"), PLUS);
        assert_eq!(take(&mut outbox), r"A5 NOOP\r\n");

        // Octets that are lost break it.
        outbox.push(Tag::new(6), &append(10, 3), PLUS);
        assert!(outbox.is_broken());
    }
}
