//! Found among many: within a scope, a page at a time, in both engines.

use std::collections::BTreeSet;

use transhume_db::directory::{
    AccountSearch, AliasSearch, DirectoryPool, DomainSearch, MigrationSearch, MigrationSort, NewMigration,
    Paging,
};
use transhume_model::directory::{
    Account, Alias, AliasAddress, Domain, DomainAlias, Entry, HostName, Login, Mailbox, Provider, Recipient,
    Role,
};
use transhume_model::migration::{Event, Hold, MigrationId, Phase, Progress, Share};
use transhume_model::plan::directory::Change;
use transhume_model::rights::Scope;

use crate::migrations::{address, domain, name};
use crate::places::{each_engine, wait};

/// Domains `a.example` and `b.example`, each with accounts, aliases, another name, and migrations from `old-…`; the first
/// one of each domain administers it.
pub(crate) async fn fill(pool: &DirectoryPool, people: usize) -> Vec<MigrationId> {
    let mut transaction = pool.begin().await.unwrap();
    let mut ids = Vec::new();
    for place in ["a.example", "b.example"] {
        let mut entries = vec![
            Entry::Domain(Domain::local(domain(place))),
            Entry::DomainAlias(DomainAlias {
                name: domain(&format!("also-{place}")),
                target: domain(place),
                enabled: true,
                description: String::new(),
            }),
        ];
        for person in 0..people {
            let address = address(&format!("p{person:04}@{place}"));
            entries.push(Entry::Account(Box::new(Account {
                role: if person == 0 {
                    Role::DomainAdmins
                } else {
                    Role::SimpleUsers
                },
                administers: (person == 0).then(|| domain(place)).into_iter().collect(),
                first_name: "Zoë".to_owned(),
                mailbox: Some(Mailbox::new(address.clone())),
                ..Account::new(Login::from(&address))
            })));
            entries.push(Entry::Alias(Alias {
                address: AliasAddress::parse(&format!("alias{person:04}@{place}")).unwrap(),
                recipients: [Recipient::parse(address.as_str()).unwrap()].into(),
                enabled: person % 2 == 0,
                description: String::new(),
                created: None,
            }));
        }
        let changes: Vec<Change> = entries.into_iter().map(Change::Add).collect();
        transaction.apply(&changes).await.unwrap();
        let provider = Provider {
            domains: [
                (domain(&format!("old-{place}")), Some(domain(place))),
                (domain(&format!("older-{place}")), None),
            ]
            .into(),
            ..Provider::new(
                name(&format!("From {place}")),
                HostName::parse("imap.example").unwrap(),
            )
        };
        transaction.add_provider(&provider).await.unwrap();
        for person in 0..people {
            let address_here = address(&format!("p{person:04}@{place}"));
            let new = NewMigration {
                login: &Login::from(&address_here),
                address: &address_here,
                old_address: &address(&format!("q{:04}@old-{place}", people - person)),
                provider: &provider.name,
                created: i64::try_from(person).unwrap(),
            };
            ids.push(transaction.add_migration(new).await.unwrap());
        }
    }
    transaction.commit().await.unwrap();
    ids
}

fn within(place: &str) -> Scope {
    Scope::Domains(BTreeSet::from([domain(place)]))
}

fn nowhere() -> Scope {
    Scope::Domains(BTreeSet::new())
}

