//! File names: what a message came from, its sizes, its flags.
//!
//! A message of ours is called `<seconds>.V<uidvalidity>U<uid>T<tag>.<host>,S=<n>,W=<n>:2,<letters>`. The middle
//! part is its [`Origin`]: the file itself says which message of the source it holds, whatever happens to
//! `dovecot-uidlist`, to our own records, or to us. `S` and `W` are Dovecot's (Maildir++): bytes on disk, and
//! bytes with every line ended by CRLF. Too small a `W` makes Dovecot serve a truncated message.

use std::fmt;

use transhume_model::mail::{InternalDate, Uid, UidValidity};

use crate::letters::Letters;

/// Which message of which source a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The source's account and mailbox, as whoever runs the migration numbers them: any 8 bytes, always
    /// the same for the same mailbox and not the same for another.
    pub tag: [u8; 8],
    /// The source mailbox's UIDVALIDITY; [`None`] where it has none.
    pub uid_validity: Option<UidValidity>,
    /// The message's UID on the source.
    pub uid: Uid,
}

impl Origin {
    /// Reads the origin from a file's name, with or without its flags. [`None`] for messages that somebody
    /// else put there.
    pub fn of_name(name: &[u8]) -> Option<Self> {
        let mut parts = name.splitn(3, |&byte| byte == b'.');
        parts.next()?;
        let mark = parts.next()?;
        parts.next()?;
        Self::parse_mark(mark)
    }

    /// The reverse of `to_string`, and of nothing else: what it reads is written the same.
    pub(crate) fn parse_mark(mark: &[u8]) -> Option<Self> {
        let (uid_validity, rest) = number(mark.strip_prefix(b"V")?)?;
        let (uid, rest) = number(rest.strip_prefix(b"U")?)?;
        Some(Self {
            tag: tag_from_hex(rest.strip_prefix(b"T")?)?,
            uid_validity: UidValidity::new(uid_validity),
            uid: Uid::new(uid)?,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uid_validity = self.uid_validity.map_or(0, UidValidity::get);
        let tag = u64::from_be_bytes(self.tag);
        write!(f, "V{uid_validity}U{}T{tag:016x}", self.uid)
    }
}

/// Digits without leading zeros, and what follows them.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.len() > 1 && digits[0] == b'0' {
        return None;
    }
    let value = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((value, rest))
}

fn tag_from_hex(hex: &[u8]) -> Option<[u8; 8]> {
    let plain = hex.len() == 16 && hex.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let hex = std::str::from_utf8(hex).ok().filter(|_| plain)?;
    u64::from_str_radix(hex, 16).ok().map(u64::to_be_bytes)
}

/// The name of a message's file without its flags, as `dovecot-uidlist` knows it.
pub(crate) fn base_name(
    origin: &Origin,
    date: InternalDate,
    host: &str,
    size: u64,
    virtual_size: u64,
) -> String {
    format!("{}.{origin}.{host},S={size},W={virtual_size}", date.unix())
}

/// The longest host name that is written into file names, in bytes: with it no name exceeds 200 bytes, flags
/// included (a file system allows 255).
const HOST_MAX: usize = 64;

/// This host's name in a form that file names bear. `/` and `:` become octal as the Maildir specification
/// says; so do the comma, which separates Dovecot's sizes, blanks, dots, and what is not printable ASCII.
pub(crate) fn safe_host(host: &[u8]) -> String {
    let mut safe = String::new();
    for &byte in host {
        let piece = if byte.is_ascii_graphic() && !b"/:,.\\".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("\\{byte:03o}")
        };
        if safe.len() + piece.len() > HOST_MAX {
            break;
        }
        safe.push_str(&piece);
    }
    if safe.is_empty() {
        "localhost".clone_into(&mut safe);
    }
    safe
}

/// A message's file as one finds it in `cur/` or `new/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub(crate) name: &'a [u8],
    /// The name without its flags, as `dovecot-uidlist` knows it: the same for as long as the message exists.
    pub base: &'a [u8],
    /// The message's origin; [`None`] for messages that somebody else put there.
    pub origin: Option<Origin>,
    /// Its flags and keywords.
    pub letters: Letters,
    /// Whether it lies in `new/`: no session has seen it yet.
    pub is_new: bool,
}

impl<'a> Entry<'a> {
    pub(crate) fn parse(name: &'a [u8], is_new: bool) -> Self {
        let (base, info) = split_info(name);
        Self {
            name,
            base,
            origin: Origin::of_name(base),
            letters: Letters::parse(info.strip_prefix(b"2,").unwrap_or_default()),
            is_new,
        }
    }

    /// The bytes on disk as the name tells them (`S=`).
    pub fn size(&self) -> Option<u64> {
        self.field(b",S=")
    }

    /// The bytes with CRLF line ends as the name tells them (`W=`).
    pub fn virtual_size(&self) -> Option<u64> {
        self.field(b",W=")
    }

    fn field(&self, key: &[u8]) -> Option<u64> {
        let at = self.base.windows(key.len()).position(|window| window == key)?;
        let rest = &self.base[at + key.len()..];
        let end = rest.iter().position(|&byte| byte == b',').unwrap_or(rest.len());
        std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
    }

