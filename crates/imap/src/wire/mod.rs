//! Bytes and their meaning: framing, tokens, typed responses, command lines.

mod capabilities;
mod code;
mod command;
mod cursor;
mod date;
mod decoder;
mod fetch;
mod outbox;
mod parse;
mod patience;
mod response;

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use date::internal_date;

pub use capabilities::Capabilities;
pub use code::Code;
pub use command::{CommandLine, LiteralMode, Octets, Tag, WireName};
pub use decoder::{BodyStart, DecodeError, Decoder, Event, MAX_RESPONSE};
pub use fetch::{Fetch, FetchBody, Unreadable};
pub use outbox::Outbox;
pub use patience::{Patience, Shortage};
pub use response::{
    ListItem, Namespace, Response, Status, StatusItems, StatusResponse, Tagged, Unknown, Vanished,
};
