//! From the bytes of one response to its type.

use bytes::Bytes;
use transhume_model::mail::{FlagSet, HierarchyDelimiter, ModSeq, Uid, UidValidity};

use super::cursor::{Cursor, Parsed, Value, number};
use super::{
    Capabilities, Code, Fetch, ListItem, Namespace, Response, Status, StatusItems, StatusResponse, Tag,
    Tagged, Unknown, Vanished, WireName,
};

/// Longest text for people that is kept, in characters.
const MAX_TEXT: usize = 1000;

/// Reads one response without its line end; literals stand in it as they came. Gives with a FETCH the
/// message's text, where it is part of the response.
pub(super) fn response(bytes: &[u8]) -> (Response, Option<Bytes>) {
    if let Some(text) = bytes.strip_prefix(b"+") {
        return (Response::Continue(clean_text(text.trim_ascii())), None);
    }
    let mut cursor = Cursor::new(bytes);
    let parsed = match cursor.word() {
        b"*" => untagged(&mut cursor),
        tag => tagged(tag, &mut cursor).map(|response| Some((response, None))),
    };
    match parsed {
        Ok(Some(parsed)) => parsed,
        Ok(None) => (unknown(bytes, None), None),
        Err(reason) => (unknown(bytes, Some(reason)), None),
    }
}

fn unknown(bytes: &[u8], reason: Option<&'static str>) -> Response {
    Response::Unknown(Unknown {
        raw: Bytes::copy_from_slice(bytes),
        reason,
        fetch: fetch_head(bytes).is_some(),
    })
}

/// Reads `* n FETCH`; gives the number and what follows.
pub(super) fn fetch_head(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut cursor = Cursor::new(bytes.strip_prefix(b"*")?);
    cursor.skip_spaces();
    let sequence = number(cursor.word())?;
    cursor.skip_spaces();
    let name = cursor.word();
    let sequence = u32::try_from(sequence).unwrap_or(0);
    name.eq_ignore_ascii_case(b"FETCH")
        .then(|| (sequence, cursor.rest()))
}

fn tagged(tag: &[u8], cursor: &mut Cursor<'_>) -> Parsed<Response> {
    let tag = Tag::read(tag).ok_or("neither untagged nor a tag of ours")?;
    cursor.skip_spaces();
    let status = status(cursor.word()).ok_or("a tagged reply without a status")?;
    let (code, text) = Code::split(cursor.rest(), status != Status::Ok);
    Ok(Response::Tagged(Tagged {
        tag,
        status,
        code,
        text,
    }))
}

fn status(word: &[u8]) -> Option<Status> {
    Some(match word.to_ascii_uppercase().as_slice() {
        b"OK" => Status::Ok,
        b"NO" => Status::No,
        b"BAD" => Status::Bad,
        b"BYE" => Status::Bye,
        b"PREAUTH" => Status::PreAuth,
        _ => return None,
    })
}

/// `None` for a kind of response that is passed over on purpose.
fn untagged(cursor: &mut Cursor<'_>) -> Parsed<Option<(Response, Option<Bytes>)>> {
    cursor.skip_spaces();
    let word = cursor.word();
    if let Some(number) = number(word) {
        return numbered(number, cursor);
    }
    if let Some(status) = status(word) {
        let (code, text) = Code::split(cursor.rest(), status != Status::Ok);
        return Ok(Some((
            Response::Status(StatusResponse { status, code, text }),
            None,
        )));
    }
    let raw = |cursor: &Cursor<'_>| Bytes::copy_from_slice(cursor.rest().trim_ascii());
    let response = match word.to_ascii_uppercase().as_slice() {
        b"CAPABILITY" => Response::Capability(Capabilities::from_text(cursor.rest())),
        b"LIST" | b"XLIST" => Response::List(list_item(cursor)?),
        b"LSUB" => Response::Lsub(list_item(cursor)?),
        b"STATUS" => mailbox_status(cursor)?,
        b"FLAGS" => Response::Flags(flag_set(&cursor.value()?)),
        b"NAMESPACE" => Response::Namespace(Namespace {
            personal: namespaces(&cursor.value()?)?,
            other: namespaces(&cursor.value().unwrap_or(Value::Nil))?,
            shared: namespaces(&cursor.value().unwrap_or(Value::Nil))?,
        }),
        b"VANISHED" => Response::Vanished(vanished(cursor)?),
        b"ENABLED" => Response::Enabled(Capabilities::from_text(cursor.rest())),
        b"SEARCH" => Response::Search(raw(cursor)),
        b"ESEARCH" => Response::ESearch(raw(cursor)),
        b"ID" => Response::Id(raw(cursor)),
        b"" => return Err("an empty response"),
        _ => return Ok(None),
    };
    Ok(Some((response, None)))
}

