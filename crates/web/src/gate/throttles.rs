//! How often one may ask.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use transhume_model::admission::{Allowance, Throttle};

use super::Refusal;

/// Keys that are remembered.
const MOST: usize = 20_000;

/// Who has asked how often.
pub(crate) struct Throttles {
    /// From each network, whoever it is.
    networks: Mutex<Throttle<String>>,
    /// In each account's name.
    actors: Mutex<Throttle<String>>,
    /// With credentials that are not right.
    wrong: Mutex<Throttle<String>>,
}

impl Throttles {
    /// Nobody has asked yet. So many questions each minute may come in one account's name, and twice as many from a network.
    pub(crate) fn new(per_minute: u32) -> Self {
        let throttle = |burst: u32| {
            let every = Duration::from_mins(1) / burst.max(1);
            Mutex::new(Throttle::new(Allowance { burst, every }, MOST))
        };
        Self {
            networks: throttle(per_minute.saturating_mul(2)),
            actors: throttle(per_minute),
            wrong: throttle(30),
        }
    }

    /// One more question from a network. This machine's own are not counted.
    pub(super) fn of_network(&self, network: Option<&str>, now: Duration) -> Result<(), Refusal> {
        network.map_or(Ok(()), |network| take(&self.networks, network, now))
    }

    /// One more question in an account's name.
    pub(super) fn of_actor(&self, login: &str, now: Duration) -> Result<(), Refusal> {
        take(&self.actors, login, now)
    }

    /// Whether credentials from there are still looked at.
    pub(super) fn may_try(&self, network: Option<&str>, now: Duration) -> Result<(), Refusal> {
        let key = network.unwrap_or_default().to_owned();
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.wait(&key, now).map_or(Ok(()), |wait| Err(too_many(wait)))
    }

    /// Credentials that were not right.
    pub(super) fn was_wrong(&self, network: Option<&str>, now: Duration) {
        let key = network.unwrap_or_default().to_owned();
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.take(&key, now);
    }
}

fn take(throttle: &Mutex<Throttle<String>>, key: &str, now: Duration) -> Result<(), Refusal> {
    let key = key.to_owned();
    let mut throttle = throttle.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(wait) = throttle.wait(&key, now) {
        return Err(too_many(wait));
    }
    throttle.take(&key, now);
    Ok(())
}

fn too_many(wait: Duration) -> Refusal {
    let seconds = wait.as_secs().max(1);
    Refusal::TooMany { seconds }
}
