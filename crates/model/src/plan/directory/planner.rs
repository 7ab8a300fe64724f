//! The decision itself, entry by entry.

use std::collections::{BTreeSet, HashSet};

use super::problem::{Fault, Field, Problem};
use super::there::There;
use super::{Change, IfExists, Kept, Recipients, Rules};
use crate::directory::{
    Account, Address, Alias, AliasAddress, Directory, Domain, DomainAlias, DomainName, Entry, Login, Mailbox,
    Quota, Recipient, Vacation,
};

/// Plans entries one by one, as they are read.
pub struct Planner<'d> {
    there: There<'d>,
    rules: Rules,
    /// Names of what could not stand, so that what needs them is not another problem.
    refused: HashSet<String>,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is among the changes.
    Planned,
    /// One of its name is there, and stays.
    Kept(Kept),
    /// It cannot stand, for these reasons.
    Refused(Vec<Problem>),
}

impl<'d> Planner<'d> {
    /// Begins with the directory that is there.
    pub fn new(directory: &'d Directory, rules: Rules) -> Self {
        Self {
            there: There::new(directory),
            rules,
            refused: HashSet::new(),
        }
    }

    /// Looks at the next entry.
    pub fn declare(&mut self, entry: Entry) -> Outcome {
        let names = names(&entry);
        let outcome = match entry {
            Entry::Domain(domain) => self.domain(domain),
            Entry::DomainAlias(alias) => self.domain_alias(alias),
            Entry::Account(account) => self.account(account),
            Entry::Alias(alias) => self.alias(alias),
            Entry::Vacation(vacation) => self.vacation(vacation),
        };
        if matches!(outcome, Outcome::Refused(_)) {
            self.refused.extend(names);
        }
        outcome
    }

    /// Notes that something of this name was declared, but could not even be read: what needs it is no problem of its own.
    pub fn note_refused(&mut self, name: &str) {
        self.refused.insert(name.to_owned());
    }

    /// The changes; and with [`Recipients::Any`], the planned recipients that lead nowhere.
    pub fn finish(self) -> (Vec<Change>, Vec<(AliasAddress, Recipient)>) {
        self.there.finish(self.rules.recipients == Recipients::Any)
    }

    fn domain(&mut self, domain: Domain) -> Outcome {
        if let Some(target) = self.there.target(domain.name.as_str()) {
            let what = format!("another name of {target}");
            return refused(
                Field::Name,
                Fault::Taken {
                    name: domain.name,
                    what,
                },
            );
        }
        if let Some(there) = self.there.domain(&domain.name) {
            return match (there.is_local(), domain.is_local()) {
                (true, false) => refused(Field::Name, taken(domain.name, "a local domain")),
                (false, true) => refused(Field::Name, taken(domain.name, "a relay domain")),
                _ => {
                    let same = (
                        &there.kind,
                        there.enabled,
                        there.quota,
                        there.default_mailbox_quota,
                    ) == (
                        &domain.kind,
                        domain.enabled,
                        domain.quota,
                        domain.default_mailbox_quota,
                    );
                    self.exists("the domain", &domain.name, same)
                }
            };
        }
        if let (Some(quota), Some(default)) = (domain.quota, domain.default_mailbox_quota)
            && default > quota
        {
            return refused(Field::DefaultQuota, Fault::DefaultOverQuota { default, quota });
        }
        self.plan(Entry::Domain(domain))
    }

    fn domain_alias(&mut self, alias: DomainAlias) -> Outcome {
        if alias.name == alias.target {
            return refused(Field::Target, Fault::OwnName(alias.name));
        }
        if let Some(there) = self.there.domain_alias(&alias.name) {
            let same = (&there.target, there.enabled) == (&alias.target, alias.enabled);
            return self.exists("the domain alias", &alias.name, same);
        }
        if let Some(domain) = self.there.domain_state(alias.name.as_str()) {
            let what = if domain.local {
                "a local domain"
            } else {
                "a relay domain"
            };
            return refused(Field::Name, taken(alias.name, what));
        }
        match self.local_domain(&alias.target) {
            Err(fault) => refused(Field::Target, fault),
            Ok(()) => self.plan(Entry::DomainAlias(alias)),
        }
    }

