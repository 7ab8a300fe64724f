//! What a first login makes, and what a changed password does.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use transhume_db::directory::{CredentialFor, CredentialOwner};
use transhume_model::admission::{Door, GuardRules};
use transhume_model::directory::password::{NewScheme, Verdict, hash_new};
use transhume_model::directory::{Address, Domain, DomainAlias, Entry, Quota, UntilComplete};
use transhume_model::migration::{Event, Hold, Phase};
use transhume_model::plan::directory::Change;
use transhume_testkit::Oracle;

use crate::places::{each_engine, wait};
use crate::platform::{PASSWORD, Platform, alone, domain, visitor};

fn users(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// Lets something happen to the migration of an account.
async fn happen(platform: &Platform, login: &str, event: Event) {
    let record = platform
        .directory
        .migration_of(&Platform::login(login))
        .await
        .unwrap()
        .unwrap();
    platform
        .directory
        .happen(record.migration.id, event, 1)
        .await
        .unwrap();
}

/// The password of the old server that is kept for an account.
async fn credential(platform: &Platform, login: &str) -> String {
    let record = platform
        .directory
        .migration_of(&Platform::login(login))
        .await
        .unwrap()
        .unwrap();
    let owner = CredentialOwner::Migration(record.migration.id);
    let sealed = platform.directory.credential(owner).await.unwrap().unwrap();
    let bound = CredentialFor::OldAddress(&record.migration.old_address);
    String::from_utf8(bound.unseal(&platform.sealer, &sealed).unwrap()).unwrap()
}

/// Situation 46.
#[test]
fn who_comes_into_a_domain_that_is_here_gets_its_quota() {
    each_engine("login_quota", |place| {
        let at = place.fresh();
        wait(async {
            let platform = Platform::start(&at, &users(&["bob@was.example"]), GuardRules::default()).await;
            let mut is = Domain::local(domain("is.example"));
            is.default_mailbox_quota = Some(50 << 20);
            let mut transaction = platform.directory.begin().await.unwrap();
            transaction
                .apply(&[Change::Add(Entry::Domain(is))])
                .await
                .unwrap();
            transaction.commit().await.unwrap();
            let said = platform.log_in(Door::Smtp, "bob@is.example", PASSWORD).await;
            assert_eq!(said, "here", "{}", platform.last());
            let account = platform
                .directory
                .account(&Platform::login("bob@is.example"))
                .await;
            let mailbox = account.unwrap().unwrap().mailbox.unwrap();
            assert_eq!(mailbox.quota, Quota::OfDomain);
        });
    });
}

#[test]
fn a_first_login_makes_all_that_belongs_to_it() {
    each_engine("login_first", |place| {
        let at = place.fresh();
        wait(async {
            let users = users(&["alice@old.example", "bob@was.example", "carol@was.example"]);
            let platform = Platform::start(&at, &users, GuardRules::default()).await;
            for (door, name, says) in [
                (Door::Smtp, " Alice@OLD.example", "here"),
                (
                    Door::Imap,
                    "bob@is.example",
                    "there as bob@was.example with pass & größer %",
                ),
                (Door::Pop3, "carol@was.example", "renamed"),
            ] {
                assert_eq!(
                    platform.log_in(door, name, PASSWORD).await,
                    says,
                    "{}",
                    platform.last()
                );
            }
            assert!(
                platform.last().contains("the name here is carol@is.example"),
                "{}",
                platform.last()
            );
            assert_eq!(platform.logins(), 3);
            assert_eq!(platform.woken.load(Ordering::SeqCst), 3);
            for (login, old) in [
                ("alice@old.example", "alice@old.example"),
                ("bob@is.example", "bob@was.example"),
                ("carol@is.example", "carol@was.example"),
            ] {
                let account = platform
                    .directory
                    .account(&Platform::login(login))
                    .await
                    .unwrap()
                    .unwrap();
                assert_eq!(account.mailbox.unwrap().address, Address::parse(login).unwrap());
                let password = account.password.unwrap();
                assert_eq!(
                    (password.verify(PASSWORD), password.scheme()),
                    (Verdict::Right, "ARGON2ID")
                );
                let record = platform
                    .directory
                    .migration_of(&Platform::login(login))
                    .await
                    .unwrap()
                    .unwrap();
                let migration = record.migration;
                assert_eq!(
                    (migration.old_address.as_str(), migration.phase),
                    (old, Phase::Pending)
                );
                assert_eq!(credential(&platform, login).await, PASSWORD);
            }
            // From now on nobody asks there, but for those who come to read mail that is there.
            for (door, name, password, says) in [
                (
                    Door::Imap,
                    "bob@is.example",
                    PASSWORD,
                    "there as bob@was.example with pass & größer %",
                ),
                (Door::Imap, "carol@was.example", PASSWORD, "renamed"),
                (Door::Web, "ALICE@old.example", PASSWORD, "here"),
                (Door::Imap, "alice@old.example\r\n", PASSWORD, "wrong"),
                (Door::Imap, "alice@strange.example", PASSWORD, "unknown"),
                (Door::Imap, "carol@was.example", "Falsch!", "wrong"),
            ] {
                assert_eq!(
                    platform.log_in(door, name, password).await,
                    says,
                    "{}",
                    platform.last()
                );
            }
            assert_eq!(platform.logins(), 3);
        });
    });
}

#[test]
fn passwords_that_change_are_learnt_once() {
    each_engine("login_changed", |place| {
        let at = place.fresh();
        wait(async {
            let mut platform =
                Platform::start(&at, &users(&["alice@old.example"]), GuardRules::default()).await;
            let alice = "alice@old.example";
            platform.until_complete(UntilComplete::Local).await;
            assert_eq!(platform.log_in(Door::Imap, alice, PASSWORD).await, "here");
            platform.old.set_user(alice, b"neu").unwrap();
            happen(&platform, alice, Event::Held(Hold::CredentialRejected)).await;
            // 33, 36: the new one is asked about once, and is the password here, too.
            let before = platform.logins();
            assert_eq!(
                platform.log_in(Door::Imap, alice, "neu").await,
                "here",
                "{}",
                platform.last()
            );
            assert_eq!(platform.log_in(Door::Imap, alice, "neu").await, "here");
            assert_eq!(platform.logins(), before + 1);
            assert_eq!(credential(&platform, alice).await, "neu");
            let record = platform
                .directory
                .migration_of(&Platform::login(alice))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(record.migration.hold, None);
            // The one before is wrong, there and here; and it is not asked about again and again.
            let before = platform.logins();
            for _ in 0..3 {
                assert_eq!(platform.log_in(Door::Imap, alice, PASSWORD).await, "wrong");
            }
            assert_eq!(platform.logins(), before + 1);
            // 38: changed here, it counts alone.
            let salt = [7; 16];
            let own = hash_new(NewScheme::default(), "own", salt).unwrap();
            let mut transaction = platform.directory.begin().await.unwrap();
            transaction
                .set_password(&Platform::login(alice), &own)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
            for (password, says) in [("own", "here"), ("neu", "wrong"), ("Falsch!", "wrong")] {
                assert_eq!(
                    platform.log_in(Door::Imap, alice, password).await,
                    says,
                    "{password}"
                );
            }
            assert_eq!(platform.logins(), before + 1);
            // Changed on both sides: it is learnt for the migration, and opens no door.
            platform.old.set_user(alice, b"there").unwrap();
            happen(&platform, alice, Event::Held(Hold::CredentialRejected)).await;
            assert_eq!(platform.log_in(Door::Imap, alice, "there").await, "wrong");
            assert_eq!(credential(&platform, alice).await, "there");
            assert_eq!(platform.log_in(Door::Imap, alice, "own").await, "here");
        });
    });
}

#[test]
fn what_stands_in_the_way_is_told_before_anybody_is_asked() {
    each_engine("login_obstacles", |place| {
        let at = place.fresh();
        wait(async {
            let platform = Platform::start(&at, &users(&["alice@old.example"]), GuardRules::default()).await;
            let mut transaction = platform.directory.begin().await.unwrap();
            let changes = [
                Change::Add(Entry::Domain(Domain::local(domain("other.example")))),
                Change::Add(Entry::DomainAlias(DomainAlias {
                    name: domain("old.example"),
                    target: domain("other.example"),
                    enabled: true,
                    description: String::new(),
                })),
            ];
            transaction.apply(&changes).await.unwrap();
            transaction.commit().await.unwrap();
            assert_eq!(
                platform.log_in(Door::Imap, "alice@old.example", PASSWORD).await,
                "later"
            );
            assert!(
                platform
                    .last()
                    .contains("old.example is another name of other.example here")
            );
            assert_eq!(platform.logins(), 0);
            assert!(
                platform
                    .directory
                    .account(&Platform::login("alice@old.example"))
                    .await
                    .unwrap()
                    .is_none()
            );
        });
    });
}

#[test]
fn a_client_with_many_connections_is_asked_about_once() {
    each_engine("login_many", |place| {
        let at = place.fresh();
        wait(async {
            let platform = Platform::start(&at, &users(&["alice@old.example"]), GuardRules::default()).await;
            let logins = (0..12).map(|_| platform.log_in(Door::Imap, "alice@old.example", PASSWORD));
            for says in futures_util::future::join_all(logins).await {
                assert!(says.starts_with("there as"), "{says}");
            }
            assert_eq!(platform.logins(), 1);
        });
    });
}

/// A hundred people at the same moment, within Postfix's ten seconds; and what an admission adds to the old server's answer.
#[test]
fn a_hundred_people_come_at_once() {
    let _alone = alone();
    each_engine("login_hundred", |place| {
        let at = place.fresh();
        wait(async {
            let mut names: Vec<String> = (0..100)
                .map(|number| format!("user{number}@old.example"))
                .collect();
            names.extend((0..30).map(|number| format!("late{number}@old.example")));
            let platform = Platform::start(&at, &names, GuardRules::default()).await;
            let begun = Instant::now();
            let all = names[..100]
                .iter()
                .map(|name| platform.log_in(Door::Smtp, name, PASSWORD));
            for says in futures_util::future::join_all(all).await {
                assert_eq!(says, "here", "{}", platform.last());
            }
            let took = begun.elapsed();
            assert!(took < Duration::from_secs(10), "{took:?}");
            let mut shares: Vec<Duration> = Vec::new();
            for name in &names[100..] {
                let begun = Instant::now();
                drop(Oracle::connect(platform.old.imap_port(), name, PASSWORD.as_bytes()).unwrap());
                let theirs = begun.elapsed();
                let begun = Instant::now();
                let answer = platform
                    .admission
                    .admit(visitor(Door::Smtp, name, PASSWORD))
                    .await;
                shares.push(begun.elapsed().saturating_sub(theirs));
                assert!(matches!(answer, transhume_ops::admit_login::Answer::LetIn { .. }));
            }
            shares.sort_unstable();
            println!(
                "100 at once: {took:?}; own share: p50 {:?}, p95 {:?}",
                shares[shares.len() / 2],
                shares[shares.len() * 95 / 100]
            );
        });
    });
}
