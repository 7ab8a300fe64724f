//! Survey: what both sides look like now, and which mailboxes have to be read at all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use transhume_db::{Base, MailboxId, MailboxRecord};
use transhume_imap::Connection;
use transhume_imap::session::{ListedMailbox, Listing};
use transhume_model::mail::{Checkpoint, InternalDate, MailboxName, UidValidity};
use transhume_model::plan::{
    Deletions, Known, MailboxBase, MailboxStep, NameRules, Note, Reading, Selection, SourceMailbox,
    TargetState, TreePlan, decide_mailbox, decide_reading, plan_tree,
};

use crate::endpoint::{How, Look, Place, Target, mailbox_tag};
use crate::error::SyncError;
use crate::report::{MailboxReport, MailboxState};
use crate::work::Work;

/// What Maildir++ and Dovecot can hold as a name: the dot separates levels, the slash directories.
const MAILDIR_NAMES: NameRules = NameRules {
    forbidden: &['.', '/'],
    max_octets: transhume_maildir::DIRECTORY_NAME_MAX,
};

/// What a survey found.
pub(crate) struct Survey {
    pub(crate) tree: TreePlan,
    /// Mailboxes that have to be read.
    pub(crate) works: Vec<Work>,
    /// Where their messages go.
    pub(crate) places: HashMap<MailboxId, Arc<Place>>,
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
    pub(crate) target: &'a Target,
    pub(crate) account: &'a str,
    pub(crate) selection: &'a Selection,
    /// Whether to look only: then nothing is made.
    pub(crate) dry: bool,
    /// Whether this pass has read before.
    pub(crate) had_trouble: bool,
    pub(crate) deletions: Deletions,
    pub(crate) now: InternalDate,
    /// In a dry run, where mailboxes lie that would be renamed.
    pub(crate) still_at: HashMap<MailboxId, MailboxName>,
}

