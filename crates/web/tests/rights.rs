//! Everything that can be asked, by everybody, of their own things and of others'.
//!
//! What a role may is written down in the model's table (`model/rights`); here it is seen that the gate and everything behind it
//! keep to it. A line of the table that this test cannot fill in fails it.

#![allow(clippy::unwrap_used, reason = "tests")]

mod served;

use axum::http::Method;
use served::{Objects, Platform, Served};
use transhume_model::directory::Role;
use transhume_model::rights::{Right, Scope, permits};
use transhume_web::{Entrance, Kind, entrances};

/// Whose object it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// That of whoever asks, or of a domain of theirs.
    Own,
    /// Somebody else's, of another domain.
    Foreign,
}

/// A question, and what became of it.
struct Asked<'e> {
    entrance: &'e Entrance,
    path: String,
    who: Option<Role>,
    whose: Whose,
    status: u16,
    to: String,
}

/// What the object is whose number stands in a path: the part of the path before it says so.
fn number(path: &str, whose: Whose, objects: &Objects) -> Option<String> {
    let (before, _) = path.split_once("/{id}")?;
    let before = before.rsplit('/').next().unwrap_or_default();
    let (own, foreign) = match before {
        // The name of an application, which is nobody's.
        "global" => return Some("imap_migration".to_owned()),
        "providers" | "email-providers" => objects.providers,
        "migrations" => objects.migrations,
        "domains" => objects.domains,
        "domain-aliases" | "domainaliases" => objects.domain_aliases,
        "accounts" => objects.accounts,
        "aliases" => objects.aliases,
        "tokens" => objects.tokens,
        other => panic!("{path}: what is a number after “{other}”? Teach this test."),
    };
    Some(match whose {
        Whose::Own => own.to_string(),
        Whose::Foreign => foreign.to_string(),
    })
}

fn filled(entrance: &Entrance, whose: Whose, objects: &Objects) -> String {
    let number = number(entrance.path, whose, objects).unwrap_or_default();
    // What is no number: what is to become of a migration, whose parameters, which picture.
    let words = [
        ("{id}", &*number),
        ("{act}", "pause"),
        ("{app}", "imap_migration"),
        ("{name}", "none"),
    ];
    let path = words.iter().fold(entrance.path.to_owned(), |path, (name, word)| {
        path.replace(name, word)
    });
    assert!(!path.contains('{'), "{path}: teach this test");
    path
}

fn ask<'e>(
    served: &Served,
    platform: &Platform,
    entrance: &'e Entrance,
    who: Option<Role>,
    whose: Whose,
) -> Asked<'e> {
    let path = filled(entrance, whose, &platform.objects_of(who));
    let mut headers = Vec::new();
    let mut body = String::new();
    if let Some(role) = who {
        let person = platform.person(role);
        if entrance.kind == Kind::Api {
            headers.push(format!("Authorization: Token {}", person.token));
        } else {
            headers.push(format!("Cookie: transhume={}", person.session));
            headers.push(format!("X-CSRF-Token: {}", person.csrf));
        }
    }
    if entrance.method != Method::GET {
        let kind = if entrance.kind == Kind::Api {
            body.push_str("{}");
            "application/json"
        } else {
            // Whoever is asked whether they are sure is.
            body.push_str("sure=yes&do=pause");
            "application/x-www-form-urlencoded"
        };
        headers.push(format!("Content-Type: {kind}"));
    }
    let answer = served.ask(entrance.method.as_str(), &path, &headers, &body);
    Asked {
        entrance,
        path,
        who,
        whose,
        status: answer.status,
        to: answer.header("location").unwrap_or_default().to_owned(),
    }
}

