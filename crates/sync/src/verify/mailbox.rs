//! One mailbox: what both sides hold of it, window by window, against the base.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use transhume_db::{Base, MailboxId, Quarantined};
use transhume_imap::Connection;
use transhume_model::mail::{Checkpoint, MessageRow, Uid};
use transhume_model::plan::{Reading, TargetState, decide_mailbox};
use transhume_model::verify::{
    Circumstances, Condition, Difference, MailboxSight, Text, Window, compare_mailbox, compare_window,
    judge_stranger,
};

use super::here::Here;
use super::there::There;
use super::{Depth, MailboxVerification, Subject};
use crate::endpoint::{MaildirTarget, mailbox_tag};
use crate::error::SyncError;
use crate::progress::Observer;
use crate::window::windows;

/// Messages that the base is asked for at a time.
const PAGE: usize = 2_000;

/// Everything that comparing a mailbox needs but the connection.
pub(super) struct Comparison<'a> {
    pub(super) base: &'a Base,
    pub(super) target: &'a MaildirTarget,
    pub(super) account: &'a str,
    pub(super) subject: &'a Subject,
    pub(super) has_base: bool,
    pub(super) depth: Depth,
    pub(super) observer: &'a dyn Observer,
}

/// What comparing has found so far.
struct Found {
    report: MailboxVerification,
    quarantined: BTreeMap<Uid, String>,
    /// Source messages that a stranger on the target may be, which their owner has removed.
    removed: BTreeSet<Uid>,
    /// Source messages that a stranger on the target may be.
    perhaps: BTreeSet<Uid>,
    condition: Condition,
}

