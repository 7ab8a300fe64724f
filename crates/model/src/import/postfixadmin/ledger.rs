//! What became of every row. A row that is not in the books at the end is a mistake of this program, and told as one.

use std::collections::BTreeMap;

use super::rows::{Source, Table};

/// A row, by its table and its place among those read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RowOf {
    /// The table.
    pub table: Table,
    /// Its place, from 0.
    pub place: usize,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is in the directory now, by itself or as a part of something.
    Written,
    /// It was in the directory before.
    Unchanged,
    /// It is not in the directory.
    Skipped(Remark),
}

/// A sentence about a row: the same for all rows of which it is true, and what it is about in this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What is true.
    pub what: &'static str,
    /// Of which value; may be empty.
    pub detail: String,
}

/// Something about a row that a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its table.
    pub table: Table,
    /// What the row is called.
    pub name: String,
    /// What there is to know.
    pub remark: Remark,
}

/// The books.
#[derive(Default)]
pub(super) struct Ledger {
    fates: BTreeMap<Table, Vec<Option<Fate>>>,
    /// Tables of which nothing is taken.
    left: BTreeMap<Table, usize>,
    names: BTreeMap<RowOf, String>,
    pub(super) notes: Vec<Note>,
}

/// What became of the rows of one table: `read` is the sum of all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableReport {
    /// The table.
    pub table: Table,
    /// Rows that were read.
    pub read: usize,
    /// Rows that are in the directory now.
    pub written: usize,
    /// Rows that were in the directory before.
    pub unchanged: usize,
    /// Rows that are not in the directory, and why.
    pub skipped: Vec<Note>,
    /// Rows of which nothing but their number was read, and why.
    pub left: Option<(usize, &'static str)>,
    /// Rows of which nobody knows; nothing but a mistake of this program makes one.
    pub unexplained: usize,
}

impl Remark {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "what is written down may be made for that"
    )]
    pub(super) fn new(what: &'static str, detail: impl ToString) -> Self {
        let detail = detail.to_string();
        Self { what, detail }
    }
}

impl Ledger {
    /// Books for all rows of a database.
    pub(super) fn new(source: &Source) -> Self {
        let mut fates = BTreeMap::new();
        for (table, rows) in [
            (Table::Domain, source.domains.len()),
            (Table::AliasDomain, source.alias_domains.len()),
            (Table::Mailbox, source.mailboxes.len()),
            (Table::Alias, source.aliases.len()),
            (Table::Admin, source.admins.len()),
            (Table::DomainAdmins, source.domain_admins.len()),
            (Table::Vacation, source.vacations.len()),
            (Table::Fetchmail, source.fetchmail.len()),
            (Table::Dkim, source.dkim.len()),
            (Table::DkimSigning, source.dkim_signing.len()),
            (Table::AppPassword, source.app_passwords.len()),
            (Table::TotpException, source.totp_exceptions.len()),
            (Table::Config, source.config.len()),
        ] {
            fates.insert(table, vec![None; rows]);
        }
        let left = source.counted.iter();
        let left = left.map(|&(table, rows)| (table, usize::try_from(rows).unwrap_or(usize::MAX)));
        Self {
            fates,
            left: left.collect(),
            ..Self::default()
        }
    }

    /// Writes down what became of a row. The first word counts.
    pub(super) fn settle(&mut self, row: RowOf, fate: Fate) {
        let place = self
            .fates
            .get_mut(&row.table)
            .and_then(|rows| rows.get_mut(row.place));
        if let Some(place @ None) = place {
            *place = Some(fate);
        }
    }

    /// Writes down that a row is not taken.
    pub(super) fn skip(&mut self, row: RowOf, name: &str, what: &'static str, detail: impl ToString) {
        self.names.insert(row, name.to_owned());
        self.settle(row, Fate::Skipped(Remark::new(what, detail)));
    }

    /// Writes down something about a row.
    pub(super) fn note(&mut self, row: RowOf, name: &str, what: &'static str, detail: impl ToString) {
        let (table, name, remark) = (row.table, name.to_owned(), Remark::new(what, detail));
        self.notes.push(Note { table, name, remark });
    }

    /// Writes down which columns of a row could not be read.
    pub(super) fn note_unreadable(&mut self, row: RowOf, name: &str, columns: &[&'static str]) {
        for column in columns {
            self.note(
                row,
                name,
                "a value is not what its column should hold, and counts as missing, or as a no",
                column,
            );
        }
    }

    /// Closes the books. `why` says why a table is left as a whole.
    pub(super) fn close(self, why: impl Fn(Table) -> &'static str) -> (Vec<TableReport>, Vec<Note>) {
        let Self {
            fates,
            left,
            names,
            notes,
        } = self;
        let reports = fates.into_iter().map(|(table, rows)| {
            let mut report = TableReport {
                table,
                read: rows.len(),
                written: 0,
                unchanged: 0,
                skipped: Vec::new(),
                left: None,
                unexplained: 0,
            };
            for (place, fate) in rows.into_iter().enumerate() {
                let row = RowOf { table, place };
                match fate {
                    None => report.unexplained += 1,
                    Some(Fate::Written) => report.written += 1,
                    Some(Fate::Unchanged) => report.unchanged += 1,
                    Some(Fate::Skipped(remark)) => report.skipped.push(Note {
                        table,
                        name: names.get(&row).cloned().unwrap_or_default(),
                        remark,
                    }),
                }
            }
            report
        });
        let left = left.into_iter().map(|(table, rows)| TableReport {
            table,
            read: rows,
            written: 0,
            unchanged: 0,
            skipped: Vec::new(),
            left: Some((rows, why(table))),
            unexplained: 0,
        });
        let mut reports: Vec<_> = reports.chain(left).collect();
        reports.sort_by_key(|report| report.table);
        (reports, notes)
    }
}
