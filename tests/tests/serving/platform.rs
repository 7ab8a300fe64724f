//! Both servers, and a directory that they serve.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use transhume_e2e::binary;
use transhume_testkit::databases::{self, USER};
use transhume_testkit::{Dovecot, Oracle, Postfix, Postgres, SmtpSink};

/// A platform: hashes of several kinds (made by `doveadm pw`), names that need care, aliases of every kind. `SINK` is the port
/// of a server elsewhere.
const PLATFORM: &str = r"domain;a.example;0;0;true
domain;b.example;0;0;true
domain;off.example;0;0;false
domainalias;alias.example;a.example;true
domainalias;bb.example;b.example;true
domainalias;dead.example;a.example;false
relaydomain;asked.example;127.0.0.1;SINK;relay;true;true
relaydomain;open.example;127.0.0.1;SINK;relay;true;false
account;bob@a.example;{SSHA}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7;;;true;SimpleUsers;bob@a.example;5
account;carol@a.example;{CRYPT}tYKm7nCT2BIjY;;;true;SimpleUsers;carol@a.example;0
account;eve@a.example;{SSHA}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7;;;false;SimpleUsers;eve@a.example;0
account;o'neil@a.example;{PLAIN-MD5}1a1dc91c907325c69271ddf0c944bc72;;;true;SimpleUsers;o'neil@a.example;0
account;a/b@a.example;{MD5-CRYPT}$1$oEKNbQrz$M8P3LaXgaUIuVKO9H0a6E.;;;true;SimpleUsers;a/b@a.example;0
account;50%=x@a.example;{SHA}nU4eI71bcnBGqeO0t9tXvY1u5oQ=;;;true;SimpleUsers;50%=x@a.example;0
account;copy@a.example;{BLF-CRYPT}$2y$05$6guvQOMJTLlEGAUSAYtPY.M3fAsENmaDAzhGWLDYxlq41gMT7rlza;;;true;SimpleUsers;copy@a.example;0
account;away@a.example;{SSHA}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7;;;true;SimpleUsers;away@a.example;0
account;mute@a.example;{SSHA}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7;;;true;SimpleUsers;mute@a.example;0
account;dora@b.example;{SHA256-CRYPT}$5$L70YTGV60Mxvozjr$rPJopZzVOMxpg/O5.ls/hkiDl1MM522N0MslxVZfIM9;;;true;SimpleUsers;dora@b.example;0
account;gone@off.example;{SSHA}/5dhH6Gqdkq8a26q8A8zqC8jw3Or3Th7;;;true;SimpleUsers;gone@off.example;0
alias;info@a.example;true;bob@a.example;carol@a.example
alias;chain@a.example;true;info@a.example
alias;own@alias.example;true;bob@a.example
alias;stopped@b.example;false;dora@b.example
alias;copy@a.example;true;copy@open.example
alias;away@a.example;true;away@open.example
alias;eve@a.example;true;eve@open.example
alias;any@a.example;true;@open.example
alias;@a.example;true;carol@a.example
";

/// What the rows of CSV cannot say.
const REST: &str = "UPDATE mailbox SET keeps_copy = FALSE WHERE address = 'away@a.example';
UPDATE mailbox SET may_send = FALSE WHERE address = 'mute@a.example';";

/// Both servers, as `transhume config` has them serve a directory.
pub(crate) struct Platform {
    pub(crate) engine: &'static str,
    pub(crate) maps: PathBuf,
    pub(crate) sink: SmtpSink,
    pub(crate) postfix: Postfix,
    pub(crate) dovecot: Dovecot,
    home: Home,
}

/// A folder for a platform's files and mail, which both servers can reach.
pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        let temp = tempfile::Builder::new().prefix("tk").tempdir_in("/tmp").unwrap();
        fs::set_permissions(temp.path(), Permissions::from_mode(0o755)).unwrap();
        let home = Self(temp);
        let (uid, gid) = Dovecot::mail_user().unwrap();
        fs::create_dir(home.path("mail")).unwrap();
        chown(home.path("mail"), Some(uid), Some(gid)).unwrap();
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Has Dovecot's files written.
    pub(crate) fn configure_dovecot(&self, url: &str, role_password: Option<&str>, queue: &Path) {
        let (uid, gid) = Dovecot::mail_user().unwrap();
        let [logins, mail, owner] = [self.text("logins"), self.text("mail"), format!("{uid}:{gid}")];
        let mut words = vec!["config", "dovecot", "--output", &logins, "--mail-root", &mail];
        words.extend(["--mail-owner", &owner, "--queue", queue.to_str().unwrap()]);
        if let Some(password) = role_password {
            words.extend(["--role-password-file", password]);
        }
        transhume(url, &words);
    }

    /// Where a directory in SQLite lies.
    pub(crate) fn sqlite(&self) -> String {
        format!("sqlite:{}", self.path("lib/directory.sqlite").display())
    }

    /// Gives such a directory to Postfix's group, as an administrator is told to.
    pub(crate) fn let_servers_read(&self) {
        for (name, mode) in [("lib/directory.sqlite", 0o640), ("lib", 0o750)] {
            chown(self.path(name), None, Some(group("postfix"))).unwrap();
            fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
        }
    }

    /// What Dovecot's configuration says to have them read.
    pub(crate) fn dovecot_settings(&self) -> String {
        format!("!include {}", self.path("logins/transhume.conf").display())
    }
}

