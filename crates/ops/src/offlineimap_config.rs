//! The configuration with which OfflineIMAP carries the mail of everybody who is being moved.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::thread;

use transhume_db::Sealer;
use transhume_db::directory::{
    CredentialFor, CredentialOwner, DirectoryError, DirectoryPool, Filter, MigrationRecord,
};
use transhume_model::directory::password::Verdict;
use transhume_model::directory::{
    Address, Provider, ProviderName, ProviderSecurity, Settings, StoredPassword,
};
use transhume_model::migration::Hold;
use transhume_model::offlineimap::{Folders, OfflineImap, OfflineImapAccount, render};

/// How the file is written.
#[derive(Clone, Debug)]
pub struct Request {
    /// The server here.
    pub local_host: String,
    /// Its port; `None` is IMAP's own.
    pub local_port: Option<u16>,
    /// The file with the certificates of the authorities that are believed.
    pub authorities: String,
    /// The user who may log in as anybody here, with what stands between the two names, and the password. Without one,
    /// everybody logs in with the password of the old server.
    pub local_master: Option<LocalMaster>,
    /// Folders, where they are said otherwise than by the settings.
    pub filter: Option<Filtered>,
}

/// A user who may log in as anybody here.
#[derive(Clone)]
pub struct LocalMaster {
    /// The login.
    pub login: String,
    /// What stands between the two names.
    pub separator: char,
    /// The password.
    pub password: String,
}

/// Folders as Modoboa's settings say them.
#[derive(Clone, Debug, Default)]
pub struct Filtered {
    /// A regular expression.
    pub exclude: Option<String>,
    /// Names.
    pub include: Vec<String>,
}

/// The file, and who is not in it.
pub struct Configuration {
    /// The file's text, with everybody's passwords.
    pub text: String,
    /// How many accounts are in it.
    pub accounts: usize,
    /// Who is left out, and why.
    pub left_out: Vec<(Address, String)>,
    /// What the administrator should know, in whole sentences.
    pub warnings: Vec<String>,
}

/// Somebody who is in the file.
struct Included<'p> {
    record: MigrationRecord,
    provider: &'p Provider,
    remote_password: String,
    /// The password here, to be compared with the one that the file would have.
    stored: Option<StoredPassword>,
}

/// Renders the file.
pub async fn offlineimap_config(
    pool: &DirectoryPool,
    sealer: &Sealer,
    request: &Request,
) -> Result<Configuration, DirectoryError> {
    let settings = pool.settings().await?;
    let providers = pool.providers().await?;
    let masters = masters(pool, sealer, &providers).await?;
    let mut included = Vec::new();
    let mut left_out = Vec::new();
    let mut records = pool.migrations(&Filter::default()).await?;
    records.retain(|record| record.migration.phase.is_under_way());
    records.sort_by(|one, other| {
        one.migration
            .old_address
            .as_str()
            .cmp(other.migration.old_address.as_str())
    });
    for record in records {
        let old = record.migration.old_address.clone();
        match include(pool, sealer, &settings, &providers, &masters, record).await? {
            Ok(one) => included.push(one),
            Err(why) => left_out.push((old, why)),
        }
    }
    if request.local_master.is_none() {
        let (same, others) = with_the_same_password(included);
        included = same;
        let why = "its password here is another than on the old server; name a master user of this server (--local-master)";
        left_out.extend(others.into_iter().map(|old| (old, why.to_owned())));
    }
    let text = text(&settings, request, &included);
    Ok(Configuration {
        text,
        accounts: included.len(),
        left_out,
        warnings: warnings(&included),
    })
}

