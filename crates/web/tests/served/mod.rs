//! A platform with somebody of each role, served over HTTP.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "tests; not every one needs all of it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::oneshot;
use transhume_db::Sealer;
use transhume_db::directory::{DirectoryLocation, DirectoryPool, NewMigration};
use transhume_model::admission::GuardRules;
use transhume_model::directory::{
    Account, Address, Alias, AliasAddress, Domain, DomainAlias, DomainName, Entry, HostName, Login, Mailbox,
    Provider, ProviderName, Recipient, Role, Secret, StoredPassword,
};
use transhume_model::plan::directory::Change;
use transhume_model::rights::Actor;
use transhume_ops::admit_login::{Admission, Surroundings};
use transhume_ops::first_start::FirstStart;
use transhume_ops::sign_in::{self, SignIns};
use transhume_web::{ConsoleRules, WebState, serve_console};

pub(crate) const PASSWORD: &str = "pass & größer %";

/// Numbers of things: those of the domain that administrators here administer, and those of the other domain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Objects {
    pub(crate) providers: (i64, i64),
    pub(crate) migrations: (i64, i64),
    pub(crate) domains: (i64, i64),
    pub(crate) domain_aliases: (i64, i64),
    pub(crate) accounts: (i64, i64),
    pub(crate) aliases: (i64, i64),
    pub(crate) tokens: (i64, i64),
}

/// Somebody, and what they show.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) actor: Actor,
    pub(crate) session: String,
    pub(crate) csrf: String,
    pub(crate) token: String,
    token_id: i64,
}

/// A directory, and somebody of each role in it.
pub(crate) struct Platform {
    folder: TempDir,
    people: BTreeMap<Role, Person>,
    objects: Objects,
}

/// The platform, served: a copy of it, so that what is done to it stays there.
pub(crate) struct Served {
    pub(crate) at: SocketAddr,
    pub(crate) directory: PathBuf,
    pub(crate) log: Arc<Mutex<String>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _folder: TempDir,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }
}

/// The login of somebody of a role.
pub(crate) fn login(role: Role) -> Login {
    let text = match role {
        Role::SuperAdmins => "boss",
        Role::Resellers => "reseller@a.example",
        Role::DomainAdmins => "admin@a.example",
        Role::SimpleUsers => "user@a.example",
    };
    Login::parse(text).unwrap()
}

pub(crate) fn around(folder: &Path, directory: &DirectoryPool, log: &Arc<Mutex<String>>) -> Surroundings {
    let log = Arc::clone(log);
    Surroundings {
        directory: directory.clone(),
        sealer: Arc::new(Sealer::open(&folder.join("key")).unwrap()),
        clock: Arc::new(|| Duration::from_secs(1_000_000)),
        random: Arc::new(|octets| getrandom::fill(octets).map_err(|error| error.to_string())),
        wake: Arc::new(|| {}),
        log: Arc::new(move |line| {
            let mut log = log.lock().unwrap();
            log.push_str(&line);
            log.push('\n');
        }),
    }
}

pub(crate) fn open(folder: &Path) -> DirectoryLocation {
    DirectoryLocation::parse(&format!("sqlite:{}/d", folder.display())).unwrap()
}

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

