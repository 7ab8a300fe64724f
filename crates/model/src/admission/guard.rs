//! What stands between strangers and the old servers: who guesses passwords here must not guess them there.

use std::collections::BTreeMap;
use std::fmt;

use core::time::Duration;

use super::gate::{Experience, Gate, Ticket};
use super::throttle::{Allowance, Throttle};
use crate::directory::Address;

/// How often a wrong password may reach an old server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardRules {
    /// From each address on the network.
    pub per_network: Allowance,
    /// For each account.
    pub per_account: Allowance,
    /// At each provider, whoever it comes from.
    pub per_provider: Allowance,
    /// How long a password that the old server refused is refused without asking again.
    pub remember_wrong: Duration,
}

impl Default for GuardRules {
    /// A person who tries all passwords that they ever had gets through; who tries a list of them does not.
    fn default() -> Self {
        let allowance = |burst, every| Allowance { burst, every };
        Self {
            per_network: allowance(20, Duration::from_secs(30)),
            per_account: allowance(10, Duration::from_mins(1)),
            // A hundred people may come at the same moment, and are counted until the old server has answered.
            per_provider: allowance(300, Duration::from_millis(500)),
            remember_wrong: Duration::from_mins(1),
        }
    }
}

/// A password that somebody tries for an account, by what cannot be turned back into it.
pub type Trial = [u8; 32];

/// Networks, accounts and passwords that are remembered; some hundred octets each.
const MOST: usize = 20_000;

/// Somebody who wants to ask an old server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The network that they come from; `None` where that says nothing, as of a program on this machine.
    pub network: Option<String>,
    /// Their address at the old server.
    pub account: Address,
    /// The provider, by what names are compared by.
    pub provider: String,
    /// Account and password together.
    pub trial: Trial,
}

/// Why nobody asks now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The old server has just refused this password.
    KnownWrong,
    /// Too many wrong passwords.
    TooMany {
        /// Whose.
        of: Counted,
        /// When it can be tried again.
        wait: Duration,
    },
    /// The old server is down or silent.
    Shut {
        /// When it is tried again.
        wait: Duration,
    },
}

/// Whose wrong passwords are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Those that come from one network address.
    Network,
    /// Those for one account.
    Account,
    /// Those at one provider.
    Provider,
}

/// Somebody who was let through; to be handed back.
#[derive(Clone, Debug)]
pub struct Visit {
    asker: Asker,
    ticket: Ticket,
}

/// What an old server said of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is right.
    Right,
    /// It is wrong, or the account unknown.
    Wrong,
    /// Nothing: it could not be reached, or asked to come back later.
    Nothing {
        /// After so long, where it said so.
        retry_after: Option<Duration>,
    },
    /// Nobody waited for it.
    Abandoned,
}

/// All that is remembered. Time is what has passed since some moment, the same for all calls.
#[derive(Clone, Debug)]
pub struct Guard {
    networks: Throttle<String>,
    accounts: Throttle<Address>,
    providers: Throttle<String>,
    gates: BTreeMap<String, Gate>,
    wrong: BTreeMap<Trial, Duration>,
    remember_wrong: Duration,
}

impl Guard {
    /// Nobody has asked yet.
    pub fn new(rules: &GuardRules) -> Self {
        Self {
            networks: Throttle::new(rules.per_network, MOST),
            accounts: Throttle::new(rules.per_account, MOST),
            providers: Throttle::new(rules.per_provider, MOST),
            gates: BTreeMap::new(),
            wrong: BTreeMap::new(),
            remember_wrong: rules.remember_wrong,
        }
    }

