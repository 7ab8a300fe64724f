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

/// Which message is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageKey {
    /// A message of ours, whatever its file is called now.
    Origin(Origin),
    /// Any message, by its file's name without the flags ([`ForeignMessage::base`](crate::ForeignMessage::base)).
    Name(Vec<u8>),
}

/// What became of all flags that were to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagUpdate {
    /// One for each message, in the order in which they were named.
    pub outcomes: Vec<FlagOutcome>,
    /// Keywords that messages should have, but for which no letter was left; in ascending order.
    pub keywords_left_out: Vec<Keyword>,
}

/// The messages that are looked for, with their places among the outcomes.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    origins: HashMap<Origin, usize>,
    names: HashMap<&'a [u8], usize>,
}

impl<'a> Wanted<'a> {
    pub(crate) fn new(keys: &'a [MessageKey]) -> Self {
        let mut wanted = Self::default();
        for (at, key) in keys.iter().enumerate() {
            match key {
                MessageKey::Origin(origin) => wanted.origins.insert(*origin, at),
                MessageKey::Name(base) => wanted.names.insert(base, at),
            };
        }
        wanted
    }

    pub(crate) fn remove(&mut self, key: &MessageKey) {
        match key {
            MessageKey::Origin(origin) => self.origins.remove(origin),
            MessageKey::Name(base) => self.names.remove(&base[..]),
        };
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.origins.is_empty() && self.names.is_empty()
    }

    /// The places of an entry: by its origin, and by its name.
    fn places(&self, entry: &Entry<'_>) -> impl Iterator<Item = usize> {
        let by_origin = entry.origin.and_then(|origin| self.origins.get(&origin));
        let by_name = self.names.get(entry.base);
        by_origin.into_iter().chain(by_name).copied()
    }
}

/// A message's file as the directory names it, or once did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName {
    pub(crate) name: Vec<u8>,
    pub(crate) is_new: bool,
}

