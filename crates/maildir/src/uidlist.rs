//! `dovecot-uidlist`: which file has which UID.
//!
//! One header line, `3 V<uidvalidity> N<uidnext> G<guid>`, then a line for each message, UIDs ascending:
//! `<uid> [<key><value> …] :<base name>` (Dovecot documentation, "Maildir"). Three things are less obvious. `N` may
//! lag behind, as Dovecot appends lines without touching it. A base name may occur twice; then the last line
//! counts. And a last line without its line end is what a writer left that was cut short: it never counted.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use transhume_model::mail::{Uid, UidValidity};

use crate::disk::Dir;
use crate::error::MaildirError;

/// The file's name in the mailbox's directory.
pub(crate) const UIDLIST: &[u8] = b"dovecot-uidlist";

/// The largest UID that Dovecot accepts in the file ("UID too high" above it).
pub(crate) const UID_MAX: u32 = u32::MAX - 1;

/// What `dovecot-uidlist` says of the mailbox as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UidListHeader {
    /// UIDVALIDITY.
    pub uid_validity: UidValidity,
    /// The UID that the next message gets: the header's `N`, or one above the last message where that is more.
    pub uid_next: Uid,
    /// The mailbox's GUID, 32 hexadecimal digits.
    pub guid: Option<String>,
}

impl UidListHeader {
    /// There is a message of this UID.
    fn count(&mut self, uid: Uid) {
        if let Some(next) = uid.next() {
            self.uid_next = self.uid_next.max(next);
        }
    }
}

/// One message's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) uid: Uid,
    /// The extension fields, separated by blanks: POP3 UIDL, message GUID and others, to be kept as they are.
    pub(crate) extensions: &'a [u8],
    pub(crate) base: &'a [u8],
}

impl Line<'_> {
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.uid.to_string().as_bytes());
        if !self.extensions.is_empty() {
            out.push(b' ');
            out.extend_from_slice(self.extensions);
        }
        out.extend_from_slice(b" :");
        out.extend_from_slice(self.base);
        out.push(b'\n');
    }
}

/// Writes a header whose `N` always takes ten digits, so that it can be written over once it is known.
pub(crate) fn header_line(uid_validity: UidValidity, uid_next: Uid, guid: &str) -> String {
    format!("3 V{uid_validity} N{:010} G{guid}\n", uid_next.get())
}

/// Files up to this size are read whole for their header; of longer ones, as much from their end.
const TAIL: u64 = 64 * 1024;

/// What the file says of the mailbox as a whole, from its first line and its last: what lies between does not matter for that,
/// and may be long.
pub(crate) fn read_ends(mailbox: &Dir) -> Result<Option<Summary>, MaildirError> {
    let Some(file) = mailbox.read(UIDLIST)? else {
        return Ok(None);
    };
    let path = mailbox.join(UIDLIST);
    let fail = |error| MaildirError::io("reading", &path, error);
    let length = file.metadata().map_err(fail)?.len();
    let mut tail = vec![0; usize::try_from(length.min(TAIL)).unwrap_or_default()];
    file.read_exact_at(&mut tail, length - length.min(TAIL))
        .map_err(fail)?;
    let Some(mut reader) = Reader::new(BufReader::new(file), &path)? else {
        return Ok(None);
    };
    // What cannot be made out is read from the beginning, and an error then names its line.
    if length > TAIL
        && let Some(Ok(last)) = last_line(&tail).map(|line| parse_line(line, 0))
    {
        reader.header.count(last.uid);
        let cut_short = tail.iter().rev().take_while(|byte| **byte != b'\n').count();
        return Ok(Some(Summary {
            header: reader.header,
            end: length - cut_short as u64,
            torn: cut_short > 0,
        }));
    }
    Ok(Some(reader.finish()?))
}

/// The last line that has both its beginning and its end here.
fn last_line(tail: &[u8]) -> Option<&[u8]> {
    let end = tail.iter().rposition(|byte| *byte == b'\n')?;
    let before = tail[..end].iter().rposition(|byte| *byte == b'\n')?;
    Some(&tail[before + 1..end])
}

/// Reads the file from its beginning to its end, line by line.
pub(crate) struct Reader<R> {
    lines: Lines<R>,
    header: UidListHeader,
    last: u32,
}

