//! A tolerant tokeniser over one response, whose inlined literals stand in it as they came.

use std::borrow::Cow;

/// How deep parentheses may nest. Deeper answers belong to no item that is ever asked for.
const MAX_NESTING: usize = 32;

/// What could be read, or why not, in words for a log.
pub(super) type Parsed<T> = Result<T, &'static str>;

/// One value, of whatever kind the server chose.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Nil,
    Atom(&'a [u8]),
    /// Quoted or literal.
    String(Cow<'a, [u8]>),
    /// What stands between the parentheses.
    List(&'a [u8]),
}

impl<'a> Value<'a> {
    /// The words of a list of atoms (flags, attributes); a single atom stands for a list of one. Parentheses within
    /// the list mean nothing.
    pub(super) fn words(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let inner: &'a [u8] = match self {
            Value::List(bytes) | Value::Atom(bytes) => bytes,
            Value::Nil | Value::String(_) => &[],
        };
        inner
            .split(|&byte| matches!(byte, b' ' | b'\t' | b'(' | b')'))
            .filter(|word| !word.is_empty())
    }

    /// The number that an atom, a string or a list of one (`MODSEQ (5)`) holds. `None` for all else that
    /// servers have been seen to write: `-1`, `9.37e+06`, NIL, more than 64 bits.
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Value::Atom(bytes) | Value::List(bytes) => number(bytes.trim_ascii()),
            Value::String(bytes) => number(bytes.trim_ascii()),
            Value::Nil => None,
        }
    }

    /// The bytes of a string or an atom.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Atom(bytes) => Some(bytes),
            Value::String(bytes) => Some(bytes),
            Value::Nil | Value::List(_) => None,
        }
    }
}

/// Decimal digits and nothing else.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then_some(())?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Reads `{n}`, `{n+}`, `{n-}`, or one of them after `~` (RFC 9051 section 9, RFC 3516), at the beginning of
/// `bytes`. Gives the length announced (`u64::MAX` when it is too great to count) and that of the marker.
pub(super) fn literal_marker(bytes: &[u8]) -> Option<(u64, usize)> {
    let open = usize::from(bytes.first() == Some(&b'~'));
    let digits = bytes.get(open..)?.strip_prefix(b"{")?;
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let sign = usize::from(matches!(digits.get(count), Some(b'+' | b'-')));
    (digits.get(count + sign) == Some(&b'}')).then_some(())?;
    Some((
        number(&digits[..count]).unwrap_or(u64::MAX),
        open + count + sign + 2,
    ))
}

