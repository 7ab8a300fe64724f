//! A database, and what has to come of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use transhume_db::foreign::postfixadmin::{ForeignLocation, TableNames};
use transhume_model::directory::password::Verdict;
use transhume_model::directory::{
    Address, AliasAddress, Directory, Domain, DomainKind, DomainName, Limit, Login, Quota, RemoteMailbox,
    Role, VacationInterval,
};
use transhume_model::import::postfixadmin::{ClearText, Options, Report};
use transhume_ops::convert_postfixadmin::PostfixadminSource;
use transhume_testkit::{Mariadb, Postgres};

/// The databases.
pub(crate) const CASES: [&str; 4] = [
    "sqlite-3.3.13",
    "mariadb-3.3.13",
    "postgresql-3.3.13",
    "postgresql-2.3.7",
];

/// 2026-11-01.
const NOW: i64 = 1_793_491_200;

/// PostfixAdmin's megabyte.
const MEGABYTE: i64 = 1_024_000;

pub(crate) struct Case {
    pub(crate) name: &'static str,
    url: String,
    expected: Value,
}

fn file(name: &str, extension: &str) -> PathBuf {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/postfixadmin/cases");
    cases.join(format!("{name}.{extension}"))
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is a list"))
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is a text: {value}"))
}

fn truth(value: &Value, key: &str) -> bool {
    value[key]
        .as_bool()
        .unwrap_or_else(|| panic!("{key} is a truth: {value}"))
}

fn number(value: &Value, key: &str) -> i64 {
    value[key]
        .as_i64()
        .unwrap_or_else(|| panic!("{key} is a number: {value}"))
}

impl Case {
    /// Reads what has to come of it, and starts its server.
    pub(crate) fn load(name: &'static str) -> Self {
        let expected = std::fs::read_to_string(file(name, "json")).unwrap();
        let database = format!("old_{}", name.replace(['-', '.'], "_"));
        let url = if name.starts_with("sqlite") {
            format!("sqlite:{}", file(name, "db").display())
        } else if name.starts_with("mariadb") {
            let server = Mariadb::shared();
            // Tests of one program share the server, and may want the same case at the same time.
            let database = format!("{database}_{:?}", std::thread::current().id()).replace(['(', ')'], "");
            server.create_database(&database).unwrap();
            server.load(&database, &file(name, "sql")).unwrap();
            server.url(&database)
        } else {
            let server = Postgres::shared();
            let database = format!("{database}_{:?}", std::thread::current().id()).replace(['(', ')'], "");
            server.create_database(&database).unwrap();
            server.load(&database, &file(name, "sql")).unwrap();
            server.url(&database)
        };
        Self {
            name,
            url,
            expected: serde_json::from_str(&expected).unwrap(),
        }
    }

    pub(crate) fn source(&self) -> PostfixadminSource {
        let mut options = Options::new(NOW);
        // These databases hold what every setting of PostfixAdmin writes, “cleartext” too.
        options.clear_text = ClearText::Unrecognised;
        PostfixadminSource {
            at: ForeignLocation::parse(&self.url).unwrap(),
            names: TableNames::default(),
            options,
        }
    }

