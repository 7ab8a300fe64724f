//! CREATE (RFC 9051 section 6.3.4), RENAME (section 6.3.6) and SUBSCRIBE (section 6.3.7).

use super::{Exchange, accept};
use crate::ImapError;
use crate::wire::{Code, CommandLine, Response, Status, Tagged, WireName};

/// Makes a mailbox, and says whether it was missing.
#[derive(Debug)]
pub struct Create {
    name: WireName,
    made: bool,
}

impl Create {
    /// Of this name.
    pub fn new(name: WireName) -> Self {
        Self { name, made: false }
    }
}

impl Exchange for Create {
    type Output = bool;

    fn begin(&mut self) -> Vec<CommandLine> {
        vec![CommandLine::new("CREATE").mailbox(&self.name)]
    }

    fn untagged(&mut self, _: Response) {}

    fn tagged(&mut self, command: &'static str, reply: Tagged) -> Result<Vec<CommandLine>, ImapError> {
        if !is_there_already(&reply) {
            accept(command, reply)?;
            self.made = true;
        }
        Ok(Vec::new())
    }

    fn finish(self) -> Result<bool, ImapError> {
        Ok(self.made)
    }
}

/// By its code (RFC 5530), else by its words: older servers have no code for it.
fn is_there_already(reply: &Tagged) -> bool {
    reply.status == Status::No
        && match &reply.code {
            Some(Code::Other(code)) => code == "ALREADYEXISTS",
            Some(_) => false,
            None => reply.text.to_ascii_lowercase().contains("already exists"),
        }
}

/// Gives a mailbox another name. What lies below it goes with it.
#[derive(Debug)]
pub struct Rename {
    from: WireName,
    to: WireName,
}

impl Rename {
    /// From this name to that.
    pub fn new(from: WireName, to: WireName) -> Self {
        Self { from, to }
    }
}

impl Exchange for Rename {
    type Output = ();

    fn begin(&mut self) -> Vec<CommandLine> {
        vec![CommandLine::new("RENAME").mailbox(&self.from).mailbox(&self.to)]
    }

    fn untagged(&mut self, _: Response) {}

    fn finish(self) -> Result<(), ImapError> {
        Ok(())
    }
}

/// Subscribes to a mailbox.
#[derive(Debug)]
pub struct Subscribe {
    name: WireName,
}

impl Subscribe {
    /// Of this name. There need not be such a mailbox (RFC 9051 section 6.3.7), though some servers want it.
    pub fn new(name: WireName) -> Self {
        Self { name }
    }
}

impl Exchange for Subscribe {
    type Output = ();

    fn begin(&mut self) -> Vec<CommandLine> {
        vec![CommandLine::new("SUBSCRIBE").mailbox(&self.name)]
    }

    fn untagged(&mut self, _: Response) {}

    fn finish(self) -> Result<(), ImapError> {
        Ok(())
    }
}
