//! Messages by their content: digests, and what a mailbox holds in the least room.

use std::collections::{BTreeMap, HashMap, HashSet};

use transhume_db::StagedMessage;
use transhume_model::mail::{Digest, FlagSet, Hasher, MessageRow, Uid};

use crate::endpoint::target::{Index, Look};

/// Reads a text as it comes. Its digest is that of the text with CRLF at each line end, as most servers store it: a lone
/// line feed that a server has mended makes no other message of it.
#[derive(Default)]
pub(super) struct Reader {
    hasher: Hasher,
    size: u64,
    line_feeds: u64,
    last: u8,
}

/// What is known of a text when all of it has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Contents {
    /// Octets as they came.
    pub(super) size: u64,
    /// Line feeds among them without a carriage return before.
    pub(super) line_feeds: u64,
    pub(super) digest: Digest,
}

impl Reader {
    pub(super) fn read(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        let mut from = 0;
        for at in memchr::memchr_iter(b'\n', piece) {
            let before = if at == 0 { self.last } else { piece[at - 1] };
            if before != b'\r' {
                self.hasher.update(&piece[from..at]);
                self.hasher.update(b"\r");
                self.line_feeds += 1;
                from = at;
            }
        }
        self.hasher.update(&piece[from..]);
        self.last = piece.last().copied().unwrap_or(self.last);
    }

    pub(super) fn finish(self) -> Contents {
        Contents {
            size: self.size,
            line_feeds: self.line_feeds,
            digest: self.hasher.digest(),
        }
    }
}

/// The messages of a mailbox, ascending by UID.
#[derive(Default)]
pub(super) struct Rows {
    found: Vec<Row>,
    /// Each set of flags once: a mailbox has few.
    flags: Vec<FlagSet>,
    known: HashMap<FlagSet, u32>,
}

#[derive(Clone, Copy)]
struct Row {
    uid: Uid,
    flags: u32,
    size: u64,
}

/// Messages that no source message is known to be the counterpart of, by their sizes. Copies come in the order of their UIDs.
pub(super) type Foreign = HashMap<u64, Vec<Uid>>;

impl Rows {
    pub(super) fn add(&mut self, row: MessageRow) {
        let next = u32::try_from(self.flags.len()).unwrap_or(u32::MAX);
        let flags = *self.known.entry(row.flags).or_insert_with_key(|flags| {
            self.flags.push(flags.clone());
            next
        });
        let row = Row {
            uid: row.uid,
            flags,
            size: row.size,
        };
        // Ascending on all servers but broken ones; and one may tell the same message twice.
        match self.found.last() {
            Some(last) if last.uid >= row.uid => {
                if let Err(at) = self.found.binary_search_by_key(&row.uid, |row| row.uid) {
                    self.found.insert(at, row);
                }
            }
            _ => self.found.push(row),
        }
    }

    pub(super) fn last(&self) -> Option<Uid> {
        self.found.last().map(|row| row.uid)
    }

    /// Forgets messages with lower UIDs.
    pub(super) fn cut_below(&mut self, first: Uid) {
        self.found.retain(|row| row.uid >= first);
    }

    /// The counterparts of messages that were put in one after the other, where nothing else has come meanwhile: there are
    /// just as many, of their sizes, apart from those in `known`.
    pub(super) fn in_order(
        &self,
        known: &[(Uid, Uid)],
        messages: &[StagedMessage],
    ) -> Option<Vec<(Uid, Uid)>> {
        let known: HashSet<Uid> = known.iter().map(|&(_, target)| target).collect();
        let new: Vec<&Row> = self
            .found
            .iter()
            .filter(|row| !known.contains(&row.uid))
            .collect();
        let fits = |(message, row): (&StagedMessage, &&Row)| sizes(message).any(|size| size == row.size);
        let agree = new.len() == messages.len() && messages.iter().zip(&new).all(fits);
        agree.then(|| {
            let uids = messages.iter().zip(&new);
            uids.map(|(message, row)| (message.uid, row.uid)).collect()
        })
    }

    /// The messages that are none of the target's in `pairs`.
    pub(super) fn foreign(&self, pairs: &[(Uid, Uid)]) -> Foreign {
        let paired: HashSet<Uid> = pairs.iter().map(|&(_, target)| target).collect();
        let mut foreign = Foreign::new();
        for row in self.found.iter().filter(|row| !paired.contains(&row.uid)) {
            foreign.entry(row.size).or_default().push(row.uid);
        }
        foreign
    }

    /// As a pass sees it. `pairs` are UIDs on the source and here, ascending by the former.
    pub(super) fn into_look(self, pairs: Vec<(Uid, Uid)>, foreign: &Foreign) -> Look {
        let sizes = foreign.keys().copied().collect();
        Look::new(Counterparts { rows: self, pairs }, sizes)
    }
}

struct Counterparts {
    rows: Rows,
    pairs: Vec<(Uid, Uid)>,
}

impl Index for Counterparts {
    fn flags_of(&self, uid: Uid, _: Option<&str>) -> Option<FlagSet> {
        let at = self
            .pairs
            .binary_search_by_key(&uid, |&(source, _)| source)
            .ok()?;
        let target = self.pairs[at].1;
        let rows = &self.rows.found;
        let at = rows.binary_search_by_key(&target, |row| row.uid).ok()?;
        let flags = usize::try_from(rows[at].flags).ok()?;
        self.rows.flags.get(flags).cloned()
    }

