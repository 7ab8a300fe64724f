//! The scripts of a whole directory. Each has to know the aliases that lead to its mailbox: Sieve answers only what was sent to
//! an address that it knows as its owner's (RFC 5230 section 4.5).

use std::collections::{BTreeMap, BTreeSet};

use crate::directory::{Address, AliasAddress, Directory};

impl Directory {
    /// A Sieve script for each absence text.
    pub fn absence_scripts(&self) -> BTreeMap<&Address, String> {
        if self.vacations.is_empty() {
            return BTreeMap::new();
        }
        let mut leading: BTreeMap<Address, Vec<&Address>> = BTreeMap::new();
        for alias in self.aliases.values().filter(|alias| alias.enabled) {
            let AliasAddress::Address(address) = &alias.address else {
                continue;
            };
            for recipient in &alias.recipients {
                if let AliasAddress::Address(recipient) = recipient.address() {
                    leading.entry(recipient).or_default().push(address);
                }
            }
        }
        let scripts = self.vacations.iter();
        let scripts =
            scripts.map(|(address, vacation)| (address, vacation.sieve(&self.addresses(address, &leading))));
        scripts.collect()
    }

    /// The addresses that lead to a mailbox, through however many aliases, and those in other names of their domains.
    fn addresses(&self, mailbox: &Address, leading: &BTreeMap<Address, Vec<&Address>>) -> BTreeSet<Address> {
        let mut found = BTreeSet::from([mailbox.clone()]);
        let mut next = vec![mailbox];
        while let Some(address) = next.pop() {
            for alias in leading.get(address).into_iter().flatten() {
                if found.insert((*alias).clone()) {
                    next.push(alias);
                }
            }
        }
        let others = self.domain_aliases.values().filter(|other| other.enabled);
        let others: Vec<_> = others
            .flat_map(|other| {
                let there = found
                    .iter()
                    .filter(|address| address.domain() == other.target.as_str());
                there.filter_map(|address| Address::new(address.local(), &other.name).ok())
            })
            .collect();
        found.extend(others);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Alias, DomainAlias, DomainName, Recipient, Vacation, VacationInterval};

    #[test]
    fn a_script_knows_every_address_that_leads_to_its_mailbox() {
        let mut directory = Directory::default();
        let address = |text: &str| Address::parse(text).unwrap();
        for (from, to, enabled) in [
            ("list@a.example", "team@b.example", true),
            ("team@b.example", "me@a.example", true),
            ("off@a.example", "me@a.example", false),
            ("me@a.example", "list@a.example", true),
            ("other@a.example", "you@a.example", true),
        ] {
            let alias = Alias {
                address: AliasAddress::Address(address(from)),
                recipients: BTreeSet::from([Recipient::parse(to).unwrap()]),
                enabled,
                description: String::new(),
                created: None,
            };
            directory.aliases.insert(alias.address.clone(), alias);
        }
        let name = DomainName::parse("also.example").unwrap();
        let other = DomainAlias {
            name: name.clone(),
            target: DomainName::parse("a.example").unwrap(),
            enabled: true,
            description: String::new(),
        };
        directory.domain_aliases.insert(name, other);
        let vacation = Vacation {
            address: address("me@a.example"),
            subject: String::new(),
            body: "away".into(),
            enabled: true,
            from: None,
            until: None,
            interval: VacationInterval::Once,
        };
        directory.vacations.insert(vacation.address.clone(), vacation);
        let scripts = directory.absence_scripts();
        let script = &scripts[&address("me@a.example")];
        let known = r#":addresses ["list@a.example", "list@also.example", "me@a.example", "me@also.example", "team@b.example"]"#;
        assert!(script.contains(known), "{script}");
    }
}
