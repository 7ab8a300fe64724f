//! Renames: a mailbox that the source calls by another name now is not brought a second time.

use std::collections::{BTreeMap, HashMap, HashSet};

use transhume_db::MailboxRecord;
use transhume_imap::session::{FetchRows, ListedMailbox};
use transhume_model::mail::{Checkpoint, MailboxName, MessageRow, UidSet};
use transhume_model::plan::{
    MailboxBase, NameRules, Note, SourceMailbox, certain, holds_the_same, perhaps_renamed, plan_tree,
};

use crate::error::SyncError;
use crate::survey::Surveyor;

/// Messages that are looked at to know a mailbox again.
const SAMPLES: u32 = 8;

/// Mailboxes that are opened for that in one survey. Where more could have been renamed, they are brought as new ones.
const OPENED: usize = 200;

impl Surveyor<'_> {
    /// Enters under their new names the records of mailboxes that were renamed on the source. Gives the new names.
    pub(crate) async fn find_renames(
        &mut self,
        mailboxes: &[ListedMailbox],
        names: NameRules,
        records: &mut BTreeMap<MailboxName, MailboxRecord>,
        notes: &mut Vec<Note>,
    ) -> Result<HashSet<MailboxName>, SyncError> {
        let numbers =
            |listed: &ListedMailbox| listed.checkpoint.and_then(|checkpoint| checkpoint.uid_validity);
        let listed: HashMap<&MailboxName, _> = mailboxes
            .iter()
            .map(|listed| (&listed.name, numbers(listed)))
            .collect();
        // Gone, or another has taken its name.
        let lost: Vec<MailboxRecord> = records
            .values()
            .filter(|record| !record.source.is_inbox() && record.base.uid_validity.is_some())
            .filter(|record| listed.get(&record.source) != Some(&record.base.uid_validity))
            .cloned()
            .collect();
        let appeared: Vec<(&ListedMailbox, Checkpoint)> = mailboxes
            .iter()
            .filter(|listed| listed.selectable && !listed.name.is_inbox())
            .filter(|listed| self.selection.takes(&listed.name))
            .filter(|listed| match records.get(&listed.name) {
                Some(record) => record.base.uid_validity != numbers(listed),
                None => true,
            })
            .filter_map(|listed| Some((listed, listed.checkpoint?)))
            .collect();
        let bases: Vec<MailboxBase> = lost.iter().map(|record| record.base).collect();
        let checkpoints: Vec<Checkpoint> = appeared.iter().map(|(_, checkpoint)| *checkpoint).collect();
        let mut confirmed = Vec::new();
        for (from, to) in perhaps_renamed(&bases, &checkpoints).into_iter().take(OPENED) {
            if self.is_same(&lost[from], appeared[to].0).await? {
                confirmed.push((from, to));
            }
        }
        let moves = certain(&confirmed);
        let taken: Vec<MailboxRecord> = moves
            .iter()
            .filter_map(|&(from, _)| records.remove(&lost[from].source))
            .collect();
        let mut renamed = HashSet::new();
        for (mut record, (_, to)) in taken.into_iter().zip(moves) {
            let now = &appeared[to].0.name;
            // What is known under that name is of a mailbox that is there no more, and nobody knows where it has gone.
            if records.contains_key(now) {
                records.insert(record.source.clone(), record);
                continue;
            }
            notes.push(Note::Moved {
                before: record.source.clone(),
                now: now.clone(),
            });
            let is_its_owners_name = record.target != self.name_of(&record.source, names);
            record.source = now.clone();
            if is_its_owners_name {
                // I7: it stays what its owner calls it.
                if !self.dry {
                    self.base.rename_mailbox(record.id, now, &record.target).await?;
                }
            } else {
                renamed.insert(now.clone());
            }
            records.insert(now.clone(), record);
        }
        Ok(renamed)
    }

    /// What a mailbox of the source is called on the target, if nothing else has that name.
    fn name_of(&self, source: &MailboxName, names: NameRules) -> MailboxName {
        let alone = SourceMailbox {
            name: source.clone(),
            selectable: true,
            special_use: None,
        };
        let plan = plan_tree(&[alone], &[], &BTreeMap::new(), self.selection, names);
        let planned = plan.mailboxes.into_iter().next();
        planned.map_or_else(|| source.clone(), |planned| planned.target)
    }

    /// Notes where the owner of the target has given mailboxes other names: what comes for them goes there from now on.
    pub(crate) async fn find_renamed_here(
        &mut self,
        records: &mut BTreeMap<MailboxName, MailboxRecord>,
        notes: &mut Vec<Note>,
    ) -> Result<(), SyncError> {
        let filled: Vec<MailboxRecord> = records
            .values()
            .filter(|record| !record.target.is_inbox() && record.base.target_uid_validity.is_some())
            .cloned()
            .collect();
        let counterparts: Vec<_> = filled.iter().map(|record| self.counterpart(record)).collect();
        let taken: HashSet<MailboxName> = records.values().map(|record| record.target.clone()).collect();
        for (at, now) in self.target.renamed_by_owner(&counterparts, &taken).await? {
            let found = &filled[at];
            if !self.dry {
                self.base.rename_mailbox(found.id, &found.source, &now).await?;
            }
            notes.push(Note::RenamedHere {
                before: found.target.clone(),
                now: now.clone(),
            });
            if let Some(record) = records.get_mut(&found.source) {
                record.target = now;
            }
        }
        Ok(())
    }

    async fn is_same(&mut self, record: &MailboxRecord, listed: &ListedMailbox) -> Result<bool, SyncError> {
        let samples = self.base.samples(record.id, SAMPLES).await?;
        if samples.is_empty() {
            return Ok(false);
        }
        let set: UidSet = samples.iter().map(|sample| sample.uid).collect();
        match self.sampled_rows(listed, set).await {
            Ok(rows) => Ok(holds_the_same(&samples, &rows)),
            // One that cannot be opened is not known again: what becomes of it is told when it is read.
            Err(error) if error.is_refusal() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn sampled_rows(
        &mut self,
        listed: &ListedMailbox,
        set: UidSet,
    ) -> Result<Vec<MessageRow>, SyncError> {
        self.connection.examine(&listed.wire_name).await?;
        Ok(self.connection.run(FetchRows::new(set)).await?.rows)
    }

    /// Lets the target's mailbox and the base follow. The mailbox first: were it the other way round and we ended in between, it
    /// would look as if its owner had removed it. Where it cannot follow (its owner has made one of that name, or has renamed it
    /// himself), it stays what it is called.
    pub(crate) async fn follow_rename(
        &mut self,
        mut record: MailboxRecord,
        target: &MailboxName,
    ) -> Result<MailboxRecord, SyncError> {
        if self.dry {
            self.still_at.insert(record.id, record.target.clone());
            record.target = target.clone();
            return Ok(record);
        }
        if record.target != *target
            && (self.target.rename_mailbox(&record.target, target).await?
                || self.has_followed(&record, target).await?)
        {
            record.target = target.clone();
        }
        self.base
            .rename_mailbox(record.id, &record.source, &record.target)
            .await?;
        Ok(record)
    }

    /// Whether an earlier run has renamed the target's mailbox, and ended before it could say so.
    async fn has_followed(&self, record: &MailboxRecord, target: &MailboxName) -> Result<bool, SyncError> {
        let known = record.base.target_uid_validity;
        let mut renamed = record.clone();
        renamed.target = target.clone();
        let before = self.target.state(&self.counterpart(record)).await?;
        let now = self.target.state(&self.counterpart(&renamed)).await?;
        Ok(!before.exists && known.is_some() && now.header.map(|header| header.uid_validity) == known)
    }
}
