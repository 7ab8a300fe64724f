//! Absence texts: what answers mail while somebody is away.

mod scripts;
mod sieve;

use super::name::Address;

/// What answers mail to a mailbox while its owner is away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vacation {
    /// The mailbox.
    pub address: Address,
    /// The answer's subject, as the owner wrote it. `$SUBJECT` stands for the subject of what is answered.
    pub subject: String,
    /// The answer's text, as the owner wrote it.
    pub body: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// When it begins, in seconds since 1970 UTC; `None` is always.
    pub from: Option<i64>,
    /// The last second on which it answers, in seconds since 1970 UTC; `None` is for ever.
    pub until: Option<i64>,
    /// How soon the same person is answered again.
    pub interval: VacationInterval,
}

/// How soon the same person is answered again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VacationInterval {
    /// Never again while it lasts.
    #[default]
    Once,
    /// After so many seconds.
    Seconds(u32),
}
