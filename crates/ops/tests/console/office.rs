//! Somebody of each role, and two domains with the same things in them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use transhume_db::Sealer;
use transhume_db::directory::{DirectoryLocation, DirectoryPool, NewMigration};
use transhume_model::admission::GuardRules;
use transhume_model::directory::{
    Account, Address, Alias, AliasAddress, Domain, DomainAlias, DomainName, Entry, HostName, Login, Mailbox,
    Provider, ProviderName, Recipient, Role, Secret, StoredPassword,
};
use transhume_model::migration::MigrationId;
use transhume_model::plan::directory::Change;
use transhume_model::rights::{Actor, Scope};
use transhume_ops::Asked;
use transhume_ops::admit_login::{Admission, Surroundings};

pub(crate) const PASSWORD: &str = "geheim & größer";

pub(crate) struct Office {
    pub(crate) pool: DirectoryPool,
    pub(crate) around: Surroundings,
    people: BTreeMap<Role, Actor>,
    seconds: Arc<AtomicI64>,
    log: Arc<Mutex<String>>,
    folder: TempDir,
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

pub(crate) fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

pub(crate) fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

pub(crate) fn login(text: &str) -> Login {
    Login::parse(text).unwrap()
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

fn person(name: &str, role: Role, domains: &[&str]) -> Entry {
    Entry::Account(Box::new(Account {
        password: StoredPassword::from_stored(&format!("{{PLAIN}}{PASSWORD}")),
        mailbox: Address::parse(name).ok().map(Mailbox::new),
        role,
        administers: domains.iter().map(|name| domain(name)).collect(),
        ..Account::new(login(name))
    }))
}

fn of(place: &str) -> Vec<Entry> {
    vec![
        Entry::Domain(Domain::local(domain(place))),
        Entry::DomainAlias(DomainAlias {
            name: domain(&format!("also-{place}")),
            target: domain(place),
            enabled: true,
            description: String::new(),
        }),
        person(&format!("user@{place}"), Role::SimpleUsers, &[]),
        person(&format!("second@{place}"), Role::DomainAdmins, &[place]),
        Entry::Alias(Alias {
            address: AliasAddress::parse(&format!("info@{place}")).unwrap(),
            recipients: [Recipient::parse(&format!("user@{place}")).unwrap()].into(),
            enabled: true,
            description: String::new(),
            created: None,
        }),
    ]
}

impl Office {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = DirectoryLocation::parse(&format!("sqlite:{}/d", folder.path().display())).unwrap();
        let pool = DirectoryPool::open(&at).await.unwrap();
        let mut entries = of("a.example");
        entries.extend(of("b.example"));
        entries.push(person("boss", Role::SuperAdmins, &[]));
        entries.push(person("reseller@a.example", Role::Resellers, &["a.example"]));
        entries.push(person("admin@a.example", Role::DomainAdmins, &["a.example"]));
        let people = [
            (Role::SuperAdmins, "boss"),
            (Role::Resellers, "reseller@a.example"),
            (Role::DomainAdmins, "admin@a.example"),
            (Role::SimpleUsers, "user@a.example"),
        ];
        let changes: Vec<Change> = entries.into_iter().map(Change::Add).collect();
        let mut transaction = pool.begin().await.unwrap();
        transaction.apply(&changes).await.unwrap();
        for place in ["a.example", "b.example"] {
            let provider = Provider {
                domains: [(domain(&format!("old-{place}")), Some(domain(place)))].into(),
                ..Provider::new(
                    ProviderName::parse(&format!("Old {place}")).unwrap(),
                    HostName::parse("imap.example").unwrap(),
                )
            };
            transaction.add_provider(&provider).await.unwrap();
            let here = address(&format!("user@{place}"));
            let new = NewMigration {
                login: &Login::from(&here),
                address: &here,
                old_address: &address(&format!("user@old-{place}")),
                provider: &provider.name,
                created: 1,
            };
            transaction.add_migration(new).await.unwrap();
        }
        transaction.commit().await.unwrap();
        let mut actors = BTreeMap::new();
        for (role, name) in people {
            let account = pool.account(&login(name)).await.unwrap().unwrap();
            actors.insert(role, Actor::of(&account));
        }
        let seconds = Arc::new(AtomicI64::new(1_000_000));
        let log: Arc<Mutex<String>> = Arc::default();
        let (now, kept) = (Arc::clone(&seconds), Arc::clone(&log));
        let around = Surroundings {
            directory: pool.clone(),
            sealer: Arc::new(Sealer::open(&folder.path().join("key")).unwrap()),
            clock: Arc::new(move || {
                Duration::from_secs(u64::try_from(now.load(Ordering::Relaxed)).unwrap_or_default())
            }),
            random: Arc::new(|octets| getrandom::fill(octets).map_err(|error| error.to_string())),
            wake: Arc::new(|| {}),
            log: Arc::new(move |line| kept.lock().unwrap().push_str(&line)),
        };
        Self {
            pool,
            around,
            people: actors,
            seconds,
            log,
            folder,
        }
    }

    pub(crate) fn asked(&self, role: Role) -> Asked<'_> {
        Asked {
            around: &self.around,
            actor: &self.people[&role],
            network: None,
        }
    }

    pub(crate) fn admission(&self) -> Admission {
        Admission::new(self.around.clone(), &GuardRules::default()).unwrap()
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) async fn migration(&self, login: &Login) -> MigrationId {
        let record = self.pool.migration_of(login).await.unwrap();
        record.map_or(MigrationId(0), |record| record.migration.id)
    }

    pub(crate) async fn provider(&self, place: &str) -> i64 {
        let rows = self.pool.providers_within(&Scope::All).await.unwrap();
        let name = format!("Old {place}");
        let row = rows.iter().find(|row| row.provider.name.as_str() == name);
        row.unwrap().id
    }

    /// As if there had never been one.
    pub(crate) async fn without_super_admin(&self) {
        let mut transaction = self.pool.begin().await.unwrap();
        transaction.set_enabled(&login("boss"), false).await.unwrap();
        transaction.commit().await.unwrap();
    }

    pub(crate) async fn close(self) {
        // I10: no secret in the log.
        assert!(!self.log().contains(PASSWORD), "{}", self.log());
        self.pool.close().await;
    }
}
