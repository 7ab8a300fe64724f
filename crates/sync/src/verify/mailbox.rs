//! One mailbox: what both sides hold of it, window by window, against the base.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use transhume_db::{Base, MailboxId, Quarantined};
use transhume_imap::Connection;
use transhume_model::mail::{Checkpoint, MessageRow, Uid};
use transhume_model::plan::{Reading, TargetState, decide_mailbox};
use transhume_model::report::Whereabouts;
use transhume_model::verify::{
    Circumstances, Condition, Difference, Known, MailboxSight, Text, Window, compare_mailbox, compare_window,
    judge_stranger,
};

use super::elsewhere::{Elsewhere, Home};
use super::here::{Here, Life};
use super::record::{Recorder, Seen, taken};
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

/// Over what a mailbox is compared, and where it goes.
pub(super) struct Means<'m, 'e> {
    /// None where the source is not asked.
    pub(super) connection: Option<&'m mut Connection>,
    /// The messages at which the connection has ended.
    pub(super) ends: &'m mut HashMap<Uid, u32>,
    pub(super) elsewhere: &'m Elsewhere<'e>,
    pub(super) recorder: &'m mut dyn Recorder,
}

/// What comparing has found so far.
struct Found<'m, 'e> {
    report: MailboxVerification,
    elsewhere: &'m Elsewhere<'e>,
    recorder: &'m mut dyn Recorder,
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
        let source = if self.depth.asks_source() {
            self.checkpoint().map(|checkpoint| checkpoint.uid_validity)
        } else {
            base.map(|base| base.uid_validity)
        };
        MailboxSight {
            has_base: self.has_base,
            base,
            source,
            exists: state.exists,
            target: state.header.map(|header| header.uid_validity),
            step: self
                .checkpoint()
                .map(|checkpoint| decide_mailbox(checkpoint, base, state)),
        }
    }

    /// What the messages in their place bear the marks of.
    pub(super) fn life(&self) -> Life {
        let sight = self.sight(&TargetState::default());
        // The pairs, and the marks, are those of the numbers that the base knows.
        let uid_validity = match sight.source {
            Some(source) if !sight.is_numbered_anew_there() => source,
            _ => sight.base.and_then(|base| base.uid_validity),
        };
        let record = self.subject.record.as_ref();
        let marked = record.map_or(&self.subject.source, |record| &record.marked);
        (mailbox_tag(self.account, marked), uid_validity)
    }

    /// What is in its place on the target's mailbox.
    pub(super) fn home(&self) -> Home {
        Home {
            target: self.subject.target.clone(),
            life: self.life(),
            id: self.id(),
        }
    }

    /// Reads the target's side, which takes no connection.
    pub(super) async fn here(&self) -> Result<Here, SyncError> {
        Here::read(self, self.life(), self.id()).await
    }

    /// Compares the mailbox.
    pub(super) async fn run(
        &self,
        here: &Here,
        means: Means<'_, '_>,
    ) -> Result<MailboxVerification, SyncError> {
        let Means {
            connection,
            ends,
            elsewhere,
            recorder,
        } = means;
        let sight = self.sight(&here.state);
        taken(recorder.begin(&self.section()))?;
        let mut found = Found {
            elsewhere,
            recorder,
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
        match (&self.subject.there, connection) {
            (Some((wire, _)), Some(connection)) if rows_are_comparable => {
                let mut there = There::new(connection, (&self.subject.source, wire), self.observer, ends);
                self.compare_windows(&mut there, here, &mut found).await?;
            }
            (there, _) => {
                let messages = self.checkpoint().map_or(0, |checkpoint| checkpoint.messages);
                found.report.on_source = u64::from(messages);
                let is_gone = there.is_none() && self.depth.asks_source();
                self.compare_range(ALL, &[], &HashMap::new(), here, is_gone, &mut found)
                    .await?;
            }
        }
        for stranger in &here.strangers {
            let difference = judge_stranger(stranger.bears_old_mark, &stranger.carried, &mut found.removed);
            found.report.note(stranger.uid, difference.into());
        }
        taken(found.recorder.keep())?;
        Ok(found.report)
    }

    /// The report of a mailbox that could not be read.
    pub(super) fn unreadable(
        &self,
        error: &SyncError,
        recorder: &mut dyn Recorder,
    ) -> Result<MailboxVerification, SyncError> {
        taken(recorder.begin(&self.section()))?;
        taken(recorder.keep())?;
        let mut report = self.blank();
        report.note(None, Difference::MailboxUnreadable.with(error));
        Ok(report)
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
        found: &mut Found<'_, '_>,
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

    /// Finds out which messages that are not in their place are elsewhere.
    async fn look_elsewhere(
        &self,
        page: &mut [Seen<'_>],
        elsewhere: &Elsewhere<'_>,
    ) -> Result<(), SyncError> {
        let missed: Vec<&Known> = page.iter().filter_map(Seen::is_missed).collect();
        let mut found = elsewhere.find(self.life(), &missed).await?;
        for seen in page {
            if seen.is_missed().is_some()
                && let Some(spot) = found.remove(&seen.sight.uid)
            {
                seen.is_at(spot);
            }
        }
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
        found: &mut Found<'_, '_>,
    ) -> Result<(), SyncError> {
        let agreed = self.subject.record.as_ref().and_then(|record| record.base.agreed);
        let has_no_room = |word: &_| here.has_no_room(word);
        let circumstances = Circumstances {
            has_base: self.has_base,
            source_is_read,
            is_alone: !self.depth.asks_source(),
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
            let counterparts = here.counterparts(first, end);
            let window = Window {
                rows: &rows[begin..until],
                known: &known,
                here: &counterparts,
                quarantined: &found.quarantined,
                texts,
            };
            let mut page = Vec::new();
            compare_window(&window, circumstances, |sight, findings| {
                // Of some nothing is left on either side.
                if sight.row.is_some() || sight.here.is_some() || !findings.is_empty() {
                    page.push(Seen {
                        sight: *sight,
                        findings,
                        elsewhere: None,
                    });
                }
            });
            self.look_elsewhere(&mut page, found.elsewhere).await?;
            for seen in page {
                let message = seen.whereabouts(self, source_is_read);
                note(&message, &mut found.report, &found.perhaps, &mut found.removed);
                taken(found.recorder.message(&message))?;
            }
            match end.next() {
                Some(next) if end < last => first = next,
                _ => return Ok(()),
            }
        }
    }
}

/// Counts what was found of a message.
fn note(
    message: &Whereabouts,
    report: &mut MailboxVerification,
    perhaps: &BTreeSet<Uid>,
    removed: &mut BTreeSet<Uid>,
) {
    if !message.fate.is_in_place() && perhaps.contains(&message.uid) {
        removed.insert(message.uid);
    }
    report.equal += u64::from(message.findings.is_empty() && message.on_source == Some(true));
    for finding in &message.findings {
        report.note(Some(message.uid), finding.clone());
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
