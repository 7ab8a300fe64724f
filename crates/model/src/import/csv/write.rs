//! A directory written as rows that [`super::plan_file`] reads again.

use std::collections::{BTreeMap, BTreeSet};

use super::password::LOCKED;
use super::value::{self, BY_MX};
use crate::directory::{
    Account, Alias, AliasAddress, Directory, Domain, DomainKind, DomainName, Limits, Mailbox, Recipient, Role,
};

/// Which rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Domains, relay domains, domain aliases.
    Domains,
    /// Accounts and aliases.
    Identities,
    /// Everything.
    All,
}

/// What a directory holds that rows cannot say, in words, and how often.
pub type Unsaid = BTreeMap<&'static str, u64>;

/// Writes rows, line by line, in an order in which they can be read again; and tells what could not be written.
pub fn write(directory: &Directory, part: Part, separator: char, mut line: impl FnMut(&str)) -> Unsaid {
    let mut writer = Writer {
        separator,
        unsaid: Unsaid::new(),
        text: String::new(),
    };
    if part != Part::Identities {
        for domain in directory.domains.values() {
            line(writer.domain(domain));
        }
        for alias in directory.domain_aliases.values() {
            writer.count("descriptions of domain aliases", !alias.description.is_empty());
            let (name, target) = (alias.name.as_str(), alias.target.as_str());
            line(writer.row(["domainalias", name, target, switch(alias.enabled)]));
        }
    }
    if part != Part::Domains {
        for account in directory.accounts.values() {
            if let Some(row) = writer.account(account) {
                line(row);
            }
        }
        let (ordered, circular) = in_order(&directory.aliases);
        for _ in circular {
            writer.count(CIRCULAR, true);
        }
        for alias in ordered {
            line(writer.alias(alias));
        }
        for _ in &directory.vacations {
            writer.count("absence texts", true);
        }
    }
    writer.unsaid
}

const CIRCULAR: &str = "aliases before one that they lead to (import the file with --any-recipients)";

struct Writer {
    separator: char,
    unsaid: Unsaid,
    /// The row, written over by the next.
    text: String,
}

impl Writer {
    fn count(&mut self, what: &'static str, is_there: bool) {
        if is_there {
            *self.unsaid.entry(what).or_default() += 1;
        }
    }

    /// One row, without its line end.
    fn row<'a>(&mut self, fields: impl IntoIterator<Item = &'a str>) -> &str {
        self.text.clear();
        for field in fields {
            if !self.text.is_empty() {
                self.text.push(self.separator);
            }
            let blank_ends = field.trim().len() < field.len();
            if blank_ends || field.contains(['"', self.separator]) {
                self.text.push('"');
                self.text.push_str(&field.replace('"', "\"\""));
                self.text.push('"');
            } else {
                self.text.push_str(field);
            }
        }
        &self.text
    }

    fn domain(&mut self, domain: &Domain) -> &str {
        self.count("limits of domains", domain.limits != Limits::default());
        self.count("descriptions of domains", !domain.description.is_empty());
        let (name, enabled) = (domain.name.as_str(), switch(domain.enabled));
        match &domain.kind {
            DomainKind::Local => {
                let quota = value::size_text(domain.quota.unwrap_or(0));
                let default = value::size_text(domain.default_mailbox_quota.unwrap_or(0));
                self.row(["domain", name, &quota, &default, enabled])
            }
            DomainKind::Relay(relay) => {
                let host = relay.host.as_deref().unwrap_or(BY_MX);
                let port = relay.port.map_or(25, std::num::NonZeroU16::get).to_string();
                let verify = switch(relay.verify_recipients);
                self.row(["relaydomain", name, host, &port, &relay.service, enabled, verify])
            }
        }
    }

    /// `None` where there are no rows for such an account.
    fn account(&mut self, account: &Account) -> Option<&str> {
        let address = account.mailbox.as_ref().map(|mailbox| mailbox.address.as_str());
        let is_simple = account.role == Role::SimpleUsers;
        if is_simple && address != Some(account.login.as_str()) {
            self.count("SimpleUsers whose login is not their address, left out", true);
            return None;
        }
        self.count("other addresses of persons", !account.secondary_email.is_empty());
        self.count("telephone numbers", !account.phone.is_empty());
        if let Some(mailbox) = &account.mailbox {
            self.mailbox(mailbox);
        }
        let (first, last) = (self.name(&account.first_name), self.name(&account.last_name));
        let quota = account
            .mailbox
            .as_ref()
            .map_or_else(String::new, |mailbox| value::quota_text(mailbox.quota));
        let administers: &BTreeSet<_> = &account.administers;
        let fields = [
            "account",
            account.login.as_str(),
            account
                .password
                .as_ref()
                .map_or(LOCKED, |password| password.as_str()),
            &first,
            &last,
            switch(account.enabled),
            account.role.as_str(),
            address.unwrap_or(""),
            &quota,
        ];
        Some(
            self.row(
                fields
                    .into_iter()
                    .chain(administers.iter().map(DomainName::as_str)),
            ),
        )
    }

    fn mailbox(&mut self, mailbox: &Mailbox) {
        self.count("forwards without a copy", !mailbox.keeps_copy);
        self.count("mailboxes that may not send", !mailbox.may_send);
        self.count(
            "places where the old platform kept a mailbox",
            mailbox.old_maildir.is_some(),
        );
    }

    fn name(&mut self, name: &str) -> String {
        let is_odd = name.contains(char::is_control);
        self.count("names with control characters, written as blanks", is_odd);
        name.replace(char::is_control, " ")
    }

    fn alias(&mut self, alias: &Alias) -> &str {
        self.count("descriptions of aliases", !alias.description.is_empty());
        let address = alias.address.to_string();
        let fields = ["alias", &address, switch(alias.enabled)];
        self.row(
            fields
                .into_iter()
                .chain(alias.recipients.iter().map(Recipient::as_str)),
        )
    }
}

fn switch(yes: bool) -> &'static str {
    if yes { "true" } else { "false" }
}

/// Aliases with those first that others lead to; and those which lead to one another in a circle.
fn in_order(aliases: &BTreeMap<AliasAddress, Alias>) -> (Vec<&Alias>, Vec<&Alias>) {
    let mut waiting: BTreeMap<&AliasAddress, usize> = BTreeMap::new();
    let mut before: BTreeMap<AliasAddress, Vec<&Alias>> = BTreeMap::new();
    let mut ready = Vec::new();
    for alias in aliases.values() {
        let needs = alias.recipients.iter().map(Recipient::address);
        let needs: Vec<_> = needs
            .filter(|address| *address != alias.address && aliases.contains_key(address))
            .collect();
        if needs.is_empty() {
            ready.push(alias);
        } else {
            waiting.insert(&alias.address, needs.len());
            for address in needs {
                before.entry(address).or_default().push(alias);
            }
        }
    }
    let mut at = 0;
    while let Some(alias) = ready.get(at).copied() {
        at += 1;
        for later in before.remove(&alias.address).into_iter().flatten() {
            if let Some(left) = waiting.get_mut(&later.address) {
                *left -= 1;
                if *left == 0 {
                    waiting.remove(&later.address);
                    ready.push(later);
                }
            }
        }
    }
    let circular: Vec<&Alias> = waiting
        .keys()
        .filter_map(|address| aliases.get(*address))
        .collect();
    ready.extend(&circular);
    (ready, circular)
}
