//! Many migrations, and many pages that follow them: what it costs. `cargo xtask bench --console` prints it for a release build.

#![allow(clippy::unwrap_used, reason = "tests")]

mod served;

use std::io::BufRead as _;
use std::time::{Duration, Instant};

use served::{Platform, Served, head, wait};
use transhume_db::directory::{
    DirectoryLocation, DirectoryPool, MigrationSearch, MigrationSort, NewMigration, Paging,
};
use transhume_model::directory::{Account, Address, Entry, Login, Mailbox, ProviderName, Role};
use transhume_model::migration::{Event, MigrationId, Phase};
use transhume_model::plan::directory::Change;
use transhume_model::rights::Scope;
use transhume_testkit::Postgres;
use transhume_web::ConsoleRules;

const MANY: usize = 10_000;
/// Pages that somebody has open.
const PAGES: usize = 200;
/// Seconds for which they are watched.
const SECONDS: u64 = 8;
/// The aims: milliseconds of the server's time for a question, and hundredths of a core for the pages. What is not optimised
/// may take longer; what it takes of a core says nothing then, and is only printed.
const MILLISECONDS: u128 = if cfg!(debug_assertions) { 300 } else { 100 };
const HUNDREDTHS: u128 = if cfg!(debug_assertions) { u128::MAX } else { 10 };

/// Adds so many accounts with a migration each to a domain that is there.
async fn fill(pool: &DirectoryPool) -> Vec<MigrationId> {
    let addresses: Vec<Address> = (0..MANY)
        .map(|person| Address::parse(&format!("p{person:05}@a.example")).unwrap())
        .collect();
    let account = |address: &Address| {
        Change::Add(Entry::Account(Box::new(Account {
            mailbox: Some(Mailbox::new(address.clone())),
            ..Account::new(Login::from(address))
        })))
    };
    let changes: Vec<Change> = addresses.iter().map(account).collect();
    let mut transaction = pool.begin().await.unwrap();
    transaction.apply(&changes).await.unwrap();
    let mut ids = Vec::new();
    for address in &addresses {
        let new = NewMigration {
            login: &Login::from(address),
            address,
            old_address: &Address::parse(&format!("{}@old-a.example", address.local())).unwrap(),
            provider: &ProviderName::parse("Old a.example").unwrap(),
            created: 1,
        };
        ids.push(transaction.add_migration(new).await.unwrap());
    }
    for id in ids.iter().step_by(3) {
        transaction.happen(*id, Event::PassBegan, 1).await.unwrap();
    }
    transaction.commit().await.unwrap();
    ids
}

/// The shortest of several tries, in milliseconds: the machine has other things to do, too.
fn shortest(mut work: impl FnMut()) -> u128 {
    let tries = (0..7).map(|_| {
        let begun = Instant::now();
        work();
        begun.elapsed().as_millis()
    });
    tries.min().unwrap()
}

fn searches() -> Vec<(&'static str, MigrationSearch)> {
    let all = MigrationSearch::default;
    let text = |text: &str| Some(text.to_owned());
    vec![
        ("all", all()),
        (
            "text",
            MigrationSearch {
                text: text("999@a"),
                ..all()
            },
        ),
        (
            "text that is nowhere",
            MigrationSearch {
                text: text("nowhere"),
                ..all()
            },
        ),
        (
            "phase",
            MigrationSearch {
                phase: Some(Phase::Seeding),
                ..all()
            },
        ),
        (
            "everything",
            MigrationSearch {
                text: text("p0"),
                phase: Some(Phase::Seeding),
                held: Some(false),
                provider: Some(ProviderName::parse("old a.example").unwrap()),
                sort: MigrationSort::Left,
                descending: true,
                ..all()
            },
        ),
    ]
}

/// One after the other: what the one uses of the cores would be counted as the other's.
#[test]
fn ten_thousand_migrations_are_searched_and_followed_without_anybody_noticing() {
    searched();
    followed();
}