/// OfflineIMAP believes whatever certificate it is shown after STARTTLS (8.0.0, seen with a real server): an impostor would
/// get every password.
fn warnings(included: &[Included<'_>]) -> Vec<String> {
    let is_start_tls = |one: &&Included<'_>| one.provider.security == ProviderSecurity::StartTls;
    let names: BTreeSet<&ProviderName> = included
        .iter()
        .filter(is_start_tls)
        .map(|one| &one.provider.name)
        .collect();
    let warning = |name| {
        format!(
            "OfflineIMAP does not check certificates after STARTTLS, as the provider “{name}” has it; where the old server has \
             a port for TLS (993), use that (“transhume provider change --security tls”)"
        )
    };
    names.into_iter().map(warning).collect()
}

async fn masters(
    pool: &DirectoryPool,
    sealer: &Sealer,
    providers: &[Provider],
) -> Result<HashMap<ProviderName, Result<String, String>>, DirectoryError> {
    let mut masters = HashMap::new();
    for provider in providers.iter().filter(|provider| provider.master.is_some()) {
        let known = pool.credential(CredentialOwner::Provider(&provider.name)).await?;
        let password = match known {
            None => Err("the password of the provider's master user is not known".to_owned()),
            Some(known) => CredentialFor::Provider(&provider.name)
                .unseal(sealer, &known)
                .map_err(|error| error.to_string())
                .and_then(text_of),
        };
        masters.insert(provider.name.clone(), password);
    }
    Ok(masters)
}

fn text_of(password: Vec<u8>) -> Result<String, String> {
    String::from_utf8(password)
        .map_err(|_| "its password is no text, which OfflineIMAP cannot send".to_owned())
}

/// Somebody, with the passwords that are known; or why not.
async fn include<'p>(
    pool: &DirectoryPool,
    sealer: &Sealer,
    settings: &Settings,
    providers: &'p [Provider],
    masters: &HashMap<ProviderName, Result<String, String>>,
    record: MigrationRecord,
) -> Result<Result<Included<'p>, String>, DirectoryError> {
    let migration = &record.migration;
    let refused = |why: &str| Ok(Err(why.to_owned()));
    if !settings.imap_migration {
        return refused("IMAP migration is switched off");
    }
    if let Some(hold @ (Hold::Paused { .. } | Hold::CredentialRejected)) = &migration.hold {
        return Ok(Err(hold.sentence()));
    }
    let provider = providers
        .iter()
        .find(|provider| provider.name == migration.provider);
    let Some(provider) = provider.filter(|provider| provider.enabled) else {
        return refused("its provider is disabled");
    };
    let account = pool.account(&migration.login).await?;
    // Nothing is served to those who have no folder: the account or its domain is disabled.
    if pool.folder(&migration.address).await?.is_none() {
        return refused("the account, or its domain, is disabled");
    }
    let own = match masters.get(&provider.name) {
        Some(master) => master.clone(),
        None => match pool.credential(CredentialOwner::Migration(migration.id)).await? {
            None => return refused("its password on the old server is not known"),
            Some(known) => CredentialFor::OldAddress(&migration.old_address)
                .unseal(sealer, &known)
                .map_err(|error| error.to_string())
                .and_then(text_of),
        },
    };
    Ok(own.map(|remote_password| Included {
        provider,
        remote_password,
        stored: account.and_then(|account| account.password),
        record,
    }))
}

/// Those whose password here is the one of the old server, and the addresses of the others. Checking a password costs some
/// 20 ms, so every core does some.
fn with_the_same_password(included: Vec<Included<'_>>) -> (Vec<Included<'_>>, Vec<Address>) {
    let is_same = |one: &Included<'_>| {
        one.provider.master.is_none()
            && one
                .stored
                .as_ref()
                .is_some_and(|stored| stored.verify(&one.remote_password) != Verdict::Wrong)
    };
    let cores = thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let waiting = Mutex::new(included.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((place, one)) = next else { break };
                    let same = is_same(&one);
                    done.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((place, same, one));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|&(place, ..)| place);
    let mut same = Vec::new();
    let mut others = Vec::new();
    for (_, is_same, one) in done {
        if is_same {
            same.push(one);
        } else {
            others.push(one.record.migration.old_address);
        }
    }
    (same, others)
}

fn text(settings: &Settings, request: &Request, included: &[Included<'_>]) -> String {
    let how = OfflineImap {
        jobs: settings.jobs,
        create_folders: settings.create_folders,
        folders: match &request.filter {
            Some(filter) => Folders::Filter {
                exclude: filter.exclude.as_deref(),
                include: &filter.include,
            },
            None => Folders::Patterns {
                include: &settings.include,
                exclude: &settings.exclude,
            },
        },
        local_host: &request.local_host,
        local_port: request.local_port,
        authorities: &request.authorities,
    };
    let logins: Vec<String> = included
        .iter()
        .map(|one| {
            let login = one.record.migration.login.as_str();
            match &request.local_master {
                None => login.to_owned(),
                Some(master) => format!("{login}{}{}", master.separator, master.login),
            }
        })
        .collect();
    let accounts: Vec<OfflineImapAccount<'_>> = included
        .iter()
        .zip(&logins)
        .map(|(one, local_login)| OfflineImapAccount {
            provider: one.provider,
            old_address: &one.record.migration.old_address,
            remote_password: &one.remote_password,
            local_login,
            local_password: request
                .local_master
                .as_ref()
                .map_or(&one.remote_password, |master| &master.password),
        })
        .collect();
    render(&how, &accounts)
}

impl std::fmt::Debug for LocalMaster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalMaster")
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}
