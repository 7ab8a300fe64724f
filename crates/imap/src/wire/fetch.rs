//! The FETCH response (RFC 9051 section 7.5.2).

use bytes::Bytes;
use transhume_model::mail::{FlagSet, InternalDate, ModSeq, Uid};

use super::cursor::{Cursor, Parsed, Value};
use super::date::internal_date;
use super::parse::flag_set;

/// One FETCH response; items that nobody asks for here are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fetch {
    /// The sequence number; 0 where it is no 32-bit number.
    pub sequence: u32,
    /// The UID; `None` where it is missing, 0 or no number.
    pub uid: Option<Uid>,
    /// The flags, `\Recent` left out; `None` where the item is missing.
    pub flags: Option<FlagSet>,
    /// INTERNALDATE; `None` where it is missing or no date.
    pub internal_date: Option<InternalDate>,
    /// RFC822.SIZE in octets; `None` where the item is missing.
    pub size: Option<Result<u64, Unreadable>>,
    /// MODSEQ; `None` where it is missing, 0 or no number.
    pub mod_seq: Option<ModSeq>,
    /// What became of the message's text.
    pub body: FetchBody,
}

/// An item that is there and cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Whether a FETCH response brought the message's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FetchBody {
    /// There was no such item.
    #[default]
    Absent,
    /// NIL: the server does not give the text.
    Nil,
    /// It was handed over in the events just before.
    Delivered {
        /// Its length.
        octets: u64,
    },
}

const NOT_THE_END: &str = "a message's text does not end where it was announced to end";

/// Whether an item holds a whole message. `RFC822` and `BINARY[]` are asked for by nobody here, but servers
/// have been seen to answer one with another.
pub(super) fn is_body_item(name: &[u8]) -> bool {
    [
        &b"BODY[]"[..],
        b"BODY[]<0>",
        b"BODY.PEEK[]",
        b"RFC822",
        b"BINARY[]",
    ]
    .iter()
    .any(|item| item.eq_ignore_ascii_case(name))
}

impl Fetch {
    /// Reads what follows `* n FETCH`, as far as it can be read: what came before an error stays. Gives the
    /// message's text where it stands in the response itself.
    ///
    /// Parentheses between items mean nothing: servers are known to send too many and too few. But behind a text come a
    /// closing one and items that are known, and nothing else: what else comes is the rest of a text that is longer than
    /// it was announced, or words that a server says in the middle of it. That text is nobody's.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Parsed<Option<Bytes>> {
        let mut cursor = Cursor::new(bytes);
        cursor.skip_spaces();
        if cursor.peek() != Some(b'(') {
            return Err("FETCH without a list");
        }
        let mut text = None;
        let mut is_closed = true;
        loop {
            let between = cursor.rest();
            cursor.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'(' | b')' | b'\r' | b'\n'));
            is_closed |= between[..between.len() - cursor.rest().len()].contains(&b')');
            let name = cursor.item_name();
            if name.is_empty() {
                return if is_closed { Ok(text) } else { Err(NOT_THE_END) };
            }
            let value = cursor.value()?;
            if is_body_item(name) {
                text = self.read_body(value)?.or(text);
                is_closed = false;
            } else if !self.read_item(name, &value) && matches!(self.body, FetchBody::Delivered { .. }) {
                return Err(NOT_THE_END);
            }
        }
    }

    /// Whether the item is one that is known here.
    fn read_item(&mut self, name: &[u8], value: &Value<'_>) -> bool {
        if name.eq_ignore_ascii_case(b"UID") {
            self.uid = value
                .number()
                .and_then(|uid| u32::try_from(uid).ok())
                .and_then(Uid::new);
        } else if name.eq_ignore_ascii_case(b"FLAGS") {
            self.flags = Some(flag_set(value));
        } else if name.eq_ignore_ascii_case(b"INTERNALDATE") {
            self.internal_date = value.bytes().and_then(internal_date);
        } else if name.eq_ignore_ascii_case(b"RFC822.SIZE") {
            self.size = Some(value.number().ok_or(Unreadable));
        } else if name.eq_ignore_ascii_case(b"MODSEQ") {
            self.mod_seq = value.number().filter(|number| *number > 0).map(ModSeq);
        } else {
            return false;
        }
        true
    }

    fn read_body(&mut self, value: Value<'_>) -> Parsed<Option<Bytes>> {
        let text = match value {
            Value::String(text) => text,
            Value::Nil => {
                self.body = FetchBody::Nil;
                return Ok(None);
            }
            Value::Atom(_) | Value::List(_) => return Err("a message's text is no string"),
        };
        self.body = FetchBody::Delivered {
            octets: text.len() as u64,
        };
        Ok(Some(Bytes::copy_from_slice(&text)))
    }
}
