//! What is there while entries are planned: the directory as it was, and what has been planned since.

use std::collections::{BTreeSet, HashMap};

use super::Change;
use crate::directory::{
    Address, AliasAddress, Directory, Domain, DomainAlias, DomainKind, DomainName, Entry, Login, Mailbox,
    Quota, Recipient,
};

/// The directory as it will be after the changes planned so far.
pub(super) struct There<'d> {
    directory: &'d Directory,
    changes: Vec<Change>,
    domains: HashMap<DomainName, DomainState>,
    domain_aliases: HashMap<DomainName, DomainName>,
    /// Mailboxes, and whose they are where that is not the account of the same name.
    mailboxes: HashMap<Address, Option<Login>>,
    /// What was planned, by its place among the changes. The rest is found in the directory.
    new_domains: HashMap<DomainName, usize>,
    new_domain_aliases: HashMap<DomainName, usize>,
    new_accounts: HashMap<Login, usize>,
    new_aliases: HashMap<AliasAddress, Vec<usize>>,
    new_vacations: HashMap<Address, usize>,
}

/// What counts of a domain.
pub(super) struct DomainState {
    pub(super) local: bool,
    pub(super) quota: Option<u64>,
    pub(super) default_mailbox_quota: Option<u64>,
    pub(super) mailbox_quota_limit: Option<u64>,
    pub(super) mailbox_limit: Option<u32>,
    pub(super) alias_limit: Option<u32>,
    /// Octets that its mailboxes may hold together; those without a limit do not count.
    pub(super) allotted: u64,
    pub(super) mailboxes: u32,
    pub(super) aliases: u32,
}

impl DomainState {
    fn of(domain: &Domain) -> Self {
        Self {
            local: matches!(domain.kind, DomainKind::Local),
            quota: domain.quota,
            default_mailbox_quota: domain.default_mailbox_quota,
            mailbox_quota_limit: domain.limits.mailbox_quota,
            mailbox_limit: domain.limits.mailboxes.most(),
            alias_limit: domain.limits.aliases.most(),
            allotted: 0,
            mailboxes: 0,
            aliases: 0,
        }
    }

    /// Octets that a mailbox counts for.
    pub(super) fn weight(&self, quota: Quota) -> u64 {
        match quota {
            Quota::OfDomain => self.default_mailbox_quota.unwrap_or(0),
            Quota::Unlimited => 0,
            Quota::Octets(octets) => octets.get(),
        }
    }

    fn count(&mut self, mailbox: &Mailbox) {
        self.allotted = self.allotted.saturating_add(self.weight(mailbox.quota));
        self.mailboxes = self.mailboxes.saturating_add(1);
    }
}

impl<'d> There<'d> {
    pub(super) fn new(directory: &'d Directory) -> Self {
        let domain_aliases = |alias: &DomainAlias| (alias.name.clone(), alias.target.clone());
        let mut there = Self {
            directory,
            changes: Vec::new(),
            domains: directory
                .domains
                .values()
                .map(|domain| (domain.name.clone(), DomainState::of(domain)))
                .collect(),
            domain_aliases: directory.domain_aliases.values().map(domain_aliases).collect(),
            mailboxes: HashMap::with_capacity(directory.accounts.len()),
            new_domains: HashMap::new(),
            new_domain_aliases: HashMap::new(),
            new_accounts: HashMap::new(),
            new_aliases: HashMap::new(),
            new_vacations: HashMap::new(),
        };
        for account in directory.accounts.values() {
            there.note_mailbox(account.mailbox.as_ref(), &account.login);
        }
        for alias in directory.aliases.keys() {
            there.note_alias(alias);
        }
        there
    }

    /// Plans an entry of whose name nothing is there.
    pub(super) fn add(&mut self, entry: Entry) {
        let place = self.changes.len();
        match &entry {
            Entry::Domain(domain) => {
                self.domains.insert(domain.name.clone(), DomainState::of(domain));
                self.new_domains.insert(domain.name.clone(), place);
            }
            Entry::DomainAlias(alias) => {
                self.domain_aliases
                    .insert(alias.name.clone(), alias.target.clone());
                self.new_domain_aliases.insert(alias.name.clone(), place);
            }
            Entry::Account(account) => {
                self.note_mailbox(account.mailbox.as_ref(), &account.login);
                self.new_accounts.insert(account.login.clone(), place);
            }
            Entry::Alias(alias) => {
                self.note_alias(&alias.address);
                self.new_aliases.insert(alias.address.clone(), vec![place]);
            }
            Entry::Vacation(vacation) => {
                self.new_vacations.insert(vacation.address.clone(), place);
            }
        }
        self.changes.push(Change::Add(entry));
    }

    /// Plans that an alias which is there leads to more.
    pub(super) fn add_recipients(&mut self, alias: AliasAddress, recipients: BTreeSet<Recipient>) {
        self.new_aliases
            .entry(alias.clone())
            .or_default()
            .push(self.changes.len());
        self.changes.push(Change::AddRecipients { alias, recipients });
    }

    fn note_mailbox(&mut self, mailbox: Option<&Mailbox>, login: &Login) {
        let Some(mailbox) = mailbox else { return };
        if let Some(domain) = self.domains.get_mut(mailbox.address.domain()) {
            domain.count(mailbox);
        }
        let owner = (mailbox.address.as_str() != login.as_str()).then(|| login.clone());
        self.mailboxes.insert(mailbox.address.clone(), owner);
    }

    fn note_alias(&mut self, alias: &AliasAddress) {
        let domain = self
            .target(alias.domain())
            .map_or(alias.domain(), DomainName::as_str);
        let domain = domain.to_owned();
        if let Some(state) = self.domains.get_mut(domain.as_str()) {
            state.aliases = state.aliases.saturating_add(1);
        }
    }

