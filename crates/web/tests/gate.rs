//! What the gate does with whoever asks, whatever they ask for.

#![allow(clippy::unwrap_used, reason = "tests")]

mod served;

use served::{Platform, Served, head, serve};
use std::time::{Duration, Instant};
use transhume_db::directory::DirectoryPool;
use transhume_model::directory::Role;
use transhume_model::migration::{Event, MigrationId};
use transhume_web::{ConsoleRules, Entrance, Kind, entrances};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// A form that everybody may send, and that takes no more than its proof.
fn form() -> Entrance {
    let found = entrances()
        .into_iter()
        .find(|one| one.path == "/sign-out" && one.kind == Kind::Form);
    found.unwrap()
}

fn cookie(session: &str) -> String {
    format!("Cookie: other=1; transhume={session}; more=2")
}

#[test]
fn forms_of_other_pages_do_nothing() {
    let platform = Platform::new();
    let user = platform.person(Role::SimpleUsers);
    let boss = platform.person(Role::SuperAdmins);
    let path = form().path;
    let part = |token: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n--b--\r\n")
    };
    for (headers, body, is_taken) in [
        (vec![], String::new(), false),
        (vec![FORM.to_owned()], "csrf=".to_owned(), false),
        (vec![FORM.to_owned()], format!("csrf={}", boss.csrf), false),
        (vec![FORM.to_owned()], format!("csrf={}", user.session), false),
        (vec![FORM.to_owned()], format!("a=1&csrf={}", user.csrf), true),
        (vec![format!("X-CSRF-Token: {}", user.csrf)], String::new(), true),
        (
            vec!["Content-Type: multipart/form-data; boundary=b".to_owned()],
            part(&user.csrf),
            true,
        ),
        (
            vec!["Content-Type: multipart/form-data; boundary=b".to_owned()],
            part(&boss.csrf),
            false,
        ),
    ] {
        let served = platform.served();
        let mut headers = headers;
        headers.push(cookie(&user.session));
        let answer = served.ask("POST", path, &headers, &body);
        assert_eq!(answer.status != 403, is_taken, "{headers:?} {body} {answer:?}");
        // Whether it was done: whoever has signed out has to sign in.
        let after = served.ask("GET", "/profile", &[cookie(&user.session)], "");
        assert_eq!(after.status == 303, is_taken, "{headers:?} {after:?}");
    }
    // A sign-in by another site's form would be its own account under somebody's eyes.
    let served = platform.served();
    let foreign = [FORM.to_owned(), "Origin: https://evil.example".to_owned()];
    let said = "name=user%40a.example&password=x";
    assert_eq!(served.ask("POST", "/sign-in", &foreign, said).status, 403);
}

#[test]
fn scripts_of_pages_ask_the_api_with_the_proof_and_read_without() {
    let platform = Platform::new();
    let served = platform.served();
    let boss = platform.person(Role::SuperAdmins);
    let id = platform.objects_of(None).migrations.0;
    let path = format!("/api/v2/migrations/{id}/");
    let csrf = format!("X-CSRF-Token: {}", boss.csrf);
    for (method, headers, status) in [
        ("GET", vec![cookie(&boss.session)], 200),
        ("DELETE", vec![cookie(&boss.session)], 403),
        (
            "DELETE",
            vec![cookie(&boss.session), "X-CSRF-Token: x".to_owned()],
            403,
        ),
        ("GET", vec!["Authorization: Token x".to_owned()], 401),
        ("GET", vec![format!("Authorization: Token {}", boss.session)], 401),
        ("GET", vec![cookie(&boss.token)], 401),
        ("GET", vec![format!("Authorization: Basic {}", boss.token)], 401),
        ("GET", vec![format!("Authorization: bearer {}", boss.token)], 200),
        ("DELETE", vec![cookie(&boss.session), csrf], 204),
    ] {
        let answer = served.ask(method, &path, &headers, "");
        assert_eq!(answer.status, status, "{method} {headers:?} {answer:?}");
        if status == 401 {
            let kind = answer.header("content-type").unwrap();
            assert_eq!(kind, "application/problem+json");
            assert!(answer.header("www-authenticate").is_some() && answer.body.contains("\"detail\""));
        }
    }
}

