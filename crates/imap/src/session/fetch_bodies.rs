//! Messages' texts: `UID FETCH set (UID BODY.PEEK[])` (RFC 9051 section 6.4.9).

use bytes::Bytes;
use transhume_model::mail::{MessageRow, Uid, UidSet};

use crate::wire::{CommandLine, Event, Fetch, FetchBody, Response};

/// Tells what events mean while texts are being fetched. It sends nothing and keeps nothing: one text is under
/// way at a time, and whoever takes the pieces knows which.
#[derive(Debug)]
pub struct FetchBodies;

/// What an event is for who fetches texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyEvent {
    /// A text begins.
    Started {
        /// Its length in octets.
        len: u64,
        /// The UID, if it is known by now.
        uid: Option<Uid>,
    },
    /// The next piece of it.
    Chunk(Bytes),
    /// The text is complete, and this is whose it is.
    Complete {
        /// All that the response told of the message. Where there is no UID in it, the text is nobody's.
        fetch: Fetch,
        /// The text's length in octets.
        octets: u64,
    },
    /// The server answers for this message, but does not give its text (NIL).
    Withheld {
        /// The UID.
        uid: Option<Uid>,
    },
    /// A FETCH response that cannot be read; if a text has just come, it is nobody's.
    Unreadable,
    /// Nothing of concern: all octets of a text have come, or unasked news of the mailbox.
    Other,
    /// Something that is not about texts: a tagged reply among them.
    Response(Response),
}

impl FetchBodies {
    /// The command line.
    pub fn command(set: &UidSet) -> CommandLine {
        CommandLine::new("UID FETCH")
            .text(set.to_string())
            .text("(UID BODY.PEEK[])")
    }

    /// The command line for messages with all that is to be known of them. RFC822.SIZE is not asked for: the text has a
    /// length, and some servers read a message once more to tell its size.
    pub fn command_whole(set: &UidSet) -> CommandLine {
        CommandLine::new("UID FETCH")
            .text(set.to_string())
            .text("(UID FLAGS INTERNALDATE BODY.PEEK[])")
    }

    /// The row of a message that came whole. `None` where its UID or its flags are missing.
    pub fn row(fetch: Fetch, octets: u64) -> Option<MessageRow> {
        Some(MessageRow {
            uid: fetch.uid?,
            flags: fetch.flags?,
            internal_date: fetch.internal_date,
            size: octets,
        })
    }

    /// What the event is.
    pub fn read(event: Event) -> BodyEvent {
        match event {
            Event::BodyStart(start) => BodyEvent::Started {
                len: start.len,
                uid: start.uid,
            },
            Event::BodyChunk(chunk) => BodyEvent::Chunk(chunk),
            Event::BodyEnd => BodyEvent::Other,
            Event::Response(Response::Fetch(fetch)) => match fetch.body {
                FetchBody::Delivered { octets } => BodyEvent::Complete { fetch, octets },
                FetchBody::Nil => BodyEvent::Withheld { uid: fetch.uid },
                FetchBody::Absent => BodyEvent::Other,
            },
            Event::Response(Response::Unknown(unknown)) if unknown.fetch => BodyEvent::Unreadable,
            Event::Response(response) => BodyEvent::Response(response),
        }
    }
}