    /// Counts, and what a domain allows.
    pub(super) fn domain_state(&self, name: &str) -> Option<&DomainState> {
        self.domains.get(name)
    }

    /// The domain, as it is there or planned.
    pub(super) fn domain(&self, name: &DomainName) -> Option<&Domain> {
        match self.added(self.new_domains.get(name).copied()) {
            Some(Entry::Domain(domain)) => Some(domain),
            _ => self.directory.domains.get(name),
        }
    }

    /// The domain alias, as it is there or planned.
    pub(super) fn domain_alias(&self, name: &DomainName) -> Option<&DomainAlias> {
        match self.added(self.new_domain_aliases.get(name).copied()) {
            Some(Entry::DomainAlias(alias)) => Some(alias),
            _ => self.directory.domain_aliases.get(name),
        }
    }

    /// Where a domain alias leads.
    pub(super) fn target(&self, name: &str) -> Option<&DomainName> {
        self.domain_aliases.get(name)
    }

    /// The account, as it is there or planned.
    pub(super) fn account(&self, login: &str) -> Option<&crate::directory::Account> {
        match self.added(self.new_accounts.get(login).copied()) {
            Some(Entry::Account(account)) => Some(account),
            _ => self.directory.accounts.get(login),
        }
    }

    /// The alias as it was first, without recipients planned later.
    pub(super) fn alias(&self, address: &AliasAddress) -> Option<&crate::directory::Alias> {
        let places = self.new_aliases.get(address).map_or(&[][..], Vec::as_slice);
        match self.added(places.first().copied()) {
            Some(Entry::Alias(alias)) => Some(alias),
            _ => self.directory.aliases.get(address),
        }
    }

    /// All recipients of an alias, as they are compared.
    pub(super) fn recipients(&self, address: &AliasAddress) -> BTreeSet<Recipient> {
        let first = self.directory.aliases.get(address).into_iter();
        let places = self.new_aliases.get(address).into_iter().flatten();
        let planned = places.filter_map(|place| match self.changes.get(*place)? {
            Change::Add(Entry::Alias(alias)) => Some(&alias.recipients),
            Change::AddRecipients { recipients, .. } => Some(recipients),
            Change::Add(_) => None,
        });
        first
            .map(|alias| &alias.recipients)
            .chain(planned)
            .flatten()
            .map(|recipient| self.compared(recipient))
            .collect()
    }

    /// The absence text, as it is there or planned.
    pub(super) fn vacation(&self, address: &Address) -> Option<&crate::directory::Vacation> {
        match self.added(self.new_vacations.get(address).copied()) {
            Some(Entry::Vacation(vacation)) => Some(vacation),
            _ => self.directory.vacations.get(address),
        }
    }

    /// Whose mailbox it is.
    pub(super) fn owner(&self, address: &Address) -> Option<Login> {
        let owner = self.mailboxes.get(address)?;
        Some(owner.clone().unwrap_or_else(|| Login::from(address)))
    }

    /// Whether mail for the domain ends here, under its own name or another's.
    pub(super) fn is_own(&self, domain: &str) -> bool {
        self.domains.get(domain).is_some_and(|state| state.local) || self.domain_aliases.contains_key(domain)
    }

    /// A recipient as it is compared and stored: in lower case where its domain is one of these.
    pub(super) fn compared(&self, recipient: &Recipient) -> Recipient {
        if self.is_own(recipient.domain()) {
            recipient.folded()
        } else {
            recipient.clone()
        }
    }

    /// Whether mail of the alias that goes to this recipient arrives somewhere. Elsewhere, everything does.
    pub(super) fn leads_somewhere(&self, alias: &AliasAddress, recipient: &Recipient) -> bool {
        if !self.is_own(recipient.domain()) {
            return true;
        }
        let AliasAddress::Address(address) = recipient.address() else {
            return true;
        };
        if self.arrives(alias, &address) {
            return true;
        }
        let behind = self.target(address.domain());
        behind
            .and_then(|domain| Address::new(address.local(), domain).ok())
            .is_some_and(|address| self.arrives(alias, &address))
    }

    /// Whether a mailbox, an alias other than the one in question, or a catch-all takes the address.
    fn arrives(&self, but: &AliasAddress, address: &Address) -> bool {
        let is_alias = |asked: &AliasAddress| asked != but && self.alias(asked).is_some();
        self.mailboxes.contains_key(address)
            || is_alias(&AliasAddress::Address(address.clone()))
            || DomainName::parse(address.domain()).is_ok_and(|domain| is_alias(&AliasAddress::Domain(domain)))
    }

    /// The changes planned, and the recipients among them that lead nowhere.
    pub(super) fn finish(self, named: bool) -> (Vec<Change>, Vec<(AliasAddress, Recipient)>) {
        let mut dead_ends = Vec::new();
        for change in self.changes.iter().filter(|_| named) {
            let (address, recipients) = match change {
                Change::Add(Entry::Alias(alias)) => (&alias.address, &alias.recipients),
                Change::AddRecipients { alias, recipients } => (alias, recipients),
                Change::Add(_) => continue,
            };
            let lost = recipients
                .iter()
                .filter(|recipient| !self.leads_somewhere(address, recipient));
            dead_ends.extend(lost.map(|recipient| (address.clone(), recipient.clone())));
        }
        (self.changes, dead_ends)
    }

    fn added(&self, place: Option<usize>) -> Option<&Entry> {
        match self.changes.get(place?)? {
            Change::Add(entry) => Some(entry),
            Change::AddRecipients { .. } => None,
        }
    }
}
