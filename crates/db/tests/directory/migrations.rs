//! Providers, settings, migrations, credentials: written, read again, and what is refused.

use std::num::{NonZeroU16, NonZeroU32};

use transhume_db::Sealer;
use transhume_db::directory::{
    CredentialFor, CredentialOwner, DirectoryError, DirectoryPool, DirectoryTransaction, Filter,
    NewMigration, TransitionError,
};
use transhume_model::directory::{
    Account, Address, CertificateTrust, Domain, DomainName, Entry, HostName, Login, LoginForm, Mailbox,
    Master, Provider, ProviderName, ProviderSecurity, Settings, StoredPassword, UntilComplete,
};
use transhume_model::migration::{Event, Hold, MigrationId, Phase, Why};
use transhume_model::plan::directory::Change;

use crate::places::{each_engine, wait};

pub(crate) fn name(text: &str) -> ProviderName {
    ProviderName::parse(text).unwrap()
}

pub(crate) fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

/// A provider of one domain, which keeps its name.
pub(crate) fn provider(text: &str, host: &str, old: &str) -> Provider {
    Provider {
        domains: [(domain(old), None)].into(),
        ..Provider::new(name(text), HostName::parse(host).unwrap())
    }
}

/// A domain `a.example`, with an account of each name.
pub(crate) fn people(names: &[&str]) -> Vec<Change> {
    let accounts = names.iter().map(|local| {
        let address = address(&format!("{local}@a.example"));
        Entry::Account(Box::new(Account {
            mailbox: Some(Mailbox::new(address.clone())),
            ..Account::new(Login::from(&address))
        }))
    });
    let domain = Entry::Domain(Domain::local(domain("a.example")));
    [domain].into_iter().chain(accounts).map(Change::Add).collect()
}

/// The migration of `NAME@a.example` from `NAME@old.example`.
pub(crate) async fn begin_migration(
    transaction: &mut DirectoryTransaction<'_>,
    local: &str,
    from: &str,
    created: i64,
) -> Result<MigrationId, DirectoryError> {
    let address_here = address(&format!("{local}@a.example"));
    let new = NewMigration {
        login: &Login::from(&address_here),
        address: &address_here,
        old_address: &address(&format!("{local}@old.example")),
        provider: &name(from),
        created,
    };
    transaction.add_migration(new).await
}

/// Everything that a provider can be.
fn odd_provider() -> Provider {
    Provider {
        name: name("Büro Süd"),
        host: HostName::parse("2001:db8::7").unwrap(),
        port: NonZeroU16::new(1143).unwrap(),
        security: ProviderSecurity::StartTls,
        certificate: CertificateTrust::Pinned([0xa7; 32]),
        login_form: LoginForm::LocalPart,
        master: Some(Master::new("root", '%').unwrap()),
        connections: NonZeroU32::new(3).unwrap(),
        connections_per_account: NonZeroU32::new(7).unwrap(),
        enabled: false,
        domains: [
            (domain("bücher.example"), Some(domain("a.example"))),
            (domain("two.example"), None),
        ]
        .into(),
    }
}

/// A pass that had nothing to do, where old mailboxes are swept for 100 seconds after their cut-over.
pub(crate) fn complete(at: i64) -> Event {
    Event::PassComplete {
        at,
        is_quiet: true,
        sweep_for: 100,
    }
}

