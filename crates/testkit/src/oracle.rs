//! A small, strict, blocking IMAP client that reads what a server really serves, and the changes a
//! test makes through a running server. It never guesses: an answer it does not understand is an error.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::dovecot::Dovecot;
use crate::encode;
use crate::error::TestkitError;
use crate::wire::{self, Piece, Value, wrong};

mod changes;
mod filling;
mod reading;

pub use filling::Refusal;
pub use reading::{FetchedMessage, ListedFolder, Selected};

const TIMEOUT: Duration = Duration::from_mins(1);

/// One answer line of a server, with literals in it, without the last line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(pub Vec<u8>);

impl Line {
    /// The line as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// One connection, logged in.
#[derive(Debug)]
pub struct Oracle {
    reader: BufReader<TcpStream>,
    tags: u32,
    capabilities: BTreeSet<String>,
    prefix: String,
    separator: char,
    hash_bodies: bool,
}

impl Oracle {
    /// Logs in to a server of the kit.
    pub fn login(server: &Dovecot, user: &str) -> Result<Self, TestkitError> {
        Self::connect(server.imap_port(), user, server.login_password(user))
    }

    /// Logs in to any server on 127.0.0.1, by `AUTHENTICATE PLAIN` or else by `LOGIN`.
    pub fn connect(port: u16, user: &str, password: &[u8]) -> Result<Self, TestkitError> {
        let setup = || {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = setup().map_err(TestkitError::io(format!("connecting to port {port}")))?;
        let mut oracle = Self {
            reader: BufReader::with_capacity(1 << 16, stream),
            tags: 0,
            capabilities: BTreeSet::new(),
            prefix: String::new(),
            separator: '/',
            hash_bodies: true,
        };
        let greeting = oracle.read_line()?;
        if !greeting.0.starts_with(b"* OK") {
            return Err(wrong(format!("greeting {greeting}")));
        }
        oracle.learn_capabilities()?;
        if oracle.has("AUTH=PLAIN") {
            oracle.authenticate_plain(user.as_bytes(), password)?;
        } else {
            oracle.login_command(user.as_bytes(), password)?;
        }
        oracle.learn()?;
        Ok(oracle)
    }

    fn authenticate_plain(&mut self, user: &[u8], password: &[u8]) -> Result<(), TestkitError> {
        let response = encode::base64(&[b"\0", user, b"\0", password].concat());
        let tag = self.send(b"AUTHENTICATE PLAIN")?;
        self.continuation()?;
        self.write(format!("{response}\r\n").as_bytes())?;
        let lines = self.finish(&tag)?;
        accepted("AUTHENTICATE PLAIN", lines).map(drop)
    }

    /// With literals: a password may hold what no quoted string can.
    fn login_command(&mut self, user: &[u8], password: &[u8]) -> Result<(), TestkitError> {
        let tag = self.send(format!("LOGIN {{{}}}", user.len()).as_bytes())?;
        self.continuation()?;
        self.write(user)?;
        self.write(format!(" {{{}}}\r\n", password.len()).as_bytes())?;
        self.continuation()?;
        self.write(password)?;
        self.write(b"\r\n")?;
        let lines = self.finish(&tag)?;
        accepted("LOGIN", lines).map(drop)
    }

    fn learn_capabilities(&mut self) -> Result<(), TestkitError> {
        for line in self.ok("CAPABILITY")? {
            if let Some(list) = line.text().strip_prefix("* CAPABILITY ") {
                self.capabilities = list.split(' ').map(str::to_uppercase).collect();
            }
        }
        Ok(())
    }

    fn learn(&mut self) -> Result<(), TestkitError> {
        self.learn_capabilities()?;
        if self.has("NAMESPACE") {
            for values in self.values(b"NAMESPACE", "NAMESPACE")? {
                let Some(Value::List(personal)) = values.first() else {
                    continue;
                };
                let Some(Value::List(first)) = personal.first() else {
                    continue;
                };
                let [Value::Text(prefix), Value::Text(separator), ..] = first.as_slice() else {
                    return Err(wrong("a namespace without separator"));
                };
                self.prefix = String::from_utf8_lossy(prefix).into_owned();
                self.separator = separator.first().map_or('/', |byte| char::from(*byte));
            }
        } else if let Some(values) = self.values(b"LIST \"\" \"\"", "LIST")?.first()
            && let Some(Value::Text(separator)) = values.get(1)
        {
            self.separator = separator.first().map_or('/', |byte| char::from(*byte));
        }
        Ok(())
    }

    /// Whether the server announced a capability.
    pub fn has(&self, capability: &str) -> bool {
        self.capabilities.contains(capability)
    }

    /// The prefix of the personal namespace.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The hierarchy separator.
    pub fn separator(&self) -> char {
        self.separator
    }

    /// Hierarchy components of a name from the wire, without the namespace prefix.
    pub fn components(&self, wire_name: &str) -> Result<Vec<String>, TestkitError> {
        let relative = wire_name.strip_prefix(self.prefix.as_str()).unwrap_or(wire_name);
        relative
            .split(self.separator)
            .map(|part| encode::mutf7_decode(part).ok_or_else(|| wrong(format!("folder name {wire_name:?}"))))
            .collect()
    }

    /// The name for the wire of hierarchy components.
    pub fn wire_name(&self, folder: &[impl AsRef<str>]) -> String {
        let parts: Vec<String> = folder
            .iter()
            .map(|part| encode::mutf7_encode(part.as_ref()))
            .collect();
        let joined = parts.join(&self.separator.to_string());
        // The inbox is `INBOX` in every namespace.
        if joined == "INBOX" {
            joined
        } else {
            format!("{}{joined}", self.prefix)
        }
    }

    /// As [`Oracle::wire_name`], as a quoted string.
    pub fn quoted_name(&self, folder: &[impl AsRef<str>]) -> String {
        format!(
            "\"{}\"",
            self.wire_name(folder).replace('\\', "\\\\").replace('"', "\\\"")
        )
    }

    /// Sends any command; returns all answers, the tagged one last, whether OK or not.
    pub fn command(&mut self, command: &str) -> Result<Vec<Line>, TestkitError> {
        self.command_bytes(command.as_bytes())
    }

    /// As [`Oracle::command`], for commands that are not text.
    pub fn command_bytes(&mut self, command: &[u8]) -> Result<Vec<Line>, TestkitError> {
        let tag = self.send(command)?;
        self.finish(&tag)
    }

    /// As [`Oracle::command`], with NO and BAD as errors.
    pub fn ok(&mut self, command: &str) -> Result<Vec<Line>, TestkitError> {
        let lines = self.command(command)?;
        accepted(command, lines)
    }

    /// Ends the session in good order.
    pub fn logout(mut self) -> Result<(), TestkitError> {
        let tag = self.send(b"LOGOUT")?;
        loop {
            let line = self.read_line()?;
            // The server's farewell is no error here.
            if !line.0.starts_with(b"* ") {
                is_tagged(&line.0, &tag)?;
                return accepted("LOGOUT", vec![line]).map(drop);
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TestkitError> {
        self.reader
            .get_mut()
            .write_all(bytes)
            .map_err(TestkitError::io("writing to the server"))
    }

    /// Sends a command and returns its tag.
    fn send(&mut self, command: &[u8]) -> Result<String, TestkitError> {
        self.tags += 1;
        let tag = format!("t{}", self.tags);
        let mut line = format!("{tag} ").into_bytes();
        line.extend_from_slice(command);
        line.extend_from_slice(b"\r\n");
        self.write(&line)?;
        Ok(tag)
    }

    fn read_line(&mut self) -> Result<Line, TestkitError> {
        Ok(Line(wire::flatten(&wire::read_pieces(
            &mut self.reader,
            self.hash_bodies,
        )?)))
    }

    /// Waits for the server to ask for more.
    fn continuation(&mut self) -> Result<(), TestkitError> {
        let line = self.read_line()?;
        if line.0.starts_with(b"+") {
            Ok(())
        } else {
            Err(wrong(format!("no continuation: {line}")))
        }
    }

    fn finish(&mut self, tag: &str) -> Result<Vec<Line>, TestkitError> {
        let mut lines = Vec::new();
        loop {
            let line = self.read_line()?;
            let last = is_tagged(&line.0, tag)?;
            lines.push(line);
            if last {
                return Ok(lines);
            }
        }
    }

    /// Sends a command that must succeed and hands each untagged answer to `each`.
    fn stream(
        &mut self,
        command: &[u8],
        mut each: impl FnMut(&[Piece]) -> Result<(), TestkitError>,
    ) -> Result<(), TestkitError> {
        let tag = self.send(command)?;
        loop {
            let pieces = wire::read_pieces(&mut self.reader, self.hash_bodies)?;
            let start = match pieces.first() {
                Some(Piece::Text(text)) => text.as_slice(),
                _ => &[],
            };
            if is_tagged(start, &tag)? {
                let shown = wire::shown(command);
                return accepted(&shown, vec![Line(wire::flatten(&pieces))]).map(|_| ());
            }
            each(&pieces)?;
        }
    }

    /// The parsed answers named `answer`, without the star and the name.
    fn values(&mut self, command: &[u8], answer: &str) -> Result<Vec<Vec<Value>>, TestkitError> {
        let start = format!("* {answer} ");
        let mut found = Vec::new();
        self.stream(command, |pieces| {
            if matches!(pieces.first(), Some(Piece::Text(text)) if text.starts_with(start.as_bytes())) {
                let mut values = wire::parse(pieces)?;
                values.drain(..2);
                found.push(values);
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// Whether this is the end of the command; anything but that or an untagged answer is an error.
fn is_tagged(line: &[u8], tag: &str) -> Result<bool, TestkitError> {
    if line.starts_with(format!("{tag} ").as_bytes()) {
        Ok(true)
    } else if line.starts_with(b"* BYE") {
        Err(wrong(wire::shown(line)))
    } else if line.starts_with(b"* ") {
        Ok(false)
    } else {
        Err(wrong(format!(
            "neither untagged nor {tag}: {}",
            wire::shown(line)
        )))
    }
}

fn accepted(command: &str, lines: Vec<Line>) -> Result<Vec<Line>, TestkitError> {
    let answer = lines.last().map(Line::text).unwrap_or_default();
    if answer.split(' ').nth(1) == Some("OK") {
        return Ok(lines);
    }
    Err(TestkitError::Refused {
        command: command.chars().take(200).collect(),
        answer,
    })
}
