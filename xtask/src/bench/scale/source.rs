//! A made-up source: one mailbox of as many messages as wanted, each made when it is asked for. It speaks as much IMAP as
//! reading an account takes (RFC 3501, LITERAL+, LIST-EXTENDED, LIST-STATUS), pipelined, over any number of connections,
//! and notes when how many messages had been served.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::Context;

const CAPABILITIES: &str =
    "IMAP4rev1 SASL-IR AUTH=PLAIN LITERAL+ NAMESPACE LIST-EXTENDED LIST-STATUS UIDPLUS";
const UID_VALIDITY: u32 = 1_600_000_000;

/// Parts of the messages at whose ends the time is noted.
pub(super) const PARTS: u64 = 10;

/// What is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// How many messages; their UIDs are 1 and so on.
    pub(super) messages: u32,
    /// Octets of each.
    pub(super) octets: u64,
}

/// The server; dropping it closes all its connections.
pub(super) struct Source {
    port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

struct Shared {
    shape: Shape,
    stopping: AtomicBool,
    served: AtomicU64,
    /// When the first text began, and when each tenth of them had been served.
    marks: Mutex<Vec<Instant>>,
    open: Mutex<Vec<TcpStream>>,
}

impl Source {
    /// Listens on a free port of 127.0.0.1. Everybody may log in.
    pub(super) fn start(shape: Shape) -> anyhow::Result<Self> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a port for the made-up source")?;
        let port = socket.local_addr().context("the made-up source's port")?.port();
        let shared = Arc::new(Shared {
            shape,
            stopping: AtomicBool::new(false),
            served: AtomicU64::new(0),
            marks: Mutex::new(Vec::new()),
            open: Mutex::new(Vec::new()),
        });
        let for_thread = Arc::clone(&shared);
        let listener = thread::spawn(move || {
            for client in socket.incoming().flatten() {
                if for_thread.stopping.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&for_thread);
                // A client that is gone is no concern of ours.
                thread::spawn(move || {
                    let _ = Session::start(shared, client).and_then(Session::serve);
                });
            }
        });
        Ok(Self {
            port,
            shared,
            listener: Some(listener),
        })
    }

    /// Where clients connect.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// When the first text began, and when each tenth of the messages had been served.
    pub(super) fn marks(&self) -> Vec<Instant> {
        self.shared
            .marks
            .lock()
            .map(|marks| marks.clone())
            .unwrap_or_default()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        if let Ok(open) = self.shared.open.lock() {
            for stream in open.iter() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}

impl Shared {
    fn mark(&self) {
        if let Ok(mut marks) = self.marks.lock() {
            marks.push(Instant::now());
        }
    }

    /// Notes that one more text has been served. Those that are served again count no more.
    fn count(&self) {
        let served = self.served.fetch_add(1, Ordering::SeqCst) + 1;
        let (all, before) = (u64::from(self.shape.messages), served - 1);
        if served <= all && served * PARTS / all > before * PARTS / all {
            self.mark();
        }
    }
}

struct Session {
    shared: Arc<Shared>,
    input: BufReader<TcpStream>,
    output: BufWriter<TcpStream>,
    filler: Vec<u8>,
}

impl Session {
    fn start(shared: Arc<Shared>, client: TcpStream) -> io::Result<Self> {
        client.set_nodelay(true)?;
        if let Ok(mut open) = shared.open.lock() {
            open.push(client.try_clone()?);
        }
        Ok(Self {
            shared,
            input: BufReader::with_capacity(1 << 16, client.try_clone()?),
            output: BufWriter::with_capacity(1 << 18, client),
            filler: b"All work and no play makes a mailbox of a million messages a dull one.\r\n"
                .repeat(1000),
        })
    }

    /// Until the client has gone or has said good-bye; then the connection is closed, though it stands in the list.
    fn serve(mut self) -> io::Result<()> {
        let result = self.answer_all();
        self.output.get_ref().shutdown(Shutdown::Both)?;
        result
    }

    fn answer_all(&mut self) -> io::Result<()> {
        self.say(&format!("* OK [CAPABILITY {CAPABILITIES}] made-up source\r\n"))?;
        loop {
            // What is ready is sent before anything is waited for, and not before that.
            if self.input.buffer().is_empty() {
                self.output.flush()?;
            }
            let Some(line) = self.command()? else {
                return Ok(());
            };
            let (tag, command) = line.split_once(' ').unwrap_or((&line, ""));
            if !self.answer(tag, command)? {
                return self.output.flush();
            }
        }
    }

    /// A command with its literals; `None` at the end.
    fn command(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        loop {
            if self.input.read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let literal = text.rsplit_once('{').and_then(|(_, rest)| rest.strip_suffix('}'));
            let Some(length) = literal else {
                return Ok(Some(text));
            };
            if !length.ends_with('+') {
                self.say("+ go on\r\n")?;
                self.output.flush()?;
            }
            let length = length.trim_end_matches('+').parse().map_err(io::Error::other)?;
            let mut literal = vec![0; length];
            io::Read::read_exact(&mut self.input, &mut literal)?;
            line.extend_from_slice(&literal);
        }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.output.write_all(text.as_bytes())
    }

    /// Answers one command; `false` after the last.
    fn answer(&mut self, tag: &str, command: &str) -> io::Result<bool> {
        let upper = command.to_ascii_uppercase();
        let word = upper.split(' ').next().unwrap_or_default();
        match word {
            "CAPABILITY" => self.say(&format!("* CAPABILITY {CAPABILITIES}\r\n"))?,
            "AUTHENTICATE" if upper.split(' ').count() < 3 => {
                self.say("+ \r\n")?;
                self.output.flush()?;
                self.input.read_until(b'\n', &mut Vec::new())?;
            }
            "LOGIN" | "AUTHENTICATE" | "ENABLE" | "NOOP" | "CLOSE" | "UNSELECT" => {}
            "NAMESPACE" => self.say("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n")?,
            "LIST" | "LSUB" => {
                self.say(&format!(
                    "* {word} (\\Subscribed \\HasNoChildren) \"/\" INBOX\r\n"
                ))?;
                if upper.contains("STATUS (") {
                    self.status()?;
                }
            }
            "STATUS" => self.status()?,
            "EXAMINE" | "SELECT" => {
                let messages = self.shared.shape.messages;
                let next = messages + 1;
                self.say(&format!(
                    "* FLAGS (\\Seen)\r\n* OK [PERMANENTFLAGS ()] read-only\r\n* {messages} EXISTS\r\n* 0 RECENT\r\n\
                     * OK [UIDVALIDITY {UID_VALIDITY}] numbers\r\n* OK [UIDNEXT {next}] numbers\r\n"
                ))?;
            }
            "UID" if upper.starts_with("UID FETCH ") => self.fetch(&upper["UID FETCH ".len()..])?,
            "LOGOUT" => {
                self.say(&format!("* BYE\r\n{tag} OK\r\n"))?;
                return Ok(false);
            }
            _ => {
                self.say(&format!(
                    "{tag} BAD this source is made up and does not know {word}\r\n"
                ))?;
                return Ok(true);
            }
        }
        self.say(&format!("{tag} OK done\r\n"))?;
        Ok(true)
    }

    fn status(&mut self) -> io::Result<()> {
        let messages = self.shared.shape.messages;
        let next = messages + 1;
        self.say(&format!(
            "* STATUS INBOX (MESSAGES {messages} UIDNEXT {next} UIDVALIDITY {UID_VALIDITY})\r\n"
        ))
    }

    fn fetch(&mut self, asked: &str) -> io::Result<()> {
        let (set, items) = asked.split_once(' ').unwrap_or((asked, ""));
        let with_text = items.contains("BODY.PEEK[]") || items.contains("BODY[]");
        let shape = self.shared.shape;
        let mut row = String::new();
        for (first, last) in ranges(set, shape.messages) {
            for uid in first..=last {
                row.clear();
                // Writing to a string cannot fail.
                let _ = write!(row, "* {uid} FETCH (UID {uid}");
                for (item, value) in [
                    ("FLAGS", "(\\Seen)"),
                    ("INTERNALDATE", "\"14-Jul-2017 02:40:00 +0000\""),
                ] {
                    if items.contains(item) {
                        let _ = write!(row, " {item} {value}");
                    }
                }
                if items.contains("RFC822.SIZE") {
                    let _ = write!(row, " RFC822.SIZE {}", shape.octets);
                }
                if with_text {
                    let _ = write!(row, " BODY[] {{{}}}\r\n", shape.octets);
                    self.say(&row)?;
                    self.text(uid)?;
                    row.clear();
                }
                row.push_str(")\r\n");
                self.say(&row)?;
            }
        }
        Ok(())
    }

    /// Exactly as many octets as announced, different for each message.
    fn text(&mut self, uid: u32) -> io::Result<()> {
        if self.shared.served.load(Ordering::SeqCst) == 0 {
            self.shared.mark();
        }
        let head = format!(
            "From: Archive <archive@example.org>\r\nTo: Office <office@example.org>\r\nSubject: number {uid}\r\n\
             Message-ID: <{uid}@example.org>\r\nDate: Fri, 14 Jul 2017 02:40:00 +0000\r\n\r\n"
        );
        let mut left = self.shared.shape.octets;
        for part in std::iter::once(head.as_bytes()).chain(std::iter::repeat(self.filler.as_slice())) {
            let take = usize::try_from(left).unwrap_or(usize::MAX).min(part.len());
            self.output.write_all(&part[..take])?;
            left -= take as u64;
            if left == 0 {
                break;
            }
        }
        self.shared.count();
        Ok(())
    }
}

/// The UIDs that a set names and that exist, as ranges; what is no set names none.
fn ranges(set: &str, last: u32) -> Vec<(u32, u32)> {
    let number = |text: &str| {
        if text == "*" {
            Some(last)
        } else {
            text.parse().ok()
        }
    };
    set.split(',')
        .filter_map(|range| {
            let (from, to) = range.split_once(':').unwrap_or((range, range));
            let (from, to): (u32, u32) = (number(from)?, number(to)?);
            Some((from.min(to).max(1), from.max(to).min(last)))
        })
        .filter(|(from, to)| from <= to)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn sets_are_read() {
        for (set, wanted) in [
            ("1", vec![(1, 1)]),
            ("1:3,7,9:*", vec![(1, 3), (7, 7), (9, 10)]),
            ("*:8", vec![(8, 10)]),
            ("8:4294967295", vec![(8, 10)]),
            ("11,20:30,x", vec![]),
        ] {
            assert_eq!(ranges(set, 10), wanted, "{set}");
        }
    }

    fn talk(shape: Shape, client: &str) -> (String, usize) {
        let source = Source::start(shape).unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, source.port())).unwrap();
        stream.write_all(client.as_bytes()).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        (said, source.marks().len())
    }

    #[test]
    fn many_commands_at_once_are_answered_in_their_order() {
        let shape = Shape {
            messages: 20,
            octets: 300,
        };
        let (said, marks) = talk(
            shape,
            "a LOGIN {2+}\r\nme {3}\r\nyou\r\nb LIST \"\" \"*\" RETURN (SUBSCRIBED STATUS (MESSAGES))\r\nc EXAMINE INBOX\r\n\
             d UID FETCH 3:4 (UID FLAGS INTERNALDATE RFC822.SIZE)\r\ne UID FETCH 1:9,10:* (UID BODY.PEEK[])\r\n\
             f SEARCH ALL\r\ng LOGOUT\r\n",
        );
        let tagged: Vec<&str> = said
            .lines()
            .filter(|line| line.as_bytes().get(1) == Some(&b' ') && !line.starts_with(['*', '+']))
            .collect();
        assert_eq!(
            tagged,
            [
                "a OK done",
                "b OK done",
                "c OK done",
                "d OK done",
                "e OK done",
                "f BAD this source is made up and does not know SEARCH",
                "g OK",
            ]
        );
        let row = "* 4 FETCH (UID 4 FLAGS (\\Seen) INTERNALDATE \"14-Jul-2017 02:40:00 +0000\" RFC822.SIZE 300)\r\n";
        assert!(said.contains(row), "{said}");
        assert!(said.contains("* STATUS INBOX (MESSAGES 20 UIDNEXT 21 "), "{said}");
        let texts: Vec<&str> = said.split(" BODY[] {300}\r\n").skip(1).collect();
        assert_eq!(texts.len(), 20);
        assert!(texts.iter().all(|text| text.as_bytes()[300..303] == *b")\r\n"));
        assert!(texts[19].contains("Subject: number 20\r\n"));
        assert_eq!(marks, 11);
    }
}
