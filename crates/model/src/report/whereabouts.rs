//! What a report says of one message, and of one mailbox.

use super::Fate;
use crate::mail::{Digest, FlagSet, InternalDate, MailboxName, Uid, UidValidity};
use crate::verify::Finding;

/// A mailbox of the source, or one that was carried from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// On the source.
    pub source: MailboxName,
    /// On the target; `None` where it has no place there.
    pub target: Option<MailboxName>,
    /// The source's UIDVALIDITY: what the UIDs here are numbers of. `None` where it has none, or is not known.
    pub uid_validity: Option<UidValidity>,
    /// Whether the source has the mailbox; `None` where it was not asked.
    pub on_source: Option<bool>,
}

/// A message of the source, or one that was carried from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// On the source.
    pub uid: Uid,
    /// Whether the source lists it; `None` where it was not asked.
    pub on_source: Option<bool>,
    /// Of its bytes as the source served them; `None` where it was never carried.
    pub digest: Option<Digest>,
    /// Octets: what the source tells, or else what was carried.
    pub size: Option<u64>,
    /// INTERNALDATE: what the source tells, or else what was carried.
    pub internal_date: Option<InternalDate>,
    /// Flags: what the source tells, or else what both sides last agreed on.
    pub flags: FlagSet,
    /// Where it is.
    pub fate: Fate,
    /// Where on the target; `None` where it is not there.
    pub spot: Option<Spot>,
    /// What is not the same on both sides, or why it is not there.
    pub findings: Vec<Finding>,
}

/// A place on the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The mailbox.
    pub mailbox: MailboxName,
    /// Its UID there; `None` where it has no number yet.
    pub uid: Option<Uid>,
    /// Its flags there.
    pub flags: FlagSet,
    /// Of its file's bytes (with every line ended by CRLF, where they were carried so); `None` where the file was not read.
    pub digest: Option<Digest>,
    /// The date that its file bears; `None` where the file was not looked at.
    pub date: Option<InternalDate>,
}
