//! SELECT (RFC 9051 section 6.3.2): a mailbox is opened for writing.

use transhume_model::mail::{FlagSet, Keyword, SystemFlag};

use super::{Examine, Examined, Exchange};
use crate::ImapError;
use crate::wire::{Code, CommandLine, Response, Tagged, WireName};

/// Opens a mailbox and says how far it has got, and which flags it can keep.
#[derive(Debug)]
pub struct Select {
    name: WireName,
    examine: Examine,
    new_keywords: bool,
    read_only: bool,
}

/// What SELECT tells of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    /// As EXAMINE tells it.
    pub examined: Examined,
    /// Whether keywords may be made that the mailbox has not seen yet.
    pub new_keywords: bool,
    /// Whether nothing in it may be changed.
    pub read_only: bool,
}

impl Selected {
    /// Parts flags into those that the mailbox keeps, and the names of those that it does not. A server that does not say
    /// which it keeps, keeps all (RFC 9051 section 7.1).
    pub fn keeps(&self, flags: &FlagSet) -> (FlagSet, Vec<String>) {
        let Some(permanent) = &self.examined.permanent_flags else {
            return (flags.clone(), Vec::new());
        };
        let mut kept = FlagSet::new();
        let mut left_out = Vec::new();
        for flag in flags.system() {
            if permanent.contains(flag) {
                kept.insert(flag);
            } else {
                left_out.push(SystemFlag::name(flag).to_owned());
            }
        }
        for keyword in flags.keywords() {
            if self.new_keywords && is_atom(keyword) || permanent.keywords().contains(keyword) {
                kept.insert_keyword(keyword.clone());
            } else {
                left_out.push(keyword.to_string());
            }
        }
        (kept, left_out)
    }
}

/// Whether a keyword has a form on the wire (RFC 9051 section 9, `flag-keyword`): servers have been seen to list some that
/// they then refuse.
fn is_atom(keyword: &Keyword) -> bool {
    let special = |byte| matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']');
    keyword
        .as_str()
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !special(byte))
}

impl Select {
    /// Of this mailbox.
    pub fn new(name: WireName) -> Self {
        Self {
            examine: Examine::new(name.clone()),
            name,
            new_keywords: false,
            read_only: false,
        }
    }
}

impl Exchange for Select {
    type Output = Selected;

    fn begin(&mut self) -> Vec<CommandLine> {
        vec![CommandLine::new("SELECT").mailbox(&self.name)]
    }

    fn untagged(&mut self, response: Response) {
        if let Response::Status(status) = &response {
            match status.code {
                Some(Code::PermanentFlags { new_keywords, .. }) => self.new_keywords = new_keywords,
                Some(Code::Closed) => self.new_keywords = false,
                _ => {}
            }
        }
        self.examine.untagged(response);
    }

    fn tagged(&mut self, command: &'static str, reply: Tagged) -> Result<Vec<CommandLine>, ImapError> {
        let reply = super::accept(command, reply)?;
        self.read_only = reply.code == Some(Code::ReadOnly);
        Ok(Vec::new())
    }

    fn finish(self) -> Result<Selected, ImapError> {
        Ok(Selected {
            examined: self.examine.finish()?,
            new_keywords: self.new_keywords,
            read_only: self.read_only,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_kept_as_the_server_says() {
        let check = |permanent: Option<&str>, new_keywords, kept: &str, left_out: &str| {
            let words = |text: &str| -> FlagSet { text.split_whitespace().collect() };
            let selected = Selected {
                examined: Examined {
                    permanent_flags: permanent.map(words),
                    ..Examined::default()
                },
                new_keywords,
                read_only: false,
            };
            let (found, left) = selected.keeps(&words("\\Seen \\Draft work b%d"));
            assert_eq!(
                (found.to_string(), left.join(" ")),
                (kept.to_owned(), left_out.to_owned())
            );
        };
        check(None, false, "\\Seen \\Draft b%d work", "");
        check(Some("\\Seen \\Draft"), true, "\\Seen \\Draft work", "b%d");
        check(Some("\\Seen WORK"), false, "\\Seen work", "\\Draft b%d");
        check(Some(""), false, "", "\\Seen \\Draft b%d work");
    }
}
