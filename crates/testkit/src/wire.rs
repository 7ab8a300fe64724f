//! Reading IMAP answers: lines with literals, and the values in them. It accepts only what the grammar
//! allows, because its job is to notice.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;

use sha2::{Digest, Sha256};

use crate::error::TestkitError;

/// A literal up to this size may be kept.
const KEPT_LITERAL: u64 = 1 << 26;
/// No server has a reason to send a longer line.
const LONGEST_LINE: u64 = 1 << 22;

#[derive(Debug)]
pub(crate) enum Piece {
    Text(Vec<u8>),
    Literal(Vec<u8>),
    Hashed(BodyDigest),
}

/// Length and SHA-256 of a body that was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BodyDigest {
    pub(crate) len: u64,
    pub(crate) sha256: [u8; 32],
}

impl BodyDigest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            len: bytes.len() as u64,
            sha256: Sha256::digest(bytes).into(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Atom(String),
    Text(Vec<u8>),
    Hashed(u64, [u8; 32]),
    List(Vec<Value>),
}

pub(crate) fn wrong(detail: impl Into<String>) -> TestkitError {
    TestkitError::Protocol(detail.into())
}

/// Reads one answer up to the line end that is not part of a literal. With `hash_bodies` a `BODY[]` is
/// never whole in memory.
pub(crate) fn read_pieces(
    reader: &mut BufReader<TcpStream>,
    hash_bodies: bool,
) -> Result<Vec<Piece>, TestkitError> {
    let mut pieces = Vec::new();
    loop {
        let mut line = Vec::new();
        reader
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
            .map_err(TestkitError::io("reading from the server"))?;
        if line.is_empty() {
            return Err(wrong("the server closed the connection"));
        }
        let Some(text) = line.strip_suffix(b"\r\n") else {
            return Err(wrong(format!(
                "a line that does not end with CRLF: {}",
                shown(&line)
            )));
        };
        let Some((before, size)) = literal_size(text) else {
            pieces.push(Piece::Text(text.to_vec()));
            return Ok(pieces);
        };
        pieces.push(Piece::Text(before.to_vec()));
        if hash_bodies && before.ends_with(b"BODY[] ") {
            pieces.push(Piece::Hashed(hash_literal(reader, size)?));
        } else if size <= KEPT_LITERAL {
            let mut bytes = vec![0; usize::try_from(size).unwrap()];
            reader
                .read_exact(&mut bytes)
                .map_err(TestkitError::io("reading a literal"))?;
            pieces.push(Piece::Literal(bytes));
        } else {
            return Err(wrong(format!(
                "a literal of {size} bytes after {}",
                shown(before)
            )));
        }
    }
}

fn literal_size(line: &[u8]) -> Option<(&[u8], u64)> {
    let inner = line.strip_suffix(b"}")?;
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let digits = std::str::from_utf8(&inner[open + 1..]).ok()?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((&inner[..open], digits.parse().ok()?))
}

fn hash_literal(reader: &mut BufReader<TcpStream>, size: u64) -> Result<BodyDigest, TestkitError> {
    let mut hasher = Sha256::new();
    let mut left = size;
    while left > 0 {
        let available = reader.fill_buf().map_err(TestkitError::io("reading a message"))?;
        if available.is_empty() {
            return Err(wrong(format!(
                "the connection ended {left} bytes before the end of a message"
            )));
        }
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(available.len());
        hasher.update(&available[..take]);
        reader.consume(take);
        left -= take as u64;
    }
    Ok(BodyDigest {
        len: size,
        sha256: hasher.finalize().into(),
    })
}

/// Bytes for an error message.
pub(crate) fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(300)])
        .escape_debug()
        .to_string()
}

/// The answer as it was on the wire, hashed bodies left out.
pub(crate) fn flatten(pieces: &[Piece]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Literal(bytes) => {
                out.extend_from_slice(format!("{{{}}}\r\n", bytes.len()).as_bytes());
                out.extend_from_slice(bytes);
            }
            Piece::Hashed(body) => out.extend_from_slice(format!("{{{}}}\r\n", body.len).as_bytes()),
        }
    }
    out
}

