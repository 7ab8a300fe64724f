//! Survey: what both sides look like now, and which mailboxes have to be read at all.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use transhume_db::{Base, MailboxId, MailboxRecord};
use transhume_imap::Connection;
use transhume_imap::session::{ListedMailbox, Listing, MailboxStatus};
use transhume_model::mail::{Checkpoint, InternalDate, MailboxName, UidValidity};
use transhume_model::plan::{
    MailboxBase, MailboxStep, NameRules, Selection, SourceMailbox, TargetState, TreePlan, decide_mailbox,
    plan_tree,
};

use crate::carry::Work;
use crate::endpoint::{How, Look, Place, Target, mailbox_tag};
use crate::error::SyncError;
use crate::report::{MailboxReport, MailboxState};

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
    pub(crate) now: InternalDate,
}

impl Surveyor<'_> {
    /// Looks at both sides. Unless the run is dry, mailboxes that the target lacks are entered in the base and made.
    pub(crate) async fn survey(mut self) -> Result<Survey, SyncError> {
        let listing = self.connection.list().await?;
        let records: BTreeMap<MailboxName, MailboxRecord> = self
            .base
            .mailboxes()
            .await?
            .into_iter()
            .map(|record| (record.source.clone(), record))
            .collect();
        let known = records
            .iter()
            .map(|(source, record)| (source.clone(), record.target.clone()))
            .collect();
        let (mailboxes, subscribed) = own_mailboxes(&listing);
        let tree = plan_tree(
            &mailboxes
                .iter()
                .map(|listed| describe(listed))
                .collect::<Vec<_>>(),
            &subscribed,
            &known,
            self.selection,
            MAILDIR_NAMES,
        );
        let listed: HashMap<&MailboxName, &ListedMailbox> =
            mailboxes.iter().map(|listed| (&listed.name, *listed)).collect();
        let mut survey = Survey {
            works: Vec::new(),
            places: HashMap::new(),
            reports: Vec::new(),
            changed: false,
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
            let blank = MailboxReport::new(&record, listed.special_use);
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
        survey.tree = tree;
        Ok(survey)
    }

    /// A mailbox that no pass has seen before.
    async fn enter(&self, source: &MailboxName, target: &MailboxName) -> Result<MailboxRecord, SyncError> {
        let id = if self.dry {
            MailboxId::NONE
        } else {
            self.base.add_mailbox(source, target).await?
        };
        let base = MailboxBase {
            uid_validity: None,
            target_uid_validity: None,
            agreed: None,
        };
        Ok(MailboxRecord {
            id,
            source: source.clone(),
            target: target.clone(),
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
        let tag = mailbox_tag(self.account, &record.source);
        let state = self.target.state(&record.target, base_numbers, tag).await?;
        let step = decide_mailbox(&checkpoint, Some(&record.base), &state);
        let report = MailboxReport {
            uid_validity: checkpoint.uid_validity,
            highest_mod_seq: checkpoint.highest_mod_seq,
            state: MailboxState::of(step),
            messages: u64::from(checkpoint.messages),
            ..MailboxReport::new(&record, listed.special_use)
        };
        if matches!(step, MailboxStep::Unchanged | MailboxStep::RemovedByOwner) {
            survey.reports.push(report);
            return Ok(());
        }
        if !self.dry {
            survey.changed |= self.prepare(&mut record, &step, &checkpoint).await?;
        }
        let look = self
            .target
            .look(&record.target, tag, checkpoint.uid_validity)
            .await?;
        if !self.dry {
            let how = self.how(step, &checkpoint, &state);
            let place = self.place(&record, tag, how, &checkpoint, &look).await?;
            survey.places.insert(record.id, Arc::new(place));
        }
        survey.reports.push(report);
        let fills = matches!(step, MailboxStep::Fill(_) | MailboxStep::Restart(_));
        survey.works.push(Work::new(
            record,
            listed.wire_name.clone(),
            checkpoint,
            look,
            fills,
        ));
        Ok(())
    }

    fn how(&self, step: MailboxStep, checkpoint: &Checkpoint, state: &TargetState) -> How {
        let found = state.header.map(|header| header.uid_validity);
        match (step, found) {
            (MailboxStep::Follow | MailboxStep::Reidentify, Some(uid_validity)) => How::Add { uid_validity },
            (MailboxStep::Fill(wanted) | MailboxStep::Restart(wanted), _) => How::Fill {
                // A source without UIDVALIDITY has no UIDs that could be kept: any number does, best the one that is there.
                uid_validity: wanted.or(found).unwrap_or_else(|| from_clock(self.now)),
                uid_next: checkpoint.uid_next,
            },
            _ => How::Fill {
                uid_validity: checkpoint.uid_validity.unwrap_or_else(|| from_clock(self.now)),
                uid_next: checkpoint.uid_next,
            },
        }
    }

    async fn place(
        &self,
        record: &MailboxRecord,
        tag: [u8; 8],
        how: How,
        checkpoint: &Checkpoint,
        look: &Look,
    ) -> Result<Place, SyncError> {
        let (dir, stage) = self.target.mailbox(&record.target, tag)?;
        let (How::Fill { uid_validity, .. } | How::Add { uid_validity }) = how;
        Ok(Place {
            id: record.id,
            dir,
            stage,
            tag,
            uid_validity: checkpoint.uid_validity,
            how,
            numbers_known: record.base.target_uid_validity == Some(uid_validity)
                && record.base.uid_validity == checkpoint.uid_validity,
            may_have_twins: look.holds_others() || self.base.has_earlier(record.id).await?,
            now: self.now,
        })
    }

    /// Makes ready what a mailbox's step needs. Says whether anything was changed.
    async fn prepare(
        &self,
        record: &mut MailboxRecord,
        step: &MailboxStep,
        checkpoint: &Checkpoint,
    ) -> Result<bool, SyncError> {
        match step {
            MailboxStep::Restart(_) => self.base.restart(record.id).await?,
            MailboxStep::Reidentify => {
                self.base.renumber(record.id, checkpoint.uid_validity).await?;
                record.base.uid_validity = checkpoint.uid_validity;
            }
            _ => {}
        }
        let made = self.target.make_mailbox(&record.target).await?;
        Ok(made
            || matches!(
                step,
                MailboxStep::Fill(_) | MailboxStep::Restart(_) | MailboxStep::Reidentify
            ))
    }

    /// The mailbox's checkpoint: as listed, else by opening it.
    async fn checkpoint(&mut self, listed: &ListedMailbox) -> Result<Checkpoint, SyncError> {
        match listed.status {
            Some(MailboxStatus { checkpoint, .. }) => Ok(checkpoint),
            None => Ok(self.connection.examine(&listed.wire_name).await?.checkpoint),
        }
    }
}

/// The account's own mailboxes and its subscriptions among them. Of two that show the same name the first is taken.
fn own_mailboxes(listing: &Listing) -> (Vec<&ListedMailbox>, Vec<MailboxName>) {
    let mut mailboxes: Vec<&ListedMailbox> = Vec::new();
    for listed in listing.mailboxes.iter().filter(|listed| listed.personal) {
        if !mailboxes.iter().any(|known| known.name == listed.name) {
            mailboxes.push(listed);
        }
    }
    let mut subscribed: Vec<MailboxName> = mailboxes
        .iter()
        .filter(|listed| listed.subscribed)
        .map(|listed| listed.name.clone())
        .collect();
    subscribed.extend(listing.missing_subscriptions.iter().cloned());
    (mailboxes, subscribed)
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
