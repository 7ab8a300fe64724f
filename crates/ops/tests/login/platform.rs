//! An old server, a directory that knows of it, and the doors.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use transhume_db::Sealer;
use transhume_db::directory::{DirectoryLocation, DirectoryPool};
use transhume_model::admission::{Door, GuardRules};
use transhume_model::directory::{
    DomainName, HostName, Login, Provider, ProviderName, ProviderSecurity, Secret, Settings, UntilComplete,
};
use transhume_ops::admit_login::{Admission, Answer, Destination, Surroundings, Visitor};
use transhume_testkit::{Dovecot, Oracle};

pub(crate) const PASSWORD: &str = "pass & größer %";

pub(crate) struct Platform {
    pub(crate) old: Dovecot,
    pub(crate) directory: DirectoryPool,
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) admission: Admission,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    /// How often somebody was woken.
    pub(crate) woken: Arc<AtomicUsize>,
    /// Milliseconds that the guard's clock is ahead.
    pub(crate) ahead: Arc<AtomicU64>,
    sentinels: AtomicUsize,
    _temp: TempDir,
}

/// Tests that look at the clock, or make others wait, come one after the other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A provider that hosts `old.example`, which keeps its name, and `was.example`, which is `is.example` here.
pub(crate) fn provider(name: &str, port: u16) -> Provider {
    let mut provider = Provider::new(
        ProviderName::parse(name).unwrap(),
        HostName::parse("127.0.0.1").unwrap(),
    );
    provider.port = port.try_into().unwrap();
    provider.security = ProviderSecurity::Clear;
    provider
}

pub(crate) fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

pub(crate) fn visitor(door: Door, name: &str, password: &str) -> Visitor {
    Visitor {
        door,
        name: name.to_owned(),
        password: Secret::new(password.as_bytes().to_vec()),
        network: None,
        asked_here: true,
    }
}

impl Platform {
    /// `users` have an account on the old server.
    pub(crate) async fn start(at: &DirectoryLocation, users: &[String], rules: GuardRules) -> Self {
        let builder = users
            .iter()
            .fold(Dovecot::builder(), |builder, user| builder.user(user, PASSWORD));
        let old = builder
            .user("sentinel", PASSWORD)
            .extra_config("service imap-login {\n  process_min_avail = 2\n  service_count = 0\n}\n")
            .start()
            .unwrap();
        let temp = tempfile::tempdir().unwrap();
        let sealer = Arc::new(Sealer::open(&temp.path().join("key")).unwrap());
        let directory = DirectoryPool::open(at).await.unwrap();
        let mut provider = provider("Old", old.imap_port());
        provider.domains.insert(domain("old.example"), None);
        provider
            .domains
            .insert(domain("was.example"), Some(domain("is.example")));
        let mut transaction = directory.begin().await.unwrap();
        transaction.add_provider(&provider).await.unwrap();
        transaction.commit().await.unwrap();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let (woken, ahead): (Arc<AtomicUsize>, Arc<AtomicU64>) = Default::default();
        let (told, wakes, later) = (Arc::clone(&log), Arc::clone(&woken), Arc::clone(&ahead));
        let around = Surroundings {
            directory: directory.clone(),
            sealer: Arc::clone(&sealer),
            clock: Arc::new(move || {
                let ahead = Duration::from_millis(later.load(Ordering::SeqCst));
                SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + ahead
            }),
            random: Arc::new(|octets| getrandom::fill(octets).map_err(|error| error.to_string())),
            wake: Arc::new(move || {
                wakes.fetch_add(1, Ordering::SeqCst);
            }),
            log: Arc::new(move |line| told.lock().unwrap().push(line)),
        };
        Self {
            admission: Admission::new(around, &rules).unwrap(),
            old,
            directory,
            sealer,
            log,
            woken,
            ahead,
            sentinels: AtomicUsize::new(0),
            _temp: temp,
        }
    }

    pub(crate) async fn until_complete(&self, until_complete: UntilComplete) {
        let mut transaction = self.directory.begin().await.unwrap();
        let settings = Settings {
            until_complete,
            ..Settings::default()
        };
        transaction.set_settings(&settings).await.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Somebody logs in; what they are answered, in one word.
    pub(crate) async fn log_in(&self, door: Door, name: &str, password: &str) -> String {
        let answer = self.admission.admit(visitor(door, name, password)).await;
        let shown = format!("{answer:?} {:?}", self.log.lock().unwrap());
        // I10: no secret where programmers or administrators look.
        assert!(!shown.contains(password), "{shown}");
        match answer {
            Answer::LetIn {
                to: Destination::Here,
                ..
            } => "here".to_owned(),
            Answer::LetIn {
                to: Destination::Old { login, password, .. },
                ..
            } => format!(
                "there as {login} with {}",
                String::from_utf8_lossy(password.reveal())
            ),
            Answer::Refused(refusal) => refusal.kind().as_str().to_owned(),
        }
    }

    /// The last line of the log.
    pub(crate) fn last(&self) -> String {
        self.log.lock().unwrap().last().cloned().unwrap_or_default()
    }

    /// Logins at the old server so far, the good ones and the others.
    pub(crate) fn logins(&self) -> usize {
        // What is logged later than this one has come later.
        let number = self.sentinels.fetch_add(1, Ordering::SeqCst) + 1;
        let sentinel = Oracle::connect(self.old.imap_port(), "sentinel", PASSWORD.as_bytes()).unwrap();
        sentinel.logout().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let log = self.old.log();
            if log.matches("Login: user=<sentinel>").count() >= number {
                return log.matches("Login: user=<").count() - number + log.matches("(auth failed,").count();
            }
            assert!(Instant::now() < deadline, "{log}");
            sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }
}
