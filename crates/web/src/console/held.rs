//! What somebody has sent and has not said yes to: a file whose preview they are looking at, a database and its password. It is
//! kept in memory, for a while and within bounds, and given to nobody else.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use transhume_model::directory::Login;

use super::answer::Refused;
use crate::WebState;
use crate::gate::Refusal;

/// For how long.
const KEPT: Duration = Duration::from_mins(30);
/// Octets of all of it together.
const MOST_OCTETS: usize = 96 << 20;
/// Things of one person: the oldest gives way.
const MOST_OF_ONE: usize = 4;

/// What is kept, each under a name that nobody guesses.
pub(crate) struct Held<T> {
    things: Mutex<HashMap<String, Thing<T>>>,
}

struct Thing<T> {
    owner: Login,
    since: Duration,
    octets: usize,
    what: T,
}

/// A name that nobody guesses: 128 random bits.
pub(super) fn new_name(state: &WebState) -> Result<String, Refused> {
    let mut octets = [0; 16];
    (state.around.random)(&mut octets).map_err(|error| Refused(Refusal::Internal(error)))?;
    Ok(format!("{:032x}", u128::from_be_bytes(octets)))
}

/// Why something is not kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

impl<T> Held<T> {
    pub(crate) fn new() -> Self {
        Self {
            things: Mutex::default(),
        }
    }

    /// Keeps something of so many octets for somebody.
    pub(super) fn keep(
        &self,
        name: String,
        owner: &Login,
        octets: usize,
        what: T,
        now: Duration,
    ) -> Result<String, NoRoom> {
        let mut things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        things.retain(|_, thing| now.saturating_sub(thing.since) < KEPT);
        while things.values().filter(|thing| thing.owner == *owner).count() >= MOST_OF_ONE {
            let own = things.iter().filter(|(_, thing)| thing.owner == *owner);
            let oldest = own
                .min_by_key(|(_, thing)| thing.since)
                .map(|(name, _)| name.clone());
            things.remove(&oldest.unwrap_or_default());
        }
        let all: usize = things.values().map(|thing| thing.octets).sum();
        if all.saturating_add(octets) > MOST_OCTETS {
            return Err(NoRoom);
        }
        let thing = Thing {
            owner: owner.clone(),
            since: now,
            octets,
            what,
        };
        things.insert(name.clone(), thing);
        Ok(name)
    }

    /// Gives back what was kept for somebody. It is kept no longer.
    pub(super) fn take(&self, name: &str, owner: &Login, now: Duration) -> Option<T> {
        let mut things = self.things.lock().unwrap_or_else(PoisonError::into_inner);
        let is_theirs = things
            .get(name)
            .is_some_and(|thing| thing.owner == *owner && now.saturating_sub(thing.since) < KEPT);
        is_theirs
            .then(|| things.remove(name))
            .flatten()
            .map(|thing| thing.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_is_given_once_and_to_nobody_else() {
        let held = Held::new();
        let (alice, eve) = (login("alice"), login("eve"));
        held.keep("n".to_owned(), &alice, 1, "text", at(0)).unwrap();
        assert_eq!(held.take("n", &eve, at(1)), None);
        assert_eq!(held.take("m", &alice, at(1)), None);
        assert_eq!(held.take("n", &alice, at(1)), Some("text"));
        assert_eq!(held.take("n", &alice, at(1)), None);
        held.keep("o".to_owned(), &alice, 1, "text", at(0)).unwrap();
        assert_eq!(held.take("o", &alice, KEPT), None);
    }

    #[test]
    fn memory_is_bounded() {
        let held = Held::new();
        let alice = login("alice");
        for number in 0..6 {
            held.keep(number.to_string(), &alice, 1, number, at(number))
                .unwrap();
        }
        assert_eq!(held.take("1", &alice, at(6)), None);
        assert_eq!(held.take("2", &alice, at(6)), Some(2));
        let large = held.keep("large".to_owned(), &login("bob"), MOST_OCTETS, 0, at(7));
        assert_eq!(large, Err(NoRoom));
        // What is too old makes room.
        let later = at(7) + KEPT;
        let large = held.keep("large".to_owned(), &login("bob"), MOST_OCTETS, 0, later);
        assert!(large.is_ok());
    }
}
