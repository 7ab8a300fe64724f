//! What the simulated server holds, and how it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An account. Mailboxes go by their names on the wire, with `/` between levels.
#[derive(Debug, Clone)]
pub struct Account {
    mailboxes: BTreeMap<String, Mailbox>,
    /// Names that are subscribed to, whether they exist or not.
    pub subscriptions: BTreeSet<String>,
    next_validity: u32,
    next_serial: u64,
}

/// A mailbox.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT.
    pub uid_next: u32,
    /// HIGHESTMODSEQ.
    pub mod_seq: u64,
    /// As LIST says it (RFC 6154): `\Sent`, …
    pub special_use: Option<String>,
    /// Ascending by UID.
    pub messages: Vec<Message>,
    /// UIDs that are gone, with the change number at which each went.
    pub(crate) vanished: Vec<(u32, u64)>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// UID.
    pub uid: u32,
    /// Which message of the account it is, whatever its UID and mailbox become.
    pub serial: u64,
    /// System flags and keywords.
    pub flags: BTreeSet<String>,
    /// INTERNALDATE, in seconds since the epoch.
    pub internal_date: i64,
    /// As it is served.
    pub bytes: Arc<[u8]>,
    /// The change number of its last change.
    pub(crate) mod_seq: u64,
}

impl Default for Account {
    /// An account with an empty INBOX.
    fn default() -> Self {
        let mut account = Self {
            mailboxes: BTreeMap::new(),
            subscriptions: BTreeSet::new(),
            next_validity: 1_000,
            next_serial: 1,
        };
        account.create("INBOX");
        account
    }
}

impl Account {
    /// All mailboxes, by name.
    pub fn mailboxes(&self) -> impl Iterator<Item = (&str, &Mailbox)> {
        self.mailboxes
            .iter()
            .map(|(name, mailbox)| (name.as_str(), mailbox))
    }

    /// The mailbox of that name.
    pub fn mailbox(&self, name: &str) -> Option<&Mailbox> {
        self.mailboxes.get(name)
    }

    /// Makes a mailbox, under a UIDVALIDITY that none had before. `false` where there is one.
    pub fn create(&mut self, name: &str) -> bool {
        if self.mailboxes.contains_key(name) {
            return false;
        }
        let uid_validity = self.new_validity();
        self.mailboxes.insert(
            name.to_owned(),
            Mailbox {
                uid_validity,
                uid_next: 1,
                mod_seq: 1,
                special_use: None,
                messages: Vec::new(),
                vanished: Vec::new(),
            },
        );
        true
    }

    /// Removes a mailbox with its messages; its subscription stays. `false` where there is none, and for INBOX.
    pub fn delete(&mut self, name: &str) -> bool {
        name != "INBOX" && self.mailboxes.remove(name).is_some()
    }

    /// Renames a mailbox, which keeps its numbers. `false` where that cannot be.
    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        if from == "INBOX" || self.mailboxes.contains_key(to) {
            return false;
        }
        let Some(mailbox) = self.mailboxes.remove(from) else {
            return false;
        };
        self.mailboxes.insert(to.to_owned(), mailbox);
        true
    }

    /// Gives a mailbox a new UIDVALIDITY, and its messages the UIDs from 1 on. `false` where there is none.
    pub fn renumber(&mut self, name: &str) -> bool {
        let uid_validity = self.new_validity();
        let Some(mailbox) = self.mailboxes.get_mut(name) else {
            return false;
        };
        mailbox.uid_validity = uid_validity;
        mailbox.mod_seq += 1;
        mailbox.vanished.clear();
        for (message, uid) in mailbox.messages.iter_mut().zip(1..) {
            message.uid = uid;
            message.mod_seq = mailbox.mod_seq;
        }
        mailbox.uid_next = mailbox.messages.last().map_or(1, |last| last.uid + 1);
        true
    }

    /// Adds a message, and gives its UID; `None` where there is no such mailbox.
    pub fn deliver(&mut self, name: &str, bytes: &[u8], flags: &[&str], internal_date: i64) -> Option<u32> {
        let mailbox = self.mailboxes.get_mut(name)?;
        let uid = mailbox.uid_next;
        mailbox.uid_next += 1;
        mailbox.mod_seq += 1;
        mailbox.messages.push(Message {
            uid,
            serial: self.next_serial,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            internal_date,
            bytes: bytes.into(),
            mod_seq: mailbox.mod_seq,
        });
        self.next_serial += 1;
        Some(uid)
    }

    /// Sets a flag or takes it away. `false` where nothing changes.
    pub fn flag(&mut self, name: &str, uid: u32, flag: &str, on: bool) -> bool {
        let Some(mailbox) = self.mailboxes.get_mut(name) else {
            return false;
        };
        let Some(message) = mailbox.messages.iter_mut().find(|message| message.uid == uid) else {
            return false;
        };
        let changed = if on {
            message.flags.insert(flag.to_owned())
        } else {
            message.flags.remove(flag)
        };
        if changed {
            mailbox.mod_seq += 1;
            message.mod_seq = mailbox.mod_seq;
        }
        changed
    }

    /// Removes a message. `false` where there is none.
    pub fn expunge(&mut self, name: &str, uid: u32) -> bool {
        let Some(mailbox) = self.mailboxes.get_mut(name) else {
            return false;
        };
        let before = mailbox.messages.len();
        mailbox.messages.retain(|message| message.uid != uid);
        let removed = mailbox.messages.len() < before;
        if removed {
            mailbox.mod_seq += 1;
            mailbox.vanished.push((uid, mailbox.mod_seq));
        }
        removed
    }

    /// Says what a mailbox is for.
    pub fn set_special_use(&mut self, name: &str, attribute: &str) {
        if let Some(mailbox) = self.mailboxes.get_mut(name) {
            mailbox.special_use = Some(attribute.to_owned());
        }
    }

    fn new_validity(&mut self) -> u32 {
        self.next_validity += 1;
        self.next_validity
    }
}
