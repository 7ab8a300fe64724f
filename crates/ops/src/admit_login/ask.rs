//! The old server is asked, once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use transhume_imap::ImapError;
use transhume_model::admission::{Asker, Attempt, Finding, Question, Refusal, Trial, Visit};
use transhume_model::directory::password::{NewScheme, SALT_OCTETS, StoredPassword, hash_new};

use super::{Shared, Trouble, Visitor};
use crate::old_server;

/// Logins at a provider at a time; others wait for their turn. Servers count connections of one address.
const AT_A_TIME: usize = 20;

/// Who asks whom at the moment.
#[derive(Default)]
pub(super) struct Asking {
    turns: Mutex<HashMap<String, Arc<Semaphore>>>,
}

/// Somebody whom the guard has let through. When nobody waits for the answer any more, the guard hears of it.
struct Through<'s> {
    shared: &'s Shared,
    visit: Option<Visit>,
}

impl Shared {
    /// Asks. A refusal says why nothing was found out.
    pub(super) async fn ask(
        &self,
        visitor: &Visitor,
        attempt: &Attempt,
        question: &Question<'_>,
    ) -> Result<Finding, Refusal> {
        let provider = question.provider;
        let login = provider.login(&question.old);
        let asker = self.asker(visitor, attempt, question);
        let now = (self.around.clock)();
        let visit = self.guard().enter(asker, now).map_err(Refusal::Denied)?;
        let through = Through {
            shared: self,
            visit: Some(visit),
        };
        let turns = self.asking.turns(provider.name.folded());
        // The whole wait is limited: whoever has no turn within it is told to come later.
        let login_there = old_server::patiently(provider, async {
            let _turn = turns.acquire().await;
            old_server::log_in(provider, &login, attempt.password.reveal()).await
        });
        let said = login_there.await;
        let (finding, refusal) = match said {
            Ok(()) => (Finding::Right, None),
            Err(ImapError::LoginRefused { .. }) => (Finding::Wrong, None),
            Err(error) => {
                let retry_after = match &error {
                    ImapError::Later { patience, .. } => patience.retry_after,
                    _ => None,
                };
                let refusal = Refusal::Unreachable {
                    provider: provider.name.clone(),
                    what: error.to_string(),
                };
                (Finding::Nothing { retry_after }, Some(refusal))
            }
        };
        through.back(finding);
        match refusal {
            Some(refusal) => Err(refusal),
            None => Ok(finding),
        }
    }

    /// Why there is no use in asking now. Nothing is counted.
    pub(super) fn denies(
        &self,
        visitor: &Visitor,
        attempt: &Attempt,
        question: &Question<'_>,
    ) -> Option<Refusal> {
        let asker = self.asker(visitor, attempt, question);
        let now = (self.around.clock)();
        self.guard().denies(&asker, now).map(Refusal::Denied)
    }

    fn asker(&self, visitor: &Visitor, attempt: &Attempt, question: &Question<'_>) -> Asker {
        Asker {
            network: visitor.network.clone(),
            account: question.old.clone(),
            provider: question.provider.name.folded().to_owned(),
            trial: self.trial(question, attempt),
        }
    }

    /// Account and password, as what cannot be turned back into them: with a key that nobody else has, and that is gone with
    /// this process.
    fn trial(&self, question: &Question<'_>, attempt: &Attempt) -> Trial {
        let digest = Sha256::new()
            .chain_update(self.trial_key)
            .chain_update(question.provider.name.folded())
            .chain_update([0])
            .chain_update(question.old.as_str())
            .chain_update([0])
            .chain_update(attempt.password.reveal())
            .finalize();
        digest.into()
    }

    /// Hashes a password that the old server has confirmed: wrong ones, and servers that do not answer, occupy no core.
    pub(super) async fn hash(&self, attempt: &Attempt) -> Result<StoredPassword, Trouble> {
        let mut salt = [0; SALT_OCTETS];
        (self.around.random)(&mut salt).map_err(Trouble::Random)?;
        let password = attempt.password.clone();
        let hash = move || {
            let text = std::str::from_utf8(password.reveal()).unwrap_or_default();
            hash_new(NewScheme::default(), text, salt)
        };
        Ok(self.hashing.run(hash).await??)
    }
}

impl Asking {
    fn turns(&self, provider: &str) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns
            .entry(provider.to_owned())
            .or_insert_with(|| Arc::new(Semaphore::new(AT_A_TIME)));
        Arc::clone(turn)
    }
}

impl Through<'_> {
    fn back(mut self, finding: Finding) {
        self.tell(finding);
    }

    fn tell(&mut self, finding: Finding) {
        if let Some(visit) = self.visit.take() {
            let now = (self.shared.around.clock)();
            self.shared.guard().leave(visit, now, finding);
        }
    }
}

impl Drop for Through<'_> {
    fn drop(&mut self) {
        self.tell(Finding::Abandoned);
    }
}
