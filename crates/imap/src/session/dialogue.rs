//! One connection without its bytes' transport: which commands are under way, and what comes of the input.

use std::collections::VecDeque;

use bytes::BytesMut;

use super::Exchange;
use crate::ImapError;
use crate::wire::{
    Capabilities, Code, CommandLine, DecodeError, Decoder, Event, LiteralMode, Outbox, Response, Status, Tag,
};

/// The state of a connection. Bytes go in at [`input`](Dialogue::input) and out of [`outbox`](Dialogue::outbox).
#[derive(Default)]
pub struct Dialogue {
    input: BytesMut,
    decoder: Decoder,
    outbox: Outbox,
    last_tag: Tag,
    /// Commands without a reply, oldest first.
    in_flight: VecDeque<(Tag, &'static str)>,
    capabilities: Capabilities,
    greeted: bool,
    leaving: bool,
}

impl Dialogue {
    /// Puts a command behind the others. Nothing is sent by it.
    pub fn enqueue(&mut self, command: &CommandLine) -> Tag {
        self.last_tag = self.last_tag.next();
        self.outbox
            .push(self.last_tag, command, LiteralMode::of(&self.capabilities));
        self.in_flight.push_back((self.last_tag, command.name()));
        self.leaving |= command.name() == "LOGOUT";
        self.last_tag
    }

    /// Takes the next event out of the input; `None` when more bytes are needed.
    ///
    /// Continuations that let the rest of a command go out are not events. BYE is an error, except after LOGOUT.
    pub fn next_event(&mut self) -> Result<Option<Event>, ImapError> {
        loop {
            let event = match self.decoder.next(&mut self.input) {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(None),
                Err(DecodeError::TooLong) => return Err(ImapError::TooLong),
                Err(DecodeError::ImpossibleLiteral) => {
                    // What has come behind it depends on the hour.
                    let line = self.input.as_ref().split(|byte| *byte == b'\n').next();
                    return Err(ImapError::protocol(
                        "the server announces a literal of impossible length",
                        line.unwrap_or_default(),
                    ));
                }
            };
            let Event::Response(response) = &event else {
                return Ok(Some(event));
            };
            if matches!(response, Response::Continue(_)) && self.outbox.resume() {
                continue;
            }
            self.note(response)?;
            return Ok(Some(event));
        }
    }

    fn note(&mut self, response: &Response) -> Result<(), ImapError> {
        let code = match response {
            Response::Capability(capabilities) => {
                self.capabilities = capabilities.clone();
                None
            }
            Response::Status(bye) if bye.status == Status::Bye && !self.leaving => {
                return Err(ImapError::bye(bye.code.as_ref(), &bye.text));
            }
            Response::Status(status) => {
                self.greeted = true;
                status.code.as_ref()
            }
            Response::Tagged(reply) => {
                let Some(at) = self.in_flight.iter().position(|(tag, _)| *tag == reply.tag) else {
                    let reason = "the server replies to a command that was not sent";
                    return Err(ImapError::protocol(reason, reply.tag.to_string().as_bytes()));
                };
                self.in_flight.remove(at);
                self.outbox.replied(reply.tag);
                reply.code.as_ref()
            }
            _ => None,
        };
        if let Some(Code::Capability(capabilities)) = code {
            self.capabilities = capabilities.clone();
        }
        Ok(())
    }

    /// How many commands have no reply yet.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// What is going on, in words that follow "while".
    pub fn doing(&self) -> String {
        if let Some((come, len)) = self.decoder.body_progress() {
            return format!("reading a message ({come} of {len} octets had come)");
        }
        match self.in_flight.front() {
            Some((_, command)) => format!("waiting for the reply to {command}"),
            None if self.greeted => "nothing was under way".to_owned(),
            None => "waiting for the server's greeting".to_owned(),
        }
    }

    /// What the server can do, as last told.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether everything that has come has been taken, down to the last byte.
    pub fn is_drained(&self) -> bool {
        self.input.is_empty() && !self.decoder.is_within_response()
    }

    /// Where the bytes from the server are to be appended.
    pub fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// The bytes for the server.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Both ends at once, for reading while writing.
    pub(crate) fn both_ends(&mut self) -> (&mut BytesMut, &mut Outbox) {
        (&mut self.input, &mut self.outbox)
    }
}

/// An exchange under way on a [`Dialogue`].
pub struct Running<E> {
    exchange: E,
    commands: VecDeque<(Tag, &'static str)>,
}

impl<E: Exchange> Running<E> {
    /// Queues the exchange's first commands.
    pub fn start(mut exchange: E, dialogue: &mut Dialogue) -> Self {
        let commands = exchange.begin();
        let mut running = Self {
            exchange,
            commands: VecDeque::new(),
        };
        running.enqueue(dialogue, &commands);
        running
    }

    fn enqueue(&mut self, dialogue: &mut Dialogue, commands: &[CommandLine]) {
        for command in commands {
            self.commands
                .push_back((dialogue.enqueue(command), command.name()));
        }
    }

    /// Whether all its commands have been answered.
    pub fn is_done(&self) -> bool {
        self.commands.is_empty()
    }

    /// Hands an event over; messages' texts are passed over.
    pub fn event(&mut self, dialogue: &mut Dialogue, event: Event) -> Result<(), ImapError> {
        match event {
            Event::Response(Response::Tagged(reply)) => {
                let Some(at) = self.commands.iter().position(|(tag, _)| *tag == reply.tag) else {
                    return Ok(());
                };
                let name = self.commands.remove(at).map_or("", |(_, name)| name);
                let more = self.exchange.tagged(name, reply)?;
                self.enqueue(dialogue, &more);
            }
            Event::Response(response) => self.exchange.untagged(response),
            Event::BodyStart(_) | Event::BodyChunk(_) | Event::BodyEnd => {}
        }
        Ok(())
    }

    /// What it came to.
    pub fn finish(self) -> Result<E::Output, ImapError> {
        self.exchange.finish()
    }

    /// Takes the exchange's secrets out of an error.
    pub fn redact(&self, error: ImapError) -> ImapError {
        self.exchange.redact(error)
    }
}
