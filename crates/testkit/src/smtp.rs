//! Both ends of SMTP (RFC 5321): a client that hands in mail, and a server that keeps what it is given.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::encode;
use crate::error::TestkitError;

const TIMEOUT: Duration = Duration::from_mins(1);

/// One connection to a server.
#[derive(Debug)]
pub struct Smtp {
    reader: BufReader<TcpStream>,
}

impl Smtp {
    /// Connects, and says hello.
    pub fn connect(port: u16) -> Result<Self, TestkitError> {
        let setup = || {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let stream = setup().map_err(TestkitError::io("connecting for SMTP"))?;
        let mut smtp = Self {
            reader: BufReader::new(stream),
        };
        smtp.reply()?;
        smtp.command("EHLO client.example.net")?;
        Ok(smtp)
    }

    /// Logs in with AUTH PLAIN (RFC 4616) and returns the reply.
    pub fn login(&mut self, user: &str, password: &str) -> Result<String, TestkitError> {
        let message = encode::base64(format!("\0{user}\0{password}").as_bytes());
        self.command(&format!("AUTH PLAIN {message}"))
    }

    /// Hands in a message, without lines that begin with a dot. Returns the reply that decided: that of the recipient when it
    /// is refused, else that of the message.
    pub fn send(&mut self, from: &str, to: &str, message: &str) -> Result<String, TestkitError> {
        self.command("RSET")?;
        let sender = self.command(&format!("MAIL FROM:<{from}>"))?;
        if !sender.starts_with('2') {
            return Ok(sender);
        }
        let recipient = self.command(&format!("RCPT TO:<{to}>"))?;
        if !recipient.starts_with('2') {
            return Ok(recipient);
        }
        self.command("DATA")?;
        self.write(message)?;
        self.command(".")
    }

    /// Sends a line, and returns the last line of the reply.
    pub fn command(&mut self, line: &str) -> Result<String, TestkitError> {
        self.write(&format!("{line}\r\n"))?;
        self.reply()
    }

    fn write(&mut self, text: &str) -> Result<(), TestkitError> {
        self.reader
            .get_mut()
            .write_all(text.as_bytes())
            .map_err(TestkitError::io("sending by SMTP"))
    }

    fn reply(&mut self) -> Result<String, TestkitError> {
        loop {
            let mut line = String::new();
            let read = self.reader.read_line(&mut line);
            if read.map_err(TestkitError::io("reading SMTP"))? == 0 {
                return Err(TestkitError::Protocol(
                    "SMTP: the connection was closed".to_owned(),
                ));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.trim_end().to_owned());
            }
        }
    }
}

/// A server that takes everything, but for recipients whose local part is `nobody`, and remembers to whom it was.
#[derive(Debug)]
pub struct SmtpSink {
    port: u16,
    recipients: Arc<Mutex<Vec<String>>>,
}

impl SmtpSink {
    /// Listens. It ends with the test program.
    pub fn start() -> Result<Self, TestkitError> {
        let listen = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            Ok((listener.local_addr()?.port(), listener))
        };
        let (port, listener) = listen().map_err(TestkitError::io("listening for SMTP"))?;
        let recipients = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&recipients);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || serve(stream, &kept));
            }
        });
        Ok(Self { port, recipients })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The recipients of all messages that were taken.
    pub fn recipients(&self) -> Vec<String> {
        self.recipients.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut pending: Vec<String> = Vec::new();
    let mut in_text = false;
    reader.get_mut().write_all(b"220 sink ESMTP\r\n").ok()?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        let answer = if in_text {
            if line != "." {
                continue;
            }
            in_text = false;
            kept.lock().unwrap().append(&mut pending);
            "250 taken"
        } else if let Some(rest) = line.strip_prefix("RCPT TO:<") {
            let recipient = rest.split('>').next().unwrap_or_default();
            if recipient.starts_with("nobody@") {
                "550 5.1.1 nobody"
            } else {
                pending.push(recipient.to_owned());
                "250 fine"
            }
        } else if line == "DATA" {
            in_text = true;
            "354 go on"
        } else if line == "QUIT" {
            "221 bye"
        } else {
            if line.starts_with("MAIL") || line == "RSET" {
                pending.clear();
            }
            "250 fine"
        };
        reader
            .get_mut()
            .write_all(format!("{answer}\r\n").as_bytes())
            .ok()?;
    }
}