/// What is wrong with an answer, by the model's table.
fn wrong(asked: &Asked<'_>, platform: &Platform) -> Option<String> {
    let Asked {
        entrance,
        path,
        who,
        whose,
        status,
        to,
    } = asked;
    let told = |expected: &str| {
        let who = who.map_or("nobody", Role::as_str);
        Some(format!(
            "{} {path} by {who} ({whose:?}): {status} {to}, not {expected}",
            entrance.method
        ))
    };
    let Some(right) = entrance.right else {
        return (*status >= 500 || *status == 401)
            .then(|| told("an answer"))
            .flatten();
    };
    let Some(role) = who else {
        return match entrance.kind {
            Kind::Api if *status == 401 => None,
            Kind::Page | Kind::Form if *status == 303 && to.starts_with("/sign-in") => None,
            _ => told("to say who they are"),
        };
    };
    let scope = permits(&platform.person(*role).actor, right);
    let is_foreign = *whose == Whose::Foreign && entrance.path.contains("{id}");
    match scope {
        None if *status == 403 => None,
        None => told("403"),
        Some(Scope::All) if is_own_alone(right) && is_foreign && *status == 404 => None,
        Some(Scope::All) if matches!(status, 200..=400 | 409 | 415 | 422) => None,
        Some(Scope::All) => told("an answer"),
        Some(_) if is_foreign && *status == 404 => None,
        Some(_) if is_foreign => told("404"),
        // Nobody's own provider.
        Some(Scope::Own(_)) if path.contains("providers/") && *status == 404 => None,
        Some(_) if matches!(status, 200..=400 | 409 | 415 | 422) => None,
        Some(_) => told("an answer"),
    }
}

/// What nobody does for others, not even a SuperAdmin.
fn is_own_alone(right: Right) -> bool {
    matches!(
        right,
        Right::SeeProfile | Right::ChangeProfile | Right::SeeOwnProgress
    )
}

#[test]
fn everybody_may_what_their_role_may_and_nothing_else() {
    let platform = Platform::new();
    let table = entrances();
    let shared = platform.served();
    let mut questions = 0;
    let mut faults = Vec::new();
    for entrance in &table {
        let whose: &[Whose] = if entrance.path.contains("{id}") {
            &[Whose::Own, Whose::Foreign]
        } else {
            &[Whose::Own]
        };
        for who in std::iter::once(None).chain(Role::ALL.map(Some)) {
            for whose in whose {
                // What changes something is asked of a platform of its own.
                let is_safe = entrance.method == Method::GET;
                let own = (!is_safe).then(|| platform.served());
                let asked = ask(own.as_ref().unwrap_or(&shared), &platform, entrance, who, *whose);
                questions += 1;
                faults.extend(wrong(&asked, &platform));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {questions}:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert!(questions >= table.len() * 5, "{questions} questions");
}

#[test]
fn nothing_is_asked_twice_in_the_table_and_all_of_it_has_a_right() {
    let table = entrances();
    for (place, one) in table.iter().enumerate() {
        let same = |other: &Entrance| (&other.method, other.path) == (&one.method, one.path);
        assert!(!table[..place].iter().any(same), "{} {}", one.method, one.path);
        // What needs no right is where one signs in, comes for the first time, and what pages are drawn with.
        let open = [
            "/assets/",
            "/sign-in",
            "/first-start",
            "/api/v2/schema/",
            "/api/v2/docs/",
        ];
        let is_open = open.iter().any(|start| one.path.starts_with(start));
        assert!(one.right.is_some() || is_open, "{} {}", one.method, one.path);
    }
}

#[test]
fn names_that_are_not_in_the_table_do_not_exist() {
    let platform = Platform::new();
    let served = platform.served();
    let token = |role| format!("Authorization: Token {}", platform.person(role).token);
    for (method, path, who, status) in [
        ("GET", "/nothing", None, 404),
        ("GET", "/api/v2/nothing/", None, 401),
        ("GET", "/api/v2/nothing/", Some(Role::SuperAdmins), 404),
        ("GET", "/hooks/login", None, 404),
        ("POST", "/hooks/login", None, 404),
    ] {
        let headers: Vec<String> = who.map(token).into_iter().collect();
        let answer = served.ask(method, path, &headers, "");
        assert_eq!(answer.status, status, "{method} {path}");
    }
}
