//! Survey: what both sides look like now, and which mailboxes have to be read at all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use transhume_db::{Base, MailboxId, MailboxRecord};
use transhume_imap::Connection;
use transhume_imap::session::{ListedMailbox, Listing};
use transhume_model::mail::{Checkpoint, InternalDate, MailboxName};
use transhume_model::plan::{
    Deletions, Known, MailboxBase, MailboxStep, Note, Reading, Selection, SourceMailbox, TreePlan,
    decide_reading, plan_tree,
};

use crate::endpoint::{Counterpart, Look, Place, Target, Wanted};
use crate::error::SyncError;
use crate::report::{Counts, MailboxReport, MailboxState};
use crate::work::Work;

/// What a survey found.
pub(crate) struct Survey {
    pub(crate) tree: TreePlan,
    /// Mailboxes that have to be read.
    pub(crate) works: Vec<Work>,
    /// Where their messages go.
    pub(crate) places: HashMap<MailboxId, Arc<dyn Place>>,
    /// A report for each mailbox of the tree, in its order.
    pub(crate) reports: Vec<MailboxReport>,
    /// Whether the target was changed on the way: mailboxes made, pairs forgotten.
    pub(crate) changed: bool,
    /// Lines of the source's list that could not be read.
    pub(crate) unreadable: usize,
}

/// What a survey needs.
pub(crate) struct Surveyor<'a> {
    pub(crate) connection: &'a mut Connection,
    pub(crate) base: &'a Base,
    pub(crate) target: &'a dyn Target,
    pub(crate) account: &'a str,
    pub(crate) selection: &'a Selection,
    /// Whether to look only: then nothing is made.
    pub(crate) dry: bool,
    /// Whether this pass has read before.
    pub(crate) had_trouble: bool,
    /// Whether mailboxes are made that the target has not.
    pub(crate) makes_mailboxes: bool,
    pub(crate) deletions: Deletions,
    pub(crate) now: InternalDate,
    /// In a dry run, where mailboxes lie that would be renamed.
    pub(crate) still_at: HashMap<MailboxId, MailboxName>,
}

