//! EXAMINE (RFC 9051 section 6.3.3).

use transhume_model::mail::{Checkpoint, FlagSet};

use super::Exchange;
use crate::ImapError;
use crate::wire::{Code, CommandLine, Response, WireName};

/// Opens a mailbox for reading and says how far it has got.
#[derive(Debug)]
pub struct Examine {
    name: WireName,
    found: Examined,
}

/// What EXAMINE tells of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// How far it has got. Some servers tell UIDNEXT only by STATUS.
    pub checkpoint: Checkpoint,
    /// The flags in use.
    pub flags: FlagSet,
    /// The flags that can be stored for good; `None` where the server does not say. Many servers say "none"
    /// of a mailbox that is open for reading only.
    pub permanent_flags: Option<FlagSet>,
}

impl Default for Examined {
    fn default() -> Self {
        let checkpoint = Checkpoint {
            uid_validity: None,
            uid_next: None,
            highest_mod_seq: None,
            messages: 0,
        };
        Self {
            checkpoint,
            flags: FlagSet::new(),
            permanent_flags: None,
        }
    }
}

impl Examine {
    /// Of this mailbox.
    pub fn new(name: WireName) -> Self {
        Self {
            name,
            found: Examined::default(),
        }
    }

    /// The command line, for who sends it without running the exchange.
    pub fn command(name: &WireName) -> CommandLine {
        CommandLine::new("EXAMINE").mailbox(name)
    }

    /// What has been told so far.
    pub fn found(&self) -> &Examined {
        &self.found
    }
}

impl Exchange for Examine {
    type Output = Examined;

    fn begin(&mut self) -> Vec<CommandLine> {
        vec![Self::command(&self.name)]
    }

    fn untagged(&mut self, response: Response) {
        let checkpoint = &mut self.found.checkpoint;
        match response {
            Response::Exists(messages) => checkpoint.messages = messages,
            Response::Flags(flags) => self.found.flags = flags,
            Response::Status(status) => match status.code {
                Some(Code::UidValidity(value)) => checkpoint.uid_validity = value,
                Some(Code::UidNext(value)) => checkpoint.uid_next = value,
                Some(Code::HighestModSeq(value)) => checkpoint.highest_mod_seq = value,
                Some(Code::NoModSeq) => checkpoint.highest_mod_seq = None,
                Some(Code::PermanentFlags { flags, .. }) => self.found.permanent_flags = Some(flags),
                // All that came before was about the mailbox that was open until now.
                Some(Code::Closed) => self.found = Examined::default(),
                _ => {}
            },
            _ => {}
        }
    }

    fn finish(self) -> Result<Examined, ImapError> {
        Ok(self.found)
    }
}
