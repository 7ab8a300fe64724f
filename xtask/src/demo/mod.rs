//! `cargo xtask demo`: a move to look at, on a fresh machine, without a word of configuration.
//!
//! Two real Dovecots, an old one and a new one; three mailboxes; the release binary as an administrator would run it;
//! then both sides are read through their servers and compared, message by message.

mod verdict;

use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use transhume_testkit::corpus::{Language, believable};
use transhume_testkit::{
    AccountView, CompareOptions, Dovecot, Oracle, TestkitError, compare_with, mailbox, snapshot,
};

use crate::cargo::Workspace;
use crate::ci;
use crate::interrupt::Interrupt;
use crate::steps::{Steps, succeeds};
use crate::table::{row, table};
use verdict::Verdict;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// End after the comparison instead of waiting for Ctrl-C.
    exit: bool,
    /// Messages in all three accounts together.
    messages: usize,
}

impl Options {
    /// From the command line.
    pub(crate) fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self {
            exit: false,
            messages: 4500,
        };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            match word {
                "--exit" => options.exit = true,
                "--messages" => {
                    let value = words.next().context("--messages needs a number")?;
                    options.messages = value.parse().with_context(|| format!("--messages {value}"))?;
                }
                _ => bail!("demo does not know “{word}”"),
            }
        }
        Ok(options)
    }
}

/// One account that is moved.
struct Account {
    login: &'static str,
    /// The same on both sides; the servers listen on the loopback only.
    password: &'static str,
    language: Language,
    /// Its part of the messages, in percent.
    share: usize,
}

const ACCOUNTS: [Account; 3] = [
    Account {
        login: "office",
        password: "alter Schwede 1",
        language: Language::German,
        share: 45,
    },
    Account {
        login: "atelier",
        password: "été à Brest 2",
        language: Language::French,
        share: 35,
    },
    Account {
        login: "export",
        password: "東京 3",
        language: Language::JapaneseRussian,
        share: 20,
    },
];

/// What the new server calls its folders: its owner's choice, not the old server's.
const NEW_SPECIAL_USE: [(&str, &str); 5] = [
    ("Sent", "Sent"),
    ("Drafts", "Drafts"),
    ("Trash", "Trash"),
    ("Junk", "Junk"),
    ("Archive", "Archive"),
];

/// How many differences are named; the rest are counted.
const NAMED: usize = 20;

/// Runs the demonstration.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let workspace = Workspace::read()?;
    let mut steps = Steps::default();
    ci::install(&mut steps)?;
    if !ci::build(&workspace, &mut steps)? {
        return Ok(false);
    }
    // From here on Ctrl-C ends what is running, and everything is cleared away by the ordinary way out.
    let interrupt = Interrupt::watch()?;
    let stage = Stage::set(&workspace, options.messages)?;
    let good = stage.play(&interrupt)?;
    if interrupt.came() {
        println!("\nStopped.");
        return Ok(false);
    }
    println!("{}", stage.instructions());
    if !options.exit {
        println!("Press Ctrl-C to stop both servers and remove everything.");
        interrupt.wait();
        println!("\nStopping.");
    }
    Ok(good)
}

/// Both servers, and where things lie.
struct Stage<'a> {
    workspace: &'a Workspace,
    old: Dovecot,
    new: Dovecot,
}

impl<'a> Stage<'a> {
    /// Starts both servers and fills the old one.
    fn set(workspace: &'a Workspace, messages: usize) -> anyhow::Result<Self> {
        println!("\nStarting the old server and the new one …");
        let mut old = Dovecot::builder().separator('/').tls(true);
        let mut new = Dovecot::builder().separator('.').tls(true);
        let mut roles: Vec<_> = ACCOUNTS
            .iter()
            .flat_map(|account| account.language.special_use())
            .collect();
        roles.sort_unstable();
        roles.dedup_by_key(|(mailbox, _)| *mailbox);
        for (mailbox, role) in roles {
            old = old.special_use(mailbox, role);
        }
        for (mailbox, role) in NEW_SPECIAL_USE {
            new = new.special_use(mailbox, role);
        }
        for account in &ACCOUNTS {
            old = old.user(account.login, account.password);
            new = new.user(account.login, account.password);
        }
        let (old, new) = (old.start()?, new.start()?);
        for (account, seed) in ACCOUNTS.iter().zip(1..) {
            let content = believable(account.language, messages * account.share / 100, seed);
            mailbox::write_account(&old.maildir(account.login), old.chown_to(), &content)?;
            // What an administrator does before the move: the account's home, owned by the user that serves mail.
            let home = new.home(account.login);
            fs::create_dir_all(&home).with_context(|| home.display().to_string())?;
            if let Some((uid, gid)) = new.chown_to() {
                chown(&home, Some(uid), Some(gid)).with_context(|| home.display().to_string())?;
            }
        }
        Ok(Self { workspace, old, new })
    }

