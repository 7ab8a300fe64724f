//! A PostfixAdmin database, read into the words of the directory: rows in, entries out, and an account of every row.
//!
//! [`convert`] looks at the rows alone, [`Converted::plan`] at the directory that is there. Neither stops at a bad row: it is
//! skipped, and the report says why. Whatever cannot be kept as it was is noted with the name of its row.

mod administrators;
mod aliases;
mod domains;
mod fetchmail;
mod ledger;
mod mailboxes;
mod others;
mod passwords;
mod rows;
mod settle;
mod transport;
mod vacations;
mod widen;

use std::collections::HashSet;

use crate::directory::{DomainName, Entry, RemoteMailbox};
use ledger::{Ledger, RowOf};
pub use ledger::{Note, Remark, TableReport};
pub use rows::{
    AdminRow, AliasDomainRow, AliasRow, AppPasswordRow, ConfigRow, DkimRow, DkimSigningRow, DomainAdminRow,
    DomainRow, FetchmailRow, Kind, MailboxRow, Row, Source, Table, TotpExceptionRow, VacationRow,
};
pub use settle::{Planned, Report};

/// What only the operator knows of their PostfixAdmin.
#[derive(Clone, Debug)]
pub struct Options {
    /// The domain of PostfixAdmin's absence program (`vacation_domain`). Its usual recipients are known without it.
    pub vacation_domain: Option<DomainName>,
    /// Which passwords are stored as they are (`encrypt = cleartext`).
    pub clear_text: ClearText,
    /// Where a mailbox and an administrator have one name, the administrator's password is the account's.
    pub administrators_password: bool,
    /// Octets in one of PostfixAdmin's megabytes (`quota_multiplier`).
    pub quota_multiplier: u64,
    /// Seconds since 1970 UTC.
    pub now: i64,
}

/// Which passwords are stored as they are. Nobody can tell by looking at them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClearText {
    /// None of them.
    #[default]
    None,
    /// Those that are no hash of any kind: the setting was changed over the years.
    Unrecognised,
    /// All of them, even those that look like a hash.
    All,
}

impl Options {
    /// PostfixAdmin as it comes.
    pub fn new(now: i64) -> Self {
        Self {
            vacation_domain: None,
            clear_text: ClearText::None,
            administrators_password: false,
            quota_multiplier: 1_024_000,
            now,
        }
    }
}

/// What a database comes to, before anybody has looked at the directory.
pub struct Converted {
    /// Entries in the order in which they can be made, each with the rows that it came from.
    entries: Vec<(Vec<RowOf>, Entry)>,
    remote_mailboxes: Vec<(RowOf, RemoteMailbox)>,
    ledger: Ledger,
    version: Option<String>,
    warnings: Vec<String>,
}

/// Reads a whole database.
pub fn convert(source: Source, options: &Options) -> Converted {
    let mut ledger = Ledger::new(&source);
    let books = &mut ledger;
    let version = source.version().map(str::to_owned);
    let mut warnings = source.warnings.clone();
    if source.not_utf8 > 0 {
        warnings.push(format!(
            "{} values are not UTF-8, and were read as Latin-1: look at names and descriptions",
            source.not_utf8
        ));
    }
    others::settle(&source, books);

    let with_mailboxes = domains_of(&source.mailboxes);
    let mut domains = domains::domains(
        &source.domains,
        &source.alias_domains,
        &with_mailboxes,
        options,
        books,
    );
    let expiring = source
        .domains
        .iter()
        .filter(|row| row.password_expiry.is_some_and(|days| days > 0));
    let expiring = expiring
        .filter_map(|row| Some(row.domain.as_deref()?.to_lowercase()))
        .collect();
    let administrators =
        administrators::administrators(&source.admins, &source.domain_admins, &domains, options, books);
    let mut accounts = mailboxes::accounts(source.mailboxes, administrators, &expiring, options, books);
    let mut aliases = aliases::aliases(source.aliases, &mut accounts, &domains.catch_alls, options, books);
    let vacations = vacations::vacations(source.vacations, &aliases, books);
    let remote_mailboxes = fetchmail::remote_mailboxes(source.fetchmail, books);
    for (row, login) in std::mem::take(&mut aliases.own) {
        if let Some((rows, _)) = accounts.get_mut(&login) {
            rows.push(row);
        }
    }
    aliases.all.append(&mut domains.catch_alls);
    widen::limits(&mut domains, &accounts, &aliases.all, books);

    let one = |row| vec![row];
    let local = domains
        .all
        .into_values()
        .map(|(row, domain)| (one(row), Entry::Domain(domain)));
    let others = domains
        .others
        .into_values()
        .map(|(rows, alias)| (rows, Entry::DomainAlias(alias)));
    let mut entries: Vec<_> = local.chain(others).collect();
    entries.extend(
        accounts
            .into_values()
            .map(|(rows, account)| (rows, Entry::Account(account))),
    );
    entries.extend(
        aliases
            .all
            .into_iter()
            .map(|(row, alias)| (one(row), Entry::Alias(alias))),
    );
    entries.extend(
        vacations
            .into_iter()
            .map(|(row, vacation)| (one(row), Entry::Vacation(Box::new(vacation)))),
    );
    Converted {
        entries,
        remote_mailboxes,
        ledger,
        version,
        warnings,
    }
}

/// The domains that mailboxes are in.
fn domains_of(rows: &[MailboxRow]) -> HashSet<String> {
    let names = rows
        .iter()
        .filter_map(|row| row.username.as_deref()?.rsplit_once('@'));
    // Most rows repeat the domain of another: what they say is looked up before it is read.
    let texts: HashSet<&str> = names.map(|(_, domain)| domain).collect();
    let parsed = texts.into_iter().filter_map(|text| DomainName::parse(text).ok());
    parsed.map(|name| name.to_string()).collect()
}

/// The order in which rows are read: those first that are spelled as they will be, since mail servers ask for that spelling.
/// Where two rows become one name, it is their mail that arrives.
fn preferred<'r>(
    rows: usize,
    text: impl Fn(usize) -> Option<&'r str>,
    is_normal: impl Fn(&str) -> bool,
) -> Vec<usize> {
    let (mut first, other): (Vec<_>, Vec<_>) = (0..rows).partition(|&row| text(row).is_some_and(&is_normal));
    first.extend(other);
    first
}

#[cfg(test)]
mod tests;
