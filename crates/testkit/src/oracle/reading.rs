//! Reading: folders, the state of a folder, and its messages with hashed bodies.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::str::FromStr;

use super::{Line, Oracle};
use crate::encode;
use crate::error::TestkitError;
use crate::wire::{self, BodyDigest, Piece, Value, wrong};

const SPECIAL_USES: [&str; 8] = [
    "\\All",
    "\\Archive",
    "\\Drafts",
    "\\Flagged",
    "\\Important",
    "\\Junk",
    "\\Sent",
    "\\Trash",
];

/// One folder of a LIST answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFolder {
    /// Hierarchy components without the namespace prefix.
    pub name: Vec<String>,
    /// All attributes, as sent.
    pub attributes: BTreeSet<String>,
    /// Neither `\NonExistent` nor `\Noselect`.
    pub selectable: bool,
    /// Whether the account is subscribed to it.
    pub subscribed: bool,
    /// The special uses among the attributes.
    pub special_use: BTreeSet<String>,
}

/// What SELECT or EXAMINE said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selected {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT.
    pub uid_next: u32,
    /// Number of messages.
    pub exists: u32,
    /// HIGHESTMODSEQ, if the server told it here.
    pub highest_modseq: Option<u64>,
    /// The whole answer.
    pub lines: Vec<Line>,
}

/// One message as a server shows it, its body only as a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedMessage {
    /// UID.
    pub uid: u32,
    /// System flags and keywords, without `\Recent`.
    pub flags: BTreeSet<String>,
    /// INTERNALDATE in Unix seconds.
    pub internal_date: i64,
    /// RFC822.SIZE.
    pub rfc822_size: u64,
    /// Bytes of BODY[] that came.
    pub body_len: u64,
    /// SHA-256 of BODY[].
    pub body_sha256: [u8; 32],
}

impl Oracle {
    /// All folders, and subscriptions to folders that do not exist.
    pub fn list_all(&mut self) -> Result<Vec<ListedFolder>, TestkitError> {
        let extended = self.has("LIST-EXTENDED");
        let (all, subscribed): (&[u8], &[u8]) = match (extended, self.has("SPECIAL-USE")) {
            (true, true) => (
                b"LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE CHILDREN)",
                b"LIST (SUBSCRIBED) \"\" \"*\" RETURN (SPECIAL-USE)",
            ),
            (true, false) => (
                b"LIST \"\" \"*\" RETURN (SUBSCRIBED CHILDREN)",
                b"LIST (SUBSCRIBED) \"\" \"*\"",
            ),
            (false, _) => (b"LIST \"\" \"*\"", b"LSUB \"\" \"*\""),
        };
        let mut folders = self.listed(all, "LIST")?;
        let subscriptions = self.listed(subscribed, if extended { "LIST" } else { "LSUB" })?;
        for (name, subscription) in subscriptions {
            // A parent shown only for its subscribed children is not itself subscribed. LSUB shows it as Courier does.
            let mere_parent = if extended {
                !subscription.subscribed
            } else {
                !subscription.selectable && subscription.attributes.contains("\\HasChildren")
            };
            if mere_parent {
                continue;
            }
            let entry = folders.entry(name).or_insert_with(|| ListedFolder {
                selectable: false,
                ..subscription
            });
            entry.subscribed = true;
        }
        Ok(folders.into_values().collect())
    }

    fn listed(
        &mut self,
        command: &[u8],
        answer: &str,
    ) -> Result<BTreeMap<Vec<String>, ListedFolder>, TestkitError> {
        let mut folders = BTreeMap::new();
        for values in self.values(command, answer)? {
            let [Value::List(attributes), _separator, name, ..] = values.as_slice() else {
                return Err(wrong(format!("{answer} {values:?}")));
            };
            let attributes: BTreeSet<String> =
                attributes.iter().filter_map(atom).map(str::to_owned).collect();
            let name = self.components(&string(name)?)?;
            let has = |wanted: &str| {
                attributes
                    .iter()
                    .any(|attribute| attribute.eq_ignore_ascii_case(wanted))
            };
            let folder = ListedFolder {
                selectable: !has("\\NonExistent") && !has("\\Noselect"),
                subscribed: has("\\Subscribed"),
                special_use: SPECIAL_USES
                    .iter()
                    .filter(|wanted| has(wanted))
                    .map(|&use_| use_.to_owned())
                    .collect(),
                name: name.clone(),
                attributes,
            };
            // With prefix `INBOX.` and a folder `INBOX.INBOX.x`, its parent `INBOX.INBOX` is listed too. It
            // has the same components as the inbox, but is none.
            match folders.entry(name) {
                Entry::Vacant(free) => drop(free.insert(folder)),
                Entry::Occupied(_) if !folder.selectable => {}
                Entry::Occupied(mut shadow) if !shadow.get().selectable => drop(shadow.insert(folder)),
                Entry::Occupied(other) => return Err(wrong(format!("{:?} is listed twice", other.key()))),
            }
        }
        Ok(folders)
    }