impl Reader<BufReader<File>> {
    /// Opens a mailbox's file. [`None`] where there is none, or an empty one, which Dovecot takes for none.
    pub(crate) fn open(mailbox: &Dir) -> Result<Option<Self>, MaildirError> {
        match mailbox.read(UIDLIST)? {
            Some(file) => Self::new(BufReader::with_capacity(1 << 16, file), &mailbox.join(UIDLIST)),
            None => Ok(None),
        }
    }
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R, path: &Path) -> Result<Option<Self>, MaildirError> {
        let mut lines = Lines {
            input,
            path: path.to_owned(),
            buffer: Vec::new(),
            number: 0,
            whole: 0,
            torn: false,
        };
        if !lines.read()? {
            return if lines.torn {
                Err(lines.corrupt("the header line has no end"))
            } else {
                Ok(None)
            };
        }
        let header = parse_header(&lines.buffer).map_err(|problem| lines.corrupt(problem))?;
        Ok(Some(Self {
            lines,
            header,
            last: 0,
        }))
    }

    /// The next line; [`None`] after the last.
    pub(crate) fn next_line(&mut self) -> Result<Option<Line<'_>>, MaildirError> {
        if !self.lines.read()? {
            return Ok(None);
        }
        let line =
            parse_line(&self.lines.buffer, self.last).map_err(|problem| self.lines.corrupt(problem))?;
        self.last = line.uid.get();
        self.header.count(line.uid);
        Ok(Some(line))
    }

    /// Reads what is left, for what it says about the whole.
    pub(crate) fn finish(mut self) -> Result<Summary, MaildirError> {
        while self.next_line()?.is_some() {}
        Ok(Summary {
            header: self.header,
            end: self.lines.whole,
            torn: self.lines.torn,
        })
    }
}

struct Lines<R> {
    input: R,
    path: PathBuf,
    /// The line last read, without its end.
    buffer: Vec<u8>,
    /// Its number, from 1.
    number: u64,
    /// Bytes up to the last line end.
    whole: u64,
    /// Whether the file ends within a line.
    torn: bool,
}

impl<R: BufRead> Lines<R> {
    /// `false` at the end.
    fn read(&mut self) -> Result<bool, MaildirError> {
        self.buffer.clear();
        let length = self
            .input
            .read_until(b'\n', &mut self.buffer)
            .map_err(|error| MaildirError::io("reading", &self.path, error))?;
        self.number += 1;
        if self.buffer.pop_if(|byte| *byte == b'\n').is_none() {
            self.torn |= length > 0;
            return Ok(false);
        }
        self.whole += length as u64;
        Ok(true)
    }

    fn corrupt(&self, problem: &'static str) -> MaildirError {
        MaildirError::Corrupt {
            path: self.path.clone(),
            line: self.number,
            problem,
        }
    }
}

/// What is known once the whole file has been read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) header: UidListHeader,
    /// Where the last whole line ends.
    pub(crate) end: u64,
    /// Whether the beginning of another follows, that was cut short.
    pub(crate) torn: bool,
}

fn parse_header(line: &[u8]) -> Result<UidListHeader, &'static str> {
    let text = std::str::from_utf8(line).map_err(|_| "the header is not text")?;
    let mut fields = text.split(' ').filter(|field| !field.is_empty());
    if fields.next() != Some("3") {
        return Err("not a dovecot-uidlist of version 3");
    }
    let (mut uid_validity, mut uid_next, mut guid) = (None, None, None);
    for field in fields {
        if let Some(value) = field.strip_prefix('V') {
            uid_validity = value.parse().ok().and_then(UidValidity::new);
        } else if let Some(value) = field.strip_prefix('N') {
            uid_next = value.parse().ok().and_then(Uid::new);
        } else if let Some(value) = field.strip_prefix('G') {
            let plain = value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
            guid = Some(value.to_owned()).filter(|_| plain);
        }
    }
    Ok(UidListHeader {
        uid_validity: uid_validity.ok_or("the header has no usable UIDVALIDITY")?,
        uid_next: uid_next.ok_or("the header has no usable next UID")?,
        guid,
    })
}

fn parse_line(line: &[u8], last: u32) -> Result<Line<'_>, &'static str> {
    let end = line
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(line.len());
    let (digits, rest) = line.split_at(end);
    let uid = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok());
    let uid = uid
        .filter(|&uid| uid <= UID_MAX)
        .and_then(Uid::new)
        .ok_or("no usable UID")?;
    if uid.get() <= last {
        return Err("UIDs do not ascend");
    }
    let rest = rest.strip_prefix(b" ").ok_or("nothing after the UID")?;
    let (extensions, base) = split_extensions(rest).ok_or("no file name")?;
    if base.is_empty() || base.contains(&b'/') {
        return Err("no usable file name");
    }
    Ok(Line {
        uid,
        extensions: trim_blanks(extensions),
        base,
    })
}

/// Fields up to the first that begins with a colon: from there on all is file name, blanks included.
fn split_extensions(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at_start = true;
    let colon = rest.iter().position(|&byte| {
        let found = at_start && byte == b':';
        at_start = byte == b' ';
        found
    })?;
    let (extensions, base) = rest.split_at(colon);
    Some((extensions, &base[1..]))
}