#[test]
fn providers_and_settings_are_read_as_they_were_written() {
    each_engine("providers", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            assert_eq!(pool.providers().await.unwrap(), []);
            assert_eq!(pool.settings().await.unwrap(), Settings::default());

            let plain = provider("Old", "imap.old.example", "old.example");
            let mut transaction = pool.begin().await.unwrap();
            transaction.add_provider(&odd_provider()).await.unwrap();
            transaction.add_provider(&plain).await.unwrap();
            let settings = Settings {
                imap_migration: false,
                auto_create: false,
                jobs: NonZeroU32::new(7).unwrap(),
                create_folders: false,
                include: vec!["A/%".to_owned(), "Entwürfe".to_owned()],
                exclude: vec!["Trash".to_owned()],
                every: NonZeroU32::new(60).unwrap(),
                until_complete: UntilComplete::Refuse,
                sweep_for: 77,
            };
            transaction.set_settings(&settings).await.unwrap();
            assert_eq!(transaction.settings().await.unwrap(), settings);
            transaction.commit().await.unwrap();
            assert_eq!(pool.settings().await.unwrap(), settings);
            assert_eq!(pool.providers().await.unwrap(), [odd_provider(), plain.clone()]);

            // Renamed, with other domains; found by its name in any case.
            let renamed = Provider {
                name: name("New"),
                domains: [(domain("three.example"), None)].into(),
                ..odd_provider()
            };
            let mut transaction = pool.begin().await.unwrap();
            assert!(
                transaction
                    .change_provider(&name("büro SÜD"), &renamed)
                    .await
                    .unwrap()
            );
            assert!(
                !transaction
                    .change_provider(&name("nobody"), &provider("x", "x", "x.example"))
                    .await
                    .is_ok_and(|done| done)
            );
            drop(transaction);
            let mut transaction = pool.begin().await.unwrap();
            assert!(
                transaction
                    .change_provider(&name("büro SÜD"), &renamed)
                    .await
                    .unwrap()
            );
            assert!(transaction.remove_provider(&name("OLD")).await.unwrap());
            assert!(!transaction.remove_provider(&name("Old")).await.unwrap());
            transaction.commit().await.unwrap();
            assert_eq!(pool.providers().await.unwrap(), [renamed]);
            pool.close().await;
        });
    });
}

#[test]
fn what_is_taken_is_named_and_nothing_has_changed() {
    each_engine("taken", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            let mut transaction = pool.begin().await.unwrap();
            transaction.apply(&people(&["bob", "eve"])).await.unwrap();
            let old = provider("Old", "imap.old.example", "old.example");
            transaction.add_provider(&old).await.unwrap();
            begin_migration(&mut transaction, "bob", "old", 1).await.unwrap();
            transaction.commit().await.unwrap();

            let same_name = provider("OLD", "other.example", "other.example");
            let same_domain = provider("Other", "other.example", "old.example");
            for (provider, says) in [
                (same_name, ["provider", "OLD"]),
                (same_domain, ["provider_domain", "old.example"]),
            ] {
                let mut transaction = pool.begin().await.unwrap();
                let error = transaction.add_provider(&provider).await.unwrap_err();
                assert!(matches!(error, DirectoryError::Contradiction { .. }), "{error}");
                assert!(
                    says.iter().all(|word| error.to_string().contains(word)),
                    "{error}"
                );
            }
            for (local, from, what) in [
                ("bob", "Old", "twice"),
                ("eve", "Nobody", "no provider"),
                ("ann", "Old", "no account"),
            ] {
                let mut transaction = pool.begin().await.unwrap();
                let error = begin_migration(&mut transaction, local, from, 1)
                    .await
                    .unwrap_err();
                assert!(
                    matches!(error, DirectoryError::Contradiction { .. }),
                    "{what}: {error}"
                );
            }
            let mut transaction = pool.begin().await.unwrap();
            let error = transaction.remove_provider(&name("Old")).await.unwrap_err();
            assert!(
                matches!(error, DirectoryError::Contradiction { .. }),
                "it has a migration: {error}"
            );
            drop(transaction);
            assert_eq!(pool.providers().await.unwrap(), [old]);
            assert_eq!(pool.migrations(&Filter::default()).await.unwrap().len(), 1);
            pool.close().await;
        });
    });
}

