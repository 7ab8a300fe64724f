//! `transhume provider`: the old platforms that people come from.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use transhume_db::directory::DirectoryPool;
use transhume_db::{SealError, Sealer};
use transhume_model::directory::{
    CertificateTrust, DomainName, HostName, LoginForm, Master, Provider, ProviderName, ProviderSecurity,
    Secret,
};
use transhume_ops::provider::{
    MasterPassword, ProviderError, add_provider, change_provider, remove_provider,
};

use super::account::now;
use super::account::password::{self, OF_MASTER};
use super::check_provider::{Check, check};
use super::directory::{self, Answer, Common, amount, table, tell};
use crate::exit::{Exit, Failure};

const AFTER_HELP: &str = "\
Examples:
  transhume provider add Old --host imap.old.example --domain old.example
  transhume provider add Old --host imap.old.example --domain old.example=new.example --login local-part
  transhume provider check Old
  transhume provider change Old --security starttls --connections 5
  transhume provider remove Old --with-migrations

People of a provider's domains may log in here with their old password. The password of a master user is asked for, or comes
from --master-password-file or TRANSHUME_MASTER_PASSWORD; it is kept sealed.

Exit codes: 0 done; 2 wrong command line, or what was said cannot be; check: 4 login refused, 5 server not reachable, 6 certificate
not trusted; 7 the directory cannot be reached, read or written;
8 another program is writing; 70 internal error.";

/// Shows and changes the old platforms that people come from
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
    /// Shows all providers
    List,
    /// Shows one provider
    Show {
        /// Its name
        name: String,
    },
    /// Adds a provider
    Add {
        /// What it is to be called
        name: String,

        /// Its IMAP server, by name or address
        #[arg(long)]
        host: String,

        #[command(flatten)]
        fields: Box<Fields>,
    },
    /// Changes a provider; what is not said stays
    Change {
        /// Its name
        name: String,

        /// Another name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,

        /// Another IMAP server
        #[arg(long)]
        host: Option<String>,

        #[command(flatten)]
        fields: Box<Fields>,

        /// A domain that it hosts no longer
        #[arg(long, value_name = "OLD")]
        remove_domain: Vec<String>,

        /// Believe any certificate that an authority of this machine vouches for
        #[arg(long, conflicts_with = "pin")]
        no_pin: bool,

        /// No master user any more
        #[arg(long, conflicts_with = "master")]
        no_master: bool,
    },
    /// Sees whether its server can be reached as it is described, and if not, why
    Check(Check),
    /// Removes a provider
    Remove {
        /// Its name
        name: String,

        /// Its migrations too; accounts and mail stay
        #[arg(long)]
        with_migrations: bool,
    },
}

#[derive(Debug, Args)]
struct Fields {
    /// The server's port [default: 993 for tls, else 143]
    #[arg(long)]
    port: Option<NonZeroU16>,

    /// How the connection is secured [default: tls]; in clear, passwords and mail can be read on the way
    #[arg(long, value_parser = PossibleValuesParser::new(ProviderSecurity::ALL.map(ProviderSecurity::as_str)))]
    security: Option<String>,

    /// Believe the certificate with this SHA-256 fingerprint, and no other
    #[arg(long, value_name = "FINGERPRINT")]
    pin: Option<String>,

    /// What people are called there [default: address]
    #[arg(long, value_parser = PossibleValuesParser::new(LoginForm::ALL.map(LoginForm::as_str)))]
    login: Option<String>,

    /// A user who may log in there as anybody (USER*LOGIN); passes then do so
    #[arg(long, value_name = "LOGIN")]
    master: Option<String>,

    /// What stands between the two names
    #[arg(long, value_name = "CHARACTER", default_value_t = Master::SEPARATOR, requires = "master")]
    master_separator: char,

    /// File that holds the master user's password on its only line (- for standard input)
    #[arg(long, value_name = "FILE")]
    master_password_file: Option<PathBuf>,

    /// How many passes may work on it at a time [default: 10]
    #[arg(long, value_name = "NUMBER")]
    connections: Option<NonZeroU32>,

    /// How many connections one pass may have [default: 2]
    #[arg(long, value_name = "NUMBER")]
    connections_per_account: Option<NonZeroU32>,

    /// Whether people may come from it, and passes run
    #[arg(long, value_name = "BOOLEAN")]
    enabled: Option<bool>,

    /// A domain that it hosts, and what that is to be called here when that is something else; may be given again
    #[arg(long, value_name = "OLD[=NEW]")]
    domain: Vec<String>,
}

/// Runs the command to its end and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    let common = &arguments.common;
    tell(execute(&arguments.what, common), common.json)
}

