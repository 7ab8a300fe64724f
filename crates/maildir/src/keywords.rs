//! `dovecot-keywords`: what the letters `a` to `z` in file names mean.
//!
//! Lines `<0..25> <keyword>`, 0 for `a` (Dovecot documentation, "Maildir"). A letter that has a meaning keeps it for
//! ever: files carry the letter, not the word. Dovecot holds the file in memory and looks again when its time of
//! last modification changes, which it compares in whole seconds. So every change moves that time on by a
//! second at least; otherwise open sessions would show `unknown-3` until their end.

use std::collections::BTreeSet;
use std::io::Read;

use transhume_model::mail::{FlagSet, Keyword, SystemFlag};

use crate::disk::{self, Dir};
use crate::error::MaildirError;
use crate::letters::Letters;
use crate::open::OpenMailbox;

const KEYWORDS: &[u8] = b"dovecot-keywords";

/// How many keywords a mailbox can have: one for each small letter.
pub const KEYWORDS_MAX: usize = 26;

/// A mailbox's keywords and their letters.
#[derive(Clone, Debug, Default)]
pub struct KeywordTable {
    /// By index. A word that is no [`Keyword`] is kept as it was found.
    words: [Option<(Vec<u8>, Option<Keyword>)>; KEYWORDS_MAX],
}

impl KeywordTable {
    /// The keyword at an index (0 for `a`).
    pub fn get(&self, index: u8) -> Option<&Keyword> {
        self.words.get(usize::from(index))?.as_ref()?.1.as_ref()
    }

    /// All keywords with their indexes.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &Keyword)> {
        (0..)
            .zip(&self.words)
            .filter_map(|(index, word)| Some((index, word.as_ref()?.1.as_ref()?)))
    }

    fn index_of(&self, keyword: &Keyword) -> Option<u8> {
        self.iter()
            .find_map(|(index, known)| (known == keyword).then_some(index))
    }

    /// The flags that letters stand for. Letters without a meaning stand for none.
    pub fn flags(&self, letters: Letters) -> FlagSet {
        let mut flags = FlagSet::new();
        for flag in SystemFlag::ALL {
            if letters.contains(flag) {
                flags.insert(flag);
            }
        }
        for keyword in letters.keyword_indexes().filter_map(|index| self.get(index)) {
            flags.insert_keyword(keyword.clone());
        }
        flags
    }

    /// The letters for flags. Keywords that have no letter go to `left_out`.
    pub(crate) fn letters(&self, flags: &FlagSet, left_out: &mut BTreeSet<Keyword>) -> Letters {
        let mut letters = flags.system().fold(Letters::default(), Letters::with_flag);
        for keyword in flags.keywords() {
            match self.index_of(keyword) {
                Some(index) => letters = letters.with_keyword(index),
                None => {
                    left_out.insert(keyword.clone());
                }
            }
        }
        letters
    }

    /// Reads a mailbox's table; an empty one where there is none.
    pub(crate) fn read(mailbox: &Dir) -> Result<Self, MaildirError> {
        let mut text = Vec::new();
        if let Some(mut file) = mailbox.read(KEYWORDS)? {
            file.read_to_end(&mut text)
                .map_err(|error| mailbox.fail("reading", KEYWORDS, error))?;
        }
        Self::parse(&text).map_err(|line| MaildirError::Corrupt {
            path: mailbox.join(KEYWORDS),
            line,
            problem: "not a number below 26 and a keyword",
        })
    }

    pub(crate) fn parse(text: &[u8]) -> Result<Self, u64> {
        let mut table = Self::default();
        for (number, line) in (1_u64..).zip(text.split(|&byte| byte == b'\n')) {
            if line.is_empty() {
                continue;
            }
            let (index, word) = parse_line(line).ok_or(number)?;
            let slot = table.words.get_mut(index).ok_or(number)?;
            *slot = Some((
                word.to_owned(),
                std::str::from_utf8(word).ok().and_then(Keyword::new),
            ));
        }
        Ok(table)
    }

    pub(crate) fn to_text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (index, word) in self.words.iter().enumerate() {
            if let Some((word, _)) = word {
                text.extend_from_slice(format!("{index} ").as_bytes());
                text.extend_from_slice(word);
                text.push(b'\n');
            }
        }
        text
    }

    /// Gives letters to those of `keywords` that have none, in their order, as long as there are letters.
    /// Whether the table has changed.
    fn extend<'a>(&mut self, keywords: impl IntoIterator<Item = &'a Keyword>) -> bool {
        // A gap is not filled: files may still carry the letter of a keyword that is gone.
        let mut free = self
            .words
            .iter()
            .rposition(Option::is_some)
            .map_or(0, |last| last + 1);
        let before = free;
        for keyword in keywords {
            if free < KEYWORDS_MAX && self.index_of(keyword).is_none() {
                self.words[free] = Some((keyword.as_str().as_bytes().to_owned(), Some(keyword.clone())));
                free += 1;
            }
        }
        free > before
    }

    /// As [`KeywordTable::extend`], on the disk first. Only for the holder of the mailbox's lock.
    pub(crate) fn extend_on_disk<'a>(
        &mut self,
        mailbox: &OpenMailbox,
        keywords: impl IntoIterator<Item = &'a Keyword>,
    ) -> Result<(), MaildirError> {
        let mut extended = self.clone();
        if !extended.extend(keywords) {
            return Ok(());
        }
        let old = mailbox.base.stat(KEYWORDS)?;
        let modified = old.map_or(disk::now(), |old| disk::now().max(old.st_mtime + 1));
        let mut scratch = mailbox.scratch("keywords")?;
        scratch.write(&extended.to_text())?;
        scratch.replace(&mailbox.base, KEYWORDS, Some(modified))?;
        *self = extended;
        Ok(())
    }
}

