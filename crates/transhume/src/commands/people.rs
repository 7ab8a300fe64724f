//! `transhume account`: the accounts of the directory, one by one.

use std::fmt::Write as _;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use transhume_db::directory::DirectoryPool;
use transhume_model::directory::password::{NewScheme, SALT_OCTETS, hash_new};
use transhume_model::directory::{Account, Address, Entry, Login, Mailbox, Quota, Role, StoredPassword};
use transhume_ops::ChangeError;
use transhume_ops::account::{AccountError, add_entry, remove_account, set_enabled, set_password};
use transhume_ops::admit_login::Randomness;
use transhume_ops::sign_in::add_token_of;

use super::account::now;
use super::account::password::{self, OF_ACCOUNT};
use super::directory::{self, Answer, Common, amount, table, tell};
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Examples:
  transhume account add alice@example.org --first-name Alice
  transhume account add admin --role SuperAdmins --no-mailbox
  transhume account password alice@example.org --password-file -
  transhume account disable alice@example.org

Passwords are asked for, or come from --password-file or TRANSHUME_ACCOUNT_PASSWORD, never from the command line.

Exit codes: 0 done; 2 wrong command line, or it cannot be; 7 the directory cannot be reached, read or written; 8 another
program is writing; 70 internal error.";

/// Shows and changes the accounts of the directory
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,

    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows accounts
    List {
        /// Only those with this text in their login or address
        text: Option<String>,
    },
    /// Shows one account
    Show {
        /// Its login
        login: String,
    },
    /// Adds an account, with the mailbox of that address
    Add(Box<New>),
    /// Removes an account, with its mailbox; its mail stays on the disk
    Remove {
        /// Its login
        login: String,

        /// Though its mail is still being moved
        #[arg(long)]
        force: bool,
    },
    /// Lets an account log in, and receive mail
    Enable {
        /// Its login
        login: String,
    },
    /// Lets an account neither log in nor receive mail
    Disable {
        /// Its login
        login: String,
    },
    /// Makes a token by which programs ask the API in an account's name, and shows it once
    Token {
        /// Its login
        login: String,

        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "made on the command line")]
        label: String,
    },
    /// Gives an account another password
    Password {
        /// Its login
        login: String,

        #[command(flatten)]
        password: NewPassword,
    },
}

#[derive(Debug, Args)]
struct New {
    /// Its login: an address, or for administrators a word
    login: String,

    /// No mailbox
    #[arg(long)]
    no_mailbox: bool,

    /// What it may do
    #[arg(long, default_value = Role::SimpleUsers.as_str(), value_parser = PossibleValuesParser::new(Role::ALL.map(Role::as_str)))]
    role: String,

    /// Given name
    #[arg(long, value_name = "NAME", default_value = "")]
    first_name: String,

    /// Family name
    #[arg(long, value_name = "NAME", default_value = "")]
    last_name: String,

    /// How much its mailbox may hold, in megabytes; 0 is any amount [default: what its domain says]
    #[arg(long, value_name = "MB")]
    quota: Option<u32>,

    #[command(flatten)]
    password: NewPassword,
}

#[derive(Debug, Args)]
struct NewPassword {
    /// File that holds the password on its only line (- for standard input)
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let common = &arguments.common;
    tell(execute(&arguments.what, common), common.json)
}

fn execute(what: &What, common: &Common) -> Result<Answer, Failure> {
    match what {
        What::List { text } => common.look(async |pool| list(pool, text.as_deref()).await),
        What::Show { login } => {
            let login = parse(login)?;
            common.look(async |pool| show(pool, &login).await)
        }
        What::Add(new) => {
            let account = new.account()?;
            common.change(async |pool| {
                let entry = Entry::Account(Box::new(account.clone()));
                add_entry(pool, entry).await.map_err(failure)?;
                let text = format!("Account {} added.", account.login);
                Ok(Answer::new(text, json!({ "account": json_of(&account) })))
            })
        }
        What::Remove { login, force } => {
            let login = parse(login)?;
            common.change(async |pool| remove(pool, &login, *force).await)
        }
        What::Enable { login } => enable(common, login, true),
        What::Disable { login } => enable(common, login, false),
        What::Token { login, label } => {
            let login = parse(login)?;
            common.change(async |pool| token(pool, &login, label).await)
        }
        What::Password { login, password } => {
            let login = parse(login)?;
            let stored = password.stored(&login)?;
            common.change(async |pool| {
                set_password(pool, &login, &stored).await.map_err(failure)?;
                let text = format!("{login} has another password.");
                Ok(Answer::new(text, json!({ "login": login.as_str() })))
            })
        }
    }
}

