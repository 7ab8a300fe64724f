//! Verify: both sides are read again and held against each other and the base. Nothing is written, on either side or in the
//! base.
//!
//! What is read is decided here; what a difference means is decided in `transhume_model::verify`. The source's rows come
//! window by window; every file of the target is read to its end, since that is the proof that its bytes are what was
//! carried.

mod elsewhere;
mod here;
mod mailbox;
mod record;
mod report;
mod there;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use transhume_db::{Base, MailboxRecord, Store};
use transhume_imap::Connection;
use transhume_imap::wire::WireName;
use transhume_model::mail::{Checkpoint, MailboxName, Uid};
use transhume_model::plan::Note;
use transhume_model::verify::{Difference, compare_subscriptions};

pub use record::Recorder;
pub use report::{Group, MailboxVerification, Verification};

use crate::endpoint::MaildirTarget;
use crate::error::SyncError;
use crate::pass::{How, Pass, connect};
use crate::progress::{Observer, Progress};
use crate::stop::Stop;
use crate::survey::Survey;
use elsewhere::Elsewhere;
use here::Here;
use mailbox::{Comparison, Means};

/// The wait before a new connection.
const WAIT: Duration = Duration::from_secs(1);

/// How much is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Of the source what it lists; of the target the names of its files, and those alone whose bytes are not known and may be a
    /// message's that was carried. For a report right after a pass.
    Names,
    /// Of the source what it lists: UIDs, flags, dates and sizes. Of the target every file, whose bytes are held against the digests
    /// that the base has.
    Rows,
    /// The source's texts as well, which are fetched again and held against those digests.
    Texts,
    /// Every file of the target. The source is not asked: for when it is gone.
    Target,
}

impl Depth {
    /// Whether every file of the target is read.
    pub fn reads_files(self) -> bool {
        self != Self::Names
    }

    /// Whether the source is asked.
    pub fn asks_source(self) -> bool {
        self != Self::Target
    }
}

/// A mailbox to compare.
struct Subject {
    source: MailboxName,
    target: MailboxName,
    /// How to open it on the source, and how far it has got; `None` where it is no longer there.
    there: Option<(WireName, Checkpoint)>,
    record: Option<MailboxRecord>,
}

/// What both sides' mailboxes come to.
#[derive(Default)]
struct Account {
    subjects: Vec<Subject>,
    /// Mailboxes that are told of, but not compared.
    others: Vec<MailboxVerification>,
    /// What is to be said of a mailbox besides what its comparison finds.
    remarks: HashMap<MailboxName, Difference>,
    /// What mailboxes are called on the target that were carried once, or will be.
    targets: HashSet<MailboxName>,
    subscriptions: BTreeSet<MailboxName>,
    unreadable: u64,
}

impl Pass {
    /// Compares both sides, and explains every difference. What is seen of each message goes to `recorder`. The target has to be
    /// a Maildir.
    pub async fn verify(
        &self,
        depth: Depth,
        recorder: &mut dyn Recorder,
        observer: &dyn Observer,
        stop: &Stop,
    ) -> Result<Verification, SyncError> {
        tokio::select! {
            verification = self.compare(depth, recorder, observer, stop) => verification,
            () = stop.asked() => Err(SyncError::Interrupted),
        }
    }

