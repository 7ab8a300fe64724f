//! Framing: where responses begin and end, and which bytes are a message's text.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;
use transhume_model::mail::{FlagSet, Uid};

use super::cursor::literal_marker;
use super::fetch::is_body_item;
use super::parse;
use super::{Fetch, FetchBody, Response};

/// Longest response in octets, its inlined literals included; messages' texts do not count.
pub const MAX_RESPONSE: usize = 1 << 20;

/// What comes out of a connection's bytes.
///
/// A message's text comes as `BodyStart`, any number of `BodyChunk`, `BodyEnd`; then comes the response that it
/// was part of: a [`Response::Fetch`] with [`FetchBody::Delivered`], or a [`Response::Unknown`] with `fetch` set,
/// when the rest of it cannot be read. Nothing else comes in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A whole response.
    Response(Response),
    /// A message's text begins.
    BodyStart(BodyStart),
    /// The next piece of it, never empty. Holding on to a piece holds the read buffer it lies in.
    BodyChunk(Bytes),
    /// All of it has come.
    BodyEnd,
}

/// What is known of a message when its text begins. Servers may tell the UID only after the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyStart {
    /// The length of the text in octets.
    pub len: u64,
    /// The UID, when it was told before the text.
    pub uid: Option<Uid>,
    /// The flags, when they were told before the text.
    pub flags: Option<FlagSet>,
}

/// Bytes that are no IMAP, after which nothing can be made of the connection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A response grew beyond [`MAX_RESPONSE`].
    #[error("a response is longer than {MAX_RESPONSE} octets")]
    TooLong,
    /// A literal's length is beyond counting.
    #[error("a literal has an impossible length")]
    ImpossibleLiteral,
}

/// Cuts a stream of bytes into [`Event`]s. It keeps at most [`MAX_RESPONSE`] octets, and of a message's text none.
#[derive(Debug, Default)]
pub struct Decoder {
    /// The response so far: lines that end in a literal and what follows each. Empty between responses.
    response: Vec<u8>,
    /// Length of the message's text that has been handed over within this response.
    streamed: Option<u64>,
    /// How much of the input has been searched for a line end.
    searched: usize,
    state: State,
    /// Events that came out of one response together.
    queue: VecDeque<Event>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Line,
    /// Octets of a literal that are still to be put into the response.
    Literal { missing: usize },
    /// Octets of a message's text that are still to come.
    Body { missing: u64 },
}

