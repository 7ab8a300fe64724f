//! A person begins the move of an account, without its owner having to log in first.
//!
//! The old server is not asked: whether the password is right there, the first pass finds out.

use transhume_db::directory::{
    CredentialFor, CredentialOwner, DirectoryError, DirectoryPool, DirectoryTransaction, NewMigration,
};
use transhume_db::{SealError, Sealer};
use transhume_model::directory::{
    Account, Address, Domain, DomainName, Entry, Login, Mailbox, Secret, StoredPassword, find,
};
use transhume_model::migration::MigrationId;
use transhume_model::plan::directory::{IfExists, Problem, Recipients, Rules, plan};

use crate::account::told;

/// Whom to move, and what is known of them.
#[derive(Clone, Copy)]
pub struct Mover<'m> {
    /// Their address on the old server.
    pub old_address: &'m Address,
    /// Their password there. Not needed where the provider has a master user.
    pub password: Option<&'m Secret>,
    /// What they are to log in with here, where they have no account yet; `None` logs nobody in.
    pub stored: Option<&'m StoredPassword>,
    /// Seals the password.
    pub sealer: &'m Sealer,
    /// Now, in seconds since 1970 UTC.
    pub now: i64,
}

/// Why nothing has begun.
#[derive(Debug, thiserror::Error)]
pub enum AddMigrationError {
    /// Nobody hosts its domain.
    #[error(
        "no provider that is enabled hosts {0}; “transhume provider add” or “provider change --domain” would"
    )]
    NoProvider(Address),
    /// No way to log in there.
    #[error(
        "without the password of {0} on the old server, nothing can be moved: the provider has no master user"
    )]
    NoPassword(Address),
    /// It has one already.
    #[error("{address} has a migration already, number {id}")]
    Exists {
        /// The address here, or on the old server.
        address: Address,
        /// The number.
        id: MigrationId,
    },
    /// The address here belongs to something else.
    #[error(
        "{address} is here already, and is not the mailbox of an account of that name; it cannot be moved into"
    )]
    Taken {
        /// The address here.
        address: Address,
    },
    /// Domain or account cannot be made.
    #[error("{}", told(.0))]
    Refused(Vec<Problem>),
    /// The password cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// What has begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The migration.
    pub id: MigrationId,
    /// The address here.
    pub address: Address,
    /// Whether the account is new.
    pub is_new: bool,
}

/// Begins a migration: with its domain and its account, where these are not here yet.
pub async fn add_migration(pool: &DirectoryPool, mover: Mover<'_>) -> Result<Begun, AddMigrationError> {
    let mut transaction = pool.begin().await?;
    let begun = add_within(&mut transaction, mover).await?;
    transaction.commit().await?;
    Ok(begun)
}

/// The same, within a transaction.
pub(crate) async fn add_within(
    transaction: &mut DirectoryTransaction<'_>,
    mover: Mover<'_>,
) -> Result<Begun, AddMigrationError> {
    let providers = transaction.providers().await?;
    let old = mover.old_address;
    let found = find(&providers, old).ok_or_else(|| AddMigrationError::NoProvider(old.clone()))?;
    if mover.password.is_none() && found.provider.master.is_none() {
        return Err(AddMigrationError::NoPassword(old.clone()));
    }
    let login = Login::from(&found.address);
    let of_account = transaction.migration_of(&login).await?;
    if let Some(record) = of_account.or(transaction.migration_from(old).await?) {
        return Err(AddMigrationError::Exists {
            address: record.migration.address,
            id: record.migration.id,
        });
    }
    let is_new = match transaction.account(&login).await? {
        None => true,
        Some(Account {
            mailbox: Some(mailbox),
            ..
        }) if mailbox.address == found.address => false,
        Some(_) => {
            return Err(AddMigrationError::Taken {
                address: found.address,
            });
        }
    };
    if is_new {
        add_account(transaction, &found.address, mover).await?;
    }
    let new = NewMigration {
        login: &login,
        address: &found.address,
        old_address: old,
        provider: &found.provider.name,
        created: mover.now,
    };
    let id = transaction.add_migration(new).await?;
    if let Some(password) = mover.password {
        let kept = CredentialFor::OldAddress(old).seal(mover.sealer, password.reveal())?;
        let owner = CredentialOwner::Migration(id);
        transaction.set_credential(owner, &kept, mover.now).await?;
    }
    Ok(Begun {
        id,
        address: found.address,
        is_new,
    })
}

async fn add_account(
    transaction: &mut DirectoryTransaction<'_>,
    address: &Address,
    mover: Mover<'_>,
) -> Result<(), AddMigrationError> {
    let created = Some(mover.now);
    let mut entries = Vec::new();
    if let Ok(name) = DomainName::parse(address.domain())
        && transaction.domain(&name).await?.is_none()
    {
        entries.push(Entry::Domain(Domain {
            created,
            ..Domain::local(name)
        }));
    }
    entries.push(Entry::Account(Box::new(Account {
        password: mover.stored.cloned(),
        mailbox: Some(Mailbox::new(address.clone())),
        created,
        ..Account::new(Login::from(address))
    })));
    let rules = Rules {
        if_exists: IfExists::Refuse,
        recipients: Recipients::Known,
    };
    let directory = transaction.read().await?;
    let planned = plan(&directory, entries.into_iter().map(|entry| ((), entry)), rules);
    if !planned.problems.is_empty() {
        let problems = planned.problems.into_iter().map(|((), problem)| problem);
        return Err(AddMigrationError::Refused(problems.collect()));
    }
    Ok(transaction.apply(&planned.changes).await?)
}
