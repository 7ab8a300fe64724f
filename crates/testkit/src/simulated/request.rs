//! What the client says: lines, literals, and the words in them.

use std::io::{self, BufRead, Write};

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// As it stands, brackets and what is in them included.
    Atom(String),
    /// Quoted, or a literal.
    Text(Vec<u8>),
    /// In parentheses.
    List(Vec<Word>),
}

impl Word {
    /// An atom or a string, as text.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Atom(atom) => Some(atom.clone()),
            Self::Text(text) => String::from_utf8(text.clone()).ok(),
            Self::List(_) => None,
        }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Atom(atom) if atom.eq_ignore_ascii_case(name))
    }

    pub(super) fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(words) => Some(words),
            _ => None,
        }
    }

    pub(super) fn number<T: std::str::FromStr>(&self) -> Option<T> {
        self.text()?.parse().ok()
    }
}

/// Reads a line without its end; `None` where the client has gone.
pub(super) fn line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Ok(None);
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(line))
}

/// Reads a command with its literals. `Ok(None)` where the client has gone, and `Err` with the tag where it makes no sense.
pub(super) fn command(
    input: &mut impl BufRead,
    output: &mut impl Write,
) -> io::Result<Option<Result<Vec<Word>, String>>> {
    // Open lists; the first is the command itself.
    let mut open: Vec<Vec<Word>> = vec![Vec::new()];
    loop {
        let Some(text) = line(input)? else { return Ok(None) };
        let literal = literal(&text);
        let words = literal.map_or(&text[..], |literal| &text[..literal.at]);
        if !read_words(words, &mut open) {
            let tag = open
                .first()
                .and_then(|words| words.first())
                .and_then(Word::text)
                .unwrap_or_else(|| "*".to_owned());
            return Ok(Some(Err(tag)));
        }
        let Some(literal) = literal else { break };
        if literal.waits {
            output.write_all(b"+ go on\r\n")?;
            output.flush()?;
        }
        let mut bytes = vec![0; literal.octets];
        input.read_exact(&mut bytes)?;
        if let Some(innermost) = open.last_mut() {
            innermost.push(Word::Text(bytes));
        }
    }
    match <[Vec<Word>; 1]>::try_from(open) {
        Ok([words]) => Ok(Some(Ok(words))),
        Err(_) => Ok(Some(Err("*".to_owned()))),
    }
}

#[derive(Clone, Copy)]
struct Literal {
    at: usize,
    octets: usize,
    waits: bool,
}

/// The literal that a line announces at its end.
fn literal(line: &[u8]) -> Option<Literal> {
    let inner = line.strip_suffix(b"}")?;
    let at = inner.iter().rposition(|&byte| byte == b'{')?;
    let number = &inner[at + 1..];
    let (number, waits) = match number.strip_suffix(b"+") {
        Some(number) => (number, false),
        None => (number, true),
    };
    Some(Literal {
        at,
        octets: std::str::from_utf8(number).ok()?.parse().ok()?,
        waits,
    })
}

/// Whether the words made sense.
fn read_words(mut text: &[u8], open: &mut Vec<Vec<Word>>) -> bool {
    while let Some((&first, rest)) = text.split_first() {
        text = rest;
        let word = match first {
            b' ' => continue,
            b'(' => {
                open.push(Vec::new());
                continue;
            }
            b')' if open.len() > 1 => Word::List(open.pop().unwrap_or_default()),
            b')' => return false,
            b'"' => {
                let mut quoted = Vec::new();
                loop {
                    let Some((&byte, rest)) = text.split_first() else {
                        return false;
                    };
                    text = rest;
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            let Some((&escaped, rest)) = text.split_first() else {
                                return false;
                            };
                            text = rest;
                            quoted.push(escaped);
                        }
                        byte => quoted.push(byte),
                    }
                }
                Word::Text(quoted)
            }
            first => {
                let mut atom = vec![first];
                let mut in_brackets = first == b'[';
                while let Some((&byte, rest)) = text.split_first() {
                    match byte {
                        b' ' | b'(' | b')' if !in_brackets => break,
                        b'[' => in_brackets = true,
                        b']' => in_brackets = false,
                        _ => {}
                    }
                    atom.push(byte);
                    text = rest;
                }
                match String::from_utf8(atom) {
                    Ok(atom) => Word::Atom(atom),
                    Err(_) => return false,
                }
            }
        };
        if let Some(innermost) = open.last_mut() {
            innermost.push(word);
        }
    }
    true
}

/// The numbers of `all` (ascending) that a set names; `*` is the highest. `None` for what is no set.
pub(super) fn chosen(set: &str, all: &[u32]) -> Option<Vec<u32>> {
    let highest = all.last().copied().unwrap_or(0);
    let number = |text: &str| match text {
        "*" => Some(highest),
        text => text.parse().ok().filter(|&number: &u32| number > 0),
    };
    let mut ranges = Vec::new();
    for part in set.split(',') {
        let (from, to) = part.split_once(':').unwrap_or((part, part));
        let (from, to) = (number(from)?, number(to)?);
        ranges.push((from.min(to), from.max(to)));
    }
    let wanted = |number: &&u32| ranges.iter().any(|(from, to)| (from..=to).contains(number));
    Some(all.iter().filter(wanted).copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Result<Vec<Word>, String>>, String) {
        let mut said = Vec::new();
        let command = command(&mut text.as_bytes(), &mut said).unwrap();
        (command, String::from_utf8(said).unwrap())
    }

    #[test]
    fn words_of_every_kind() {
        let (words, said) =
            read("a1 LIST (X) \"\" \"q\\\"\" RETURN (STATUS (A B)) {2}\r\nhi BODY.PEEK[A (B)]\r\n");
        let atom = |text: &str| Word::Atom(text.to_owned());
        let text = |text: &str| Word::Text(text.into());
        let expected = vec![
            atom("a1"),
            atom("LIST"),
            Word::List(vec![atom("X")]),
            text(""),
            text("q\""),
            atom("RETURN"),
            Word::List(vec![atom("STATUS"), Word::List(vec![atom("A"), atom("B")])]),
            text("hi"),
            atom("BODY.PEEK[A (B)]"),
        ];
        assert_eq!(words, Some(Ok(expected)));
        assert_eq!(said, "+ go on\r\n");
        let (words, said) = read("a1 LOGIN {2+}\r\nhi x\r\n");
        assert_eq!(words.unwrap().unwrap()[2], text("hi"));
        assert_eq!(said, "");
        for nonsense in ["a1 X )\r\n", "a1 X (\r\n", "a1 X \"\r\n"] {
            assert!(matches!(read(nonsense).0, Some(Err(_))), "{nonsense}");
        }
        assert_eq!(read("a1 NOOP").0, None);
    }

    #[test]
    fn sets() {
        let all = [2, 3, 5, 8];
        for (set, numbers) in [
            ("1:*", &all[..]),
            ("*", &[8]),
            ("9:*", &[8]),
            ("3:2,8", &[2, 3, 8]),
            ("4", &[]),
        ] {
            assert_eq!(chosen(set, &all).as_deref(), Some(numbers), "{set}");
        }
        assert_eq!(chosen("0", &all), None);
        assert_eq!(chosen("x", &all), None);
        assert_eq!(chosen("*", &[]), Some(vec![]));
    }
}
