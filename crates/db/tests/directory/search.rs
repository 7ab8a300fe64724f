//! Found among many: within a scope, a page at a time, in both engines; and what the console keeps.

use std::collections::BTreeSet;

use transhume_db::directory::{
    AccountSearch, AliasSearch, AuditSearch, DirectoryPool, DomainSearch, MigrationSearch, MigrationSort,
    NewAudit, NewMigration, NewSignIn, Paging,
};
use transhume_model::directory::{
    Account, Alias, AliasAddress, Domain, DomainAlias, Entry, HostName, Login, Mailbox, Provider, Recipient,
    Role, StoredPassword,
};
use transhume_model::migration::{Event, Hold, MigrationId, Phase, Progress, Share};
use transhume_model::plan::directory::Change;
use transhume_model::rights::Scope;

use crate::migrations::{address, domain, name};
use crate::places::{each_engine, wait};

/// Domains `a.example` and `b.example`, each with accounts, aliases, another name, and migrations from `old-…`; the first
/// one of each domain administers it.
async fn fill(pool: &DirectoryPool, people: usize) -> Vec<MigrationId> {
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
fn numbers_of_a_providers_domains_stay() {
    each_engine("numbers", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            fill(&pool, 1).await;
            let before = pool.providers_within(&Scope::All).await.unwrap().remove(0);
            let mut changed = before.provider.clone();
            changed.name = name("Renamed");
            changed.domains.remove(&domain("older-a.example"));
            changed.domains.insert(domain("third.example"), None);
            changed.domains.insert(domain("old-a.example"), None);
            let mut transaction = pool.begin().await.unwrap();
            assert!(
                transaction
                    .change_provider(&before.provider.name, &changed)
                    .await
                    .unwrap()
            );
            transaction.commit().await.unwrap();
            let after = pool
                .provider_within(&Scope::All, before.id)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(after.provider, changed);
            let old = domain("old-a.example");
            assert_eq!(after.domain_ids[&old], before.domain_ids[&old]);
            assert_eq!((after.domain_ids.len(), after.migrations), (2, 1));
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
fn the_console_keeps_who_signed_in_tokens_and_who_did_what() {
    each_engine("kept", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            fill(&pool, 2).await;
            let login = Login::parse("p0001@a.example").unwrap();
            assert!(!pool.has_super_admin().await.unwrap());
            let digest = |letter: char| letter.to_string().repeat(64);
            let mut transaction = pool.begin().await.unwrap();
            let sign_in = |digest, begun, ends| NewSignIn {
                digest,
                login: &login,
                begun,
                ends,
                network: Some("192.0.2.1"),
            };
            let (a, b, c) = (digest('a'), digest('b'), digest('c'));
            transaction.add_sign_in(sign_in(&a, 1, 5)).await.unwrap();
            transaction.add_sign_in(sign_in(&b, 2, 50)).await.unwrap();
            // Whoever has to sign in again is forgotten when the next one does.
            transaction.add_sign_in(sign_in(&c, 5, 50)).await.unwrap();
            let token = transaction
                .add_token(&digest('d'), &login, "für Skripte", 7)
                .await
                .unwrap();
            for (at, did) in [(1, "paused"), (2, "resumed")] {
                let new = NewAudit {
                    at,
                    login: "Boss",
                    network: None,
                    did,
                    what: "x\0y",
                    details: "",
                };
                transaction.note(new).await.unwrap();
            }
            transaction.commit().await.unwrap();
            assert_eq!(pool.sign_in(&a).await.unwrap(), None);
            pool.use_sign_in(&b, 9).await.unwrap();
            assert_eq!(pool.sign_in(&b).await.unwrap().unwrap().used, 9);
            let mut transaction = pool.begin().await.unwrap();
            transaction.remove_sign_ins(&login, Some(&c)).await.unwrap();
            assert!(
                !transaction
                    .remove_token(&Login::parse("p0000@a.example").unwrap(), token)
                    .await
                    .unwrap()
            );
            transaction.commit().await.unwrap();
            assert_eq!(pool.sign_in(&b).await.unwrap(), None);
            assert!(pool.remove_sign_in(&c).await.unwrap() && !pool.remove_sign_in(&c).await.unwrap());

            pool.use_token(token, 8).await.unwrap();
            let found = pool.token(&digest('d')).await.unwrap().unwrap();
            assert_eq!(
                (found.login.clone(), found.used, found.label.as_str()),
                (login.clone(), Some(8), "für Skripte")
            );
            assert_eq!(pool.tokens_of(&login).await.unwrap(), [found]);

            for (text, did, total) in [
                (None, None, 2),
                (Some("boss"), None, 2),
                (Some("z"), None, 0),
                (None, Some("paused"), 1),
            ] {
                let search = AuditSearch {
                    text: text.map(str::to_owned),
                    did: did.map(str::to_owned),
                };
                let found = pool.search_audit(&search, Paging::first(1)).await.unwrap();
                assert_eq!(found.total, total, "{search:?}");
            }
            // An account takes its tokens with it.
            let account = pool.account(&login).await.unwrap().unwrap();
            let mut transaction = pool.begin().await.unwrap();
            transaction.remove_account(&account).await.unwrap();
            transaction.commit().await.unwrap();
            assert_eq!(pool.token(&digest('d')).await.unwrap(), None);
            pool.close().await;
        });
    });
}