fn numbered(number: u64, cursor: &mut Cursor<'_>) -> Parsed<Option<(Response, Option<Bytes>)>> {
    cursor.skip_spaces();
    let small = u32::try_from(number);
    let word = cursor.word();
    if word.eq_ignore_ascii_case(b"FETCH") {
        let mut fetch = Fetch {
            sequence: small.unwrap_or(0),
            ..Fetch::default()
        };
        let text = fetch.read(cursor.rest())?;
        return Ok(Some((Response::Fetch(fetch), text)));
    }
    match word.to_ascii_uppercase().as_slice() {
        b"EXISTS" => Ok(Some((
            Response::Exists(small.map_err(|_| "too great a number")?),
            None,
        ))),
        b"EXPUNGE" => Ok(Some((
            Response::Expunge(small.map_err(|_| "too great a number")?),
            None,
        ))),
        _ => Ok(None),
    }
}

/// Flags as they stand in a list; `\Recent` and what is no flag is left out.
pub(super) fn flag_set(value: &Value<'_>) -> FlagSet {
    let mut flags = FlagSet::new();
    for word in value.words() {
        flags.insert_word(&String::from_utf8_lossy(word));
    }
    flags
}

fn list_item(cursor: &mut Cursor<'_>) -> Parsed<ListItem> {
    let attributes = cursor.value()?;
    let attributes = attributes
        .words()
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let delimiter = delimiter(&cursor.value()?);
    Ok(ListItem {
        attributes,
        delimiter,
        name: mailbox_name(cursor)?,
    })
}

fn delimiter(value: &Value<'_>) -> HierarchyDelimiter {
    value.bytes().and_then(<[u8]>::first).copied().map(char::from)
}

/// A mailbox name that ends its line, or before a last list. A name that ought to be quoted and is not may
/// have blanks and parentheses in it; `NIL` is then a name like any other.
fn mailbox_name(cursor: &mut Cursor<'_>) -> Parsed<WireName> {
    cursor.skip_spaces();
    let bytes = match cursor.clone().value() {
        Ok(Value::String(name)) => {
            cursor.value()?;
            return Ok(WireName::new(name.into_owned()));
        }
        _ => cursor.rest().trim_ascii_end(),
    };
    let end = match bytes.windows(2).position(|pair| pair == b" (") {
        Some(at) if bytes.ends_with(b")") => at,
        _ => bytes.len(),
    };
    cursor.skip_bytes(end);
    match bytes[..end].trim_ascii_end() {
        [] => Err("a mailbox name is missing"),
        name => Ok(WireName::new(name.to_vec())),
    }
}

fn mailbox_status(cursor: &mut Cursor<'_>) -> Parsed<Response> {
    let name = mailbox_name(cursor)?;
    let mut items = StatusItems::default();
    if let Value::List(list) = cursor.value().unwrap_or(Value::Nil) {
        let mut list = Cursor::new(list);
        loop {
            list.skip_spaces();
            let item = list.word().to_ascii_uppercase();
            let Ok(value) = list.value() else { break };
            let value = value.number();
            let small = value.and_then(|value| u32::try_from(value).ok());
            match item.as_slice() {
                b"MESSAGES" => items.messages = small,
                b"UIDNEXT" => items.uid_next = small.and_then(Uid::new),
                b"UIDVALIDITY" => items.uid_validity = small.and_then(UidValidity::new),
                b"HIGHESTMODSEQ" => items.highest_mod_seq = value.filter(|value| *value > 0).map(ModSeq),
                b"SIZE" => items.size = value,
                b"APPENDLIMIT" => items.append_limit = value,
                _ => {}
            }
        }
    }
    Ok(Response::MailboxStatus { name, items })
}

fn namespaces(value: &Value<'_>) -> Parsed<Vec<(WireName, HierarchyDelimiter)>> {
    let Value::List(list) = value else {
        return Ok(Vec::new());
    };
    let mut cursor = Cursor::new(list);
    let mut found = Vec::new();
    loop {
        cursor.skip_spaces();
        if cursor.peek().is_none() {
            return Ok(found);
        }
        if let Value::List(entry) = cursor.value()? {
            let mut entry = Cursor::new(entry);
            let prefix = entry.value()?;
            let prefix = WireName::new(prefix.bytes().unwrap_or_default().to_vec());
            found.push((prefix, delimiter(&entry.value()?)));
        }
    }
}

fn vanished(cursor: &mut Cursor<'_>) -> Parsed<Vanished> {
    cursor.skip_spaces();
    let earlier = cursor.peek() == Some(b'(');
    if earlier {
        cursor.value()?;
        cursor.skip_spaces();
    }
    let uid = |digits: &[u8]| number(digits).and_then(|uid| Uid::new(u32::try_from(uid).ok()?));
    let range = |text: &[u8]| {
        let mut ends = text.splitn(2, |byte| *byte == b':');
        let first = uid(ends.next()?)?;
        let last = ends.next().map_or(Some(first), uid)?;
        Some((first.min(last), first.max(last)))
    };
    let ranges = cursor
        .word()
        .split(|byte| *byte == b',')
        .map(range)
        .collect::<Option<_>>();
    Ok(Vanished {
        earlier,
        ranges: ranges.ok_or("no set of UIDs")?,
    })
}

/// Text from a server, fit to be shown: control characters become blanks, and there is an end to it.
pub(super) fn clean_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(4 * MAX_TEXT)])
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_TEXT)
        .collect()
}
