//! Writes accounts straight as Dovecot Maildir++ trees, with the UIDs, dates and flags a test wants.
//!
//! For accounts no server has opened yet, and only for those: it takes no lock. Later changes go
//! through the server, by the helpers of [`crate::oracle`].

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, FileTimes, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::encode;
use crate::error::TestkitError;
use crate::rng::Rng;

/// Dovecot's letters for system flags, in the order they have in a file name.
const LETTERS: [(&str, char); 5] = [
    ("\\Draft", 'D'),
    ("\\Flagged", 'F'),
    ("\\Answered", 'R'),
    ("\\Seen", 'S'),
    ("\\Deleted", 'T'),
];

/// The content of a message, as it is stored (usually with bare LF line ends).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// These bytes, whatever they are.
    Bytes(Vec<u8>),
    /// A well-formed message of exactly `size` bytes (at least 400), never whole in memory.
    Generated {
        /// Different seeds give different messages.
        seed: u64,
        /// Bytes in the file.
        size: u64,
    },
}

impl Body {
    /// Writes the stored bytes.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => out.write_all(bytes),
            Self::Generated { seed, size } => generate(*seed, *size, out),
        }
    }

    /// Number of stored bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Generated { size, .. } => *size,
        }
    }

    /// Whether no byte is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Octets of a line of base64 with its end.
const LINE: u64 = 77;

fn generate(seed: u64, size: u64, out: &mut dyn Write) -> io::Result<()> {
    let head = format!(
        "From: Archive <archive@example.org>\nTo: Office <office@example.org>\nSubject: generated {seed}\n\
         Message-ID: <generated.{seed}.{size}@example.org>\nDate: {}\nMIME-Version: 1.0\n\
         Content-Type: application/octet-stream; name=\"generated.bin\"\nContent-Transfer-Encoding: base64\n\n",
        encode::rfc2822_date(1_500_000_000 + i64::try_from(seed % 100_000_000).unwrap())
    );
    assert!(size >= 400, "a generated message has at least 400 bytes");
    out.write_all(head.as_bytes())?;
    let mut rng = Rng::new(seed);
    let mut block = Vec::new();
    // No more lines than the message has: most are small, and there may be a hundred thousand of them.
    for _ in 0..(size / LINE + 1).min(800) {
        let line: Vec<u8> = (0..8).flat_map(|_| rng.next().to_be_bytes()).take(57).collect();
        block.extend_from_slice(encode::base64(&line).as_bytes());
        block.push(b'\n');
    }
    let mut left = size - head.len() as u64;
    let mut number = 0u64;
    while left > 0 {
        // A different first line in each block: a reader that loses or repeats one is found out.
        let first = format!("{}\n", encode::base64(format!("block {number:012}").as_bytes()));
        for part in [first.as_bytes(), &block] {
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(part.len());
            out.write_all(&part[..take])?;
            left -= take as u64;
        }
        number += 1;
    }
    Ok(())
}

/// One message of a [`MailboxSpec`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageSpec {
    /// The UID it shall have.
    pub uid: u32,
    /// Its content.
    pub body: Body,
    /// System flags (`\Seen`) and keywords.
    pub flags: Vec<String>,
    /// INTERNALDATE in Unix seconds.
    pub internal_date: i64,
}

/// One folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxSpec {
    /// Hierarchy components, below the namespace prefix; `["INBOX"]` is the inbox.
    pub name: Vec<String>,
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// UIDNEXT; `None`: one above the last UID.
    pub uid_next: Option<u32>,
    /// Messages, UIDs ascending.
    pub messages: Vec<MessageSpec>,
    /// Whether the account is subscribed to it.
    pub subscribed: bool,
    /// False: the folder itself is not made. With `subscribed` this is a subscription to nothing.
    pub exists: bool,
}

impl MailboxSpec {
    /// An empty, subscribed folder.
    pub fn new(name: &[&str], uid_validity: u32) -> Self {
        Self {
            name: name.iter().map(|part| (*part).to_owned()).collect(),
            uid_validity,
            uid_next: None,
            messages: Vec::new(),
            subscribed: true,
            exists: true,
        }
    }