/// The values of an answer: atoms, strings, parenthesised lists.
pub(crate) fn parse(pieces: &[Piece]) -> Result<Vec<Value>, TestkitError> {
    let mut stack: Vec<Vec<Value>> = vec![Vec::new()];
    for piece in pieces {
        match piece {
            Piece::Text(text) => parse_text(text, &mut stack)?,
            Piece::Literal(bytes) => push(&mut stack, Value::Text(bytes.clone())),
            Piece::Hashed(body) => push(&mut stack, Value::Hashed(body.len, body.sha256)),
        }
    }
    let top = stack.pop().unwrap();
    if stack.is_empty() {
        Ok(top)
    } else {
        Err(wrong("an open parenthesis without its end"))
    }
}

fn push(stack: &mut [Vec<Value>], value: Value) {
    stack.last_mut().unwrap().push(value);
}

fn parse_text(text: &[u8], stack: &mut Vec<Vec<Value>>) -> Result<(), TestkitError> {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b' ' => at += 1,
            b'(' => {
                stack.push(Vec::new());
                at += 1;
            }
            b')' => {
                let inner = stack.pop().unwrap();
                if stack.is_empty() {
                    return Err(wrong(format!("a closing parenthesis too many: {}", shown(text))));
                }
                push(stack, Value::List(inner));
                at += 1;
            }
            b'"' => {
                let (string, end) = quoted(text, at + 1)?;
                push(stack, Value::Text(string));
                at = end;
            }
            _ => {
                let end = atom_end(text, at);
                let atom = std::str::from_utf8(&text[at..end]).map_err(|_| wrong(shown(text)))?;
                push(stack, Value::Atom(atom.to_owned()));
                at = end;
            }
        }
    }
    Ok(())
}

fn quoted(text: &[u8], start: usize) -> Result<(Vec<u8>, usize), TestkitError> {
    let mut out = Vec::new();
    let mut at = start;
    loop {
        match text.get(at) {
            Some(b'"') => return Ok((out, at + 1)),
            Some(b'\\') => {
                let escaped = text.get(at + 1).filter(|byte| matches!(byte, b'"' | b'\\'));
                out.push(*escaped.ok_or_else(|| wrong(format!("a bad escape: {}", shown(text))))?);
                at += 2;
            }
            Some(byte) => {
                out.push(*byte);
                at += 1;
            }
            None => return Err(wrong(format!("an open quotation mark: {}", shown(text)))),
        }
    }
}

/// The end of an atom; `BODY[HEADER.FIELDS (A B)]` is one.
fn atom_end(text: &[u8], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while let Some(byte) = text.get(at) {
        match byte {
            b'[' => depth += 1,
            b']' if depth > 0 => depth -= 1,
            b' ' | b'(' | b')' | b'"' if depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Result<Vec<Value>, TestkitError> {
        parse(&[Piece::Text(text.as_bytes().to_vec())])
    }

    #[test]
    fn values_are_told_apart() {
        let parsed = values(r#"* LIST (\HasNoChildren) "/" "a\"b\\c" NIL"#).unwrap();
        assert_eq!(
            parsed[2],
            Value::List(vec![Value::Atom("\\HasNoChildren".into())])
        );
        assert_eq!(parsed[4], Value::Text(br#"a"b\c"#.to_vec()));
        assert_eq!(parsed[5], Value::Atom("NIL".into()));
        assert_eq!(values("BODY[HEADER (A B)] x").unwrap().len(), 2);
    }

    #[test]
    fn broken_answers_are_refused() {
        for text in ["(", ")", "\"open", r#""bad \n escape""#] {
            assert!(values(text).is_err(), "{text}");
        }
    }

    #[test]
    fn literals_are_recognised() {
        assert_eq!(literal_size(b"BODY[] {12}"), Some((b"BODY[] ".as_slice(), 12)));
        assert_eq!(literal_size(b"BODY[] {12+}"), None);
        assert_eq!(literal_size(b"{}"), None);
    }
}