#[test]
fn an_admission_is_one_transaction_and_is_found_by_every_name() {
    each_engine("admission", |place| {
        let folder = tempfile::tempdir().unwrap();
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            let sealer = Sealer::open(&folder.path().join("key")).unwrap();
            let mut transaction = pool.begin().await.unwrap();
            transaction
                .add_provider(&provider("Old", "imap.old.example", "old.example"))
                .await
                .unwrap();
            transaction.commit().await.unwrap();

            let (bob, old) = (address("bob@a.example"), address("bob@old.example"));
            for is_committed in [false, true] {
                let mut transaction = pool.begin().await.unwrap();
                assert_eq!(transaction.domain(&domain("a.example")).await.unwrap(), None);
                transaction.apply(&people(&["bob"])).await.unwrap();
                let id = begin_migration(&mut transaction, "bob", "old", 50).await.unwrap();
                let kept = CredentialFor::OldAddress(&old).seal(&sealer, b"geheim").unwrap();
                // I10: no secret in Debug, not even a sealed one.
                assert!(!format!("{kept:?}").contains(|letter: char| letter.is_ascii_digit()));
                let owner = CredentialOwner::Migration(id);
                transaction.set_credential(owner, &kept, 50).await.unwrap();
                assert!(transaction.migration(id).await.unwrap().is_some());
                if is_committed {
                    transaction.commit().await.unwrap();
                }
                // Nobody sees what is not committed.
                assert_eq!(pool.owner(&bob).await.unwrap().is_some(), is_committed);
            }
            let login = Login::from(&bob);
            let account = pool.account(&login).await.unwrap().unwrap();
            assert_eq!(account.mailbox.unwrap().address, bob);
            assert_eq!(
                pool.account(&Login::parse("nobody").unwrap()).await.unwrap(),
                None
            );
            assert_eq!(pool.owner(&bob).await.unwrap(), Some(login.clone()));
            assert!(
                pool.domain(&domain("a.example"))
                    .await
                    .unwrap()
                    .unwrap()
                    .is_local()
            );
            assert_eq!(pool.domain_alias(&domain("a.example")).await.unwrap(), None);
            assert!(!pool.has_alias(&bob).await.unwrap());
            assert_eq!(pool.folder(&bob).await.unwrap().as_deref(), Some("a.example/bob"));

            let record = pool.migration_of(&login).await.unwrap().unwrap();
            assert_eq!(pool.migration_from(&old).await.unwrap().as_ref(), Some(&record));
            let migration = &record.migration;
            assert_eq!(
                pool.migration(migration.id).await.unwrap().as_ref(),
                Some(&record)
            );
            assert_eq!(
                (migration.phase, &migration.hold, migration.created),
                (Phase::Pending, &None, 50)
            );
            assert_eq!(
                (migration.provider.as_str(), record.due, &record.leased),
                ("Old", 50, &None)
            );
            let owner = CredentialOwner::Migration(migration.id);
            let kept = pool.credential(owner).await.unwrap().unwrap();
            assert_eq!(
                CredentialFor::OldAddress(&old).unseal(&sealer, &kept).unwrap(),
                b"geheim"
            );
            assert!(
                CredentialFor::OldAddress(&bob).unseal(&sealer, &kept).is_err(),
                "for another"
            );

            // Learnt anew.
            let mut transaction = pool.begin().await.unwrap();
            let kept = CredentialFor::OldAddress(&old).seal(&sealer, b"neu").unwrap();
            transaction.set_credential(owner, &kept, 60).await.unwrap();
            transaction.commit().await.unwrap();
            let kept = pool.credential(owner).await.unwrap().unwrap();
            assert_eq!(
                CredentialFor::OldAddress(&old).unseal(&sealer, &kept).unwrap(),
                b"neu"
            );

            pool.close().await;
        });
    });
}

#[test]
fn accounts_are_changed_and_take_with_them_what_they_had() {
    each_engine("accounts", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            let mut transaction = pool.begin().await.unwrap();
            transaction
                .add_provider(&provider("Old", "imap.old.example", "old.example"))
                .await
                .unwrap();
            transaction.apply(&people(&["bob"])).await.unwrap();
            let id = begin_migration(&mut transaction, "bob", "Old", 1).await.unwrap();
            transaction.commit().await.unwrap();
            let (bob, owner) = (address("bob@a.example"), CredentialOwner::Migration(id));
            let login = Login::from(&bob);

            // A disabled account has no folder.
            let mut transaction = pool.begin().await.unwrap();
            assert!(transaction.set_enabled(&login, false).await.unwrap());
            let stored = StoredPassword::from_stored("{PLAIN}x").unwrap();
            assert!(transaction.set_password(&login, &stored).await.unwrap());
            assert!(
                !transaction
                    .set_password(&Login::parse("nobody").unwrap(), &stored)
                    .await
                    .unwrap()
            );
            transaction.commit().await.unwrap();
            assert_eq!(pool.folder(&bob).await.unwrap(), None);
            let account = pool.account(&login).await.unwrap().unwrap();
            assert_eq!((account.enabled, account.password), (false, Some(stored)));

            // With the account goes what it had.
            let mut transaction = pool.begin().await.unwrap();
            let account = transaction.account(&login).await.unwrap().unwrap();
            transaction.remove_account(&account).await.unwrap();
            let content = transaction.domain_content(&domain("a.example")).await.unwrap();
            assert_eq!(content.mailboxes, 0);
            assert!(transaction.remove_domain(&domain("a.example")).await.unwrap());
            transaction.commit().await.unwrap();
            assert_eq!(pool.migration_of(&login).await.unwrap(), None);
            assert_eq!(pool.credential(owner).await.unwrap(), None);
            pool.close().await;
        });
    });
}