impl Surveyor<'_> {
    /// Looks at both sides. Unless the run is dry, mailboxes that the target lacks are entered in the base and made.
    pub(crate) async fn survey(mut self) -> Result<Survey, SyncError> {
        let listing = self.connection.list().await?;
        self.target.begin_round().await?;
        let names = self.target.name_rules().await?;
        let mut records: BTreeMap<MailboxName, MailboxRecord> = self
            .base
            .mailboxes()
            .await?
            .into_iter()
            .map(|record| (record.source.clone(), record))
            .collect();
        let OwnMailboxes {
            mailboxes,
            subscribed,
            mut notes,
        } = own_mailboxes(&listing);
        self.find_renamed_here(&mut records, &mut notes).await?;
        let renamed = self
            .find_renames(&mailboxes, names, &mut records, &mut notes)
            .await?;
        let described: Vec<SourceMailbox> = mailboxes.iter().map(describe).collect();
        let plan = |records: &BTreeMap<MailboxName, MailboxRecord>, without: &HashSet<MailboxName>| {
            let known = records
                .iter()
                .filter(|(source, _)| !without.contains(source))
                .map(|(source, record)| (source.clone(), record.target.clone()))
                .collect();
            plan_tree(&described, &subscribed, &known, self.selection, names)
        };
        let mut tree = plan(&records, &renamed);
        if !renamed.is_empty() {
            // Those below first: on some targets they would go with the one above.
            for planned in tree
                .mailboxes
                .iter()
                .rev()
                .filter(|planned| renamed.contains(&planned.source))
            {
                if let Some(record) = records.remove(&planned.source) {
                    let record = self.follow_rename(record, &planned.target).await?;
                    records.insert(planned.source.clone(), record);
                }
            }
            tree = plan(&records, &HashSet::new());
        }
        tree.notes.extend(notes);
        if !self.makes_mailboxes {
            self.leave_out_missing(&mut tree, &records).await?;
        }
        let listed: HashMap<&MailboxName, &ListedMailbox> =
            mailboxes.iter().map(|listed| (&listed.name, listed)).collect();
        let mut survey = Survey {
            works: Vec::new(),
            places: HashMap::new(),
            reports: Vec::new(),
            changed: !renamed.is_empty(),
            unreadable: listing.unreadable,
            tree: TreePlan::default(),
        };
        let has_moved = |source: &MailboxName| {
            let agreed = records.get(source).map(|record| record.base.agreed);
            agreed.is_some_and(|agreed| agreed != listed.get(source).and_then(|listed| listed.checkpoint))
        };
        let moved = tree.mailboxes.iter().filter(|planned| has_moved(&planned.source));
        self.target
            .foresee(moved.map(|planned| planned.target.clone()).collect());
        for planned in &tree.mailboxes {
            let Some(listed) = listed.get(&planned.source) else {
                continue;
            };
            let record = match records.get(&planned.source) {
                Some(record) => record.clone(),
                None => self.enter(&planned.source, &planned.target).await?,
            };
            let blank = MailboxReport::new(&record);
            match self.survey_mailbox(listed, record, &mut survey).await {
                Err(error) if error.is_of_one_mailbox() || error.is_refusal() => {
                    survey.reports.push(MailboxReport {
                        error: Some(error.to_string()),
                        ..blank
                    });
                }
                outcome => outcome?,
            }
        }
        for (report, planned) in survey.reports.iter_mut().zip(&tree.mailboxes) {
            report.role = planned.role;
        }
        survey.tree = tree;
        Ok(survey)
    }

    /// A mailbox as the target is asked about it.
    pub(crate) fn counterpart<'b>(&'b self, record: &'b MailboxRecord) -> Counterpart<'b> {
        Counterpart {
            base: self.base,
            account: self.account,
            record,
        }
    }

    /// Leaves out mailboxes that the target has not, and their subscriptions.
    async fn leave_out_missing(
        &self,
        tree: &mut TreePlan,
        records: &BTreeMap<MailboxName, MailboxRecord>,
    ) -> Result<(), SyncError> {
        let mut missing = HashSet::new();
        for planned in &tree.mailboxes {
            let unknown = || unknown(&planned.source, &planned.target);
            let record = records.get(&planned.source).cloned().unwrap_or_else(unknown);
            if !self.target.state(&self.counterpart(&record)).await?.exists {
                missing.insert(planned.target.clone());
            }
        }
        tree.mailboxes
            .retain(|planned| !missing.contains(&planned.target));
        tree.subscriptions.retain(|name| !missing.contains(name));
        Ok(())
    }

    /// A mailbox that no pass has seen before.
    async fn enter(&self, source: &MailboxName, target: &MailboxName) -> Result<MailboxRecord, SyncError> {
        let id = if self.dry {
            MailboxId::NONE
        } else {
            self.base.add_mailbox(source, target).await?
        };
        Ok(MailboxRecord {
            id,
            ..unknown(source, target)
        })
    }

    async fn survey_mailbox(
        &mut self,
        listed: &ListedMailbox,
        mut record: MailboxRecord,
        survey: &mut Survey,
    ) -> Result<(), SyncError> {
        let checkpoint = self.checkpoint(listed).await?;
        let mut there = record.clone();
        if let Some(place) = self.still_at.get(&record.id) {
            there.target = place.clone();
        }
        let state = self.target.state(&self.counterpart(&there)).await?;
        let mut step = self.target.decide(&checkpoint, &record.base, &state);
        if step == MailboxStep::Unchanged && self.has_absent(&record, &checkpoint).await? {
            step = MailboxStep::Follow;
        }
        let report = MailboxReport {
            uid_validity: checkpoint.uid_validity,
            highest_mod_seq: checkpoint.highest_mod_seq,
            state: MailboxState::of(step),
            messages: u64::from(checkpoint.messages),
            ..MailboxReport::new(&record)
        };
        if matches!(step, MailboxStep::Unchanged | MailboxStep::RemovedByOwner) {
            survey.reports.push(report);
            return Ok(());
        }
        if !self.dry {
            survey.changed |= self.prepare(&mut record, step, &checkpoint).await?;
        } else if matches!(step, MailboxStep::Restart(_) | MailboxStep::Reidentify) {
            // The pairs would be forgotten first.
            record.id = MailboxId::NONE;
        }
        let look = if self.dry {
            there.id = record.id;
            let mailbox = self.counterpart(&there);
            self.target.look(&mailbox, checkpoint.uid_validity).await?
        } else {
            let wanted = Wanted {
                mailbox: self.counterpart(&record),
                step,
                checkpoint: &checkpoint,
                state: &state,
                now: self.now,
            };
            let (place, look) = self.target.place(&wanted).await?;
            survey.places.insert(record.id, place);
            look
        };
        survey.reports.push(report);
        let fills = matches!(
            step,
            MailboxStep::Fill(_) | MailboxStep::Restart(_) | MailboxStep::Anew
        );
        let suspects = self.base.suspects(record.id).await?;
        let had_trouble = self.had_trouble || !suspects.is_empty();
        let reading = self
            .reading(step, &checkpoint, &record, &look, had_trouble)
            .await?;
        let counts = Counts {
            carried: look.recovered,
            ..Counts::default()
        };
        let work = Work::new(record, listed.wire_name.clone(), checkpoint, look, reading, fills);
        survey.works.push(Work {
            suspects,
            counts,
            ..work
        });
        Ok(())
    }

    /// Whether removals are followed, and there are more pairs than messages on the source: some were removed there when removals
    /// were not followed yet, or were missing in the last pass for the first time.
    async fn has_absent(&self, record: &MailboxRecord, checkpoint: &Checkpoint) -> Result<bool, SyncError> {
        if !self.deletions.is_follow() {
            return Ok(false);
        }
        let (staged, placed, gone) = self.base.counts(record.id).await?;
        Ok(staged + placed + gone > u64::from(checkpoint.messages))
    }

    /// How the mailbox is read. A dry run reads rows only: it tells how much there is to carry.
    async fn reading(
        &self,
        step: MailboxStep,
        checkpoint: &Checkpoint,
        record: &MailboxRecord,
        look: &Look,
        had_trouble: bool,
    ) -> Result<Reading, SyncError> {
        let known = Known {
            anything: self.dry || !look.is_empty() || self.base.has_pairs(record.id).await?,
            tells_changes: !self.deletions.is_follow()
                && ["CONDSTORE", "QRESYNC"]
                    .iter()
                    .any(|word| self.connection.capabilities().has(word)),
            had_trouble,
        };
        Ok(decide_reading(checkpoint, &record.base, step, known))
    }

    /// Makes ready what a mailbox's step needs. Says whether anything was changed.
    async fn prepare(
        &self,
        record: &mut MailboxRecord,
        step: MailboxStep,
        checkpoint: &Checkpoint,
    ) -> Result<bool, SyncError> {
        if let MailboxStep::Restart(_) = step {
            self.base.restart(record.id).await?;
            record.base = MailboxBase {
                uid_validity: record.base.uid_validity,
                ..NOTHING_AGREED
            };
        }
        if step == MailboxStep::Anew {
            self.base.let_go(record.id).await?;
            record.base = MailboxBase {
                uid_validity: record.base.uid_validity,
                ..NOTHING_AGREED
            };
        }
        // Whatever the step: pairs of an earlier numbering would be taken for messages of this one.
        if record.base.uid_validity != checkpoint.uid_validity {
            self.base.renumber(record.id, checkpoint.uid_validity).await?;
            record.base.uid_validity = checkpoint.uid_validity;
            record.base.agreed = None;
        }
        self.target.make_mailbox(&record.target).await
    }

    /// The mailbox's checkpoint: as listed, else by opening it.
    async fn checkpoint(&mut self, listed: &ListedMailbox) -> Result<Checkpoint, SyncError> {
        match listed.checkpoint {
            Some(checkpoint) if checkpoint.uid_validity.is_some() => Ok(checkpoint),
            _ => Ok(self.connection.examine(&listed.wire_name).await?.checkpoint),
        }
    }
}