impl New {
    fn account(&self) -> Result<Account, Failure> {
        let login = parse(&self.login)?;
        let mailbox = (!self.no_mailbox).then(|| Address::parse(login.as_str()));
        let mailbox = mailbox.transpose().map_err(|problem| {
            Failure::usage(
                problem,
                "An account without a mailbox is added with --no-mailbox.",
            )
        })?;
        let quota = match self.quota.map(u64::from) {
            None => Quota::OfDomain,
            Some(megabytes) => NonZeroU64::new(megabytes << 20).map_or(Quota::Unlimited, Quota::Octets),
        };
        Ok(Account {
            password: Some(self.password.stored(&login)?),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            role: Role::named(&self.role).unwrap_or_default(),
            mailbox: mailbox.map(|address| Mailbox {
                quota,
                ..Mailbox::new(address)
            }),
            created: Some(now().unix()),
            ..Account::new(login)
        })
    }
}

impl NewPassword {
    fn stored(&self, login: &Login) -> Result<StoredPassword, Failure> {
        let password = password::ask(OF_ACCOUNT, self.password_file.as_deref(), login.as_str())?;
        stored(&password.reveal())
    }
}

/// The hash of a new password.
pub(super) fn stored(password: &[u8]) -> Result<StoredPassword, Failure> {
    let other = "Choose another.";
    let password =
        std::str::from_utf8(password).map_err(|_| Failure::usage("the password is not UTF-8", other))?;
    let mut salt = [0; SALT_OCTETS];
    getrandom::fill(&mut salt).map_err(|error| {
        let what = format!("the system gives no random numbers: {error}");
        Failure::new(Exit::Internal, what, "")
    })?;
    hash_new(NewScheme::default(), password, salt).map_err(|problem| Failure::usage(problem, other))
}

fn enable(common: &Common, login: &str, enabled: bool) -> Result<Answer, Failure> {
    let login = parse(login)?;
    common.change(async |pool| {
        set_enabled(pool, &login, enabled).await.map_err(failure)?;
        let text = format!("{login} is {}.", if enabled { "enabled" } else { "disabled" });
        Ok(Answer::new(
            text,
            json!({ "login": login.as_str(), "enabled": enabled }),
        ))
    })
}

async fn list(pool: &DirectoryPool, text: Option<&str>) -> Result<Answer, Failure> {
    let directory = pool.read().await.map_err(|error| directory::failure(&error))?;
    let text = text.map(str::to_lowercase).unwrap_or_default();
    let is_asked = |account: &&Account| {
        let address = account
            .mailbox
            .as_ref()
            .map_or("", |mailbox| mailbox.address.as_str());
        account.login.as_str().contains(&text) || address.contains(&text)
    };
    let accounts: Vec<&Account> = directory.accounts.values().filter(is_asked).collect();
    let rows: Vec<[String; 5]> = accounts
        .iter()
        .map(|account| {
            let address = account
                .mailbox
                .as_ref()
                .map(|mailbox| mailbox.address.to_string());
            [
                account.login.to_string(),
                address.unwrap_or_default(),
                account.role.to_string(),
                if account.enabled { "yes" } else { "no" }.to_owned(),
                format!("{} {}", account.first_name, account.last_name)
                    .trim()
                    .to_owned(),
            ]
        })
        .collect();
    let json: Vec<Value> = accounts.iter().map(|account| json_of(account)).collect();
    let text = table(["LOGIN", "MAILBOX", "ROLE", "ENABLED", "NAME"], &rows);
    Ok(Answer::new(text, json!({ "accounts": json })))
}

