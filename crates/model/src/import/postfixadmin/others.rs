//! Tables of which nothing is taken over: their rows are told, with the reason.

use super::ledger::{Ledger, RowOf};
use super::rows::{Source, Table};

/// Accounts for the rows of tables of which nothing is taken over.
pub(super) fn settle(source: &Source, ledger: &mut Ledger) {
    let mut skip = |table, place, name: &str, what| {
        ledger.skip(RowOf { table, place }, name, what, "");
    };
    for (place, row) in source.dkim.iter().enumerate() {
        let (selector, domain) = (row.selector.as_deref(), row.domain_name.as_deref());
        let name = format!(
            "{} for {}",
            selector.unwrap_or_default(),
            domain.unwrap_or_default()
        );
        let what = "keys that sign mail belong into the new signer's files; its selector can stay in the DNS";
        skip(Table::Dkim, place, &name, what);
    }
    for (place, row) in source.dkim_signing.iter().enumerate() {
        let what = "who signs is set in the new signer";
        skip(
            Table::DkimSigning,
            place,
            row.author.as_deref().unwrap_or_default(),
            what,
        );
    }
    for (place, row) in source.app_passwords.iter().enumerate() {
        let (user, of) = (row.username.as_deref(), row.description.as_deref());
        let name = format!("{} ({})", user.unwrap_or_default(), of.unwrap_or_default());
        let what = "passwords for single programs are not taken over: such programs need the account's own";
        skip(Table::AppPassword, place, &name, what);
    }
    for (place, row) in source.totp_exceptions.iter().enumerate() {
        let (ip, user) = (row.ip.as_deref(), row.username.as_deref());
        let name = format!("{} {}", ip.unwrap_or_default(), user.unwrap_or_default());
        skip(
            Table::TotpException,
            place,
            &name,
            "there is no second factor here that could have exceptions",
        );
    }
    for (place, row) in source.config.iter().enumerate() {
        let what = "a setting of PostfixAdmin's own";
        skip(
            Table::Config,
            place,
            row.name.as_deref().unwrap_or_default(),
            what,
        );
    }
}

/// Why nothing but the number of a table's rows was read.
pub(super) fn why_left(table: Table) -> &'static str {
    match table {
        Table::VacationNotification => "Sieve remembers by itself whom it has answered",
        Table::Quota | Table::Quota2 => "Dovecot counts anew what mailboxes hold",
        Table::AdminPreferences => "what administrators like to see in PostfixAdmin",
        Table::Log => "PostfixAdmin's own record of who did what; keep the old database if you need it",
        _ => "nothing of it is taken over",
    }
}
