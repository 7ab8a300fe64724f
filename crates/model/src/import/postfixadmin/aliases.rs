//! Aliases, and the mailboxes' own rows: who has a mailbox has a row in PostfixAdmin's table of aliases, too, which names
//! the mailbox itself, and whoever else gets its mail.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::ledger::{Ledger, RowOf};
use super::mailboxes::Made;
use super::rows::{AliasRow, Table};
use super::{Options, preferred};
use crate::directory::{Address, Alias, AliasAddress, DomainName, Login, Mailbox, Recipient};

/// What comes of the table.
#[derive(Default)]
pub(super) struct Aliases {
    /// Aliases, each with its row.
    pub(super) all: Vec<(RowOf, Alias)>,
    /// Mailboxes whose mail goes to PostfixAdmin's absence program as well.
    pub(super) answering: HashSet<Address>,
    /// Rows that are a part of a mailbox and nothing else.
    pub(super) own: Vec<(RowOf, Login)>,
}

/// Where a row leads, as far as that can be said here.
#[derive(Default)]
struct Leads {
    /// To the address itself.
    itself: bool,
    /// To the absence program.
    answers: bool,
    /// To others.
    recipients: BTreeSet<Recipient>,
}

/// Reads the table, and sets in the mailboxes whether they keep a copy. `taken` are catch-alls that are there already.
pub(super) fn aliases(
    rows: Vec<AliasRow>,
    accounts: &mut BTreeMap<Login, Made>,
    taken: &[(RowOf, Alias)],
    options: &Options,
    ledger: &mut Ledger,
) -> Aliases {
    let mut read = Aliases::default();
    let mut seen: HashSet<AliasAddress> = taken.iter().map(|(_, alias)| alias.address.clone()).collect();
    let order = preferred(
        rows.len(),
        |place| rows[place].address.as_deref(),
        |name| AliasAddress::parse(name).is_ok_and(|address| address.to_string() == name),
    );
    let mut rows: Vec<_> = rows.into_iter().map(Some).collect();
    for place in order {
        let row = RowOf {
            table: Table::Alias,
            place,
        };
        let Some(from) = rows.get_mut(place).and_then(Option::take) else {
            continue;
        };
        let text = from.address.as_deref().unwrap_or_default();
        let address = match AliasAddress::parse(text) {
            Ok(address) => address,
            Err(problem) => {
                ledger.skip(row, text, "its address is not one", problem);
                continue;
            }
        };
        if !seen.insert(address.clone()) {
            ledger.skip(row, text, "another row has the same address", &address);
            continue;
        }
        ledger.note_unreadable(row, text, &from.unreadable);
        let leads = leads(
            from.goto.as_deref().unwrap_or_default(),
            &address,
            row,
            options,
            ledger,
        );
        let mailbox = match &address {
            AliasAddress::Address(own) => mailbox_of(accounts, own),
            AliasAddress::Domain(_) => None,
        };
        if let (Some(mailbox), AliasAddress::Address(own)) = (mailbox, &address) {
            add_own(from, own, mailbox, leads, row, &mut read, ledger);
        } else {
            add(from, address, leads, row, &mut read, ledger);
        }
    }
    read
}

fn mailbox_of<'a>(accounts: &'a mut BTreeMap<Login, Made>, address: &Address) -> Option<&'a mut Mailbox> {
    let (_, account) = accounts.get_mut(address.as_str())?;
    account.mailbox.as_mut()
}

/// A mailbox's own row.
fn add_own(
    from: AliasRow,
    address: &Address,
    mailbox: &mut Mailbox,
    leads: Leads,
    row: RowOf,
    read: &mut Aliases,
    ledger: &mut Ledger,
) {
    let enabled = from.active.unwrap_or(true);
    if leads.answers && enabled {
        read.answering.insert(address.clone());
    }
    if leads.recipients.is_empty() {
        if !leads.itself {
            ledger.note(
                row,
                address.as_str(),
                "its mail went nowhere but to the absence program, or nowhere; here the mailbox keeps it",
                "",
            );
        }
        read.own.push((row, Login::from(address)));
        return;
    }
    if !leads.itself && !enabled {
        ledger.note(
            row,
            address.as_str(),
            "its forward without a copy is switched off, and the mailbox keeps what comes",
            "",
        );
    }
    // A row that is switched off forwards nothing, but the mailbox gets its mail all the same.
    mailbox.keeps_copy = leads.itself || !enabled;
    let alias = Alias {
        address: AliasAddress::Address(address.clone()),
        recipients: leads.recipients,
        enabled,
        description: from.description.unwrap_or_default(),
        created: from.created,
    };
    read.all.push((row, alias));
}

/// Any other row.
fn add(
    from: AliasRow,
    address: AliasAddress,
    leads: Leads,
    row: RowOf,
    read: &mut Aliases,
    ledger: &mut Ledger,
) {
    let name = address.to_string();
    if leads.recipients.is_empty() {
        let what = match (&address, leads.itself) {
            (AliasAddress::Address(address), true) if matches!(address.local(), "postmaster" | "abuse") => {
                "it leads to itself, and there is no such mailbox; mail servers must have this address: let it lead to somebody"
            }
            (_, true) => "it leads to itself, and there is no such mailbox",
            (_, false) => "it leads to no address",
        };
        return ledger.skip(row, &name, what, from.goto.unwrap_or_default());
    }
    if leads.itself {
        ledger.note(
            row,
            &name,
            "it leads to itself as well, where there is no mailbox: that is left out",
            "",
        );
    }
    if let AliasAddress::Domain(_) = &address
        && leads
            .recipients
            .iter()
            .any(|recipient| recipient.as_str().starts_with('@'))
    {
        ledger.note(
            row,
            &name,
            "all addresses of the domain lead to the same names of another one",
            "",
        );
    }
    let alias = Alias {
        address,
        recipients: leads.recipients,
        enabled: from.active.unwrap_or(true),
        description: from.description.unwrap_or_default(),
        created: from.created,
    };
    read.all.push((row, alias));
}

fn leads(goto: &str, address: &AliasAddress, row: RowOf, options: &Options, ledger: &mut Ledger) -> Leads {
    let mut leads = Leads::default();
    let itself = Recipient::from(address);
    // What Postfix takes for separators, too.
    for text in goto
        .split([',', ' ', '\t', '\r', '\n'])
        .filter(|text| !text.is_empty())
    {
        if is_absence_program(text, address, options.vacation_domain.as_ref()) {
            leads.answers = true;
            continue;
        }
        match Recipient::parse(text) {
            Ok(recipient) if recipient.folded() == itself => leads.itself = true,
            Ok(recipient) => {
                leads.recipients.insert(recipient);
            }
            Err(_) => ledger.note(
                row,
                &address.to_string(),
                "one of its recipients is not an address, and is left out",
                text,
            ),
        }
    }
    leads
}

/// Whether a recipient is PostfixAdmin's way to answer in somebody's absence: `user#example.org@autoreply.example.net` for
/// `user@example.org`. Nobody is told about it; the absence text itself comes along.
fn is_absence_program(text: &str, address: &AliasAddress, domain: Option<&DomainName>) -> bool {
    let Some((local, behind)) = text.rsplit_once('@') else {
        return false;
    };
    let Some((user, of)) = local.rsplit_once('#') else {
        return false;
    };
    let is_own = matches!(address, AliasAddress::Address(own)
        if own.local() == user.to_lowercase() && own.domain().eq_ignore_ascii_case(of));
    is_own || domain.is_some_and(|domain| domain.as_str().eq_ignore_ascii_case(behind.trim_end_matches('.')))
}
