//! A pass over one account: survey, plan, carry, confirm, verify.
//!
//! It goes in rounds. Each surveys, plans, and carries out what was planned; the round that finds nothing to do is the
//! verification (architecture, step 7): an empty plan is the proof. A connection that is lost ends its round, not the
//! pass.

mod lines;

use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc;
use transhume_db::{Base, MailboxId, Store};
use transhume_imap::Connection;
use transhume_model::mail::InternalDate;
use transhume_model::plan::{Deletions, Note, Selection};

use crate::carry::{Carrier, Purpose, Removals};
use crate::confirm::Confirmed;
use crate::endpoint::{AnyTarget, Counterpart, Source};
use crate::error::SyncError;
use crate::fence::{Fence, still_ours};
use crate::keeper::Keeper;
use crate::progress::{Observer, Progress};
use crate::quarantine;
use crate::report::{MailboxReport, Report};
use crate::stage::Stager;
use crate::stop::Stop;
use crate::survey::{Survey, Surveyor};
use crate::work::{CONDEMNED, ENDED_BEFORE, End, Work};
pub(crate) use lines::connect;
use lines::{Lines, share_out};

/// Rounds after which a pass ends though new mail keeps coming: the next pass goes on.
const ROUNDS: u32 = 8;

/// Messages from the writers that may wait for the keeper.
const KEEPER_QUEUE: usize = 4_096;

/// The first wait before a new connection; it doubles with each that brings nothing.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// A server that wants to be left alone for longer ends the pass.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// How often in a row a server may ask for patience without anything coming of it, before what it says is taken for a refusal of
/// what it was asked.
const PATIENT_TURNS: u32 = 2;

/// Everything that a pass needs.
#[derive(Debug)]
pub struct Pass {
    /// Where mail comes from.
    pub source: Source,
    /// Where it goes.
    pub target: AnyTarget,
    /// What both last agreed on.
    pub base: Base,
    /// Which mailboxes.
    pub selection: Selection,
    /// What becomes of messages that the source has no longer.
    pub deletions: Deletions,
    /// Connections to the source that may be open at once.
    pub connections: u32,
    /// New connections in a row that bring nothing before the pass gives up.
    pub retries: u32,
    /// Whether mailboxes are made that the target has not; else those are left out.
    pub makes_mailboxes: bool,
    /// Who says whether the account is still ours to write; `None` where nobody else could have it.
    pub fence: Option<Arc<dyn Fence>>,
    /// The time, for messages that have none.
    pub now: InternalDate,
}

impl Pass {
    /// Surveys and plans, and does nothing.
    pub async fn show(&self, observer: &dyn Observer, stop: &Stop) -> Result<Report, SyncError> {
        let mut connection = connect(&self.source, stop).await?;
        let base = if !self.target.exists() || self.is_another_maildir().await? {
            Base::open(Store::in_memory().await?, &self.source.address.account(), "").await?
        } else {
            self.base.clone()
        };
        let how = How {
            dry: true,
            had_trouble: false,
        };
        let survey = self.survey(&mut connection, &base, how, stop).await?;
        let mut round = Round::new(survey, observer);
        let purpose = Purpose::Show;
        Carrier::new(&mut connection, &base, &mut round.works, purpose, observer, stop)
            .removing(self.removals().await?)
            .run()
            .await
            .0?;
        let mut report = Report::default();
        round.merge_into(&mut report, HashMap::new());
        connection.logout().await;
        Ok(report)
    }

