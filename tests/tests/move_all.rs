//! Many accounts in one run: `transhume move-all`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use transhume_e2e::{binary, traces, wait_until};
use transhume_testkit::{
    AccountView, Dovecot, Fault, FaultProxy, Oracle, compare, corpus, snapshot, write_account,
};

const LANGUAGES: [corpus::Language; 4] = [
    corpus::Language::English,
    corpus::Language::French,
    corpus::Language::German,
    corpus::Language::JapaneseRussian,
];

/// Passwords that a careless reader of CSV files gets wrong.
const PASSWORDS: [&[u8]; 8] = [
    b"plain-w0rd",
    b" blanks around ",
    b"com,ma and semi;colon",
    b"qu\"ote and \"two\"",
    b"\"begins with one",
    b"latin1 \xe9 \xff",
    b"%s $HOME \\ back",
    "päß wörd €".as_bytes(),
];

/// An old server and a new one, with the same accounts, and the file that names them.
struct Platform {
    old: Dovecot,
    new: Dovecot,
    users: Vec<String>,
    folder: TempDir,
}

impl Platform {
    fn start(accounts: usize, messages: usize) -> Self {
        let users: Vec<String> = (0..accounts).map(|number| format!("user{number:02}")).collect();
        let build = |separator| {
            let named = users.iter().enumerate();
            named.fold(
                Dovecot::builder().separator(separator),
                |server, (number, user)| server.user_bytes(user, password(number)),
            )
        };
        let old = build('/').tls(true).start().unwrap();
        let new = build('.').start().unwrap();
        for (number, user) in users.iter().enumerate() {
            let seed = u64::try_from(number).unwrap();
            let mailboxes = corpus::believable(LANGUAGES[number % LANGUAGES.len()], messages, seed);
            write_account(&old.maildir(user), old.chown_to(), &mailboxes).unwrap();
            make_home(&new, user);
        }
        let folder = tempfile::tempdir().unwrap();
        Self {
            old,
            new,
            users,
            folder,
        }
    }

    fn to(&self, user: &str) -> String {
        format!("maildir:{}", self.new.maildir(user).display())
    }

    /// `from` of an account over TLS.
    fn from(&self, user: &str) -> String {
        format!("imaps://{user}@127.0.0.1:{}", self.old.imaps_port())
    }

    /// Writes the file of accounts, and gives the command for it.
    fn command(&self, rows: &[Vec<u8>]) -> Command {
        let file = self.folder.path().join("accounts.csv");
        let mut bytes = b"\xef\xbb\xbfto;from;password\r\n".to_vec();
        for row in rows {
            bytes.extend_from_slice(row);
            bytes.extend_from_slice(b"\r\n");
        }
        std::fs::write(&file, bytes).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut command = command(&file);
        command
            .arg("--pin")
            .arg(format!("sha256:{}", self.old.cert_sha256_hex()));
        command
    }

    fn row(&self, number: usize) -> Vec<u8> {
        let user = &self.users[number];
        row(&self.to(user), &self.from(user), password(number))
    }

    fn rows(&self) -> Vec<Vec<u8>> {
        (0..self.users.len()).map(|number| self.row(number)).collect()
    }

    fn assert_same(&self) {
        for user in &self.users {
            let differences = compare(&view(&self.old, user), &view(&self.new, user));
            let told: Vec<String> = differences.iter().map(ToString::to_string).collect();
            assert!(told.is_empty(), "{user}:\n{}", told.join("\n"));
        }
        assert_eq!(self.new.log_problems(), Vec::<String>::new());
    }
}

fn password(number: usize) -> &'static [u8] {
    PASSWORDS[number % PASSWORDS.len()]
}

fn make_home(server: &Dovecot, user: &str) {
    let home = server.home(user);
    std::fs::create_dir_all(&home).unwrap();
    if let Some((uid, gid)) = server.chown_to() {
        std::os::unix::fs::chown(&home, Some(uid), Some(gid)).unwrap();
    }
}

fn view(server: &Dovecot, user: &str) -> AccountView {
    snapshot(&mut Oracle::login(server, user).unwrap()).unwrap()
}

/// A line of the file, with every cell quoted that has to be.
fn row(to: &str, from: &str, password: &[u8]) -> Vec<u8> {
    let mut row = format!("{to};{from};").into_bytes();
    if password.contains(&b';') || password.starts_with(b"\"") {
        row.push(b'"');
        for byte in password {
            row.extend_from_slice(if *byte == b'"' {
                b"\"\""
            } else {
                std::slice::from_ref(byte)
            });
        }
        row.push(b'"');
    } else {
        row.extend_from_slice(password);
    }
    row
}

fn command(file: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg("move-all").arg("--accounts").arg(file);
    command
        .env_remove("TRANSHUME_PASSWORD")
        .env_remove("SSL_CERT_FILE");
    command
}