    fn is_empty(&self) -> bool {
        self.rows.found.is_empty()
    }
}

/// The sizes that a message may have on a server: as it came, or with its line ends mended.
pub(super) fn sizes(message: &StagedMessage) -> impl Iterator<Item = u64> {
    let mended = (message.line_feeds > 0).then_some(message.size + message.line_feeds);
    std::iter::once(message.size).chain(mended)
}

/// Messages that may be one of `messages`, by their sizes.
pub(super) fn candidates(foreign: &Foreign, messages: &[StagedMessage]) -> Vec<Uid> {
    let wanted: HashSet<u64> = messages.iter().flat_map(sizes).collect();
    let mut uids: Vec<Uid> = wanted
        .iter()
        .filter_map(|size| foreign.get(size))
        .flatten()
        .copied()
        .collect();
    uids.sort_unstable();
    uids
}

/// Gives each message a counterpart of the same bytes, as long as there are any: copies keep their number (I6).
pub(super) fn assign(messages: &[StagedMessage], digests: &BTreeMap<Uid, Digest>) -> Vec<(Uid, Uid)> {
    let mut copies: HashMap<Digest, Vec<Uid>> = HashMap::new();
    for (&uid, &digest) in digests.iter().rev() {
        copies.entry(digest).or_default().push(uid);
    }
    let give = |message: &StagedMessage| Some((message.uid, copies.get_mut(&message.digest)?.pop()?));
    messages.iter().filter_map(give).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use transhume_model::mail::InternalDate;

    fn uid(value: u32) -> Uid {
        Uid::new(value).unwrap()
    }

    fn contents(pieces: &[&[u8]]) -> Contents {
        let mut reader = Reader::default();
        for piece in pieces {
            reader.read(piece);
        }
        reader.finish()
    }

    fn message(value: u32, text: &[u8]) -> StagedMessage {
        let Contents {
            size,
            line_feeds,
            digest,
        } = contents(&[text]);
        StagedMessage {
            uid: uid(value),
            flags: FlagSet::new(),
            internal_date: InternalDate::from_unix(0),
            size,
            line_feeds,
            digest,
        }
    }

    #[test]
    fn mended_line_ends_make_no_other_message() {
        let whole = contents(&[b"a\r\n\r\nb\r\n"]);
        let plain = Digest::of(b"a\r\n\r\nb\r\n");
        assert_eq!((whole.digest, whole.line_feeds), (plain, 0));
        for (text, line_feeds) in [(&b"a\n\nb\n"[..], 3), (b"a\r\n\nb\n", 2), (b"a\r\n\r\nb\r\n", 0)] {
            for cut in 0..text.len() {
                let read = contents(&[&text[..cut], b"", &text[cut..]]);
                assert_eq!((read.digest, read.line_feeds), (whole.digest, line_feeds));
                assert_eq!(read.size, text.len() as u64);
            }
        }
        assert_ne!(contents(&[b"a\rb"]).digest, contents(&[b"a\r\nb"]).digest);
    }

    /// I6: as many are paired as there are.
    #[test]
    fn copies_are_paired_each_once() {
        let messages = [
            message(1, b"a"),
            message(2, b"a"),
            message(3, b"b"),
            message(4, b"a"),
        ];
        let digest = |text: &[u8]| contents(&[text]).digest;
        let digests = BTreeMap::from([
            (uid(9), digest(b"a")),
            (uid(5), digest(b"a")),
            (uid(7), digest(b"c")),
        ]);
        assert_eq!(assign(&messages, &digests), [(uid(1), uid(5)), (uid(2), uid(9))]);
    }

    #[test]
    fn rows_are_found_by_their_counterparts() {
        let mut rows = Rows::default();
        for (value, words, size) in [(4, "\\Seen", 10), (9, "", 20), (6, "\\Seen", 20), (9, "", 20)] {
            rows.add(MessageRow {
                uid: uid(value),
                flags: words.split_whitespace().collect(),
                internal_date: None,
                size,
            });
        }
        assert_eq!(
            (rows.found.len(), rows.flags.len(), rows.last()),
            (3, 2, Some(uid(9)))
        );
        let new = [message(7, &[b'x'; 10]), message(8, &[b'y'; 20])];
        assert_eq!(
            rows.in_order(&[(uid(1), uid(6))], &new),
            Some(vec![(uid(7), uid(4)), (uid(8), uid(9))])
        );
        assert_eq!(rows.in_order(&[], &new), None, "one more than was sent");
        assert_eq!(rows.in_order(&[(uid(1), uid(4))], &new), None, "not their sizes");
        let pairs = vec![(uid(1), uid(6)), (uid(2), uid(5))];
        let foreign = rows.foreign(&pairs);
        assert_eq!(foreign, Foreign::from([(10, vec![uid(4)]), (20, vec![uid(9)])]));
        let texts = [message(1, &[b'x'; 20]), message(2, &[b'\n'; 5])];
        assert_eq!(candidates(&foreign, &texts), [uid(4), uid(9)]);
        let look = rows.into_look(pairs, &foreign);
        let flags = |value| {
            look.with_view(|view| (view.flags_of)(uid(value), None))
                .map(|flags| flags.to_string())
        };
        assert_eq!(flags(1).as_deref(), Some("\\Seen"));
        assert_eq!((flags(2), flags(3)), (None, None));
    }
}