    /// Brings the target up to date with the source. What was done stays done, whatever ends the pass.
    pub async fn run(&self, observer: &dyn Observer, stop: &Stop) -> Result<Report, SyncError> {
        let mut report = Report::default();
        let removals = self.removals().await?;
        let mut lines = Lines::new(
            &self.source,
            &self.base,
            self.connections.min(self.target.get().batch().lines),
        );
        let mut fruitless = 0;
        let mut rounds = 0;
        while rounds < ROUNDS {
            let carried_before = report.totals().carried;
            let mut condemned = 0;
            match self
                .round(
                    Turn {
                        is_first: rounds == 0,
                        is_patient: fruitless < PATIENT_TURNS && self.retries > 0,
                        removals,
                    },
                    &mut lines,
                    &mut condemned,
                    &mut report,
                    observer,
                    stop,
                )
                .await
            {
                Ok(true) => rounds += 1,
                Ok(false) => {
                    report.settled = true;
                    break;
                }
                Err(error) if error.is_passing() && self.retries > 0 => {
                    lines.abandon();
                    fruitless = if report.totals().carried > carried_before || condemned > 0 {
                        1
                    } else {
                        fruitless + 1
                    };
                    let asked = error.asked_wait().unwrap_or_default();
                    if fruitless > self.retries || asked > LONGEST_WAIT {
                        return Err(error);
                    }
                    report.reconnects += 1;
                    let after = FIRST_WAIT * 2_u32.saturating_pow(fruitless - 1).min(64);
                    let after = after.max(asked);
                    observer.hear(&Progress::Reconnecting {
                        reason: &error.to_string(),
                        after,
                    });
                    tokio::select! {
                        () = tokio::time::sleep(after) => {}
                        () = stop.asked() => return Err(SyncError::Interrupted),
                    }
                }
                Err(error) => return Err(error),
            }
            if rounds > 0 {
                observer.hear(&Progress::Verifying);
            }
        }
        still_ours(&self.fence).await?;
        // Next time, what was given up gets one more try.
        self.base
            .ease_suspicion(CONDEMNED, CONDEMNED - ENDED_BEFORE)
            .await?;
        quarantine::record(&self.base, self.now, &mut report).await?;
        lines.log_out().await;
        Ok(report)
    }

    /// The pairs speak of one Maildir. When another has taken its place, all that they say is void.
    async fn check_identity(&self) -> Result<(), SyncError> {
        if self.is_another_maildir().await? {
            self.base.forget_all().await?;
        }
        let found = self.target.get().identity().await?;
        if found.is_none() || self.base.target_identity().await? != found {
            let identity = match found {
                Some(identity) => identity,
                None => self.target.get().mark().await?,
            };
            self.base.set_target_identity(&identity).await?;
        }
        Ok(())
    }

    /// Whether the target is another Maildir than the base speaks of: it does not bear the mark that the base knows, and no
    /// mailbox of it shows the numbers, or holds the messages, that the base knows.
    pub(crate) async fn is_another_maildir(&self) -> Result<bool, SyncError> {
        let marked = self.target.get().identity().await?;
        if marked.is_some() && marked == self.base.target_identity().await? {
            return Ok(false);
        }
        let mut any_filled = false;
        for record in self.base.mailboxes().await? {
            let Some(known) = record.base.target_uid_validity else {
                continue;
            };
            any_filled = true;
            let mailbox = Counterpart {
                base: &self.base,
                account: &self.source.address.account(),
                record: &record,
            };
            let state = self.target.get().state(&mailbox).await?;
            if state.holds_ours || state.header.is_some_and(|header| header.uid_validity == known) {
                return Ok(false);
            }
        }
        Ok(any_filled)
    }

