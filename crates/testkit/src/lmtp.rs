//! Delivers mail as a mail server does (RFC 2033).

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use crate::dovecot::Dovecot;
use crate::error::TestkitError;
use crate::wire::wrong;

const TIMEOUT: Duration = Duration::from_mins(1);

/// One connection, for any number of messages.
#[derive(Debug)]
pub struct Lmtp {
    reader: BufReader<TcpStream>,
}

impl Lmtp {
    /// Connects to a server of the kit.
    pub fn connect(server: &Dovecot) -> Result<Self, TestkitError> {
        let setup = || {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.lmtp_port()))?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = setup().map_err(TestkitError::io("connecting for delivery"))?;
        let mut lmtp = Self {
            reader: BufReader::new(stream),
        };
        lmtp.reply("220")?;
        lmtp.command("LHLO client.example.org", "250")?;
        Ok(lmtp)
    }

    /// Delivers one message, with CRLF line ends and no line that begins with a dot. When this returns, the server has it.
    pub fn deliver(&mut self, user: &str, message: &[u8]) -> Result<(), TestkitError> {
        self.command("MAIL FROM:<sender@example.org>", "250")?;
        self.command(&format!("RCPT TO:<{user}>"), "250")?;
        self.command("DATA", "354")?;
        self.write(message)?;
        self.command(".", "250")
    }

    fn command(&mut self, line: &str, expected: &str) -> Result<(), TestkitError> {
        self.write(format!("{line}\r\n").as_bytes())?;
        self.reply(expected)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), TestkitError> {
        self.reader
            .get_mut()
            .write_all(bytes)
            .map_err(TestkitError::io("delivering"))
    }

    /// Reads a reply to its last line.
    fn reply(&mut self, expected: &str) -> Result<(), TestkitError> {
        loop {
            let mut line = String::new();
            self.reader
                .read_line(&mut line)
                .map_err(TestkitError::io("delivering"))?;
            if !line.starts_with(expected) {
                return Err(wrong(format!("LMTP: {line:?} instead of {expected}")));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}
