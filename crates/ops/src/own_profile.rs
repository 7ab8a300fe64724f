//! One's own account: name, and password.

use transhume_model::directory::{Account, Secret};

use crate::asked::ChangeError;
use crate::audit::Did;
use crate::{Asked, new_password, sign_in};

/// What somebody says of themselves; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Where they are reached when the mailbox is not.
    pub secondary_email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

/// Changes what somebody says of themselves.
pub async fn change_profile(asked: Asked<'_>, profile: Profile) -> Result<Account, ChangeError> {
    let mut transaction = asked.around.directory.begin().await?;
    let login = &asked.actor.login;
    let account = transaction.account(login).await?;
    let mut account = account.ok_or_else(|| ChangeError::Unknown(format!("account “{login}”")))?;
    for (now, new) in [
        (&mut account.first_name, profile.first_name),
        (&mut account.last_name, profile.last_name),
        (&mut account.secondary_email, profile.secondary_email),
        (&mut account.phone, profile.phone),
    ] {
        if let Some(new) = new {
            *now = new;
        }
    }
    transaction.change_account(&account).await?;
    asked
        .note(&mut transaction, Did::ChangedProfile, login.as_str(), "")
        .await?;
    transaction.commit().await?;
    Ok(account)
}

/// Gives somebody another password, when they know the one that they have. All their other browsers have to sign in again;
/// `session` is what this one shows.
pub async fn change_password(
    asked: Asked<'_>,
    old: &Secret,
    new: &Secret,
    session: Option<&str>,
) -> Result<(), ChangeError> {
    let login = &asked.actor.login;
    let account = asked.around.directory.account(login).await?;
    let account = account.ok_or_else(|| ChangeError::Unknown(format!("account “{login}”")))?;
    if !new_password::is_right(account.password, old).await? {
        return Err(ChangeError::refused("old_password", "this is not your password"));
    }
    let stored = new_password::hash(asked.around, "new_password", new).await?;
    let digest = session.map(sign_in::session_digest);
    let mut transaction = asked.around.directory.begin().await?;
    transaction.set_password(login, &stored).await?;
    transaction.remove_sign_ins(login, digest.as_deref()).await?;
    asked
        .note(&mut transaction, Did::ChangedPassword, login.as_str(), "")
        .await?;
    transaction.commit().await?;
    Ok(())
}
