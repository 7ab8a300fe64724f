//! What the reference lacks, and what of it was recorded in words only.

use serde_json::{Value, json};
use transhume_db::directory::NewMigration;
use transhume_model::directory::{Address, DomainName, HostName, Login, Provider, ProviderName};
use transhume_model::migration::MigrationId;

use crate::served::{Answer, NOW, Program, serving};

/// A provider of two domains, one of them renamed to `second.example`, and the migrations of two people.
async fn with_migrations(program: &Program) -> Vec<MigrationId> {
    let domain = |name| DomainName::parse(name).unwrap();
    let provider = Provider {
        domains: [
            (domain("old.example"), Some(domain("local.example"))),
            (domain("was.example"), Some(domain("second.example"))),
        ]
        .into(),
        ..Provider::new(
            ProviderName::parse("Old").unwrap(),
            HostName::parse("imap.old.example").unwrap(),
        )
    };
    let mut transaction = program.directory.begin().await.unwrap();
    transaction.add_provider(&provider).await.unwrap();
    let mut ids = Vec::new();
    for (new, old) in [
        ("su@local.example", "su@old.example"),
        ("da2@second.example", "da2@was.example"),
    ] {
        let (address, old_address) = (Address::parse(new).unwrap(), Address::parse(old).unwrap());
        let migration = NewMigration {
            login: &Login::from(&address),
            address: &address,
            old_address: &old_address,
            provider: &provider.name,
            created: i64::try_from(NOW).unwrap(),
        };
        ids.push(transaction.add_migration(migration).await.unwrap());
    }
    transaction.commit().await.unwrap();
    ids
}

pub(crate) fn get(program: &Program, path: &str) -> Value {
    let answer = program.ask("SuperAdmins", "GET", path, None);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.body()
}

pub(crate) fn done(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    answer.body()
}

#[test]
fn roles_see_and_do_what_was_recorded_of_them() {
    serving(async |program| {
        let ids = with_migrations(&program).await;
        let one = format!("/api/v2/migrations/{}/", ids[0]);
        let providers = "/api/v2/email-providers/";
        let migrations = "/api/v2/migrations/";
        let new = json!({"name": "n", "address": "a.example"});
        // Status, and how many are in a list.
        for (method, path, super_admin, reseller, admin, admin2, user) in [
            ("GET", providers, (200, 1), (200, 0), (200, 1), (200, 1), (200, 0)),
            (
                "GET",
                migrations,
                (200, 2),
                (200, 0),
                (200, 1),
                (200, 1),
                (200, 1),
            ),
            (
                "GET",
                one.as_str(),
                (200, 0),
                (404, 0),
                (200, 0),
                (404, 0),
                (200, 0),
            ),
            (
                "POST",
                migrations,
                (405, 0),
                (403, 0),
                (403, 0),
                (403, 0),
                (403, 0),
            ),
            (
                "PUT",
                one.as_str(),
                (405, 0),
                (403, 0),
                (403, 0),
                (403, 0),
                (403, 0),
            ),
            (
                "PATCH",
                one.as_str(),
                (405, 0),
                (403, 0),
                (403, 0),
                (403, 0),
                (403, 0),
            ),
            (
                "POST",
                providers,
                (201, 0),
                (403, 0),
                (403, 0),
                (403, 0),
                (403, 0),
            ),
            (
                "DELETE",
                "/api/v2/migrations/99999/",
                (404, 0),
                (403, 0),
                (403, 0),
                (403, 0),
                (403, 0),
            ),
        ] {
            for (who, (status, number)) in [
                ("SuperAdmins", super_admin),
                ("Resellers", reseller),
                ("DomainAdmins", admin),
                ("DomainAdmins2", admin2),
                ("SimpleUsers", user),
                ("anonymous", (401, 0)),
            ] {
                let body = (method == "POST").then_some(&new);
                let answer = program.ask(who, method, path, body);
                assert_eq!(answer.status, status, "{who} {method} {path}: {}", answer.text);
                let list = answer.body().as_array().map_or(0, Vec::len);
                assert_eq!(list, number, "{who} {method} {path}: {}", answer.text);
            }
        }
    });
}

