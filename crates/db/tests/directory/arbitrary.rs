//! Directories of any kind, consistent in themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU16, NonZeroU64};

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;
use transhume_model::directory::{
    Account, Address, Alias, AliasAddress, Directory, Domain, DomainAlias, DomainKind, DomainName, Entry,
    Limit, Limits, Login, Mailbox, Quota, Recipient, Relay, Role, StoredPassword, Vacation, VacationInterval,
};
use transhume_model::plan::directory::Change;

/// Any text but those with a NUL.
fn text() -> impl Strategy<Value = String> {
    "[^\u{0}]{0,20}"
}

fn octets() -> impl Strategy<Value = u64> {
    prop_oneof![
        1..=10_u64,
        Just(i64::MAX.cast_unsigned()),
        1..=i64::MAX.cast_unsigned()
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    prop_oneof![Just(Limit::Unlimited), any::<u32>().prop_map(Limit::At)]
}

fn domain_name() -> impl Strategy<Value = DomainName> {
    prop_oneof![
        "[a-z][a-z0-9]{0,8}\\.(org|example)",
        "[a-zäöüßøλж]{1,6}\\.example"
    ]
    .prop_filter_map("no domain", |text| DomainName::parse(&text).ok())
}

fn local() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9'%|/{}~+=&]{1,12}", "[a-zA-Zäöü.-]{1,10}", "\\PC{1,6}"].prop_filter(
        "no local part",
        |text| {
            let domain = DomainName::parse("example.org").unwrap();
            Address::new(text, &domain).is_ok()
        },
    )
}

fn kind() -> impl Strategy<Value = DomainKind> {
    let relay = (
        "relay|smtp",
        option::of("[a-z0-9.:]{1,20}"),
        any::<Option<NonZeroU16>>(),
        any::<bool>(),
    );
    prop_oneof![
        3 => Just(DomainKind::Local),
        1 => relay.prop_map(|(service, host, port, verify_recipients)| {
            DomainKind::Relay(Relay { service, host, port, verify_recipients })
        }),
    ]
}

fn domain() -> impl Strategy<Value = Domain> {
    let limits = (limit(), limit(), option::of(octets()));
    let numbers = (option::of(octets()), option::of(octets()), limits);
    let rest = (any::<bool>(), text(), any::<Option<i64>>());
    (domain_name(), kind(), numbers, rest).prop_map(|(name, kind, numbers, rest)| Domain {
        name,
        kind,
        enabled: rest.0,
        quota: numbers.0,
        default_mailbox_quota: numbers.1,
        limits: Limits {
            mailboxes: (numbers.2).0,
            aliases: (numbers.2).1,
            mailbox_quota: (numbers.2).2,
        },
        description: rest.1,
        created: rest.2,
    })
}

fn quota() -> impl Strategy<Value = Quota> {
    prop_oneof![
        Just(Quota::OfDomain),
        Just(Quota::Unlimited),
        octets()
            .prop_filter_map("zero", NonZeroU64::new)
            .prop_map(Quota::Octets),
    ]
}

fn stored_password() -> impl Strategy<Value = Option<StoredPassword>> {
    option::of("[ -~]{0,30}").prop_map(|data| StoredPassword::from_stored(&format!("{{PLAIN}}{}", data?)))
}

/// An account without its names and mailbox.
fn bare_account() -> impl Strategy<Value = Account> {
    let words = (text(), text(), text(), text());
    let role = proptest::sample::select(Role::ALL.to_vec());
    let rest = (stored_password(), any::<bool>(), role, any::<Option<i64>>());
    (words, rest).prop_map(|(words, rest)| Account {
        password: rest.0,
        first_name: words.0,
        last_name: words.1,
        secondary_email: words.2,
        phone: words.3,
        enabled: rest.1,
        role: rest.2,
        created: rest.3,
        ..Account::new(Login::parse("nobody").unwrap())
    })
}

type Away = (String, String, bool, Option<i64>, Option<i64>, Option<u32>);

#[derive(Clone, Debug)]
struct Person {
    account: Account,
    local: String,
    mailbox: Option<(Index, Quota, bool, bool, Option<String>)>,
    administers: Vec<Index>,
    away: Option<Away>,
}

fn person() -> impl Strategy<Value = Person> {
    let mailbox = (
        any::<Index>(),
        quota(),
        any::<bool>(),
        any::<bool>(),
        option::of(text()),
    );
    let seconds = option::of(1..=u32::MAX);
    let away = (
        text(),
        text(),
        any::<bool>(),
        any::<Option<i64>>(),
        any::<Option<i64>>(),
        seconds,
    );
    let many = (
        option::weighted(0.8, mailbox),
        vec(any::<Index>(), 0..3),
        option::of(away),
    );
    (bare_account(), local(), many).prop_map(|(account, local, (mailbox, administers, away))| Person {
        account,
        local,
        mailbox,
        administers,
        away,
    })
}

