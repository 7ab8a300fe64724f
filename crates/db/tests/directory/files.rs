//! The SQLite file, and servers that are not as they should be.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sqlx::Connection as _;
use transhume_db::directory::{DirectoryLocation, DirectoryStore};
use transhume_testkit::Postgres;

use crate::places::wait;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn at(path: &Path) -> DirectoryLocation {
    DirectoryLocation::parse(&format!("sqlite:{}", path.display())).unwrap()
}

#[test]
fn the_file_is_for_its_owner_and_its_group() {
    let temp = tempfile::tempdir().unwrap();
    let (folder, file) = (temp.path().join("lib"), temp.path().join("lib/directory.sqlite"));
    wait(async {
        DirectoryStore::open(&at(&file))
            .await
            .unwrap()
            .close()
            .await
            .unwrap();
    });
    assert_eq!((mode(&folder), mode(&file)), (0o750, 0o640));
    // What its owner has set stays.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    wait(async {
        DirectoryStore::open(&at(&file))
            .await
            .unwrap()
            .close()
            .await
            .unwrap();
    });
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn nothing_lies_beside_the_file_while_nobody_writes() {
    // Readers without the right to write into the folder could not read otherwise.
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("directory.sqlite");
    let names = || {
        fs::read_dir(temp.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
    };
    wait(async {
        let mut store = DirectoryStore::open(&at(&file)).await.unwrap();
        store.begin().await.unwrap().commit().await.unwrap();
        assert_eq!(names().collect::<Vec<_>>(), ["directory.sqlite"]);
    });
}

#[test]
fn trouble_is_told_with_what_to_do() {
    let temp = tempfile::tempdir().unwrap();
    let text = temp.path().join("notes.txt");
    fs::write(
        &text,
        "no database at all, but long enough to be looked at: ".repeat(40),
    )
    .unwrap();
    let server = Postgres::shared();
    server.create_database("trouble").unwrap();
    let good = server.url("trouble");
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for (place, says) in [
        (format!("sqlite:{}", text.display()), "name another file"),
        (format!("sqlite:{}/x.sqlite", text.display()), "name another file"),
        (
            format!("sqlite:{}", temp.path().display()),
            "see whether this user may read",
        ),
        (good.replace("trouble", "missing"), "createdb"),
        (good.replace("p%3Aw", "geheim"), "password-file"),
        (
            good.replace(&server.port().to_string(), &closed.to_string()),
            "see whether PostgreSQL runs",
        ),
    ] {
        let location = DirectoryLocation::parse(&place).unwrap();
        let error = wait(async { DirectoryStore::open(&location).await.unwrap_err() });
        let shown = format!("{error} {error:?}");
        assert!(shown.contains(says), "{location}: {shown}");
        // I10: no password, neither the right one nor the wrong.
        assert!(
            !["geheim", "p%3Aw", "p:w/d"]
                .iter()
                .any(|secret| shown.contains(secret)),
            "{shown}"
        );
    }
}

#[test]
fn a_commit_that_was_cut_off_is_taken_back_by_the_next_who_may_write() {
    // I5: stopped anywhere, the next run finds the directory as it was.
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("directory.sqlite");
    let cut = temp.path().join("cut.sqlite");
    let beside = |file: &Path| file.with_extension("sqlite-journal");
    wait(async {
        let mut store = DirectoryStore::open(&at(&file)).await.unwrap();
        let mut transaction = store.begin().await.unwrap();
        transaction.apply(&crate::arbitrary::many(300)).await.unwrap();
        transaction.commit().await.unwrap();
        let before = store.read().await.unwrap();
        store.close().await.unwrap();

        // With next to no memory, changes reach the file before they are committed.
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(&file)
            .pragma("cache_size", "1");
        let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
        let statements =
            "BEGIN IMMEDIATE; UPDATE account SET first_name = 'changed'; DELETE FROM alias_recipient";
        sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
        fs::copy(&file, &cut).unwrap();
        fs::copy(beside(&file), beside(&cut)).unwrap();
        connection.close().await.unwrap();
        assert!(
            fs::read(&cut).unwrap() != fs::read(&file).unwrap(),
            "half of it is in the file"
        );

        let mut reader = DirectoryStore::open_to_read(&at(&cut)).await;
        assert!(
            reader.is_err(),
            "who may only read cannot put it right, and is not told half of it"
        );
        DirectoryStore::open(&at(&cut))
            .await
            .unwrap()
            .close()
            .await
            .unwrap();
        reader = DirectoryStore::open_to_read(&at(&cut)).await;
        assert!(reader.unwrap().read().await.unwrap() == before);
        assert!(!beside(&cut).exists());
    });
}
