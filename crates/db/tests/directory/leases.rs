//! Leases: who has a migration, until when, and what is refused to whoever has it no longer.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use transhume_db::directory::{DirectoryLocation, DirectoryPool, HandBack, Lease, LeaseError, Leased};
use transhume_model::directory::{Login, Provider, Settings};
use transhume_model::migration::{Event, Hold, MigrationId, PassOutcome, PassReport, Phase, Progress, Share};

use crate::migrations::{address, begin_migration, complete, name, people, provider};
use crate::places::{each_engine, wait};

const NAMES: [&str; 6] = ["ann", "bob", "cat", "dan", "eve", "fay"];

/// A directory with so many migrations from a provider that takes `connections`, and their numbers.
pub(crate) async fn directory(
    at: &DirectoryLocation,
    names: &[&str],
    connections: u32,
) -> (DirectoryPool, Vec<MigrationId>) {
    let pool = DirectoryPool::open(at).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    transaction.apply(&people(names)).await.unwrap();
    let old = Provider {
        connections: NonZeroU32::new(connections).unwrap(),
        ..provider("Old", "imap.old.example", "old.example")
    };
    transaction.add_provider(&old).await.unwrap();
    let settings = Settings {
        jobs: NonZeroU32::new(100).unwrap(),
        ..Settings::default()
    };
    transaction.set_settings(&settings).await.unwrap();
    let mut ids = Vec::new();
    for (name, created) in names.iter().zip(10..) {
        ids.push(
            begin_migration(&mut transaction, name, "Old", created)
                .await
                .unwrap(),
        );
    }
    transaction.commit().await.unwrap();
    (pool, ids)
}

fn numbers(leased: &[Leased]) -> Vec<MigrationId> {
    leased.iter().map(|leased| leased.lease.migration).collect()
}

pub(crate) fn hand_back(events: Vec<Event>, due: i64, error: Option<&str>) -> HandBack {
    let outcome = if error.is_some() {
        PassOutcome::Failed
    } else {
        PassOutcome::Complete
    };
    HandBack {
        events,
        due,
        failures: u32::from(error.is_some()),
        pass: Some(PassReport {
            began: due - 60,
            ended: due - 50,
            outcome,
            messages: 2,
            octets: 300,
            error: error.map(str::to_owned),
        }),
    }
}

fn is_fenced_off<T: std::fmt::Debug>(answer: &Result<T, LeaseError>) -> bool {
    matches!(answer, Err(LeaseError::FencedOff))
}

// I11: two workers never hold one account.
#[test]
fn many_workers_at_once_lease_each_migration_once() {
    each_engine("leases", |place| {
        let at = place.fresh();
        wait(async {
            let (pool, ids) = directory(&at, &NAMES, 100).await;
            let others = [
                DirectoryPool::open(&at).await.unwrap(),
                DirectoryPool::open(&at).await.unwrap(),
            ];
            let lease = async |pool: &DirectoryPool, worker: &str| {
                let mut all = Vec::new();
                for _ in 0..4 {
                    all.extend(numbers(&pool.lease_due(worker, 100, 160, 1).await.unwrap()));
                }
                all
            };
            let (one, two, three) = tokio::join!(
                lease(&pool, "one"),
                lease(&others[0], "two"),
                lease(&others[1], "three")
            );
            let all: Vec<MigrationId> = [one, two, three].concat();
            let distinct: BTreeSet<MigrationId> = all.iter().copied().collect();
            assert_eq!((all.len(), distinct), (6, ids.into_iter().collect()));
            for pool in [&pool, &others[0], &others[1]] {
                assert!(pool.lease_due("four", 100, 160, 9).await.unwrap().is_empty());
                pool.close().await;
            }
        });
    });
}