    /// Why this one may not ask now; `None` when they may. Nothing is counted yet.
    pub fn denies(&self, asker: &Asker, now: Duration) -> Option<Denied> {
        if self.wrong.get(&asker.trial).is_some_and(|until| *until > now) {
            return Some(Denied::KnownWrong);
        }
        // The server first: who comes while it is down has done nothing wrong.
        if let Some(wait) = self.gates.get(&asker.provider).and_then(|gate| gate.wait(now)) {
            return Some(Denied::Shut { wait });
        }
        let network = asker.network.as_ref();
        let waits = [
            (
                Counted::Network,
                network.and_then(|network| self.networks.wait(network, now)),
            ),
            (Counted::Account, self.accounts.wait(&asker.account, now)),
            (Counted::Provider, self.providers.wait(&asker.provider, now)),
        ];
        let denied = |(of, wait): (Counted, Option<Duration>)| wait.map(|wait| Denied::TooMany { of, wait });
        waits.into_iter().find_map(denied)
    }

    /// Lets somebody through, unless they are denied. They count as wrong until they are back.
    pub fn enter(&mut self, asker: Asker, now: Duration) -> Result<Visit, Denied> {
        if let Some(denied) = self.denies(&asker, now) {
            return Err(denied);
        }
        if let Some(network) = &asker.network {
            self.networks.take(network, now);
        }
        self.accounts.take(&asker.account, now);
        self.providers.take(&asker.provider, now);
        let ticket = self.gates.entry(asker.provider.clone()).or_default().enter(now);
        Ok(Visit { asker, ticket })
    }

    /// Somebody is back.
    pub fn leave(&mut self, visit: Visit, now: Duration, finding: Finding) {
        let Visit { asker, ticket } = visit;
        let experience = match finding {
            Finding::Right | Finding::Wrong => Experience::Answered,
            Finding::Nothing { retry_after } => Experience::Failed { retry_after },
            Finding::Abandoned => Experience::Abandoned,
        };
        if let Some(gate) = self.gates.get_mut(&asker.provider) {
            gate.leave(ticket, now, experience);
        }
        match finding {
            Finding::Wrong => self.remember(asker.trial, now),
            // Who went away may have been answered, for all we know: it counts.
            Finding::Abandoned => {}
            Finding::Right | Finding::Nothing { .. } => {
                if let Some(network) = &asker.network {
                    self.networks.give_back(network);
                }
                self.accounts.give_back(&asker.account);
                self.providers.give_back(&asker.provider);
            }
        }
    }