#[test]
fn what_happens_to_a_migration_is_kept() {
    each_engine("happen", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            let mut transaction = pool.begin().await.unwrap();
            transaction.apply(&people(&["ann", "bob_"])).await.unwrap();
            transaction
                .add_provider(&provider("Old", "imap.old.example", "old.example"))
                .await
                .unwrap();
            let ann = begin_migration(&mut transaction, "ann", "Old", 10).await.unwrap();
            let bob = begin_migration(&mut transaction, "bob_", "Old", 10)
                .await
                .unwrap();
            transaction.commit().await.unwrap();

            let pause = Event::Pause {
                by: "root".to_owned(),
            };
            let paused = pool.happen(ann, pause, 20).await.unwrap();
            assert_eq!(
                paused.hold,
                Some(Hold::Paused {
                    by: "root".to_owned()
                })
            );
            let refused = pool.happen(ann, Event::Retry, 20).await.unwrap_err();
            assert!(
                matches!(&refused, TransitionError::Invalid(invalid) if invalid.why == Why::Paused),
                "{refused}"
            );
            let record = pool.migration(ann).await.unwrap().unwrap();
            assert_eq!((&record.migration, record.due), (&paused, 10));
            pool.happen(ann, Event::Resume, 30).await.unwrap();
            assert_eq!(pool.migration(ann).await.unwrap().unwrap().due, 30, "soon");

            pool.happen(bob, Event::PassBegan, 30).await.unwrap();
            let seeded = pool.happen(bob, complete(33), 33).await.unwrap();
            assert_eq!((seeded.phase, seeded.seeded), (Phase::Following, Some(33)));
            pool.happen(bob, Event::Held(Hold::TargetFull), 33).await.unwrap();

            let cancelled = pool.happen(bob, Event::Cancel, 40).await.unwrap();
            assert_eq!((cancelled.phase, cancelled.hold), (Phase::Cancelled, None));
            let mut transaction = pool.begin().await.unwrap();
            assert!(transaction.delete_migration(bob).await.unwrap());
            assert!(!transaction.delete_migration(bob).await.unwrap());
            transaction.commit().await.unwrap();
            let unknown = pool.happen(bob, Event::Retry, 50).await.unwrap_err();
            assert!(matches!(unknown, TransitionError::Unknown(_)), "{unknown}");
            pool.close().await;
        });
    });
}

#[test]
fn filters_find_migrations() {
    each_engine("filters", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            let mut transaction = pool.begin().await.unwrap();
            transaction
                .apply(&people(&["ann", "bob_", "bobx"]))
                .await
                .unwrap();
            let old = provider("Old", "imap.old.example", "old.example");
            transaction.add_provider(&old).await.unwrap();
            for name in ["ann", "bob_", "bobx"] {
                let id = begin_migration(&mut transaction, name, "Old", 10).await.unwrap();
                if name == "bob_" {
                    transaction.happen(id, Event::PassBegan, 30).await.unwrap();
                    let full = Event::Held(Hold::TargetFull);
                    transaction.happen(id, full, 30).await.unwrap();
                }
            }
            transaction.commit().await.unwrap();
            for (filter, names) in filters() {
                let records = pool.migrations(&filter).await.unwrap();
                let found: Vec<&str> = records
                    .iter()
                    .map(|record| record.migration.address.local())
                    .collect();
                assert_eq!(found.join(" "), names, "{filter:?}");
            }
            pool.close().await;
        });
    });
}

fn filters() -> Vec<(Filter, &'static str)> {
    let text = |text: &str| Filter {
        text: Some(text.to_owned()),
        ..Filter::default()
    };
    let from = |text| Filter {
        provider: Some(name(text)),
        ..Filter::default()
    };
    let held = |held| Filter {
        held: Some(held),
        ..Filter::default()
    };
    let seeding = Filter {
        phase: Some(Phase::Seeding),
        ..Filter::default()
    };
    let page = Filter {
        after: Some(address("ann@a.example")),
        most: Some(1),
        ..Filter::default()
    };
    vec![
        (Filter::default(), "ann bob_ bobx"),
        (seeding, "bob_"),
        (held(true), "bob_"),
        (held(false), "ann bobx"),
        (from("OLD"), "ann bob_ bobx"),
        (from("New"), ""),
        (text("BOB_@"), "bob_"),
        (text("x@old.example"), "bobx"),
        (text("x@a.example"), "bobx"),
        (text("%"), ""),
        (page, "bob_"),
    ]
}