impl Surveyor<'_> {
    /// Looks at both sides. Unless the run is dry, mailboxes that the target lacks are entered in the base and made.
    pub(crate) async fn survey(mut self) -> Result<Survey, SyncError> {
        let listing = self.connection.list().await?;
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
        let renamed = self.find_renames(&mailboxes, &mut records, &mut notes).await?;
        let described: Vec<SourceMailbox> = mailboxes.iter().map(describe).collect();
        let plan = |records: &BTreeMap<MailboxName, MailboxRecord>, without: &HashSet<MailboxName>| {
            let known = records
                .iter()
                .filter(|(source, _)| !without.contains(source))
                .map(|(source, record)| (source.clone(), record.target.clone()))
                .collect();
            plan_tree(&described, &subscribed, &known, self.selection, MAILDIR_NAMES)
        };
        let mut tree = plan(&records, &renamed);
        if !renamed.is_empty() {
            for planned in tree
                .mailboxes
                .iter()
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

    /// What the mailbox's messages are marked with.
    pub(crate) fn tag(&self, record: &MailboxRecord) -> [u8; 8] {
        mailbox_tag(self.account, &record.marked)
    }

    /// A mailbox that no pass has seen before.
    async fn enter(&self, source: &MailboxName, target: &MailboxName) -> Result<MailboxRecord, SyncError> {
        let id = if self.dry {
            MailboxId::NONE
        } else {
            self.base.add_mailbox(source, target).await?
        };
        let base = NOTHING_AGREED;
        Ok(MailboxRecord {
            id,
            source: source.clone(),
            target: target.clone(),
            marked: source.clone(),
            base,
        })
    }

    async fn survey_mailbox(
        &mut self,
        listed: &ListedMailbox,
        mut record: MailboxRecord,
        survey: &mut Survey,
    ) -> Result<(), SyncError> {
        let checkpoint = self.checkpoint(listed).await?;
        let base_numbers = record.base.target_uid_validity;
        let tag = self.tag(&record);
        let place = self.still_at.get(&record.id).unwrap_or(&record.target).clone();
        let state = self.target.state(&place, base_numbers, tag).await?;
        let mut step = decide_mailbox(&checkpoint, Some(&record.base), &state);
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
        let look = self.target.look(&place, tag, checkpoint.uid_validity).await?;
        if !self.dry {
            let how = self
                .how(step, &checkpoint, &state, &record, look.holds_others())
                .await?;
            let place = self.place(&record, tag, how, &checkpoint, &state, &look).await?;
            self.unstage_what_is_gone(&place, &look).await?;
            survey.places.insert(record.id, Arc::new(place));
        }
        survey.reports.push(report);
        let fills = matches!(step, MailboxStep::Fill(_) | MailboxStep::Restart(_));
        let suspects = self.base.suspects(record.id).await?;
        let had_trouble = self.had_trouble || !suspects.is_empty();
        let reading = self
            .reading(step, &checkpoint, &record, &look, had_trouble)
            .await?;
        let work = Work::new(record, listed.wire_name.clone(), checkpoint, look, reading, fills);
        survey.works.push(Work { suspects, ..work });
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

    async fn how(
        &self,
        step: MailboxStep,
        checkpoint: &Checkpoint,
        state: &TargetState,
        record: &MailboxRecord,
        has_others: bool,
    ) -> Result<How, SyncError> {
        let found = state.header.map(|header| header.uid_validity);
        let is_refill = record.base.target_uid_validity.is_some();
        let wanted = match (step, found) {
            (MailboxStep::Follow | MailboxStep::Reidentify, Some(uid_validity)) => {
                return Ok(How::Add { uid_validity });
            }
            // Set back, but under the same number: what it lacks is added.
            (MailboxStep::Restart(wanted), Some(uid_validity)) if wanted == found => {
                return Ok(How::Add { uid_validity });
            }
            // Under its old number every message would have to get its old UID back; where some had another than the
            // source's, or came by another way, a new number says to clients that nothing they know holds.
            (MailboxStep::Fill(_), _)
                if is_refill && (has_others || self.base.has_renumbered(record.id).await?) =>
            {
                None
            }
            // A source without UIDVALIDITY has no UIDs that could be kept: any number does, best the one that is there.
            (MailboxStep::Fill(wanted) | MailboxStep::Restart(wanted), _) => wanted.or(found),
            _ => checkpoint.uid_validity,
        };
        let uid_validity = wanted.unwrap_or_else(|| from_clock(self.now));
        Ok(How::Fill {
            uid_validity,
            uid_next: checkpoint.uid_next,
        })
    }

    /// Messages that an earlier run has staged may be gone (Dovecot clears `tmp/` of what is older than 36 hours): those
    /// are carried again before the mailbox is committed.
    async fn unstage_what_is_gone(&self, place: &Place, look: &Look) -> Result<(), SyncError> {
        let mut after = None;
        loop {
            let page = self.base.staged(place.id, after, STAGED_PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.uid);
            let mut gone = Vec::new();
            for message in &page {
                if !place.holds_staged(message)? && !look.holds(message.uid) {
                    gone.push(message.uid);
                }
            }
            self.base.unstage(place.id, &gone).await?;
        }
    }

    async fn place(
        &self,
        record: &MailboxRecord,
        tag: [u8; 8],
        how: How,
        checkpoint: &Checkpoint,
        state: &TargetState,
        look: &Look,
    ) -> Result<Place, SyncError> {
        let (dir, staging) = self.target.mailbox(&record.target, tag)?;
        let (How::Fill { uid_validity, .. } | How::Add { uid_validity }) = how;
        Ok(Place {
            id: record.id,
            dir,
            stage: staging,
            tag,
            uid_validity: checkpoint.uid_validity,
            how,
            header: state.header,
            numbers_known: record.base.target_uid_validity == Some(uid_validity),
            may_have_twins: look.holds_others() || self.base.has_earlier(record.id).await?,
            now: self.now,
        })
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

/// Staged messages that are looked for at a time.
const STAGED_PAGE: u32 = 1_000;

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

fn from_clock(now: InternalDate) -> UidValidity {
    u32::try_from(now.unix())
        .ok()
        .and_then(UidValidity::new)
        .unwrap_or(UidValidity::MAX)
}