impl Comparison<'_> {
    fn id(&self) -> MailboxId {
        let record = self.subject.record.as_ref();
        record.map_or(MailboxId::NONE, |record| record.id)
    }

    fn checkpoint(&self) -> Option<&Checkpoint> {
        self.subject.there.as_ref().map(|(_, checkpoint)| checkpoint)
    }

    fn sight(&self, state: &TargetState) -> MailboxSight<'_> {
        let base = self.subject.record.as_ref().map(|record| &record.base);
        MailboxSight {
            has_base: self.has_base,
            base,
            source: self.checkpoint().map(|checkpoint| checkpoint.uid_validity),
            exists: state.exists,
            target: state.header.map(|header| header.uid_validity),
            step: self
                .checkpoint()
                .map(|checkpoint| decide_mailbox(checkpoint, base, state)),
        }
    }

    /// Reads the target's side, which takes no connection.
    pub(super) async fn here(&self) -> Result<Here, SyncError> {
        let sight = self.sight(&TargetState::default());
        // The pairs, and the marks, are those of the numbers that the base knows.
        let uid_validity = match sight.source {
            Some(source) if !sight.is_numbered_anew_there() => source,
            _ => sight.base.and_then(|base| base.uid_validity),
        };
        let record = self.subject.record.as_ref();
        let marked = record.map_or(&self.subject.source, |record| &record.marked);
        let life = (mailbox_tag(self.account, marked), uid_validity);
        Here::read(self, life, self.id()).await
    }

    /// Compares the mailbox. `ends` are the messages at which the connection has ended.
    pub(super) async fn run(
        &self,
        here: &Here,
        connection: &mut Connection,
        ends: &mut HashMap<Uid, u32>,
    ) -> Result<MailboxVerification, SyncError> {
        let sight = self.sight(&here.state);
        let mut found = Found {
            report: MailboxVerification {
                on_target: here.len(),
                bytes_read: here.bytes_read,
                ..self.blank()
            },
            quarantined: explain(self.base.quarantined(self.id()).await?),
            removed: BTreeSet::new(),
            perhaps: here
                .strangers
                .iter()
                .flat_map(|stranger| stranger.carried.iter().copied())
                .collect(),
            condition: sight.condition(),
        };
        for finding in compare_mailbox(&sight) {
            found.report.note(None, finding);
        }
        let rows_are_comparable = !sight.is_numbered_anew_there();
        match &self.subject.there {
            Some((wire, _)) if rows_are_comparable => {
                let mut there = There::new(connection, (&self.subject.source, wire), self.observer, ends);
                self.compare_windows(&mut there, here, &mut found).await?;
            }
            there => {
                let messages = self.checkpoint().map_or(0, |checkpoint| checkpoint.messages);
                found.report.on_source = u64::from(messages);
                let is_gone = there.is_none();
                self.compare_range(ALL, &[], &HashMap::new(), here, is_gone, &mut found)
                    .await?;
            }
        }
        for stranger in &here.strangers {
            let difference = judge_stranger(stranger.bears_old_mark, &stranger.carried, &mut found.removed);
            found.report.note(stranger.uid, difference.into());
        }
        Ok(found.report)
    }

    /// The report of a mailbox that could not be read.
    pub(super) fn unreadable(&self, error: &SyncError) -> MailboxVerification {
        let mut report = self.blank();
        report.note(None, Difference::MailboxUnreadable.with(error));
        report
    }

    fn blank(&self) -> MailboxVerification {
        MailboxVerification {
            source: self.subject.there.is_some().then(|| self.subject.source.clone()),
            target: Some(self.subject.target.clone()),
            ..MailboxVerification::default()
        }
    }

    async fn compare_windows(
        &self,
        there: &mut There<'_>,
        here: &Here,
        found: &mut Found,
    ) -> Result<(), SyncError> {
        let Some(checkpoint) = self.checkpoint() else {
            return Ok(());
        };
        let mut windows = windows(checkpoint, Reading::Rows);
        if windows.is_empty() {
            // Nothing to ask for; what the base and the target have is compared with nothing.
            return self
                .compare_range(ALL, &[], &HashMap::new(), here, true, found)
                .await;
        }
        while let Some(window) = windows.pop_front() {
            let range = (window.first, window.last);
            let rows = there.rows(range).await?;
            if there.uid_validity().is_some() && there.uid_validity() != checkpoint.uid_validity {
                let words = "the source numbered its messages anew while they were read; run again";
                found.report.note(None, Difference::MailboxUnreadable.with(words));
                return Ok(());
            }
            found.report.on_source += rows.len() as u64;
            let texts = if self.depth == Depth::Texts {
                let wanted: Vec<&MessageRow> = rows.iter().filter(|row| here.holds(row.uid)).collect();
                there.texts(&wanted).await?
            } else {
                HashMap::new()
            };
            self.compare_range(range, &rows, &texts, here, true, found)
                .await?;
        }
        let unlisted = there.expected().saturating_sub(found.report.on_source);
        found.report.note_many(Difference::Unlisted, unlisted);
        Ok(())
    }

    /// Compares a range of UIDs, page by page of what the base knows of it.
    async fn compare_range(
        &self,
        (mut first, last): (Uid, Uid),
        rows: &[MessageRow],
        texts: &HashMap<Uid, Text>,
        here: &Here,
        source_is_read: bool,
        found: &mut Found,
    ) -> Result<(), SyncError> {
        let agreed = self.subject.record.as_ref().and_then(|record| record.base.agreed);
        let has_no_room = |word: &_| here.has_no_room(word);
        let circumstances = Circumstances {
            has_base: self.has_base,
            source_is_read,
            condition: found.condition,
            agreed_uid_next: agreed.and_then(|agreed| agreed.uid_next),
            has_no_room: &has_no_room,
        };
        loop {
            let known = self.base.known(self.id(), (first, last), PAGE).await?;
            let end = match known.last() {
                Some(known_last) if known.len() == PAGE => known_last.uid,
                _ => last,
            };
            let begin = rows.partition_point(|row| row.uid < first);
            let until = rows.partition_point(|row| row.uid <= end);
            let window = Window {
                rows: &rows[begin..until],
                known: &known,
                here: &here.counterparts(first, end),
                quarantined: &found.quarantined,
                texts,
            };
            let (report, removed, perhaps) = (&mut found.report, &mut found.removed, &found.perhaps);
            let equal = compare_window(&window, circumstances, |uid, finding| {
                if finding.difference == Difference::RemovedHere && perhaps.contains(&uid) {
                    removed.insert(uid);
                }
                report.note(Some(uid), finding);
            });
            report.equal += equal;
            match end.next() {
                Some(next) if end < last => first = next,
                _ => return Ok(()),
            }
        }
    }
}

const ALL: (Uid, Uid) = (Uid::FIRST, Uid::LAST);

/// Why each message is in quarantine, in words.
fn explain(quarantined: Vec<Quarantined>) -> BTreeMap<Uid, String> {
    let words = |message: Quarantined| {
        let Quarantined {
            reason,
            first_seen,
            tries,
            ..
        } = message;
        let times = if tries == 1 {
            format!("tried once, {first_seen}")
        } else {
            format!("tried in {tries} runs since {first_seen}")
        };
        (message.uid, format!("{reason} ({times})"))
    };
    quarantined.into_iter().map(words).collect()
}
