//! What a survey sees: a mailbox's checkpoint and its messages' rows.

use super::{FlagSet, InternalDate, ModSeq, Uid, UidValidity};

/// How far a mailbox had got when it was looked at. Two equal checkpoints mean that nothing has
/// changed in between, provided that the server keeps modification sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// UIDVALIDITY; `None` where the server gives none that is usable.
    pub uid_validity: Option<UidValidity>,
    /// The UID that the next message will get at the least; `None` where the server does not say.
    pub uid_next: Option<Uid>,
    /// HIGHESTMODSEQ (RFC 7162); `None` where the server keeps none.
    pub highest_mod_seq: Option<ModSeq>,
    /// Number of messages.
    pub messages: u32,
}

impl Checkpoint {
    /// Whether `self`, seen later, proves that nothing has changed since `earlier`.
    ///
    /// Without HIGHESTMODSEQ nothing proves it: flags may have changed.
    pub fn proves_unchanged_since(&self, earlier: &Self) -> bool {
        self == earlier
            && self.uid_validity.is_some()
            && self.uid_next.is_some()
            && self.highest_mod_seq.is_some_and(|mod_seq| mod_seq.0 > 0)
    }
}

/// One message as a survey sees it: all but its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// The UID within its mailbox.
    pub uid: Uid,
    /// System flags and keywords; `\Recent` is never among them.
    pub flags: FlagSet,
    /// INTERNALDATE; `None` where the server gives none that can be read.
    pub internal_date: Option<InternalDate>,
    /// RFC822.SIZE in octets. A hint: servers are known to be wrong about it.
    pub size: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(mod_seq: Option<u64>) -> Checkpoint {
        Checkpoint {
            uid_validity: UidValidity::new(7),
            uid_next: Uid::new(10),
            highest_mod_seq: mod_seq.map(ModSeq),
            messages: 3,
        }
    }

    #[test]
    fn only_modification_sequences_prove_that_flags_are_unchanged() {
        assert!(checkpoint(Some(5)).proves_unchanged_since(&checkpoint(Some(5))));
        assert!(!checkpoint(Some(6)).proves_unchanged_since(&checkpoint(Some(5))));
        assert!(!checkpoint(None).proves_unchanged_since(&checkpoint(None)));
        assert!(!checkpoint(Some(0)).proves_unchanged_since(&checkpoint(Some(0))));
    }
}