    /// Moves every account and compares; `true` when all is the same.
    fn play(&self, interrupt: &Interrupt) -> anyhow::Result<bool> {
        let mut good = true;
        let mut took = Vec::new();
        for account in &ACCOUNTS {
            println!("\n{}", self.spelled(account));
            let start = Instant::now();
            good &= succeeds(&mut self.command(account))?;
            took.push(start.elapsed());
            if interrupt.came() {
                return Ok(false);
            }
        }
        println!("\nReading both sides through their servers …");
        let mut rows = vec![Verdict::head()];
        let mut differences = Vec::new();
        for (account, took) in ACCOUNTS.iter().zip(took) {
            let before = view(&self.old, account)?;
            let after = view(&self.new, account)?;
            // Special use is the server's configuration, not the mailbox's content.
            let compared = CompareOptions {
                special_use: false,
                ..CompareOptions::default()
            };
            let found = compare_with(&before, &after, compared);
            rows.push(line(account, &Verdict::of(&before, &after, found.len()), took));
            differences.extend(
                found
                    .into_iter()
                    .map(|found| format!("{}: {found}", account.login)),
            );
        }
        println!(
            "\nAs the new server serves it, against the old one:\n\n{}",
            table(&rows)
        );
        for difference in differences.iter().take(NAMED) {
            println!("  {difference}");
        }
        match differences.len() {
            0 => println!("No differences."),
            count => println!("{count} differences in all."),
        }
        // What a server thinks of its mailboxes counts too, even when it serves them right.
        let complaints = self.new.log_problems();
        for complaint in complaints.iter().take(NAMED) {
            println!("  the new server's log: {complaint}");
        }
        Ok(good && differences.is_empty() && complaints.is_empty())
    }

    /// The command as it is run. The password travels in the environment, not here.
    fn command(&self, account: &Account) -> Command {
        let mut command = Command::new(self.workspace.binary());
        command
            .args(self.words(account))
            .env("TRANSHUME_PASSWORD", account.password);
        command
    }

    fn words(&self, account: &Account) -> Vec<String> {
        vec![
            "move".to_owned(),
            "--from".to_owned(),
            format!("imaps://{}@localhost:{}", account.login, self.old.imaps_port()),
            "--to".to_owned(),
            format!("maildir:{}", self.new.maildir(account.login).display()),
            "--pin".to_owned(),
            format!("sha256:{}", self.old.cert_sha256_hex()),
        ]
    }

    /// The command as a person would type it.
    fn spelled(&self, account: &Account) -> String {
        format!("$ transhume {}", self.words(account).join(" "))
    }

    fn instructions(&self) -> String {
        let mut rows = vec![row([&"account", &"password"])];
        rows.extend(
            ACCOUNTS
                .iter()
                .map(|account| row([&account.login, &account.password])),
        );
        let (old, new) = (self.old.imaps_port(), self.new.imaps_port());
        let first = &ACCOUNTS[0];
        format!(
            "\nSee for yourself, on this machine only:\n\n\
             new server  localhost, port {new}, IMAP with TLS (its certificate is self-signed)\n\
             old server  localhost, port {old}, the same\n\n\
             {}\n\
             In a mail client: set up the account on the old server first, then change the port: nothing is\n\
             downloaded again, because the UIDs are the same.\n\n\
             With curl, the same question to both:\n\
             curl -sk --user '{login}:{password}' imaps://localhost:{old}/INBOX -X 'FETCH 1:5 (UID INTERNALDATE FLAGS)'\n\
             curl -sk --user '{login}:{password}' imaps://localhost:{new}/INBOX -X 'FETCH 1:5 (UID INTERNALDATE FLAGS)'\n\n\
             By hand (then type: a login {login} \"{password}\"):\n\
             openssl s_client -quiet -crlf -connect localhost:{new}\n\n\
             A second run of a command above finds nothing to do (the binary is {binary},\n\
             and asks for the password).\n",
            table(&rows),
            binary = self.workspace.binary().display(),
            login = first.login,
            password = first.password,
        )
    }
}

fn view(server: &Dovecot, account: &Account) -> Result<AccountView, TestkitError> {
    snapshot(&mut Oracle::login(server, account.login)?)
}

fn line(account: &Account, verdict: &Verdict, took: Duration) -> Vec<String> {
    let mut cells = vec![account.login.to_owned()];
    cells.extend(verdict.cells());
    cells.push(format!("{:.1} s", took.as_secs_f64()));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        assert_eq!(
            Options::parse(&[]).unwrap(),
            Options {
                exit: false,
                messages: 4500
            }
        );
        assert_eq!(
            Options::parse(&["--exit", "--messages", "30"]).unwrap(),
            Options {
                exit: true,
                messages: 30
            }
        );
        assert!(Options::parse(&["--messages", "many"]).is_err());
        assert!(Options::parse(&["--fast"]).is_err());
    }

    #[test]
    fn shares_add_up() {
        assert_eq!(ACCOUNTS.iter().map(|account| account.share).sum::<usize>(), 100);
    }
}
