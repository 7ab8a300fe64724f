//! A platform of PostfixAdmin's is served: converted, people log in with the passwords that they have.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use transhume_testkit::{Dovecot, Mariadb, Oracle, Postgres, databases};

use crate::platform::{Home, transhume};

/// PostfixAdmin's databases, with what is in them.
pub(crate) const CASES: [&str; 4] = [
    "sqlite-3.3.13",
    "mariadb-3.3.13",
    "postgresql-3.3.13",
    "postgresql-2.3.7",
];

fn file(name: &str, extension: &str) -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates");
    crates.join(format!("ops/tests/postfixadmin/cases/{name}.{extension}"))
}

/// Where the database is, its server started.
fn old_platform(name: &str) -> String {
    let database = name.replace(['-', '.'], "_");
    let dump = file(name, "sql");
    if name.starts_with("sqlite") {
        return format!("sqlite:{}", file(name, "db").canonicalize().unwrap().display());
    }
    if name.starts_with("mariadb") {
        let server = Mariadb::shared();
        server.create_database(&database).unwrap();
        server.load(&database, &dump).unwrap();
        return format!(
            "mysql://{}@127.0.0.1:{}/{database}",
            databases::USER,
            server.port()
        );
    }
    let server = Postgres::shared();
    server.create_database(&database).unwrap();
    server.load(&database, &dump).unwrap();
    format!(
        "postgres://{}@127.0.0.1:{}/{database}",
        databases::USER,
        server.port()
    )
}

fn entries<'v>(expected: &'v Value, key: &str) -> &'v [Value] {
    expected[key].as_array().unwrap()
}

/// Whether mail ends in that domain.
fn is_served(expected: &Value, domain: &str) -> bool {
    let mut domains = entries(expected, "domains").iter();
    let found = domains.find(|entry| {
        entry["domain"]
            .as_str()
            .is_some_and(|name| name.eq_ignore_ascii_case(domain))
    });
    found.is_some_and(|entry| entry["active"] == true && entry["backupmx"] != true)
}

/// Converts the database, has Dovecot serve the directory, and tries every mailbox.
pub(crate) fn everybody_logs_in(name: &str) {
    let expected: Value = serde_json::from_str(&fs::read_to_string(file(name, "json")).unwrap()).unwrap();
    let home = Home::new();
    let url = home.sqlite();
    let secret = home.path("password");
    fs::write(&secret, databases::PASSWORD).unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let old = old_platform(name);
    let mut convert = vec!["convert", "postfixadmin", "--from", &old];
    // These databases hold what every setting of PostfixAdmin writes, “cleartext” too.
    convert.push("--cleartext-passwords=unrecognised");
    if !name.starts_with("sqlite") {
        convert.extend(["--password-file", secret.to_str().unwrap()]);
    }
    transhume(&url, &convert);
    home.let_servers_read();
    fs::create_dir_all(home.path("queue/private")).unwrap();
    home.configure_dovecot(&url, None, &home.path("queue"));
    let dovecot = Dovecot::builder()
        .without_accounts()
        .extra_config(&home.dovecot_settings())
        .start()
        .unwrap();

    let can_log_in = |login: &str, password: &str| {
        Oracle::connect(dovecot.imap_port(), login, password.as_bytes()).is_ok()
    };
    let mut logins = 0;
    for mailbox in entries(&expected, "mailboxes") {
        let login = mailbox["username"].as_str().unwrap();
        let password = mailbox["password"].as_str().unwrap();
        let (_, domain) = login.rsplit_once('@').unwrap();
        let may = mailbox["active"] == true && is_served(&expected, domain);
        assert_eq!(
            can_log_in(login, password),
            may,
            "{name}: {login}\n{}",
            dovecot.log()
        );
        logins += usize::from(may);
    }
    assert!(logins > 4, "{name}: {logins}");
    assert!(!can_log_in("fwdkeep@corp.example", "another"), "{name}");
    assert_eq!(dovecot.log_problems(), Vec::<String>::new());
}
