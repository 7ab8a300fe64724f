//! One migration from its lease to its handing back.

use std::cell::RefCell;
use std::rc::Rc;

use transhume_db::directory::{CredentialFor, CredentialOwner, DirectoryError, HandBack, LeaseError, Leased};
use transhume_model::directory::{Provider, Settings};
use transhume_model::migration::{
    Ending, Hold, Migration, Pace, PassOutcome, PassReport, Phase, Progress, Verdict, after_pass,
};
use transhume_sync::{Doveadm, Raise, Report, Stop};

use crate::WorkerOptions;
use crate::ending::Ended;
use crate::heartbeat::{Heartbeat, Stopped};
use crate::pass::{Ingredients, Ready};
use crate::progress::Hearing;
use crate::rest::Resting;

/// Carries what was leased.
pub(crate) struct Carrier {
    pub(crate) options: WorkerOptions,
    pub(crate) resting: RefCell<Resting>,
}

/// What a pass needs to know of the directory.
pub(crate) struct Known {
    pub(crate) provider: Provider,
    pub(crate) settings: Settings,
    /// Where the mailbox lies below the folder of all mail.
    pub(crate) below: String,
    pub(crate) password: Result<Vec<u8>, Ended>,
}

/// What a pass came to.
struct Outcome {
    ended: Ended,
    messages: u64,
    octets: u64,
    progress: Progress,
}

impl Carrier {
    /// Runs a pass over a migration, and hands it back. What cannot be handed back, since the directory is away, comes back by itself
    /// when its lease has run out.
    pub(crate) async fn carry(self: Rc<Self>, leased: Leased, heartbeat: Rc<Heartbeat>, stop: Stop) {
        if let Err(error) = self.try_to_carry(&leased, &heartbeat, &stop).await {
            let who = &leased.migration.address;
            self.say(&format!(
                "{who}: {error}; the pass is tried again when its lease has run out"
            ));
        }
    }

    async fn try_to_carry(
        &self,
        leased: &Leased,
        heartbeat: &Heartbeat,
        stop: &Stop,
    ) -> Result<(), DirectoryError> {
        let surroundings = &self.options.surroundings;
        let migration = &leased.migration;
        let began = surroundings.now();
        let Some(known) = self.look_up(migration).await? else {
            // Provider, account or domain were disabled or removed in this moment.
            return self.give_back(leased, began).await;
        };
        let asked = self.resting.borrow_mut().may_ask(&migration.provider, began);
        if let Err(wait) = asked {
            let wait = wait + surroundings.random() % wait.max(1);
            return self.give_back(leased, began + i64::from(wait)).await;
        }
        let pace = Pace {
            every: known.settings.every.get(),
            sweep_for: known.settings.sweep_for,
        };
        let outcome = self.run(leased, known, heartbeat, stop, began).await;
        self.note_answer(
            migration,
            outcome.as_ref().and_then(|outcome| outcome.ended.has_answered),
        );
        let Some(outcome) = outcome else {
            let lost = "the lease was lost, and this worker has stopped; whoever has it now goes on";
            self.say(&format!("{}: {lost}", migration.address));
            return Ok(());
        };
        let now = surroundings.now();
        let (failures, random) = (leased.failures, surroundings.random());
        let verdict = after_pass(migration, &outcome.ended.ending, failures, pace, now, random);
        // Where it cannot be noted, it cannot be handed back either, which is told.
        let _ = self
            .options
            .pool
            .note_progress(leased.lease, &outcome.progress)
            .await;
        let back = HandBack {
            events: verdict.event.iter().cloned().collect(),
            due: now + i64::from(verdict.wait.unwrap_or(0)),
            failures: verdict.failures,
            pass: report(&outcome, began, now),
        };
        let then = self.hand_back(leased, back).await?;
        if let Some(then) = then {
            self.tell(leased, &then, &outcome, &verdict);
        }
        Ok(())
    }

