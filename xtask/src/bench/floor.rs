//! The physical limit: the least that a durable copy over one connection can cost.
//!
//! One LOGIN, one LIST with STATUS, then all folders in one go: EXAMINE and one FETCH of everything, without waiting
//! for answers; each message written as a Maildir file, and one `syncfs` at the very end. Several accounts come one
//! after another. It keeps no flags, no UIDs, no state, so it is no tool: over one connection nothing that keeps them can
//! be faster. It runs as a process of its own (`xtask floor …`), to be measured like the others.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The variable that holds the password.
pub(crate) const PASSWORD: &str = "TRANSHUME_PASSWORD";

/// `xtask floor PORT USER,… FOLDER`, or without FOLDER the least that finding nothing to do can cost.
pub(crate) fn main(words: &[&str]) -> anyhow::Result<bool> {
    let (port, users, folder) = match *words {
        [port, users] => (port, users, None),
        [port, users, folder] => (port, users, Some(Path::new(folder))),
        _ => bail!("floor takes PORT USER,… [FOLDER]"),
    };
    let password = std::env::var(PASSWORD).with_context(|| PASSWORD.to_owned())?;
    for user in users.split(',') {
        let mut connection = Connection::open(port.parse().context("the port")?)?;
        connection.send(&format!("L LOGIN {user} {password}\r\n"))?;
        connection.until("L", |_| {}, |_| Ok(()))?;
        connection
            .send("S LIST \"\" \"*\" RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ))\r\n")?;
        let mut mailboxes = Vec::new();
        connection.until("S", |line| mailboxes.extend(filled(line)), |_| Ok(()))?;
        if let Some(folder) = folder {
            copy(&mut connection, &mailboxes, &folder.join(user).join("Maildir"))?;
        }
        connection.send("Z LOGOUT\r\n")?;
    }
    if let Some(folder) = folder {
        let top = File::open(folder).with_context(|| folder.display().to_string())?;
        rustix::fs::syncfs(&top).context("syncfs")?;
    }
    Ok(true)
}

/// The name, as it was written, of a mailbox that is not empty.
fn filled(line: &str) -> Option<String> {
    let (name, numbers) = line.strip_prefix("* STATUS ")?.rsplit_once(" (")?;
    let mut words = numbers.trim_end_matches(')').split(' ');
    words.find(|&word| word == "MESSAGES")?;
    (words.next()? != "0").then(|| name.to_owned())
}

fn copy(connection: &mut Connection, mailboxes: &[String], folder: &Path) -> anyhow::Result<()> {
    let mut ask = String::new();
    for name in mailboxes {
        // Writing to a string cannot fail.
        let _ = write!(
            ask,
            "E EXAMINE {name}\r\nF FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])\r\n"
        );
    }
    connection.send(&ask)?;
    for index in 0..mailboxes.len() {
        let mut maildir = Maildir::create(folder.join(format!(".f{index}")))?;
        connection.until("E", |_| {}, |_| Ok(()))?;
        connection.until("F", |_| {}, |message| maildir.deliver(message))?;
    }
    Ok(())
}

struct Connection {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
    literal: Vec<u8>,
}

impl Connection {
    fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).context("connecting")?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream: BufReader::with_capacity(1 << 20, stream),
            line: Vec::new(),
            literal: Vec::new(),
        };
        connection.read_line()?;
        Ok(connection)
    }

    fn send(&mut self, text: &str) -> anyhow::Result<()> {
        Ok(self.stream.get_mut().write_all(text.as_bytes())?)
    }

    fn read_line(&mut self) -> anyhow::Result<()> {
        self.line.clear();
        if self.stream.read_until(b'\n', &mut self.line)? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }

    /// Reads up to the answer of `tag`, handing out lines and literals.
    fn until(
        &mut self,
        tag: &str,
        mut on_line: impl FnMut(&str),
        mut on_literal: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        loop {
            self.read_line()?;
            while let Some(length) = announced(&self.line) {
                self.literal.resize(length, 0);
                self.stream.read_exact(&mut self.literal)?;
                on_literal(&self.literal)?;
                self.read_line()?;
            }
            let line = String::from_utf8_lossy(&self.line);
            let line = line.trim_end();
            match line.strip_prefix(tag).and_then(|rest| rest.strip_prefix(' ')) {
                Some(answer) if answer.starts_with("OK") => return Ok(()),
                Some(answer) => bail!("the server said {answer}"),
                None => on_line(line),
            }
        }
    }
}

/// The length of the literal that follows a line.
fn announced(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}\r\n")?;
    let at = line.iter().rposition(|&byte| byte == b'{')?;
    std::str::from_utf8(&line[at + 1..]).ok()?.parse().ok()
}

struct Maildir {
    folder: PathBuf,
    count: u64,
    stored: Vec<u8>,
}

impl Maildir {
    fn create(folder: PathBuf) -> anyhow::Result<Self> {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.join(part)).with_context(|| folder.display().to_string())?;
        }
        Ok(Self {
            folder,
            count: 0,
            stored: Vec::new(),
        })
    }

    fn deliver(&mut self, message: &[u8]) -> anyhow::Result<()> {
        self.count += 1;
        with_bare_line_feeds(message, &mut self.stored);
        let name = format!(
            "{}.M0P0.floor,S={},W={}",
            self.count,
            self.stored.len(),
            message.len()
        );
        let staged = self.folder.join("tmp").join(&name);
        File::create(&staged)?.write_all(&self.stored)?;
        fs::rename(&staged, self.folder.join("cur").join(format!("{name}:2,")))?;
        Ok(())
    }
}

/// CRLF becomes LF, as Maildirs are usually stored.
fn with_bare_line_feeds(message: &[u8], stored: &mut Vec<u8>) {
    stored.clear();
    let mut rest = message;
    while let Some(at) = memchr::memchr(b'\n', rest) {
        let line = rest[..at].strip_suffix(b"\r").unwrap_or(&rest[..at]);
        stored.extend_from_slice(line);
        stored.push(b'\n');
        rest = &rest[at + 1..];
    }
    stored.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        assert_eq!(
            filled("* STATUS \"a b\" (MESSAGES 3 UIDNEXT 9)"),
            Some("\"a b\"".to_owned())
        );
        assert_eq!(filled("* STATUS x (UIDNEXT 9 MESSAGES 0)"), None);
        assert_eq!(filled("* LIST () \"/\" x"), None);
        assert_eq!(announced(b"* 1 FETCH (BODY[] {12}\r\n"), Some(12));
        assert_eq!(announced(b"* 1 FETCH (UID 12)\r\n"), None);
    }

    #[test]
    fn line_ends_are_stored_bare() {
        let mut stored = Vec::new();
        with_bare_line_feeds(b"a\r\n\nb\rc\r\nd\r", &mut stored);
        assert_eq!(stored, b"a\n\nb\rc\nd\r");
    }
}
