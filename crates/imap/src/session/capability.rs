//! The greeting (RFC 9051 section 7.1) and CAPABILITY (section 6.1.1).

use super::Exchange;
use crate::ImapError;
use crate::wire::{Capabilities, Code, CommandLine, Event, Response, Status};

/// What a server says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// Log in.
    Ok,
    /// The connection is logged in already.
    PreAuth,
}

impl Greeting {
    /// Reads the first event of a connection. (BYE is an error before it comes here.)
    pub fn read(event: &Event) -> Result<Self, ImapError> {
        match event {
            Event::Response(Response::Status(greeting)) if greeting.status == Status::Ok => Ok(Self::Ok),
            Event::Response(Response::Status(greeting)) if greeting.status == Status::PreAuth => {
                Ok(Self::PreAuth)
            }
            Event::Response(Response::Unknown(unknown)) => {
                Err(ImapError::protocol("this is not an IMAP server", &unknown.raw))
            }
            // As POP3 servers begin.
            Event::Response(Response::Continue(text)) => {
                Err(ImapError::protocol("this is not an IMAP server", text.as_bytes()))
            }
            _ => Err(ImapError::protocol(
                "the server does not greet as IMAP servers do",
                b"",
            )),
        }
    }
}

/// Asks what the server can do.
#[derive(Debug, Default)]
pub struct ReadCapabilities {
    found: Capabilities,
}

impl Exchange for ReadCapabilities {
    type Output = Capabilities;

    fn begin(&mut self) -> Vec<CommandLine> {
        vec![CommandLine::new("CAPABILITY")]
    }

    fn untagged(&mut self, response: Response) {
        if let Response::Capability(capabilities) = response {
            self.found = capabilities;
        } else if let Response::Status(status) = response
            && let Some(Code::Capability(capabilities)) = status.code
        {
            self.found = capabilities;
        }
    }

    fn finish(self) -> Result<Capabilities, ImapError> {
        Ok(self.found)
    }
}
