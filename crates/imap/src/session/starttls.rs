//! STARTTLS (RFC 9051 section 6.2.1).

use super::Exchange;
use crate::ImapError;
use crate::wire::{CommandLine, Response, Status, Tagged};

/// Asks the server to begin TLS. Whatever it has sent after its OK was sent in the clear and must not be
/// believed: the connection is to be given up then.
#[derive(Debug, Default)]
pub struct StartTls;

impl Exchange for StartTls {
    type Output = ();

    fn begin(&mut self) -> Vec<CommandLine> {
        vec![CommandLine::new("STARTTLS")]
    }

    fn untagged(&mut self, _: Response) {}

    fn tagged(&mut self, _: &'static str, reply: Tagged) -> Result<Vec<CommandLine>, ImapError> {
        match reply.status {
            Status::Ok => Ok(Vec::new()),
            _ => Err(ImapError::StartTlsRefused),
        }
    }

    fn finish(self) -> Result<(), ImapError> {
        Ok(())
    }
}