    fn account(&mut self, account: Box<Account>) -> Outcome {
        let address = account.mailbox.as_ref().map(|mailbox| &mailbox.address);
        if let Some(there) = self.there.account(account.login.as_str()) {
            let quota = |account: &Account| account.mailbox.as_ref().map(|mailbox| mailbox.quota);
            let same = there.mailbox.as_ref().map(|mailbox| &mailbox.address) == address
                && quota(there) == quota(&account)
                && (there.role, there.enabled) == (account.role, account.enabled)
                && (&there.first_name, &there.last_name) == (&account.first_name, &account.last_name)
                && there.administers == account.administers;
            return self.exists("the account", &account.login, same);
        }
        let mut problems = Vec::new();
        let mut problem = |field, fault| problems.push(Problem { field, fault });
        if let Ok(login) = Address::parse(account.login.as_str())
            && let Some(owner) = self.there.owner(&login)
        {
            problem(
                Field::Name,
                Fault::MailboxOf {
                    address: login,
                    owner,
                },
            );
        }
        if let Some(mailbox) = &account.mailbox {
            for (field, fault) in self.mailbox_faults(mailbox, &account.login) {
                problem(field, fault);
            }
        }
        for domain in &account.administers {
            if let Err(fault) = self.any_domain(domain) {
                problem(Field::Administers(domain.clone()), fault);
            }
        }
        if !problems.is_empty() {
            return Outcome::Refused(problems);
        }
        self.plan(Entry::Account(account))
    }

    fn mailbox_faults(&self, mailbox: &Mailbox, login: &Login) -> Vec<(Field, Fault)> {
        let address = &mailbox.address;
        let Ok(name) = DomainName::parse(address.domain()) else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        if address.as_str() != login.as_str() {
            if let Some(owner) = self.there.owner(address) {
                let address = address.clone();
                faults.push((Field::Address, Fault::MailboxOf { address, owner }));
            } else if self.there.account(address.as_str()).is_some() {
                faults.push((Field::Address, Fault::OthersLogin(address.clone())));
            }
        }
        if let Err(fault) = self.local_domain(&name) {
            faults.push((Field::Address, fault));
        }
        let Some(domain) = self.there.domain_state(name.as_str()) else {
            return faults;
        };
        let weight = domain.weight(mailbox.quota);
        let most = domain.mailbox_quota_limit.into_iter().chain(domain.quota).min();
        if let (Some(most), Quota::Octets(_)) = (most, mailbox.quota)
            && weight > most
        {
            let (quota, domain) = (weight, name.clone());
            faults.push((Field::Quota, Fault::MailboxTooLarge { quota, most, domain }));
        } else if let Some(quota) = domain.quota
            && weight > 0
            && domain.allotted.saturating_add(weight) > quota
        {
            let (sum, domain) = (domain.allotted.saturating_add(weight), name.clone());
            faults.push((Field::Quota, Fault::DomainFull { domain, sum, quota }));
        }
        if let Some(limit) = domain.mailbox_limit
            && domain.mailboxes >= limit
        {
            let (domain, what) = (name, "mailboxes");
            faults.push((Field::Address, Fault::TooMany { domain, what, limit }));
        }
        faults
    }

    fn alias(&mut self, mut alias: Alias) -> Outcome {
        let Ok(name) = DomainName::parse(alias.address.domain()) else {
            return Outcome::Refused(Vec::new());
        };
        let mut problems = Vec::new();
        let mut problem = |field, fault| problems.push(Problem { field, fault });
        // A relay domain's aliases are expanded before its mail goes on; an alias domain's before those of its target.
        let domain = self.there.target(name.as_str()).unwrap_or(&name);
        match self.there.domain_state(domain.as_str()) {
            None => problem(Field::Name, self.unknown(&name)),
            Some(state) => {
                if let Some(limit) = state.alias_limit
                    && state.aliases >= limit
                    && self.there.alias(&alias.address).is_none()
                {
                    let (domain, what) = (domain.clone(), "aliases");
                    problem(Field::Name, Fault::TooMany { domain, what, limit });
                }
            }
        }
        let written = std::mem::take(&mut alias.recipients);
        alias.recipients = written
            .iter()
            .map(|recipient| self.there.compared(recipient))
            .collect();
        if alias.recipients.is_empty() {
            problem(Field::Name, Fault::NoRecipient(alias.address.clone()));
        }
        let there = self.there.recipients(&alias.address);
        let itself = Recipient::from(&alias.address);
        if alias.recipients.len() == 1
            && alias.recipients.contains(&itself)
            && !there.contains(&itself)
            && !self.there.leads_somewhere(&alias.address, &itself)
        {
            problem(
                Field::Recipient(itself),
                Fault::LeadsToItself(alias.address.clone()),
            );
        } else if self.rules.recipients != Recipients::Any {
            for recipient in &written {
                if !there.contains(&self.there.compared(recipient))
                    && let Some(fault) = self.recipient_fault(&alias.address, recipient)
                {
                    problem(Field::Recipient(recipient.clone()), fault);
                }
            }
        }
        if !problems.is_empty() {
            return Outcome::Refused(problems);
        }
        let Some(first) = self.there.alias(&alias.address) else {
            return self.plan(Entry::Alias(alias));
        };
        let same = first.enabled == alias.enabled;
        let lacks: BTreeSet<Recipient> = alias.recipients.difference(&there).cloned().collect();
        if lacks.is_empty() || self.rules.if_exists == IfExists::Refuse {
            return self.exists("the alias", &alias.address, same);
        }
        self.there.add_recipients(alias.address, lacks);
        Outcome::Planned
    }

