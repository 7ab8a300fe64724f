//! An old server, and the service with its console: what the browser looks at.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use transhume_e2e::{PASSWORD, binary, wait_until};
use transhume_testkit::{Body, Dovecot, MailboxSpec, MessageSpec, write_account};

pub(crate) struct Site {
    pub(crate) old: Dovecot,
    service: Child,
    console: u16,
    hooks: u16,
    dir: PathBuf,
    _temp: TempDir,
}

const CONFIG: &str = r#"[directory]
url = "sqlite:DIR/lib/directory.sqlite"

[service]
listen = "127.0.0.1:HOOKS"
state-dir = "DIR/lib/state"

[mail]
folder = "DIR/mail"
owner = "OWNER"

[console]
listen = "127.0.0.1:CONSOLE"
per-minute = 100000
"#;

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Three folders, one of them below another and one of them empty.
fn mailboxes() -> [MailboxSpec; 3] {
    let message = |uid: u32| MessageSpec {
        uid,
        body: Body::Bytes(format!("Subject: number {uid}\r\n\r\n{}\r\n", "Hello. ".repeat(40)).into_bytes()),
        flags: vec!["\\Seen".to_owned()],
        internal_date: 1_000_000_000 + i64::from(uid),
    };
    let mut inbox = MailboxSpec::new(&["INBOX"], 1_234_567);
    inbox.messages = (1..=300).map(message).collect();
    let mut year = MailboxSpec::new(&["Archive", "2019"], 1_234_568);
    year.messages = (1..=20).map(message).collect();
    [inbox, year, MailboxSpec::new(&["Sent"], 1_234_569)]
}

impl Site {
    /// `people` have an account on the old server.
    pub(crate) fn start(people: &[&str]) -> Self {
        let temp = tempfile::Builder::new().prefix("tk").tempdir_in("/tmp").unwrap();
        let dir = temp.path().to_owned();
        let server = people
            .iter()
            .fold(Dovecot::builder(), |server, user| server.user(user, PASSWORD));
        let old = server.separator('/').start().unwrap();
        for user in people {
            write_account(&old.maildir(user), old.chown_to(), &mailboxes()).unwrap();
        }
        let (uid, gid) = Dovecot::mail_user().unwrap();
        for folder in ["", "lib", "mail"] {
            let folder = dir.join(folder);
            fs::create_dir_all(&folder).unwrap();
            chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        let (console, hooks) = (free_port(), free_port());
        let config = CONFIG
            .replace("DIR", dir.to_str().unwrap())
            .replace("HOOKS", &hooks.to_string())
            .replace("CONSOLE", &console.to_string())
            .replace("OWNER", &format!("{uid}:{gid}"));
        fs::write(dir.join("transhume.toml"), config).unwrap();
        let log = File::create(dir.join("service.log")).unwrap();
        let service = Command::new(binary())
            .args(["serve", "--config"])
            .arg(dir.join("transhume.toml"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let site = Self {
            old,
            service,
            console,
            hooks,
            dir,
            _temp: temp,
        };
        wait_until("the service answers", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, console)).is_ok()
        });
        site
    }

    /// Where the console is.
    pub(crate) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.console)
    }

    /// The code of the first start, as the log says it.
    pub(crate) fn code(&self) -> String {
        let log = self.log();
        let (_, rest) = log.split_once("say this code: ").unwrap();
        rest.split_whitespace().next().unwrap().to_owned()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("service.log")).unwrap()
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

    /// Somebody logs in, as their mail program does: the script of Dovecot asks about them. The answer's status.
    pub(crate) fn log_in(&self, user: &str, password: &str) -> u16 {
        use std::io::{Read as _, Write as _};
        let encoded = |text: &str| {
            text.bytes().fold(String::new(), |mut all, octet| {
                std::fmt::Write::write_fmt(&mut all, format_args!("%{octet:02X}")).unwrap();
                all
            })
        };
        let form = format!(
            "user={}&password={}&service=imap",
            encoded(user),
            encoded(password)
        );
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.hooks)).unwrap();
        let head = format!(
            "POST /hooks/dovecot HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            form.len()
        );
        stream.write_all((head + &form).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// From now on no pass is due; and they are again.
    pub(crate) fn hold_passes(&self) {
        self.sql(
            "CREATE TRIGGER later AFTER INSERT ON migration BEGIN UPDATE migration SET due = 9999999999; END",
        );
    }

    pub(crate) fn let_passes(&self) {
        self.sql("DROP TRIGGER later; UPDATE migration SET due = 0 WHERE hold IS NULL");
    }

    /// A file for the browser to send.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A PostfixAdmin database with two mailboxes, one of which has a bad name.
    pub(crate) fn postfixadmin(&self) -> PathBuf {
        let path = self.dir.join("postfixadmin.db");
        let status = Command::new("sqlite3")
            .arg(&path)
            .arg(POSTFIXADMIN)
            .status()
            .unwrap();
        assert!(status.success());
        let (uid, gid) = Dovecot::mail_user().unwrap();
        chown(&path, Some(uid), Some(gid)).unwrap();
        path
    }
}

const POSTFIXADMIN: &str = "
CREATE TABLE domain (domain TEXT, description TEXT, aliases INTEGER, mailboxes INTEGER, maxquota INTEGER, quota INTEGER,
                     transport TEXT, backupmx INTEGER, created TEXT, modified TEXT, active INTEGER);
CREATE TABLE mailbox (username TEXT, password TEXT, name TEXT, maildir TEXT, quota INTEGER, local_part TEXT, domain TEXT,
                      created TEXT, modified TEXT, active INTEGER);
CREATE TABLE alias (address TEXT, goto TEXT, domain TEXT, created TEXT, modified TEXT, active INTEGER);
INSERT INTO domain VALUES ('third.example', 'Third', 0, 0, 0, 0, 'virtual', 0, '2020-01-01', '2020-01-01', 1);
INSERT INTO mailbox VALUES ('max@third.example', '{SHA256-CRYPT}$5$abcdefgh$ZLdkj8mkc2XVSrPVjskDAgZPGjtj1VGVaa1aUkrMTU/',
                            'Max', 'third.example/max/', 0, 'max', 'third.example', '2020-01-01', '2020-01-01', 1);
INSERT INTO mailbox VALUES ('not an address', '', '', '', 0, '', 'third.example', '2020-01-01', '2020-01-01', 1);
INSERT INTO alias VALUES ('info@third.example', 'max@third.example', 'third.example', '2020-01-01', '2020-01-01', 1);
";

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
        if std::thread::panicking() {
            eprintln!(
                "{}",
                fs::read_to_string(self.dir.join("service.log")).unwrap_or_default()
            );
        }
    }
}
