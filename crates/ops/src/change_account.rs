//! Accounts, changed in somebody's name.

use std::collections::BTreeSet;

use transhume_db::directory::DirectoryTransaction;
use transhume_model::directory::{Account, DomainName, Entry, Login, Quota, Role, Secret};
use transhume_model::plan::directory::{Field, IfExists, Recipients, Rules, plan};
use transhume_model::rights::{Right, may_add, may_give, may_touch};

use crate::account::{AccountError, Removed, add_within, remove_within};
use crate::asked::ChangeError;
use crate::audit::Did;
use crate::{Asked, new_password};

/// What an account is to be; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Where they are reached when the mailbox is not.
    pub secondary_email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
    /// Whether they may log in, and their mailbox receives.
    pub enabled: Option<bool>,
    /// What they may do.
    pub role: Option<Role>,
    /// The domains that they administer.
    pub administers: Option<BTreeSet<DomainName>>,
    /// How much their mailbox may hold.
    pub quota: Option<Quota>,
    /// Whether a forward leaves a copy.
    pub keeps_copy: Option<bool>,
    /// Whether they may send mail.
    pub may_send: Option<bool>,
    /// Their password.
    pub password: Option<Secret>,
}

impl From<AccountError> for ChangeError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Unknown(login) => Self::Unknown(format!("account “{login}”")),
            AccountError::Refused(problems) => Self::problems(problems),
            AccountError::UnderWay(login) => Self::Conflict(format!(
                "the mail of {login} is still being moved; stop that first, or say that it goes nevertheless: what has come \
                 stays on the disk"
            )),
            AccountError::Directory(error) => error.into(),
        }
    }
}

