//! The console's server with a small platform behind it, and a program that asks it.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use transhume_db::Sealer;
use transhume_db::directory::{DirectoryLocation, DirectoryPool};
use transhume_model::admission::GuardRules;
use transhume_model::directory::{
    Account, Address, Domain, DomainName, Entry, Login, Mailbox, Role, StoredPassword,
};
use transhume_model::plan::directory::Change;
use transhume_model::rights::Actor;
use transhume_ops::Asked;
use transhume_ops::admit_login::{Admission, Surroundings};
use transhume_ops::first_start::FirstStart;
use transhume_ops::sign_in::add_token;
use transhume_web::{ConsoleRules, WebState, serve_console};

/// The time, in seconds since 1970 UTC: it stands still.
pub(crate) const NOW: u64 = 1_800_000_000;

/// Those who ask, as the recordings call them.
const PEOPLE: [(&str, &str, Role, &[&str]); 5] = [
    ("SuperAdmins", "admin", Role::SuperAdmins, &[]),
    ("Resellers", "res@local.example", Role::Resellers, &[]),
    (
        "DomainAdmins",
        "da@local.example",
        Role::DomainAdmins,
        &["local.example"],
    ),
    (
        "DomainAdmins2",
        "da2@second.example",
        Role::DomainAdmins,
        &["second.example"],
    ),
    ("SimpleUsers", "su@local.example", Role::SimpleUsers, &[]),
];

/// A program that asks.
pub(crate) struct Program {
    at: SocketAddr,
    tokens: BTreeMap<&'static str, String>,
    /// The directory that is served.
    pub(crate) directory: DirectoryPool,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: Option<String>,
    pub(crate) text: String,
}

impl Answer {
    /// The body; null where there is none.
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }
}

/// Serves while somebody asks. The server has a thread of its own: whoever asks waits for the answer.
pub(crate) fn serving(ask: impl AsyncFnOnce(Program)) {
    let folder = tempfile::tempdir().unwrap();
    let at = DirectoryLocation::parse(&format!("sqlite:{}/d", folder.path().display())).unwrap();
    let sealer = Arc::new(Sealer::open(&folder.path().join("key")).unwrap());
    let log: Arc<Mutex<String>> = Arc::default();
    let kept = Arc::clone(&log);
    let around = |directory: &DirectoryPool| {
        let kept = Arc::clone(&kept);
        Surroundings {
            directory: directory.clone(),
            sealer: Arc::clone(&sealer),
            clock: Arc::new(|| Duration::from_secs(NOW)),
            random: Arc::new(|octets| getrandom::fill(octets).map_err(|error| error.to_string())),
            wake: Arc::new(|| {}),
            log: Arc::new(move |line| kept.lock().unwrap().push_str(&(line + "\n"))),
        }
    };
    let (told, address) = std::sync::mpsc::channel();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    thread::scope(|scope| {
        block_on(async {
            let directory = DirectoryPool::open(&at).await.unwrap();
            fill(&directory).await;
            let tokens = tokens(&around(&directory)).await;
            let server = scope.spawn(|| {
                block_on(async {
                    let directory = DirectoryPool::open(&at).await.unwrap();
                    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                    told.send(listener.local_addr().unwrap()).unwrap();
                    let state = state(around(&directory));
                    let ended = async {
                        let _ = ended.await;
                    };
                    serve_console(listener, state, ended).await.unwrap();
                    directory.close().await;
                });
            });
            let program = Program {
                at: address.recv().unwrap(),
                tokens,
                directory: directory.clone(),
            };
            ask(program).await;
            drop(end);
            server.join().unwrap();
            directory.close().await;
        });
    });
    let log = log.lock().unwrap();
    assert!(log.is_empty(), "something did not work:\n{log}");
}

fn block_on(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(work);
}

fn state(around: Surroundings) -> WebState {
    let admission = Admission::new(around.clone(), &GuardRules::default()).unwrap();
    let rules = ConsoleRules {
        per_minute: 100_000,
        ..ConsoleRules::default()
    };
    WebState::new(admission, None, around, rules, FirstStart::closed())
}

async fn fill(directory: &DirectoryPool) {
    let domain = |name| DomainName::parse(name).unwrap();
    let mut changes: Vec<Change> = ["local.example", "second.example"]
        .map(|name| Change::Add(Entry::Domain(Domain::local(domain(name)))))
        .into();
    for (_, login, role, administers) in PEOPLE {
        let account = Account {
            role,
            administers: administers.iter().copied().map(domain).collect(),
            password: StoredPassword::from_stored("{PLAIN}secret of theirs"),
            mailbox: Address::parse(login).ok().map(Mailbox::new),
            ..Account::new(Login::parse(login).unwrap())
        };
        changes.push(Change::Add(Entry::Account(Box::new(account))));
    }
    let mut transaction = directory.begin().await.unwrap();
    transaction.apply(&changes).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn tokens(around: &Surroundings) -> BTreeMap<&'static str, String> {
    let mut tokens = BTreeMap::new();
    for (name, login, _, _) in PEOPLE {
        let login = Login::parse(login).unwrap();
        let account = around.directory.account(&login).await.unwrap().unwrap();
        let actor = Actor::of(&account);
        let asked = Asked {
            around,
            actor: &actor,
            network: None,
        };
        let (_, token) = add_token(asked, "test").await.unwrap();
        tokens.insert(name, String::from_utf8(token.reveal().to_vec()).unwrap());
    }
    tokens
}

impl Program {
    /// Asks as one of them, or as nobody (`anonymous`).
    pub(crate) fn ask(&self, who: &str, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(ToString::to_string);
        self.send(
            who,
            method,
            path,
            "application/json",
            body.as_deref().map(str::as_bytes),
        )
    }

    /// The same, with a body of any kind.
    pub(crate) fn send(
        &self,
        who: &str,
        method: &str,
        path: &str,
        kind: &str,
        body: Option<&[u8]>,
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        if let Some(token) = self.tokens.get(who) {
            head += &format!("Authorization: Token {token}\r\n");
        }
        if let Some(body) = body {
            head += &format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len());
        }
        head += "\r\n";
        let mut stream = TcpStream::connect(self.at).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.unwrap_or_default()).unwrap();
        let mut octets = Vec::new();
        stream.read_to_end(&mut octets).unwrap();
        let text = String::from_utf8(octets).unwrap();
        let (head, text) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let kind = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-type")
                .then(|| value.to_owned())
        });
        let is_chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
        assert!(!is_chunked, "{path}: the answer comes in pieces");
        Answer {
            status,
            kind,
            text: text.to_owned(),
        }
    }

    /// A form with one file and other fields.
    pub(crate) fn upload(&self, who: &str, path: &str, file: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = String::new();
        for (name, value) in fields {
            body += &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        body += "--b\r\nContent-Disposition: form-data; name=\"sourcefile\"; filename=\"f.csv\"\r\n";
        body += &format!("Content-Type: text/csv\r\n\r\n{file}\r\n--b--\r\n");
        self.send(
            who,
            "POST",
            path,
            "multipart/form-data; boundary=b",
            Some(body.as_bytes()),
        )
    }
}