fn execute(what: &What, common: &Common) -> Result<Answer, Failure> {
    match what {
        What::List => common.look(async |pool| list(pool).await),
        What::Show { name } => {
            let name = provider_name(name)?;
            common.look(async |pool| show(pool, &name).await)
        }
        What::Add { name, host, fields } => {
            let provider = Provider::new(provider_name(name)?, host_name(host)?);
            let provider = fields.apply(provider)?;
            let password = fields.password(&provider.name)?;
            change(common, password.as_ref(), async |pool, master| {
                add_provider(pool, &provider, master).await.map_err(failure)?;
                let text = format!("Provider “{}” added: {}.", provider.name, hosted(&provider));
                Ok(Answer::new(text, json!({ "provider": json_of(&provider) })))
            })
        }
        What::Change { name, fields, .. } => {
            let name = provider_name(name)?;
            let password = fields.password(&name)?;
            // Whatever is wrong with the options is told before anything is opened.
            let change_of = |provider| changed(what, provider);
            change_of(Provider::new(name.clone(), host_name("localhost")?))?;
            change(common, password.as_ref(), async |pool, master| {
                let apply = |before: Provider| change_of(before.clone()).unwrap_or(before);
                let provider = change_provider(pool, &name, apply, master)
                    .await
                    .map_err(failure)?;
                let text = format!("Provider “{}” changed: {}.", provider.name, hosted(&provider));
                Ok(Answer::new(text, json!({ "provider": json_of(&provider) })))
            })
        }
        What::Check(how) => {
            let name = provider_name(&how.name)?;
            common.look(async |pool| check(&named(pool, &name).await?, how).await)
        }
        What::Remove {
            name,
            with_migrations,
        } => {
            let name = provider_name(name)?;
            common.change(async |pool| {
                let removed = remove_provider(pool, &name, *with_migrations)
                    .await
                    .map_err(failure)?;
                let migrations = amount(removed, "migration", "migrations");
                let text = format!("Provider “{name}” removed, with {migrations}. Accounts and mail stay.");
                Ok(Answer::new(
                    text,
                    json!({ "provider": name.as_str(), "migrations": removed }),
                ))
            })
        }
    }
}

