//! An account as a server serves it, small enough to keep: bodies are lengths and hashes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::encode;
use crate::error::TestkitError;
use crate::mailbox::{Body, MailboxSpec};
use crate::oracle::FetchedMessage;

/// Hierarchy components without the namespace prefix.
pub type FolderName = Vec<String>;

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountView {
    /// Its folders, and what it is subscribed to.
    pub folders: BTreeMap<FolderName, FolderView>,
}

/// One folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderView {
    /// False for a name that is only a parent or only a subscription.
    pub selectable: bool,
    /// Whether the account is subscribed to it.
    pub subscribed: bool,
    /// Special-use attributes.
    pub special_use: BTreeSet<String>,
    /// UIDVALIDITY; 0 if not selectable.
    pub uid_validity: u32,
    /// UIDNEXT; 0 if not selectable.
    pub uid_next: u32,
    /// Messages by UID.
    pub messages: BTreeMap<u32, MessageView>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// System flags and keywords, without `\Recent`.
    pub flags: BTreeSet<String>,
    /// INTERNALDATE in Unix seconds.
    pub internal_date: i64,
    /// RFC822.SIZE.
    pub rfc822_size: u64,
    /// Length of the body that was really sent.
    pub body_len: u64,
    /// SHA-256 of that body.
    pub body_sha256: [u8; 32],
}

impl From<FetchedMessage> for MessageView {
    fn from(message: FetchedMessage) -> Self {
        Self {
            flags: message.flags,
            internal_date: message.internal_date,
            rfc822_size: message.rfc822_size,
            body_len: message.body_len,
            body_sha256: message.body_sha256,
        }
    }
}

impl AccountView {
    /// What a Dovecot on this Maildir has to serve, computed without one: line ends as CRLF, each NUL as
    /// 0x80 (IMAP cannot carry NUL in a body).
    pub fn expected(mailboxes: &[MailboxSpec], special_use: &[(&str, &str)], separator: char) -> Self {
        let mut folders: BTreeMap<FolderName, FolderView> = BTreeMap::new();
        for mailbox in mailboxes {
            let mut view = FolderView {
                subscribed: mailbox.subscribed,
                ..FolderView::default()
            };
            if mailbox.exists {
                view.selectable = true;
                view.uid_validity = mailbox.uid_validity;
                view.uid_next = mailbox.effective_uid_next();
                for message in &mailbox.messages {
                    let served = Served::of(&message.body);
                    let row = MessageView {
                        flags: message.flags.iter().cloned().collect(),
                        internal_date: message.internal_date,
                        rfc822_size: served.len,
                        body_len: served.len,
                        body_sha256: served.hasher.finalize().into(),
                    };
                    view.messages.insert(message.uid, row);
                }
                let name = mailbox.name.join(&separator.to_string());
                let uses = special_use.iter().filter(|(folder, _)| *folder == name);
                view.special_use = uses.map(|(_, attribute)| format!("\\{attribute}")).collect();
            }
            folders.insert(mailbox.name.clone(), view);
        }
        Self { folders }
    }

    /// Number of messages in all folders.
    pub fn message_count(&self) -> usize {
        self.folders.values().map(|folder| folder.messages.len()).sum()
    }

    /// A folder by its components; panics if it is not there.
    pub fn folder(&self, name: &[&str]) -> &FolderView {
        let name: FolderName = name.iter().map(|part| (*part).to_owned()).collect();
        self.folders
            .get(&name)
            .unwrap_or_else(|| panic!("no folder {name:?}"))
    }

    /// As [`AccountView::folder`], to change a copy.
    pub fn folder_mut(&mut self, name: &[&str]) -> &mut FolderView {
        let name: FolderName = name.iter().map(|part| (*part).to_owned()).collect();
        self.folders
            .get_mut(&name)
            .unwrap_or_else(|| panic!("no folder {name:?}"))
    }

