//! Entries as words.

use std::num::NonZeroU64;

use crate::directory::{
    Account, Address, Alias, AliasAddress, Domain, DomainAlias, DomainKind, DomainName, Entry, Limit, Login,
    Mailbox, Quota, Recipient, Relay, Role, Vacation, VacationInterval,
};

pub(super) const MEGABYTE: u64 = 1 << 20;

/// `domain NAME [QUOTA DEFAULT [MAILBOXES ALIASES]]`, `relay NAME`, `also NAME TARGET`, `account LOGIN [ADDRESS|- [MB]]`,
/// `admin LOGIN DOMAIN…`, `alias ADDRESS RECIPIENT…`, `off ADDRESS RECIPIENT…`, `away ADDRESS`.
pub(super) fn entry(line: &str) -> Entry {
    let words: Vec<&str> = line.split(' ').collect();
    let word = |place: usize| words.get(place).copied();
    let name = word(1).unwrap();
    let size = |place: usize| word(place).map(|word| word.parse::<u64>().unwrap() * MEGABYTE);
    let recipients = || {
        words[2..]
            .iter()
            .map(|text| Recipient::parse(text).unwrap())
            .collect()
    };
    match words[0] {
        "domain" => {
            let limit =
                |place: usize| word(place).map_or(Limit::Unlimited, |word| Limit::At(word.parse().unwrap()));
            let mut domain = Domain::local(DomainName::parse(name).unwrap());
            domain.quota = size(2).filter(|size| *size > 0);
            domain.default_mailbox_quota = size(3).filter(|size| *size > 0);
            domain.limits.mailboxes = limit(4);
            domain.limits.aliases = limit(5);
            Entry::Domain(domain)
        }
        "relay" => {
            let kind = DomainKind::Relay(Relay {
                service: "relay".into(),
                host: None,
                port: None,
                verify_recipients: false,
            });
            let domain = Domain::local(DomainName::parse(name).unwrap());
            Entry::Domain(Domain { kind, ..domain })
        }
        "also" => Entry::DomainAlias(DomainAlias {
            name: DomainName::parse(name).unwrap(),
            target: DomainName::parse(word(2).unwrap()).unwrap(),
            enabled: true,
            description: String::new(),
        }),
        "account" => {
            let mut account = Account::new(Login::parse(name).unwrap());
            let address = word(2).unwrap_or(name);
            if address != "-" {
                let mut mailbox = Mailbox::new(Address::parse(address).unwrap());
                mailbox.quota = size(3)
                    .and_then(NonZeroU64::new)
                    .map_or(Quota::OfDomain, Quota::Octets);
                account.mailbox = Some(mailbox);
            }
            Entry::Account(Box::new(account))
        }
        "admin" => {
            let mut account = Account::new(Login::parse(name).unwrap());
            account.role = Role::DomainAdmins;
            account.administers = words[2..]
                .iter()
                .map(|text| DomainName::parse(text).unwrap())
                .collect();
            Entry::Account(Box::new(account))
        }
        "alias" | "off" => Entry::Alias(Alias {
            address: AliasAddress::parse(name).unwrap(),
            recipients: recipients(),
            enabled: words[0] == "alias",
            description: String::new(),
            created: None,
        }),
        "away" => Entry::Vacation(Box::new(Vacation {
            address: Address::parse(name).unwrap(),
            subject: "Away".into(),
            body: "Back soon".into(),
            enabled: true,
            from: None,
            until: None,
            interval: VacationInterval::Once,
        })),
        other => panic!("no such entry: {other}"),
    }
}
