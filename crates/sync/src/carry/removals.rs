//! Messages that the source has no longer, where removals are followed.

use std::collections::HashSet;

use transhume_model::mail::Uid;
use transhume_model::plan::{Action, Deletions, plan_removals};

use super::{Carrier, Purpose};
use crate::error::SyncError;
use crate::pipe::Asking;
use crate::window::{Ask, WINDOW};

/// What is done about removals, and since when this pass runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Removals {
    pub(crate) deletions: Deletions,
    /// Seconds since 1970-01-01 UTC.
    pub(crate) began: i64,
}

impl Default for Removals {
    fn default() -> Self {
        Self {
            deletions: Deletions::Keep,
            began: 0,
        }
    }
}

impl Carrier<'_> {
    /// Notes which known messages of a window were not listed.
    pub(super) async fn note_absent(&mut self, mailbox: usize, asking: &Asking) -> Result<(), SyncError> {
        if !self.removals.deletions.is_follow() || asking.window.ask != Ask::Rows {
            return Ok(());
        }
        let listed: HashSet<Uid> = asking.found.iter().map(|row| row.uid).collect();
        let id = self.works[mailbox].record.id;
        let known = self
            .base
            .pairs(id, asking.window.first, asking.window.last)
            .await?;
        for pair in known {
            if !listed.contains(&pair.uid) {
                self.works[mailbox].absent.insert(pair.uid);
            }
        }
        Ok(())
    }

    /// All of the mailbox has been listed. I8: only if the list is complete does it tell what is gone.
    pub(super) async fn follow_removals(&mut self, mailbox: usize) -> Result<(), SyncError> {
        let work = &mut self.works[mailbox];
        let Deletions::Follow { most } = self.removals.deletions else {
            return Ok(());
        };
        let Some(left) = work.expected else {
            return Ok(());
        };
        if work.error.is_some() || work.unlisted > 0 {
            return Ok(());
        }
        let id = work.record.id;
        let gone = match left {
            0 => self.base.count_pairs(id).await?,
            _ => work.absent.len(),
        };
        if let Err(needed) = self.removals.deletions.permits(gone, left) {
            let trust = if left == 0 {
                "an empty mailbox is trusted with a tenth of"
            } else {
                "more than is allowed by"
            };
            work.warning = Some(format!(
                "{gone} messages of it are gone on the old server, where {left} are left ({trust} --most-deletions {most}): none \
                 is removed here. If that is right, run again with --most-deletions {needed}"
            ));
            return Ok(());
        }
        if left == 0 {
            // There was no list that they could have been missing in.
            let known = self.base.pairs(id, Uid::FIRST, Uid::LAST).await?;
            work.absent = known.iter().map(|pair| pair.uid).collect();
        }
        let absent = std::mem::take(&mut work.absent);
        let uids: Vec<Uid> = absent
            .ranges()
            .iter()
            .flat_map(|&(first, last)| first.get()..=last.get())
            .filter_map(Uid::new)
            .collect();
        let page = usize::try_from(WINDOW).unwrap_or(usize::MAX);
        for part in uids.chunks(page) {
            let actions = plan_removals(&self.base.absent(id, part).await?, self.removals.began);
            let missed = actions
                .iter()
                .filter(|action| matches!(action, Action::Miss { .. }));
            self.works[mailbox].missed += missed.count() as u64;
            if let Purpose::CarryOut(stager) = &mut self.purpose {
                stager.apply(id, actions).await?;
            } else {
                let expunged = actions
                    .iter()
                    .filter(|action| matches!(action, Action::Expunge { .. }));
                self.works[mailbox].counts.expunged += expunged.count() as u64;
            }
        }
        Ok(())
    }
}
