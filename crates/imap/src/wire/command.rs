//! Command lines (RFC 9051 section 6): building and encoding.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use transhume_model::mail::mutf7;

use super::Capabilities;
use super::cursor::number;
use super::outbox::Piece;

/// Marks a command and the reply that ends it: `A1`, `A2`, … on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u32);

impl Tag {
    /// The tag with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The tag for the command after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    pub(super) fn read(word: &[u8]) -> Option<Self> {
        let (b'A' | b'a', digits) = word.split_first()? else {
            return None;
        };
        number(digits)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "A{}", self.0)
    }
}

/// A mailbox's name exactly as the server wrote it. Servers hold names that are not valid modified UTF-7;
/// only the same bytes select them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireName(Vec<u8>);

impl WireName {
    /// From the server's bytes, quotes and escapes removed.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// From a name in Unicode, delimiters included: modified UTF-7 (RFC 3501 section 5.1.3).
    pub fn encode(name: &str) -> Self {
        Self(mutf7::encode(name).into_bytes())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether both are the same mailbox: equal bytes, or INBOX in whatever case (RFC 9051 section 5.1).
    pub fn same_mailbox(&self, other: &Self) -> bool {
        self == other || self.is_inbox() && other.is_inbox()
    }

    /// Whether this is INBOX, in whatever case.
    pub fn is_inbox(&self) -> bool {
        self.0.eq_ignore_ascii_case(b"INBOX")
    }
}

impl fmt::Debug for WireName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

/// Which literals may be sent without waiting for the server (RFC 7888).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiteralMode {
    /// None.
    Synchronising,
    /// Those of at most so many octets.
    NonSynchronising(usize),
}

impl LiteralMode {
    /// What the server announces.
    pub fn of(capabilities: &Capabilities) -> Self {
        if capabilities.has("LITERAL+") {
            Self::NonSynchronising(usize::MAX)
        } else if capabilities.has("LITERAL-") {
            Self::NonSynchronising(4096)
        } else {
            Self::Synchronising
        }
    }

    fn waits(self, octets: u64) -> bool {
        match self {
            Self::Synchronising => true,
            Self::NonSynchronising(most) => usize::try_from(octets).is_ok_and(|octets| octets > most),
        }
    }

    /// The marker of a literal of so many octets, and whether the server must ask for them.
    fn marker(self, octets: u64) -> (String, bool) {
        if self.waits(octets) {
            (format!("{{{octets}}}\r\n"), true)
        } else {
            (format!("{{{octets}+}}\r\n"), false)
        }
    }
}

/// The octets of a long literal, wherever they lie: they are asked for piece by piece while they are sent, so that a
/// message is never held whole.
pub trait Octets: Send + Sync {
    /// How many there are.
    fn len(&self) -> u64;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those from `at` on, as many as come easily; `None` where they cannot be had (any more).
    fn piece(&self, at: u64) -> Option<Bytes>;
}

/// A command without its tag. What it shows of itself in `Debug` has no secret in it.
#[derive(Clone)]
pub struct CommandLine {
    name: &'static str,
    parts: Vec<Part>,
    secret: bool,
}

#[derive(Clone)]
enum Part {
    Text(Vec<u8>),
    Literal(Vec<u8>),
    Octets(Arc<dyn Octets>),
    /// The rest is sent when the server asks for it.
    Pause,
}

