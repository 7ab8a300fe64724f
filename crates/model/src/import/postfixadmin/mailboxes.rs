//! Accounts with a mailbox.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU64;

use super::administrators::Administrator;
use super::ledger::{Ledger, RowOf};
use super::rows::{MailboxRow, Table};
use super::{Options, passwords, preferred};
use crate::directory::{Account, Address, Login, Mailbox, Quota};

/// An account, and the rows that make it.
pub(super) type Made = (Vec<RowOf>, Box<Account>);

/// Reads the table, and joins administrators of the same name; the rest of them follow. In `expiring` domains passwords had to
/// be changed.
pub(super) fn accounts(
    rows: Vec<MailboxRow>,
    mut administrators: BTreeMap<Login, Administrator>,
    expiring: &HashSet<String>,
    options: &Options,
    ledger: &mut Ledger,
) -> BTreeMap<Login, Made> {
    let mut read = BTreeMap::new();
    let order = preferred(
        rows.len(),
        |place| rows[place].username.as_deref(),
        |name| Address::parse(name).is_ok_and(|address| address.as_str() == name),
    );
    let mut rows: Vec<_> = rows.into_iter().map(Some).collect();
    for place in order {
        let row = RowOf {
            table: Table::Mailbox,
            place,
        };
        let Some(from) = rows.get_mut(place).and_then(Option::take) else {
            continue;
        };
        let text = from.username.as_deref().unwrap_or_default();
        let address = match Address::parse(text) {
            Ok(address) => address,
            Err(problem) => {
                ledger.skip(row, text, "its name is not an address", problem);
                continue;
            }
        };
        let login = Login::from(&address);
        if read.contains_key(&login) {
            ledger.skip(row, text, "another row has the same name", &login);
            continue;
        }
        if expiring.contains(address.domain())
            && from.password_expiry.is_some_and(|expiry| expiry < options.now)
        {
            ledger.note(row, text, "its password had expired; here it logs in again", "");
        }
        let mut account = account(from, address, row, options, ledger);
        let mut parts = vec![row];
        if let Some(administrator) = administrators.remove(&login) {
            parts.extend(administrator.join(&mut account, options, ledger));
        }
        read.insert(login, (parts, account));
    }
    for (login, administrator) in administrators {
        let (parts, account) = administrator.alone();
        read.insert(login, (parts, Box::new(account)));
    }
    read
}

fn account(
    from: MailboxRow,
    address: Address,
    row: RowOf,
    options: &Options,
    ledger: &mut Ledger,
) -> Box<Account> {
    let name = address.to_string();
    ledger.note_unreadable(row, &name, &from.unreadable);
    let quota = u64::try_from(from.quota.unwrap_or_default()).unwrap_or_default();
    let login = Login::from(&address);
    let mailbox = Mailbox {
        quota: NonZeroU64::new(quota).map_or(Quota::Unlimited, Quota::Octets),
        may_send: from.smtp_active.unwrap_or(true),
        old_maildir: from.maildir.filter(|path| !path.is_empty()),
        ..Mailbox::new(address)
    };
    if from.totp_secret.is_some_and(|secret| !secret.is_empty()) {
        ledger.note(row, &name, passwords::SECOND_FACTOR, "");
    }
    // First the given name, then all the rest: PostfixAdmin has one field, and people write it so.
    let written = from.name.unwrap_or_default();
    let mut words = written.split_whitespace();
    let first_name = words.next().unwrap_or_default().to_owned();
    let last_name = words.collect::<Vec<_>>().join(" ");
    Box::new(Account {
        password: passwords::stored(from.password.as_deref(), row, &name, options, ledger),
        first_name,
        last_name,
        enabled: from.active.unwrap_or(true),
        mailbox: Some(mailbox),
        secondary_email: from.email_other.unwrap_or_default(),
        phone: from.phone.unwrap_or_default(),
        created: from.created,
        ..Account::new(login)
    })
}