    /// One round. Says whether anything had to be done.
    async fn round(
        &self,
        turn: Turn,
        lines: &mut Lines<'_>,
        condemned: &mut u32,
        report: &mut Report,
        observer: &dyn Observer,
        stop: &Stop,
    ) -> Result<bool, SyncError> {
        if turn.is_first {
            still_ours(&self.fence).await?;
            self.check_identity().await?;
        }
        let connection = lines.first(stop).await?;
        still_ours(&self.fence).await?;
        let how = How {
            dry: false,
            had_trouble: !turn.is_first || report.reconnects > 0,
        };
        let survey = self.survey(connection, &self.base, how, stop).await?;
        let subscribed = self.subscribe(&survey).await?;
        report.subscribed += subscribed;
        let places = survey.places.clone();
        let mut changed = survey.changed || subscribed > 0;
        let mut round = Round::new(survey, observer);
        if round.works.is_empty() {
            round.merge_into(report, HashMap::new());
            return Ok(changed);
        }
        lines.widen(&round.works, stop).await?;
        let (to_keeper, messages) = mpsc::channel(KEEPER_QUEUE);
        let keeper = Keeper::new(
            self.base.clone(),
            self.target.get(),
            self.fence.clone(),
            places.clone(),
        );
        let keeper = tokio::spawn(keeper.run(messages));
        let mut shares = share_out(std::mem::take(&mut round.works), lines.all().len());
        let writers = self.target.get().batch().writers;
        let mut stagers: Vec<Stager> = shares
            .iter()
            .map(|_| Stager::start(places.clone(), to_keeper.clone(), writers))
            .collect();
        drop(to_keeper);
        let ends = shares.iter_mut().zip(lines.all()).zip(&mut stagers);
        let read = all_of(ends.map(|((works, connection), stager)| {
            let purpose = Purpose::CarryOut(stager);
            Carrier::new(connection, &self.base, works, purpose, observer, stop)
                .holding_back(turn.is_first)
                .patient(turn.is_patient)
                .removing(turn.removals)
                .run()
        }))
        .await;
        let (read, given_up) = read;
        *condemned += given_up;
        let mut ended = Ok(());
        for stager in stagers {
            ended = ended.and(stager.end().await);
        }
        round.works = shares.into_iter().flatten().collect();
        let kept = keeper
            .await
            .map_err(|error| SyncError::Internal(error.to_string()))?;
        // The keeper's error is the cause where the others' is only that the keeper has gone.
        let (kept, keeping) = kept;
        if let Err(error) = keeping {
            for work in &mut round.works {
                // What did not get so far is carried again.
                (work.counts.carried, work.counts.bytes) = kept
                    .get(&work.record.id)
                    .map_or((0, 0), |kept| (kept.messages, kept.octets));
            }
            round.merge_into(report, kept);
            return Err(error);
        }
        ended?;
        changed |= round
            .works
            .iter()
            .any(|work| work.end == Some(End::HeldBack) || !work.counts.is_empty());
        changed |= kept.values().any(Confirmed::has_changed);
        if read.is_ok() {
            still_ours(&self.fence).await?;
            self.agree(&round.works, &kept).await?;
        }
        round.merge_into(report, kept);
        read?;
        Ok(changed)
    }

    /// What to do about removals. Two passes may begin in the same second: this one counts as later.
    async fn removals(&self) -> Result<Removals, SyncError> {
        let mut began = self.now.unix();
        if self.deletions.is_follow()
            && let Some(last) = self.base.last_missed().await?
        {
            began = began.max(last + 1);
        }
        Ok(Removals {
            deletions: self.deletions,
            began,
        })
    }

    pub(crate) async fn survey(
        &self,
        connection: &mut Connection,
        base: &Base,
        how: How,
        stop: &Stop,
    ) -> Result<Survey, SyncError> {
        let account = self.source.address.account();
        let surveyor = Surveyor {
            connection,
            base,
            target: &*self.target.get(),
            account: &account,
            selection: &self.selection,
            dry: how.dry,
            had_trouble: how.had_trouble,
            makes_mailboxes: self.makes_mailboxes,
            deletions: self.deletions,
            now: self.now,
            still_at: HashMap::new(),
        };
        // The server may be silent for as long as it is given: whoever asks to stop does not wait for it.
        tokio::select! {
            survey = surveyor.survey() => survey,
            () = stop.asked() => Err(SyncError::Interrupted),
        }
    }

