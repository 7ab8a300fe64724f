//! What the reference lacks, and what of it was recorded in words only.

use serde_json::{Value, json};
use transhume_db::directory::NewMigration;
use transhume_model::directory::{Address, DomainName, HostName, Login, Provider, ProviderName};
use transhume_model::migration::MigrationId;
use transhume_testkit::SimulatedServer;

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

fn get(program: &Program, path: &str) -> Value {
    let answer = program.ask("SuperAdmins", "GET", path, None);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.body()
}

fn done(answer: &Answer, status: u16) -> Value {
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

#[test]
fn administrators_reach_their_own_domains_alone() {
    serving(async |program| {
        let list = |who: &str, path: &str, name: &str| -> Vec<String> {
            let answer = done(&program.ask(who, "GET", path, None), 200);
            let list = answer.as_array().unwrap().iter();
            list.map(|one| one[name].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(
            list("DomainAdmins", "/api/v2/domains/", "name"),
            ["local.example"]
        );
        let foreign = get(&program, "/api/v2/accounts/?search=da2")[0]["pk"].clone();
        let foreign = format!("/api/v2/accounts/{foreign}/");
        for method in ["GET", "PATCH", "DELETE"] {
            let body = (method == "PATCH").then(|| json!({"first_name": "x"}));
            let answer = program.ask("DomainAdmins", method, &foreign, body.as_ref());
            assert_eq!(answer.status, 404, "{method}: {}", answer.text);
        }
        // Nobody becomes more than they are.
        for (who, body, status) in [
            (
                "DomainAdmins",
                json!({"username": "a@local.example", "mailbox": {"full_address": "a@local.example"}}),
                201,
            ),
            (
                "DomainAdmins",
                json!({"username": "b@second.example", "mailbox": {"full_address": "b@second.example"}}),
                403,
            ),
            (
                "DomainAdmins",
                json!({"username": "c@local.example", "role": "SuperAdmins", "mailbox": {"full_address": "c@local.example"}}),
                403,
            ),
            ("SimpleUsers", json!({"username": "d@local.example"}), 403),
        ] {
            let answer = program.ask(who, "POST", "/api/v2/accounts/", Some(&body));
            assert_eq!(answer.status, status, "{who} {body}: {}", answer.text);
        }
        // A Reseller's new domain is theirs.
        let body = json!({"name": "resold.example"});
        done(
            &program.ask("Resellers", "POST", "/api/v2/domains/", Some(&body)),
            201,
        );
        assert_eq!(list("Resellers", "/api/v2/domains/", "name"), ["resold.example"]);
        assert_eq!(
            program
                .ask("DomainAdmins", "POST", "/api/v2/domains/", Some(&body))
                .status,
            403
        );
    });
}

#[test]
fn files_are_looked_at_first_and_come_whole_or_not_at_all() {
    serving(async |program| {
        let path = "/api/v2/domains/import/";
        let wrong = "domain; a.example; 10; 5; true\ndomain; b; 0; 0; true\nnonsense; c.example\n";
        let told = done(&program.upload("SuperAdmins", path, wrong, &[]), 200);
        assert_eq!(
            (&told["status"], &told["errors"][0]["line"]),
            (&json!(false), &json!(2))
        );
        assert_eq!(told["errors"][1]["line"], 3);
        let right = "domain,a.example,10,5,true\ndomainalias,b.example,a.example,true\n";
        let dry = done(
            &program.upload("SuperAdmins", path, right, &[("dry_run", "true")]),
            200,
        );
        assert_eq!(
            (&dry["status"], &dry["added"]["domains"]),
            (&json!(true), &json!(1))
        );
        assert_eq!(get(&program, "/api/v2/domains/?search=a.example"), json!([]));
        let told = done(&program.upload("SuperAdmins", path, right, &[]), 200);
        assert_eq!(told["message"], "2 objects imported successfully");
        let again = done(&program.upload("SuperAdmins", path, right, &[]), 200);
        assert_eq!(again["status"], false);
        let kept = done(
            &program.upload("SuperAdmins", path, right, &[("continue_if_exists", "true")]),
            200,
        );
        assert_eq!((&kept["status"], &kept["kept"]), (&json!(true), &json!(2)));
        let none = program.send("SuperAdmins", "POST", path, "application/json", Some(b"{}"));
        assert_eq!(done(&none, 400)["sourcefile"], json!(["No file was submitted."]));

        let people = "account; eve@a.example; wonder land; Eve; E; true; SimpleUsers; eve@a.example; 0\n";
        let path = "/api/v2/identities/import/";
        let clear = done(&program.upload("SuperAdmins", path, people, &[]), 200);
        assert_eq!(clear["status"], false);
        // I10: no password is told.
        assert!(!clear.to_string().contains("wonder"), "{clear}");
        let told = done(
            &program.upload("SuperAdmins", path, people, &[("crypt_passwords", "true")]),
            200,
        );
        assert_eq!(
            (&told["status"], &told["added"]["mailboxes"]),
            (&json!(true), &json!(1))
        );
        let foreign = done(
            &program.upload(
                "DomainAdmins",
                path,
                "alias; x@a.example; true; eve@a.example\n",
                &[],
            ),
            200,
        );
        assert_eq!(foreign["status"], false, "{foreign}");

        let rows = program.ask("SuperAdmins", "GET", "/api/v2/domains/export/", None);
        assert_eq!(rows.kind.as_deref(), Some("text/csv; charset=utf-8"));
        assert!(
            rows.text.contains("domain,a.example,10,5,true\r\n"),
            "{}",
            rows.text
        );
        let rows = program.ask("SuperAdmins", "GET", "/api/v2/identities/export/?sepchar=;", None);
        assert!(rows.text.contains("account;eve@a.example;{"), "{}", rows.text);
        let rows = program.ask("DomainAdmins", "GET", "/api/v2/identities/export/", None);
        assert!(
            rows.text.contains("su@local.example") && !rows.text.contains("a.example,"),
            "{}",
            rows.text
        );
        // A file of several MB is no trouble.
        let long = "domain; z.example; 0; 0; true\n".to_owned() + &"\n".repeat(3 << 20);
        assert_eq!(
            done(
                &program.upload("SuperAdmins", "/api/v2/domains/import/", &long, &[]),
                200
            )["status"],
            true
        );
    });
}

#[test]
fn servers_are_checked_and_the_reason_is_told() {
    serving(async |program| {
        let server = SimulatedServer::start(&[]).unwrap();
        let nobody = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let path = "/api/v2/email-providers/check_connection/";
        let check = |body: Value| program.ask("SuperAdmins", "POST", path, Some(&body));
        let fine = done(
            &check(json!({"address": "127.0.0.1", "port": server.port(), "secured": false})),
            200,
        );
        assert_eq!(fine["status"], "ok", "{fine}");
        let failed = done(
            &check(json!({"address": "127.0.0.1", "port": nobody, "secured": false})),
            400,
        );
        assert_eq!(
            (&failed["status"], &failed["reason"]),
            (&json!("failed"), &json!("unreachable"))
        );
        assert!(failed["detail"].as_str().unwrap().contains("port"), "{failed}");
        assert_eq!(
            done(&check(json!({"address": "127.0.0.1"})), 400)["port"],
            json!(["This field is required."])
        );
        let body = json!({"address": "127.0.0.1", "port": nobody});
        assert_eq!(program.ask("DomainAdmins", "POST", path, Some(&body)).status, 403);

        let path = "/api/v2/email-providers/check_associated_domain/";
        for (body, status) in [
            (json!({"name": "fine.example"}), 200),
            (json!({"name": "fine.example", "new_domain": 1}), 200),
            (json!({"name": "fine.example", "new_domain": 99}), 400),
            (json!({"name": "not a domain!"}), 400),
            (json!({"name": ""}), 400),
        ] {
            let answer = program.ask("SuperAdmins", "POST", path, Some(&body));
            assert_eq!(answer.status, status, "{body}: {}", answer.text);
        }
    });
}

#[test]
fn tokens_are_made_told_once_and_removed() {
    serving(async |program| {
        let path = "/api/v2/tokens/";
        let made = done(
            &program.ask("SimpleUsers", "POST", path, Some(&json!({"label": "mine"}))),
            201,
        );
        let token = made["token"].as_str().unwrap();
        let list = done(&program.ask("SimpleUsers", "GET", path, None), 200);
        assert!(!list.to_string().contains(token));
        let labels: Vec<&Value> = list.as_array().unwrap().iter().map(|one| &one["label"]).collect();
        assert!(labels.contains(&&json!("mine")), "{labels:?}");
        let one = format!("{path}{}/", made["id"]);
        // Not somebody else's.
        assert_eq!(program.ask("SuperAdmins", "DELETE", &one, None).status, 404);
        assert_eq!(program.ask("SimpleUsers", "DELETE", &one, None).status, 204);
    });
}

#[test]
fn bodies_are_forms_too_and_others_are_told() {
    serving(async |program| {
        let path = "/api/v2/email-providers/";
        let send =
            |kind: &str, body: &str| program.send("SuperAdmins", "POST", path, kind, Some(body.as_bytes()));
        let form = send(
            "application/x-www-form-urlencoded",
            "name=A+B&address=imap.example&port=1143&secured=false",
        );
        let added = done(&form, 201);
        assert_eq!(
            (&added["name"], &added["port"], &added["secured"]),
            (&json!("A B"), &json!(1143), &json!(false))
        );
        for (kind, body, status, says) in [
            (
                "text/plain",
                "x",
                415,
                "Unsupported media type \"text/plain\" in request.",
            ),
            (
                "application/json",
                "{\"name\": \"secret",
                400,
                "JSON parse error - line 1 column 16",
            ),
            ("multipart/form-data", "x", 400, "boundary"),
        ] {
            let told = done(&send(kind, body), status);
            assert!(told["detail"].as_str().unwrap().contains(says), "{kind}: {told}");
        }
        let long = format!("{{\"name\": \"{}\"}}", "x".repeat(300_000));
        assert_eq!(send("application/json", &long).status, 413);
    });
}

#[test]
fn the_document_and_its_page_are_served() {
    serving(async |program| {
        let get = |path| program.ask("SimpleUsers", "GET", path, None);
        let document = get("/api/v2/schema/");
        assert_eq!(document.text, transhume_web::api_document());
        let page = get("/api/v2/docs/");
        assert_eq!(page.kind.as_deref(), Some("text/html; charset=utf-8"));
        assert!(page.text.contains("migrations_list"));
        let style = get("/api/v2/docs/style.css");
        assert_eq!(style.kind.as_deref(), Some("text/css; charset=utf-8"));
        assert_eq!(
            program.ask("anonymous", "GET", "/api/v2/schema/", None).status,
            401
        );
    });
}