    /// Adds a message with the next UID and no flags.
    #[must_use]
    pub fn message(mut self, internal_date: i64, bytes: &[u8]) -> Self {
        let uid = self.messages.last().map_or(1, |last| last.uid + 1);
        let body = Body::Bytes(bytes.to_vec());
        self.messages.push(MessageSpec {
            uid,
            body,
            flags: Vec::new(),
            internal_date,
        });
        self
    }

    /// UIDNEXT as a server will report it.
    pub fn effective_uid_next(&self) -> u32 {
        let after_last = self.messages.last().map_or(1, |last| last.uid.saturating_add(1));
        self.uid_next.map_or(after_last, |next| next.max(after_last))
    }
}

/// Writes folders and subscriptions below `maildir`, which no server may have open.
pub fn write_account(
    maildir: &Path,
    owner: Option<(u32, u32)>,
    mailboxes: &[MailboxSpec],
) -> Result<(), TestkitError> {
    let writer = Writer { root: maildir, owner };
    if let Some(home) = maildir.parent() {
        writer.make_dir(home)?;
    }
    writer.make_dir(maildir)?;
    let mut subscriptions = String::from("V\t2\n\n");
    for mailbox in mailboxes {
        if mailbox.exists {
            writer.mailbox(mailbox).map_err(|error| match error {
                TestkitError::Spec(why) => TestkitError::Spec(format!("{:?}: {why}", mailbox.name)),
                other => other,
            })?;
        }
        if mailbox.subscribed {
            let parts: Vec<String> = mailbox
                .name
                .iter()
                .map(|part| encode::mutf7_encode(part))
                .collect();
            writeln!(subscriptions, "{}", parts.join("\t")).unwrap();
        }
    }
    writer.small_file(&maildir.join("subscriptions"), subscriptions.as_bytes())
}

struct Writer<'a> {
    root: &'a Path,
    owner: Option<(u32, u32)>,
}

impl Writer<'_> {
    fn own(&self, path: &Path) -> io::Result<()> {
        self.owner
            .map_or(Ok(()), |(uid, gid)| chown(path, Some(uid), Some(gid)))
    }

    fn make_dir(&self, path: &Path) -> Result<(), TestkitError> {
        if path.is_dir() {
            return Ok(());
        }
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .and_then(|()| self.own(path))
            .map_err(TestkitError::io(format!("making {}", path.display())))
    }

    fn small_file(&self, path: &Path, content: &[u8]) -> Result<(), TestkitError> {
        fs::write(path, content)
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o600)))
            .and_then(|()| self.own(path))
            .map_err(TestkitError::io(format!("writing {}", path.display())))
    }

    fn directory(&self, name: &[String]) -> PathBuf {
        if name == ["INBOX"] {
            return self.root.to_owned();
        }
        let parts: Vec<String> = name.iter().map(|part| encode::mutf7_encode(part)).collect();
        self.root.join(format!(".{}", parts.join(".")))
    }

    fn mailbox(&self, mailbox: &MailboxSpec) -> Result<(), TestkitError> {
        if let Some(bad) = mailbox
            .name
            .iter()
            .find(|part| part.contains(['.', '/']) || part.is_empty())
        {
            return Err(TestkitError::Spec(format!(
                "a Maildir++ folder cannot be named {bad:?}"
            )));
        }
        let dir = self.directory(&mailbox.name);
        for part in ["", "cur", "new", "tmp"] {
            self.make_dir(&dir.join(part))?;
        }
        if mailbox.name != ["INBOX"] {
            self.small_file(&dir.join("maildirfolder"), b"")?;
        }
        let keywords = keyword_list(mailbox)?;
        let guid: u64 = mailbox
            .name
            .iter()
            .flat_map(|part| part.bytes())
            .fold(u64::from(mailbox.uid_validity), |sum, byte| {
                sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
            });
        let mut guids = Rng::new(guid);
        let mut list = format!(
            "3 V{} N{} G{:016x}{:016x}\n",
            mailbox.uid_validity,
            mailbox.effective_uid_next(),
            guids.next(),
            guids.next()
        );
        let mut previous = 0;
        for (number, message) in mailbox.messages.iter().enumerate() {
            if message.uid <= previous {
                return Err(TestkitError::Spec(format!("UID {} does not ascend", message.uid)));
            }
            previous = message.uid;
            let name = self
                .message(&dir, number, message, &keywords)
                .map_err(TestkitError::io(format!(
                    "message {} in {}",
                    message.uid,
                    dir.display()
                )))?;
            writeln!(list, "{} :{name}", message.uid).unwrap();
        }
        if !keywords.is_empty() {
            let text = keywords
                .iter()
                .enumerate()
                .fold(String::new(), |mut text, (index, keyword)| {
                    writeln!(text, "{index} {keyword}").unwrap();
                    text
                });
            self.small_file(&dir.join("dovecot-keywords"), text.as_bytes())?;
        }
        self.small_file(&dir.join("dovecot-uidlist"), list.as_bytes())
    }

    /// Writes one message and returns its file name without the flags.
    fn message(
        &self,
        dir: &Path,
        number: usize,
        message: &MessageSpec,
        keywords: &[&str],
    ) -> io::Result<String> {
        let staged = dir.join("tmp").join(number.to_string());
        let mut out = SizeCounter {
            inner: BufWriter::new(File::create(&staged)?),
            stored: 0,
            served: 0,
            last: 0,
        };
        message.body.write_to(&mut out)?;
        let (stored, served) = (out.stored, out.served);
        let file = out.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        self.own(&staged)?;
        file.set_times(FileTimes::new().set_modified(system_time(message.internal_date)))?;
        let name = format!(
            "{}.M{number}P1.old,S={stored},W={served}",
            message.internal_date.max(0)
        );
        let mut flags: BTreeSet<char> = BTreeSet::new();
        for flag in &message.flags {
            let system = LETTERS
                .iter()
                .find(|(name, _)| name == flag)
                .map(|(_, letter)| *letter);
            let keyword = || {
                keywords
                    .iter()
                    .position(|keyword| keyword == flag)
                    .map(keyword_letter)
            };
            flags.extend(system.or_else(keyword));
        }
        let flags: String = flags.into_iter().collect();
        fs::rename(&staged, dir.join("cur").join(format!("{name}:2,{flags}")))?;
        Ok(name)
    }
}