#[test]
#[allow(clippy::too_many_lines, reason = "one story, told to its end")]
fn migrations_are_found_and_steered() {
    serving(async |program| {
        let ids = with_migrations(&program).await;
        let all = "/api/v2/migrations/";
        for (query, found) in [
            ("", vec![1, 0]),
            ("?search=su@local.example", vec![0]),
            ("?search=SU@old", vec![0]),
            ("?search=nobody", vec![]),
            ("?phase=pending", vec![1, 0]),
            ("?phase=finished", vec![]),
            ("?held=true", vec![]),
            ("?provider=old", vec![1, 0]),
            ("?provider=1", vec![1, 0]),
            ("?provider=99", vec![]),
            ("?domain=second.example", vec![1]),
            ("?domain=no", vec![]),
            ("?ordering=-address", vec![0, 1]),
        ] {
            let list = get(&program, &format!("{all}{query}"));
            let list: Vec<i64> = list
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["id"].as_i64().unwrap())
                .collect();
            let found: Vec<i64> = found.into_iter().map(|at: usize| ids[at].0).collect();
            assert_eq!(list, found, "{query}");
        }
        for query in ["?phase=x", "?held=x", "?hold=x", "?ordering=x"] {
            assert_eq!(
                program
                    .ask("SuperAdmins", "GET", &format!("{all}{query}"), None)
                    .status,
                400
            );
        }
        let page = get(&program, "/api/v2/migrations/?page=2&page_size=1");
        assert_eq!((&page["count"], &page["next"]), (&json!(2), &Value::Null));
        assert_eq!(page["results"][0]["id"], ids[0].0);
        assert_eq!(page["previous"], "/api/v2/migrations/?page_size=1&page=1");

        let one = get(&program, &format!("{all}{}/", ids[0]));
        assert_eq!(one["provider"]["name"], "Old");
        assert_eq!(one["mailbox"]["full_address"], "su@local.example");
        assert_eq!(
            (&one["username"], &one["phase"]),
            (&json!("su@old.example"), &json!("pending"))
        );
        assert_eq!((&one["hold"], &one["running"]), (&Value::Null, &json!(false)));
        assert_eq!(get(&program, &format!("{all}{}/passes/", ids[0])), json!([]));
        assert_eq!(
            get(&program, "/api/v2/migrations/summary/")["phases"]["pending"],
            2
        );

        let act = |what: &str| program.ask("DomainAdmins", "POST", &format!("{all}{}/{what}/", ids[0]), None);
        let paused = done(&act("pause"), 200);
        assert_eq!(
            (&paused["hold"]["reason"], &paused["hold"]["by"]),
            (&json!("paused"), &json!("da@local.example"))
        );
        let refused = done(&act("cut-over"), 409);
        assert!(
            refused["detail"]
                .as_str()
                .unwrap()
                .contains("not all of its mail is here"),
            "{refused}"
        );
        assert_eq!(done(&act("resume"), 200)["hold"], Value::Null);
        done(&act("resume"), 409);
        done(&act("retry"), 200);

        let many =
            |who: &str, body: Value| program.ask(who, "POST", "/api/v2/migrations/actions/", Some(&body));
        let outcome = done(
            &many(
                "DomainAdmins",
                json!({"action": "pause", "ids": [ids[0].0, ids[1].0, 999]}),
            ),
            200,
        );
        // The other one is not theirs, and is told as one that is not there.
        assert_eq!(outcome["done"], json!([ids[0].0]));
        assert_eq!(outcome["refused"][0]["id"], ids[1].0);
        assert_eq!(outcome["refused"][1]["id"], 999);
        let outcome = done(
            &many(
                "SuperAdmins",
                json!({"action": "stop", "filter": {"domain": "second.example"}}),
            ),
            200,
        );
        assert_eq!(outcome, json!({"done": [ids[1].0], "refused": []}));
        for (who, body, status) in [
            (
                "DomainAdmins",
                json!({"action": "delete", "ids": [ids[0].0]}),
                403,
            ),
            ("SimpleUsers", json!({"action": "pause", "ids": [ids[0].0]}), 403),
            ("SuperAdmins", json!({"action": "pause"}), 400),
            (
                "SuperAdmins",
                json!({"action": "pause", "ids": [], "filter": {}}),
                400,
            ),
            (
                "SuperAdmins",
                json!({"action": "pause", "filter": {"domain": "no"}}),
                400,
            ),
            ("SuperAdmins", json!({"action": "burn", "ids": [1]}), 400),
        ] {
            assert_eq!(many(who, body.clone()).status, status, "{who} {body}");
        }
        let one = format!("{all}{}/", ids[0]);
        assert_eq!(program.ask("SuperAdmins", "DELETE", &one, None).status, 204);
        assert_eq!(program.ask("SuperAdmins", "GET", &one, None).status, 404);
        let provider = "/api/v2/email-providers/1/";
        assert_eq!(program.ask("SuperAdmins", "DELETE", provider, None).status, 409);
        let with = format!("{provider}?with_migrations=true");
        assert_eq!(program.ask("SuperAdmins", "DELETE", &with, None).status, 204);
        assert_eq!(get(&program, all), json!([]));
    });
}

