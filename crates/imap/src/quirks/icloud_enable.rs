//! **iCloud**: `ENABLE QRESYNC` is answered with OK and without `* ENABLED` (MailKit's notes; RFC 9051 section 6.3.1 wants
//! the line, even an empty one).
//!
//! Only what an ENABLED line names is on. A bare OK turns nothing on, and is no error either.

use super::outcome;
use crate::ImapError;
use crate::session::Exchange;
use crate::wire::{Capabilities, CommandLine, Response};

/// As little of ENABLE as shows what the reader makes of its answers.
#[derive(Default)]
struct Enable(Capabilities);

impl Exchange for Enable {
    type Output = Capabilities;

    fn begin(&mut self) -> Vec<CommandLine> {
        vec![CommandLine::new("ENABLE").text("QRESYNC")]
    }

    fn untagged(&mut self, response: Response) {
        if let Response::Enabled(words) = response {
            self.0 = words;
        }
    }

    fn finish(self) -> Result<Capabilities, ImapError> {
        Ok(self.0)
    }
}

#[test]
fn ok_alone_turns_nothing_on() {
    let enabled = |server: &str| outcome(Enable::default, server).unwrap();
    assert!(enabled("A1 OK ENABLE completed\r\n").is_empty());
    assert!(enabled("* ENABLED\r\nA1 OK\r\n").is_empty());
    assert!(enabled("* CAPABILITY IMAP4rev1 QRESYNC\r\nA1 OK\r\n").is_empty());
    assert!(enabled("* ENABLED qresync \r\nA1 OK\r\n").has("QRESYNC"));
}
