//! Every message's row: `UID FETCH set (UID FLAGS INTERNALDATE RFC822.SIZE)` (RFC 9051 section 6.4.9), and where in a mailbox
//! its messages lie.

use transhume_model::mail::{MessageRow, ModSeq, UidSet};

use super::Exchange;
use crate::ImapError;
use crate::wire::{CommandLine, Fetch, Response};

const ROW_ITEMS: &str = "(UID FLAGS INTERNALDATE RFC822.SIZE)";

/// Fetches the rows of a set of messages. The set must not be empty.
#[derive(Debug)]
pub struct FetchRows {
    set: UidSet,
    found: Rows,
}

/// Rows in the server's order, which is ascending on all servers but broken ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<MessageRow>,
    /// FETCH responses that could not be read; the messages they were about are missing from the rows.
    pub unreadable: usize,
}

impl FetchRows {
    /// Of these messages.
    pub fn new(set: UidSet) -> Self {
        Self {
            set,
            found: Rows::default(),
        }
    }

    /// The command line, for who sends it without running the exchange.
    pub fn command(set: &UidSet) -> CommandLine {
        CommandLine::new("UID FETCH")
            .text(set.to_string())
            .text(ROW_ITEMS)
    }

    /// The command line for the rows of those messages only that have come or changed since (RFC 7162 section 3.1.4.1). The
    /// server must have announced CONDSTORE.
    pub fn command_since(set: &UidSet, since: ModSeq) -> CommandLine {
        Self::command(set).text(format!("(CHANGEDSINCE {})", since.0))
    }

    /// The command line that asks which UIDs the messages at these places have (sequence numbers, from 1, ascending).
    pub fn command_places(places: &[u32]) -> CommandLine {
        let places: Vec<String> = places.iter().map(u32::to_string).collect();
        CommandLine::new("FETCH").text(places.join(",")).text("(UID)")
    }

    /// The row that a response holds. `None` for a response that tells of changed flags only, as servers send
    /// unasked: it has no size. A size that cannot be read counts as 0.
    pub fn row(fetch: &Fetch) -> Option<MessageRow> {
        Some(MessageRow {
            uid: fetch.uid?,
            size: fetch.size?.unwrap_or(0),
            flags: fetch.flags.clone().unwrap_or_default(),
            internal_date: fetch.internal_date,
        })
    }
}

impl Exchange for FetchRows {
    type Output = Rows;

    fn begin(&mut self) -> Vec<CommandLine> {
        vec![Self::command(&self.set)]
    }

    fn untagged(&mut self, response: Response) {
        match response {
            Response::Fetch(fetch) => self.found.rows.extend(Self::row(&fetch)),
            Response::Unknown(unknown) if unknown.fetch => self.found.unreadable += 1,
            _ => {}
        }
    }

    fn finish(self) -> Result<Rows, ImapError> {
        Ok(self.found)
    }
}
