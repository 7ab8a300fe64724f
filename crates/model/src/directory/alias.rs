//! Aliases: addresses that lead to others.

use std::collections::BTreeSet;

use super::name::AliasAddress;
use super::recipient::Recipient;

/// An address, or every address of a domain, that leads to others: alias, forward, list, catch-all.
///
/// Where the address is a mailbox's own, the alias is a *forward*: the mailbox gets its copy too, unless
/// [`super::Mailbox::keeps_copy`] says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// What it answers to.
    pub address: AliasAddress,
    /// Where it leads; never empty. Those in the directory's own domains are in lower case.
    pub recipients: BTreeSet<Recipient>,
    /// Whether it is in use.
    pub enabled: bool,
    /// What its owner wrote about it; may be empty.
    pub description: String,
    /// When it was made, in seconds since 1970 UTC, where that is known.
    pub created: Option<i64>,
}