    fn remember(&mut self, trial: Trial, now: Duration) {
        if self.wrong.len() >= MOST {
            self.wrong.retain(|_, until| *until > now);
        }
        // More are not remembered: the throttles still count them.
        if self.wrong.len() < MOST {
            self.wrong.insert(trial, now.saturating_add(self.remember_wrong));
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |wait: &Duration| wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        match self {
            Self::KnownWrong => f.write_str("the old server has just refused the same password"),
            Self::TooMany { of, wait } => {
                let of = match of {
                    Counted::Network => "from this network address",
                    Counted::Account => "for this account",
                    Counted::Provider => "for this provider",
                };
                write!(
                    f,
                    "too many wrong passwords {of}; the old server is asked again in {} s",
                    seconds(wait)
                )
            }
            Self::Shut { wait } => write!(
                f,
                "the old server does not answer; it is tried again in {} s",
                seconds(wait)
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(network: Option<u32>, account: u32, password: u32) -> Asker {
        let mut trial = [0; 32];
        trial[..4].copy_from_slice(&account.to_be_bytes());
        trial[4..8].copy_from_slice(&password.to_be_bytes());
        Asker {
            network: network.map(|network| format!("192.0.2.{network}")),
            account: Address::parse(&format!("user{account}@old.example")).unwrap(),
            provider: "old".to_owned(),
            trial,
        }
    }

    /// Lets attackers try for a while, and counts what reaches the old server.
    fn attack(rules: GuardRules, mut next: impl FnMut(u32) -> Asker, tries: u32, each: Duration) -> u32 {
        let mut guard = Guard::new(&rules);
        let mut reached = 0;
        for number in 0..tries {
            let now = each * number;
            if let Ok(visit) = guard.enter(next(number), now) {
                reached += 1;
                guard.leave(visit, now, Finding::Wrong);
            }
        }
        reached
    }

    #[test]
    fn ten_thousand_wrong_passwords_reach_the_old_server_as_often_as_the_rules_say() {
        let rules = GuardRules::default();
        let each = Duration::from_millis(10);
        let whole = each * 10_000;
        let most = |allowance: Allowance| {
            allowance.burst + u32::try_from(whole.as_millis() / allowance.every.as_millis()).unwrap()
        };
        // One machine, one account, then more of both.
        for (name, next, most) in [
            (
                "one account from everywhere",
                (|n| asker(Some(n), 0, n)) as fn(u32) -> Asker,
                most(rules.per_account),
            ),
            (
                "all accounts from one place",
                |n| asker(Some(0), n, n),
                most(rules.per_network),
            ),
            (
                "all accounts from everywhere",
                |n| asker(Some(n), n, n),
                most(rules.per_provider),
            ),
            (
                "all accounts from this machine",
                |n| asker(None, n, n),
                most(rules.per_provider),
            ),
            // The same password again and again is known.
            ("one password", |_| asker(None, 0, 0), 2),
        ] {
            let reached = attack(rules, next, 10_000, each);
            assert!(reached <= most, "{name}: {reached}, and {most} are allowed");
            assert!(
                reached >= most / 2,
                "{name}: {reached} of {most}: who has mistyped gets through"
            );
        }
    }

    #[test]
    fn right_passwords_are_not_counted() {
        let mut guard = Guard::new(&GuardRules::default());
        for number in 0..2000 {
            let visit = guard.enter(asker(Some(1), number % 7, number), Duration::ZERO);
            guard.leave(visit.unwrap(), Duration::ZERO, Finding::Right);
        }
        // A hundred at once.
        let all: Vec<Visit> = (0..100)
            .map(|number| guard.enter(asker(None, number, 0), Duration::ZERO).unwrap())
            .collect();
        for visit in all {
            guard.leave(visit, Duration::ZERO, Finding::Right);
        }
    }

    #[test]
    fn a_wrong_password_is_known_for_a_while_and_others_are_not() {
        let rules = GuardRules::default();
        let mut guard = Guard::new(&rules);
        let visit = guard.enter(asker(None, 1, 1), Duration::ZERO).unwrap();
        guard.leave(visit, Duration::ZERO, Finding::Wrong);
        assert_eq!(
            guard.denies(&asker(None, 1, 1), Duration::ZERO),
            Some(Denied::KnownWrong)
        );
        assert_eq!(guard.denies(&asker(None, 1, 2), Duration::ZERO), None);
        assert_eq!(guard.denies(&asker(None, 2, 1), Duration::ZERO), None);
        assert_eq!(guard.denies(&asker(None, 1, 1), rules.remember_wrong), None);
    }

    #[test]
    fn a_server_that_is_down_is_nobodys_fault() {
        let mut guard = Guard::new(&GuardRules::default());
        let down = Finding::Nothing { retry_after: None };
        let mut denied = 0;
        for number in 0..10_000 {
            let now = Duration::from_millis(10) * number;
            match guard.enter(asker(Some(1), 1, number), now) {
                Ok(visit) => guard.leave(visit, now, down),
                Err(Denied::Shut { .. }) => denied += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert!(denied > 9_900, "{denied}");
    }

    #[test]
    fn reasons_are_sentences_with_times() {
        let wait = Duration::from_millis(1500);
        for (denied, says) in [
            (Denied::KnownWrong, "the same password"),
            (Denied::Shut { wait }, "again in 2 s"),
            (
                Denied::TooMany {
                    of: Counted::Account,
                    wait,
                },
                "for this account; the old server is asked again in 2 s",
            ),
        ] {
            assert!(denied.to_string().contains(says), "{denied}");
        }
    }
}
