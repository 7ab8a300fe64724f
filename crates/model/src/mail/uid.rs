//! Numbers by which IMAP knows messages. Newtypes, so that none is mistaken for another.

use std::fmt;
use std::num::NonZeroU32;

/// A message's unique identifier within one mailbox and one [`UidValidity`]. Never zero (RFC 9051 section 2.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(NonZeroU32);

/// A mailbox's UIDVALIDITY: UIDs mean the same messages only while it stays the same (RFC 9051 section 2.3.1.1).
///
/// Some servers announce 0; a mailbox without a usable value has none (`Option`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UidValidity(NonZeroU32);

/// A modification sequence number (RFC 7162 section 3.1). Zero means that the server keeps none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModSeq(pub u64);

impl Uid {
    /// The smallest UID there is.
    pub const FIRST: Self = Self(NonZeroU32::MIN);
    /// The largest UID there is.
    pub const LAST: Self = Self(NonZeroU32::MAX);

    /// `None` for zero.
    pub const fn new(value: u32) -> Option<Self> {
        match NonZeroU32::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number on the wire.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The next UID, or `None` after [`Uid::LAST`].
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl UidValidity {
    /// The largest there is.
    pub const MAX: Self = Self(NonZeroU32::MAX);

    /// `None` for zero.
    pub const fn new(value: u32) -> Option<Self> {
        match NonZeroU32::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number on the wire.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for UidValidity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ModSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