/// What the base knows of a mailbox that no pass has filled.
const NOTHING_AGREED: MailboxBase = MailboxBase {
    uid_validity: None,
    target_uid_validity: None,
    target_uid_next: None,
    agreed: None,
};

/// A mailbox that the base does not know.
pub(crate) fn unknown(source: &MailboxName, target: &MailboxName) -> MailboxRecord {
    MailboxRecord {
        id: MailboxId::NONE,
        source: source.clone(),
        target: target.clone(),
        marked: source.clone(),
        base: NOTHING_AGREED,
    }
}

/// The mailboxes of an account, each with a name of its own.
struct OwnMailboxes {
    mailboxes: Vec<ListedMailbox>,
    subscribed: Vec<MailboxName>,
    notes: Vec<Note>,
}

/// The account's own mailboxes and its subscriptions among them. Of two that show the same name, the second gets a number.
fn own_mailboxes(listing: &Listing) -> OwnMailboxes {
    let mut own = OwnMailboxes {
        mailboxes: Vec::new(),
        subscribed: Vec::new(),
        notes: Vec::new(),
    };
    let mut names: HashSet<MailboxName> = HashSet::new();
    for listed in &listing.mailboxes {
        if !listed.personal {
            if listed.selectable {
                own.notes.push(Note::NotOwn {
                    source: listed.name.clone(),
                });
            }
            continue;
        }
        let mut listed = listed.clone();
        if names.contains(&listed.name) {
            if !listed.selectable {
                continue;
            }
            listed.name = numbered(&listed.name, &names);
            own.notes.push(Note::SameName {
                source: listed.name.clone(),
            });
        }
        names.insert(listed.name.clone());
        if listed.subscribed {
            own.subscribed.push(listed.name.clone());
        }
        own.mailboxes.push(listed);
    }
    own.subscribed
        .extend(listing.missing_subscriptions.iter().cloned());
    own
}

/// The name with the first number that makes it another than all of `names`.
fn numbered(name: &MailboxName, names: &HashSet<MailboxName>) -> MailboxName {
    let with = |number: u32| {
        let mut components = name.components().to_vec();
        if let Some(last) = components.last_mut() {
            *last = format!("{last}-{number}");
        }
        MailboxName::from_components(components)
    };
    (2..=u32::MAX)
        .filter_map(with)
        .find(|name| !names.contains(name))
        .unwrap_or_else(|| name.clone())
}

fn describe(listed: &ListedMailbox) -> SourceMailbox {
    SourceMailbox {
        name: listed.name.clone(),
        selectable: listed.selectable,
        special_use: listed.special_use,
    }
}