#[test]
#[allow(clippy::too_many_lines, reason = "one story, told to its end")]
fn the_directory_is_written_field_by_field() {
    serving(async |program| {
        let ask =
            |method: &str, path: &str, body: Value| program.ask("SuperAdmins", method, path, Some(&body));
        let domain = done(
            &ask(
                "POST",
                "/api/v2/domains/",
                json!({"name": "New.Example", "quota": 10}),
            ),
            201,
        );
        assert_eq!(
            (&domain["name"], &domain["type"], &domain["quota"]),
            (&json!("new.example"), &json!("domain"), &json!(10))
        );
        let one = format!("/api/v2/domains/{}/", domain["pk"]);
        let changed = done(&ask("PATCH", &one, json!({"enabled": false})), 200);
        assert_eq!(
            (&changed["enabled"], &changed["quota"]),
            (&json!(false), &json!(10))
        );
        let relay = json!({"name": "relay.example", "type": "relaydomain", "transport": {"host": "mx.example", "port": 2525}});
        let relay = done(&ask("POST", "/api/v2/domains/", relay), 201);
        assert_eq!(
            relay["transport"],
            json!({"service": "relay", "host": "mx.example", "port": 2525, "verify_recipients": false})
        );
        assert_eq!(
            get(&program, "/api/v2/domains/?type=relaydomain")
                .as_array()
                .unwrap()
                .len(),
            1
        );

        let other = json!({"name": "other.example", "target": domain["pk"]});
        let other = done(&ask("POST", "/api/v2/domainaliases/", other), 201);
        assert_eq!(other["target_name"], "new.example");
        let other = format!("/api/v2/domainaliases/{}/", other["pk"]);
        assert_eq!(
            done(&ask("PATCH", &other, json!({"enabled": false})), 200)["enabled"],
            false
        );

        let account = json!({
            "username": "Bob@new.example", "password": "wonder land", "first_name": "Bob", "role": "SimpleUsers",
            "mailbox": {"full_address": "bob@new.example", "quota": 5},
        });
        let account = done(&ask("POST", "/api/v2/accounts/", account), 201);
        assert_eq!(
            (&account["username"], &account["has_password"]),
            (&json!("bob@new.example"), &json!(true))
        );
        assert_eq!(
            (
                &account["mailbox"]["quota"],
                &account["mailbox"]["use_domain_quota"]
            ),
            (&json!(5), &json!(false))
        );
        // I10: not even the hash is told.
        assert!(!account.to_string().contains('{') || account.get("password").is_none());
        let bob = format!("/api/v2/accounts/{}/", account["pk"]);
        let changed = done(
            &ask(
                "PATCH",
                &bob,
                json!({"last_name": "B", "mailbox": {"use_domain_quota": true}}),
            ),
            200,
        );
        assert_eq!(
            (&changed["first_name"], &changed["last_name"]),
            (&json!("Bob"), &json!("B"))
        );
        assert_eq!(changed["mailbox"]["quota"], Value::Null);

        let alias = json!({"address": "info@new.example", "recipients": ["bob@new.example", "eve@elsewhere.example"]});
        let alias = done(&ask("POST", "/api/v2/aliases/", alias), 201);
        let info = format!("/api/v2/aliases/{}/", alias["pk"]);
        let changed = done(
            &ask("PATCH", &info, json!({"recipients": ["bob@new.example"]})),
            200,
        );
        assert_eq!(
            (&changed["recipients"], &changed["enabled"]),
            (&json!(["bob@new.example"]), &json!(true))
        );
        let identities = get(&program, "/api/v2/identities/?search=new.example");
        let identities: Vec<&Value> = identities
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["type"])
            .collect();
        assert_eq!(identities, ["account", "alias"]);
        let page = get(
            &program,
            "/api/v2/identities/?search=new.example&page=2&page_size=1",
        );
        assert_eq!(
            (&page["count"], &page["results"][0]["identity"]),
            (&json!(2), &json!("info@new.example"))
        );

        for (method, path, body, field) in [
            ("POST", "/api/v2/domains/", json!({"name": "no"}), "name"),
            (
                "POST",
                "/api/v2/domains/",
                json!({"name": "local.example"}),
                "name",
            ),
            ("POST", "/api/v2/domains/", json!({}), "name"),
            ("PATCH", one.as_str(), json!({"name": "b.example"}), "name"),
            ("PATCH", one.as_str(), json!({"quota": -1}), "quota"),
            (
                "POST",
                "/api/v2/domainaliases/",
                json!({"name": "x.example", "target": 999}),
                "target",
            ),
            (
                "POST",
                "/api/v2/accounts/",
                json!({"username": "two words"}),
                "username",
            ),
            (
                "POST",
                "/api/v2/accounts/",
                json!({"username": "x@new.example", "role": "King"}),
                "role",
            ),
            (
                "POST",
                "/api/v2/accounts/",
                json!({"username": "y@new.example", "mailbox": {}}),
                "mailbox",
            ),
            ("PATCH", bob.as_str(), json!({"username": "eve"}), "username"),
            ("PATCH", bob.as_str(), json!({"domains": ["x"]}), "domains"),
            (
                "POST",
                "/api/v2/aliases/",
                json!({"address": "a@new.example", "recipients": []}),
                "recipients",
            ),
            (
                "POST",
                "/api/v2/aliases/",
                json!({"address": "a@new.example", "recipients": ["x"]}),
                "recipients",
            ),
            (
                "POST",
                "/api/v2/aliases/",
                json!({"address": "a@new.example", "recipients": ["nobody@new.example"]}),
                "recipients",
            ),
        ] {
            let answer = ask(method, path, body.clone());
            let told = answer.body();
            assert_eq!(answer.status, 400, "{path} {body}: {told}");
            assert!(!told[field].is_null(), "{path} {body}: {told}");
            assert_eq!(answer.kind.as_deref(), Some("application/problem+json"));
        }
        for (path, status) in [(&info, 204), (&bob, 204), (&other, 204), (&one, 204), (&one, 404)] {
            assert_eq!(
                program.ask("SuperAdmins", "DELETE", path, None).status,
                status,
                "{path}"
            );
        }
    });
}