    /// Every row is read, and explained.
    pub(crate) fn check_report(&self, report: &Report) {
        let name = self.name;
        assert!(report.adds_up(), "{name}");
        assert_eq!(report.unexplained(), 0, "{name}");
        assert_eq!(report.warnings, [""; 0], "{name}");
        let schema = number(&self.expected, "schema").to_string();
        assert_eq!(report.version.as_deref(), Some(schema.as_str()), "{name}");
        for (table, rows) in self.expected["counts"].as_object().unwrap() {
            let found = report
                .tables
                .iter()
                .find(|report| report.table.name() == table)
                .unwrap();
            assert_eq!(
                i64::try_from(found.read).unwrap(),
                rows.as_i64().unwrap(),
                "{name}: {table}"
            );
            let all_taken = ["mailbox", "admin", "alias_domain"].contains(&table.as_str());
            if all_taken {
                assert_eq!(found.written + found.unchanged, found.read, "{name}: {table}");
            }
        }
        // Nothing but these reasons leaves anything out.
        let reasons: BTreeSet<_> = report
            .tables
            .iter()
            .flat_map(|table| &table.skipped)
            .map(|note| note.remark.what)
            .collect();
        for reason in reasons {
            let known = [
                "PostfixAdmin's own mark",
                "it leads to itself, and there is no such mailbox",
                "it leads to no address",
                "it is not fetched by IMAP",
                "a setting of PostfixAdmin's own",
                "the directory does not take it",
            ];
            assert!(
                known.iter().any(|known| reason.starts_with(known)),
                "{name}: {reason}"
            );
        }
    }

    pub(crate) fn check_directory(&self, directory: &Directory) {
        self.check_domains(directory);
        self.check_mailboxes(directory);
        self.check_aliases(directory);
        self.check_administrators(directory);
        self.check_vacations(directory);
    }

    fn check_domains(&self, directory: &Directory) {
        let name = self.name;
        let mut domains = 0;
        for expected in list(&self.expected, "domains") {
            if truth(expected, "is_alias_domain") {
                continue;
            }
            domains += 1;
            let of = text(expected, "domain");
            let domain = &directory.domains[of];
            assert_eq!(domain.enabled, truth(expected, "active"), "{name}: {of}");
            assert_eq!(domain.description, text(expected, "description"), "{name}: {of}");
            check_limits(domain, expected, name);
            check_kind(domain, expected, name);
        }
        assert_eq!(directory.domains.len(), domains, "{name}");
        let others = list(&self.expected, "alias_domains");
        assert_eq!(directory.domain_aliases.len(), others.len(), "{name}");
        for expected in others {
            let other = &directory.domain_aliases[text(expected, "alias_domain")];
            assert_eq!(other.target.as_str(), text(expected, "target_domain"), "{name}");
            assert_eq!(other.enabled, truth(expected, "active"), "{name}: {}", other.name);
        }
    }

    fn check_mailboxes(&self, directory: &Directory) {
        let name = self.name;
        let mailboxes = list(&self.expected, "mailboxes");
        let found = directory
            .accounts
            .values()
            .filter(|account| account.mailbox.is_some())
            .count();
        assert_eq!(found, mailboxes.len(), "{name}");
        for expected in mailboxes {
            let login = text(expected, "username");
            let account = &directory.accounts[login];
            let mailbox = account.mailbox.as_ref().unwrap();
            assert_eq!(mailbox.address.as_str(), login, "{name}");
            assert_eq!(account.enabled, truth(expected, "active"), "{name}: {login}");
            let words: Vec<_> = text(expected, "name").split_whitespace().collect();
            let full = format!("{} {}", account.first_name, account.last_name);
            assert_eq!(full.trim(), words.join(" "), "{name}: {login}");
            assert_eq!(
                mailbox.old_maildir.as_deref(),
                Some(text(expected, "maildir")),
                "{name}: {login}"
            );
            let quota = match mailbox.quota {
                Quota::Octets(octets) => i64::try_from(octets.get()).unwrap(),
                Quota::Unlimited | Quota::OfDomain => 0,
            };
            assert_eq!(quota, number(expected, "quota_bytes").max(0), "{name}: {login}");
            let own = &expected["own_alias"];
            let forwards = list(own, "forwards_to");
            let alias = directory.aliases.get(&AliasAddress::parse(login).unwrap());
            assert_eq!(alias.is_some(), !forwards.is_empty(), "{name}: {login}");
            assert_eq!(
                mailbox.keeps_copy,
                truth(own, "keeps_local_copy"),
                "{name}: {login}"
            );
            if let Some(alias) = alias {
                assert_eq!(alias.enabled, truth(own, "active"), "{name}: {login}");
                let leads: BTreeSet<_> = alias.recipients.iter().map(ToString::to_string).collect();
                let expected: BTreeSet<_> = forwards
                    .iter()
                    .map(|text| text.as_str().unwrap().to_owned())
                    .collect();
                assert_eq!(leads, expected, "{name}: {login}");
            }
        }
    }

