//! What happens in a Maildir that people use: deliveries, clients, and Dovecot itself.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::reading::{keywords, read_uidlist};
use super::{LETTERS, Maildir};

impl Maildir {
    /// A message is delivered, as Postfix or Dovecot's LDA do it: into `new/`, without a UID. `false` where there is no
    /// such mailbox.
    pub fn deliver(&mut self, mailbox: &str, bytes: &[u8]) -> bool {
        let folder = self.folder(mailbox);
        if !self.has(mailbox) {
            return false;
        }
        self.given += 1;
        let name = format!("1700000{:03}.M{}P1.mx", self.given, self.given);
        fs::write(folder.join("tmp").join(&name), bytes).unwrap();
        fs::rename(folder.join("tmp").join(&name), folder.join("new").join(&name)).unwrap();
        true
    }

    /// A client opens the mailbox: Dovecot moves what is new to `cur/`, gives UIDs to files that have none, and drops
    /// files from its list that are gone.
    pub fn look(&mut self, mailbox: &str) {
        let folder = self.folder(mailbox);
        if !self.has(mailbox) {
            return;
        }
        let mut names: Vec<String> = entries(&folder.join("cur"));
        for name in entries(&folder.join("new")) {
            let seen = if name.contains(":2,") {
                name.clone()
            } else {
                format!("{name}:2,")
            };
            fs::rename(folder.join("new").join(&name), folder.join("cur").join(&seen)).unwrap();
            names.push(seen);
        }
        // A lock that a dead process has left does not keep Dovecot away.
        let _ = fs::remove_file(folder.join("dovecot-uidlist.lock"));
        let path = folder.join("dovecot-uidlist");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let (numbers, uids) = read_uidlist(&text);
        let (validity, mut next) = numbers.unwrap_or_else(|| {
            self.given += 1;
            (1_600_000_000 + self.given, 1)
        });
        let mut bases: Vec<&str> = names.iter().map(|name| base(name)).collect();
        bases.sort_unstable();
        let mut list = String::new();
        for line in text.lines().skip(1) {
            if let Some((_, listed)) = line.split_once(" :")
                && bases.contains(&listed)
                && uids.contains_key(listed)
            {
                let _ = writeln!(list, "{line}");
            }
        }
        for base in bases {
            if !uids.contains_key(base) {
                let _ = writeln!(list, "{next} :{base}");
                next += 1;
            }
        }
        let guid = text
            .lines()
            .next()
            .and_then(|header| header.split(' ').find_map(|field| field.strip_prefix('G')))
            .map_or_else(|| "0123456789abcdef".repeat(2), str::to_owned);
        replace(&path, &format!("3 V{validity} N{next} G{guid}\n{list}"));
    }

    /// A client sets a flag or keyword of the message of that base name, or takes it away.
    pub fn flag(&self, mailbox: &str, base_name: &str, flag: &str, on: bool) {
        let folder = self.folder(mailbox);
        let Some(path) = find(&folder, base_name) else {
            return;
        };
        let letter = LETTERS
            .iter()
            .find(|(_, known)| *known == flag)
            .map_or_else(|| keyword_letter(&folder, flag), |(letter, _)| *letter);
        let name = path.file_name().unwrap().to_str().unwrap();
        let (base, letters) = name.split_once(":2,").unwrap_or((name, ""));
        let mut letters: Vec<char> = letters.chars().filter(|&other| other != letter).collect();
        if on {
            letters.push(letter);
        }
        letters.sort_unstable();
        let name = format!("{base}:2,{}", String::from_iter(letters));
        fs::rename(&path, folder.join("cur").join(name)).unwrap();
    }

    /// A client removes a message. `false` where there is none of that base name.
    pub fn remove(&self, mailbox: &str, base: &str) -> bool {
        find(&self.folder(mailbox), base).is_some_and(|path| fs::remove_file(path).is_ok())
    }

    /// A client removes a mailbox; those below it stay. `false` where there is none, and for INBOX.
    pub fn remove_mailbox(&self, mailbox: &str) -> bool {
        mailbox != "INBOX" && self.has(mailbox) && fs::remove_dir_all(self.folder(mailbox)).is_ok()
    }

    /// A client ends a subscription. `false` where there is none.
    pub fn unsubscribe(&self, mailbox: &str) -> bool {
        let mut names = self.subscriptions();
        if !names.remove(mailbox) {
            return false;
        }
        let mut text = "V\t2\n\n".to_owned();
        for name in names {
            let _ = writeln!(text, "{}", name.replace('/', "\t"));
        }
        replace(&self.path.join("subscriptions"), &text);
        true
    }
}

fn base(name: &str) -> &str {
    name.split(":2,").next().unwrap_or(name)
}

fn entries(folder: &Path) -> Vec<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn find(folder: &Path, base_name: &str) -> Option<PathBuf> {
    ["cur", "new"].into_iter().find_map(|place| {
        let place = folder.join(place);
        let names = if place.is_dir() {
            entries(&place)
        } else {
            Vec::new()
        };
        let name = names.into_iter().find(|name| base(name) == base_name)?;
        Some(place.join(name))
    })
}

/// The letter of a keyword; a new one where it has none.
fn keyword_letter(folder: &Path, word: &str) -> char {
    let mut words = keywords(folder);
    let known = words.iter().find(|(_, known)| known.eq_ignore_ascii_case(word));
    let known = known.map(|(index, _)| *index);
    let index = known.unwrap_or_else(|| {
        let free = (0..26).find(|index| !words.contains_key(index)).unwrap();
        words.insert(free, word.to_owned());
        let mut text = String::new();
        for (index, word) in &words {
            let _ = writeln!(text, "{index} {word}");
        }
        replace(&folder.join("dovecot-keywords"), &text);
        free
    });
    char::from(b'a' + index)
}

/// From one instant to the next.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new-one");
    fs::write(&beside, text).unwrap();
    fs::rename(beside, path).unwrap();
}
