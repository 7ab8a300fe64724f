//! What an import changes in the directory: from the directory that is there and entries that somebody declared, to a plan.
//!
//! Entries are looked at in their order, each against the directory as it will be after those before it. One that cannot
//! stand becomes a problem, and the rest is looked at nevertheless: the person who wrote the file sees all of them at once.
//! What needs something that was refused says so ([`Fault::NeedsRefused`]), and is no problem of its own.

mod apply;
mod planner;
mod problem;
mod there;

use std::collections::BTreeSet;

use crate::directory::{AliasAddress, Directory, Entry, Recipient};

pub use planner::{Outcome, Planner};
pub use problem::{Fault, Field, Problem};

/// One change of the directory. Changes are carried out in their order, all or none; [`Change::apply_to`] is what they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something new.
    Add(Entry),
    /// An alias that is there leads to more.
    AddRecipients {
        /// The alias.
        alias: AliasAddress,
        /// What is added; nothing of it is there already.
        recipients: BTreeSet<Recipient>,
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

/// What an alias may lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// In the directory's own domains, to what is there or was declared before; elsewhere, to anything.
    Known,
    /// Like [`Recipients::Known`], and nowhere else.
    Own,
    /// To anything. Those that lead nowhere when all is planned are named ([`Planned::dead_ends`]).
    Any,
}

/// How strictly entries are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What to do about names that are taken.
    pub if_exists: IfExists,
    /// What aliases may lead to.
    pub recipients: Recipients,
}

/// An entry that was left out, because one of the same name is there and is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It says the same, as far as one can see: passwords are not compared.
    Same,
    /// It says something else than what is there.
    Differs,
}

/// What an import changes, and what of it cannot be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned<O> {
    /// The changes, in their order.
    pub changes: Vec<Change>,
    /// What cannot stand, by where it came from: one line for each problem, so that an entry may have several.
    pub problems: Vec<(O, Problem)>,
    /// What is there already and stays.
    pub kept: Vec<(O, Kept)>,
    /// Aliases with recipients in local domains that do not exist in the end (for [`Recipients::Any`]).
    pub dead_ends: Vec<(AliasAddress, Recipient)>,
}

/// Plans entries, each with where it came from.
pub fn plan<O: Clone>(
    directory: &Directory,
    entries: impl IntoIterator<Item = (O, Entry)>,
    rules: Rules,
) -> Planned<O> {
    let mut planner = Planner::new(directory, rules);
    let mut problems = Vec::new();
    let mut kept = Vec::new();
    for (origin, entry) in entries {
        match planner.declare(entry) {
            Outcome::Planned => {}
            Outcome::Kept(how) => kept.push((origin, how)),
            Outcome::Refused(found) => {
                problems.extend(found.into_iter().map(|problem| (origin.clone(), problem)));
            }
        }
    }
    let (changes, dead_ends) = planner.finish();
    Planned {
        changes,
        problems,
        kept,
        dead_ends,
    }
}

#[cfg(test)]
mod tests;