#[test]
fn who_was_replaced_writes_nothing_any_more() {
    each_engine("fence", |place| {
        let at = place.fresh();
        wait(async {
            let (pool, ids) = directory(&at, &["ann"], 10).await;
            let first = pool.lease_due("one", 100, 160, 9).await.unwrap().remove(0);
            assert_eq!(
                (first.migration.phase, first.lease.migration),
                (Phase::Seeding, ids[0])
            );
            let record = pool.migration(ids[0]).await.unwrap().unwrap();
            assert_eq!(record.leased, Some(("one".to_owned(), 160)));

            let mine = first.lease;
            assert!(pool.holds(mine, 159).await.unwrap());
            assert!(!pool.holds(mine, 160).await.unwrap(), "it has run out");
            assert_eq!(pool.renew(mine, 200).await.unwrap().phase, Phase::Seeding);
            assert!(pool.holds(mine, 199).await.unwrap());
            assert!(pool.lease_due("two", 199, 260, 9).await.unwrap().is_empty());

            // The first worker stopped; the second takes over.
            let second = pool.lease_due("two", 200, 260, 9).await.unwrap().remove(0);
            assert_eq!(second.lease.epoch, mine.epoch + 1);
            let progress = Progress {
                octets: Share {
                    done: 5,
                    all: Some(9),
                },
                ..Progress::default()
            };
            let before = pool.migration(ids[0]).await.unwrap();
            assert!(!pool.holds(mine, 150).await.unwrap());
            assert!(is_fenced_off(&pool.renew(mine, 900).await));
            assert!(is_fenced_off(&pool.note_progress(mine, &progress).await));
            let complete = vec![complete(150)];
            assert!(is_fenced_off(
                &pool
                    .hand_back(mine, "one", hand_back(complete.clone(), 900, None))
                    .await
            ));
            assert_eq!(pool.migration(ids[0]).await.unwrap(), before);
            assert!(pool.passes(ids[0], 9).await.unwrap().is_empty());

            // What the second one says counts.
            let mine = second.lease;
            pool.note_progress(mine, &progress).await.unwrap();
            let migration = pool
                .hand_back(mine, "two", hand_back(complete, 900, None))
                .await
                .unwrap();
            assert_eq!((migration.phase, migration.seeded), (Phase::Following, Some(150)));
            let record = pool.migration(ids[0]).await.unwrap().unwrap();
            assert_eq!(
                (record.progress, record.due, record.leased),
                (progress, 900, None)
            );
            // Handed back is handed back.
            assert!(!pool.holds(mine, 210).await.unwrap());
            assert!(is_fenced_off(&pool.renew(mine, 900).await));
            assert!(is_fenced_off(
                &pool
                    .hand_back(mine, "two", hand_back(Vec::new(), 950, None))
                    .await
            ));

            // Whoever has what was deleted is fenced off, too.
            let third = pool.lease_due("three", 900, 960, 9).await.unwrap().remove(0);
            let mut transaction = pool.begin().await.unwrap();
            transaction.delete_migration(ids[0]).await.unwrap();
            transaction.commit().await.unwrap();
            assert!(is_fenced_off(&pool.renew(third.lease, 999).await));
            assert!(is_fenced_off(
                &pool
                    .hand_back(third.lease, "three", hand_back(Vec::new(), 999, None))
                    .await
            ));
            pool.close().await;
        });
    });
}

#[test]
fn providers_bear_so_many_and_switched_off_is_off() {
    each_engine("budget", |place| {
        let at = place.fresh();
        wait(async {
            let (pool, ids) = directory(&at, &NAMES, 4).await;
            let leased = pool.lease_due("one", 12, 60, 9).await.unwrap();
            assert_eq!(
                numbers(&leased),
                ids[..3],
                "those that are due, the longest first"
            );
            let leased = pool.lease_due("two", 100, 160, 9).await.unwrap();
            let taken = numbers(&leased);
            assert_eq!(taken.len(), 4, "so many the provider bears");
            assert!(
                taken.contains(&ids[0]),
                "what has run out is taken over, and counts no more"
            );
            assert!(taken.contains(&ids[3]), "and what is due now comes too");
            assert!(pool.lease_due("three", 100, 160, 9).await.unwrap().is_empty());

            // All end. From now on each is due, and none is large.
            for leased in leased {
                pool.hand_back(leased.lease, "two", hand_back(Vec::new(), 200, None))
                    .await
                    .unwrap();
            }
            let leasable = async || {
                let leased = pool.lease_due("four", 300, 360, 9).await.unwrap();
                for one in &leased {
                    pool.hand_back(one.lease, "four", hand_back(Vec::new(), 200, None))
                        .await
                        .unwrap();
                }
                leased.len()
            };
            assert_eq!(leasable().await, 4);
            let old = provider("Old", "imap.old.example", "old.example");
            let off = Provider {
                enabled: false,
                ..old.clone()
            };
            let change = async |provider: &Provider, settings: &Settings, enabled: bool| {
                let mut transaction = pool.begin().await.unwrap();
                transaction.change_provider(&name("Old"), provider).await.unwrap();
                transaction.set_settings(settings).await.unwrap();
                for name in NAMES {
                    let login = Login::from(&address(&format!("{name}@a.example")));
                    transaction.set_enabled(&login, enabled).await.unwrap();
                }
                transaction.commit().await.unwrap();
            };
            let on = Settings {
                jobs: NonZeroU32::new(5).unwrap(),
                ..Settings::default()
            };
            let no_migration = Settings {
                imap_migration: false,
                ..on.clone()
            };
            change(&off, &on, true).await;
            assert_eq!(leasable().await, 0, "the provider is disabled");
            change(&old, &no_migration, true).await;
            assert_eq!(leasable().await, 0, "migration is switched off");
            change(&old, &on, false).await;
            assert_eq!(leasable().await, 0, "the accounts are disabled");
            change(&old, &on, true).await;
            assert_eq!(leasable().await, 5, "so many jobs");
            pool.close().await;
        });
    });
}

