//! A server that speaks a recorded conversation, for servers that cannot be had here. It does not
//! understand IMAP: it only says its lines and checks the client's.
//!
//! A transcript has one step per line; empty lines and lines starting with `#` are ignored.
//!
//! * `S: text` - the server sends the text and CRLF. A first word that was a tag in an earlier `C:` line
//!   is replaced by the tag the client really used.
//! * `S-RAW: text` - the server sends exactly the text, with `\r`, `\n`, `\t`, `\\` and `\xHH` for bytes:
//!   for literals, broken lines and partial answers.
//! * `S-FILL: count byte` - the server sends that many times the byte, written as in `S-RAW`.
//! * `C: tag text` - the client must send this command. `*` stands for any text, `\*` for a star; upper and
//!   lower case of the command are the same. The tag is the transcript's name for whatever tag comes.
//! * `C-LINE: text` - the client must send this line without a tag, as after a continuation.
//! * `C-RAW: text` - the client must send exactly these bytes, written as in `S-RAW`.
//! * `C-SKIP: count` - the client must send this many bytes, whatever they are.
//! * `CLOSE:` - the server closes the connection; the next step is on a new one.
//! * `EOF:` - the client must close the connection; the next step is on a new one.
//! * `WAIT: milliseconds` - the server says nothing for a while.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::TestkitError;

const TIMEOUT: Duration = Duration::from_secs(20);

/// The server; [`ScriptedServer::join`] tells whether the client kept to the transcript.
#[derive(Debug)]
pub struct ScriptedServer {
    port: u16,
    thread: JoinHandle<Result<(), TestkitError>>,
}

#[derive(Debug, Clone)]
enum Step {
    Send { text: String },
    SendRaw(Vec<u8>),
    Expect { tag: String, pattern: String },
    ExpectLine(String),
    ExpectRaw(Vec<u8>),
    Skip(usize),
    Close,
    Eof,
    Wait(Duration),
}

impl ScriptedServer {
    /// Reads the transcript and listens on a free port of 127.0.0.1.
    pub fn start(transcript: &str) -> Result<Self, TestkitError> {
        let steps = parse(transcript)?;
        let error = || TestkitError::io("starting the scripted server");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(error())?;
        let port = listener.local_addr().map_err(error())?.port();
        listener.set_nonblocking(true).map_err(error())?;
        let thread = thread::spawn(move || {
            Player {
                listener,
                client: None,
                tags: Vec::new(),
            }
            .play(&steps)
        });
        Ok(Self { port, thread })
    }

    /// Where the client connects.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits for the end of the transcript; the first deviation of the client is the error.
    pub fn join(self) -> Result<(), TestkitError> {
        self.thread.join().unwrap()
    }
}

