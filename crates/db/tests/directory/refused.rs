//! What a directory does not take: told in words, and nothing has changed.

use transhume_db::directory::{DirectoryError, DirectoryStore};
use transhume_model::directory::{
    Account, Address, Alias, AliasAddress, Directory, Domain, DomainAlias, DomainName, Entry, Login, Mailbox,
    Recipient, Vacation, VacationInterval,
};
use transhume_model::plan::directory::Change;

use crate::places::{each_engine, wait};

fn domain(name: &str) -> Domain {
    Domain::local(DomainName::parse(name).unwrap())
}

fn account(login: &str, address: Option<&str>) -> Change {
    Change::Add(Entry::Account(Box::new(Account {
        mailbox: address.map(|address| Mailbox::new(Address::parse(address).unwrap())),
        ..Account::new(Login::parse(login).unwrap())
    })))
}

fn alias(address: &str) -> Change {
    Change::Add(Entry::Alias(Alias {
        address: AliasAddress::parse(address).unwrap(),
        recipients: [Recipient::parse("x@elsewhere.example").unwrap()].into(),
        enabled: true,
        description: String::new(),
        created: None,
    }))
}

/// What is there at the beginning of each case.
fn before() -> Vec<Change> {
    vec![
        Change::Add(Entry::Domain(domain("a.example"))),
        account("bob@a.example", Some("bob@a.example")),
        alias("list@a.example"),
    ]
}