fn keyword_letter(index: usize) -> char {
    char::from(b'a' + u8::try_from(index).unwrap())
}

fn keyword_list(mailbox: &MailboxSpec) -> Result<Vec<&str>, TestkitError> {
    let mut keywords: Vec<&str> = Vec::new();
    for flag in mailbox.messages.iter().flat_map(|message| &message.flags) {
        if flag.starts_with('\\') {
            if !LETTERS.iter().any(|(name, _)| name == flag) {
                return Err(TestkitError::Spec(format!("{flag} is no system flag")));
            }
        } else if !keywords.contains(&flag.as_str()) {
            keywords.push(flag);
        }
    }
    if keywords.len() > 26 {
        return Err(TestkitError::Spec(format!(
            "{} keywords; a Maildir has letters for 26",
            keywords.len()
        )));
    }
    Ok(keywords)
}

fn system_time(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 {
        UNIX_EPOCH - distance
    } else {
        UNIX_EPOCH + distance
    }
}

/// Counts what goes through: bytes as they are, and bytes with every bare LF as CRLF.
struct SizeCounter<W> {
    inner: W,
    stored: u64,
    served: u64,
    last: u8,
}

impl<W: Write> Write for SizeCounter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write_all(bytes)?;
        self.stored += bytes.len() as u64;
        self.served += bytes.len() as u64;
        for byte in bytes {
            self.served += u64::from(*byte == b'\n' && self.last != b'\r');
            self.last = *byte;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_messages_have_their_size() {
        for size in [400, 401, 61_000, 200_001] {
            let mut out = Vec::new();
            Body::Generated { seed: 3, size }.write_to(&mut out).unwrap();
            assert_eq!(out.len() as u64, size);
            let mut other = Vec::new();
            Body::Generated { seed: 4, size }.write_to(&mut other).unwrap();
            assert_ne!(out, other);
        }
    }

    #[test]
    fn impossible_specs_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let write = |spec: MailboxSpec| write_account(&dir.path().join("Maildir"), None, &[spec]);
        assert!(write(MailboxSpec::new(&["a.b"], 1)).is_err());
        let mut descending = MailboxSpec::new(&["x"], 1).message(0, b"a").message(0, b"b");
        descending.messages[0].uid = 2;
        assert!(write(descending).is_err());
        let mut many = MailboxSpec::new(&["x"], 1).message(0, b"a");
        many.messages[0].flags = (0..27).map(|number| format!("k{number}")).collect();
        assert!(write(many).is_err());
    }
}
