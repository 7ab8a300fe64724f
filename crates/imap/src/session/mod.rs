//! One file per exchange: what to send, and what the answers mean. No I/O.

mod append;
mod capability;
mod compress;
mod create;
mod dialogue;
mod examine;
mod fetch_bodies;
mod fetch_rows;
mod list;
mod login;
mod namespace;
mod select;
mod starttls;
mod store;

pub use append::{Append, Appended, ReadAppendLimit, ToAppend};
pub use capability::{Greeting, ReadCapabilities};
pub use compress::Compress;
pub use create::{Create, Rename, Subscribe};
pub use dialogue::{Dialogue, Running};
pub use examine::{Examine, Examined};
pub use fetch_bodies::{BodyEvent, FetchBodies};
pub use fetch_rows::{FetchRows, Rows};
pub use list::{List, ListedMailbox, Listing};
pub use login::Login;
pub use namespace::PersonalNamespace;
pub use select::{Select, Selected};
pub use starttls::StartTls;
pub use store::Store;

use crate::ImapError;
use crate::wire::{CommandLine, Response, Status, Tagged};

/// An exchange: one or more commands, and what their answers come to.
///
/// Whoever runs it sends the commands of [`begin`](Exchange::begin) at once, hands over every response in the order
/// in which they come, sends what [`tagged`](Exchange::tagged) asks for, and calls [`finish`](Exchange::finish)
/// when no command is unanswered.
pub trait Exchange {
    /// What it comes to.
    type Output;

    /// The commands to begin with.
    fn begin(&mut self) -> Vec<CommandLine>;

    /// An untagged response.
    fn untagged(&mut self, response: Response);

    /// The reply to one of the commands, with the command's name. Commands are answered in their order. Gives the
    /// commands to go on with.
    fn tagged(&mut self, command: &'static str, reply: Tagged) -> Result<Vec<CommandLine>, ImapError> {
        accept(command, reply).map(|_| Vec::new())
    }

    /// All commands have been answered.
    fn finish(self) -> Result<Self::Output, ImapError>;

    /// Takes secrets out of an error that came up while this exchange was going on.
    fn redact(&self, error: ImapError) -> ImapError {
        error
    }
}

/// The reply, if it is OK; else the error that it is.
pub fn accept(command: &'static str, reply: Tagged) -> Result<Tagged, ImapError> {
    if reply.status == Status::Ok {
        return Ok(reply);
    }
    Err(ImapError::refused(command, reply))
}

#[cfg(test)]
mod tests;
