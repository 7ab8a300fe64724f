//! What the account must hold in the end, and what its users saw on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use transhume_testkit::{Oracle, TestkitError};

/// A message: its mailbox and its subject, of which there is only one unless somebody copies it.
pub(crate) type Key = (String, String);

/// A message with a subject to know it by, in the form in which it is served.
pub(crate) fn text(subject: &str) -> Vec<u8> {
    format!("From: a@example.org\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\nThis is {subject}.\r\n")
        .into_bytes()
}

/// What is done with a message is known by the number in its subject, so that no two clients meet at the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Flagged,
    Removed,
    Copied,
    LeftAlone,
}

impl Fate {
    pub(crate) fn of(subject: &str) -> Self {
        let number = subject
            .rsplit('-')
            .next()
            .and_then(|number| number.parse::<u32>().ok());
        match number.expect("subjects end with a number") % 4 {
            0 => Self::Flagged,
            1 => Self::Removed,
            2 => Self::Copied,
            _ => Self::LeftAlone,
        }
    }
}

/// One message as a client sees it in a list.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) uid: u32,
    pub(crate) subject: String,
    pub(crate) flagged: bool,
}

/// Opens a mailbox and lists it; also gives its UIDVALIDITY.
pub(crate) fn rows(client: &mut Oracle, mailbox: &str) -> Result<(u32, Vec<Row>), TestkitError> {
    let selected = client.select(&[mailbox])?;
    if selected.exists == 0 {
        return Ok((selected.uid_validity, Vec::new()));
    }
    let lines = client.ok("UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")?;
    let rows = lines.iter().filter_map(|line| row(&line.text())).collect();
    Ok((selected.uid_validity, rows))
}

/// `None` for what is no row: flags that somebody else changed, the end of the list.
fn row(line: &str) -> Option<Row> {
    let (_, rest) = line.split_once("Subject: ")?;
    let (_, uid) = line.split_once("UID ")?;
    let digits: String = uid.chars().take_while(char::is_ascii_digit).collect();
    Some(Row {
        uid: digits.parse().ok()?,
        subject: rest.lines().next()?.to_owned(),
        flagged: line.contains("\\Flagged") && line.contains("mine"),
    })
}

/// How often a message must be there, and may be there: both differ when an answer never came.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    least: u32,
    most: u32,
    removal: Removal,
}

/// A message may be removed before whoever put it there hears that it was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Removal {
    #[default]
    No,
    Begun,
    Done,
}

impl Times {
    fn range(self) -> RangeInclusive<u32> {
        match self.removal {
            Removal::No => self.least..=self.most,
            Removal::Begun => 0..=self.most,
            Removal::Done => 0..=0,
        }
    }
}

/// The book of all clients.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    expected: BTreeMap<Key, Times>,
    flagged: BTreeSet<Key>,
    seen: BTreeMap<(String, u32, u32), String>,
    /// Mailbox, UIDVALIDITY and UID of what somebody has removed, or begun to.
    free: BTreeSet<(String, u32, u32)>,
    /// What nobody should ever see.
    wrong: Vec<String>,
}

impl Ledger {
    /// A message is on the old server, so it must come.
    pub(crate) fn comes(&mut self, key: Key) {
        self.begin(key.clone());
        self.done(key);
    }

    /// Somebody begins to put a message there.
    pub(crate) fn begin(&mut self, key: Key) {
        self.expected.entry(key).or_default().most += 1;
    }

    /// The server said that it has it.
    pub(crate) fn done(&mut self, key: Key) {
        self.expected.entry(key).or_default().least += 1;
    }

    /// The server said that it does not take it.
    pub(crate) fn refused(&mut self, key: Key) {
        self.expected.entry(key).or_default().most -= 1;
    }

    /// Somebody begins to remove a message.
    /// From now on this UID may be free under this UIDVALIDITY: when the mailbox is filled meanwhile, the server's word may never come.
    pub(crate) fn begin_removal(&mut self, key: Key, uid_validity: u32, uid: u32) {
        self.free.insert((key.0.clone(), uid_validity, uid));
        self.expected.entry(key).or_default().removal = Removal::Begun;
    }

    /// The server said that it is gone.
    pub(crate) fn removed(&mut self, key: Key) {
        self.expected.entry(key).or_default().removal = Removal::Done;
    }

    /// The server said that the flags are set.
    pub(crate) fn flagged(&mut self, key: Key) {
        self.flagged.insert(key);
    }

    /// Somebody sees a mailbox: under one UIDVALIDITY, a UID always means the same message.
    pub(crate) fn sees(&mut self, mailbox: &str, uid_validity: u32, rows: &[Row]) {
        for row in rows {
            let place = (mailbox.to_owned(), uid_validity, row.uid);
            let before = self.seen.entry(place).or_insert_with(|| row.subject.clone());
            if *before != row.subject {
                let Row { uid, subject, .. } = row;
                self.wrong
                    .push(format!("{mailbox}: UID {uid} was {before} and became {subject}"));
            }
        }
    }

    /// Everything that is not as it must be, when all is quiet.
    pub(crate) fn settle(&mut self, client: &mut Oracle, mailboxes: &[&str]) -> Vec<String> {
        let mut found: BTreeMap<Key, u32> = BTreeMap::new();
        let mut wrong = std::mem::take(&mut self.wrong);
        for mailbox in mailboxes {
            let (uid_validity, rows) = rows(client, mailbox).expect("the mailbox is read");
            self.sees(mailbox, uid_validity, &rows);
            for row in rows {
                let key = ((*mailbox).to_owned(), row.subject);
                if self.flagged.contains(&key) && !row.flagged {
                    wrong.push(format!("{key:?} has lost its flags"));
                }
                *found.entry(key).or_default() += 1;
            }
        }
        wrong.append(&mut self.wrong);
        for key in found.keys().chain(self.expected.keys()).collect::<BTreeSet<_>>() {
            let there = found.get(key).copied().unwrap_or_default();
            let range = self.expected.get(key).copied().unwrap_or_default().range();
            if !range.contains(&there) {
                wrong.push(format!("{key:?} is there {there} times instead of {range:?}"));
            }
        }
        wrong
    }

    /// Whether somebody removes this message.
    pub(crate) fn may_be_gone(&self, key: &Key) -> bool {
        self.expected
            .get(key)
            .is_some_and(|times| times.removal != Removal::No)
    }

    /// Whether somebody removed a message with this UID under another UIDVALIDITY.
    pub(crate) fn was_freed_before(&self, mailbox: &str, uid_validity: u32, uid: u32) -> bool {
        let mut free = self.free.iter();
        free.any(|(place, validity, freed)| place == mailbox && *validity != uid_validity && *freed == uid)
    }

    /// Whether there was something to survive.
    pub(crate) fn was_busy(&self) -> bool {
        let removed = self
            .expected
            .values()
            .filter(|times| times.removal == Removal::Done);
        self.flagged.len() > 5 && removed.count() > 5
    }
}