/// Who searches for what, and how many there are.
fn searches() -> Vec<(Scope, MigrationSearch, u64)> {
    let all = || MigrationSearch::default();
    let text = |text: &str| MigrationSearch {
        text: Some(text.to_owned()),
        ..all()
    };
    let own = Scope::Own(Login::parse("p0007@b.example").unwrap());
    vec![
        (Scope::All, all(), 60),
        (within("a.example"), all(), 30),
        (nowhere(), all(), 0),
        (own.clone(), all(), 1),
        (Scope::All, text(" P0007@ "), 2),
        (Scope::All, text("q0001@OLD-a"), 1),
        (Scope::All, text("100%_"), 0),
        (own, text("p0008"), 0),
        (within("b.example"), text("q0001@"), 1),
        (
            Scope::All,
            MigrationSearch {
                phase: Some(Phase::Cancelled),
                ..all()
            },
            1,
        ),
        (
            Scope::All,
            MigrationSearch {
                held: Some(true),
                ..all()
            },
            2,
        ),
        (
            within("a.example"),
            MigrationSearch {
                held: Some(true),
                ..all()
            },
            1,
        ),
        (
            Scope::All,
            MigrationSearch {
                hold: Some("target-full".to_owned()),
                ..all()
            },
            1,
        ),
        (
            Scope::All,
            MigrationSearch {
                failing: true,
                ..all()
            },
            0,
        ),
        (
            Scope::All,
            MigrationSearch {
                provider: Some(name("FROM a.example")),
                ..all()
            },
            30,
        ),
        (
            within("b.example"),
            MigrationSearch {
                domain: Some(domain("a.example")),
                ..all()
            },
            0,
        ),
        (
            Scope::All,
            MigrationSearch {
                domain: Some(domain("a.example")),
                ..text("p001")
            },
            10,
        ),
    ]
}

#[test]
fn migrations_are_found_a_page_at_a_time_within_a_scope() {
    each_engine("searched", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            let ids = fill(&pool, 30).await;
            let paused = Event::Pause { by: "x".to_owned() };
            pool.happen(ids[3], paused, 1).await.unwrap();
            pool.happen(ids[4], Event::Cancel, 1).await.unwrap();
            pool.happen(ids[35], Event::Held(Hold::TargetFull), 1)
                .await
                .unwrap();
            for (scope, search, total) in searches() {
                let found = pool
                    .search_migrations(&scope, &search, Paging::first(7))
                    .await
                    .unwrap();
                assert_eq!(found.total, total, "{scope:?} {search:?}");
                assert_eq!(found.rows.len() as u64, total.min(7), "{scope:?} {search:?}");
                let ids = pool.migration_ids(&scope, &search).await.unwrap();
                assert_eq!(ids.len() as u64, total, "{scope:?} {search:?}");
            }
            // Every order has each of them once, over all pages.
            for sort in MigrationSort::ALL {
                for descending in [false, true] {
                    let search = MigrationSearch {
                        sort,
                        descending,
                        ..MigrationSearch::default()
                    };
                    let mut seen = Vec::new();
                    for page in 1..=10 {
                        let paging = Paging { page, size: 7 };
                        let found = pool
                            .search_migrations(&Scope::All, &search, paging)
                            .await
                            .unwrap();
                        seen.extend(found.rows.into_iter().map(|row| row.record.migration.id));
                    }
                    assert_eq!(
                        seen,
                        pool.migration_ids(&Scope::All, &search).await.unwrap(),
                        "{sort:?}"
                    );
                    assert_eq!(BTreeSet::from_iter(seen).len(), 60, "{sort:?}");
                }
            }
            // What is somebody else's is not there.
            let row = pool
                .migration_within(&within("a.example"), ids[5])
                .await
                .unwrap()
                .unwrap();
            let login = row.record.migration.login.clone();
            assert_eq!(Some(row.account_id), pool.account_id(&login).await.unwrap());
            let account = pool
                .account_within(&Scope::All, row.account_id)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(
                (account.mailbox_id, account.migration),
                (Some(row.mailbox_id), Some(ids[5]))
            );
            assert_eq!(
                pool.migration_within(&within("b.example"), ids[5]).await.unwrap(),
                None
            );

            let overview = pool.overview(&Scope::All, 1).await.unwrap();
            assert_eq!((overview.total, overview.phases[&Phase::Pending]), (60, 59));
            assert_eq!(overview.holds.get("paused"), Some(&1));
            let part = pool.overview(&within("b.example"), 1).await.unwrap();
            assert_eq!((part.total, part.holds.len()), (30, 1));
            assert_eq!(pool.overview(&nowhere(), 1).await.unwrap().total, 0);
            pool.close().await;
        });
    });
}