fn name(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

/// A domain, its other name, an account, an alias.
fn entries(domain: &str) -> Vec<Entry> {
    let user = Address::parse(&format!("user@{domain}")).unwrap();
    vec![
        Entry::Domain(Domain::local(name(domain))),
        Entry::DomainAlias(DomainAlias {
            name: name(&format!("also-{domain}")),
            target: name(domain),
            enabled: true,
            description: String::new(),
        }),
        Entry::Account(Box::new(Account {
            password: StoredPassword::from_stored(&format!("{{PLAIN}}{PASSWORD}")),
            mailbox: Some(Mailbox::new(user.clone())),
            ..Account::new(Login::from(&user))
        })),
        Entry::Alias(Alias {
            address: AliasAddress::parse(&format!("info@{domain}")).unwrap(),
            recipients: [Recipient::parse(user.as_str()).unwrap()].into(),
            enabled: true,
            description: String::new(),
            created: None,
        }),
    ]
}

impl Platform {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (people, objects) = wait(async {
            let directory = DirectoryPool::open(&open(folder.path())).await.unwrap();
            let objects = fill(&directory).await;
            let log = Arc::default();
            let around = around(folder.path(), &directory, &log);
            let admission = Admission::new(around.clone(), &GuardRules::default()).unwrap();
            let mut people = BTreeMap::new();
            for role in Role::ALL {
                let login = login(role);
                let password = || Secret::new(PASSWORD.as_bytes().to_vec());
                let tries = SignIns::new();
                let signed_in =
                    sign_in::sign_in(&around, &admission, &tries, login.as_str(), password(), None)
                        .await
                        .unwrap();
                assert_eq!(signed_in.role, role);
                let text = |secret: &Secret| String::from_utf8(secret.reveal().to_vec()).unwrap();
                let session = text(&signed_in.token);
                let token = sign_in::add_token_of(&directory, &login, "test", &around.random, 1).await;
                let account = directory.account(&login).await.unwrap().unwrap();
                let token_id = directory.tokens_of(&login).await.unwrap()[0].id;
                people.insert(
                    role,
                    Person {
                        actor: Actor::of(&account),
                        csrf: sign_in::csrf(&session),
                        session,
                        token: text(&token.unwrap()),
                        token_id,
                    },
                );
            }
            directory.close().await;
            (people, objects)
        });
        Self {
            folder,
            people,
            objects,
        }
    }

    pub(crate) fn person(&self, role: Role) -> &Person {
        &self.people[&role]
    }

    /// The numbers, as somebody sees them: tokens are one's own.
    pub(crate) fn objects_of(&self, role: Option<Role>) -> Objects {
        let token = |role| self.people[&role].token_id;
        let own = role.unwrap_or(Role::SimpleUsers);
        let other = if own == Role::SuperAdmins {
            Role::SimpleUsers
        } else {
            Role::SuperAdmins
        };
        Objects {
            tokens: (token(own), token(other)),
            ..self.objects
        }
    }

    pub(crate) fn served(&self) -> Served {
        self.served_with(ConsoleRules {
            per_minute: 1_000_000,
            ..ConsoleRules::default()
        })
    }

    pub(crate) fn served_with(&self, rules: ConsoleRules) -> Served {
        let folder = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
        serve(folder, rules)
    }
}

/// Serves what lies in a folder; makes it where nothing is.
pub(crate) fn serve(folder: TempDir, rules: ConsoleRules) -> Served {
    let log: Arc<Mutex<String>> = Arc::default();
    let (stop, stopped) = oneshot::channel();
    let (tell, told) = std::sync::mpsc::channel();
    let (path, kept) = (folder.path().to_owned(), Arc::clone(&log));
    let thread = std::thread::spawn(move || {
        wait(async {
            let directory = DirectoryPool::open(&open(&path)).await.unwrap();
            let around = around(&path, &directory, &kept);
            let admission = Admission::new(around.clone(), &GuardRules::default()).unwrap();
            let first_start = FirstStart::begin(&around, &path).await.unwrap();
            let state = WebState::new(admission, None, around, rules, first_start);
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let until = async { drop(stopped.await) };
            serve_console(listener, state, until).await.unwrap();
            directory.close().await;
        });
    });
    Served {
        at: told.recv().unwrap(),
        directory: folder.path().join("d"),
        log,
        stop: Some(stop),
        thread: Some(thread),
        _folder: folder,
    }
}

impl Served {
    /// Asks, and hears the head of the answer, and its body where its length is told.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[String], body: &str) -> Answer {
        let mut reader = self.begin(method, path, headers, body);
        let mut answer = head(&mut reader);
        let length = answer
            .header("content-length")
            .map(|length| length.parse().unwrap());
        let mut octets = vec![0; length.unwrap_or(0)];
        if method != "HEAD" {
            reader.read_exact(&mut octets).unwrap();
        }
        answer.body = String::from_utf8(octets).unwrap();
        answer
    }

    /// Asks, and leaves the answer to be read.
    pub(crate) fn begin(
        &self,
        method: &str,
        path: &str,
        headers: &[String],
        body: &str,
    ) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.at,
            body.len()
        );
        for header in headers {
            text += header;
            text += "\r\n";
        }
        text += "\r\n";
        text += body;
        stream.write_all(text.as_bytes()).unwrap();
        BufReader::new(stream)
    }

    /// The directory, to look into it beside the service.
    pub(crate) fn pool(&self) -> DirectoryLocation {
        open(self.directory.parent().unwrap())
    }
}

