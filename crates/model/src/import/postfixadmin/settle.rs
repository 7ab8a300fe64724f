//! What comes of the entries in a directory that may hold some already, and the report.

use std::collections::HashSet;

use super::ledger::{Fate, Note, Remark, RowOf, TableReport};
use super::{Converted, others};
use crate::directory::{Directory, Entry, Login, RemoteKey, RemoteMailbox};
use crate::plan::directory::{Change, Field, IfExists, Kept, Outcome, Planner, Problem, Recipients, Rules};

/// What is to be done, and the report as it will be when it is done.
pub struct Planned {
    /// Changes of the directory.
    pub changes: Vec<Change>,
    /// Remote mailboxes that are not there yet.
    pub remote_mailboxes: Vec<RemoteMailbox>,
    /// What became of every row.
    pub report: Report,
}

/// What became of every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The version of PostfixAdmin's tables, as they say themselves.
    pub version: Option<String>,
    /// What there is to know about the database.
    pub warnings: Vec<String>,
    /// Every table that was there.
    pub tables: Vec<TableReport>,
    /// What there is to know about single rows.
    pub notes: Vec<Note>,
}

impl Report {
    /// Rows of which nobody knows what became of them.
    pub fn unexplained(&self) -> usize {
        self.tables.iter().map(|table| table.unexplained).sum()
    }

    /// Whether for each table the rows read are those written, unchanged, skipped and left.
    pub fn adds_up(&self) -> bool {
        self.tables.iter().all(|table| {
            let left = table.left.map_or(0, |(rows, _)| rows);
            table.read == table.written + table.unchanged + table.skipped.len() + left + table.unexplained
        })
    }
}

const DIFFERS: &str = "it is there already, and differs: what is there stays";
const REFUSED: &str = "the directory does not take it";

impl Converted {
    /// Plans against the directory that is there, and the keys of the remote mailboxes that are.
    pub fn plan(mut self, directory: &Directory, remote_there: &HashSet<RemoteKey>) -> Planned {
        let rules = Rules {
            if_exists: IfExists::Keep,
            recipients: Recipients::Any,
        };
        let mut planner = Planner::new(directory, rules);
        for (rows, entry) in std::mem::take(&mut self.entries) {
            self.declare(&mut planner, &rows, entry);
        }
        let (changes, dead_ends) = planner.finish();
        let remote_mailboxes = self.remote_mailboxes(directory, &changes, remote_there);
        for (alias, recipient) in dead_ends {
            let remark = Remark::new(
                "one of its recipients is an address of ours that does not exist (unless the server leaves out what follows a +)",
                recipient,
            );
            let (table, name) = (super::Table::Alias, alias.to_string());
            self.ledger.notes.push(Note { table, name, remark });
        }
        let (tables, notes) = self.ledger.close(others::why_left);
        let report = Report {
            version: self.version,
            warnings: self.warnings,
            tables,
            notes,
        };
        Planned {
            changes,
            remote_mailboxes,
            report,
        }
    }

    fn declare(&mut self, planner: &mut Planner<'_>, rows: &[RowOf], mut entry: Entry) {
        let name = name(&entry);
        // An account is not lost with one of the domains that it administers.
        let again = match &entry {
            Entry::Account(account) if !account.administers.is_empty() => Some(account.clone()),
            _ => None,
        };
        let mut outcome = planner.declare(entry);
        if let (Outcome::Refused(problems), Some(mut account)) = (&outcome, again)
            && problems
                .iter()
                .all(|problem| matches!(problem.field, Field::Administers(_)))
        {
            for Problem { field, fault } in problems {
                if let Field::Administers(domain) = field {
                    account.administers.remove(domain);
                    self.ledger.note(
                        rows[0],
                        &name,
                        "it does not administer one of its domains here",
                        fault,
                    );
                }
            }
            entry = Entry::Account(account);
            outcome = planner.declare(entry);
        }
        match outcome {
            Outcome::Planned => self.settle(rows, &Fate::Written),
            Outcome::Kept(how) => {
                if how == Kept::Differs {
                    self.ledger.note(rows[0], &name, DIFFERS, "");
                }
                self.settle(rows, &Fate::Unchanged);
            }
            Outcome::Refused(problems) => {
                let faults: Vec<_> = problems.iter().map(|problem| problem.fault.to_string()).collect();
                for row in rows {
                    self.ledger.skip(*row, &name, REFUSED, faults.join("; "));
                }
            }
        }
    }

    /// The remote mailboxes that are new, of mailboxes that are there or will be.
    fn remote_mailboxes(
        &mut self,
        directory: &Directory,
        changes: &[Change],
        there: &HashSet<RemoteKey>,
    ) -> Vec<RemoteMailbox> {
        let found = std::mem::take(&mut self.remote_mailboxes);
        if found.is_empty() {
            return Vec::new();
        }
        let added = changes.iter().filter_map(|change| match change {
            Change::Add(Entry::Account(account)) => account.mailbox.as_ref(),
            _ => None,
        });
        let mailboxes: HashSet<_> = added.map(|mailbox| &mailbox.address).collect();
        let mut new = Vec::new();
        for (row, remote) in found {
            let account = directory.accounts.get(&Login::from(&remote.mailbox));
            let is_there = account.is_some_and(|account| account.mailbox.is_some());
            if there.contains(&remote.key()) {
                self.ledger.settle(row, Fate::Unchanged);
            } else if is_there || mailboxes.contains(&remote.mailbox) {
                self.ledger.settle(row, Fate::Written);
                new.push(remote);
            } else {
                self.ledger.skip(
                    row,
                    remote.mailbox.as_str(),
                    "there is no such mailbox",
                    &remote.host,
                );
            }
        }
        new
    }

    fn settle(&mut self, rows: &[RowOf], fate: &Fate) {
        for row in rows {
            self.ledger.settle(*row, fate.clone());
        }
    }
}

fn name(entry: &Entry) -> String {
    match entry {
        Entry::Domain(domain) => domain.name.to_string(),
        Entry::DomainAlias(alias) => alias.name.to_string(),
        Entry::Account(account) => account.login.to_string(),
        Entry::Alias(alias) => alias.address.to_string(),
        Entry::Vacation(vacation) => vacation.address.to_string(),
    }
}