/// The id of a group of this machine.
pub(crate) fn group(name: &str) -> u32 {
    let groups = fs::read_to_string("/etc/group").unwrap();
    let line = groups.lines().find(|line| line.starts_with(&format!("{name}:")));
    line.unwrap().split(':').nth(2).unwrap().parse().unwrap()
}

/// Runs the binary on a directory.
pub(crate) fn transhume(url: &str, arguments: &[&str]) {
    let mut command = Command::new(binary());
    command.args(arguments).args(["--directory", url]);
    command.env("PGPASSWORD", databases::PASSWORD);
    let output = command.output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {complaint}");
}

/// Makes the directory of [`PLATFORM`], and returns where it is.
fn fill(engine: &str, home: &Home, sink: &SmtpSink) -> String {
    let csv = home.path("platform.csv");
    fs::write(&csv, PLATFORM.replace("SINK", &sink.port().to_string())).unwrap();
    let import = ["import", csv.to_str().unwrap()];
    if engine == "postgres" {
        let server = Postgres::shared();
        server.create_database("serving").unwrap();
        let url = format!("postgres://{USER}@127.0.0.1:{}/serving", server.port());
        transhume(&url, &import);
        server.sql("serving", REST).unwrap();
        return url;
    }
    let url = home.sqlite();
    transhume(&url, &import);
    let file = home.path("lib/directory.sqlite");
    let output = Command::new("sqlite3").arg(file).arg(REST).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    home.let_servers_read();
    url
}

/// Has the files of both servers written, and PostgreSQL's roles made.
fn configure(engine: &str, url: &str, home: &Home, queue: &Path) {
    let file = home.path("role-password");
    fs::write(&file, "secret-of-the-role\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let (file, maps) = (home.text("role-password"), home.text("maps"));
    let role_password = (engine == "postgres").then_some(file.as_str());
    let mut postfix = vec!["config", "postfix", "--output", &maps];
    if let Some(password) = role_password {
        postfix.extend(["--role-password-file", password]);
    }
    transhume(url, &postfix);
    home.configure_dovecot(url, role_password, queue);
    if engine == "postgres" {
        for folder in ["maps", "logins"] {
            let role = home.path(folder).join("role.sql");
            Postgres::shared().load("serving", &role).unwrap();
        }
    }
}

impl Platform {
    pub(crate) fn start(engine: &'static str) -> Self {
        let home = Home::new();
        let maps = home.path("maps");
        let sink = SmtpSink::start().unwrap();
        let mut postfix = Postfix::prepare().unwrap();
        let url = fill(engine, &home, &sink);
        configure(engine, &url, &home, &postfix.queue());

        // The sockets that Postfix uses are Dovecot's.
        let dovecot = Dovecot::builder()
            .without_accounts()
            .extra_config(&home.dovecot_settings())
            .start()
            .unwrap();
        let settings = fs::read_to_string(maps.join("main.cf")).unwrap();
        postfix.start(&settings).unwrap();
        Self {
            engine,
            maps,
            sink,
            postfix,
            dovecot,
            home,
        }
    }

    pub(crate) fn look_up(&self, map: &str, key: &str) -> Option<String> {
        let kind = if self.engine == "sqlite" {
            "sqlite"
        } else {
            "pgsql"
        };
        let map = format!("{kind}:{}/{map}.cf", self.maps.display());
        self.postfix.look_up(&map, key).unwrap()
    }

    /// Messages in the mailbox whose folder has this name.
    pub(crate) fn messages(&self, below: &str) -> usize {
        let folder = self.home.path("mail").join(below).join("Maildir/new");
        fs::read_dir(folder).map_or(0, Iterator::count)
    }

    pub(crate) fn can_log_in(&self, user: &str, password: &str) -> bool {
        Oracle::connect(self.dovecot.imap_port(), user, password.as_bytes()).is_ok()
    }
}