impl CommandLine {
    /// A command by its name, which may be two words (`UID FETCH`) and also tells people what was going on.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            parts: vec![Part::Text(name.as_bytes().to_vec())],
            secret: false,
        }
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Adds a blank and `text` as it is; it must hold no line end.
    #[must_use]
    pub fn text(mut self, text: impl AsRef<[u8]>) -> Self {
        debug_assert!(!text.as_ref().iter().any(|byte| matches!(byte, b'\r' | b'\n')));
        self.push(b" ");
        self.push(text.as_ref());
        self
    }

    /// Adds a blank and a string: quoted where that is allowed, else a literal. NUL has no form in either.
    #[must_use]
    pub fn string(mut self, bytes: &[u8]) -> Self {
        self.push(b" ");
        if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            self.push(&quoted(bytes));
        } else {
            self.parts.push(Part::Literal(bytes.to_vec()));
        }
        self
    }

    /// Adds a blank and a mailbox's name.
    #[must_use]
    pub fn mailbox(self, name: &WireName) -> Self {
        self.string(name.as_bytes())
    }

    /// Adds a blank and a literal whose octets are asked for while it is sent (`APPEND`).
    #[must_use]
    pub fn octets(mut self, octets: Arc<dyn Octets>) -> Self {
        self.push(b" ");
        self.parts.push(Part::Octets(octets));
        self
    }

    /// Adds a line that is sent only when the server asks for it by a continuation (`AUTHENTICATE`).
    #[must_use]
    pub fn on_request(mut self, line: &[u8]) -> Self {
        self.push(b"\r\n");
        self.parts.push(Part::Pause);
        self.push(line);
        self
    }

    /// Keeps the arguments out of `Debug`.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    fn push(&mut self, bytes: &[u8]) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.extend_from_slice(bytes),
            _ => self.parts.push(Part::Text(bytes.to_vec())),
        }
    }

    /// What goes on the wire, tag and line end included.
    pub(super) fn encode(&self, tag: Tag, mode: LiteralMode) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut text = format!("{tag} ").into_bytes();
        for part in &self.parts {
            let literal = match part {
                Part::Text(words) => {
                    text.extend_from_slice(words);
                    continue;
                }
                Part::Pause => {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(Piece::Wait);
                    continue;
                }
                Part::Literal(octets) => Piece::Text(octets.clone()),
                Part::Octets(octets) => Piece::Octets(octets.clone()),
            };
            let (marker, waits) = mode.marker(literal.len());
            text.extend_from_slice(marker.as_bytes());
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            if waits {
                pieces.push(Piece::Wait);
            }
            pieces.push(literal);
        }
        text.extend_from_slice(b"\r\n");
        pieces.push(Piece::Text(text));
        pieces
    }
}

/// A quoted string (RFC 9051 section 4.3) of printable ASCII.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    out.push(b'"');
    for &byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    out
}

impl fmt::Debug for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.secret {
            return write!(f, "CommandLine({} …)", self.name);
        }
        f.write_str("CommandLine(")?;
        for part in &self.parts {
            match part {
                Part::Text(text) => write!(f, "{}", text.escape_ascii())?,
                Part::Literal(octets) => write!(f, "{{{}}}{}", octets.len(), octets.escape_ascii())?,
                Part::Octets(octets) => write!(f, "{{{}}}…", octets.len())?,
                Part::Pause => f.write_str("…")?,
            }
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(command: &CommandLine, mode: LiteralMode) -> Vec<String> {
        let mut lines = vec![String::new()];
        for piece in command.encode(Tag::new(7), mode) {
            match (piece, lines.last_mut()) {
                (Piece::Text(text), Some(line)) => *line += &text.escape_ascii().to_string(),
                (Piece::Octets(octets), Some(line)) => line.extend(["<", &octets.len().to_string(), ">"]),
                _ => lines.push(String::new()),
            }
        }
        lines
    }

    #[test]
    fn strings_are_quoted_or_literals() {
        let plus = LiteralMode::of(&Capabilities::from_text(b"LITERAL+"));
        let plain = CommandLine::new("EXAMINE").mailbox(&WireName::new(&b"a \"b\" \\c"[..]));
        assert_eq!(encoded(&plain, plus), [r#"A7 EXAMINE \"a \\\"b\\\" \\\\c\"\r\n"#]);
        let odd = CommandLine::new("EXAMINE")
            .mailbox(&WireName::new("é".as_bytes()))
            .text("(X)");
        assert_eq!(encoded(&odd, plus), [r"A7 EXAMINE {2+}\r\n\xc3\xa9 (X)\r\n"]);
        assert_eq!(
            encoded(&odd, LiteralMode::Synchronising),
            [r"A7 EXAMINE {2}\r\n", r"\xc3\xa9 (X)\r\n"]
        );
        let minus = LiteralMode::of(&Capabilities::from_text(b"LITERAL-"));
        let long = CommandLine::new("X").string(&[0xff; 4097]);
        assert_eq!(encoded(&long, minus).len(), 2);
        let ask = CommandLine::new("AUTHENTICATE")
            .text("PLAIN")
            .on_request(b"AGE=")
            .secret();
        assert_eq!(encoded(&ask, plus), [r"A7 AUTHENTICATE PLAIN\r\n", r"AGE=\r\n"]);
        assert_eq!(format!("{ask:?}"), "CommandLine(AUTHENTICATE …)");
    }

    #[test]
    fn names_are_encoded() {
        assert_eq!(WireName::encode("Entwürfe/R&D").as_bytes(), b"Entw&APw-rfe/R&-D");
        assert!(WireName::new(&b"Inbox"[..]).same_mailbox(&WireName::new(&b"INBOX"[..])));
    }
}