fn cases() -> Vec<(&'static str, Change, &'static [&'static str])> {
    let here = || AliasAddress::parse("list@a.example").unwrap();
    let nowhere = || AliasAddress::parse("nobody@a.example").unwrap();
    let some = |text: &str| [Recipient::parse(text).unwrap()].into();
    vec![
        (
            "a domain twice",
            Change::Add(Entry::Domain(domain("a.example"))),
            &["domain", "a.example"],
        ),
        (
            "another name of a domain that is not there",
            Change::Add(Entry::DomainAlias(DomainAlias {
                name: DomainName::parse("b.example").unwrap(),
                target: DomainName::parse("c.example").unwrap(),
                enabled: true,
                description: String::new(),
            })),
            &["domain_alias", "b.example"],
        ),
        (
            "an account twice",
            account("bob@a.example", None),
            &["account", "bob@a.example"],
        ),
        (
            "two accounts' mailbox",
            account("eve@a.example", Some("bob@a.example")),
            &["mailbox", "bob@a.example"],
        ),
        (
            "a mailbox in no domain",
            account("eve@c.example", Some("eve@c.example")),
            &["mailbox", "eve@c.example"],
        ),
        (
            "who administers a domain that is not there",
            Change::Add(Entry::Account(Box::new(Account {
                administers: [DomainName::parse("c.example").unwrap()].into(),
                ..Account::new(Login::parse("admin").unwrap())
            }))),
            &["administrator", "admin"],
        ),
        (
            "an alias twice",
            alias("list@a.example"),
            &["alias", "list@a.example"],
        ),
        (
            "more for an alias that is not there",
            Change::AddRecipients {
                alias: nowhere(),
                recipients: some("y@b.example"),
            },
            &["alias_recipient", "nobody@a.example"],
        ),
        (
            "a recipient twice",
            Change::AddRecipients {
                alias: here(),
                recipients: some("x@elsewhere.example"),
            },
            &["alias_recipient", "list@a.example"],
        ),
        (
            "absence of nobody",
            Change::Add(Entry::Vacation(Box::new(Vacation {
                address: Address::parse("eve@a.example").unwrap(),
                subject: String::new(),
                body: String::new(),
                enabled: true,
                from: None,
                until: None,
                interval: VacationInterval::Once,
            }))),
            &["vacation", "eve@a.example"],
        ),
    ]
}

/// What no database could keep.
fn unstorable() -> Vec<(&'static str, Change, &'static [&'static str])> {
    vec![
        (
            "no octets at all",
            Change::Add(Entry::Domain(Domain {
                quota: Some(0),
                ..domain("b.example")
            })),
            &["b.example", "0 octets"],
        ),
        (
            "more octets than there are",
            Change::Add(Entry::Domain(Domain {
                default_mailbox_quota: Some(u64::MAX),
                ..domain("b.example")
            })),
            &["b.example", "8 EiB"],
        ),
        (
            "a NUL",
            Change::Add(Entry::Domain(Domain {
                description: "a\0b".to_owned(),
                ..domain("b.example")
            })),
            &["b.example", "NUL"],
        ),
    ]
}

#[test]
fn contradictions_are_told_and_nothing_has_changed() {
    each_engine("refused", |place| {
        let at = place.fresh();
        wait(async {
            let mut store = DirectoryStore::open(&at).await.unwrap();
            let mut transaction = store.begin().await.unwrap();
            transaction.apply(&before()).await.unwrap();
            transaction.commit().await.unwrap();
            let there = store.read().await.unwrap();
            assert_eq!(there.accounts.len(), 1);

            for (case, wrong, says) in cases().into_iter().chain(unstorable()) {
                let mut transaction = store.begin().await.unwrap();
                // What is right stands before and behind it.
                let right = |name: &str| Change::Add(Entry::Domain(domain(name)));
                let changes = [right("first.example"), wrong, right("last.example")];
                let error = transaction.apply(&changes).await.unwrap_err();
                drop(transaction);
                let shown = error.to_string();
                assert!(says.iter().all(|word| shown.contains(word)), "{case}: {shown}");
                assert!(!shown.contains("p%3Aw"), "{case}: {shown}");
                assert_eq!(store.read().await.unwrap(), there, "{case}");
            }
            store.close().await.unwrap();
        });
    });
}

#[test]
fn a_transaction_that_is_dropped_has_never_been() {
    each_engine("dropped", |place| {
        let at = place.fresh();
        wait(async {
            let mut store = DirectoryStore::open(&at).await.unwrap();
            let mut transaction = store.begin().await.unwrap();
            transaction.apply(&before()).await.unwrap();
            drop(transaction);
            assert_eq!(store.read().await.unwrap(), Directory::default());
            store.close().await.unwrap();
        });
    });
}

#[test]
fn what_is_opened_to_read_cannot_be_written() {
    each_engine("reading", |place| {
        let at = place.fresh();
        wait(async {
            DirectoryStore::open(&at).await.unwrap().close().await.unwrap();
            let mut store = DirectoryStore::open_to_read(&at).await.unwrap();
            let written = match store.begin().await {
                Ok(mut transaction) => transaction.apply(&before()).await,
                Err(error) => Err(error),
            };
            assert!(
                matches!(written, Err(DirectoryError::Database { .. })),
                "{written:?}"
            );
        });
    });
}

#[test]
fn rows_that_others_wrote_otherwise_are_named() {
    let domain = "INSERT INTO domain (name, kind, enabled, description) VALUES";
    let account = "INSERT INTO account (login, password, first_name, last_name, enabled, role, secondary_email, phone) VALUES";
    for (statements, says) in [
        (
            format!("{domain} ('Upper.example', 'local', TRUE, '')"),
            &["domain", "Upper.example", "upper.example"][..],
        ),
        (
            format!("{domain} ('localhost', 'local', TRUE, '')"),
            &["domain", "localhost"],
        ),
        (
            format!("{account} ('bob', '{{}}geheim', '', '', TRUE, 'SimpleUsers', '', '')"),
            &["account", "bob", "SCHEME"],
        ),
    ] {
        each_engine("rows", |place| {
            let at = place.fresh();
            wait(async { DirectoryStore::open(&at).await.unwrap().close().await.unwrap() });
            // `relay_verify` and the like are checked by the tables themselves.
            place.sql(&statements);
            let error = wait(async { DirectoryStore::open(&at).await.unwrap().read().await.unwrap_err() });
            let shown = error.to_string();
            assert!(says.iter().all(|word| shown.contains(word)), "{shown}");
            // I10: a password that somebody stored in clear is not shown.
            assert!(!shown.contains("geheim"), "{shown}");
        });
    }
}
