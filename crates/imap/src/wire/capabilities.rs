//! What a server says that it can do.

use std::collections::BTreeSet;
use std::fmt;

use super::cursor::number;

/// The capabilities of a server (RFC 9051 section 7.2.2), compared without regard to case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// In capitals.
    names: BTreeSet<String>,
}

impl Capabilities {
    /// Reads names separated by blanks. `LITERAL +`, which some servers write, is `LITERAL+`.
    pub fn from_text(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text).to_ascii_uppercase();
        let mut names = BTreeSet::new();
        for word in text.split_ascii_whitespace() {
            match word {
                "+" | "-" => {
                    names.insert(format!("LITERAL{word}"));
                }
                _ => {
                    names.insert(word.to_owned());
                }
            }
        }
        Self { names }
    }

    /// Whether the server announces `name`, or `IMAP4rev2`, which has it built in (RFC 9051 appendix E).
    pub fn has(&self, name: &str) -> bool {
        const BUILT_INTO_REV2: [&str; 14] = [
            "BINARY",
            "ENABLE",
            "ESEARCH",
            "IDLE",
            "LIST-EXTENDED",
            "LIST-STATUS",
            "LITERAL-",
            "MOVE",
            "NAMESPACE",
            "SASL-IR",
            "SPECIAL-USE",
            "STATUS=SIZE",
            "UIDPLUS",
            "UNSELECT",
        ];
        let name = name.to_ascii_uppercase();
        self.names.contains(&name)
            || self.names.contains("IMAP4REV2") && BUILT_INTO_REV2.contains(&name.as_str())
    }

    /// The number that comes with a name: `MESSAGELIMIT=1000`, `APPENDLIMIT=35651584`. `None` where the name is missing,
    /// or comes without a number.
    pub fn value_of(&self, name: &str) -> Option<u64> {
        let start = format!("{}=", name.to_ascii_uppercase());
        let values = self.names.range(start.clone()..);
        values
            .map_while(|word| word.strip_prefix(&start))
            .find_map(|value| number(value.as_bytes()))
    }

    /// Whether the server has announced nothing yet.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names, in capitals, ascending.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case() {
        let capabilities = Capabilities::from_text(b"imap4rev1  Literal + auth=PLAIN CONDSTORE ");
        for name in ["IMAP4rev1", "LITERAL+", "AUTH=PLAIN", "condstore"] {
            assert!(capabilities.has(name), "{name}");
        }
        assert!(!capabilities.has("LITERAL-"));
        assert!(Capabilities::from_text(b"IMAP4rev2").has("LIST-STATUS"));
    }
}