impl Decoder {
    /// Takes the next event out of `input`. `None` when more bytes are needed; `input` must then only be added to.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Event>, DecodeError> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Ok(Some(event));
            }
            match self.state {
                State::Line => {
                    let Some(line) = self.find_line(input)? else {
                        return Ok(None);
                    };
                    self.take_line(input, line)?;
                }
                State::Literal { missing } => {
                    let taken = missing.min(input.len());
                    self.response.extend_from_slice(&input[..taken]);
                    input.advance(taken);
                    if taken < missing {
                        self.state = State::Literal {
                            missing: missing - taken,
                        };
                        return Ok(None);
                    }
                    self.state = State::Line;
                }
                State::Body { missing: 0 } => {
                    self.state = State::Line;
                    return Ok(Some(Event::BodyEnd));
                }
                State::Body { missing } => {
                    if input.is_empty() {
                        return Ok(None);
                    }
                    let taken = usize::try_from(missing).map_or(input.len(), |most| most.min(input.len()));
                    self.state = State::Body {
                        missing: missing - taken as u64,
                    };
                    return Ok(Some(Event::BodyChunk(input.split_to(taken).freeze())));
                }
            }
        }
    }

    /// How much of a message's text has come, and how long it is to be, while one is under way.
    pub fn body_progress(&self) -> Option<(u64, u64)> {
        match (self.state, self.streamed) {
            (State::Body { missing }, Some(len)) => Some((len - missing, len)),
            _ => None,
        }
    }

    /// Whether a response has begun and not ended, apart from what is still in the input.
    pub fn is_within_response(&self) -> bool {
        !self.response.is_empty() || !self.queue.is_empty()
    }

    /// How many octets of a response are kept.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn held(&self) -> usize {
        self.response.len()
    }

    /// Where the line at the front of the input ends, its line end included.
    fn find_line(&mut self, input: &BytesMut) -> Result<Option<usize>, DecodeError> {
        let searched = self.searched.min(input.len());
        let found = memchr::memchr(b'\n', &input[searched..]).map(|at| searched + at + 1);
        let length = found.unwrap_or(input.len());
        if self.response.len() + length > MAX_RESPONSE {
            return Err(DecodeError::TooLong);
        }
        self.searched = if found.is_some() { 0 } else { length };
        Ok(found)
    }

    fn take_line(&mut self, input: &mut BytesMut, length: usize) -> Result<(), DecodeError> {
        let line = &input[..length - 1];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let literal = if self.response.is_empty() && !may_hold_literals(line) {
            None
        } else {
            literal_at_end(line)
        };
        let Some((open, octets)) = literal else {
            if self.response.is_empty() {
                self.finish(line);
            } else {
                let mut whole = std::mem::take(&mut self.response);
                whole.extend_from_slice(line);
                self.finish(&whole);
                // Keeps the allocation for the next message.
                whole.clear();
                self.response = whole;
            }
            input.advance(length);
            return Ok(());
        };
        if octets == u64::MAX {
            return Err(DecodeError::ImpossibleLiteral);
        }
        self.response.extend_from_slice(&line[..open]);
        // Some servers leave out the blank between an item and its literal.
        if line[..open].ends_with(b"]") || line[..open].ends_with(b">") {
            self.response.push(b' ');
        }
        if self.streamed.is_none() && ends_in_body_item(&line[..open]) && self.start_body(octets) {
            // In the response it stands as an empty string: the text goes another way.
            self.response.extend_from_slice(b"\"\"");
            self.state = State::Body { missing: octets };
        } else {
            let missing = usize::try_from(octets).map_err(|_| DecodeError::TooLong)?;
            self.response
                .extend_from_slice(format!("{{{octets}}}\r\n").as_bytes());
            if missing > MAX_RESPONSE - self.response.len().min(MAX_RESPONSE) {
                return Err(DecodeError::TooLong);
            }
            self.state = State::Literal { missing };
        }
        input.advance(length);
        Ok(())
    }

    /// Announces a message's text, if the response is a FETCH.
    fn start_body(&mut self, len: u64) -> bool {
        let Some((_, items)) = parse::fetch_head(&self.response) else {
            return false;
        };
        // The value of the last item is still to come, so this always ends in an error; what stands before
        // it has been read.
        let mut so_far = Fetch::default();
        let _ = so_far.read(items);
        self.streamed = Some(len);
        self.queue.push_back(Event::BodyStart(BodyStart {
            len,
            uid: so_far.uid,
            flags: so_far.flags,
        }));
        true
    }

    /// A response is complete.
    fn finish(&mut self, bytes: &[u8]) {
        let (mut response, text) = parse::response(bytes);
        match (self.streamed.take(), &mut response) {
            (Some(octets), Response::Fetch(fetch)) => fetch.body = FetchBody::Delivered { octets },
            (None, Response::Fetch(fetch)) => {
                if let Some(text) = text {
                    let (uid, flags) = (fetch.uid, fetch.flags.clone());
                    let start = BodyStart {
                        len: text.len() as u64,
                        uid,
                        flags,
                    };
                    self.queue.push_back(Event::BodyStart(start));
                    if !text.is_empty() {
                        self.queue.push_back(Event::BodyChunk(text));
                    }
                    self.queue.push_back(Event::BodyEnd);
                }
            }
            _ => {}
        }
        self.queue.push_back(Event::Response(response));
    }
}

/// Whether `{5}` at the end of this line can announce a literal. In a text for people it is part of the text.
fn may_hold_literals(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"*") else {
        return false;
    };
    let rest = rest.trim_ascii_start();
    let word = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    ![&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"]
        .iter()
        .any(|status| status.eq_ignore_ascii_case(word))
}

/// The literal that a line announces at its end: where the marker begins and how many octets follow.
fn literal_at_end(line: &[u8]) -> Option<(usize, u64)> {
    if line.last() != Some(&b'}') {
        return None;
    }
    let brace = memchr::memrchr(b'{', line)?;
    let open = if line[..brace].ends_with(b"~") {
        brace - 1
    } else {
        brace
    };
    let (octets, marker) = literal_marker(&line[open..])?;
    let stands_alone = matches!(line[..open].last(), None | Some(b' ' | b'(' | b']' | b'>'));
    (open + marker == line.len() && stands_alone).then_some((open, octets))
}

/// Whether what follows `text` is the value of an item that holds a whole message.
fn ends_in_body_item(text: &[u8]) -> bool {
    let text = text.trim_ascii_end();
    let start = memchr::memrchr3(b' ', b'(', b')', text).map_or(0, |at| at + 1);
    is_body_item(&text[start..])
}

#[cfg(test)]
mod tests;
