//! An old server, the new one with all that serves it, and the service.

use std::fs::{self, File, Permissions};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use transhume_e2e::{PASSWORD, binary, wait_until};
use transhume_testkit::{Body, Dovecot, MailboxSpec, MessageSpec, Postfix, write_account};

pub(crate) struct Place {
    pub(crate) old: Dovecot,
    pub(crate) new: Dovecot,
    pub(crate) postfix: Postfix,
    service: Option<Child>,
    port: u16,
    /// The authority that Dovecot and the service trust, if not those of this machine.
    authority: Option<PathBuf>,
    dir: PathBuf,
    _temp: TempDir,
}

/// What a service needs to be told.
const CONFIG: &str = r#"[directory]
url = "sqlite:DIR/lib/directory.sqlite"

[service]
listen = "127.0.0.1:PORT"
state-dir = "DIR/lib/state"

[console]
listen = "off"

[mail]
folder = "DIR/mail"
owner = "OWNER"
"#;

/// Dovecot's setting of an authority.
fn trust(authority: &Path) -> String {
    format!("ssl_ca = <{}\n", authority.display())
}

/// The id of a group of this machine.
fn group(name: &str) -> u32 {
    let groups = fs::read_to_string("/etc/group").unwrap();
    let line = groups.lines().find(|line| line.starts_with(&format!("{name}:")));
    line.unwrap().split(':').nth(2).unwrap().parse().unwrap()
}

/// An address of this machine that only this process uses: POP3 is looked for at its usual port there.
fn own_address() -> Ipv4Addr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 88, high, low.max(1))
}

/// The old server: two messages for everybody.
fn old_server(address: Ipv4Addr, people: &[&str]) -> Dovecot {
    let people_there = people
        .iter()
        .fold(Dovecot::builder(), |server, user| server.user(user, PASSWORD));
    let listener = |service: &str, port: u16| {
        format!(
            "service {service} {{\n  process_min_avail = 2\n  service_count = 0\n  inet_listener usual {{\n    address = {address}\n    port = {port}\n  }}\n}}\n"
        )
    };
    let old = people_there
        .extra_config(&(listener("imap-login", 143) + &listener("pop3-login", 110)))
        .start()
        .unwrap();
    let message = |uid, text: &str| MessageSpec {
        uid,
        body: Body::Bytes(format!("Subject: {text}\r\n\r\nHello.\r\n").into_bytes()),
        flags: vec!["\\Seen".to_owned()],
        internal_date: 1_000_000_000 + i64::from(uid),
    };
    let mut inbox = MailboxSpec::new(&["INBOX"], 1_234_567);
    inbox.messages = vec![message(7, "first"), message(9, "second")];
    for user in people {
        write_account(&old.maildir(user), old.chown_to(), &[inbox.clone()]).unwrap();
    }
    old
}

impl Place {
    /// `people` have an account on the old server, which is the provider of `old.example` and `was.example` (here `is.example`).
    pub(crate) fn start(people: &[&str]) -> Self {
        Self::trusting(people, None)
    }

