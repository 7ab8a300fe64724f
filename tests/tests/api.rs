//! The API of the real service, asked whatever its document allows, and much that it does not.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use transhume_e2e::{binary, wait_until};
use transhume_testkit::{Dovecot, schemathesis};

const CONFIG: &str = r#"[directory]
url = "sqlite:DIR/lib/directory.sqlite"

[service]
listen = "127.0.0.1:HOOKS"
state-dir = "DIR/lib/state"

[console]
listen = "127.0.0.1:CONSOLE"
per-minute = 1000000

[mail]
folder = "DIR/mail"
owner = "OWNER"
"#;

/// What must hold of every answer: no failure of the server, and what the document says of status, type and body.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance";

/// What would ask other machines, and what would take the token away that is asked with.
const LEFT_OUT: [&str; 3] = [
    "email_providers_check_connection_create",
    "email_providers_check_create",
    "tokens_destroy",
];

/// The service, which ends with the test.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn transhume(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new(binary())
        .args(arguments)
        .arg("--config")
        .arg(dir.join("transhume.toml"))
        .env("TRANSHUME_ACCOUNT_PASSWORD", "a password of theirs")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn whatever_is_asked_the_api_answers_as_its_document_says() {
    let temp = tempfile::Builder::new().prefix("tk").tempdir_in("/tmp").unwrap();
    let dir = temp.path();
    fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
    let (uid, gid) = Dovecot::mail_user().unwrap();
    for name in ["lib", "mail"] {
        fs::create_dir(dir.join(name)).unwrap();
        chown(dir.join(name), Some(uid), Some(gid)).unwrap();
    }
    let (hooks, console) = (free_port(), free_port());
    let config = CONFIG
        .replace("DIR", dir.to_str().unwrap())
        .replace("HOOKS", &hooks.to_string())
        .replace("CONSOLE", &console.to_string())
        .replace("OWNER", &format!("{uid}:{gid}"));
    fs::write(dir.join("transhume.toml"), config).unwrap();
    transhume(
        dir,
        &["account", "add", "admin", "--role", "SuperAdmins", "--no-mailbox"],
    );
    for domain in ["one.example", "two.example"] {
        transhume(dir, &["domain", "add", domain]);
    }
    transhume(dir, &["account", "add", "somebody@one.example"]);
    let token = transhume(dir, &["account", "token", "admin"]);
    for file in fs::read_dir(dir.join("lib")).unwrap() {
        chown(file.unwrap().path(), Some(uid), Some(gid)).unwrap();
    }
    let log = dir.join("service.log");
    let service = Command::new(binary())
        .args(["serve", "--config"])
        .arg(dir.join("transhume.toml"))
        .stdin(Stdio::null())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let service = Service(service);
    wait_until("the console answers", || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, console)).is_ok()
    });
    let mut asking = Command::new(schemathesis().unwrap());
    asking
        .arg("run")
        .arg(format!("http://127.0.0.1:{console}/api/v2/schema/"))
        .args(["--header", &format!("Authorization: Token {}", token.trim())])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
        // The same questions every time, and no more than a minute or two of them.
        .args(["--max-examples", "15", "--seed", "1", "--no-shrink", "--no-color"])
        .args(["--warnings", "off"])
        .current_dir(dir);
    for id in LEFT_OUT {
        asking.args(["--exclude-operation-id", id]);
    }
    let output = asking.output().unwrap();
    let told =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let said = fs::read_to_string(&log).unwrap();
    assert!(output.status.success(), "{told}\n{said}");
    // Most of it was answered, not refused.
    assert!(told.contains("passed"), "{told}");
    drop(service);
}