fn parse(transcript: &str) -> Result<Vec<(usize, Step)>, TestkitError> {
    let mut steps = Vec::new();
    for (index, line) in transcript.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = |detail: &str| TestkitError::Transcript {
            line: index + 1,
            detail: format!("{detail}: {line}"),
        };
        let (word, rest) = line.split_once(':').ok_or_else(|| bad("not a step"))?;
        let rest = rest.strip_prefix(' ').unwrap_or(rest);
        let bytes = |text: &str| unescape(text).ok_or_else(|| bad("a bad escape"));
        let step = match word {
            "S" => Step::Send {
                text: rest.to_owned(),
            },
            "S-RAW" => Step::SendRaw(bytes(rest)?),
            "S-FILL" => {
                let (count, byte) = rest.split_once(' ').ok_or_else(|| bad("count and byte wanted"))?;
                let count: usize = count.parse().map_err(|_| bad("no number"))?;
                Step::SendRaw(bytes(byte)?.repeat(count))
            }
            "C" => {
                let (tag, pattern) = rest
                    .split_once(' ')
                    .ok_or_else(|| bad("tag and command wanted"))?;
                Step::Expect {
                    tag: tag.to_owned(),
                    pattern: pattern.to_owned(),
                }
            }
            "C-LINE" => Step::ExpectLine(rest.to_owned()),
            "C-RAW" => Step::ExpectRaw(bytes(rest)?),
            "C-SKIP" => Step::Skip(rest.parse().map_err(|_| bad("no number"))?),
            "CLOSE" => Step::Close,
            "EOF" => Step::Eof,
            "WAIT" => Step::Wait(Duration::from_millis(rest.parse().map_err(|_| bad("no number"))?)),
            _ => return Err(bad("an unknown step")),
        };
        steps.push((index + 1, step));
    }
    Ok(steps)
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (&kind, after) = rest.split_first()?;
        rest = after;
        out.push(match kind {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'\\' => b'\\',
            b'x' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                rest = &rest[2..];
                u8::from_str_radix(digits, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(out)
}

struct Player {
    listener: TcpListener,
    client: Option<BufReader<TcpStream>>,
    /// Tags of the transcript and what the client used instead.
    tags: Vec<(String, String)>,
}

impl Player {
    fn play(mut self, steps: &[(usize, Step)]) -> Result<(), TestkitError> {
        for (line, step) in steps {
            self.step(step)
                .map_err(|detail| TestkitError::Transcript { line: *line, detail })?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Wait(time) => thread::sleep(*time),
            Step::Close => {
                self.client()?;
                self.client = None;
            }
            Step::Eof => {
                let mut byte = [0];
                // A client that does not wait for its last answer may reset the connection.
                if let Ok(1..) = self.client()?.read(&mut byte) {
                    return Err(format!("the client still sends {:?}", char::from(byte[0])));
                }
                self.client = None;
            }
            Step::Send { text } => {
                let mut line = text.clone();
                let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
                if let Some((_, real)) = self.tags.iter().rev().find(|(tag, _)| tag == word) {
                    line = format!("{real} {rest}");
                }
                line.push_str("\r\n");
                self.send(line.as_bytes())?;
            }
            Step::SendRaw(bytes) => self.send(bytes)?,
            Step::Expect { tag, pattern } => {
                let line = self.line()?;
                let (real, command) = line.split_once(' ').unwrap_or((&line, ""));
                if !matches(&pattern.to_uppercase(), &command.to_uppercase()) {
                    return Err(format!("expected {pattern:?}, the client sent {line:?}"));
                }
                self.tags.push((tag.clone(), real.to_owned()));
            }
            Step::ExpectLine(pattern) => {
                let line = self.line()?;
                if !matches(pattern, &line) {
                    return Err(format!("expected {pattern:?}, the client sent {line:?}"));
                }
            }
            Step::ExpectRaw(bytes) => {
                let mut got = vec![0; bytes.len()];
                self.client()?
                    .read_exact(&mut got)
                    .map_err(|error| error.to_string())?;
                if got != *bytes {
                    let (want, got) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&got));
                    return Err(format!("expected {want:?}, the client sent {got:?}"));
                }
            }
            Step::Skip(count) => {
                let mut got = vec![0; *count];
                self.client()?
                    .read_exact(&mut got)
                    .map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    /// The connection, accepted when first needed.
    fn client(&mut self) -> Result<&mut BufReader<TcpStream>, String> {
        if self.client.is_none() {
            let deadline = Instant::now() + TIMEOUT;
            let stream = loop {
                match self.listener.accept() {
                    Ok((stream, _)) => break stream,
                    Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(2)),
                    Err(error) => return Err(format!("no connection: {error}")),
                }
            };
            let text = |error: std::io::Error| error.to_string();
            stream.set_nonblocking(false).map_err(text)?;
            stream.set_nodelay(true).map_err(text)?;
            stream.set_read_timeout(Some(TIMEOUT)).map_err(text)?;
            stream.set_write_timeout(Some(TIMEOUT)).map_err(text)?;
            self.client = Some(BufReader::new(stream));
            self.tags.clear();
        }
        Ok(self.client.as_mut().unwrap())
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.client()?
            .get_mut()
            .write_all(bytes)
            .map_err(|error| format!("the client does not listen: {error}"))
    }

    fn line(&mut self) -> Result<String, String> {
        let mut line = Vec::new();
        self.client()?
            .read_until(b'\n', &mut line)
            .map_err(|error| format!("the client says nothing: {error}"))?;
        let text = line
            .strip_suffix(b"\r\n")
            .ok_or_else(|| format!("not a line with CRLF: {:?}", String::from_utf8_lossy(&line)))?;
        Ok(String::from_utf8_lossy(text).into_owned())
    }
}

/// Whether `text` is as `pattern`, where `*` is any text and `\*` a star.
fn matches(pattern: &str, text: &str) -> bool {
    let mut chars = pattern.chars();
    match chars.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = chars.as_str();
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| matches(rest, &text[at..]))
        }
        Some('\\') if chars.as_str().starts_with('*') => text
            .strip_prefix('*')
            .is_some_and(|text| matches(&chars.as_str()[1..], text)),
        Some(ch) => text
            .strip_prefix(ch)
            .is_some_and(|text| matches(chars.as_str(), text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(matches("LOGIN * *", "LOGIN a b"));
        assert!(matches("*", ""));
        assert!(matches("FETCH 1:\\* (*)", "FETCH 1:* (UID)"));
        assert!(!matches("FETCH 1:\\* (*)", "FETCH 1:5 (UID)"));
        assert!(!matches("NOOP", "NOOP2"));
    }

    fn talk(transcript: &str, client: &str) -> (String, Result<(), TestkitError>) {
        let server = ScriptedServer::start(transcript).unwrap();
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
        stream.write_all(client.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = String::new();
        let _ = stream.read_to_string(&mut said);
        (said, server.join())
    }

    const TRANSCRIPT: &str = "
        # A greeting, a command, a literal each way.
        S: * OK ready
        C: a1 login * *
        S-RAW: * 1 X {3}\\r\\nab\\x00
        S: )
        S: a1 OK
        C: a2 APPEND x {2}
        S: + go
        C-RAW: hi
        C-LINE:
        S: a2 OK done
        EOF:";

    #[test]
    fn a_client_that_keeps_to_it() {
        let (said, result) = talk(TRANSCRIPT, "x9 LOGIN u p\r\nx10 append x {2}\r\nhi\r\n");
        assert_eq!(
            said,
            "* OK ready\r\n* 1 X {3}\r\nab\0)\r\nx9 OK\r\n+ go\r\nx10 OK done\r\n"
        );
        result.unwrap();
    }

    #[test]
    fn a_client_that_does_not() {
        let (_, result) = talk(TRANSCRIPT, "x9 LOGIN u p\r\nx10 NOOP\r\n");
        assert!(
            matches!(result, Err(TestkitError::Transcript { line: 8, .. })),
            "{result:?}"
        );
        assert!(ScriptedServer::start("X: what").is_err());
    }
}
