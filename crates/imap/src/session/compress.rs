//! COMPRESS (RFC 4978).

use super::Exchange;
use crate::ImapError;
use crate::wire::{CommandLine, Response, Status, Tagged};

/// Asks the server to compress from here on. Comes to whether it does: every octet after its OK is compressed then, in
/// both directions. A refusal is no error, for everything goes on as it was.
#[derive(Debug, Default)]
pub struct Compress {
    agreed: bool,
}

impl Exchange for Compress {
    type Output = bool;

    fn begin(&mut self) -> Vec<CommandLine> {
        vec![CommandLine::new("COMPRESS").text("DEFLATE")]
    }

    fn untagged(&mut self, _: Response) {}

    fn tagged(&mut self, _: &'static str, reply: Tagged) -> Result<Vec<CommandLine>, ImapError> {
        self.agreed = reply.status == Status::Ok;
        Ok(Vec::new())
    }

    fn finish(self) -> Result<bool, ImapError> {
        Ok(self.agreed)
    }
}