    /// SELECT.
    pub fn select(&mut self, folder: &[impl AsRef<str>]) -> Result<Selected, TestkitError> {
        self.open("SELECT", folder)
    }

    /// EXAMINE: as SELECT, changing nothing.
    pub fn examine(&mut self, folder: &[impl AsRef<str>]) -> Result<Selected, TestkitError> {
        self.open("EXAMINE", folder)
    }

    fn open(&mut self, verb: &str, folder: &[impl AsRef<str>]) -> Result<Selected, TestkitError> {
        let lines = self.ok(&format!("{verb} {}", self.quoted_name(folder)))?;
        let mut selected = Selected {
            lines,
            ..Selected::default()
        };
        let (mut exists, mut next) = (None, None);
        for line in &selected.lines {
            let text = line.text();
            if let Some(count) = text
                .strip_prefix("* ")
                .and_then(|rest| rest.strip_suffix(" EXISTS"))
            {
                exists = count.parse().ok();
            }
            let code = |name: &str| -> Option<&str> {
                let rest = text
                    .strip_prefix("* OK [")?
                    .strip_prefix(name)?
                    .strip_prefix(' ')?;
                rest.split_once(']').map(|(value, _)| value)
            };
            if let Some(value) = code("UIDVALIDITY") {
                selected.uid_validity = value.parse().map_err(|_| wrong(text.clone()))?;
            } else if let Some(value) = code("UIDNEXT") {
                next = Some(value.parse().map_err(|_| wrong(text.clone()))?);
            } else if let Some(value) = code("HIGHESTMODSEQ") {
                selected.highest_modseq = Some(value.parse().map_err(|_| wrong(text.clone()))?);
            }
        }
        selected.exists = exists.ok_or_else(|| wrong(format!("no EXISTS in {:?}", selected.lines)))?;
        if selected.uid_validity == 0 {
            return Err(wrong("no UIDVALIDITY"));
        }
        selected.uid_next = match next {
            Some(next) => next,
            // Courier tells it only in STATUS.
            None => self.status(folder, "UIDNEXT")?,
        };
        Ok(selected)
    }

    fn status<T: FromStr>(&mut self, folder: &[impl AsRef<str>], item: &str) -> Result<T, TestkitError> {
        let command = format!("STATUS {} ({item})", self.quoted_name(folder));
        let values = self.values(command.as_bytes(), "STATUS")?;
        let found = values.iter().find_map(|values| match values.as_slice() {
            [_, Value::List(items)] => number(items.get(1)?),
            _ => None,
        });
        found.ok_or_else(|| wrong(format!("STATUS without {item}: {values:?}")))
    }

    /// HIGHESTMODSEQ by STATUS. Asking makes Dovecot keep one from now on; SELECT alone does not tell it.
    pub fn highest_modseq(&mut self, folder: &[impl AsRef<str>]) -> Result<u64, TestkitError> {
        self.status(folder, "HIGHESTMODSEQ")
    }

    /// All messages of the selected folder, by UID.
    pub fn fetch_all(&mut self) -> Result<Vec<FetchedMessage>, TestkitError> {
        let mut messages = Vec::new();
        self.fetch_each(|message| messages.push(message))?;
        Ok(messages)
    }

    /// Each message of the selected folder, in the server's order, which must be by UID.
    pub fn fetch_each(&mut self, mut each: impl FnMut(FetchedMessage)) -> Result<(), TestkitError> {
        let mut last = 0;
        self.stream(
            b"UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])",
            |pieces| {
                let Some(message) = fetched(pieces)? else {
                    return Ok(());
                };
                if message.uid <= last {
                    return Err(wrong(format!("UID {} after UID {last}", message.uid)));
                }
                last = message.uid;
                each(message);
                Ok(())
            },
        )
    }

    /// The whole of one message in the selected folder, for a test that wants to see it.
    pub fn fetch_body(&mut self, uid: u32) -> Result<Vec<u8>, TestkitError> {
        let mut body = None;
        self.hash_bodies = false;
        let result = self.stream(format!("UID FETCH {uid} BODY.PEEK[]").as_bytes(), |pieces| {
            for value in wire::parse(pieces)? {
                if let Value::List(items) = value
                    && let Some(at) = items.iter().position(|item| atom(item) == Some("BODY[]"))
                    && let Some(Value::Text(bytes)) = items.get(at + 1)
                {
                    body = Some(bytes.clone());
                }
            }
            Ok(())
        });
        self.hash_bodies = true;
        result?;
        body.ok_or_else(|| wrong(format!("no message with UID {uid}")))
    }

    /// ENABLE QRESYNC and SELECT with what a client remembers; returns all answers of the SELECT.
    pub fn enable_qresync_select(
        &mut self,
        folder: &[impl AsRef<str>],
        uid_validity: u32,
        modseq: u64,
    ) -> Result<Vec<Line>, TestkitError> {
        self.ok("ENABLE QRESYNC")?;
        let name = self.quoted_name(folder);
        self.ok(&format!("SELECT {name} (QRESYNC ({uid_validity} {modseq}))"))
    }
}

