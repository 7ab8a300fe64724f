//! What a Maildir holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::{LETTERS, Maildir};

/// What Dovecot locks.
const LOCKS: [&str; 2] = ["dovecot-uidlist.lock", "subscriptions.lock"];

/// A mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskMailbox {
    /// UIDVALIDITY and UIDNEXT; `None` where Dovecot has not numbered the mailbox.
    pub numbers: Option<(u32, u32)>,
    /// Ascending by UID; those without one come first.
    pub messages: Vec<DiskMessage>,
    /// Files in `tmp/`, and lock files.
    pub leftovers: Vec<String>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskMessage {
    /// `None` where `dovecot-uidlist` does not name the file.
    pub uid: Option<u32>,
    /// The file's name without its flags.
    pub base: String,
    /// Whether it lies in `new/`.
    pub is_new: bool,
    /// System flags and keywords. A letter whose meaning nobody knows stands for itself.
    pub flags: BTreeSet<String>,
    /// In seconds since the epoch.
    pub modified: i64,
    /// What the file holds.
    pub bytes: Vec<u8>,
}

impl Maildir {
    /// All mailboxes by name. Panics at whatever Dovecot would complain about.
    pub fn read(&self) -> BTreeMap<String, DiskMailbox> {
        let mut mailboxes = BTreeMap::new();
        if self.has("INBOX") {
            mailboxes.insert("INBOX".to_owned(), read_mailbox(&self.path));
        }
        for name in names(&self.path) {
            if let Some(levels) = name.strip_prefix('.')
                && self.path.join(&name).join("cur").is_dir()
            {
                let mailbox = read_mailbox(&self.path.join(&name));
                mailboxes.insert(levels.replace('.', "/"), mailbox);
            }
        }
        mailboxes
    }

    /// The names that are subscribed to.
    pub fn subscriptions(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(self.path.join("subscriptions")).unwrap_or_default();
        let names = text.strip_prefix("V\t2\n\n").unwrap_or(&text);
        names.lines().map(|name| name.replace('\t', "/")).collect()
    }

    /// Every file and folder with its inode, size and time of change: equal before and after when nothing was touched.
    pub fn traces(&self) -> BTreeMap<String, (u64, u64, i64, i64)> {
        let mut traces = BTreeMap::new();
        let mut folders = vec![self.path.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let entry = entry.unwrap();
                let data = entry.metadata().unwrap();
                if data.is_dir() {
                    folders.push(entry.path());
                }
                let path = entry.path().strip_prefix(&self.path).unwrap().to_owned();
                traces.insert(
                    path.to_string_lossy().into_owned(),
                    (data.ino(), data.size(), data.ctime(), data.ctime_nsec()),
                );
            }
        }
        traces
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn read_mailbox(folder: &Path) -> DiskMailbox {
    let list = fs::read_to_string(folder.join("dovecot-uidlist")).ok();
    let (numbers, uids) = list.as_deref().map(read_uidlist).unwrap_or_default();
    let words: HashMap<char, String> = keywords(folder)
        .into_iter()
        .map(|(index, word)| (char::from(b'a' + index), word))
        .collect();
    let mut messages = Vec::new();
    let mut bases = BTreeSet::new();
    for place in ["cur", "new"] {
        for name in names(&folder.join(place)) {
            let (base, letters) = name.split_once(":2,").unwrap_or((&name, ""));
            assert!(
                bases.insert(base.to_owned()),
                "{base} is in {} twice",
                folder.display()
            );
            let path = folder.join(place).join(&name);
            let bytes = fs::read(&path).unwrap();
            check_sizes(base, &bytes);
            messages.push(DiskMessage {
                uid: uids.get(base).copied(),
                base: base.to_owned(),
                is_new: place == "new",
                flags: letters.chars().map(|letter| flag(letter, &words)).collect(),
                modified: fs::metadata(&path).unwrap().mtime(),
                bytes,
            });
        }
    }
    messages.sort_by(|a, b| (a.uid, &a.base).cmp(&(b.uid, &b.base)));
    let mut leftovers = names(&folder.join("tmp"));
    leftovers.extend(
        names(folder)
            .into_iter()
            .filter(|name| LOCKS.contains(&name.as_str()) || name.starts_with("transhume.")),
    );
    DiskMailbox {
        numbers,
        messages,
        leftovers,
    }
}

/// UIDVALIDITY and UIDNEXT, and the UID of each file that is named. A last line without its end counts for nothing.
pub(super) fn read_uidlist(text: &str) -> (Option<(u32, u32)>, HashMap<String, u32>) {
    let text = text.rfind('\n').map_or("", |end| &text[..=end]);
    let mut lines = text.lines();
    let Some(header) = lines.next() else {
        return Default::default();
    };
    assert!(header.starts_with("3 "), "an odd header: {header}");
    let number = |letter: char| -> u32 {
        let field = header
            .split(' ')
            .skip(1)
            .find_map(|field| field.strip_prefix(letter));
        field.unwrap().parse().unwrap()
    };
    let (validity, mut next) = (number('V'), number('N'));
    assert!(validity > 0, "{header}");
    let mut uids = HashMap::new();
    let mut last = 0;
    for line in lines {
        let (fields, base) = line.split_once(" :").unwrap();
        let uid: u32 = fields.split(' ').next().unwrap().parse().unwrap();
        assert!(uid > last, "the UIDs of the list do not ascend:\n{text}");
        last = uid;
        // Dovecot appends lines without touching the header.
        next = next.max(uid + 1);
        uids.insert(base.to_owned(), uid);
    }
    (Some((validity, next)), uids)
}

/// The words that a mailbox has letters for, by the letter's place in the alphabet.
pub(super) fn keywords(folder: &Path) -> BTreeMap<u8, String> {
    let text = fs::read_to_string(folder.join("dovecot-keywords")).unwrap_or_default();
    let lines: Vec<(u8, String)> = text
        .lines()
        .map(|line| {
            let (letter, word) = line.split_once(' ').unwrap();
            (letter.parse().unwrap(), word.to_owned())
        })
        .collect();
    let count = lines.len();
    let words: BTreeMap<u8, String> = lines.into_iter().collect();
    assert_eq!(words.len(), count, "a letter has two meanings: {text}");
    words
}

fn flag(letter: char, words: &HashMap<char, String>) -> String {
    LETTERS
        .iter()
        .find(|(known, _)| *known == letter)
        .map(|(_, flag)| (*flag).to_owned())
        .or_else(|| words.get(&letter).cloned())
        .unwrap_or_else(|| letter.to_string())
}

/// Dovecot believes what a name says of sizes.
fn check_sizes(base: &str, bytes: &[u8]) {
    let lone_ends = bytes
        .iter()
        .enumerate()
        .filter(|&(at, &byte)| byte == b'\n' && (at == 0 || bytes[at - 1] != b'\r'))
        .count();
    for (field, expected) in [(",S=", bytes.len()), (",W=", bytes.len() + lone_ends)] {
        if let Some((_, size)) = base.split_once(field) {
            let size = size.split(',').next().unwrap();
            assert_eq!(size, expected.to_string(), "{base} lies about its size");
        }
    }
}