    /// What the pass needs to know; `None` where there is nothing to be done now.
    pub(crate) async fn look_up(&self, migration: &Migration) -> Result<Option<Known>, DirectoryError> {
        let pool = &self.options.pool;
        let mut providers = pool.providers().await?.into_iter();
        let provider = providers.find(|provider| provider.name == migration.provider && provider.enabled);
        let (Some(provider), Some(below)) = (provider, pool.folder(&migration.address).await?) else {
            return Ok(None);
        };
        let (owner, bound_to) = match &provider.master {
            Some(_) => (
                CredentialOwner::Provider(&provider.name),
                CredentialFor::Provider(&provider.name),
            ),
            None => (
                CredentialOwner::Migration(migration.id),
                CredentialFor::OldAddress(&migration.old_address),
            ),
        };
        let password = match pool.credential(owner).await? {
            None => Err("no password of the old server is known".to_owned()),
            Some(sealed) => bound_to
                .unseal(&self.options.sealer, &sealed)
                .map_err(|error| error.to_string()),
        };
        let password = password.map_err(|what| Ended {
            ending: Ending::Blocked(Hold::CredentialUnreadable),
            what: Some(what),
            has_answered: None,
        });
        Ok(Some(Known {
            settings: pool.settings().await?,
            provider,
            below,
            password,
        }))
    }

    /// Runs the pass, beating meanwhile; `None` where somebody else has the account by then.
    async fn run(
        &self,
        leased: &Leased,
        known: Known,
        heartbeat: &Heartbeat,
        stop: &Stop,
        began: i64,
    ) -> Option<Outcome> {
        let hearing = Hearing::new();
        let password = match known.password {
            Ok(password) => password,
            Err(ended) => return Some(Outcome::without_pass(ended, leased.progress)),
        };
        let work = async {
            let ready = Ready::new(Ingredients {
                migration: &leased.migration,
                provider: &known.provider,
                settings: &known.settings,
                folders: &self.options.folders,
                below: &known.below,
                password,
                fence: Some(heartbeat.fence()),
                now: began,
            })
            .await?;
            let result = ready.pass.run(&hearing, stop).await;
            ready.pass.base.close().await;
            let report = result?;
            let trouble = self.raise_mod_seqs(leased, &report).await;
            Ok((report, trouble))
        };
        let result = tokio::select! {
            result = work => result,
            () = heartbeat.beat(&hearing) => return None,
        };
        if heartbeat.stopped() == Some(Stopped::Lost) {
            return None;
        }
        let (ended, progress) = match &result {
            Ok((report, trouble)) => {
                let ended = Ended::whole(report).or_trouble(trouble.clone());
                let progress = match ended.ending {
                    Ending::Equal { .. } => Hearing::whole(report, leased.progress.octets.done),
                    _ => hearing.progress(),
                };
                (ended, progress)
            }
            Err(error) => {
                let ended = Ended::by(error, hearing.has_surveyed())?;
                let progress = if hearing.has_surveyed() {
                    hearing.progress()
                } else {
                    leased.progress
                };
                (ended.or_stopped(heartbeat.stopped()), progress)
            }
        };
        let counts = match &result {
            Ok((report, _)) => report.totals(),
            Err(_) => hearing.counts(),
        };
        Some(Outcome {
            ended,
            messages: counts.carried,
            octets: counts.bytes,
            progress,
        })
    }

    /// Has doveadm raise Dovecot's numbers, where it is to be asked. Gives what it could not do.
    async fn raise_mod_seqs(&self, leased: &Leased, report: &Report) -> Option<String> {
        let config = self.options.doveadm.as_ref()?.config.clone();
        let doveadm = Doveadm {
            user: leased.migration.address.to_string(),
            config,
        };
        // Of the mailboxes that an earlier pass has filled, that one may have been ended before it came to this.
        let which = if leased.migration.phase == Phase::Following && leased.failures == 0 {
            Raise::Touched
        } else {
            Raise::All
        };
        let report = report.clone();
        let raised = tokio::task::spawn_blocking(move || doveadm.raise_mod_seqs(&report, which)).await;
        raised.unwrap_or_else(|error| Err(error.to_string())).err()
    }