/// The head of an answer.
pub(crate) fn head(reader: &mut BufReader<TcpStream>) -> Answer {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let status = line
        .split(' ')
        .nth(1)
        .unwrap_or_else(|| panic!("no answer: “{line}”"));
    let status = status.parse().unwrap();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    Answer {
        status,
        headers,
        body: String::new(),
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

pub(crate) async fn fill(directory: &DirectoryPool) -> Objects {
    let administrator = |role: Role, domains: &[&str]| {
        let login = login(role);
        Entry::Account(Box::new(Account {
            password: StoredPassword::from_stored(&format!("{{PLAIN}}{PASSWORD}")),
            mailbox: Address::parse(login.as_str()).ok().map(Mailbox::new),
            role,
            administers: domains.iter().map(|domain| name(domain)).collect::<BTreeSet<_>>(),
            ..Account::new(login)
        }))
    };
    let mut all = entries("a.example");
    all.extend(entries("b.example"));
    all.push(administrator(Role::SuperAdmins, &[]));
    all.push(administrator(Role::Resellers, &["a.example"]));
    all.push(administrator(Role::DomainAdmins, &["a.example"]));
    let changes: Vec<Change> = all.into_iter().map(Change::Add).collect();
    let mut transaction = directory.begin().await.unwrap();
    transaction.apply(&changes).await.unwrap();
    let mut migrations = Vec::new();
    for domain in ["a.example", "b.example"] {
        let provider = Provider {
            domains: [(name(&format!("old-{domain}")), Some(name(domain)))].into(),
            ..Provider::new(
                ProviderName::parse(&format!("Old {domain}")).unwrap(),
                HostName::parse("127.0.0.1").unwrap(),
            )
        };
        transaction.add_provider(&provider).await.unwrap();
        let address = Address::parse(&format!("user@{domain}")).unwrap();
        let migration = NewMigration {
            login: &Login::from(&address),
            address: &address,
            old_address: &Address::parse(&format!("user@old-{domain}")).unwrap(),
            provider: &provider.name,
            created: 1,
        };
        migrations.push(transaction.add_migration(migration).await.unwrap().0);
    }
    transaction.commit().await.unwrap();
    numbers(directory, (migrations[0], migrations[1])).await
}

async fn numbers(directory: &DirectoryPool, migrations: (i64, i64)) -> Objects {
    use transhume_db::directory::{DomainSearch, Paging};
    use transhume_model::rights::Scope;
    let providers = directory.providers_within(&Scope::All).await.unwrap();
    let search = DomainSearch::default();
    let domains = directory.search_domains(&Scope::All, &search, Paging::ALL).await;
    let domains: Vec<i64> = domains.unwrap().rows.iter().map(|row| row.id).collect();
    let other_names = directory
        .search_domain_aliases(&Scope::All, None, Paging::ALL)
        .await
        .unwrap()
        .rows;
    let account = async |login: &str| {
        let login = Login::parse(login).unwrap();
        directory.account_id(&login).await.unwrap().unwrap()
    };
    let alias = async |address: &str| {
        let address = AliasAddress::parse(address).unwrap();
        directory.alias_id(&address).await.unwrap().unwrap()
    };
    Objects {
        providers: (providers[0].id, providers[1].id),
        migrations,
        domains: (domains[0], domains[1]),
        domain_aliases: (other_names[0].id, other_names[1].id),
        accounts: (account("user@a.example").await, account("user@b.example").await),
        aliases: (alias("info@a.example").await, alias("info@b.example").await),
        tokens: (0, 0),
    }
}
