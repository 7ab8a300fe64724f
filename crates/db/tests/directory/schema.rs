//! Schema versions: nothing yet, older, newer, something else.

use transhume_db::directory::{DirectoryError, DirectoryPool, DirectoryStore, Filter};
use transhume_model::directory::{Directory, Settings};
use transhume_model::migration::Phase;

use crate::places::{each_engine, wait};

/// The steps that a directory in the field may have been made by, as they landed.
const STEPS: &[&str] = &[
    include_str!("../../schema/directory/0001_directory.sql"),
    include_str!("../../schema/directory/0002_views.sql"),
    include_str!("../../schema/directory/0003_remote_mailbox.sql"),
    include_str!("../../schema/directory/0004_migration.sql"),
    include_str!("../../schema/directory/0005_login_view.sql"),
    include_str!("../../schema/directory/0006_console.sql"),
    include_str!("../../schema/directory/0007_cut_over.sql"),
];

/// Somebody whose move was over when old mailboxes were not swept yet.
const FINISHED: &str = "
INSERT INTO account (login, first_name, last_name, enabled, role, secondary_email, phone)
VALUES ('ann@a.example', '', '', TRUE, 'SimpleUsers', '', '');
INSERT INTO mailbox (address, domain, login, domain_quota, keeps_copy, may_send)
VALUES ('ann@a.example', 'a.example', 'ann@a.example', TRUE, TRUE, TRUE);
INSERT INTO provider (name, folded, host, port, security, login_form, connections, connections_per_account, enabled)
VALUES ('Old', 'old', 'imap.old.example', 993, 'tls', 'address', 10, 2, TRUE);
INSERT INTO migration (login, address, old_address, provider, phase, created, seeded, due)
VALUES ('ann@a.example', 'ann@a.example', 'ann@old.example', 'Old', 'finished', 5, 6, 7);";

#[test]
fn every_version_comes_up_to_date() {
    for old in 0..=STEPS.len() {
        each_engine("upgrade", |place| {
            let at = place.fresh();
            let (id, view) = if place.is_sqlite() {
                ("INTEGER PRIMARY KEY", "DROP VIEW mail_login; CREATE VIEW")
            } else {
                (
                    "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                    "CREATE OR REPLACE VIEW",
                )
            };
            for step in &STEPS[..old] {
                place.sql(&step.replace("{{id}}", id).replace("{{replace view}}", view));
            }
            if old > 0 {
                place.sql(&format!("INSERT INTO directory_version VALUES ({old})"));
                place.sql("INSERT INTO domain (name, kind, enabled, description) VALUES ('a.example', 'local', TRUE, 'x')");
            }
            let has_migrations = old >= 4;
            if has_migrations {
                place.sql(FINISHED);
            }
            wait(async {
                let opened = DirectoryStore::open_to_read(&at).await;
                match (old, opened) {
                    (0, Err(DirectoryError::NotThere { .. })) => {}
                    (old, Err(DirectoryError::Older { found, known, .. })) => {
                        assert_eq!(
                            (usize::try_from(found), usize::try_from(known)),
                            (Ok(old), Ok(STEPS.len()))
                        );
                    }
                    (old, Ok(_)) => assert_eq!(old, STEPS.len()),
                    (old, Err(error)) => panic!("{old}: {error}"),
                }
                let mut store = DirectoryStore::open(&at).await.unwrap();
                let there = store.read().await.unwrap();
                assert_eq!(there.domains.len(), usize::from(old > 0), "what was there stays");
                store.close().await.unwrap();
                let pool = DirectoryPool::open(&at).await.unwrap();
                let moves = pool.migrations(&Filter::default()).await.unwrap();
                let stands: Vec<_> = moves
                    .iter()
                    .map(|record| (record.migration.phase, record.migration.swept_until))
                    .collect();
                let over = [(Phase::Finished, None)];
                assert_eq!(
                    stands,
                    over[..usize::from(has_migrations)],
                    "what is over stays over"
                );
                assert_eq!(pool.settings().await.unwrap(), Settings::default());
                pool.close().await;
                let version = DirectoryStore::look_at_schema(&at).await.unwrap();
                assert_eq!(version.found, version.known);
                assert_eq!(usize::try_from(version.known), Ok(STEPS.len()));
            });
        });
    }
}

#[test]
fn what_a_newer_version_has_written_is_left_alone() {
    each_engine("newer", |place| {
        let at = place.fresh();
        wait(async { DirectoryStore::open(&at).await.unwrap().close().await.unwrap() });
        place.sql("UPDATE directory_version SET version = 99");
        wait(async {
            for opened in [
                DirectoryStore::open(&at).await,
                DirectoryStore::open_to_read(&at).await,
            ] {
                let error = opened.unwrap_err();
                assert!(
                    matches!(error, DirectoryError::Newer { found: 99, .. }),
                    "{error}"
                );
                assert!(error.to_string().contains("schema 99"), "{error}");
            }
            assert_eq!(DirectoryStore::look_at_schema(&at).await.unwrap().found, 99);
        });
    });
}

#[test]
fn what_is_something_else_is_left_alone() {
    each_engine("else", |place| {
        let at = place.fresh();
        place.sql("CREATE TABLE mailbox (name TEXT); CREATE TABLE other (name TEXT)");
        wait(async {
            for opened in [
                DirectoryStore::open(&at).await,
                DirectoryStore::open_to_read(&at).await,
            ] {
                let error = opened.unwrap_err();
                assert!(matches!(error, DirectoryError::SomethingElse { .. }), "{error}");
                assert!(error.to_string().contains("mailbox, other"), "{error}");
            }
        });
        // Its tables are as they were.
        place.sql("INSERT INTO mailbox (name) VALUES ('x')");
    });
}

#[test]
fn where_nothing_is_a_reader_finds_nothing_and_makes_nothing() {
    each_engine("nothing", |place| {
        let at = place.fresh();
        wait(async {
            let error = DirectoryStore::open_to_read(&at).await.unwrap_err();
            assert!(matches!(error, DirectoryError::NotThere { .. }), "{error}");
            assert!(at.file().is_none_or(|file| !file.exists()));
            let mut store = DirectoryStore::open(&at).await.unwrap();
            assert_eq!(store.read().await.unwrap(), Directory::default());
        });
    });
}