    fn recipient_fault(&self, alias: &AliasAddress, recipient: &Recipient) -> Option<Fault> {
        let domain = recipient.domain();
        let is_known = self.there.is_own(domain) || self.there.domain_state(domain).is_some();
        if self.rules.recipients == Recipients::Own && !is_known {
            return Some(self.unless_refused(domain, Fault::ForeignRecipient(recipient.clone())));
        }
        if self.there.leads_somewhere(alias, recipient) {
            return None;
        }
        let address = recipient.folded();
        Some(self.unless_refused(address.as_str(), Fault::UnknownRecipient(recipient.clone())))
    }

    fn vacation(&mut self, vacation: Box<Vacation>) -> Outcome {
        if let Some(there) = self.there.vacation(&vacation.address) {
            let same = *there == *vacation;
            return self.exists("the absence text of", &vacation.address, same);
        }
        if self.there.owner(&vacation.address).is_some() {
            return self.plan(Entry::Vacation(vacation));
        }
        let fault = self.unless_refused(
            vacation.address.as_str(),
            Fault::NoMailbox(vacation.address.clone()),
        );
        refused(Field::Name, fault)
    }

    fn plan(&mut self, entry: Entry) -> Outcome {
        self.there.add(entry);
        Outcome::Planned
    }

    fn exists(&self, what: &'static str, name: &impl ToString, same: bool) -> Outcome {
        match self.rules.if_exists {
            IfExists::Keep => Outcome::Kept(if same { Kept::Same } else { Kept::Differs }),
            IfExists::Refuse => {
                let name = name.to_string();
                refused(Field::Name, Fault::Exists { what, name })
            }
        }
    }

    /// Whether mailboxes can be in the domain, and other names lead to it.
    fn local_domain(&self, name: &DomainName) -> Result<(), Fault> {
        self.any_domain(name)?;
        match self.there.domain_state(name.as_str()) {
            Some(state) if !state.local => Err(Fault::NotLocal(name.clone())),
            _ => Ok(()),
        }
    }

    /// Whether it is a domain, local or relay.
    fn any_domain(&self, name: &DomainName) -> Result<(), Fault> {
        if let Some(target) = self.there.target(name.as_str()) {
            let (name, target) = (name.clone(), target.clone());
            return Err(Fault::OtherName { name, target });
        }
        match self.there.domain_state(name.as_str()) {
            Some(_) => Ok(()),
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &DomainName) -> Fault {
        self.unless_refused(name.as_str(), Fault::UnknownDomain(name.clone()))
    }

    /// The fault; or, where what is missing has been refused, that.
    fn unless_refused(&self, name: &str, fault: Fault) -> Fault {
        if self.refused.contains(name) {
            return Fault::NeedsRefused(name.to_owned());
        }
        fault
    }
}

/// What others may need of an entry.
fn names(entry: &Entry) -> Vec<String> {
    match entry {
        Entry::Domain(domain) => vec![domain.name.to_string()],
        Entry::DomainAlias(alias) => vec![alias.name.to_string()],
        Entry::Account(account) => {
            let mailbox = account
                .mailbox
                .as_ref()
                .map(|mailbox| mailbox.address.to_string());
            mailbox.into_iter().chain([account.login.to_string()]).collect()
        }
        Entry::Alias(alias) => vec![alias.address.to_string()],
        Entry::Vacation(_) => Vec::new(),
    }
}

fn taken(name: DomainName, what: &str) -> Fault {
    let what = what.to_owned();
    Fault::Taken { name, what }
}

fn refused(field: Field, fault: Fault) -> Outcome {
    Outcome::Refused(vec![Problem { field, fault }])
}