    /// The seconds that the name begins with, by which Dovecot orders messages that have no UID yet.
    pub(crate) fn arrival(&self) -> i64 {
        let end = self
            .base
            .iter()
            .position(|&byte| byte == b'.')
            .unwrap_or(self.base.len());
        std::str::from_utf8(&self.base[..end])
            .ok()
            .and_then(|seconds| seconds.parse().ok())
            .unwrap_or(0)
    }

    /// The name with other flags. Letters that mean nothing to us, and what follows a comma, stay.
    pub(crate) fn name_with(&self, letters: Letters) -> Vec<u8> {
        let (_, info) = split_info(self.name);
        let old = info.strip_prefix(b"2,").unwrap_or_default();
        let end = old.iter().position(|&byte| byte == b',').unwrap_or(old.len());
        let (old_letters, tail) = old.split_at(end);
        let strange = old_letters
            .iter()
            .copied()
            .filter(|byte| Letters::parse(&[*byte]) == Letters::default());
        let mut all: Vec<u8> = letters.to_string().into_bytes();
        all.extend(strange);
        all.sort_unstable();
        [self.base, b":2,", &all, tail].concat()
    }
}

fn split_info(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().position(|&byte| byte == b':') {
        Some(at) => (&name[..at], &name[at + 1..]),
        None => (name, &[]),
    }
}

/// `base:2,letters`
pub(crate) fn full_name(base: &[u8], letters: Letters) -> Vec<u8> {
    [base, b":2,", letters.to_string().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn origin(tag: u64, uid_validity: u32, uid: u32) -> Origin {
        Origin {
            tag: tag.to_be_bytes(),
            uid_validity: UidValidity::new(uid_validity),
            uid: Uid::new(uid).unwrap(),
        }
    }

    #[test]
    fn the_name_says_where_the_message_came_from() {
        let base = base_name(
            &origin(0xabc, 7, 12),
            InternalDate::from_unix(-86_400),
            "mx\\056example",
            10,
            12,
        );
        assert_eq!(base, "-86400.V7U12T0000000000000abc.mx\\056example,S=10,W=12");
        let name = full_name(base.as_bytes(), Letters::parse(b"Sa"));
        let entry = Entry::parse(&name, false);
        assert_eq!(entry.origin, Some(origin(0xabc, 7, 12)));
        assert_eq!(entry.base, base.as_bytes());
        assert_eq!((entry.size(), entry.virtual_size()), (Some(10), Some(12)));
        assert_eq!(entry.letters.to_string(), "Sa");
        assert_eq!(entry.arrival(), -86_400);
    }

    #[test]
    fn names_of_others_have_no_origin() {
        for name in [
            "1700000000.M123456P789.mx,S=10,W=12:2,S",
            "1700000000.V7U0T0000000000000abc.mx",
            "1700000000.V07U1T0000000000000abc.mx",
            "1700000000.V7U1T0000000000000ABC.mx",
            "1700000000.V7U1T0000000000000abc",
            "1700000000.V7U1T0000000000000abcd.mx",
            "1700000000.V7U1T+00000000000abc0.mx",
            "1700000000.V4294967296U1T0000000000000abc.mx",
            "",
        ] {
            assert_eq!(Origin::of_name(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn other_flags_leave_strange_letters_and_the_tail_alone() {
        let entry = Entry::parse(b"1.x.y:2,FXb,junk", false);
        assert_eq!(entry.name_with(Letters::parse(b"Sa")), b"1.x.y:2,SXa,junk");
        let entry = Entry::parse(b"1.x.y", true);
        assert_eq!(entry.name_with(Letters::parse(b"S")), b"1.x.y:2,S");
        let entry = Entry::parse(b"1.x.y:1,exp", true);
        assert_eq!(entry.name_with(Letters::default()), b"1.x.y:2,");
    }

    #[test]
    fn hosts_are_made_safe_and_cut_between_escapes() {
        assert_eq!(safe_host(b"mx.example.org"), "mx\\056example\\056org");
        assert_eq!(safe_host(b"a/b:c,d e"), "a\\057b\\072c\\054d\\040e");
        assert_eq!(safe_host(b""), "localhost");
        let long = safe_host(&[b'.'; 100]);
        assert_eq!(long.len(), 64);
        assert!(long.ends_with("\\056"));
    }

    proptest! {
        #[test]
        fn any_origin_comes_back(tag: u64, v: u32, uid in 1u32.., date: i64, size: u64, host in "\\PC*") {
            let wanted = origin(tag, v, uid);
            let host = safe_host(host.as_bytes());
            let base = base_name(&wanted, InternalDate::from_unix(date), &host, size, u64::MAX);
            let name = full_name(base.as_bytes(), Letters::parse(b"DFPRSTabcdefghijklmnopqrstuvwxyz"));
            prop_assert!(name.len() <= 255);
            let entry = Entry::parse(&name, false);
            prop_assert_eq!(entry.origin, Some(wanted));
            prop_assert_eq!(entry.base, base.as_bytes());
            prop_assert_eq!(entry.size(), Some(size));
        }

        #[test]
        fn no_name_is_too_strange(name in proptest::collection::vec(any::<u8>(), 0..60)) {
            let entry = Entry::parse(&name, false);
            if let Some(origin) = entry.origin {
                prop_assert_eq!(Origin::parse_mark(origin.to_string().as_bytes()), Some(origin));
            }
            let _ = (entry.size(), entry.arrival(), entry.name_with(Letters::default()));
        }
    }
}
