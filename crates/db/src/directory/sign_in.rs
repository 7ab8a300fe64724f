//! Who has signed in with a browser.

use transhume_model::directory::{Account, Login};

use super::link::Value;
use super::lookup::each;
use super::{DirectoryError, DirectoryPool, DirectoryTransaction, read};

/// Somebody who has just signed in. Times are seconds since 1970 UTC.
#[derive(Clone, Copy, Debug)]
pub struct NewSignIn<'s> {
    /// The digest of what their browser shows from now on.
    pub digest: &'s str,
    /// Who.
    pub login: &'s Login,
    /// Now.
    pub begun: i64,
    /// When they have to sign in again at the latest.
    pub ends: i64,
    /// Where from; `None` is this machine.
    pub network: Option<&'s str>,
}

/// Somebody who has signed in. Times are seconds since 1970 UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRecord {
    /// Who.
    pub login: Login,
    /// When they did.
    pub begun: i64,
    /// When they were here last.
    pub used: i64,
    /// When they have to sign in again at the latest.
    pub ends: i64,
    /// Where from; `None` is this machine.
    pub network: Option<String>,
}

impl DirectoryTransaction<'_> {
    /// Keeps that somebody has signed in, and forgets those who have to do so again.
    pub async fn add_sign_in(&mut self, new: NewSignIn<'_>) -> Result<(), DirectoryError> {
        let hear = |error| DirectoryError::heard_of(self.at, "sign_in", new.login, error);
        let statement = "DELETE FROM sign_in WHERE ends <= $1".to_owned();
        let ended = [Value::number(new.begun)];
        let link = self.transaction.link();
        link.write(statement, &ended, true).await.map_err(hear)?;
        let statement =
            "INSERT INTO sign_in (digest, login, begun, used, ends, network) VALUES ($1, $2, $3, $3, $4, $5)";
        let values = [
            Value::text(new.digest),
            Value::text(new.login.as_str()),
            Value::number(new.begun),
            Value::number(new.ends),
            Value::text_or_none(new.network),
        ];
        let link = self.transaction.link();
        let written = link.write(statement.to_owned(), &values, true).await;
        written.map(drop).map_err(hear)
    }

    /// Forgets all who have signed in as an account, but for the one of this digest.
    pub async fn remove_sign_ins(&mut self, login: &Login, but: Option<&str>) -> Result<(), DirectoryError> {
        let statement = "DELETE FROM sign_in WHERE login = $1 AND digest <> $2".to_owned();
        let values = [Value::text(login.as_str()), Value::text(but.unwrap_or_default())];
        let removed = self.transaction.link().write(statement, &values, true).await;
        removed
            .map(drop)
            .map_err(|error| DirectoryError::heard(self.at, error))
    }

    /// Whether an account that is enabled may do everything, and can log in.
    pub async fn has_super_admin(&mut self) -> Result<bool, DirectoryError> {
        let asked = self.transaction.link().ask(SUPER_ADMIN.to_owned(), &[]).await;
        let rows = asked.map_err(|error| DirectoryError::heard(self.at, error))?;
        Ok(!rows.is_empty())
    }
}

const SUPER_ADMIN: &str =
    "SELECT login FROM account WHERE role = 'SuperAdmins' AND enabled AND password IS NOT NULL LIMIT 1";

impl DirectoryPool {
    /// Who has signed in, by the digest of what their browser shows.
    pub async fn sign_in(&self, digest: &str) -> Result<Option<SignInRecord>, DirectoryError> {
        let question = "SELECT login, begun, used, ends, network FROM sign_in WHERE digest = $1".to_owned();
        let mut found = None;
        let mut lent = self.lend().await?;
        let values = [Value::text(digest)];
        each(
            lent.link(),
            self.location(),
            "sign_in",
            question,
            &values,
            |row| {
                found = Some(SignInRecord {
                    login: read::name(row, 0, Login::parse)?,
                    begun: row.number(1)?.unwrap_or_default(),
                    used: row.number(2)?.unwrap_or_default(),
                    ends: row.number(3)?.unwrap_or_default(),
                    network: row.text_or_none(4)?,
                });
                Ok(())
            },
        )
        .await?;
        Ok(found)
    }

    /// Notes that somebody who has signed in is here.
    pub async fn use_sign_in(&self, digest: &str, now: i64) -> Result<(), DirectoryError> {
        let statement = "UPDATE sign_in SET used = $2 WHERE digest = $1";
        self.write_alone(statement, &[Value::text(digest), Value::number(now)])
            .await
            .map(drop)
    }

    /// Forgets somebody who had signed in. `false` where there was nobody.
    pub async fn remove_sign_in(&self, digest: &str) -> Result<bool, DirectoryError> {
        let statement = "DELETE FROM sign_in WHERE digest = $1";
        Ok(self.write_alone(statement, &[Value::text(digest)]).await? > 0)
    }

    /// Whether an account that is enabled may do everything, and can log in.
    pub async fn has_super_admin(&self) -> Result<bool, DirectoryError> {
        let mut lent = self.lend().await?;
        let rows = lent.link().ask(SUPER_ADMIN.to_owned(), &[]).await;
        Ok(!rows.map_err(|error| self.hear(error))?.is_empty())
    }

    /// The account of that login, if it is enabled.
    pub async fn enabled_account(&self, login: &Login) -> Result<Option<Account>, DirectoryError> {
        Ok(self.account(login).await?.filter(|account| account.enabled))
    }

    /// One statement, in a transaction of its own.
    pub(super) async fn write_alone(
        &self,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<u64, DirectoryError> {
        let mut transaction = self.transaction(super::link::Begin::Beside).await?;
        let written = transaction.link().write(statement.to_owned(), values, true).await;
        let written = written.map_err(|error| self.hear(error))?;
        transaction.commit().await.map_err(|error| self.hear(error))?;
        Ok(written)
    }
}