#[test]
fn what_is_changed_is_read_again_and_nothing_else_has_changed() {
    each_engine("changed", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            fill(&pool, 2).await;
            let mut expected = pool.read().await.unwrap();
            let login = Login::parse("p0001@a.example").unwrap();
            let account = expected.accounts.get_mut(&login).unwrap();
            account.first_name = "Ümit".to_owned();
            account.role = Role::Resellers;
            account.enabled = false;
            account.administers = BTreeSet::from([domain("b.example"), domain("a.example")]);
            account.mailbox.as_mut().unwrap().keeps_copy = false;
            account.mailbox.as_mut().unwrap().quota = transhume_model::directory::Quota::Unlimited;
            let account = account.clone();
            let changed_domain = expected.domains.get_mut(&domain("a.example")).unwrap();
            changed_domain.quota = Some(1 << 30);
            changed_domain.description = "x".to_owned();
            let changed_domain = changed_domain.clone();
            let other_name = expected
                .domain_aliases
                .get_mut(&domain("also-a.example"))
                .unwrap();
            other_name.target = domain("b.example");
            other_name.enabled = false;
            let other_name = other_name.clone();
            let alias_address = AliasAddress::parse("alias0000@a.example").unwrap();
            let alias = expected.aliases.get_mut(&alias_address).unwrap();
            alias.recipients = [
                Recipient::parse("x@else.example").unwrap(),
                Recipient::parse("p0001@a.example").unwrap(),
            ]
            .into();
            alias.enabled = false;
            let alias = alias.clone();
            let gone = AliasAddress::parse("alias0001@a.example").unwrap();
            expected.aliases.remove(&gone);
            expected.domain_aliases.remove(&domain("also-b.example"));

            let mut transaction = pool.begin().await.unwrap();
            assert!(transaction.change_account(&account).await.unwrap());
            assert!(transaction.change_domain(&changed_domain).await.unwrap());
            assert!(transaction.change_domain_alias(&other_name).await.unwrap());
            assert!(transaction.change_alias(&alias).await.unwrap());
            assert_eq!(transaction.alias(&alias_address).await.unwrap(), Some(alias));
            assert!(transaction.remove_alias(&gone).await.unwrap());
            assert!(!transaction.remove_alias(&gone).await.unwrap());
            assert!(
                transaction
                    .remove_domain_alias(&domain("also-b.example"))
                    .await
                    .unwrap()
            );
            let nobody = Account::new(Login::parse("nobody").unwrap());
            assert!(!transaction.change_account(&nobody).await.unwrap());
            transaction.commit().await.unwrap();
            assert_eq!(pool.read().await.unwrap(), expected);

            let mut transaction = pool.begin().await.unwrap();
            let boss = Account {
                role: Role::SuperAdmins,
                password: StoredPassword::from_stored("{PLAIN}x"),
                ..Account::new(Login::parse("boss").unwrap())
            };
            transaction
                .apply(&[Change::Add(Entry::Account(Box::new(boss)))])
                .await
                .unwrap();
            assert!(transaction.has_super_admin().await.unwrap());
            drop(transaction);
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