/// A place in a response.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// All that has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn skip_while(&mut self, passed_over: impl Fn(u8) -> bool) {
        let count = self.rest.iter().take_while(|&&byte| passed_over(byte)).count();
        self.rest = &self.rest[count..];
    }

    pub(super) fn skip_spaces(&mut self) {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    /// Everything up to a blank, a parenthesis or the end; may be empty. 8-bit bytes, quotes and brackets
    /// belong to the word: servers send flags and names with all of them.
    pub(super) fn word(&mut self) -> &'a [u8] {
        let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'(' | b')' | b'\r' | b'\n');
        self.take(self.rest.iter().position(ends))
    }

    /// The name of a FETCH item, with the section in brackets that may belong to it.
    pub(super) fn item_name(&mut self) -> &'a [u8] {
        let mut in_section = false;
        let end = self.rest.iter().position(|byte| {
            match byte {
                b'[' => in_section = true,
                b']' => in_section = false,
                _ => {}
            }
            !in_section && matches!(byte, b' ' | b'\t' | b'(' | b')' | b'\r' | b'\n')
        });
        self.take(end)
    }

    pub(super) fn skip_bytes(&mut self, count: usize) {
        self.rest = &self.rest[count..];
    }

    fn take(&mut self, end: Option<usize>) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// The next value, blanks before it passed over.
    pub(super) fn value(&mut self) -> Parsed<Value<'a>> {
        self.skip_spaces();
        match self.peek() {
            Some(b'(') => self.list().map(Value::List),
            Some(b'"') => self.quoted().map(Value::String),
            Some(b'{' | b'~') if self.literal_length()?.is_some() => self.literal().map(Value::String),
            _ => match self.word() {
                [] => Err("a value is missing"),
                word if word.eq_ignore_ascii_case(b"NIL") => Ok(Value::Nil),
                word => Ok(Value::Atom(word)),
            },
        }
    }

    /// A quoted string. A backslash before anything but a quote or a backslash stands for itself: some
    /// servers do not escape the backslashes in mailbox names.
    fn quoted(&mut self) -> Parsed<Cow<'a, [u8]>> {
        let inner = &self.rest[1..];
        let mut unescaped: Option<Vec<u8>> = None;
        let mut copied = 0;
        let mut at = 0;
        loop {
            let found = memchr::memchr2(b'"', b'\\', &inner[at..]).ok_or("a quoted string has no end")?;
            at += found;
            if inner[at] == b'"' {
                break;
            }
            if matches!(inner.get(at + 1), Some(b'"' | b'\\')) {
                let out = unescaped.get_or_insert_default();
                out.extend_from_slice(&inner[copied..at]);
                out.push(inner[at + 1]);
                copied = at + 2;
                at += 2;
            } else {
                at += 1;
            }
        }
        self.rest = &inner[at + 1..];
        Ok(match unescaped {
            None => Cow::Borrowed(&inner[..at]),
            Some(mut out) => {
                out.extend_from_slice(&inner[copied..at]);
                Cow::Owned(out)
            }
        })
    }

    /// Where a literal stands here: the lengths of its marker (line end included) and of its octets.
    fn literal_length(&self) -> Parsed<Option<(usize, usize)>> {
        let Some((octets, marker)) = literal_marker(self.rest) else {
            return Ok(None);
        };
        let line_end = match &self.rest[marker..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => return Ok(None),
        };
        let start = marker + line_end;
        let octets = usize::try_from(octets).unwrap_or(usize::MAX);
        if self.rest.len() - start < octets {
            return Err("a literal is cut short");
        }
        Ok(Some((start, octets)))
    }

    fn literal(&mut self) -> Parsed<Cow<'a, [u8]>> {
        let (start, octets) = self.literal_length()?.ok_or("no literal")?;
        let (literal, rest) = self.rest[start..].split_at(octets);
        self.rest = rest;
        Ok(Cow::Borrowed(literal))
    }

    /// A parenthesised list, whatever is in it; gives what stands between the parentheses.
    fn list(&mut self) -> Parsed<&'a [u8]> {
        let inner = &self.rest[1..];
        self.rest = inner;
        let mut depth = 1;
        // A quote within an atom is part of it.
        let mut quote_opens = true;
        loop {
            match self.peek().ok_or("a parenthesis is not closed")? {
                b'"' if quote_opens => {
                    self.quoted()?;
                    quote_opens = false;
                    continue;
                }
                b'{' | b'~' if self.literal_length()?.is_some() => {
                    self.literal()?;
                    continue;
                }
                b'(' => {
                    depth += 1;
                    if depth > MAX_NESTING {
                        return Err("parentheses are nested too deep");
                    }
                    quote_opens = true;
                }
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        let list = &inner[..inner.len() - self.rest.len()];
                        self.rest = &self.rest[1..];
                        return Ok(list);
                    }
                    quote_opens = true;
                }
                byte => quote_opens = byte == b' ',
            }
            self.rest = &self.rest[1..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &[u8]) -> Vec<String> {
        let mut cursor = Cursor::new(text);
        let mut out = Vec::new();
        loop {
            cursor.skip_spaces();
            if cursor.peek().is_none() {
                return out;
            }
            out.push(match cursor.value() {
                Ok(Value::Nil) => "nil".to_owned(),
                Ok(Value::Atom(bytes)) => format!("atom {}", bytes.escape_ascii()),
                Ok(Value::String(bytes)) => format!("string {}", bytes.escape_ascii()),
                Ok(Value::List(bytes)) => format!("list {}", bytes.escape_ascii()),
                Err(reason) => {
                    out.push(format!("error: {reason}"));
                    return out;
                }
            });
        }
    }

    #[test]
    fn values_of_all_kinds() {
        expect_test::expect![[r#"
            [
                "nil",
                "atom $x]y",
                "atom caf\\xe9",
                "string a\\\"b\\\\c\\\\d",
                "string ab)",
                "list (a \\\")\\\") {1}\\n( b",
                "list ",
                "string x",
                "atom {5}",
                "error: a value is missing",
            ]
        "#]]
        .assert_debug_eq(&values(
            b"nil $x]y caf\xe9 \"a\\\"b\\\\c\\d\" {3}\r\nab) ((a \")\") {1}\n( b) () ~{1+}\r\nx {5} )",
        ));
    }

    #[test]
    fn what_has_no_end_is_an_error() {
        assert_eq!(values(b"\"abc"), ["error: a quoted string has no end"]);
        assert_eq!(values(b"(a (b)"), ["error: a parenthesis is not closed"]);
        assert_eq!(values(b"{9}\r\nabc"), ["error: a literal is cut short"]);
        assert_eq!(values(&[b'('; 40]), ["error: parentheses are nested too deep"]);
    }

    #[test]
    fn numbers_are_digits_only() {
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in [
            &b""[..],
            b"-1",
            b"+1",
            b"9.37e+06",
            b"18446744073709551616",
            b"1 ",
        ] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
        assert_eq!(literal_marker(b"{99999999999999999999}"), Some((u64::MAX, 22)));
        assert_eq!(literal_marker(b"~{12+}x"), Some((12, 6)));
        assert_eq!(literal_marker(b"{}"), None);
        assert_eq!(literal_marker(b"~x"), None);
    }
}