    /// Subscribes to what was never subscribed to before: a subscription that its owner ended stays ended (I7).
    async fn subscribe(&self, survey: &Survey) -> Result<usize, SyncError> {
        let before = self.base.subscriptions().await?;
        let new: Vec<_> = survey
            .tree
            .subscriptions
            .iter()
            .filter(|name| !before.contains(name))
            .cloned()
            .collect();
        if new.is_empty() {
            return Ok(0);
        }
        let added = self.target.get().subscribe(new.clone()).await?;
        self.base.add_subscriptions(&new).await?;
        Ok(added)
    }

    /// Records the checkpoints of mailboxes that were read and carried to their end.
    async fn agree(&self, works: &[Work], kept: &HashMap<MailboxId, Confirmed>) -> Result<(), SyncError> {
        for work in works {
            let confirmed = kept.get(&work.record.id);
            let clean = work.error.is_none()
                && work.unlisted == 0
                && work.missed == 0
                && work.warning.is_none()
                && work.failed.is_empty()
                && confirmed.is_some_and(Confirmed::is_clean);
            if clean && work.record.base.agreed != Some(work.checkpoint) {
                self.base.agree(work.record.id, &work.checkpoint).await?;
            }
        }
        Ok(())
    }
}

/// Which round it is.
#[derive(Clone, Copy)]
struct Turn {
    is_first: bool,
    /// Whether a server that asks for patience is given it.
    is_patient: bool,
    removals: Removals,
}

/// How a round looks.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub(crate) dry: bool,
    pub(crate) had_trouble: bool,
}

/// Runs all, until each has ended or one of them has failed; then the others are given up. Gives how many messages they have
/// condemned.
async fn all_of(
    carriers: impl Iterator<Item = impl Future<Output = (Result<(), SyncError>, u32)>>,
) -> (Result<(), SyncError>, u32) {
    let mut running: Vec<Pin<Box<_>>> = carriers.map(Box::pin).collect();
    let mut condemned = 0;
    let mut result = Ok(());
    std::future::poll_fn(|context| {
        running.retain_mut(|carrier| match pin!(carrier).poll(context) {
            Poll::Pending => true,
            Poll::Ready((ended, given_up)) => {
                condemned += given_up;
                if result.is_ok() {
                    result = ended;
                }
                false
            }
        });
        if running.is_empty() || result.is_err() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    (result, condemned)
}

/// A round's mailboxes and what is told of them.
struct Round {
    works: Vec<Work>,
    reports: Vec<MailboxReport>,
    notes: Vec<Note>,
    unreadable: usize,
}

impl Round {
    fn new(survey: Survey, observer: &dyn Observer) -> Self {
        observer.hear(&Progress::Surveyed {
            mailboxes: survey.reports.len(),
            messages: survey
                .works
                .iter()
                .map(|work| u64::from(work.checkpoint.messages))
                .sum(),
        });
        Self {
            works: survey.works,
            reports: survey.reports,
            notes: survey.tree.notes,
            unreadable: survey.unreadable,
        }
    }

    /// Puts what this round did to what earlier ones did.
    fn merge_into(self, report: &mut Report, mut kept: HashMap<MailboxId, Confirmed>) {
        let mut works: HashMap<_, Work> = self
            .works
            .into_iter()
            .map(|work| (work.record.source.clone(), work))
            .collect();
        let mut earlier: HashMap<_, MailboxReport> = report
            .mailboxes
            .drain(..)
            .map(|mailbox| (mailbox.source.clone(), mailbox))
            .collect();
        for mut mailbox in self.reports {
            if let Some(work) = works.remove(&mailbox.source) {
                mailbox.done = work.counts;
                mailbox.failed = work.failed;
                mailbox.error = work.error.or(work.warning);
                mailbox.unlisted = work.unlisted;
                if let Some(confirmed) = kept.remove(&work.record.id) {
                    confirmed.report(&mut mailbox);
                }
            }
            if let Some(before) = earlier.remove(&mailbox.source) {
                mailbox.continue_from(before);
            }
            report.mailboxes.push(mailbox);
        }
        report.notes = self.notes;
        report.unreadable_mailboxes = self.unreadable;
    }
}
