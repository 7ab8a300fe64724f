//! What an import changes in the directory: from the directory that is there and entries that somebody declared, to a plan.
//!
//! Entries are looked at in their order, each against the directory as it will be after those before it. One that cannot
//! stand becomes a problem, and the rest is looked at nevertheless: the person who wrote the file sees all of them at once.

use std::collections::BTreeSet;

use crate::directory::{AliasAddress, Entry};

/// One change of the directory. Changes are carried out in their order, all or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something new.
    Add(Entry),
    /// An alias that is there leads to more.
    AddRecipients {
        /// The alias.
        alias: AliasAddress,
        /// What is added; nothing of it is there already.
        recipients: BTreeSet<AliasAddress>,
    },
}

/// What to do with an entry whose name is taken by one of the same kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// It is a problem.
    Refuse,
    /// What is there stays as it is; an alias gets the recipients that it lacks.
    Keep,
}