    fn note_answer(&self, migration: &Migration, has_answered: Option<bool>) {
        let provider = &migration.provider;
        let (now, random) = (
            self.options.surroundings.now(),
            self.options.surroundings.random(),
        );
        let mut resting = self.resting.borrow_mut();
        match has_answered {
            Some(true) if resting.answered(provider) => {
                self.say(&format!("provider {provider} answers again"));
            }
            Some(false) if resting.silent(provider, now, random) => {
                self.say(&format!(
                    "provider {provider} does not answer; it is asked again from time to time"
                ));
            }
            Some(_) => {}
            None => resting.unknown(provider),
        }
    }

    /// Hands back what no pass was run over.
    async fn give_back(&self, leased: &Leased, due: i64) -> Result<(), DirectoryError> {
        let back = HandBack {
            events: Vec::new(),
            due,
            failures: leased.failures,
            pass: None,
        };
        self.hand_back(leased, back).await.map(drop)
    }

    /// Hands back, and gives how the migration stands then; `None` where somebody else has it by now.
    async fn hand_back(&self, leased: &Leased, back: HandBack) -> Result<Option<Migration>, DirectoryError> {
        let WorkerOptions { pool, name, .. } = &self.options;
        match pool.hand_back(leased.lease, name, back).await {
            Ok(migration) => Ok(Some(migration)),
            Err(LeaseError::FencedOff) => Ok(None),
            Err(LeaseError::Directory(error)) => Err(error),
        }
    }

    /// Tells whoever reads the log what is new.
    fn tell(&self, leased: &Leased, then: &Migration, outcome: &Outcome, verdict: &Verdict) {
        let (before, ended) = (&leased.migration, &outcome.ended);
        let who = &then.address;
        let what = ended.what.as_deref().unwrap_or("no more is known");
        if let Some(hold) = then
            .hold
            .as_ref()
            .filter(|hold| before.hold.as_ref() != Some(*hold))
        {
            self.say(&format!("{who}: held: {}: {what}", hold.sentence()));
        } else if leased.failures == 0 && verdict.failures > 0 {
            let wait = verdict.wait.unwrap_or(0);
            self.say(&format!("{who}: {what}; tried again in {wait} s"));
        }
        if before.phase != then.phase {
            self.say(&format!("{who}: {}", then.phase.sentence()));
        }
        if before.swept_until.is_some() {
            if outcome.messages > 0 {
                let messages = outcome.messages;
                self.say(&format!(
                    "{who}: {messages} messages came late to its old mailbox, and are here now"
                ));
            }
            if !then.wants_passes() {
                self.say(&format!("{who}: its old mailbox is swept no more: {what}"));
            }
        }
    }

    pub(crate) fn say(&self, line: &str) {
        self.options.surroundings.say(line);
    }
}

impl Outcome {
    /// Nothing was begun.
    fn without_pass(ended: Ended, progress: Progress) -> Self {
        Self {
            ended,
            messages: 0,
            octets: 0,
            progress,
        }
    }
}

/// The line in the history; none for a pass that did not come to its work.
fn report(outcome: &Outcome, began: i64, ended: i64) -> Option<PassReport> {
    let Ended { ending, what, .. } = &outcome.ended;
    let kind = match ending {
        Ending::Equal { .. } => PassOutcome::Complete,
        Ending::Moving | Ending::Partial => PassOutcome::Partial,
        Ending::Unreachable { .. } | Ending::Failed | Ending::Blocked(_) => PassOutcome::Failed,
        Ending::Stopped if outcome.messages > 0 => PassOutcome::Interrupted,
        Ending::Stopped | Ending::Busy => return None,
    };
    Some(PassReport {
        began,
        ended: ended.max(began),
        outcome: kind,
        messages: outcome.messages,
        octets: outcome.octets,
        error: what.clone(),
    })
}
