//! Migrations: the long-lived move of one account each, from its first login here to the day when the old server is not
//! asked any more.
//!
//! What may become of one is decided by [`Migration::apply`]; which of many is worked on next, by [`schedule`].

mod hold;
mod pass;
mod phase;
pub mod schedule;
mod transition;
mod verdict;

use std::fmt;

use crate::directory::{Address, Login, ProviderName};

pub use hold::Hold;
pub use pass::{PassOutcome, PassReport};
pub use phase::Phase;
pub use transition::{Event, InvalidTransition, Why};
pub use verdict::{Ending, Pace, Verdict, after_pass, backoff};

/// A migration's number. It never changes, and is never given again while the migration exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MigrationId(pub i64);

/// The move of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its number.
    pub id: MigrationId,
    /// The account here. An account has at most one migration.
    pub login: Login,
    /// Its mailbox.
    pub address: Address,
    /// Its address on the old server. An old address has at most one migration.
    pub old_address: Address,
    /// Where it comes from.
    pub provider: ProviderName,
    /// How far it is.
    pub phase: Phase,
    /// Why it may not go on now, if it may not. Only what is under way ([`Phase::is_under_way`]) can be held.
    pub hold: Option<Hold>,
    /// When it was made, in seconds since 1970 UTC.
    pub created: i64,
    /// When all of the old mailbox was here for the first time, in seconds since 1970 UTC.
    pub seeded: Option<i64>,
    /// Until when its old mailbox is still swept for mail that came late, and its cut-over can be taken back, in seconds since 1970
    /// UTC. Only what is finished can be swept; `None` where it is not, or no more.
    pub swept_until: Option<i64>,
}

impl Migration {
    /// Whether passes are still to come: it is under way, or swept. The old password is known no longer than that.
    pub fn wants_passes(&self) -> bool {
        self.phase.is_under_way() || self.swept_until.is_some()
    }
}

/// How much of an account is here: as the pass that is running counts it, or the last one did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Mailboxes.
    pub mailboxes: Share,
    /// Messages.
    pub messages: Share,
    /// Octets of messages.
    pub octets: Share,
}

/// So many, of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Done.
    pub done: u64,
    /// In all; `None` until they have been counted.
    pub all: Option<u64>,
}

impl Share {
    /// What is left; `None` until they have been counted.
    pub fn left(self) -> Option<u64> {
        Some(self.all?.saturating_sub(self.done))
    }
}

impl fmt::Display for MigrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
