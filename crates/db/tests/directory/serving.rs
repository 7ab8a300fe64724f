//! What Postfix and Dovecot ask finds its answer by an index, in both engines, however many there are. (What the answers are
//! is seen with the servers themselves, in `tests/`.)

use transhume_db::directory::DirectoryStore;
use transhume_db::directory::serving::{LOGIN, Map, USER, USER_2_4};

use crate::places::{each_engine, wait};

/// Tables that grow with the platform. (The domains of one platform are few, but they are found by an index too.)
const TABLES: [&str; 6] = [
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
