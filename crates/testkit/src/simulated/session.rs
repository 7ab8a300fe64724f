//! One connection's conversation.

use std::io::{self, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use super::outlet::Outlet;
use super::request::{self, Word};
use super::{LOGIN, Shared, hold};
use crate::encode::unbase64;

/// Commands that would change something.
const WRITING: &[&str] = &[
    "SELECT",
    "CREATE",
    "DELETE",
    "RENAME",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "APPEND",
    "EXPUNGE",
    "STORE",
    "COPY",
    "MOVE",
    "SETACL",
    "DELETEACL",
    "SETMETADATA",
    "SETQUOTA",
];

/// How a command ended: OK, NO or BAD, and words.
pub(super) type Verdict = Result<String, Trouble>;

/// A command that did not end well.
pub(super) enum Trouble {
    /// It cannot be done.
    No(String),
    /// It makes no sense.
    Bad(String),
    /// It would have changed something.
    Write,
    /// The connection is over.
    Gone(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a command comes to")]
pub(super) fn ok(words: &str) -> Verdict {
    Ok(words.to_owned())
}

pub(super) fn no(words: &str) -> Trouble {
    Trouble::No(words.to_owned())
}

pub(super) fn bad(words: &str) -> Trouble {
    Trouble::Bad(words.to_owned())
}

/// The mailbox that is open.
pub(super) struct Open {
    pub(super) name: String,
    pub(super) uid_validity: u32,
    /// The UIDs that the client knows of, by their sequence numbers.
    pub(super) known: Vec<u32>,
}

pub(super) struct Session<'a> {
    pub(super) shared: &'a Shared,
    pub(super) abilities: Vec<&'static str>,
    pub(super) open: Option<Open>,
    pub(super) has_qresync: bool,
    pub(super) out: Outlet,
    input: BufReader<TcpStream>,
    logged_in: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(shared: &'a Shared, input: TcpStream, out: Outlet) -> Self {
        Self {
            shared,
            abilities: hold(&shared.abilities).clone(),
            open: None,
            has_qresync: false,
            out,
            input: BufReader::new(input),
            logged_in: false,
        }
    }

    pub(super) fn has(&self, ability: &str) -> bool {
        self.abilities.contains(&ability)
    }

    /// Until the client has gone.
    pub(super) fn run(mut self) -> io::Result<()> {
        write!(self.out, "* OK [{}] ready\r\n", self.capability())?;
        self.out.flush()?;
        while let Some(command) = request::command(&mut self.input, &mut self.out)? {
            let words = match command {
                Ok(words) if words.len() > 1 => words,
                Ok(_) => {
                    hold(&self.shared.nonsense).push("a line without a command".to_owned());
                    write!(self.out, "* BAD what?\r\n")?;
                    self.out.flush()?;
                    continue;
                }
                Err(tag) => {
                    hold(&self.shared.nonsense).push(format!("{tag}: unbalanced"));
                    write!(self.out, "{tag} BAD this cannot be read\r\n")?;
                    self.out.flush()?;
                    continue;
                }
            };
            let tag = words[0].text().unwrap_or_default();
            let verdict = self.answer(&words[1..]);
            match verdict {
                Ok(words) => write!(self.out, "{tag} OK {words}\r\n")?,
                Err(Trouble::No(words)) => write!(self.out, "{tag} NO {words}\r\n")?,
                Err(Trouble::Bad(reason)) => {
                    hold(&self.shared.nonsense).push(format!("{:?}: {reason}", &words[1..]));
                    write!(self.out, "{tag} BAD {reason}\r\n")?;
                }
                Err(Trouble::Write) => {
                    hold(&self.shared.writes).push(format!("{:?}", &words[1..]));
                    write!(self.out, "{tag} NO [NOPERM] this server is only read\r\n")?;
                }
                Err(Trouble::Gone(error)) => return Err(error),
            }
            self.out.flush()?;
            if words[1].is("LOGOUT") {
                return Ok(());
            }
        }
        Ok(())
    }

    fn capability(&self) -> String {
        let mut words = vec!["CAPABILITY", "IMAP4rev1"];
        words.extend(&self.abilities);
        words.join(" ")
    }

    fn answer(&mut self, words: &[Word]) -> Verdict {
        let number = self.shared.commands.fetch_add(1, Ordering::SeqCst);
        let change = hold(&self.shared.change).take_if(|(at, _)| *at == number);
        if let Some((_, change)) = change {
            change(&mut hold(&self.shared.account));
        }
        let refusal = hold(&self.shared.refusal).take_if(|(at, _)| *at == number);
        if let Some((_, words)) = refusal {
            return Err(no(words));
        }
        let Some(name) = words[0].text().map(|name| name.to_uppercase()) else {
            return Err(bad("no command"));
        };
        let (name, arguments) = match (name.as_str(), words.get(1).and_then(Word::text)) {
            ("UID", Some(second)) => (format!("UID {}", second.to_uppercase()), &words[2..]),
            _ => (name, &words[1..]),
        };
        let plain_name = name.strip_prefix("UID ").unwrap_or(&name);
        if WRITING.contains(&plain_name) {
            return Err(Trouble::Write);
        }
        match name.as_str() {
            "CAPABILITY" => {
                write!(self.out, "* {}\r\n", self.capability())?;
                return ok("done");
            }
            "LOGOUT" => {
                write!(self.out, "* BYE see you\r\n")?;
                return ok("done");
            }
            "NOOP" => {
                self.tell_news()?;
                return ok("done");
            }
            "LOGIN" => return self.log_in(arguments),
            "AUTHENTICATE" if self.has("AUTH=PLAIN") => return self.authenticate(arguments),
            _ if !self.logged_in => return Err(bad("log in first")),
            _ => {}
        }
        match name.as_str() {
            "NAMESPACE" if self.has("NAMESPACE") => {
                write!(self.out, "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n")?;
                ok("done")
            }
            "ENABLE" if self.has("ENABLE") => self.enable(arguments),
            "LIST" => self.list(arguments),
            "LSUB" => self.list_subscriptions(),
            "STATUS" => self.status(arguments),
            "EXAMINE" => self.examine(arguments),
            "FETCH" => self.fetch(arguments, false),
            "UID FETCH" => self.fetch(arguments, true),
            "CLOSE" | "UNSELECT" => {
                self.open = None;
                ok("done")
            }
            _ => Err(bad("not a command here")),
        }
    }

    fn log_in(&mut self, arguments: &[Word]) -> Verdict {
        let told: Vec<Option<String>> = arguments.iter().map(Word::text).collect();
        let expected = [Some(LOGIN.0.to_owned()), Some(LOGIN.1.to_owned())];
        self.logged_in = told == expected;
        if self.logged_in {
            Ok(format!("[{}] welcome", self.capability()))
        } else {
            Err(no("[AUTHENTICATIONFAILED] not you"))
        }
    }

    fn authenticate(&mut self, arguments: &[Word]) -> Verdict {
        if !arguments.first().is_some_and(|word| word.is("PLAIN")) {
            return Err(no("not this way"));
        }
        let response = if let Some(response) = arguments.get(1).and_then(Word::text) {
            response
        } else {
            self.out.write_all(b"+ \r\n")?;
            self.out.flush()?;
            let line = request::line(&mut self.input)?;
            let line = line.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
            String::from_utf8(line).map_err(|_| bad("no base64"))?
        };
        let told = unbase64(&response).ok_or_else(|| bad("no base64"))?;
        self.logged_in = told == format!("\0{}\0{}", LOGIN.0, LOGIN.1).into_bytes();
        if self.logged_in {
            ok("welcome")
        } else {
            Err(no("[AUTHENTICATIONFAILED] not you"))
        }
    }

    fn enable(&mut self, arguments: &[Word]) -> Verdict {
        let mut enabled = String::new();
        for name in ["CONDSTORE", "QRESYNC"] {
            if self.has(name) && arguments.iter().any(|word| word.is(name)) {
                enabled = format!("{enabled} {name}");
                self.has_qresync |= name == "QRESYNC";
            }
        }
        write!(self.out, "* ENABLED{enabled}\r\n")?;
        ok("done")
    }
}
