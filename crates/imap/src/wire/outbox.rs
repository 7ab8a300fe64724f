//! What is to be sent, and what of it must wait for the server's leave.

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};

use super::{CommandLine, LiteralMode, Tag};

/// Bytes for the wire, in order. Many commands may be in it; one with a synchronising literal holds up those
/// behind it until the server asks for the literal, or refuses the command.
#[derive(Default)]
pub struct Outbox {
    ready: BytesMut,
    /// The first has been sent in part and waits for a continuation; the others have not been begun.
    held: VecDeque<Held>,
}

struct Held {
    tag: Tag,
    pieces: VecDeque<Vec<u8>>,
}

impl Outbox {
    /// Puts a command behind the others.
    pub fn push(&mut self, tag: Tag, command: &CommandLine, mode: LiteralMode) {
        let pieces = command.encode(tag, mode).into();
        let waiting = !self.held.is_empty();
        self.held.push_back(Held { tag, pieces });
        if !waiting {
            self.begin();
        }
    }

    /// Readies commands from the front up to the first that must wait.
    fn begin(&mut self) {
        while let Some(front) = self.held.front_mut() {
            if let Some(piece) = front.pieces.pop_front() {
                self.ready.extend_from_slice(&piece);
            }
            if !front.pieces.is_empty() {
                return;
            }
            self.held.pop_front();
        }
    }

    /// The server asks for more. Gives `false` when nothing waits for that.
    pub fn resume(&mut self) -> bool {
        let waits = !self.held.is_empty();
        self.begin();
        waits
    }

    /// The server has replied to a command; when it had not been sent whole, the rest never will be.
    pub fn replied(&mut self, tag: Tag) {
        if self.held.front().is_some_and(|front| front.tag == tag) {
            self.held.pop_front();
            self.begin();
        }
    }

    /// What can be sent now; empty when nothing can.
    pub fn ready(&self) -> &[u8] {
        &self.ready
    }

    /// So many of the ready bytes have been sent.
    pub fn sent(&mut self, octets: usize) {
        self.ready.advance(octets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(outbox: &mut Outbox) -> String {
        let text = outbox.ready().escape_ascii().to_string();
        outbox.sent(outbox.ready().len());
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
}
