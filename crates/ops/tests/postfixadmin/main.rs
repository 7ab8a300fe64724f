//! Databases that PostfixAdmin itself has made, on every engine, brought into directories of both kinds. What has to be there
//! afterwards stands beside each, as PostfixAdmin's own pages show it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod case;

use std::fs;

use transhume_db::Sealer;
use transhume_db::directory::{DirectoryLocation, DirectoryStore};
use transhume_model::directory::{Directory, RemoteMailbox, Secret};
use transhume_ops::convert_postfixadmin::{Conversion, convert_postfixadmin, preview_postfixadmin};
use transhume_testkit::{Dovecot, Postgres, compile_sieve};

use case::{CASES, Case};

/// Runs what is asynchronous to its end.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}

fn stored(target: &DirectoryLocation) -> Directory {
    block_on(async {
        let mut store = DirectoryStore::open_to_read(target).await.unwrap();
        store.read().await.unwrap()
    })
}

fn run(case: &Case, target: &DirectoryLocation) -> Conversion {
    let keys = tempfile::tempdir().unwrap();
    let sealer = Sealer::open(&keys.path().join("key")).unwrap();
    let seal = |remote: &RemoteMailbox, password: &Secret| {
        let text = sealer.seal("remote_mailbox", &remote.to_string(), password.reveal())?;
        case.check_remote(
            remote,
            &sealer.unseal("remote_mailbox", &remote.to_string(), &text)?,
        );
        Ok(text)
    };
    block_on(convert_postfixadmin(&case.source(), target, &seal)).unwrap()
}

fn check(case: &Case, target: &DirectoryLocation) -> Directory {
    // I12: what is shown first is what is done, and showing it does nothing.
    let shown = block_on(preview_postfixadmin(&case.source(), target)).unwrap();
    let first = run(case, target);
    assert!(first.changed, "{}", case.name);
    assert_eq!(shown.report, first.report, "{}", case.name);
    assert_eq!(shown.directory, first.directory, "{}", case.name);
    let directory = stored(target);
    assert_eq!(directory, first.directory, "{}: what is stored", case.name);
    case.check_report(&first.report);
    case.check_directory(&directory);

    // I4, of directories: the second run changes nothing, and says so.
    let second = run(case, target);
    assert!(!second.changed, "{}", case.name);
    assert_eq!(stored(target), directory, "{}: after the second run", case.name);
    case.check_report(&second.report);
    for table in &second.report.tables {
        assert_eq!(
            table.written, 0,
            "{}: {:?} in the second run",
            case.name, table.table
        );
    }
    directory
}

#[test]
fn every_database_arrives_in_sqlite_with_every_password() {
    for name in CASES {
        let case = Case::load(name);
        let folder = tempfile::tempdir().unwrap();
        let target = format!("sqlite:{}", folder.path().join("directory.sqlite").display());
        let directory = check(&case, &DirectoryLocation::parse(&target).unwrap());
        case.check_passwords(&directory);
        for (address, script) in directory.absence_scripts() {
            let file = folder.path().join("absence.sieve");
            fs::write(&file, &script).unwrap();
            compile_sieve(&file).unwrap_or_else(|error| panic!("{name}: {address}: {error}\n{script}"));
        }
    }
}

#[test]
fn every_database_arrives_in_postgresql() {
    for name in CASES {
        let case = Case::load(name);
        let database = format!("directory_{}", name.replace(['-', '.'], "_"));
        let server = Postgres::shared();
        server.create_database(&database).unwrap();
        check(&case, &DirectoryLocation::parse(&server.url(&database)).unwrap());
    }
}

#[test]
fn every_password_logs_in_at_a_real_dovecot() {
    let case = Case::load("mariadb-3.3.13");
    let folder = tempfile::tempdir().unwrap();
    let target = format!("sqlite:{}", folder.path().join("directory.sqlite").display());
    let target = DirectoryLocation::parse(&target).unwrap();
    let directory = run(&case, &target).directory;
    let lines = directory.accounts.values().filter_map(|account| {
        let password = account.password.as_ref()?;
        // Dovecot looks for names in such files as it writes them into queries.
        let login = account.login.as_str().replace('\'', "\\'");
        Some(format!("{login}:{}\n", password.as_str()))
    });
    let users = folder.path().join("users");
    fs::write(&users, lines.collect::<String>()).unwrap();
    // Dovecot's own user reads it.
    fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // Some names have characters that Dovecot does not take unless it is told to.
    let config = format!(
        "auth_username_chars =\npassdb {{\n  driver = passwd-file\n  args = {}\n}}",
        users.display()
    );
    let dovecot = Dovecot::builder()
        .user("unused", "unused")
        .extra_config(&config)
        .start()
        .unwrap();
    for (login, password) in case.passwords() {
        let output = dovecot.doveadm(&["auth", "test", &login, &password]).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("auth succeeded"),
            "{login}: {said}"
        );
    }
}
