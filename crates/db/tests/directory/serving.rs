//! What Postfix and Dovecot ask finds its answer by an index, in both engines, however many there are. (What the answers are
//! is seen with the servers themselves, in `tests/`.)

use transhume_db::directory::DirectoryStore;
use transhume_db::directory::serving::{LOGIN, Map, USER, USER_2_4};

use crate::places::{each_engine, wait};

/// Tables that grow with the platform. (The domains of one platform are few, but they are found by an index too.)
const TABLES: [&str; 7] = [
    "migration",
    "account",
    "mailbox",
    "alias",
    "alias_recipient",
    "domain",
    "domain_alias",
];

/// All queries, as they are sent for one address.
fn queries() -> Vec<String> {
    let filled = |query: &str, key: &str| {
        query
            .replace("%s", key)
            .replace("%u", "bob")
            .replace("%d", "a.example")
            .replace("{user}", key)
            .replace("{service}", "imap")
            .replace("{root}", "/var/vmail")
    };
    let maps = Map::ALL.iter().map(|map| map.query());
    maps.chain([LOGIN, USER, USER_2_4])
        .flat_map(|query| [filled(query, "bob@a.example"), filled(query, "@a.example")])
        .collect()
}

#[test]
fn every_lookup_uses_an_index() {
    each_engine("serving", |place| {
        let at = place.fresh();
        wait(async { DirectoryStore::open(&at).await.unwrap().close().await.unwrap() });
        for query in queries() {
            let plan = place.plan(&query);
            assert!(!plan.is_empty(), "{query}");
            for table in TABLES {
                // SQLite says SCAN, PostgreSQL (which was told to avoid it) Seq Scan.
                let whole = [format!("SCAN {table}"), format!("Seq Scan on {table}")];
                for line in plan.lines() {
                    let line = line.split(" (cost").next().unwrap_or_default().trim_end();
                    let scans = whole.iter().any(|whole| {
                        line.split_once(whole.as_str()).is_some_and(|(_, rest)| {
                            !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_')
                        })
                    });
                    assert!(!scans, "{query}\n{plan}");
                }
            }
        }
    });
}

/// Somebody whose mail is still on the old server is not “here”, unless the settings let people in to what has come so far.
#[test]
fn who_is_here() {
    each_engine("who_is_here", |place| {
        let at = place.fresh();
        wait(async { DirectoryStore::open(&at).await.unwrap().close().await.unwrap() });
        place.sql(
            "INSERT INTO domain (name, kind, enabled, description) VALUES ('a.example', 'local', TRUE, ''); \
             INSERT INTO account (login, password, first_name, last_name, enabled, role, secondary_email, phone) \
             VALUES ('bob@a.example', '{PLAIN}x', '', '', TRUE, 'SimpleUsers', '', ''), \
                    ('eve@a.example', '{PLAIN}x', '', '', TRUE, 'SimpleUsers', '', ''); \
             INSERT INTO mailbox (address, domain, login, domain_quota, keeps_copy, may_send) \
             VALUES ('bob@a.example', 'a.example', 'bob@a.example', TRUE, TRUE, TRUE), \
                    ('eve@a.example', 'a.example', 'eve@a.example', TRUE, TRUE, TRUE); \
             INSERT INTO provider (name, folded, host, port, security, login_form, connections, connections_per_account, enabled) \
             VALUES ('Old', 'old', 'h', 1, 'tls', 'address', 1, 1, TRUE); \
             INSERT INTO migration (login, address, old_address, provider, phase, created, due) \
             VALUES ('bob@a.example', 'bob@a.example', 'bob@old.example', 'Old', 'pending', 1, 1)",
        );
        // A row that breaks the rule fails the statement, in both engines.
        place.sql("CREATE TABLE rule (login TEXT, here BOOLEAN, expected BOOLEAN, CHECK (here = expected))");
        for (until_complete, phase, here) in [
            ("proxy", "pending", false),
            ("proxy", "seeding", false),
            ("proxy", "following", true),
            ("proxy", "finishing", true),
            ("proxy", "finished", true),
            ("proxy", "cancelled", true),
            ("refuse", "seeding", false),
            ("refuse", "following", true),
            ("local", "pending", true),
            ("local", "seeding", true),
        ] {
            let seeded = if ["following", "finishing", "finished"].contains(&phase) {
                "1"
            } else {
                "NULL"
            };
            place.sql(&format!(
                "UPDATE settings SET until_complete = '{until_complete}'; \
                 UPDATE migration SET phase = '{phase}', seeded = {seeded}; \
                 INSERT INTO rule SELECT login, here, login <> 'bob@a.example' OR {here} FROM mail_login"
            ));
        }
    });
}
