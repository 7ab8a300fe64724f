//! Removing messages that this program has brought, and nobody has touched since.

use transhume_model::mail::FlagSet;

use crate::error::MaildirError;
use crate::flags::{MessageKey, Wanted, find};
use crate::keywords::KeywordTable;
use crate::name::Entry;
use crate::open::OpenMailbox;

/// What became of a message that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone now.
    Removed,
    /// It is not as it was thought to be, and stays.
    Kept,
    /// There was no such message.
    Missing,
}

/// Removes those of `keys` whose flags, as they are now, `may_go` agrees to. The outcomes are in the order of `keys`.
pub(crate) fn remove(
    mailbox: &OpenMailbox,
    keys: &[MessageKey],
    mut may_go: impl FnMut(&MessageKey, &FlagSet) -> bool,
) -> Result<Vec<Removal>, MaildirError> {
    let mut lock = mailbox.lock()?;
    let keywords = KeywordTable::read(&mailbox.base)?;
    let mut outcomes = vec![Removal::Missing; keys.len()];
    let mut pending = Wanted::new(keys);
    // A file is removed by its whole name: when its flags have changed in between it has another, and is looked at again.
    for _ in 0..2 {
        if pending.is_empty() {
            break;
        }
        for (at, current) in find(mailbox, &pending)? {
            lock.keep()?;
            let key = &keys[at];
            let entry = Entry::parse(&current.name, current.is_new);
            if !may_go(key, &keywords.flags(entry.letters)) {
                outcomes[at] = Removal::Kept;
            } else if mailbox.place(current.is_new).remove(&current.name)? {
                outcomes[at] = Removal::Removed;
            } else {
                continue;
            }
            pending.remove(key);
        }
    }
    if outcomes.contains(&Removal::Removed) {
        mailbox.sync(&mailbox.cur)?;
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Account, flags};

    /// I7, I14
    #[test]
    fn only_what_is_as_it_was_is_removed() {
        let account = Account::new();
        let inbox = account.inbox();
        account.write("cur/100.M1P1.mx:2,S", "as it was");
        account.write("cur/101.M1P1.mx:2,FS", "flagged since");
        account.write("cur/102.M1P1.mx:2,S", "of nobody's concern");
        let keys: Vec<MessageKey> = ["100.M1P1.mx", "101.M1P1.mx", "103.M1P1.mx"]
            .map(|base| MessageKey::Name(base.into()))
            .into();
        let outcomes = inbox.remove(&keys, |_, now| *now == flags("\\Seen")).unwrap();
        assert_eq!(outcomes, [Removal::Removed, Removal::Kept, Removal::Missing]);
        let left = |name: &str| account.path().join(name).exists();
        assert!(!left("cur/100.M1P1.mx:2,S") && left("cur/101.M1P1.mx:2,FS") && left("cur/102.M1P1.mx:2,S"));
    }
}