/// Runs a request that may keep a master user's password.
fn change(
    common: &Common,
    password: Option<&Secret>,
    request: impl AsyncFnOnce(&DirectoryPool, MasterPassword<'_>) -> Result<Answer, Failure>,
) -> Result<Answer, Failure> {
    let (_, key) = common.places()?;
    let sealer = move || -> Result<Sealer, SealError> { Sealer::open(&key) };
    let master = MasterPassword {
        password,
        sealer: &sealer,
        now: now().unix(),
    };
    common.change(async |pool| request(pool, master).await)
}

/// The provider as `provider change` wants it.
fn changed(what: &What, mut provider: Provider) -> Result<Provider, Failure> {
    let What::Change {
        rename,
        host,
        fields,
        remove_domain,
        no_pin,
        no_master,
        ..
    } = what
    else {
        return Ok(provider);
    };
    if let Some(name) = rename {
        provider.name = provider_name(name)?;
    }
    if let Some(host) = host {
        provider.host = host_name(host)?;
    }
    if *no_pin {
        provider.certificate = CertificateTrust::Public;
    }
    if *no_master {
        provider.master = None;
    }
    for domain in remove_domain {
        provider.domains.remove(&domain_name(domain, "--remove-domain")?);
    }
    fields.apply(provider)
}

impl Fields {
    fn apply(&self, mut provider: Provider) -> Result<Provider, Failure> {
        if let Some(security) = self.security.as_deref().and_then(ProviderSecurity::named) {
            if provider.port == provider.security.port() {
                provider.port = security.port();
            }
            provider.security = security;
        }
        provider.port = self.port.unwrap_or(provider.port);
        if let Some(pin) = &self.pin {
            let trust = CertificateTrust::pinned(pin);
            provider.certificate =
                trust.map_err(|problem| Failure::usage(format!("--pin: {problem}"), ""))?;
        }
        if let Some(form) = self.login.as_deref().and_then(LoginForm::named) {
            provider.login_form = form;
        }
        if let Some(login) = &self.master {
            let master = Master::new(login, self.master_separator);
            provider.master =
                Some(master.map_err(|problem| Failure::usage(format!("--master: {problem}"), ""))?);
        }
        provider.connections = self.connections.unwrap_or(provider.connections);
        provider.connections_per_account = self
            .connections_per_account
            .unwrap_or(provider.connections_per_account);
        provider.enabled = self.enabled.unwrap_or(provider.enabled);
        for domain in &self.domain {
            let (old, new) = match domain.split_once('=') {
                None => (domain.as_str(), None),
                Some((old, new)) => (old, Some(domain_name(new, "--domain")?)),
            };
            let old = domain_name(old, "--domain")?;
            // The same name is no new one.
            let new = new.filter(|new| *new != old);
            provider.domains.insert(old, new);
        }
        Ok(provider)
    }

    fn password(&self, name: &ProviderName) -> Result<Option<Secret>, Failure> {
        if self.master.is_none() && self.master_password_file.is_none() {
            return Ok(None);
        }
        let whose = format!("the master user of “{name}”");
        let password = password::ask(OF_MASTER, self.master_password_file.as_deref(), &whose)?;
        Ok(Some(Secret::new(password.reveal())))
    }
}

async fn list(pool: &DirectoryPool) -> Result<Answer, Failure> {
    let providers = pool
        .providers()
        .await
        .map_err(|error| directory::failure(&error))?;
    let rows: Vec<[String; 5]> = providers
        .iter()
        .map(|provider| {
            [
                provider.name.to_string(),
                format!("{}:{}", bracketed(provider), provider.port),
                provider.security.as_str().to_owned(),
                if provider.enabled { "yes" } else { "no" }.to_owned(),
                hosted(provider),
            ]
        })
        .collect();
    let text = if rows.is_empty() {
        "There are no providers. “transhume provider add” makes one.".to_owned()
    } else {
        table(["NAME", "SERVER", "SECURITY", "ENABLED", "DOMAINS"], &rows)
    };
    let json: Vec<Value> = providers.iter().map(json_of).collect();
    Ok(Answer::new(text, json!({ "providers": json })))
}

/// The provider of that name.
async fn named(pool: &DirectoryPool, name: &ProviderName) -> Result<Provider, Failure> {
    let providers = pool.providers().await;
    let providers = providers.map_err(|error| directory::failure(&error))?;
    let found = providers.into_iter().find(|provider| provider.name == *name);
    found.ok_or_else(|| failure(ProviderError::Unknown(name.clone())))
}

async fn show(pool: &DirectoryPool, name: &ProviderName) -> Result<Answer, Failure> {
    let provider = &named(pool, name).await?;
    let certificate = match provider.certificate.hex() {
        None => "any that an authority of this machine vouches for".to_owned(),
        Some(pin) => format!("sha256:{pin} and no other"),
    };
    let master = match &provider.master {
        None => "none".to_owned(),
        Some(master) => format!("USER{}{}", master.separator, master.login),
    };
    let text = format!(
        "{}\n  server       {}:{} ({})\n  certificate  {certificate}\n  login        {}\n  master user  {master}\n  \
         passes       {} at a time, {} connections each\n  enabled      {}\n  domains      {}\n",
        provider.name,
        bracketed(provider),
        provider.port,
        provider.security.as_str(),
        provider.login_form.as_str(),
        provider.connections,
        provider.connections_per_account,
        if provider.enabled { "yes" } else { "no" },
        hosted(provider),
    );
    Ok(Answer::new(text, json!({ "provider": json_of(provider) })))
}

fn bracketed(provider: &Provider) -> String {
    let host = provider.host.as_str();
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

/// `old.example, two.example → new.example`.
fn hosted(provider: &Provider) -> String {
    let domains = provider.domains.iter().map(|(old, new)| match new {
        None => old.to_unicode(),
        Some(new) => format!("{} → {}", old.to_unicode(), new.to_unicode()),
    });
    domains.collect::<Vec<_>>().join(", ")
}

fn json_of(provider: &Provider) -> Value {
    let domains = provider
        .domains
        .iter()
        .map(|(old, new)| json!({ "old": old.as_str(), "new": new.as_ref().map(DomainName::as_str) }));
    json!({
        "name": provider.name.as_str(),
        "host": provider.host.as_str(),
        "port": provider.port,
        "security": provider.security.as_str(),
        "pin": provider.certificate.hex(),
        "login": provider.login_form.as_str(),
        "master": provider.master.as_ref().map(|master| &master.login),
        "master_separator": provider.master.as_ref().map(|master| master.separator),
        "connections": provider.connections,
        "connections_per_account": provider.connections_per_account,
        "enabled": provider.enabled,
        "domains": domains.collect::<Vec<_>>(),
    })
}

pub(crate) fn provider_name(text: &str) -> Result<ProviderName, Failure> {
    ProviderName::parse(text).map_err(|problem| Failure::usage(problem, ""))
}

fn host_name(text: &str) -> Result<HostName, Failure> {
    HostName::parse(text).map_err(|problem| Failure::usage(format!("--host: {problem}"), ""))
}

fn domain_name(text: &str, option: &str) -> Result<DomainName, Failure> {
    DomainName::parse(text).map_err(|problem| Failure::usage(format!("{option}: {problem}"), ""))
}

fn failure(error: ProviderError) -> Failure {
    match error {
        ProviderError::Directory(error) => directory::failure(&error),
        ProviderError::Seal(error) => Failure::new(Exit::TargetFailed, error, ""),
        other => Failure::usage(other, ""),
    }
}
