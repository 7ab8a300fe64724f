//! One suite for the directory, run against a real SQLite and a real PostgreSQL.
//!
//! What a database does with changes is what [`Change::apply_to`] does in memory; whatever the database cannot keep is
//! refused, and then nothing has changed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod arbitrary;
mod files;
mod kept;
mod leases;
mod migrations;
mod places;
mod refused;
mod schema;
mod search;
mod serving;
mod sweeps;
mod writers;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use transhume_db::directory::DirectoryStore;
use transhume_model::directory::Directory;
use transhume_model::plan::directory::Change;

use places::{each_engine, wait};

/// Everything that a directory can hold, in an order in which it can be declared.
fn additions(directory: &Directory) -> Vec<Change> {
    use transhume_model::directory::Entry;
    let domains = directory.domains.values().cloned().map(Entry::Domain);
    let domain_aliases = directory.domain_aliases.values().cloned().map(Entry::DomainAlias);
    let accounts = directory
        .accounts
        .values()
        .cloned()
        .map(|account| Entry::Account(Box::new(account)));
    let aliases = directory.aliases.values().cloned().map(Entry::Alias);
    let vacations = directory
        .vacations
        .values()
        .cloned()
        .map(|vacation| Entry::Vacation(Box::new(vacation)));
    domains
        .chain(domain_aliases)
        .chain(accounts)
        .chain(aliases)
        .chain(vacations)
        .map(Change::Add)
        .collect()
}

#[test]
fn what_is_written_is_read_again() {
    each_engine("round", |place| {
        let mut runner = TestRunner::new(Config {
            cases: 24,
            failure_persistence: None,
            ..Config::default()
        });
        let outcome = runner.run(&arbitrary::directory(), |directory| {
            let at = place.fresh();
            wait(async {
                let mut store = DirectoryStore::open(&at).await.unwrap();
                let mut transaction = store.begin().await.unwrap();
                transaction.apply(&additions(&directory)).await.unwrap();
                let within = transaction.read().await.unwrap();
                transaction.commit().await.unwrap();
                prop_assert_eq!(&within, &directory);
                store.close().await.unwrap();

                let mut store = DirectoryStore::open_to_read(&at).await.unwrap();
                let again = store.read().await.unwrap();
                store.close().await.unwrap();
                prop_assert_eq!(again, directory);
                Ok(())
            })
        });
        outcome.unwrap();
    });
}

#[test]
fn more_than_one_statement_holds_arrives_in_any_order_of_kinds() {
    each_engine("many", |place| {
        let at = place.fresh();
        let mut expected = Directory::default();
        let changes = arbitrary::many(1300);
        for change in changes.clone() {
            change.apply_to(&mut expected);
        }
        assert!(expected.accounts.len() > 1000 && expected.aliases.len() > 1000);
        wait(async {
            let mut store = DirectoryStore::open(&at).await.unwrap();
            let mut transaction = store.begin().await.unwrap();
            transaction.apply(&changes).await.unwrap();
            transaction.commit().await.unwrap();
            assert!(store.read().await.unwrap() == expected);
            store.close().await.unwrap();
        });
    });
}