fn searched() {
    let folder = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    server.create_database("many").unwrap();
    for (engine, at) in [
        ("SQLite", served::open(folder.path())),
        (
            "PostgreSQL",
            DirectoryLocation::parse(&server.socket_url("many")).unwrap(),
        ),
    ] {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let pool = runtime.block_on(async {
            let pool = DirectoryPool::open(&at).await.unwrap();
            served::fill(&pool).await;
            fill(&pool).await;
            pool
        });
        let scope = Scope::Domains(
            ["a.example"]
                .map(|name| transhume_model::directory::DomainName::parse(name).unwrap())
                .into(),
        );
        for (what, search) in searches() {
            for scope in [&Scope::All, &scope] {
                let took = shortest(|| {
                    let paging = Paging { page: 3, size: 50 };
                    runtime
                        .block_on(pool.search_migrations(scope, &search, paging))
                        .unwrap();
                });
                println!("{engine}, {what}: {took} ms");
                assert!(took < MILLISECONDS, "{engine}, {what}: {took} ms");
            }
        }
        let took = shortest(|| drop(runtime.block_on(pool.overview(&Scope::All, 1)).unwrap()));
        println!("{engine}, overview: {took} ms");
        assert!(took < MILLISECONDS, "{engine}, overview: {took} ms");
        runtime.block_on(pool.close());
    }
}

/// Ticks of a hundredth of a second that this process has used of its cores (proc(5)).
fn used() -> u128 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, after) = text.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = after.split(' ').collect();
    fields[11].parse::<u128>().unwrap() + fields[12].parse::<u128>().unwrap()
}

fn many() -> (Platform, Served, Vec<MigrationId>) {
    let platform = Platform::new();
    let served = platform.served_with(ConsoleRules {
        per_minute: 1_000_000,
        ..ConsoleRules::default()
    });
    let ids = wait(async {
        let pool = DirectoryPool::open(&served.pool()).await.unwrap();
        let ids = fill(&pool).await;
        pool.close().await;
        ids
    });
    (platform, served, ids)
}

/// Pages of ten thousand are quick and small, and two hundred that follow them cost little.
fn followed() {
    let (platform, served, ids) = many();
    let session = format!("Cookie: transhume={}", platform.person(Role::SuperAdmins).session);
    for path in [
        "/migrations",
        "/migrations?search=999%40a&phase=seeding",
        "/migrations?page=150",
        "/accounts?search=p0999",
        "/overview",
        "/api/v2/migrations/?page=2&page_size=100&search=p01",
    ] {
        let mut octets = 0;
        let took = shortest(|| {
            let answer = served.ask("GET", path, std::slice::from_ref(&session), "");
            assert_eq!(answer.status, 200, "{path}");
            octets = answer.body.len();
        });
        println!("{path}: {took} ms, {octets} octets");
        assert!(took < MILLISECONDS, "{path}: {took} ms");
        assert!(octets < 100_000, "{path}: {octets} octets");
    }
    // Each page shows fifty of them, and everybody's stand.
    let mut pages: Vec<_> = (0..PAGES)
        .map(|page| {
            let first = page * 50 % (MANY - 50);
            let shown: Vec<String> = ids[first..first + 50].iter().map(ToString::to_string).collect();
            let path = format!("/live?ids={}", shown.join(","));
            let mut reader = served.begin("GET", &path, std::slice::from_ref(&session), "");
            assert_eq!(head(&mut reader).status, 200);
            reader
        })
        .collect();
    // What they show becomes something else meanwhile, as it does where forty accounts are carried at a time.
    let (tell, told) = std::sync::mpsc::channel::<()>();
    let (at, moving) = (served.pool(), ids.clone());
    let changing = std::thread::spawn(move || {
        wait(async {
            let pool = DirectoryPool::open(&at).await.unwrap();
            let mut changed = moving.iter().cycle();
            while told.recv().is_ok() {
                let mut transaction = pool.begin().await.unwrap();
                // One of them is on the page that is read here.
                for id in changed.by_ref().step_by(251).take(39).chain([&moving[0]]) {
                    transaction.happen(*id, Event::Retry, 1).await.unwrap();
                }
                transaction.commit().await.unwrap();
            }
            pool.close().await;
        });
    });
    let watched = &mut pages[0];
    let mut next = || loop {
        let mut line = String::new();
        assert!(watched.read_line(&mut line).unwrap() > 0);
        if line.starts_with("data: ") {
            return;
        }
    };
    next();
    let (begun, before) = (Instant::now(), used());
    while begun.elapsed() < Duration::from_secs(SECONDS) {
        tell.send(()).unwrap();
        // Every second, what became of its own.
        next();
    }
    let hundredths = (used() - before) * 100 * 10 / begun.elapsed().as_millis();
    println!("{PAGES} pages: {hundredths} hundredths of a core");
    assert!(hundredths < HUNDREDTHS, "{hundredths} hundredths of a core");
    drop(tell);
    changing.join().unwrap();
}