#[test]
fn every_answer_says_what_browsers_may_do_with_it() {
    let platform = Platform::new();
    let served = platform.served();
    let boss = platform.person(Role::SuperAdmins);
    for (path, headers) in [
        ("/sign-in", vec![]),
        ("/", vec![cookie(&boss.session)]),
        ("/settings", vec![]),
        ("/nothing", vec![]),
        ("/api/v2/migrations/", vec![]),
        ("/api/v2/migrations/", vec![cookie(&boss.session)]),
    ] {
        let answer = served.ask("GET", path, &headers, "");
        let said = |name: &str| {
            answer
                .header(name)
                .unwrap_or_else(|| panic!("{path}: no {name}"))
                .to_owned()
        };
        let policy = said("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none';") && !policy.contains("unsafe"),
            "{policy}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"));
        assert_eq!(said("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(said("cache-control"), "no-store", "{path}");
        assert_eq!(said("referrer-policy"), "same-origin", "{path}");
        // I10: nothing of it is a secret.
        for secret in [&boss.session, &boss.token] {
            assert!(!answer.body.contains(secret.as_str()), "{path}");
        }
        assert!(!served.log.lock().unwrap().contains(&boss.token));
    }
}

#[test]
fn whoever_asks_too_often_waits_and_nobody_else() {
    let platform = Platform::new();
    let served = platform.served_with(ConsoleRules {
        per_minute: 10,
        ..ConsoleRules::default()
    });
    let ask = |role: Role| {
        let token = format!("Authorization: Token {}", platform.person(role).token);
        served.ask("GET", "/api/v2/migrations/", &[token], "")
    };
    let answers: Vec<u16> = (0..12).map(|_| ask(Role::SuperAdmins).status).collect();
    assert_eq!((answers[9], answers[10]), (200, 429), "{answers:?}");
    let refused = ask(Role::SuperAdmins);
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    assert_eq!(ask(Role::Resellers).status, 200);
    // Whoever guesses tokens.
    let served = platform.served();
    let guess = || {
        served
            .ask(
                "GET",
                "/api/v2/migrations/",
                &["Authorization: Token guess".to_owned()],
                "",
            )
            .status
    };
    let answers: Vec<u16> = (0..32).map(|_| guess()).collect();
    assert_eq!((answers[29], answers[30]), (401, 429), "{answers:?}");
}

#[test]
fn behind_a_proxy_its_word_on_where_somebody_comes_from_counts_and_only_there() {
    for is_behind_proxy in [true, false] {
        let platform = Platform::new();
        let served = platform.served_with(ConsoleRules {
            is_behind_proxy,
            per_minute: 1_000_000,
            ..ConsoleRules::default()
        });
        let guess = |network: &str| {
            let headers = [
                "Authorization: Token guess".to_owned(),
                format!("X-Forwarded-For: 10.0.0.1, {network}"),
            ];
            served.ask("GET", "/api/v2/migrations/", &headers, "").status
        };
        for one in 0..30 {
            let each = format!("192.0.2.{one}");
            assert_eq!(guess(if is_behind_proxy { "192.0.2.1" } else { &each }), 401);
        }
        assert_eq!(guess("192.0.2.2"), if is_behind_proxy { 401 } else { 429 });
        assert_eq!(guess("192.0.2.1"), 429);
    }
}

