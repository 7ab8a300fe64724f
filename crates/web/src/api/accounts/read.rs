//! An account, read from what was sent.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use transhume_model::directory::{Account, Address, DomainName, Login, Mailbox, Quota, Role};
use transhume_ops::change_account::AccountChange;

use super::super::fields::Said;
use super::super::problem::Faults;

const ONCE: &str = "It is given once, and does not change.";

/// An account that is not here yet. `now` is in seconds since 1970 UTC.
pub(super) fn new(said: &Said, now: i64) -> Result<Account, Faults> {
    let login = Login::parse(said.text("username").unwrap_or_default());
    let login = login.map_err(|problem| Faults::one("username", problem.to_string()))?;
    let text = |field| said.text(field).unwrap_or_default().to_owned();
    let mailbox = said.object("mailbox");
    Ok(Account {
        first_name: text("first_name"),
        last_name: text("last_name"),
        enabled: said.switch("is_active").unwrap_or(true),
        role: said.text("role").and_then(Role::named).unwrap_or_default(),
        administers: administers(said)?.unwrap_or_default(),
        mailbox: mailbox.map(|said| new_mailbox(&said)).transpose()?,
        secondary_email: text("secondary_email"),
        phone: text("phone_number"),
        created: Some(now),
        ..Account::new(login)
    })
}

fn new_mailbox(said: &Said) -> Result<Mailbox, Faults> {
    let Some(address) = said.text("full_address") else {
        return Err(of_mailbox("full_address", "This field is required."));
    };
    let address = Address::parse(address);
    let address = address.map_err(|problem| of_mailbox("full_address", problem.to_string()))?;
    let usual = Mailbox::new(address);
    Ok(Mailbox {
        quota: quota(said).unwrap_or(usual.quota),
        keeps_copy: said.switch("keeps_copy").unwrap_or(usual.keeps_copy),
        may_send: said.switch("may_send").unwrap_or(usual.may_send),
        ..usual
    })
}

/// What is to change of an account.
pub(super) fn change(said: &Said, before: &Account) -> Result<AccountChange, Faults> {
    if said
        .text("username")
        .is_some_and(|name| !name.eq_ignore_ascii_case(before.login.as_str()))
    {
        return Err(Faults::one("username", ONCE));
    }
    let text = |field| said.text(field).map(str::to_owned);
    let mut change = AccountChange {
        first_name: text("first_name"),
        last_name: text("last_name"),
        secondary_email: text("secondary_email"),
        phone: text("phone_number"),
        enabled: said.switch("is_active"),
        role: said.text("role").and_then(Role::named),
        administers: administers(said)?,
        password: super::password(said),
        ..AccountChange::default()
    };
    match (said.object("mailbox"), &before.mailbox) {
        (Some(said), Some(mailbox)) => {
            let address = said.text("full_address");
            if address.is_some_and(|address| !address.eq_ignore_ascii_case(mailbox.address.as_str())) {
                return Err(of_mailbox("full_address", ONCE));
            }
            change.quota = quota(&said);
            change.keeps_copy = said.switch("keeps_copy");
            change.may_send = said.switch("may_send");
        }
        (Some(_), None) => {
            let what =
                "This account has no mailbox, and cannot be given one; make an account with that address.";
            return Err(Faults::one("mailbox", what));
        }
        (None, Some(_)) if said.is_null("mailbox") => {
            let what = "A mailbox goes with its account only.";
            return Err(Faults::one("mailbox", what));
        }
        (None, _) => {}
    }
    Ok(change)
}

fn of_mailbox(field: &str, what: impl Into<String>) -> Faults {
    let mut faults = Faults::default();
    faults.within("mailbox", Faults::one(field, what));
    faults
}

fn quota(said: &Said) -> Option<Quota> {
    if said.switch("use_domain_quota") == Some(true) {
        return Some(Quota::OfDomain);
    }
    let megabytes = u64::try_from(said.number("quota")?).ok()?;
    Some(NonZeroU64::new(megabytes << 20).map_or(Quota::Unlimited, Quota::Octets))
}

fn administers(said: &Said) -> Result<Option<BTreeSet<DomainName>>, Faults> {
    let Some(names) = said.texts("domains") else {
        return Ok(None);
    };
    let mut within = Faults::default();
    let mut domains = BTreeSet::new();
    for (at, name) in names.iter().enumerate() {
        match DomainName::parse(name) {
            Ok(name) => {
                domains.insert(name);
            }
            Err(problem) => within.add(&at.to_string(), problem.to_string()),
        }
    }
    if within.is_empty() {
        return Ok(Some(domains));
    }
    let mut faults = Faults::default();
    faults.within("domains", within);
    Err(faults)
}