    fn check_aliases(&self, directory: &Directory) {
        let name = self.name;
        let mut aliases = 0;
        for expected in list(&self.expected, "aliases") {
            let address = text(expected, "address");
            let goto: BTreeSet<_> = list(expected, "goto")
                .iter()
                .map(|text| text.as_str().unwrap().to_lowercase())
                .filter(|to| to != address && to.contains('@'))
                .collect();
            let alias = directory.aliases.get(&AliasAddress::parse(address).unwrap());
            assert_eq!(alias.is_some(), !goto.is_empty(), "{name}: {address}");
            if let Some(alias) = alias {
                aliases += 1;
                let leads: BTreeSet<_> = alias
                    .recipients
                    .iter()
                    .map(|to| to.as_str().to_lowercase())
                    .collect();
                assert_eq!(leads, goto, "{name}: {address}");
                assert_eq!(alias.enabled, truth(expected, "active"), "{name}: {address}");
            }
        }
        let own = directory
            .accounts
            .values()
            .filter_map(|account| account.mailbox.as_ref());
        let own = own.filter(|mailbox| {
            let address = AliasAddress::Address(mailbox.address.clone());
            directory.aliases.contains_key(&address)
        });
        assert_eq!(directory.aliases.len(), aliases + own.count(), "{name}");
    }

    fn check_administrators(&self, directory: &Directory) {
        let name = self.name;
        for expected in list(&self.expected, "admins") {
            let login = text(expected, "username");
            let account = &directory.accounts[login];
            let role = if truth(expected, "super_admin") {
                Role::SuperAdmins
            } else {
                Role::DomainAdmins
            };
            assert_eq!(account.role, role, "{name}: {login}");
            if account.mailbox.is_none() {
                assert_eq!(account.enabled, truth(expected, "active"), "{name}: {login}");
            }
            let domains: BTreeSet<_> = list(expected, "domains")
                .iter()
                .map(|of| {
                    let of = of.as_str().unwrap();
                    directory
                        .domain_aliases
                        .get(of)
                        .map_or(of, |other| other.target.as_str())
                })
                .map(|of| DomainName::parse(of).unwrap())
                .collect();
            assert_eq!(account.administers, domains, "{name}: {login}");
        }
        let powerful = directory
            .accounts
            .values()
            .filter(|account| account.role != Role::SimpleUsers);
        assert_eq!(powerful.count(), list(&self.expected, "admins").len(), "{name}");
    }

    fn check_vacations(&self, directory: &Directory) {
        let name = self.name;
        let vacations = list(&self.expected, "vacations");
        assert_eq!(directory.vacations.len(), vacations.len(), "{name}");
        let scripts = directory.absence_scripts();
        for expected in vacations {
            let address = Address::parse(text(expected, "email")).unwrap();
            let vacation = &directory.vacations[&address];
            assert_eq!(vacation.subject, text(expected, "subject"), "{name}: {address}");
            assert_eq!(vacation.body, text(expected, "body"), "{name}: {address}");
            assert_eq!(vacation.enabled, truth(expected, "active"), "{name}: {address}");
            let interval = match expected["interval_seconds"].as_u64() {
                None | Some(0) => VacationInterval::Once,
                Some(seconds) => VacationInterval::Seconds(u32::try_from(seconds).unwrap()),
            };
            assert_eq!(vacation.interval, interval, "{name}: {address}");
            // “2026-01-01 00:00” stands in its script, which is in UTC, as these databases are.
            for (key, moment) in [("active_from", vacation.from), ("active_until", vacation.until)] {
                assert_eq!(
                    moment.is_some(),
                    expected[key].is_string(),
                    "{name}: {address} {key}"
                );
                if let (Some(text), true) = (expected[key].as_str(), vacation.enabled) {
                    assert!(
                        scripts[&address].contains(&text[..10]),
                        "{name}: {}",
                        scripts[&address]
                    );
                }
            }
        }
    }

