//! What attackers, and old servers that are down, can do.

use std::net::TcpListener;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use transhume_db::directory::DirectoryLocation;
use transhume_model::admission::{Allowance, Door, GuardRules};

use crate::places::wait;
use crate::platform::{PASSWORD, Platform, alone, domain, provider, visitor};

fn users(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("user{number}@old.example"))
        .collect()
}

fn sqlite(folder: &tempfile::TempDir) -> DirectoryLocation {
    DirectoryLocation::parse(&format!("sqlite:{}/d.sqlite", folder.path().display())).unwrap()
}

/// 10,000 wrong passwords, from everywhere, for all accounts, over 100 seconds.
#[test]
fn attackers_reach_the_old_server_as_often_as_the_rules_say() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    wait(async {
        let rules = GuardRules {
            per_provider: Allowance {
                burst: 20,
                every: Duration::from_secs(10),
            },
            ..GuardRules::default()
        };
        let platform = Platform::start(&sqlite(&folder), &users(1), rules).await;
        for hundred in 0..100 {
            let tries = (0..100).map(|one| {
                platform.ahead.fetch_add(10, Ordering::SeqCst);
                let (account, password) = (
                    format!("user{}@old.example", one * 5),
                    format!("wrong{hundred}/{one}"),
                );
                let mut wrong = visitor(Door::Imap, &account, &password);
                wrong.network = Some(format!("192.0.2.{one}"));
                platform.admission.admit(wrong)
            });
            futures_util::future::join_all(tries).await;
        }
        let passed = Duration::from_millis(platform.ahead.load(Ordering::SeqCst)) + Duration::from_mins(1);
        let most = 20 + usize::try_from(passed.as_secs()).unwrap() / 10;
        let logins = platform.logins();
        assert!((20..=most).contains(&logins), "{logins}");
        // Who has an account meanwhile is let in by what is here; this one has none yet.
        assert_eq!(
            platform.log_in(Door::Imap, "user0@old.example", PASSWORD).await,
            "later"
        );
        platform.ahead.fetch_add(30_000, Ordering::SeqCst);
        assert!(
            platform
                .log_in(Door::Imap, "user0@old.example", PASSWORD)
                .await
                .starts_with("there")
        );
    });
}

/// A server that takes connections and says nothing.
#[test]
fn a_silent_server_costs_nobody_else_anything() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    wait(async {
        let platform = Platform::start(&sqlite(&folder), &users(20), GuardRules::default()).await;
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut other = provider("Silent", silent.local_addr().unwrap().port());
        other.domains.insert(domain("silent.example"), None);
        let mut transaction = platform.directory.begin().await.unwrap();
        transaction.add_provider(&other).await.unwrap();
        transaction.commit().await.unwrap();

        let begun = Instant::now();
        let waiting = async {
            let names: Vec<String> = (0..50)
                .map(|number| format!("user{number}@silent.example"))
                .collect();
            let logins = names
                .iter()
                .map(|name| platform.log_in(Door::Imap, name, PASSWORD));
            for says in futures_util::future::join_all(logins).await {
                assert_eq!(says, "later", "{}", platform.last());
            }
            begun.elapsed()
        };
        let others = async {
            let mut slowest = Duration::ZERO;
            for name in users(20) {
                let begun = Instant::now();
                assert!(
                    platform
                        .log_in(Door::Imap, &name, PASSWORD)
                        .await
                        .starts_with("there")
                );
                slowest = slowest.max(begun.elapsed());
            }
            // Once it is known to be silent, nobody waits for it.
            while begun.elapsed() < Duration::from_millis(3100) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let begun = Instant::now();
            assert_eq!(
                platform.log_in(Door::Imap, "late@silent.example", PASSWORD).await,
                "later"
            );
            (slowest, begun.elapsed())
        };
        let (waited, (slowest, late)) = tokio::join!(waiting, others);
        assert!(waited < Duration::from_secs(7), "{waited:?}");
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
        assert!(late < Duration::from_millis(500), "{late:?}");
        assert_eq!(
            platform
                .log_in(Door::Imap, "later@silent.example", PASSWORD)
                .await,
            "later"
        );
        assert!(
            platform.last().contains("does not answer; it is tried again in"),
            "{}",
            platform.last()
        );
        // When it is back, one login is enough.
        drop(silent);
    });
}