async fn show(pool: &DirectoryPool, login: &Login) -> Result<Answer, Failure> {
    let failed = |error| directory::failure(&error);
    let account = pool.account(login).await.map_err(failed)?;
    let account = account.ok_or_else(|| failure(AccountError::Unknown(login.clone())))?;
    let migration = pool.migration_of(login).await.map_err(failed)?;
    let scheme = account.password.as_ref().map_or("none", StoredPassword::scheme);
    let mut text = format!(
        "{} {}\n  name      {} {}\n  role      {}\n  enabled   {}\n  password  {scheme}\n",
        account.login,
        account.mailbox.as_ref().map_or_else(
            || "(no mailbox)".to_owned(),
            |mailbox| format!("(mailbox {})", mailbox.address)
        ),
        account.first_name,
        account.last_name,
        account.role,
        if account.enabled { "yes" } else { "no" },
    );
    if let Some(record) = &migration {
        let _ = writeln!(
            text,
            "  moved     from {}: {}",
            record.migration.old_address, record.migration.phase
        );
    }
    let mut json = json_of(&account);
    json["migration"] = migration.map_or(Value::Null, |record| record.migration.id.0.into());
    Ok(Answer::new(text, json!({ "account": json })))
}

async fn remove(pool: &DirectoryPool, login: &Login, force: bool) -> Result<Answer, Failure> {
    let removed = remove_account(pool, login, force).await.map_err(failure)?;
    let mut text = format!("Account {login} removed.");
    if !removed.aliases.is_empty() {
        let aliases: Vec<String> = removed.aliases.iter().map(ToString::to_string).collect();
        let number = amount(aliases.len(), "alias", "aliases");
        let _ = write!(
            text,
            " With it went {number} that led nowhere else: {}.",
            aliases.join(", ")
        );
    }
    if removed.migration {
        text += " Its migration went too.";
    }
    if removed.account.mailbox.is_some() {
        text += " Its mail lies where it lay.";
    }
    let aliases: Vec<String> = removed.aliases.iter().map(ToString::to_string).collect();
    let json =
        json!({ "account": json_of(&removed.account), "aliases": aliases, "migration": removed.migration });
    Ok(Answer::new(text, json))
}

async fn token(pool: &DirectoryPool, login: &Login, label: &str) -> Result<Answer, Failure> {
    let random: Randomness = Arc::new(|octets| getrandom::fill(octets).map_err(|error| error.to_string()));
    let made = add_token_of(pool, login, label, &random, now().unix()).await;
    let token = made.map_err(|error| match error {
        ChangeError::Directory(error) => directory::failure(&error),
        other => Failure::usage(other, ""),
    })?;
    let token = String::from_utf8_lossy(token.reveal()).into_owned();
    let json = json!({ "login": login.as_str(), "token": token });
    Ok(Answer::new(token, json))
}

fn json_of(account: &Account) -> Value {
    json!({
        "login": account.login.as_str(),
        "address": account.mailbox.as_ref().map(|mailbox| mailbox.address.as_str()),
        "role": account.role.as_str(),
        "enabled": account.enabled,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "quota": match account.mailbox.as_ref().map(|mailbox| mailbox.quota) {
            None | Some(Quota::OfDomain) => Value::Null,
            Some(Quota::Unlimited) => 0.into(),
            Some(Quota::Octets(octets)) => octets.get().into(),
        },
        "administers": account.administers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "created": account.created,
    })
}

fn parse(login: &str) -> Result<Login, Failure> {
    Login::parse(login).map_err(|problem| Failure::usage(problem, ""))
}

pub(super) fn failure(error: AccountError) -> Failure {
    match error {
        AccountError::Directory(error) => directory::failure(&error),
        other => Failure::usage(other, ""),
    }
}