fn parse_line(line: &[u8]) -> Option<(usize, &[u8])> {
    let blank = line.iter().position(|&byte| byte == b' ')?;
    let index = std::str::from_utf8(&line[..blank]).ok()?.parse().ok()?;
    let word = &line[blank + 1..];
    (!word.is_empty()).then_some((index, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Keyword> {
        text.split_whitespace().filter_map(Keyword::new).collect()
    }

    #[test]
    fn letters_keep_their_meaning_and_gaps_stay() {
        let mut table = KeywordTable::parse(b"0 work\n3 Play\n").unwrap();
        assert!(table.extend(&words("PLAY new")));
        assert!(!table.extend(&words("new work")));
        assert_eq!(table.to_text(), b"0 work\n3 Play\n4 new\n");
        let mut left_out = BTreeSet::new();
        let letters = table.letters(&["\\Seen", "play", "other"].into_iter().collect(), &mut left_out);
        assert_eq!(letters.to_string(), "Sd");
        assert_eq!(left_out.into_iter().collect::<Vec<_>>(), words("other"));
        assert_eq!(
            table.flags(Letters::parse(b"ScdT")).to_string(),
            "\\Deleted \\Seen Play"
        );
    }

    #[test]
    fn there_are_26_and_no_more() {
        let many: Vec<Keyword> = (0..30).filter_map(|n| Keyword::new(&format!("k{n}"))).collect();
        let mut table = KeywordTable::default();
        assert!(table.extend(&many));
        assert_eq!(table.iter().count(), KEYWORDS_MAX);
        assert!(table.index_of(&many[25]).is_some() && table.index_of(&many[26]).is_none());
    }

    #[test]
    fn what_is_no_keyword_is_kept() {
        let text = b"0 two words\n1 caf\xe9\n";
        let mut table = KeywordTable::parse(text).unwrap();
        assert!(table.extend(&words("x")));
        assert_eq!(table.to_text(), [text.as_slice(), b"2 x\n"].concat());
    }

    #[test]
    fn damage_is_named_with_its_line() {
        for text in ["0 a\n26 b\n", "0 a\nx b\n", "0 a\n1\n", "0 a\n1 \n"] {
            assert_eq!(KeywordTable::parse(text.as_bytes()).err(), Some(2), "{text:?}");
        }
    }
}
