//! How far a migration is.

use std::fmt;

/// How far a migration is. What leads from one to the next stands at [`super::Migration::apply`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Nothing has been done yet.
    Pending,
    /// Its mail is coming over for the first time.
    Seeding,
    /// All of its mail was here once; what is new on the old server comes with each pass.
    Following,
    /// Its last passes: after one that finds nothing to do the new server is the only one.
    Finishing,
    /// Cut over: nobody is led to the old server any more, and no password is tried there. For a while its old mailbox may still be
    /// swept ([`super::Migration::swept_until`]).
    Finished,
    /// Ended by a person before its time. What is here stays.
    Cancelled,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Seeding,
        Self::Following,
        Self::Finishing,
        Self::Finished,
        Self::Cancelled,
    ];

    /// Its word, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Seeding => "seeding",
            Self::Following => "following",
            Self::Finishing => "finishing",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }

    /// What the word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == word)
    }

    /// What it means, for a person.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Pending => "waits for its first pass",
            Self::Seeding => "its mail is being brought over",
            Self::Following => "all of its mail is here, and new mail follows with each pass",
            Self::Finishing => "the last passes are under way",
            Self::Finished => "cut over: the old server is not asked any more",
            Self::Cancelled => "stopped: what is here stays, and nothing follows",
        }
    }

    /// Whether it is not over. The old password of such an account may be tried at the old server.
    pub fn is_under_way(self) -> bool {
        !matches!(self, Self::Finished | Self::Cancelled)
    }

    /// Whether not all of its mail has been here yet, and more is to come: clients may be led to the old server
    /// ([`crate::directory::UntilComplete`]).
    pub fn is_incomplete(self) -> bool {
        matches!(self, Self::Pending | Self::Seeding)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
