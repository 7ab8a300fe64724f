//! Changes of single accounts and domains that are there.

use transhume_model::directory::{Account, AliasAddress, DomainName, Login, StoredPassword};

use super::link::Value;
use super::{DirectoryError, DirectoryTransaction};

/// What a domain still holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DomainContent {
    /// Mailboxes.
    pub mailboxes: u64,
    /// Aliases, forwards, catch-alls.
    pub aliases: u64,
    /// Other names of it.
    pub domain_aliases: u64,
}

impl DirectoryTransaction<'_> {
    /// Gives an account another password. `false` where there is no such account.
    pub async fn set_password(
        &mut self,
        login: &Login,
        password: &StoredPassword,
    ) -> Result<bool, DirectoryError> {
        let values = [Value::text(password.as_str()), Value::text(login.as_str())];
        self.changed("UPDATE account SET password = $1 WHERE login = $2", &values)
            .await
    }

    /// Enables or disables an account. `false` where there is no such account.
    pub async fn set_enabled(&mut self, login: &Login, enabled: bool) -> Result<bool, DirectoryError> {
        let values = [Value::truth(enabled), Value::text(login.as_str())];
        self.changed("UPDATE account SET enabled = $1 WHERE login = $2", &values)
            .await
    }

    /// Removes an account with its mailbox, the forward and the absence text of that, its migration and what is known of its
    /// old password. Aliases that lead to it lead elsewhere only; those that lead nowhere then are removed too, and returned.
    pub async fn remove_account(&mut self, account: &Account) -> Result<Vec<AliasAddress>, DirectoryError> {
        let mut ended = Vec::new();
        if let Some(mailbox) = &account.mailbox {
            let address = [Value::text(mailbox.address.as_str())];
            self.changed("DELETE FROM alias WHERE address = $1", &address)
                .await?;
            self.changed("DELETE FROM alias_recipient WHERE recipient = $1", &address)
                .await?;
            let statement = "DELETE FROM alias WHERE NOT EXISTS (SELECT 1 FROM alias_recipient r \
                             WHERE r.address = alias.address) RETURNING address";
            let rows = self.transaction.link().ask(statement.to_owned(), &[]).await;
            for row in rows.map_err(|error| DirectoryError::heard(self.at, error))? {
                let alias = row
                    .text(0)
                    .map_err(|error| DirectoryError::heard(self.at, error))?;
                ended.extend(AliasAddress::parse(&alias));
            }
        }
        let login = [Value::text(account.login.as_str())];
        self.changed("DELETE FROM account WHERE login = $1", &login)
            .await?;
        Ok(ended)
    }

    /// What a domain still holds.
    pub async fn domain_content(&mut self, name: &DomainName) -> Result<DomainContent, DirectoryError> {
        let mut numbers = [0; 3];
        for (number, question) in numbers.iter_mut().zip([
            "SELECT count(*) FROM mailbox WHERE domain = $1",
            "SELECT count(*) FROM alias WHERE domain = $1",
            "SELECT count(*) FROM domain_alias WHERE target = $1",
        ]) {
            let link = self.transaction.link();
            let rows = link.ask(question.to_owned(), &[Value::text(name.as_str())]).await;
            let rows = rows.map_err(|error| DirectoryError::heard(self.at, error))?;
            let count = rows.first().map(|row| row.count(0)).transpose();
            *number = count
                .map_err(|error| DirectoryError::heard(self.at, error))?
                .unwrap_or_default();
        }
        let [mailboxes, aliases, domain_aliases] = numbers;
        Ok(DomainContent {
            mailboxes,
            aliases,
            domain_aliases,
        })
    }

    /// Removes a domain with all that is in it. `false` where there is none.
    pub async fn remove_domain(&mut self, name: &DomainName) -> Result<bool, DirectoryError> {
        let name = [Value::text(name.as_str())];
        self.changed("DELETE FROM domain WHERE name = $1", &name).await
    }

    async fn changed(&mut self, statement: &str, values: &[Value<'_>]) -> Result<bool, DirectoryError> {
        let written = self
            .transaction
            .link()
            .write(statement.to_owned(), values, true)
            .await;
        Ok(written.map_err(|error| DirectoryError::heard(self.at, error))? > 0)
    }
}