#[test]
fn large_mailboxes_leave_room_for_the_others() {
    each_engine("large", |place| {
        let at = place.fresh();
        wait(async {
            let (pool, ids) = directory(&at, &NAMES, 4).await;
            // The first four are large.
            let leased = pool.lease_due("one", 100, 160, 4).await.unwrap();
            let again = |lease: Lease| async move { (lease, hand_back(Vec::new(), 100, None)) };
            let progress = Progress {
                octets: Share {
                    done: 0,
                    all: Some(100 << 30),
                },
                ..Progress::default()
            };
            for one in leased {
                pool.note_progress(one.lease, &progress).await.unwrap();
                let (lease, how) = again(one.lease).await;
                pool.hand_back(lease, "one", how).await.unwrap();
            }
            let leased = pool.lease_due("one", 100, 160, 9).await.unwrap();
            let numbers: BTreeSet<MigrationId> = numbers(&leased).into_iter().collect();
            // Four of the six are large: three of them at most, and the first of the others, though it came later.
            assert_eq!(numbers.len(), 4);
            assert!(numbers.contains(&ids[4]), "{numbers:?}");
            assert!(
                ids[..4].iter().filter(|id| numbers.contains(id)).count() <= 3,
                "{numbers:?}"
            );
            for one in leased
                .iter()
                .filter(|one| !ids[..4].contains(&one.lease.migration))
            {
                pool.hand_back(one.lease, "one", hand_back(Vec::new(), 500, None))
                    .await
                    .unwrap();
            }
            // What they left is the next one's.
            let more = pool.lease_due("two", 100, 160, 9).await.unwrap();
            assert_eq!(more.len(), 1);
            pool.close().await;
        });
    });
}

#[test]
fn what_a_person_did_meanwhile_stays() {
    each_engine("meanwhile", |place| {
        let at = place.fresh();
        wait(async {
            let (pool, ids) = directory(&at, &["ann", "bob", "cat"], 10).await;
            let leased = pool.lease_due("one", 100, 160, 9).await.unwrap();
            let pause = Event::Pause {
                by: "root".to_owned(),
            };
            pool.happen(ids[0], pause, 110).await.unwrap();
            pool.happen(ids[1], Event::Cancel, 110).await.unwrap();
            pool.happen(ids[2], Event::Retry, 110).await.unwrap();
            assert!(matches!(
                pool.renew(leased[0].lease, 170).await.unwrap().hold,
                Some(Hold::Paused { .. })
            ));

            let mut after = Vec::new();
            for one in &leased {
                let events = vec![complete(120), Event::Held(Hold::TargetFull)];
                let events = if one.lease.migration == ids[2] {
                    events[..1].to_vec()
                } else {
                    events
                };
                let migration = pool
                    .hand_back(one.lease, "one", hand_back(events, 4000, None))
                    .await
                    .unwrap();
                let due = pool.migration(migration.id).await.unwrap().unwrap().due;
                let hold = migration.hold.map(|hold| hold.as_str());
                after.push((migration.phase, hold, due));
            }
            assert_eq!(
                after,
                [
                    (Phase::Following, Some("paused"), 4000),
                    (Phase::Cancelled, None, 4000),
                    (Phase::Following, None, 110),
                ]
            );
            // Neither what is paused nor what was cancelled is leased, however long one waits.
            let leased = pool.lease_due("one", 9000, 9060, 9).await.unwrap();
            assert_eq!(numbers(&leased), [ids[2]]);
            // What is full is tried again when it is due; a refused password is not.
            let full = vec![Event::Held(Hold::TargetFull)];
            pool.hand_back(leased[0].lease, "one", hand_back(full, 9100, Some("full")))
                .await
                .unwrap();
            let leased = pool.lease_due("one", 9100, 9160, 9).await.unwrap();
            assert_eq!(leased[0].failures, 1);
            let refused = vec![Event::CauseGone, Event::Held(Hold::CredentialRejected)];
            pool.hand_back(leased[0].lease, "one", hand_back(refused, 9200, Some("refused")))
                .await
                .unwrap();
            assert!(pool.lease_due("one", 99_999, 99_999, 9).await.unwrap().is_empty());
            let record = pool.migration(ids[2]).await.unwrap().unwrap();
            assert_eq!(record.last_error.as_deref(), Some("refused"));
            pool.happen(ids[2], Event::CredentialRenewed, 99_999)
                .await
                .unwrap();
            let leased = pool.lease_due("one", 99_999, 100_000, 9).await.unwrap();
            assert_eq!(leased[0].failures, 0);
            pool.close().await;
        });
    });
}