    async fn compare(
        &self,
        depth: Depth,
        recorder: &mut dyn Recorder,
        observer: &dyn Observer,
        stop: &Stop,
    ) -> Result<Verification, SyncError> {
        let target = self.maildir()?;
        let account = self.source.address.account();
        let records = self.base.mailboxes().await?;
        let has_base = !records.is_empty() && !self.is_another_maildir().await?;
        // The base of another Maildir says nothing of this one, but keeps the names that it gave.
        let nothing = Base::open(Store::in_memory().await?, &account, "").await?;
        let base = if has_base { &self.base } else { &nothing };
        let mut report = Verification {
            has_base,
            is_deep: depth == Depth::Texts,
            ..Verification::default()
        };
        let known = if has_base { records.clone() } else { Vec::new() };
        let (found, mut connection) = if depth.asks_source() {
            let mut first = connect(&self.source, stop).await?;
            let survey = self.survey_all(&mut first, &records, stop).await?;
            observer.hear(&Progress::Surveyed {
                mailboxes: survey.reports.len(),
                messages: survey
                    .works
                    .iter()
                    .map(|work| u64::from(work.checkpoint.messages))
                    .sum(),
            });
            (self.account(survey, known), Some(first))
        } else {
            (self.account_of_base(known), None)
        };
        let comparisons: Vec<Comparison<'_>> = found
            .subjects
            .iter()
            .map(|subject| Comparison {
                base,
                target,
                account: &account,
                subject,
                has_base,
                depth,
                observer,
            })
            .collect();
        let homes = comparisons.iter().map(Comparison::home).collect();
        let elsewhere = Elsewhere::new(base, target, homes, depth.reads_files());
        for comparison in &comparisons {
            let subject = comparison.subject;
            // By itself, since within a pair it would be lent for good.
            let lent: &mut dyn Recorder = &mut *recorder;
            let to = (&elsewhere, lent);
            let mut mailbox = self
                .compare_patiently(comparison, to, &mut connection, &mut report, stop)
                .await?;
            if let Some(difference) = found.remarks.get(&subject.source) {
                mailbox.note(None, difference.with(format_args!("“{}” here", subject.target)));
            }
            observer.hear(&Progress::Mailbox {
                mailbox: &subject.source,
                carried: mailbox.on_source,
            });
            if subject.there.is_some() || mailbox.on_target > 0 || !mailbox.differences.is_empty() {
                report.mailboxes.push(mailbox);
            }
        }
        report.mailboxes.extend(found.others);
        report.mailboxes.extend(self.made_here(&found.targets).await?);
        if depth.asks_source() {
            report.subscriptions = self.subscriptions(has_base, &found.subscriptions).await?;
        }
        report.unreadable_mailboxes = found.unreadable;
        if let Some(connection) = connection {
            connection.logout().await;
        }
        Ok(report)
    }

    /// Only a Maildir is compared: it can be read without the server that serves it.
    fn maildir(&self) -> Result<&MaildirTarget, SyncError> {
        let other = || SyncError::Internal("a verification was asked for of what is no Maildir".to_owned());
        self.target.maildir().ok_or_else(other)
    }

    /// Surveys with a base that knows names and nothing else: so no mailbox is passed over as unchanged.
    async fn survey_all(
        &self,
        connection: &mut Connection,
        records: &[MailboxRecord],
        stop: &Stop,
    ) -> Result<Survey, SyncError> {
        let names = Base::open(Store::in_memory().await?, &self.source.address.account(), "").await?;
        for record in records {
            names.add_mailbox(&record.source, &record.target).await?;
        }
        let how = How {
            dry: true,
            had_trouble: false,
        };
        self.survey(connection, &names, how, stop).await
    }

    /// What is to be compared, from a survey and what the base knows.
    fn account(&self, survey: Survey, records: Vec<MailboxRecord>) -> Account {
        let mut known: BTreeMap<MailboxName, MailboxRecord> = records
            .into_iter()
            .map(|record| (record.source.clone(), record))
            .collect();
        let planned = survey.tree.mailboxes.iter().map(|planned| planned.target.clone());
        let carried = known.values().map(|record| record.target.clone());
        let mut account = Account {
            targets: planned.chain(carried).collect(),
            subscriptions: survey.tree.subscriptions.iter().cloned().collect(),
            unreadable: survey.unreadable as u64,
            ..Account::default()
        };
        for work in survey.works {
            account.subjects.push(Subject {
                there: Some((work.wire, work.checkpoint)),
                record: known.remove(&work.record.source),
                source: work.record.source,
                target: work.record.target,
            });
        }
        for mailbox in survey.reports {
            let Some(error) = mailbox.error else { continue };
            known.remove(&mailbox.source);
            let mut told = MailboxVerification {
                source: Some(mailbox.source),
                target: Some(mailbox.target),
                ..MailboxVerification::default()
            };
            told.note(None, Difference::MailboxUnreadable.with(error));
            account.others.push(told);
        }
        for note in survey.tree.notes {
            let (source, difference) = match note {
                Note::Renamed { source, .. } | Note::SameName { source } => {
                    account.remarks.insert(source, Difference::NameAdapted);
                    continue;
                }
                Note::Excluded { source } => (source, Difference::Excluded),
                Note::NotOwn { source } => (source, Difference::NotOwn),
                Note::Virtual { .. }
                | Note::Moved { .. }
                | Note::RenamedHere { .. }
                | Note::LooksAlike { .. }
                | Note::RoleTaken { .. } => continue,
            };
            let mut told = MailboxVerification {
                source: Some(source),
                ..MailboxVerification::default()
            };
            told.note(None, difference.into());
            account.others.push(told);
        }
        // Moved once, and no longer on the source.
        account.subjects.extend(self.carried_once(known.into_values()));
        account
    }