#[test]
fn the_directory_is_found_a_page_at_a_time_within_a_scope() {
    each_engine("found", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            fill(&pool, 12).await;
            let (a, all) = (within("a.example"), Scope::All);
            let own = Scope::Own(Login::parse("p0001@a.example").unwrap());
            let two = Paging { page: 2, size: 5 };
            for (scope, search, total, first) in [
                (&all, AccountSearch::default(), 24, Some("p0002@b.example")),
                (&a, AccountSearch::default(), 12, Some("p0005@a.example")),
                (&own, AccountSearch::default(), 1, None),
                (
                    &all,
                    AccountSearch {
                        role: Some(Role::DomainAdmins),
                        ..AccountSearch::default()
                    },
                    2,
                    None,
                ),
                (
                    &all,
                    AccountSearch {
                        text: Some("zo".to_owned()),
                        ..AccountSearch::default()
                    },
                    24,
                    Some("p0002@b.example"),
                ),
                (
                    &a,
                    AccountSearch {
                        domain: Some(domain("b.example")),
                        ..AccountSearch::default()
                    },
                    0,
                    None,
                ),
                (
                    &all,
                    AccountSearch {
                        enabled: Some(false),
                        ..AccountSearch::default()
                    },
                    0,
                    None,
                ),
            ] {
                let found = pool.search_accounts(scope, &search, two).await.unwrap();
                assert_eq!(found.total, total, "{search:?}");
                let login = found.rows.first().map(|row| row.account.login.as_str());
                assert_eq!(login, first, "{search:?}");
                // What is found is what is there.
                for row in &found.rows {
                    let there = pool.account(&row.account.login).await.unwrap();
                    assert_eq!(there.as_ref(), Some(&row.account));
                    let again = pool.account_within(scope, row.id).await.unwrap();
                    assert_eq!(again.as_ref(), Some(row));
                }
            }
            pool.close().await;
        });
    });
}

#[test]
fn domains_aliases_and_providers_are_found_within_a_scope() {
    each_engine("others", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            fill(&pool, 12).await;
            let (a, all) = (within("a.example"), Scope::All);
            let own = Scope::Own(Login::parse("p0001@a.example").unwrap());
            let domains = pool
                .search_domains(&all, &DomainSearch::default(), Paging::ALL)
                .await
                .unwrap();
            assert_eq!(domains.total, 2);
            let counted: Vec<_> = domains
                .rows
                .iter()
                .map(|row| (row.mailboxes, row.aliases, row.other_names))
                .collect();
            assert_eq!(counted, [(12, 12, 1); 2]);
            let foreign = domains.rows[1].id;
            assert!(pool.domain_within(&all, foreign).await.unwrap().is_some());
            assert!(pool.domain_within(&a, foreign).await.unwrap().is_none());
            let names = pool
                .search_domain_aliases(&a, Some("also"), Paging::ALL)
                .await
                .unwrap();
            assert_eq!(
                (names.total, names.rows[0].entry.name.as_str()),
                (1, "also-a.example")
            );

            let by_recipient = AliasSearch {
                text: Some("p0003@a".to_owned()),
                ..AliasSearch::default()
            };
            for (scope, search, total) in [
                (&all, AliasSearch::default(), 24),
                (&a, AliasSearch::default(), 12),
                (&own, AliasSearch::default(), 0),
                (
                    &all,
                    AliasSearch {
                        enabled: Some(true),
                        ..AliasSearch::default()
                    },
                    12,
                ),
                (&all, by_recipient, 1),
                (
                    &a,
                    AliasSearch {
                        text: Some("alias0003".to_owned()),
                        ..AliasSearch::default()
                    },
                    1,
                ),
            ] {
                let found = pool
                    .search_aliases(scope, &search, Paging::first(5))
                    .await
                    .unwrap();
                assert_eq!(found.total, total, "{search:?}");
                for row in &found.rows {
                    assert_eq!(row.entry.recipients.len(), 1);
                    let again = pool.alias_within(scope, row.id).await.unwrap();
                    assert_eq!(again.as_ref(), Some(row));
                }
            }
            let providers = pool.providers_within(&a).await.unwrap();
            assert_eq!(providers.len(), 1);
            assert_eq!((providers[0].migrations, providers[0].domain_ids.len()), (12, 2));
            assert_eq!(pool.providers_within(&own).await.unwrap(), []);
            pool.close().await;
        });
    });
}

