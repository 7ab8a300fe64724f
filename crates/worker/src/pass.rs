//! From a migration, its provider and the settings to a pass that can be run: both ends, the Maildir, the state file.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use transhume_db::{Base, Store};
use transhume_model::directory::{CertificateTrust, Provider, ProviderSecurity, Settings};
use transhume_model::mail::InternalDate;
use transhume_model::migration::Migration;
use transhume_model::plan::{Pattern, Selection};
use transhume_sync::{
    AnyTarget, CertificateRule, Claim, Deletions, Durability, Fence, Fingerprint, MAILBOXES_AT_A_TIME,
    MaildirTarget, Pass, Security, Source, SourceAddress, SyncError, TargetOptions,
};

/// Seconds for which an old server may be silent.
const PATIENCE: Duration = Duration::from_mins(2);

/// New connections in a row that may bring nothing. The schedule tries again anyway, and others wait for the place.
const RETRIES: u32 = 2;

/// Folders that are made are their owner's alone.
const FOLDER_MODE: u32 = 0o700;

/// Where mail lies here, and what is remembered of it.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The folder of all mail.
    pub mail: PathBuf,
    /// The folder of the state files.
    pub state: PathBuf,
}

impl Folders {
    /// The home of a mailbox, as Dovecot knows it.
    fn home(&self, below: &str) -> PathBuf {
        self.mail.join(below)
    }

    /// The state file of a mailbox's migration. It is called as the mailbox is, so that a migration that begins anew knows what an
    /// earlier one has carried.
    fn state(&self, below: &str) -> PathBuf {
        self.state.join(format!("{below}.db"))
    }
}

/// A pass that is about to run, and what keeps other runs from the Maildir as long.
pub(crate) struct Ready {
    pub(crate) pass: Pass,
    _claim: Claim,
}

/// What a pass is made of.
pub(crate) struct Ingredients<'a> {
    pub(crate) migration: &'a Migration,
    pub(crate) provider: &'a Provider,
    pub(crate) settings: &'a Settings,
    pub(crate) folders: &'a Folders,
    /// Where the mailbox lies below the folder of all mail.
    pub(crate) below: &'a str,
    /// The password of the account, or of the provider's master user.
    pub(crate) password: Vec<u8>,
    pub(crate) fence: Option<Arc<dyn Fence>>,
    /// Seconds since 1970 UTC.
    pub(crate) now: i64,
}

impl Ready {
    /// Opens both ends' files, and makes what is missing. The Maildir is this pass's own from then on.
    pub(crate) async fn new(ingredients: Ingredients<'_>) -> Result<Self, SyncError> {
        let Ingredients { folders, below, .. } = ingredients;
        let (home, state) = (folders.home(below), folders.state(below));
        let maildir = home.join("Maildir");
        let state_file = state.clone();
        let (target, claim) = blocking(move || {
            make_folder(&home).map_err(|error| SyncError::state_file(&home, error))?;
            let target = AnyTarget::from(MaildirTarget::open(&maildir, OPTIONS)?);
            // Claimed before the state file is opened: that belongs to whoever has the Maildir.
            let claim = target.claim()?;
            let folder = state_file.parent().unwrap_or(Path::new("/"));
            make_folder(folder).map_err(|error| SyncError::state_file(folder, error))?;
            Ok((target, claim))
        })
        .await?;
        let pass = ingredients.into_pass(target, Store::open(&state).await?).await?;
        Ok(Self { pass, _claim: claim })
    }
}

impl Ingredients<'_> {
    /// A pass that is to be shown and not run: nothing is made, and the Maildir stays everybody's.
    pub(crate) async fn into_shown(self) -> Result<Pass, SyncError> {
        let (maildir, state) = (self.maildir(), self.folders.state(self.below));
        let is_known = state.is_file();
        let target = blocking(move || MaildirTarget::look_only(&maildir, OPTIONS)).await?;
        let store = if is_known {
            Store::open(&state).await?
        } else {
            Store::in_memory().await?
        };
        self.into_pass(AnyTarget::from(target), store).await
    }

    /// A pass that only compares: nothing is written, and other runs are kept from the Maildir as long.
    pub(crate) async fn into_read(self) -> Result<(Pass, Claim), SyncError> {
        let (maildir, state) = (self.maildir(), self.folders.state(self.below));
        let is_known = state.is_file();
        let (target, claim) = blocking(move || {
            let target = MaildirTarget::look_only(&maildir, OPTIONS)?;
            let claim = target.claim_to_read()?;
            Ok((target, claim))
        })
        .await?;
        let mut known = None;
        if is_known {
            let store = Store::open_to_read(&state).await?;
            let (account, address) = (self.address().account(), self.migration.address.as_str());
            // What is not in it cannot be begun there.
            let has_account = Base::find(store.clone(), &account, address).await?.is_some();
            known = has_account.then_some(store);
        }
        let store = match known {
            Some(store) => store,
            None => Store::in_memory().await?,
        };
        Ok((self.into_pass(AnyTarget::from(target), store).await?, claim))
    }

    /// The Maildir here.
    pub(crate) fn maildir(&self) -> PathBuf {
        self.folders.home(self.below).join("Maildir")
    }

    /// Where the old mailbox is.
    fn address(&self) -> SourceAddress {
        SourceAddress {
            host: self.provider.host.as_str().to_owned(),
            port: self.provider.port.get(),
            security: security(self.provider.security),
            user: self.provider.login(&self.migration.old_address),
        }
    }

    async fn into_pass(self, target: AnyTarget, store: Store) -> Result<Pass, SyncError> {
        let address = self.address();
        let Self {
            migration,
            provider,
            settings,
            password,
            fence,
            now,
            ..
        } = self;
        let base = Base::open(store, &address.account(), migration.address.as_str()).await?;
        let login_as = provider.login_of_passes(&migration.old_address);
        Ok(Pass {
            source: Source {
                login_as: (login_as != address.user).then_some(login_as),
                address,
                password,
                certificate: certificate(provider.certificate),
                patience: PATIENCE,
            },
            target,
            base,
            selection: selection(settings),
            deletions: Deletions::Keep,
            connections: provider.connections_per_account.get(),
            retries: RETRIES,
            makes_mailboxes: settings.create_folders,
            fence,
            now: InternalDate::from_unix(now),
        })
    }
}

/// The process runs as the owner of all mail.
const OPTIONS: TargetOptions = TargetOptions {
    owner: None,
    durability: Durability::Batch,
    mailboxes: MAILBOXES_AT_A_TIME,
};

fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
}

fn security(security: ProviderSecurity) -> Security {
    match security {
        ProviderSecurity::Tls => Security::Tls,
        ProviderSecurity::StartTls => Security::StartTls,
        ProviderSecurity::Clear => Security::Insecure,
    }
}

fn certificate(trust: CertificateTrust) -> CertificateRule {
    match trust {
        CertificateTrust::Public => CertificateRule::Public,
        CertificateTrust::Pinned(digest) => CertificateRule::Pinned(Fingerprint::from(digest)),
    }
}

fn selection(settings: &Settings) -> Selection {
    let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
    Selection {
        include: patterns(&settings.include),
        exclude: patterns(&settings.exclude),
    }
}

/// On a thread that may block: other accounts do not wait for this one's disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SyncError> + Send + 'static,
) -> Result<T, SyncError> {
    let joined = tokio::task::spawn_blocking(work).await;
    joined.map_err(|error| SyncError::Internal(error.to_string()))?
}
