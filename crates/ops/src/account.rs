//! Accounts: added, removed, enabled, given another password.

use transhume_db::directory::{DirectoryError, DirectoryPool, DirectoryTransaction};
use transhume_model::directory::{Account, AliasAddress, Entry, Login, StoredPassword};
use transhume_model::plan::directory::{IfExists, Problem, Recipients, Rules, plan};

/// Why nothing was done about an account, or a domain.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is none of that name.
    #[error("there is no account “{0}”; “transhume account list” shows them")]
    Unknown(Login),
    /// It cannot stand beside what is there.
    #[error("{}", told(.0))]
    Refused(Vec<Problem>),
    /// Its mail is still coming.
    #[error(
        "the mail of {0} is still being moved; stop that first (“transhume migration stop”), or say --force: what has come \
         stays on the disk"
    )]
    UnderWay(Login),
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// What is wrong and what would be right, in one line.
pub(crate) fn told(problems: &[Problem]) -> String {
    let told = problems.iter().map(|problem| match problem.fault.remedy() {
        remedy if remedy.is_empty() => problem.fault.to_string(),
        remedy => format!("{} ({remedy})", problem.fault),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Adds something to the directory, checked as an import's rows are.
pub async fn add_entry(pool: &DirectoryPool, entry: Entry) -> Result<(), AccountError> {
    let mut transaction = pool.begin().await?;
    add_within(&mut transaction, entry).await?;
    transaction.commit().await?;
    Ok(())
}

/// The same, within a transaction.
pub(crate) async fn add_within(
    transaction: &mut DirectoryTransaction<'_>,
    entry: Entry,
) -> Result<(), AccountError> {
    let directory = transaction.read().await?;
    let rules = Rules {
        if_exists: IfExists::Refuse,
        recipients: Recipients::Known,
    };
    let planned = plan(&directory, [((), entry)], rules);
    if !planned.problems.is_empty() {
        let problems = planned.problems.into_iter().map(|((), problem)| problem);
        return Err(AccountError::Refused(problems.collect()));
    }
    Ok(transaction.apply(&planned.changes).await?)
}

/// What went with an account.
#[derive(Debug)]
pub struct Removed {
    /// The account.
    pub account: Account,
    /// Aliases that led nowhere without it.
    pub aliases: Vec<AliasAddress>,
    /// Whether it had a migration.
    pub migration: bool,
}

/// Removes an account with its mailbox and its migration. What lies on the disk stays there. One whose mail is still coming
/// only by `force`.
pub async fn remove_account(
    pool: &DirectoryPool,
    login: &Login,
    force: bool,
) -> Result<Removed, AccountError> {
    let mut transaction = pool.begin().await?;
    let removed = remove_within(&mut transaction, login, force).await?;
    transaction.commit().await?;
    Ok(removed)
}

/// The same, within a transaction.
pub(crate) async fn remove_within(
    transaction: &mut DirectoryTransaction<'_>,
    login: &Login,
    force: bool,
) -> Result<Removed, AccountError> {
    let account = transaction.account(login).await?;
    let account = account.ok_or_else(|| AccountError::Unknown(login.clone()))?;
    let migration = transaction.migration_of(login).await?;
    if migration
        .as_ref()
        .is_some_and(|record| record.migration.phase.is_under_way())
        && !force
    {
        return Err(AccountError::UnderWay(login.clone()));
    }
    let aliases = transaction.remove_account(&account).await?;
    Ok(Removed {
        account,
        aliases,
        migration: migration.is_some(),
    })
}

/// Enables or disables an account.
pub async fn set_enabled(pool: &DirectoryPool, login: &Login, enabled: bool) -> Result<(), AccountError> {
    let mut transaction = pool.begin().await?;
    if !transaction.set_enabled(login, enabled).await? {
        return Err(AccountError::Unknown(login.clone()));
    }
    transaction.commit().await?;
    Ok(())
}

/// Gives an account another password.
pub async fn set_password(
    pool: &DirectoryPool,
    login: &Login,
    password: &StoredPassword,
) -> Result<(), AccountError> {
    let mut transaction = pool.begin().await?;
    if !transaction.set_password(login, password).await? {
        return Err(AccountError::Unknown(login.clone()));
    }
    transaction.commit().await?;
    Ok(())
}