    /// One line per folder and message, tabs between the fields, so that a view can be kept in a file.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, folder) in &self.folders {
            let parts: Vec<String> = name.iter().map(|part| encode::hex(part.as_bytes())).collect();
            let uses: Vec<&str> = folder.special_use.iter().map(String::as_str).collect();
            writeln!(
                text,
                "F\t{}\t{}\t{}\t{}\t{}\t{}",
                parts.join(" "),
                u8::from(folder.selectable),
                u8::from(folder.subscribed),
                uses.join(" "),
                folder.uid_validity,
                folder.uid_next
            )
            .unwrap();
            for (uid, message) in &folder.messages {
                let flags: Vec<&str> = message.flags.iter().map(String::as_str).collect();
                writeln!(
                    text,
                    "M\t{uid}\t{}\t{}\t{}\t{}\t{}",
                    flags.join(" "),
                    message.internal_date,
                    message.rfc822_size,
                    message.body_len,
                    encode::hex(&message.body_sha256)
                )
                .unwrap();
            }
        }
        text
    }

    /// Reads what [`AccountView::to_text`] wrote.
    pub fn from_text(text: &str) -> Result<Self, TestkitError> {
        let mut view = Self::default();
        let mut current: Option<FolderName> = None;
        for line in text.lines() {
            let bad = || TestkitError::Protocol(format!("no view: {line:?}"));
            let fields: Vec<&str> = line.split('\t').collect();
            let set = |list: &str| {
                list.split(' ')
                    .filter(|item| !item.is_empty())
                    .map(str::to_owned)
                    .collect()
            };
            match fields.as_slice() {
                ["F", name, selectable, subscribed, uses, uid_validity, uid_next] => {
                    let part = |hex: &str| encode::unhex(hex).and_then(|bytes| String::from_utf8(bytes).ok());
                    let name: FolderName =
                        name.split(' ').map(part).collect::<Option<_>>().ok_or_else(bad)?;
                    let folder = FolderView {
                        selectable: *selectable == "1",
                        subscribed: *subscribed == "1",
                        special_use: set(uses),
                        uid_validity: uid_validity.parse().map_err(|_| bad())?,
                        uid_next: uid_next.parse().map_err(|_| bad())?,
                        messages: BTreeMap::new(),
                    };
                    view.folders.insert(name.clone(), folder);
                    current = Some(name);
                }
                ["M", uid, flags, date, size, len, sha256] => {
                    let message = MessageView {
                        flags: set(flags),
                        internal_date: date.parse().map_err(|_| bad())?,
                        rfc822_size: size.parse().map_err(|_| bad())?,
                        body_len: len.parse().map_err(|_| bad())?,
                        body_sha256: encode::unhex(sha256)
                            .and_then(|sum| sum.try_into().ok())
                            .ok_or_else(bad)?,
                    };
                    let folder = current
                        .as_ref()
                        .and_then(|name| view.folders.get_mut(name))
                        .ok_or_else(bad)?;
                    folder.messages.insert(uid.parse().map_err(|_| bad())?, message);
                }
                _ => return Err(bad()),
            }
        }
        Ok(view)
    }
}

/// Hashes a message in the form a server sends.
struct Served {
    hasher: Sha256,
    len: u64,
    last: u8,
}

impl Served {
    fn of(body: &Body) -> Self {
        let mut served = Self {
            hasher: Sha256::new(),
            len: 0,
            last: 0,
        };
        body.write_to(&mut served).unwrap();
        served
    }
}

impl Write for Served {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 32);
        for byte in bytes {
            if *byte == b'\n' && self.last != b'\r' {
                out.push(b'\r');
            }
            out.push(if *byte == 0 { 0x80 } else { *byte });
            self.last = *byte;
        }
        self.len += out.len() as u64;
        self.hasher.update(&out);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_survives_being_text() {
        let mut spec = MailboxSpec::new(&["日本 語", "x"], 7).message(-5, b"a\nb\0");
        spec.messages[0].flags = vec!["\\Seen".into(), "work".into()];
        let view = AccountView::expected(&[spec, MailboxSpec::new(&["INBOX"], 3)], &[("INBOX", "All")], '/');
        assert_eq!(AccountView::from_text(&view.to_text()).unwrap(), view);
        assert!(AccountView::from_text("M\t1").is_err());
    }

    #[test]
    fn line_ends_as_served() {
        let served = |bytes: &[u8]| Served::of(&Body::Bytes(bytes.to_vec())).hasher.finalize();
        assert_eq!(served(b"a\nb\r\n\0\r"), Sha256::digest(b"a\r\nb\r\n\x80\r"));
    }
}