    /// A remote mailbox that is kept, with its password.
    pub(crate) fn check_remote(&self, remote: &RemoteMailbox, password: &[u8]) {
        let expected = list(&self.expected, "fetchmail")
            .iter()
            .find(|of| text(of, "mailbox") == remote.mailbox.as_str() && text(of, "host") == remote.host);
        let expected = expected.unwrap_or_else(|| panic!("{}: {remote} is expected", self.name));
        assert_eq!(text(expected, "protocol"), "IMAP", "{}: {remote}", self.name);
        assert_eq!(text(expected, "user"), remote.user, "{}: {remote}", self.name);
        assert_eq!(text(expected, "folder"), remote.folder, "{}: {remote}", self.name);
        assert_eq!(
            text(expected, "password").as_bytes(),
            password,
            "{}: {remote}",
            self.name
        );
    }

    /// Everybody's name and password.
    pub(crate) fn passwords(&self) -> Vec<(String, String)> {
        let both = |value: &Value| {
            (
                text(value, "username").to_owned(),
                text(value, "password").to_owned(),
            )
        };
        let mailboxes = list(&self.expected, "mailboxes").iter().map(both);
        let named: BTreeSet<_> = list(&self.expected, "mailboxes")
            .iter()
            .map(|of| text(of, "username"))
            .collect();
        // Where both have one name, the mailbox's password is the account's.
        let admins = list(&self.expected, "admins")
            .iter()
            .filter(|of| !named.contains(text(of, "username")));
        mailboxes.chain(admins.map(both)).collect()
    }

    pub(crate) fn check_passwords(&self, directory: &Directory) {
        for (login, password) in self.passwords() {
            let account = &directory.accounts[&Login::parse(&login).unwrap()];
            let stored = account
                .password
                .as_ref()
                .unwrap_or_else(|| panic!("{login} has a password"));
            assert_eq!(
                stored.verify(&password),
                Verdict::Right,
                "{}: {login} {stored:?}",
                self.name
            );
            assert_eq!(stored.verify("another"), Verdict::Wrong, "{}: {login}", self.name);
        }
    }
}

fn check_limits(domain: &Domain, expected: &Value, name: &str) {
    let limit = |key| match number(expected, key) {
        0 => Limit::Unlimited,
        count => Limit::At(u32::try_from(count.max(0)).unwrap()),
    };
    let octets = |key| match number(expected, key) {
        ..=0 => None,
        megabytes => Some(u64::try_from(megabytes * MEGABYTE).unwrap()),
    };
    let of = &domain.name;
    assert_eq!(domain.limits.mailboxes, limit("max_mailboxes"), "{name}: {of}");
    assert_eq!(domain.limits.aliases, limit("max_aliases"), "{name}: {of}");
    assert_eq!(
        domain.limits.mailbox_quota,
        octets("maxquota_mb_per_mailbox"),
        "{name}: {of}"
    );
    assert_eq!(domain.quota, octets("quota_mb_domain"), "{name}: {of}");
}

fn check_kind(domain: &Domain, expected: &Value, name: &str) {
    let transport = text(expected, "transport");
    let is_relay =
        truth(expected, "backupmx") || transport.starts_with("relay") || transport.starts_with("smtp");
    assert_eq!(!domain.is_local(), is_relay, "{name}: {}", domain.name);
    if let DomainKind::Relay(relay) = &domain.kind {
        let host = relay
            .host
            .as_deref()
            .map_or(String::new(), |host| format!(":[{host}]"));
        let port = relay.port.map_or(String::new(), |port| format!(":{port}"));
        assert_eq!(format!("{}{host}{port}", relay.service), transport, "{name}");
    }
}
