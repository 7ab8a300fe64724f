//! What somebody typed.

use std::fmt;

use super::Refusal;
use crate::directory::password::LONGEST;
use crate::directory::{Address, Login, Secret};

/// A login that is tried. `Debug` does not show the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Who they say that they are.
    pub name: Name,
    /// What they say to prove it, in UTF-8.
    pub password: Secret,
}

/// A name as it is compared: in lower case, without blanks around it, its domain in A-labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Name {
    /// An address.
    Address(Address),
    /// A word without `@`, as administrators may have. No old server is asked about such.
    Word(Login),
}

/// Where somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Mail is read.
    Imap,
    /// Mail is fetched.
    Pop3,
    /// Mail is sent.
    Smtp,
    /// Something else about mail, such as filter scripts.
    OtherMail,
    /// A page, which needs no mailbox.
    Web,
}

impl Attempt {
    /// Reads what was typed. What no old server would take either is refused here: line ends would be commands there.
    pub fn read(name: &str, password: &[u8]) -> Result<Self, Refusal> {
        if name.contains(['\r', '\n', '\0'])
            || password.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0))
        {
            return Err(Refusal::LineEnd);
        }
        if password.is_empty() {
            return Err(Refusal::NoPassword);
        }
        if password.len() > LONGEST {
            return Err(Refusal::LongPassword);
        }
        // It could be checked nowhere but at the old server, and would have to be stored as something else than was typed.
        if std::str::from_utf8(password).is_err() {
            return Err(Refusal::NotUtf8);
        }
        let name = if name.contains('@') {
            Name::Address(Address::parse(name).map_err(Refusal::Name)?)
        } else {
            Name::Word(Login::parse(name).map_err(Refusal::Name)?)
        };
        Ok(Self {
            name,
            password: Secret::new(password.to_vec()),
        })
    }

    /// The password as text.
    pub fn password(&self) -> &str {
        // It was looked at when it was read.
        std::str::from_utf8(self.password.reveal()).unwrap_or_default()
    }
}

impl Name {
    /// The login that would be theirs.
    pub fn login(&self) -> Login {
        match self {
            Self::Address(address) => Login::from(address),
            Self::Word(login) => login.clone(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Word(login) => login.fmt(f),
        }
    }
}

impl Door {
    /// The door of what Dovecot calls a service.
    pub fn of_service(service: &str) -> Self {
        match service.to_ascii_lowercase().as_str() {
            "imap" => Self::Imap,
            "pop3" => Self::Pop3,
            "smtp" | "submission" => Self::Smtp,
            _ => Self::OtherMail,
        }
    }

    /// Whether whoever comes in sees their mail.
    pub fn shows_mail(self) -> bool {
        matches!(self, Self::Imap | Self::Pop3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_spelling_and_passwords_stay_as_they_are() {
        for (name, password, read) in [
            ("Alice@OLD.example", "pass", Ok("alice@old.example")),
            ("  alice@old.example\t", "pass", Ok("alice@old.example")),
            ("alice@bücher.example", " p w ", Ok("alice@xn--bcher-kva.example")),
            ("Admin", "x", Ok("admin")),
            (
                "alice@old.example",
                "grün & 100% \"#;=[]",
                Ok("alice@old.example"),
            ),
            ("@old.example", "pass", Err("is not an address")),
            ("", "pass", Err("it is empty")),
            ("alice@old.example\r\nA1 DELETE INBOX", "pass", Err("line end")),
            ("alice@old.example", "pass\nword", Err("line end")),
            ("alice@old.example", "pa\0ss", Err("line end")),
            ("alice@old.example", "", Err("no password")),
            ("two words", "pass", Err("blanks")),
        ] {
            match (Attempt::read(name, password.as_bytes()), read) {
                (Ok(attempt), Ok(expected)) => {
                    assert_eq!(attempt.name.to_string(), expected);
                    assert_eq!(attempt.password(), password);
                    // I10: what is printed for programmers shows no secret.
                    assert!(format!("{attempt:?}").ends_with("password: Secret(…) }"));
                }
                (Err(refusal), Err(says)) => {
                    let words = refusal.to_string();
                    assert!(words.contains(says), "{words}");
                    assert!(!words.contains("pass\n"), "{words}");
                }
                (read, expected) => panic!("{name:?}: {read:?} instead of {expected:?}"),
            }
        }
        assert_eq!(Attempt::read("a", b"gr\xfcn"), Err(Refusal::NotUtf8));
        assert_eq!(Attempt::read("a", &[b'a'; 513]), Err(Refusal::LongPassword));
    }

    #[test]
    fn doors_of_services() {
        for (service, door) in [
            ("imap", Door::Imap),
            ("IMAP", Door::Imap),
            ("pop3", Door::Pop3),
            ("smtp", Door::Smtp),
            ("submission", Door::Smtp),
            ("sieve", Door::OtherMail),
            ("", Door::OtherMail),
        ] {
            assert_eq!(Door::of_service(service), door, "{service}");
        }
    }
}