/// Adds an account, with its mailbox if it has one.
pub async fn add_account(
    asked: Asked<'_>,
    account: Account,
    password: Option<&Secret>,
) -> Result<(), ChangeError> {
    let login = account.login.clone();
    let created = account.created.or(Some(asked.now()));
    let mut account = Account { created, ..account };
    may_add(asked.actor, &Entry::Account(Box::new(account.clone())))?;
    if let Some(password) = password {
        account.password = Some(new_password::hash(asked.around, "password", password).await?);
    }
    let mut transaction = asked.around.directory.begin().await?;
    add_within(&mut transaction, Entry::Account(Box::new(account))).await?;
    asked
        .note(&mut transaction, Did::AddedAccount, login.as_str(), "")
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Changes an account, and says what it is now. Where its password, its role or its domains change, its browsers have to sign in
/// again.
pub async fn change_account(
    asked: Asked<'_>,
    login: &Login,
    change: AccountChange,
) -> Result<Account, ChangeError> {
    // The hash comes first: nobody waits for it with the directory held. Whether they may is looked at before that, too.
    let before = asked.around.directory.account(login).await?;
    allowed(asked, login, before)?;
    let stored = match &change.password {
        Some(password) => Some(new_password::hash(asked.around, "password", password).await?),
        None => None,
    };
    let mut transaction = asked.around.directory.begin().await?;
    let before = transaction.account(login).await?;
    let before = allowed(asked, login, before)?;
    let account = changed(&before, &change);
    if (account.role, &account.administers) != (before.role, &before.administers) {
        let foreign = account
            .administers
            .difference(&before.administers)
            .cloned()
            .collect();
        may_give(asked.actor, account.role, &foreign)?;
    }
    let is_self = asked.actor.login == *login;
    if is_self && (!account.enabled || account.role != before.role) {
        let said = "you would lock yourself out; another SuperAdmin can do this";
        return Err(ChangeError::Conflict(said.to_owned()));
    }
    look(&mut transaction, &before, &account).await?;
    transaction.change_account(&account).await?;
    if let Some(stored) = &stored {
        transaction.set_password(login, stored).await?;
    }
    let told = told(&before, &account, stored.is_some());
    if stored.is_some() || account.role != before.role || account.enabled != before.enabled {
        transaction.remove_sign_ins(login, None).await?;
    }
    asked
        .note(&mut transaction, Did::ChangedAccount, login.as_str(), &told)
        .await?;
    transaction.commit().await?;
    Ok(account)
}

/// Removes an account with its mailbox and its migration. What lies on the disk stays there. One whose mail is still coming
/// only by `force`.
pub async fn remove_account(asked: Asked<'_>, login: &Login, force: bool) -> Result<Removed, ChangeError> {
    let mut transaction = asked.around.directory.begin().await?;
    let account = transaction.account(login).await?;
    allowed(asked, login, account)?;
    if asked.actor.login == *login {
        let said = "you would remove yourself; another SuperAdmin can do this";
        return Err(ChangeError::Conflict(said.to_owned()));
    }
    let removed = remove_within(&mut transaction, login, force).await?;
    asked
        .note(&mut transaction, Did::RemovedAccount, login.as_str(), "")
        .await?;
    transaction.commit().await?;
    Ok(removed)
}

/// The account, if it is theirs to change.
fn allowed(asked: Asked<'_>, login: &Login, account: Option<Account>) -> Result<Account, ChangeError> {
    let scope = asked.scope(Right::ChangeIdentities);
    let account = account.filter(|account| scope.has_account(account));
    let account = account.ok_or_else(|| ChangeError::Unknown(format!("account “{login}”")))?;
    may_touch(asked.actor, &account)?;
    Ok(account)
}

fn changed(before: &Account, change: &AccountChange) -> Account {
    let mut account = before.clone();
    for (now, new) in [
        (&mut account.first_name, &change.first_name),
        (&mut account.last_name, &change.last_name),
        (&mut account.secondary_email, &change.secondary_email),
        (&mut account.phone, &change.phone),
    ] {
        if let Some(new) = new {
            now.clone_from(new);
        }
    }
    account.enabled = change.enabled.unwrap_or(account.enabled);
    account.role = change.role.unwrap_or(account.role);
    if let Some(administers) = &change.administers {
        account.administers.clone_from(administers);
    }
    if let Some(mailbox) = &mut account.mailbox {
        mailbox.quota = change.quota.unwrap_or(mailbox.quota);
        mailbox.keeps_copy = change.keeps_copy.unwrap_or(mailbox.keeps_copy);
        mailbox.may_send = change.may_send.unwrap_or(mailbox.may_send);
    }
    account
}

/// Whether the account can stand as it is to be: its quota in its domain, the domains that it administers.
async fn look(
    transaction: &mut DirectoryTransaction<'_>,
    before: &Account,
    account: &Account,
) -> Result<(), ChangeError> {
    let quota = |account: &Account| account.mailbox.as_ref().map(|mailbox| mailbox.quota);
    if quota(before) == quota(account) && before.administers == account.administers {
        return Ok(());
    }
    let mut directory = transaction.read().await?;
    directory.accounts.remove(&before.login);
    let rules = Rules {
        if_exists: IfExists::Refuse,
        recipients: Recipients::Any,
    };
    let entry = Entry::Account(Box::new(account.clone()));
    let planned = plan(&directory, [((), entry)], rules);
    let problems = planned.problems.into_iter().map(|((), problem)| problem);
    // What it is called stays: only what may change can be wrong.
    let problems: Vec<_> = problems
        .filter(|problem| matches!(problem.field, Field::Quota | Field::Administers(_)))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(ChangeError::problems(problems))
}

/// What has changed, for those who look later.
fn told(before: &Account, account: &Account, is_password: bool) -> String {
    let mut told = Vec::new();
    if before.enabled != account.enabled {
        told.push(if account.enabled { "enabled" } else { "disabled" }.to_owned());
    }
    if before.role != account.role {
        told.push(format!("role {} → {}", before.role, account.role));
    }
    if before.administers != account.administers {
        let domains: Vec<&str> = account.administers.iter().map(DomainName::as_str).collect();
        told.push(format!("administers {}", domains.join(" ")));
    }
    if is_password {
        told.push("password".to_owned());
    }
    told.join(", ")
}