#[test]
fn whoever_watches_sees_each_change_and_how_fast_mail_comes() {
    each_engine("watched", |place| {
        let at = place.fresh();
        let octets = |done| Progress {
            octets: Share {
                done,
                all: Some(10_000_000),
            },
            ..Progress::default()
        };
        let (leased, ids) = wait(async {
            let pool = DirectoryPool::open(&at).await.unwrap();
            let ids = fill(&pool, 3).await;
            let newest = pool.newest_change().await.unwrap();
            assert!(newest > 1_600_000_000_000, "{newest}");
            pool.happen(ids[1], Event::Pause { by: "x".to_owned() }, 1)
                .await
                .unwrap();
            let changed = pool.changed_since(newest, 100).await.unwrap();
            assert_eq!(changed.last().unwrap().migration.id, ids[1]);
            let last = changed.last().unwrap().changed;
            assert!(last >= newest && pool.newest_change().await.unwrap() == last);

            let leased = pool.lease_due("w", 10, 20, 1).await.unwrap().remove(0);
            pool.note_progress(leased.lease, &octets(1000)).await.unwrap();
            pool.close().await;
            (leased, ids)
        });
        // As if that had been two seconds ago.
        place.sql("UPDATE migration SET noted = noted - 2000, rate = NULL");
        wait(async {
            let pool = DirectoryPool::open(&at).await.unwrap();
            pool.note_progress(leased.lease, &octets(401_000)).await.unwrap();
            let id = leased.migration.id;
            let record = pool.migration(id).await.unwrap().unwrap();
            let rate = record.rate.unwrap();
            assert!((150_000..=200_000).contains(&rate), "{rate}");
            assert_eq!(record.eta(), Some(9_599_000_u64.div_ceil(rate)));
            let overview = pool.overview(&Scope::All, 15).await.unwrap();
            assert_eq!((overview.running, overview.rate), (1, rate));
            let wanted = BTreeSet::from([id, ids[2], MigrationId(999)]);
            assert_eq!(pool.migrations_of(&wanted).await.unwrap().len(), wanted.len() - 1);
            pool.close().await;
        });
    });
}

#[test]
fn what_the_watcher_asks_every_second_reads_no_whole_table() {
    each_engine("plans", |place| {
        let at = place.fresh();
        wait(async {
            let pool = DirectoryPool::open(&at).await.unwrap();
            fill(&pool, 2).await;
            pool.close().await;
        });
        for (query, index) in [
            (
                "SELECT id FROM migration WHERE changed >= 5 ORDER BY changed, id LIMIT 9",
                "migration_changed",
            ),
            ("SELECT max(changed) FROM migration", "migration_changed"),
            ("SELECT octets FROM pass WHERE ended > 5", "pass_ended"),
            ("SELECT login FROM sign_in WHERE digest = 'x'", "sign_in"),
            ("SELECT login FROM token WHERE digest = 'x'", "token"),
            ("SELECT id FROM token WHERE login = 'x'", "token_login"),
        ] {
            let plan = place.plan(query);
            assert!(plan.contains(index), "{query}\n{plan}");
        }
    });
}
