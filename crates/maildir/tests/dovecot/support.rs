//! A Dovecot with one account, and shorthands.

use std::io::{BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use transhume_maildir::{
    Commit, Durability, MailboxDir, MaildirRoot, Options, Origin, Owner, Placed, Staged, ToPlace,
};
use transhume_model::mail::{FlagSet, InternalDate, Uid, UidValidity};
use transhume_testkit::dovecot::Builder;
use transhume_testkit::{Dovecot, Oracle};

pub(crate) const USER: &str = "amy";

pub(crate) struct Account {
    pub(crate) root: MaildirRoot,
    pub(crate) server: Dovecot,
}

impl Account {
    pub(crate) fn start() -> Self {
        Self::start_with(Dovecot::builder())
    }

    pub(crate) fn start_with(builder: Builder) -> Self {
        let server = builder.user(USER, "secret").start().unwrap();
        let (uid, gid) = server.mail_owner();
        let owner = server.chown_to().map(|_| Owner { uid, gid });
        let options = Options {
            owner,
            durability: Durability::Batch,
            ..Options::default()
        };
        let maildir = server.maildir(USER);
        let home = maildir.parent().unwrap();
        std::fs::create_dir_all(home).unwrap();
        if owner.is_some() {
            std::os::unix::fs::chown(home, Some(uid), Some(gid)).unwrap();
        }
        let root = MaildirRoot::open(maildir, options).unwrap();
        Self { root, server }
    }

    pub(crate) fn login(&self) -> Oracle {
        Oracle::login(&self.server, USER).unwrap()
    }

    /// Delivers a message.
    pub(crate) fn lmtp(&self, subject: &str) {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.server.lmtp_port())).unwrap();
        let mut input = BufReader::new(stream.try_clone().unwrap());
        let mut say = |line: &str, code: &str| {
            let mut stream = &stream;
            stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
            expect(&mut input, code);
        };
        say("LHLO test", "220");
        say("MAIL FROM:<a@example.org>", "250");
        say(&format!("RCPT TO:<{USER}>"), "250");
        say("DATA", "250");
        say(&format!("Subject: {subject}\r\n\r\ntext\r\n."), "354");
        say("QUIT", "250");
    }
}

/// Reads one answer, of several lines perhaps. Each is one step behind: the greeting comes first.
fn expect(input: &mut impl std::io::BufRead, code: &str) {
    loop {
        let mut line = String::new();
        input.read_line(&mut line).unwrap();
        assert!(line.starts_with(code), "{line:?} instead of {code}");
        if line.as_bytes().get(3) == Some(&b' ') {
            return;
        }
    }
}

pub(crate) fn uid(value: u32) -> Uid {
    Uid::new(value).unwrap()
}

pub(crate) fn validity(value: u32) -> UidValidity {
    UidValidity::new(value).unwrap()
}

pub(crate) fn flags(words: &str) -> FlagSet {
    words.split_whitespace().collect()
}

pub(crate) fn origin(source_validity: u32, value: u32) -> Origin {
    Origin {
        tag: *b"8 octets",
        uid_validity: UidValidity::new(source_validity),
        uid: uid(value),
    }
}

pub(crate) fn stage(mailbox: &MailboxDir, origin: Origin, date: InternalDate, bytes: &[u8]) -> Staged {
    // The UID is not known before the message has come, as with many a server.
    let mut file = mailbox.stage(origin.tag).begin(None).unwrap();
    file.write(bytes).unwrap();
    file.finish(origin, date).unwrap()
}

pub(crate) fn place(commit: &mut Commit, messages: &[(Staged, FlagSet)]) -> Vec<Placed> {
    let page: Vec<ToPlace<'_>> = messages
        .iter()
        .map(|(staged, flags)| ToPlace {
            staged,
            flags,
            twin: None,
        })
        .collect();
    commit.place(&page).unwrap()
}

pub(crate) fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for &byte in bytes {
        if byte == b'\n' && out.last() != Some(&b'\r') {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out
}