fn atom(value: &Value) -> Option<&str> {
    match value {
        Value::Atom(atom) => Some(atom),
        _ => None,
    }
}

fn number<T: FromStr>(value: &Value) -> Option<T> {
    atom(value)?.parse().ok()
}

/// A folder name: an atom or any kind of string.
fn string(value: &Value) -> Result<String, TestkitError> {
    match value {
        Value::Atom(atom) => Ok(atom.clone()),
        Value::Text(bytes) => {
            String::from_utf8(bytes.clone()).map_err(|_| wrong("a folder name that is no text"))
        }
        other => Err(wrong(format!("{other:?} for a name"))),
    }
}

/// Flags as they are compared: system flags in one spelling, `\Recent` left out.
fn flag_set(values: &[Value]) -> BTreeSet<String> {
    const SYSTEM: [&str; 5] = ["\\Answered", "\\Deleted", "\\Draft", "\\Flagged", "\\Seen"];
    values
        .iter()
        .filter_map(atom)
        .filter(|flag| !flag.eq_ignore_ascii_case("\\Recent"))
        .map(|flag| {
            SYSTEM
                .into_iter()
                .find(|known| known.eq_ignore_ascii_case(flag))
                .unwrap_or(flag)
                .to_owned()
        })
        .collect()
}

/// A FETCH answer with a body. One without a body is news about another session's change.
fn fetched(pieces: &[Piece]) -> Result<Option<FetchedMessage>, TestkitError> {
    let Some(Piece::Text(start)) = pieces.first() else {
        return Ok(None);
    };
    if start.split(|byte| *byte == b' ').nth(2) != Some(b"FETCH") {
        return Ok(None);
    }
    let values = wire::parse(pieces)?;
    let [_, _, _, Value::List(items)] = values.as_slice() else {
        return Err(wrong(format!("FETCH {values:?}")));
    };
    let bad = || wrong(format!("FETCH {items:?}"));
    if !items.len().is_multiple_of(2) {
        return Err(bad());
    }
    let (mut uid, mut flags, mut date, mut size, mut body) = (None, None, None, None, None);
    for pair in items.chunks_exact(2) {
        let again = match (atom(&pair[0]).ok_or_else(bad)?, &pair[1]) {
            ("UID", value) => uid.replace(number(value).ok_or_else(bad)?).is_some(),
            ("FLAGS", Value::List(list)) => flags.replace(flag_set(list)).is_some(),
            ("INTERNALDATE", Value::Text(text)) => {
                let text = String::from_utf8_lossy(text);
                date.replace(encode::parse_imap_date(&text).ok_or_else(bad)?)
                    .is_some()
            }
            ("RFC822.SIZE", value) => size.replace(number(value).ok_or_else(bad)?).is_some(),
            ("BODY[]", Value::Hashed(len, sha256)) => body
                .replace(BodyDigest {
                    len: *len,
                    sha256: *sha256,
                })
                .is_some(),
            ("BODY[]", Value::Text(bytes)) => body.replace(BodyDigest::of(bytes)).is_some(),
            ("MODSEQ", _) => false,
            _ => return Err(bad()),
        };
        if again {
            return Err(bad());
        }
    }
    let Some(body) = body else { return Ok(None) };
    match (uid, flags, date, size) {
        (Some(uid), Some(flags), Some(internal_date), Some(rfc822_size)) => Ok(Some(FetchedMessage {
            uid,
            flags,
            internal_date,
            rfc822_size,
            body_len: body.len,
            body_sha256: body.sha256,
        })),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Result<Option<FetchedMessage>, TestkitError> {
        fetched(&[Piece::Text(text.as_bytes().to_vec())])
    }

    #[test]
    fn a_fetch_must_be_whole() {
        let date = "INTERNALDATE \" 1-Jan-1970 00:00:00 +0000\"";
        let whole = format!("* 1 FETCH (UID 7 FLAGS (\\seen \\Recent k) {date} RFC822.SIZE 1 BODY[] \"x\")");
        let message = answer(&whole).unwrap().unwrap();
        assert_eq!((message.uid, message.internal_date, message.body_len), (7, 0, 1));
        assert_eq!(message.flags, ["\\Seen", "k"].map(str::to_owned).into());
        assert!(answer("* 1 FETCH (UID 7 FLAGS ())").unwrap().is_none());
        assert!(answer("* 8 EXISTS").unwrap().is_none());
        assert!(answer(&whole.replace("RFC822.SIZE 1 ", "")).is_err());
        assert!(answer(&whole.replace("UID 7", "UID 7 UID 7")).is_err());
        assert!(answer(&whole.replace("\"x\"", "NIL")).is_err());
    }
}