fn recipient() -> impl Strategy<Value = Recipient> {
    prop_oneof![
        4 => (local(), domain_name()).prop_map(|(local, domain)| format!("{local}@{domain}")),
        1 => domain_name().prop_map(|domain| format!("@{domain}")),
    ]
    .prop_filter_map("no recipient", |text| Recipient::parse(&text).ok())
}

fn alias() -> impl Strategy<Value = Alias> {
    let address = prop_oneof![
        4 => (local(), domain_name()).prop_map(|(local, domain)| format!("{local}@{domain}")),
        1 => domain_name().prop_map(|domain| format!("@{domain}")),
    ]
    .prop_filter_map("no address", |text| AliasAddress::parse(&text).ok());
    let rest = (any::<bool>(), text(), any::<Option<i64>>());
    (address, btree_set(recipient(), 1..4), rest).prop_map(|(address, recipients, rest)| Alias {
        address,
        recipients,
        enabled: rest.0,
        description: rest.1,
        created: rest.2,
    })
}

/// A whole directory.
pub(crate) fn directory() -> impl Strategy<Value = Directory> {
    let domain_aliases = vec((domain_name(), any::<Index>(), any::<bool>(), text()), 0..3);
    let parts = (
        vec(domain(), 1..5),
        domain_aliases,
        vec(person(), 0..8),
        vec(alias(), 0..8),
    );
    parts.prop_map(|(domains, domain_aliases, people, aliases)| {
        let mut directory = Directory {
            domains: domains
                .into_iter()
                .map(|domain| (domain.name.clone(), domain))
                .collect(),
            aliases: aliases
                .into_iter()
                .map(|alias| (alias.address.clone(), alias))
                .collect(),
            ..Directory::default()
        };
        let names: Vec<DomainName> = directory.domains.keys().cloned().collect();
        directory.domain_aliases = domain_aliases
            .into_iter()
            .map(|(name, target, enabled, description)| {
                let target = target.get(&names).clone();
                let alias = DomainAlias {
                    name: name.clone(),
                    target,
                    enabled,
                    description,
                };
                (name, alias)
            })
            .collect::<BTreeMap<_, _>>();
        for person in people {
            add(&mut directory, &names, person);
        }
        directory
    })
}

fn add(directory: &mut Directory, names: &[DomainName], person: Person) {
    let mailbox = person
        .mailbox
        .map(|(domain, quota, keeps_copy, may_send, old_maildir)| Mailbox {
            quota,
            keeps_copy,
            may_send,
            old_maildir,
            ..Mailbox::new(Address::new(&person.local, domain.get(names)).unwrap())
        });
    let login = match &mailbox {
        Some(mailbox) => Login::from(&mailbox.address),
        None => match Login::parse(&person.local) {
            Ok(login) => login,
            Err(_) => return,
        },
    };
    if let (Some(mailbox), Some(away)) = (&mailbox, person.away) {
        let vacation = Vacation {
            address: mailbox.address.clone(),
            subject: away.0,
            body: away.1,
            enabled: away.2,
            from: away.3,
            until: away.4,
            interval: away.5.map_or(VacationInterval::Once, VacationInterval::Seconds),
        };
        directory.vacations.insert(mailbox.address.clone(), vacation);
    }
    let administers: BTreeSet<DomainName> = person
        .administers
        .iter()
        .map(|domain| domain.get(names).clone())
        .collect();
    let account = Account {
        login: login.clone(),
        mailbox,
        administers,
        ..person.account
    };
    directory.accounts.insert(login, account);
}

/// Accounts and aliases in turn, then more recipients: more of each than one statement holds.
pub(crate) fn many(count: u32) -> Vec<Change> {
    let domain = DomainName::parse("example.org").unwrap();
    let mut changes = vec![Change::Add(Entry::Domain(Domain::local(domain.clone())))];
    for number in 0..count {
        let address = Address::new(&format!("u{number}"), &domain).unwrap();
        let list = AliasAddress::parse(&format!("list{number}@example.org")).unwrap();
        changes.push(Change::Add(Entry::Account(Box::new(Account {
            mailbox: Some(Mailbox::new(address.clone())),
            ..Account::new(Login::from(&address))
        }))));
        changes.push(Change::Add(Entry::Alias(Alias {
            address: list.clone(),
            recipients: (0..2)
                .map(|more| Recipient::parse(&format!("a{more}@b.example")).unwrap())
                .collect(),
            enabled: true,
            description: String::new(),
            created: None,
        })));
        let recipients = (0..number % 5).map(|more| Recipient::parse(&format!("M{more}@b.example")).unwrap());
        let recipients = recipients.collect();
        changes.push(Change::AddRecipients {
            alias: list,
            recipients,
        });
    }
    changes
}
