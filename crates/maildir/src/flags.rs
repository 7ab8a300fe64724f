//! Flags of messages that are in the mailbox already.

use std::collections::{BTreeSet, HashMap};

use transhume_model::mail::{FlagSet, Keyword};

use crate::error::MaildirError;
use crate::keywords::KeywordTable;
use crate::name::{Entry, Origin};
use crate::open::OpenMailbox;

/// What became of one message's flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagOutcome {
    /// It has these flags now.
    Changed(FlagSet),
    /// It has had them already.
    Unchanged(FlagSet),
    /// There is no such message.
    Missing,
}

/// A message's file as the directory named it.
struct Current {
    name: Vec<u8>,
    is_new: bool,
}

pub(crate) fn update(
    mailbox: &OpenMailbox,
    origins: &[Origin],
    mut change: impl FnMut(&Origin, &FlagSet) -> FlagSet,
) -> Result<Vec<FlagOutcome>, MaildirError> {
    let mut lock = mailbox.lock()?;
    let mut keywords = KeywordTable::read(&mailbox.base)?;
    let mut outcomes = vec![FlagOutcome::Missing; origins.len()];
    let mut pending: HashMap<Origin, usize> = origins
        .iter()
        .enumerate()
        .map(|(at, origin)| (*origin, at))
        .collect();
    // Some delivery agents and mail readers rename without the lock: what is gone when its turn comes is looked
    // for once more.
    for _ in 0..2 {
        if pending.is_empty() {
            break;
        }
        for (at, current) in find(mailbox, &pending)? {
            lock.keep()?;
            let origin = &origins[at];
            let entry = Entry::parse(&current.name, current.is_new);
            let old = keywords.flags(entry.letters);
            let new = change(origin, &old);
            if let Some(outcome) = apply(mailbox, &mut keywords, &entry, &old, &new)? {
                pending.remove(origin);
                outcomes[at] = outcome;
            }
        }
    }
    if outcomes
        .iter()
        .any(|outcome| matches!(outcome, FlagOutcome::Changed(_)))
    {
        mailbox.sync(&mailbox.cur)?;
    }
    Ok(outcomes)
}

fn find(
    mailbox: &OpenMailbox,
    wanted: &HashMap<Origin, usize>,
) -> Result<HashMap<usize, Current>, MaildirError> {
    let mut found = HashMap::new();
    mailbox.for_each_entry(|entry| {
        if let Some(&at) = entry.origin.and_then(|origin| wanted.get(&origin)) {
            let (name, is_new) = (entry.name.to_owned(), entry.is_new);
            found.insert(at, Current { name, is_new });
        }
        Ok(())
    })?;
    Ok(found)
}

/// [`None`] where the file has gone.
fn apply(
    mailbox: &OpenMailbox,
    keywords: &mut KeywordTable,
    entry: &Entry<'_>,
    old: &FlagSet,
    new: &FlagSet,
) -> Result<Option<FlagOutcome>, MaildirError> {
    keywords.extend_on_disk(mailbox, new.keywords())?;
    // Keywords that have no letter cannot be set; the outcome shows that they are not.
    let letters = keywords.letters(new, &mut BTreeSet::<Keyword>::new());
    let letters = letters.keeping(entry.letters, |index| keywords.get(index).is_some());
    if letters == entry.letters {
        return Ok(Some(FlagOutcome::Unchanged(old.clone())));
    }
    let from = mailbox.place(entry.is_new);
    let renamed = from.rename(entry.name, &mailbox.cur, &entry.name_with(letters))?;
    Ok(renamed.then(|| FlagOutcome::Changed(keywords.flags(letters))))
}
