//! What the API has beside its resources: other administrators' reach, files, checks, tokens, forms, its document.

use serde_json::{Value, json};
use transhume_testkit::SimulatedServer;

use crate::served::serving;
use crate::stories::{done, get};

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