    /// The same, where both trust an authority of their own.
    pub(crate) fn trusting(people: &[&str], authority: Option<&Path>) -> Self {
        let temp = tempfile::Builder::new().prefix("tk").tempdir_in("/tmp").unwrap();
        let dir = temp.path().to_owned();
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        // Dovecot reads it with few rights.
        let authority = authority.map(|authority| {
            let copy = dir.join("authority.pem");
            fs::copy(authority, &copy).unwrap();
            fs::set_permissions(&copy, Permissions::from_mode(0o644)).unwrap();
            copy
        });
        let address = own_address();
        let old = old_server(address, people);
        let (uid, gid) = Dovecot::mail_user().unwrap();
        for (name, group) in [("lib", group("postfix")), ("mail", gid)] {
            fs::create_dir(dir.join(name)).unwrap();
            fs::set_permissions(dir.join(name), Permissions::from_mode(0o750)).unwrap();
            chown(dir.join(name), Some(uid), Some(group)).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = CONFIG
            .replace("DIR", dir.to_str().unwrap())
            .replace("PORT", &port.to_string())
            .replace("OWNER", &format!("{uid}:{gid}"));
        fs::write(dir.join("transhume.toml"), config).unwrap();
        transhume(&dir, &["schema", "--upgrade"]);
        let file = dir.join("lib/directory.sqlite");
        chown(&file, Some(uid), Some(group("postfix"))).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();

        let mut postfix = Postfix::prepare().unwrap();
        let [maps, logins, mail, queue] = [
            dir.join("maps"),
            dir.join("logins"),
            dir.join("mail"),
            postfix.queue(),
        ]
        .map(|path| path.to_str().unwrap().to_owned());
        transhume(&dir, &["config", "postfix", "--output", &maps]);
        let owner = format!("{uid}:{gid}");
        let dovecot = [
            "config",
            "dovecot",
            "--admit-logins",
            "--output",
            &logins,
            "--mail-root",
            &mail,
        ];
        transhume(
            &dir,
            &[&dovecot[..], &["--mail-owner", &owner, "--queue", &queue]].concat(),
        );
        let new = Dovecot::builder()
            .without_accounts()
            .extra_config(&format!(
                "!include {logins}/transhume.conf\n{}",
                authority.as_deref().map_or_else(String::new, trust)
            ))
            .start()
            .unwrap();
        let text = fs::read_to_string(dir.join("transhume.toml")).unwrap();
        let text = format!("{text}dovecot-config = \"{}\"\n", new.config_path().display());
        fs::write(dir.join("transhume.toml"), text).unwrap();
        // A hundred people come from one address here; Postfix usually takes fifty.
        let settings = fs::read_to_string(dir.join("maps/main.cf")).unwrap();
        postfix
            .start(&(settings + "smtpd_client_connection_count_limit = 0\n"))
            .unwrap();
        let mut place = Self {
            old,
            new,
            postfix,
            service: None,
            port,
            authority,
            dir,
            _temp: temp,
        };
        place.add_provider("Old", &address.to_string(), 143, "old.example");
        place.sql("INSERT INTO provider_domain (old_domain, provider, new_domain) VALUES ('was.example', 'Old', 'is.example')");
        place.start_service();
        place
    }

    pub(crate) fn start_service(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir.join("service.log"))
            .unwrap();
        let mut command = Command::new(binary());
        if let Some(authority) = &self.authority {
            command.env("SSL_CERT_FILE", authority);
        }
        let service = command
            .args(["serve", "--config"])
            .arg(self.dir.join("transhume.toml"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.service = Some(service);
        wait_until("the service answers", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
        });
    }

    pub(crate) fn stop_service(&mut self) {
        if let Some(mut service) = self.service.take() {
            let id = service.id().to_string();
            Command::new("kill").args(["-TERM", &id]).status().unwrap();
            let ended = service.wait().unwrap();
            assert!(ended.success(), "{ended}\n{}", self.logs());
        }
    }

    pub(crate) fn add_provider(&self, name: &str, host: &str, port: u16, domain: &str) {
        self.sql(&format!(
            "INSERT INTO provider (name, folded, host, port, security, login_form, connections, connections_per_account, enabled) \
             VALUES ('{name}', '{}', '{host}', {port}, 'clear', 'address', 10, 2, TRUE); \
             INSERT INTO provider_domain (old_domain, provider) VALUES ('{domain}', '{name}')",
            name.to_lowercase()
        ));
    }

    /// From now on no pass of a new migration is due.
    pub(crate) fn hold_passes(&self) {
        self.sql(
            "CREATE TRIGGER later AFTER INSERT ON migration BEGIN UPDATE migration SET due = 9999999999; END",
        );
    }

    pub(crate) fn let_passes(&self) {
        self.sql("DROP TRIGGER later; UPDATE migration SET due = 0");
    }

    /// Asks the directory.
    pub(crate) fn sql(&self, statements: &str) -> String {
        let output = Command::new("sqlite3")
            .args(["-cmd", ".timeout 20000"])
            .arg(self.dir.join("lib/directory.sqlite"))
            .arg(statements)
            .output()
            .unwrap();
        assert!(output.status.success(), "{statements}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn imap_port(&self) -> u16 {
        self.new.imap_port()
    }

    pub(crate) fn pop3_port(&self) -> u16 {
        self.new.pop3_port()
    }

    pub(crate) fn service_port(&self) -> u16 {
        self.port
    }

    /// Runs the binary on this place's directory.
    pub(crate) fn transhume(&self, arguments: &[&str]) -> Vec<u8> {
        transhume(&self.dir, arguments)
    }

    /// Gives somebody another password, as an administrator does.
    pub(crate) fn set_password(&self, user: &str, password: &str) {
        let file = self.dir.join("password");
        fs::write(&file, password).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        self.transhume(&[
            "account",
            "password",
            user,
            "--password-file",
            file.to_str().unwrap(),
        ]);
    }

    /// What all of them have logged.
    pub(crate) fn logs(&self) -> String {
        let service = fs::read_to_string(self.dir.join("service.log")).unwrap_or_default();
        format!("{service}\n{}\n{}", self.new.log(), self.postfix.log())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut service) = self.service.take() {
            let _ = service.kill();
            let _ = service.wait();
        }
    }
}

/// Runs the binary with this place's configuration.
fn transhume(dir: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(binary())
        .args(arguments)
        .arg("--config")
        .arg(dir.join("transhume.toml"))
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaint}");
    output.stdout
}
