//! Programs ask over HTTP.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use transhume_db::Sealer;
use transhume_db::directory::{DirectoryLocation, DirectoryPool};
use transhume_model::admission::GuardRules;
use transhume_model::directory::{
    Account, Address, Domain, DomainName, Entry, Login, Mailbox, Secret, StoredPassword,
};
use transhume_model::plan::directory::Change;
use transhume_ops::admit_login::{Admission, Surroundings};
use transhume_ops::first_start::FirstStart;
use transhume_web::{ConsoleRules, WebState, serve};

const PASSWORD: &str = "pass & größer %";

/// Alice, who has a mailbox.
async fn fill(directory: &DirectoryPool) {
    let address = Address::parse("alice@a.example").unwrap();
    let alice = Account {
        password: StoredPassword::from_stored(&format!("{{PLAIN}}{PASSWORD}")),
        mailbox: Some(Mailbox::new(address.clone())),
        ..Account::new(Login::from(&address))
    };
    let domain = Domain::local(DomainName::parse("a.example").unwrap());
    let changes = [
        Change::Add(Entry::Domain(domain)),
        Change::Add(Entry::Account(Box::new(alice))),
    ];
    let mut transaction = directory.begin().await.unwrap();
    transaction.apply(&changes).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Serves while others ask; what was logged.
fn serving(secret: Option<&str>, ask: impl FnOnce(SocketAddr) + Send + 'static) -> String {
    let folder = tempfile::tempdir().unwrap();
    let log: Arc<Mutex<String>> = Arc::default();
    let kept = Arc::clone(&log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let at = DirectoryLocation::parse(&format!("sqlite:{}/d", folder.path().display())).unwrap();
        let directory = DirectoryPool::open(&at).await.unwrap();
        fill(&directory).await;
        let around = Surroundings {
            directory: directory.clone(),
            sealer: Arc::new(Sealer::open(&folder.path().join("key")).unwrap()),
            clock: Arc::new(|| Duration::from_secs(1)),
            random: Arc::new(|octets| getrandom::fill(octets).map_err(|error| error.to_string())),
            wake: Arc::new(|| {}),
            log: Arc::new(move |line| kept.lock().unwrap().push_str(&line)),
        };
        let admission = Admission::new(around.clone(), &GuardRules::default()).unwrap();
        let secret = secret.map(|secret| Secret::new(secret.as_bytes().to_vec()));
        let rules = ConsoleRules::default();
        let state = WebState::new(admission, secret, around, rules, FirstStart::closed());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        // It ends when whoever asks has finished, which is seen here: what was asked is answered before.
        let asking = tokio::task::spawn_blocking(move || ask(at));
        serve(listener, state, async move { asking.await.unwrap() })
            .await
            .unwrap();
        directory.close().await;
    });
    let log = log.lock().unwrap().clone();
    // I10: no secret in the log.
    assert!(!log.contains(PASSWORD) && !log.contains("geheim"), "{log}");
    log
}

/// Status and body of an answer.
fn post(at: SocketAddr, path: &str, header: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{header}\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

#[test]
fn dovecot_and_web_mail_are_answered() {
    serving(None, |at| {
        let right = "password=pass%20%26%20gr%C3%B6%C3%9Fer%20%25";
        for (form, status, body) in [
            (
                format!("user=Alice%40A.example&{right}&service=imap"),
                200,
                "user=alice@a.example\n",
            ),
            (
                format!("user=alice%40a.example&{right}&service=smtp&ip=192.0.2.7"),
                200,
                "user=alice@a.example\n",
            ),
            (
                "user=alice%40a.example&password=gr%FCn&service=imap".to_owned(),
                403,
                "",
            ),
            (
                "user=alice%40a.example&password=wrong&service=imap".to_owned(),
                403,
                "",
            ),
            (
                "user=eve%40a.example&password=wrong&service=imap".to_owned(),
                404,
                "",
            ),
            ("user=%FF&password=wrong&service=imap".to_owned(), 403, ""),
            (String::new(), 403, ""),
        ] {
            assert_eq!(
                post(at, "/hooks/dovecot", "", &form),
                (status, body.to_owned()),
                "{form}"
            );
        }
        for (question, status, says) in [
            (
                r#"{"name": "alice@a.example", "password": "pass & größer %", "ip": "192.0.2.7"}"#,
                200,
                r#"{"answer":"ok","login":"alice@a.example","address":"alice@a.example","role":"SimpleUsers","#,
            ),
            (
                r#"{"name": "alice@a.example", "password": "geheim"}"#,
                200,
                r#"{"answer":"wrong","message":"#,
            ),
            (
                r#"{"name": "eve@a.example", "password": "geheim"}"#,
                200,
                r#"{"answer":"unknown","message":"#,
            ),
            (
                r#"{"name": "eve@a.example", "password": ["geheim"]}"#,
                400,
                "“name” and “password”",
            ),
            ("geheim", 400, "“name” and “password”"),
        ] {
            let (told, body) = post(at, "/hooks/login", "", question);
            assert_eq!(told, status, "{question}");
            assert!(
                body.contains(says) && !body.contains("geheim"),
                "{question}: {body}"
            );
        }
        let (status, _) = post(at, "/hooks/dovecot", "", &"x".repeat(20_000));
        assert_eq!(status, 413);
        assert_eq!(post(at, "/hooks", "", "").0, 404);
    });
}

#[test]
fn where_there_is_a_secret_it_has_to_be_known() {
    serving(Some("geheim"), |at| {
        for (header, dovecot, login) in [
            ("", 401, 401),
            ("Authorization: Bearer geheim\r\n", 403, 400),
            ("Authorization: Bearer geheim2\r\n", 401, 401),
            ("Authorization: Bearer \r\n", 401, 401),
            ("Authorization: geheim\r\n", 401, 401),
        ] {
            assert_eq!(post(at, "/hooks/dovecot", header, "").0, dovecot, "{header}");
            assert_eq!(post(at, "/hooks/login", header, "").0, login, "{header}");
        }
    });
}