#[test]
fn the_same_trouble_again_is_one_line() {
    each_engine("history", |place| {
        let at = place.fresh();
        wait(async {
            let (pool, ids) = directory(&at, &["ann"], 10).await;
            let mut now = 100;
            for error in [
                None,
                Some("full"),
                Some("full"),
                Some("full"),
                Some("refused"),
                None,
            ] {
                let leased = pool.lease_due("one", now, now + 60, 9).await.unwrap().remove(0);
                now += 100;
                pool.hand_back(leased.lease, "one", hand_back(Vec::new(), now, error))
                    .await
                    .unwrap();
            }
            let passes = pool.passes(ids[0], 9).await.unwrap();
            let lines: Vec<_> = passes
                .iter()
                .map(|pass| (pass.report.error.as_deref(), pass.times, pass.report.messages))
                .collect();
            assert_eq!(
                lines,
                [
                    (None, 1, 2),
                    (Some("refused"), 1, 2),
                    (Some("full"), 3, 6),
                    (None, 1, 2)
                ]
            );
            let full = &passes[2].report;
            assert_eq!((full.began, full.ended), (240, 450));
            assert_eq!(pool.passes(ids[0], 1).await.unwrap(), passes[..1]);
            pool.close().await;
        });
    });
}

#[test]
fn a_password_learnt_during_a_pass_is_tried_though_the_one_before_it_was_refused() {
    each_engine("learnt", |place| {
        let at = place.fresh();
        wait(async {
            let (pool, ids) = directory(&at, &["ann", "bob"], 10).await;
            let leased = pool.lease_due("one", 100, 160, 9).await.unwrap();
            pool.happen(ids[0], Event::CredentialRenewed, 110).await.unwrap();
            for one in leased {
                let refused = vec![Event::Held(Hold::CredentialRejected)];
                let how = hand_back(refused, 4000, Some("refused"));
                pool.hand_back(one.lease, "one", how).await.unwrap();
            }
            let leased = pool.lease_due("one", 110, 170, 9).await.unwrap();
            assert_eq!(numbers(&leased), ids[..1]);
            let held = pool.migration(ids[1]).await.unwrap().unwrap().migration.hold;
            assert_eq!(held, Some(Hold::CredentialRejected));
            pool.close().await;
        });
    });
}

#[test]
fn who_waits_is_seen_and_what_was_wrong_is_not_forgotten() {
    each_engine("queue", |place| {
        let at = place.fresh();
        wait(async {
            let (pool, ids) = directory(&at, &["ann", "bob", "cat"], 2).await;
            let mut leased = pool.lease_due("one", 100, 160, 9).await.unwrap();
            let queue = pool.queue(100).await.unwrap();
            let running: Vec<MigrationId> = queue.running.iter().map(|one| one.id).collect();
            let waiting: Vec<MigrationId> = queue.waiting.iter().map(|one| one.id).collect();
            assert_eq!((running.len(), waiting, queue.jobs), (2, vec![ids[2]], 100));
            assert_eq!(BTreeSet::from_iter(running), BTreeSet::from([ids[0], ids[1]]));

            let one = leased.remove(0);
            let failed = hand_back(Vec::new(), 5, Some("no room"));
            pool.hand_back(one.lease, "one", failed).await.unwrap();
            let again = pool.lease_due("one", 101, 161, 9).await.unwrap();
            let again = again
                .iter()
                .find(|leased| leased.lease.migration == one.lease.migration);
            // No pass was run: another run had the Maildir.
            let nothing = HandBack {
                pass: None,
                ..hand_back(Vec::new(), 300, None)
            };
            pool.hand_back(again.unwrap().lease, "one", nothing)
                .await
                .unwrap();
            let record = pool.migration(one.lease.migration).await.unwrap().unwrap();
            assert_eq!(record.last_error.as_deref(), Some("no room"));
            pool.close().await;
        });
    });
}