#[test]
fn what_is_too_long_is_not_read() {
    let platform = Platform::new();
    let served = platform.served();
    let token = format!(
        "Authorization: Token {}",
        platform.person(Role::SuperAdmins).token
    );
    let headers = [token, "Content-Type: application/json".to_owned()];
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(300_000));
    let answer = served.ask("POST", "/api/v2/email-providers/", &headers, &long);
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[test]
fn cookies_are_kept_from_scripts_and_travel_by_tls_alone_where_there_is_tls() {
    for is_secure in [false, true] {
        let platform = Platform::new();
        let served = platform.served_with(ConsoleRules {
            is_secure,
            ..ConsoleRules::default()
        });
        let form = [FORM.to_owned()];
        let said = "login=user%40a.example&name=user%40a.example&password=pass+%26+gr%C3%B6%C3%9Fer+%25";
        let answer = served.ask("POST", "/sign-in", &form, said);
        assert_eq!(answer.status, 303, "{answer:?}");
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"));
        assert_eq!(cookie.contains("Secure"), is_secure, "{cookie}");
        assert_eq!(cookie.starts_with("__Host-transhume="), is_secure, "{cookie}");
        let (pair, _) = cookie.split_once(';').unwrap();
        let page = served.ask("GET", "/profile", &[format!("Cookie: {pair}")], "");
        assert_eq!(page.status, 200, "{page:?}");
    }
}

#[test]
fn nobody_is_there_at_first() {
    let folder = tempfile::tempdir().unwrap();
    let served = serve(folder, ConsoleRules::default());
    let log = served.log.lock().unwrap().clone();
    let (_, code) = log.split_once("this code: ").unwrap();
    let (code, _) = code.split_once(' ').unwrap();
    assert_eq!(code.len(), 39, "{log}");
    let page = served.ask("GET", "/first-start", &[], "");
    assert_eq!(page.status, 200, "{page:?}");
    assert!(!page.body.contains(code));
}

/// What a page is told: the next event that has something in it.
fn event(reader: &mut impl std::io::BufRead) -> String {
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the page was let go");
        if let Some(data) = line.strip_prefix("data: ") {
            return data.trim_end().to_owned();
        }
    }
}

fn pause(served: &Served, id: i64) {
    served::wait(async {
        let pool = DirectoryPool::open(&served.pool()).await.unwrap();
        let by = "somebody".to_owned();
        pool.happen(MigrationId(id), Event::Pause { by }, 1)
            .await
            .unwrap();
        pool.close().await;
    });
}

#[test]
fn pages_are_told_what_they_show_and_nobody_what_is_not_theirs() {
    let platform = Platform::new();
    let (own, foreign) = platform.objects_of(None).migrations;
    for (role, query, sees_own, sees_foreign, sees_overview) in [
        (
            Role::SuperAdmins,
            format!("ids={own},{foreign}"),
            true,
            true,
            true,
        ),
        (Role::SuperAdmins, format!("ids={foreign}"), false, true, true),
        (
            Role::DomainAdmins,
            format!("ids={own},{foreign}"),
            true,
            false,
            true,
        ),
        (Role::Resellers, format!("ids={foreign}"), false, false, true),
        (Role::SimpleUsers, "own".to_owned(), true, false, false),
        (
            Role::SimpleUsers,
            format!("own&ids={foreign}"),
            true,
            false,
            false,
        ),
    ] {
        let served = platform.served();
        let session = cookie(&platform.person(role).session);
        let mut reader = served.begin("GET", &format!("/live?{query}"), &[session], "");
        let answer = head(&mut reader);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("text/event-stream"))
        );
        // How it stands now; then what happens.
        let begun = Instant::now();
        let first = event(&mut reader);
        assert!(begun.elapsed() < Duration::from_secs(20));
        let shows = |text: &str, id: i64| text.contains(&format!("\"id\":{id},"));
        let told = format!("{role} {query}: {first}");
        assert_eq!(
            (shows(&first, own), shows(&first, foreign)),
            (sees_own, sees_foreign),
            "{told}"
        );
        assert_eq!(first.contains("\"overview\""), sees_overview, "{told}");
        pause(&served, foreign);
        pause(&served, own);
        let mut seen = String::new();
        while sees_own && !(seen.contains("paused by somebody") && shows(&seen, own)) {
            seen += &event(&mut reader);
            assert!(begun.elapsed() < Duration::from_secs(30), "{seen}");
        }
        assert!(sees_foreign || !shows(&seen, foreign), "{role} {query}: {seen}");
    }
    // Whoever may see nothing of others is told nothing of them.
    let served = platform.served();
    assert_eq!(served.ask("GET", "/live?ids=1", &[], "").status, 303);
}
