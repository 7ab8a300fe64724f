//! What the tests of this crate share: a mailbox on the disk, looked at without the code under test.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use transhume_model::mail::{FlagSet, InternalDate, MailboxName, Uid, UidValidity};

use crate::{
    Commit, Durability, MailboxDir, MaildirError, MaildirRoot, Options, Origin, Owner, Placed, Staged,
    ToPlace,
};

pub(crate) const TAG: [u8; 8] = [0, 1, 2, 3, 4, 5, 6, 0xff];

pub(crate) fn uid(value: u32) -> Uid {
    Uid::new(value).unwrap()
}

pub(crate) fn validity(value: u32) -> UidValidity {
    UidValidity::new(value).unwrap()
}

pub(crate) fn flags(words: &str) -> FlagSet {
    words.split_whitespace().collect()
}

pub(crate) fn origin(source_validity: u32, value: u32) -> Origin {
    Origin {
        tag: TAG,
        uid_validity: UidValidity::new(source_validity),
        uid: uid(value),
    }
}

pub(crate) fn body(value: u32) -> Vec<u8> {
    format!("Subject: {value}\r\n\r\nMessage {value}\nbare\r\n").into_bytes()
}

pub(crate) fn date(value: u32) -> InternalDate {
    InternalDate::from_unix(1_000_000_000 + i64::from(value))
}

/// A Maildir in a directory of its own.
pub(crate) struct Account {
    home: TempDir,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self {
            home: TempDir::new().unwrap(),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.home.path().join("Maildir")
    }

    pub(crate) fn open(&self) -> Result<MaildirRoot, MaildirError> {
        let options = Options {
            // Nothing changes by it, but all that is made goes through being given away.
            owner: Some(Owner {
                uid: rustix::process::geteuid().as_raw(),
                gid: rustix::process::getegid().as_raw(),
            }),
            durability: Durability::Batch,
            lock_timeout: std::time::Duration::from_millis(200),
            ..Options::default()
        };
        MaildirRoot::open(self.path(), options)
    }

    pub(crate) fn inbox(&self) -> MailboxDir {
        self.open().unwrap().mailbox(&MailboxName::inbox()).unwrap()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    pub(crate) fn names(&self, dir: &str) -> Vec<String> {
        names(&self.path().join(dir))
    }

    /// What Dovecot would show, by UID: first line of the message, and its letters. Panics where a file is not
    /// listed or a message is there twice.
    pub(crate) fn shown(&self) -> BTreeMap<u32, String> {
        let mut uids = BTreeMap::new();
        for line in self.read("dovecot-uidlist").lines().skip(1) {
            let (uid, base) = line.split_once(" :").unwrap();
            uids.insert(
                base.to_owned(),
                uid.split(' ').next().unwrap().parse::<u32>().unwrap(),
            );
        }
        let mut shown = BTreeMap::new();
        for place in ["cur", "new"] {
            for name in self.names(place) {
                let (base, info) = name.split_once(":2,").unwrap_or((&name, ""));
                let text = self.read(&format!("{place}/{name}"));
                let subject = text.lines().next().unwrap_or_default();
                let uid = uids
                    .get(base)
                    .unwrap_or_else(|| panic!("{name} is not in {uids:?}"));
                let before = shown.insert(*uid, format!("{subject} {info}").trim_end().to_owned());
                assert_eq!(before, None, "{uid} twice");
            }
        }
        shown
    }

    /// What Dovecot does when it meets files that have no UID: it gives them the next.
    pub(crate) fn play_dovecot(&self) {
        let mut list = self.read("dovecot-uidlist");
        if list.is_empty() {
            list = format!("3 V1699999999 N1 G{}\n", "e".repeat(32));
        }
        if let Some(whole) = list.rfind('\n') {
            list.truncate(whole + 1);
        }
        let highest = list
            .lines()
            .skip(1)
            .last()
            .map_or(0, |line| line.split(' ').next().unwrap().parse().unwrap());
        let header_next = list
            .split(" N")
            .nth(1)
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .parse::<u32>()
            .unwrap();
        let mut next = header_next.max(highest + 1);
        for place in ["cur", "new"] {
            for name in self.names(place) {
                let base = name.split(":2,").next().unwrap();
                if !list.contains(&format!(":{base}\n")) {
                    list = format!("{list}{next} :{base}\n");
                    next += 1;
                }
            }
        }
        self.write("dovecot-uidlist", &list);
    }
}

pub(crate) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Stages a message whose contents follow from its UID.
pub(crate) fn stage(mailbox: &MailboxDir, origin: Origin) -> Result<Staged, MaildirError> {
    let mut file = mailbox.stage(TAG).begin(Some(&origin))?;
    for chunk in body(origin.uid.get()).chunks(7) {
        file.write(chunk)?;
    }
    file.finish(origin, date(origin.uid.get()))
}

/// Places messages, two at a time.
pub(crate) fn place(
    commit: &mut Commit,
    messages: &[(Staged, FlagSet)],
) -> Result<Vec<Placed>, MaildirError> {
    let mut placed = Vec::new();
    for page in messages.chunks(2) {
        let page: Vec<ToPlace<'_>> = page
            .iter()
            .map(|(staged, flags)| ToPlace {
                staged,
                flags,
                twin: None,
            })
            .collect();
        placed.extend(commit.place(&page)?);
    }
    Ok(placed)
}

/// The number of a process that has ended.
pub(crate) fn dead_process() -> u32 {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    child.id()
}