/// Only the blank separates fields: other white space at their ends is theirs.
fn trim_blanks(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes.strip_prefix(b" ") {
        bytes = rest;
    }
    while let Some(rest) = bytes.strip_suffix(b" ") {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn open(text: &[u8]) -> Result<Option<Reader<&[u8]>>, MaildirError> {
        Reader::new(text, Path::new("dovecot-uidlist"))
    }

    fn read(text: &str) -> Result<(Vec<String>, Summary), MaildirError> {
        let mut reader = open(text.as_bytes())?.unwrap();
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line()? {
            let extensions = String::from_utf8_lossy(line.extensions);
            lines.push(format!(
                "{}|{extensions}|{}",
                line.uid,
                String::from_utf8_lossy(line.base)
            ));
        }
        Ok((lines, reader.finish()?))
    }

    #[test]
    fn reads_what_dovecot_writes() {
        let guid = "0f".repeat(16);
        let (lines, summary) = read(&format!(
            "3 V1700000000 N5 G{guid}\n1 :a.b.c,S=1,W=2\n3 P12 Gx:y :d:e f\n9 W7  :g\n"
        ))
        .unwrap();
        assert_eq!(lines, ["1||a.b.c,S=1,W=2", "3|P12 Gx:y|d:e f", "9|W7|g"]);
        assert_eq!(summary.header.uid_validity.get(), 1_700_000_000);
        assert_eq!(summary.header.uid_next.get(), 10, "N lags behind");
        assert_eq!(summary.header.guid, Some(guid));
        assert!(!summary.torn);
    }

    #[test]
    fn the_ends_of_a_long_file_say_what_all_its_lines_do() {
        let dir = tempfile::tempdir().unwrap();
        let mailbox = Dir::open(dir.path()).unwrap();
        let mut text = String::from("3 V7 N5 G0123456789abcdef0123456789abcdef\n");
        for uid in 1..=9_000 {
            text.extend([&uid.to_string(), " :1700000000.M1P1.host\n"].map(String::from));
            if uid % 4_500 == 0 || uid < 3 {
                for end in ["", "99999 :torn"] {
                    std::fs::write(dir.path().join("dovecot-uidlist"), text.clone() + end).unwrap();
                    let whole = Reader::open(&mailbox).unwrap().unwrap().finish().unwrap();
                    assert_eq!(read_ends(&mailbox).unwrap(), Some(whole), "after {uid}{end}");
                }
            }
        }
        assert!(text.len() as u64 > TAIL, "long enough to be read from its end");
        text += "no line\n";
        std::fs::write(dir.path().join("dovecot-uidlist"), text).unwrap();
        let error = read_ends(&mailbox).unwrap_err().to_string();
        assert!(error.contains("line 9002"), "{error}");
    }

    #[test]
    fn a_line_that_was_cut_short_does_not_count() {
        let (lines, summary) = read("3 V7 N2\n1 :a\n2 :b").unwrap();
        assert_eq!(lines, ["1||a"]);
        assert_eq!((summary.end, summary.torn), (13, true));
        assert_eq!(summary.header.uid_next.get(), 2);
    }

    /// Found by fuzzing: a field that begins with a form feed lost it, and what followed was taken for a file name.
    #[test]
    fn only_blanks_separate_fields() {
        let (lines, _) = read("3 V7 N2\n1  \u{c}:x  P1\t  :a b \n").unwrap();
        assert_eq!(lines, ["1|\u{c}:x  P1\t|a b "]);
    }

    #[test]
    fn an_empty_file_is_none() {
        assert!(open(b"").unwrap().is_none());
    }

    #[test]
    fn damage_is_named_with_its_line() {
        for (text, line) in [
            ("3 V7", 1),
            ("1 7 2\n", 1),
            ("3 V0 N1\n", 1),
            ("3 V7 N0\n", 1),
            ("3 V7 N2\n1 :a\n1 :b\n", 3),
            ("3 V7 N2\nx :a\n", 2),
            ("3 V7 N2\n0 :a\n", 2),
            ("3 V7 N2\n4294967295 :a\n", 2),
            ("3 V7 N2\n1:a\n", 2),
            ("3 V7 N2\n1 a\n", 2),
            ("3 V7 N2\n1 :\n", 2),
            ("3 V7 N2\n1 :../a\n", 2),
            ("3 V7 N2\n\n", 2),
        ] {
            match read(text) {
                Err(MaildirError::Corrupt { line: found, .. }) => assert_eq!(found, line, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            uids in proptest::collection::btree_set(1..=UID_MAX, 0..20),
            base in "[!-.0-9;-~][!-.0-9;-~ ]{0,40}",
            extensions in prop_oneof![Just(""), Just("P7"), Just("Gabc W12")],
        ) {
            let v = UidValidity::new(9).unwrap();
            let mut text = header_line(v, Uid::FIRST, &"a".repeat(32)).into_bytes();
            for &uid in &uids {
                let uid = Uid::new(uid).unwrap();
                Line { uid, extensions: extensions.as_bytes(), base: base.as_bytes() }.write_to(&mut text);
            }
            let mut reader = open(&text).unwrap().unwrap();
            for &uid in &uids {
                let line = reader.next_line().unwrap().unwrap();
                prop_assert_eq!(line.uid.get(), uid);
                prop_assert_eq!(line.base, base.as_bytes());
                prop_assert_eq!(line.extensions, extensions.as_bytes());
            }
            prop_assert!(reader.next_line().unwrap().is_none());
        }

        #[test]
        fn no_file_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let text = [b"3 V1 N1\n".as_slice(), &bytes].concat();
            if let Ok(Some(reader)) = open(&text) {
                let _ = reader.finish();
            }
            let _ = open(&bytes);
        }
    }
}
