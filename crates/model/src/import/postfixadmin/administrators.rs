//! Administrators and their domains. One who has a mailbox too is one account here.

use std::collections::{BTreeMap, BTreeSet};

use super::domains::{Domains, EVERY};
use super::ledger::{Ledger, RowOf};
use super::rows::{AdminRow, DomainAdminRow, Table};
use super::{Options, passwords, preferred};
use crate::directory::{Account, DomainName, Login, Role, StoredPassword};

/// An administrator, before it is known whether there is a mailbox of the same name.
pub(super) struct Administrator {
    /// The rows that make it.
    rows: Vec<RowOf>,
    login: Login,
    enabled: bool,
    role: Role,
    administers: BTreeSet<DomainName>,
    password: Option<StoredPassword>,
    phone: String,
    secondary_email: String,
    created: Option<i64>,
}

/// Reads both tables.
pub(super) fn administrators(
    rows: &[AdminRow],
    links: &[DomainAdminRow],
    domains: &Domains,
    options: &Options,
    ledger: &mut Ledger,
) -> BTreeMap<Login, Administrator> {
    let mut read = BTreeMap::new();
    let order = preferred(
        rows.len(),
        |place| rows[place].username.as_deref(),
        |name| Login::parse(name).is_ok_and(|login| login.as_str() == name),
    );
    for place in order {
        let row = RowOf {
            table: Table::Admin,
            place,
        };
        let from = &rows[place];
        let text = from.username.as_deref().unwrap_or_default();
        let login = match Login::parse(text) {
            Ok(login) => login,
            Err(problem) => {
                ledger.skip(row, text, "its name cannot be a login", problem);
                continue;
            }
        };
        if read.contains_key(&login) {
            ledger.skip(row, text, "another row has the same name", &login);
            continue;
        }
        ledger.note_unreadable(row, text, &from.unreadable);
        if from
            .totp_secret
            .as_deref()
            .is_some_and(|secret| !secret.is_empty())
        {
            ledger.note(row, text, passwords::SECOND_FACTOR, "");
        }
        let role = if from.superadmin == Some(true) {
            Role::SuperAdmins
        } else {
            Role::DomainAdmins
        };
        let administrator = Administrator {
            rows: vec![row],
            enabled: from.active.unwrap_or(true),
            role,
            administers: BTreeSet::new(),
            password: passwords::stored(from.password.as_deref(), row, text, options, ledger),
            phone: from.phone.clone().unwrap_or_default(),
            secondary_email: from.email_other.clone().unwrap_or_default(),
            created: from.created,
            login: login.clone(),
        };
        read.insert(login, administrator);
    }
    for (place, link) in links.iter().enumerate() {
        let row = RowOf {
            table: Table::DomainAdmins,
            place,
        };
        add_domain(link, row, &mut read, domains, ledger);
    }
    for administrator in read.values() {
        if administrator.role == Role::DomainAdmins && administrator.administers.is_empty() {
            ledger.note(
                administrator.rows[0],
                administrator.login.as_str(),
                "it is an administrator of no domain",
                "",
            );
        }
    }
    read
}

fn add_domain(
    link: &DomainAdminRow,
    row: RowOf,
    administrators: &mut BTreeMap<Login, Administrator>,
    domains: &Domains,
    ledger: &mut Ledger,
) {
    let (user, domain) = (
        link.username.as_deref().unwrap_or_default(),
        link.domain.as_deref().unwrap_or_default(),
    );
    let name = format!("{user} for {domain}");
    let Some(administrator) = Login::parse(user)
        .ok()
        .and_then(|login| administrators.get_mut(&login))
    else {
        return ledger.skip(row, &name, "it names nobody among the administrators", "");
    };
    if link.active == Some(false) {
        return ledger.skip(row, &name, "it is switched off", "");
    }
    if domain == EVERY {
        administrator.role = Role::SuperAdmins;
        return administrator.rows.push(row);
    }
    let Ok(parsed) = DomainName::parse(domain) else {
        return ledger.skip(row, &name, "its domain is not a domain name", "");
    };
    let target = domains.target(parsed.as_str());
    let Some((target, _)) = domains.all.get_key_value(target) else {
        return ledger.skip(row, &name, "its domain is not among the domains", "");
    };
    if *target != parsed {
        let remark = "its domain is another name: the administrator gets the domain itself";
        ledger.note(row, &name, remark, target);
    }
    administrator.administers.insert(target.clone());
    administrator.rows.push(row);
}

impl Administrator {
    /// An account without a mailbox.
    pub(super) fn alone(self) -> (Vec<RowOf>, Account) {
        let account = Account {
            password: self.password,
            enabled: self.enabled,
            role: self.role,
            administers: self.administers,
            secondary_email: self.secondary_email,
            phone: self.phone,
            created: self.created,
            ..Account::new(self.login)
        };
        (self.rows, account)
    }

    /// Adds to an account with a mailbox what its owner may do besides; returns the rows that are part of it now.
    pub(super) fn join(self, account: &mut Account, options: &Options, ledger: &mut Ledger) -> Vec<RowOf> {
        let name = self.login.as_str();
        if !self.enabled {
            for row in self.rows {
                ledger.skip(
                    row,
                    name,
                    "the administrator is switched off, and the mailbox of the same name is not theirs alone",
                    "",
                );
            }
            return Vec::new();
        }
        let (row, remark) = (
            self.rows[0],
            if options.administrators_password {
                "a mailbox and an administrator have this name: one account now, with the administrator's password"
            } else {
                "a mailbox and an administrator have this name: one account now, with the mailbox's password"
            },
        );
        ledger.note(row, name, remark, self.role);
        if !account.enabled {
            ledger.note(
                row,
                name,
                "its mailbox is switched off, and so is the account: the administrator cannot log in",
                "",
            );
        }
        if options.administrators_password {
            account.password = self.password;
        }
        account.role = self.role;
        account.administers = self.administers;
        if account.phone.is_empty() {
            account.phone = self.phone;
        }
        if account.secondary_email.is_empty() {
            account.secondary_email = self.secondary_email;
        }
        self.rows
    }
}