pub(crate) fn update(
    mailbox: &OpenMailbox,
    keys: &[MessageKey],
    names: HashMap<usize, FileName>,
    mut change: impl FnMut(&MessageKey, &FlagSet) -> FlagSet,
) -> Result<FlagUpdate, MaildirError> {
    let mut lock = mailbox.lock()?;
    let mut keywords = KeywordTable::read(&mailbox.base)?;
    let mut outcomes = vec![FlagOutcome::Missing; keys.len()];
    let mut left_out = BTreeSet::new();
    let mut pending = Wanted::new(keys);
    let mut names = Some(names);
    // What has another name than was thought is looked for. And some delivery agents and mail readers rename without the
    // lock: what is gone when its turn comes is looked for once more.
    for _ in 0..3 {
        if pending.is_empty() {
            break;
        }
        let found = match names.take() {
            Some(names) => names,
            None => find(mailbox, &pending)?,
        };
        for (at, current) in found {
            lock.keep()?;
            let key = &keys[at];
            let entry = Entry::parse(&current.name, current.is_new);
            let old = keywords.flags(entry.letters);
            let new = change(key, &old);
            if let Some(outcome) = apply(mailbox, &mut keywords, &mut left_out, &entry, &old, &new)? {
                pending.remove(key);
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
    Ok(FlagUpdate {
        outcomes,
        keywords_left_out: left_out.into_iter().collect(),
    })
}

pub(crate) fn find(
    mailbox: &OpenMailbox,
    wanted: &Wanted<'_>,
) -> Result<HashMap<usize, FileName>, MaildirError> {
    let mut found = HashMap::new();
    mailbox.for_each_entry(|entry| {
        for at in wanted.places(&entry) {
            let (name, is_new) = (entry.name.to_owned(), entry.is_new);
            found.insert(at, FileName { name, is_new });
        }
        Ok(())
    })?;
    Ok(found)
}

/// [`None`] where the file has gone.
fn apply(
    mailbox: &OpenMailbox,
    keywords: &mut KeywordTable,
    left_out: &mut BTreeSet<Keyword>,
    entry: &Entry<'_>,
    old: &FlagSet,
    new: &FlagSet,
) -> Result<Option<FlagOutcome>, MaildirError> {
    let from = mailbox.place(entry.is_new);
    keywords.extend_on_disk(mailbox, new.keywords())?;
    // Keywords that have no letter cannot be set.
    let letters = keywords.letters(new, left_out);
    let letters = letters.keeping(entry.letters, |index| keywords.get(index).is_some());
    if letters == entry.letters {
        let is_there = from.stat(entry.name)?.is_some();
        return Ok(is_there.then(|| FlagOutcome::Unchanged(old.clone())));
    }
    let renamed = from.rename(entry.name, &mailbox.cur, &entry.name_with(letters))?;
    Ok(renamed.then(|| FlagOutcome::Changed(keywords.flags(letters))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Account, flags, origin, place, stage, uid, validity};
    use crate::{CommitKind, Found};

    #[test]
    fn messages_of_others_and_under_other_marks_are_known_by_their_names() {
        let account = Account::new();
        let inbox = account.inbox();
        let staged = stage(&inbox, origin(7, 1)).unwrap();
        let kind = CommitKind::Fill {
            uid_validity: validity(7),
            uid_next: None,
        };
        let mut commit = inbox.begin_commit(kind, flags("work").keywords()).unwrap();
        place(&mut commit, &[(staged, FlagSet::new())]).unwrap();
        commit.finish().unwrap();
        let other_mark = "50.V9U4T00000000000000aa.mx,S=1";
        account.write("cur/100.M1P1.mx:2,Sa", "delivered");
        account.write(&format!("cur/{other_mark}:2,"), "of another mark");
        account.write("new/101.M1P1.mx", "new");
        account.play_dovecot();

        let scan = inbox.scan().unwrap();
        let find = |base: &str| scan.find_name(base.as_bytes());
        let delivered = Found {
            uid: Some(uid(2)),
            letters: crate::Letters::parse(b"Sa"),
            is_new: false,
        };
        assert_eq!(find("100.M1P1.mx"), Some(delivered));
        assert_eq!(find(other_mark).and_then(|found| found.uid), Some(uid(3)));
        assert!(find("101.M1P1.mx").is_some_and(|found| found.is_new));
        assert_eq!(find("102.M1P1.mx"), None);

        let mut keys: Vec<MessageKey> = ["100.M1P1.mx", other_mark, "101.M1P1.mx", "gone", "../cur"]
            .map(|base| MessageKey::Name(base.into()))
            .into();
        keys.push(MessageKey::Origin(origin(7, 1)));
        let update = inbox
            .update_flags(&keys, HashMap::new(), |key, old| match key {
                MessageKey::Name(base) if base.starts_with(b"100.") => {
                    FlagSet::merge(&flags("\\Seen"), &flags("\\Flagged"), old)
                }
                _ => flags("\\Answered"),
            })
            .unwrap();
        let answered = FlagOutcome::Changed(flags("\\Answered"));
        assert_eq!(
            update.outcomes,
            [
                FlagOutcome::Changed(flags("\\Flagged work")),
                answered.clone(),
                answered.clone(),
                FlagOutcome::Missing,
                FlagOutcome::Missing,
                answered,
            ]
        );
        assert_eq!(update.keywords_left_out, []);
        let shown: Vec<String> = account.shown().into_values().collect();
        assert_eq!(
            shown,
            ["Subject: 1 R", "delivered Fa", "of another mark R", "new R"]
        );
    }

    /// A name that is right saves the search; one that is not costs nothing but the search.
    #[test]
    fn names_that_were_seen_are_tried_first_and_not_believed() {
        let account = Account::new();
        let inbox = account.inbox();
        let staged = [1, 2, 3, 4].map(|number| stage(&inbox, origin(7, number)).unwrap());
        let kind = CommitKind::Fill {
            uid_validity: validity(7),
            uid_next: None,
        };
        let mut commit = inbox.begin_commit(kind, &[]).unwrap();
        place(
            &mut commit,
            &staged.clone().map(|staged| (staged, FlagSet::new())),
        )
        .unwrap();
        commit.finish().unwrap();
        let seen = inbox.scan().unwrap();
        let names: HashMap<usize, FileName> = (staged.iter().enumerate())
            .map(|(at, staged)| (at, inbox.file_name(&seen, staged).unwrap()))
            .collect();
        // The second is flagged by its owner since, the third and the fourth are removed.
        let file = |at: usize| {
            account
                .path()
                .join("cur")
                .join(String::from_utf8(names[&at].name.clone()).unwrap())
        };
        std::fs::rename(file(1), format!("{}F", file(1).display())).unwrap();
        std::fs::remove_file(file(2)).unwrap();
        std::fs::remove_file(file(3)).unwrap();
        let keys = [1, 2, 3, 4].map(|number| MessageKey::Origin(origin(7, number)));
        let update = inbox.update_flags(&keys, names, |key, old| match key {
            MessageKey::Origin(origin) if origin.uid == uid(4) => old.clone(),
            _ => FlagSet::merge(&FlagSet::new(), &flags("\\Seen"), old),
        });
        assert_eq!(
            update.unwrap().outcomes,
            [
                FlagOutcome::Changed(flags("\\Seen")),
                FlagOutcome::Changed(flags("\\Flagged \\Seen")),
                FlagOutcome::Missing,
                FlagOutcome::Missing,
            ]
        );
        let shown: Vec<String> = account.shown().into_values().collect();
        assert_eq!(shown, ["Subject: 1 S", "Subject: 2 FS"]);
    }

    #[test]
    fn keywords_without_a_letter_are_reported() {
        let account = Account::new();
        let inbox = account.inbox();
        account.write("cur/100.M1P1.mx:2,", "x");
        let many = (0..28).map(|n| format!("k{n:02}")).collect::<Vec<_>>().join(" ");
        let keys = [MessageKey::Name(b"100.M1P1.mx".to_vec())];
        let update = inbox
            .update_flags(&keys, HashMap::new(), |_, _| flags(&many))
            .unwrap();
        assert_eq!(update.keywords_left_out, flags("k26 k27").keywords());
        let FlagOutcome::Changed(set) = &update.outcomes[0] else {
            panic!("{update:?}");
        };
        assert_eq!(set.keywords().len(), 26);
    }
}