    /// What is to be compared when the source is not asked: all that was ever carried.
    fn account_of_base(&self, mut records: Vec<MailboxRecord>) -> Account {
        records.sort_by(|one, other| one.source.cmp(&other.source));
        Account {
            targets: records.iter().map(|record| record.target.clone()).collect(),
            subjects: self.carried_once(records).collect(),
            ..Account::default()
        }
    }

    fn carried_once(
        &self,
        records: impl IntoIterator<Item = MailboxRecord>,
    ) -> impl Iterator<Item = Subject> {
        let records = records.into_iter();
        let taken = records.filter(|record| self.selection.takes(&record.source));
        taken.map(|record| Subject {
            source: record.source.clone(),
            target: record.target.clone(),
            there: None,
            record: Some(record),
        })
    }

    /// Compares one mailbox, over a new connection when one is lost. What is wrong with one mailbox does not keep the others
    /// from being compared.
    async fn compare_patiently(
        &self,
        comparison: &Comparison<'_>,
        (elsewhere, recorder): (&Elsewhere<'_>, &mut dyn Recorder),
        slot: &mut Option<Connection>,
        report: &mut Verification,
        stop: &Stop,
    ) -> Result<MailboxVerification, SyncError> {
        // Before all else, and once: it may take longer than a server waits for the next command.
        let here = match comparison.here().await {
            Err(error) if error.is_of_one_mailbox() => return comparison.unreadable(&error, recorder),
            outcome => outcome?,
        };
        let mut ends = HashMap::new();
        let mut fruitless = 0;
        loop {
            let withheld = there::withheld(&ends);
            let lent: &mut dyn Recorder = &mut *recorder;
            let means = (&mut ends, elsewhere, lent);
            let error = match self.compare_once(comparison, &here, means, slot, stop).await {
                Err(error) if error.is_of_one_mailbox() || error.is_refusal() => {
                    return comparison.unreadable(&error, recorder);
                }
                Err(error) if error.is_passing() && fruitless < self.retries => error,
                outcome => return outcome,
            };
            *slot = None;
            // To learn which message it is that ends connections is to get further.
            fruitless = if there::withheld(&ends) > withheld {
                0
            } else {
                fruitless + 1
            };
            report.reconnects += 1;
            comparison.observer.hear(&Progress::Reconnecting {
                reason: &error.to_string(),
                after: WAIT,
            });
            tokio::time::sleep(WAIT).await;
        }
    }

    async fn compare_once(
        &self,
        comparison: &Comparison<'_>,
        here: &Here,
        (ends, elsewhere, recorder): (&mut HashMap<Uid, u32>, &Elsewhere<'_>, &mut dyn Recorder),
        slot: &mut Option<Connection>,
        stop: &Stop,
    ) -> Result<MailboxVerification, SyncError> {
        if slot.is_none() && comparison.depth.asks_source() {
            *slot = Some(connect(&self.source, stop).await?);
        }
        let means = Means {
            connection: slot.as_mut(),
            ends,
            elsewhere,
            recorder,
        };
        comparison.run(here, means).await
    }

    /// Mailboxes that are on the target only.
    async fn made_here(&self, known: &HashSet<MailboxName>) -> Result<Vec<MailboxVerification>, SyncError> {
        let mut made = Vec::new();
        for name in self.maildir()?.list().await? {
            if known.contains(&name) || !self.selection.takes(&name) {
                continue;
            }
            let messages = self.maildir()?.count(&name).await?;
            if name.is_inbox() && messages == 0 {
                continue;
            }
            let mut mailbox = MailboxVerification {
                target: Some(name),
                on_target: messages,
                ..MailboxVerification::default()
            };
            mailbox.note(None, Difference::MailboxMadeHere.into());
            made.push(mailbox);
        }
        Ok(made)
    }

    async fn subscriptions(
        &self,
        has_base: bool,
        wanted: &BTreeSet<MailboxName>,
    ) -> Result<Vec<(MailboxName, Difference)>, SyncError> {
        let made = if has_base {
            Some(self.base.subscriptions().await?)
        } else {
            None
        };
        let found = self.maildir()?.subscriptions().await?.into_iter().collect();
        Ok(compare_subscriptions(wanted, made.as_ref(), &found))
    }
}
