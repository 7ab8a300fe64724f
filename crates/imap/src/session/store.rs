//! UID STORE (RFC 9051 section 6.4.6): flags are set and taken away, each by itself.

use transhume_model::mail::{FlagSet, UidSet};

use super::Exchange;
use crate::ImapError;
use crate::wire::{CommandLine, Response};

/// Sets or takes away flags of messages. Other flags stay as they are by then.
#[derive(Debug)]
pub struct Store {
    set: UidSet,
    item: &'static str,
    flags: FlagSet,
}

impl Store {
    /// Sets these flags.
    pub fn set(set: UidSet, flags: FlagSet) -> Self {
        let item = "+FLAGS.SILENT";
        Self { set, item, flags }
    }

    /// Takes these flags away.
    pub fn clear(set: UidSet, flags: FlagSet) -> Self {
        let item = "-FLAGS.SILENT";
        Self { set, item, flags }
    }
}

impl Exchange for Store {
    type Output = ();

    fn begin(&mut self) -> Vec<CommandLine> {
        let command = CommandLine::new("UID STORE").text(self.set.to_string());
        vec![command.text(self.item).text(format!("({})", self.flags))]
    }

    fn untagged(&mut self, _: Response) {}

    fn finish(self) -> Result<(), ImapError> {
        Ok(())
    }
}