fn spawn(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Exit code, standard output and standard error. No password is in them (I10).
fn ended(child: Child) -> (i32, String, String) {
    let output = child.wait_with_output().unwrap();
    for bytes in [&output.stdout, &output.stderr] {
        for password in PASSWORDS {
            let shown = bytes.windows(password.len()).any(|window| window == password);
            assert!(!shown, "a password is shown: {}", String::from_utf8_lossy(bytes));
        }
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn run(command: &mut Command) -> (i32, String, String) {
    ended(spawn(command))
}

fn run_json(command: &mut Command) -> (i32, Value, String) {
    let (code, stdout, stderr) = run(command.arg("--json"));
    (code, serde_json::from_str(&stdout).unwrap_or(Value::Null), stderr)
}

fn exit_codes(json: &Value) -> Vec<i64> {
    let accounts = json["accounts"].as_array().unwrap();
    accounts
        .iter()
        .map(|account| account["exit_code"].as_i64().unwrap())
        .collect()
}

/// I3, I4, I13: a platform moves, and the trouble of two accounts is theirs alone; a second run changes nothing.
#[test]
fn a_platform_is_moved_whatever_becomes_of_single_accounts() {
    let platform = Platform::start(24, 40);
    for user in ["wrong", "lost", "homeless"] {
        if user != "homeless" {
            make_home(&platform.new, user);
        }
    }
    let mut rows = platform.rows();
    let (wrong, lost, homeless) = (3, 11, 20);
    rows.insert(
        wrong,
        row(
            &platform.to("wrong"),
            &platform.from("user00"),
            b"not the password",
        ),
    );
    rows.insert(
        lost,
        row(&platform.to("lost"), "imap+insecure://lost@127.0.0.1:1", b"x"),
    );
    rows.insert(
        homeless,
        row(&platform.to("homeless"), &platform.from("user01"), password(1)),
    );
    let mut expected = vec![0; rows.len()];
    (expected[wrong], expected[lost], expected[homeless]) = (4, 5, 7);

    let mut first = platform.command(&rows);
    let (code, json, stderr) = run_json(first.args(["--retries", "0"]));
    assert_eq!(code, 3, "{json}\n{stderr}");
    assert_eq!(exit_codes(&json), expected);
    for (account, line) in json["accounts"].as_array().unwrap().iter().zip(2..) {
        assert_eq!(account["line"], line, "in the file's order");
        assert_eq!(
            account["verified"].as_bool().unwrap_or(false),
            account["exit_code"] == 0
        );
        assert_eq!(account["error"].is_object(), account["exit_code"] != 0);
    }
    let totals = &json["totals"];
    let carried = totals["carried"].as_u64().unwrap();
    assert!(carried >= 24 * 30, "{totals}");
    assert_eq!(
        [
            &totals["accounts"],
            &totals["complete"],
            &totals["incomplete"],
            &totals["not_begun"]
        ],
        [27, 24, 3, 0]
    );
    // Not a terminal: a line for each account that has ended.
    assert_eq!(stderr.lines().count(), 27, "{stderr}");
    assert_eq!(stderr.matches("not complete").count(), 3, "{stderr}");
    platform.assert_same();

    let maildirs: Vec<PathBuf> = platform
        .users
        .iter()
        .map(|user| platform.new.maildir(user))
        .collect();
    let all_traces = || -> Vec<Vec<String>> { maildirs.iter().map(|maildir| traces(maildir)).collect() };
    let before = all_traces();
    let mut second = platform.command(&rows);
    let (code, text, _) = run(second.args(["--retries", "0", "--jobs", "3", "--quiet"]));
    assert_eq!(code, 3, "{text}");
    assert_eq!(all_traces(), before, "a second run writes nothing");
    for words in [
        "Line 5, user00@127.0.0.1 to ",
        "not complete (code 4)",
        "refuses the login of user00",
        "127.0.0.1, port 1",
        "homeless, in which the Maildir is to lie, cannot be read",
        "24 of 27 accounts are complete, 3 are not.",
    ] {
        assert!(text.contains(words), "“{words}” in: {text}");
    }

    // `move` and `move-all` know of each other what they did.
    let mut one = Command::new(binary());
    one.args([
        "move",
        "--json",
        "--from",
        &platform.from("user00"),
        "--to",
        &platform.to("user00"),
    ])
    .arg("--pin")
    .arg(format!("sha256:{}", platform.old.cert_sha256_hex()))
    .env("TRANSHUME_PASSWORD", std::str::from_utf8(password(0)).unwrap());
    let (code, stdout, stderr) = run(&mut one);
    assert_eq!(code, 0, "{stderr}");
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(json["totals"]["adopted"], 0);
    assert!(
        json["mailboxes"]
            .as_array()
            .unwrap()
            .iter()
            .all(|mailbox| mailbox["state"] == "unchanged")
    );
}

/// I12: everything can be shown first. And nothing at all is done as long as anything is wrong in the file.
#[test]
fn nothing_is_done_in_a_dry_run_or_with_a_bad_file() {
    let platform = Platform::start(3, 12);
    let homes: Vec<PathBuf> = platform
        .users
        .iter()
        .map(|user| platform.new.home(user))
        .collect();
    let empty = || {
        homes
            .iter()
            .all(|home| std::fs::read_dir(home).unwrap().next().is_none())
    };

    let rows = platform.rows();
    let (code, text, stderr) = run(platform.command(&rows).arg("--dry-run"));
    assert_eq!(code, 0, "{text}\n{stderr}");
    assert!(text.contains("user02@127.0.0.1"), "{text}");
    assert!(
        text.contains("in 3 accounts. Nothing was changed (dry run)."),
        "{text}"
    );
    assert!(empty());

    let bad = [
        platform.row(0),
        row("/no/scheme", &platform.from("user01"), password(1)),
        row(&platform.to("user02"), "user02", password(2)),
        platform.row(0),
        b"one;cell too;many;here".to_vec(),
    ];
    let (code, json, stderr) = run_json(&mut platform.command(&bad));
    assert_eq!(code, 2, "{json}");
    let told: Vec<(i64, Option<&str>)> = json["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["line"].as_i64().unwrap(), fault["column"].as_str()))
        .collect();
    assert_eq!(
        told,
        [(3, Some("to")), (4, Some("from")), (5, Some("to")), (6, None)],
        "{json}"
    );
    for words in [
        "line 3, to: ",
        "line 4, from: ",
        "line 5, to: this is the Maildir of line 2",
        "line 6: there are 4 cells",
    ] {
        assert!(stderr.contains(words), "“{words}” in: {stderr}");
    }
    assert!(empty());
}

/// Passwords that everybody can read are worth a warning; files of passwords and of states are found where the file says.
#[test]
fn files_that_the_file_of_accounts_names() {
    let platform = Platform::start(2, 8);
    let folder = platform.folder.path();
    let secret = folder.join("secret");
    std::fs::write(&secret, [password(0), b"\n"].concat()).unwrap();
    let (one, other) = (&platform.users[0], &platform.users[1]);
    let mut text = "from,to,password,password_file,state,dovecot_user\n"
        .to_owned()
        .into_bytes();
    text.extend(
        format!(
            "{},{},,secret,own.db,{one}\n",
            platform.from(one),
            platform.to(one)
        )
        .bytes(),
    );
    text.extend(format!("{},{},", platform.from(other), platform.to(other)).bytes());
    text.extend_from_slice(password(1));
    text.extend_from_slice(b",,,\n");
    let file = folder.join("accounts.csv");
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut command = command(&file);
    command
        .arg("--pin")
        .arg(format!("sha256:{}", platform.old.cert_sha256_hex()));
    command
        .arg("--state-dir")
        .arg(folder)
        .arg("--dovecot-config")
        .arg(platform.new.config_path());
    let (code, json, stderr) = run_json(&mut command);
    assert_eq!(code, 0, "{json}\n{stderr}");
    assert!(
        stderr.contains("everybody on this machine can read it"),
        "{stderr}"
    );
    assert_eq!(json["warnings"].as_array().unwrap().len(), 1);
    for state in ["own.db", &format!("{other}@127.0.0.1.transhume.db")] {
        assert!(folder.join(state).exists(), "{state}");
    }
    let maildir = platform.new.maildir(one);
    assert!(!maildir.with_file_name("Maildir.transhume.db").exists());
    platform.assert_same();
}

/// I5: what was moved before somebody stops the run stays; the others are told as not begun, and the next run goes on.
#[test]
fn stopped_by_a_signal() {
    const STALL: u64 = 4_000;
    let platform = Platform::start(3, 12);
    let proxy = FaultProxy::start(platform.old.imap_port(), Fault::StallAfter(STALL)).unwrap();
    let mut rows = platform.rows();
    let through = format!("imap+insecure://{}@127.0.0.1:{}", platform.users[1], proxy.port());
    rows[1] = row(&platform.to(&platform.users[1]), &through, password(1));
    let child = spawn(platform.command(&rows).args(["--jobs", "1", "--json"]));
    wait_until("the second account is half done", || proxy.received() >= STALL);
    let kill = ["-c", "kill -INT \"$1\"", "kill", &child.id().to_string()];
    assert!(Command::new("sh").args(kill).status().unwrap().success());
    let (code, stdout, stderr) = ended(child);
    let json: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, 130, "{json}\n{stderr}");
    assert_eq!(exit_codes(&json), [0, 130, 130]);
    assert_eq!(json["accounts"][2]["error"]["what"], "not begun");
    assert_eq!(json["totals"]["not_begun"], 1);

    let (code, json, stderr) = run_json(&mut platform.command(&platform.rows()));
    assert_eq!(code, 0, "{json}\n{stderr}");
    assert_eq!(json["accounts"][0]["totals"]["carried"], 0);
    platform.assert_same();
}
