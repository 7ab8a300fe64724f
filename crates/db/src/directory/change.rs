//! Entries that are there become what they should be. Whether they may stand so, the model has said before.

use transhume_model::directory::{
    Account, Alias, AliasAddress, Domain, DomainAlias, DomainKind, DomainName, Limit, Login, Quota,
};

use super::link::Value;
use super::{DirectoryError, DirectoryTransaction};

impl DirectoryTransaction<'_> {
    /// Writes what an account is called, may do and administers, and what its mailbox may hold. Login, password and address
    /// stay. `false` where there is none of that login.
    pub async fn change_account(&mut self, account: &Account) -> Result<bool, DirectoryError> {
        let login = Value::text(account.login.as_str());
        let statement = "UPDATE account SET first_name = $2, last_name = $3, enabled = $4, role = $5, \
                         secondary_email = $6, phone = $7 WHERE login = $1";
        let values = [
            login.clone(),
            Value::text(&account.first_name),
            Value::text(&account.last_name),
            Value::truth(account.enabled),
            Value::text(account.role.as_str()),
            Value::text(&account.secondary_email),
            Value::text(&account.phone),
        ];
        if self.change("account", &account.login, statement, &values).await? == 0 {
            return Ok(false);
        }
        if let Some(mailbox) = &account.mailbox {
            let statement = "UPDATE mailbox SET domain_quota = $2, quota = $3, keeps_copy = $4, may_send = $5 \
                             WHERE login = $1";
            let quota = match mailbox.quota {
                Quota::OfDomain | Quota::Unlimited => Value::Number(None),
                Quota::Octets(octets) => Value::count(octets.get()),
            };
            let values = [
                login.clone(),
                Value::truth(mailbox.quota == Quota::OfDomain),
                quota,
                Value::truth(mailbox.keeps_copy),
                Value::truth(mailbox.may_send),
            ];
            self.change("mailbox", &mailbox.address, statement, &values)
                .await?;
        }
        let statement = "DELETE FROM administrator WHERE login = $1";
        self.change("administrator", &account.login, statement, &[login])
            .await?;
        for domain in &account.administers {
            self.administer(&account.login, domain).await?;
        }
        Ok(true)
    }

    /// Lets an account administer a domain that it does not administer yet.
    pub async fn administer(&mut self, login: &Login, domain: &DomainName) -> Result<(), DirectoryError> {
        let statement = "INSERT INTO administrator (login, domain) VALUES ($1, $2)";
        let values = [Value::text(login.as_str()), Value::text(domain.as_str())];
        self.change("administrator", login, statement, &values)
            .await
            .map(drop)
    }

    /// Writes all of a domain but its name. `false` where there is none of that name.
    pub async fn change_domain(&mut self, domain: &Domain) -> Result<bool, DirectoryError> {
        let statement = "UPDATE domain SET kind = $2, enabled = $3, quota = $4, default_mailbox_quota = $5, \
                         mailbox_limit = $6, alias_limit = $7, mailbox_quota_limit = $8, description = $9, \
                         relay_service = $10, relay_host = $11, relay_port = $12, relay_verify = $13 WHERE name = $1";
        let relay = match &domain.kind {
            DomainKind::Local => None,
            DomainKind::Relay(relay) => Some(relay),
        };
        let octets = |octets: Option<u64>| octets.map_or(Value::Number(None), Value::count);
        let limit = |limit: Limit| Value::Number(limit.most().map(i64::from));
        let values = [
            Value::text(domain.name.as_str()),
            Value::text(if relay.is_some() { "relay" } else { "local" }),
            Value::truth(domain.enabled),
            octets(domain.quota),
            octets(domain.default_mailbox_quota),
            limit(domain.limits.mailboxes),
            limit(domain.limits.aliases),
            octets(domain.limits.mailbox_quota),
            Value::text(&domain.description),
            Value::text_or_none(relay.map(|relay| relay.service.as_str())),
            Value::text_or_none(relay.and_then(|relay| relay.host.as_deref())),
            Value::Number(relay.and_then(|relay| relay.port).map(|port| port.get().into())),
            Value::Truth(relay.map(|relay| relay.verify_recipients)),
        ];
        let changed = self.change("domain", &domain.name, statement, &values).await?;
        Ok(changed > 0)
    }

    /// Writes all of a domain's other name but the name. `false` where there is none of that name.
    pub async fn change_domain_alias(&mut self, alias: &DomainAlias) -> Result<bool, DirectoryError> {
        let statement = "UPDATE domain_alias SET target = $2, enabled = $3, description = $4 WHERE name = $1";
        let values = [
            Value::text(alias.name.as_str()),
            Value::text(alias.target.as_str()),
            Value::truth(alias.enabled),
            Value::text(&alias.description),
        ];
        let changed = self
            .change("domain_alias", &alias.name, statement, &values)
            .await?;
        Ok(changed > 0)
    }

    /// Removes another name of a domain. `false` where there is none.
    pub async fn remove_domain_alias(&mut self, name: &DomainName) -> Result<bool, DirectoryError> {
        let statement = "DELETE FROM domain_alias WHERE name = $1";
        let values = [Value::text(name.as_str())];
        Ok(self.change("domain_alias", name, statement, &values).await? > 0)
    }

    /// Writes all of an alias but its address. `false` where there is none of that address.
    pub async fn change_alias(&mut self, alias: &Alias) -> Result<bool, DirectoryError> {
        let address = alias.address.to_string();
        let statement = "UPDATE alias SET enabled = $2, description = $3 WHERE address = $1";
        let values = [
            Value::text(&address),
            Value::truth(alias.enabled),
            Value::text(&alias.description),
        ];
        if self.change("alias", &alias.address, statement, &values).await? == 0 {
            return Ok(false);
        }
        let statement = "DELETE FROM alias_recipient WHERE address = $1";
        self.change(
            "alias_recipient",
            &alias.address,
            statement,
            &[Value::text(&address)],
        )
        .await?;
        for recipient in &alias.recipients {
            let statement = "INSERT INTO alias_recipient (address, recipient) VALUES ($1, $2)";
            let values = [Value::text(&address), Value::text(recipient.as_str())];
            self.change("alias_recipient", &alias.address, statement, &values)
                .await?;
        }
        Ok(true)
    }

    /// Removes an alias. `false` where there is none.
    pub async fn remove_alias(&mut self, address: &AliasAddress) -> Result<bool, DirectoryError> {
        let text = address.to_string();
        let statement = "DELETE FROM alias WHERE address = $1";
        Ok(self
            .change("alias", address, statement, &[Value::text(&text)])
            .await?
            > 0)
    }

    /// The alias of that address.
    pub async fn alias(&mut self, address: &AliasAddress) -> Result<Option<Alias>, DirectoryError> {
        use super::lookup::each;
        use super::read;
        let text = address.to_string();
        let values = [Value::text(&text)];
        let mut found = transhume_model::directory::Directory::default();
        let question = format!("{} WHERE address = $1", read::ALIASES);
        each(
            self.transaction.link(),
            self.at,
            "alias",
            question,
            &values,
            |row| read::alias(row, &mut found),
        )
        .await?;
        let question = format!("{} WHERE address = $1", read::RECIPIENTS);
        let link = self.transaction.link();
        each(link, self.at, "alias_recipient", question, &values, |row| {
            read::recipient(row, &mut found)
        })
        .await?;
        Ok(found.aliases.remove(address))
    }

    async fn change(
        &mut self,
        table: &'static str,
        row: &impl ToString,
        statement: &str,
        values: &[Value<'_>],
    ) -> Result<u64, DirectoryError> {
        let has_nul = |value: &Value<'_>| matches!(value, Value::Text(Some(text)) if text.contains('\0'));
        if values.iter().any(has_nul) {
            return Err(DirectoryError::Unstorable {
                name: row.to_string().replace('\0', "\u{fffd}"),
                why: "a text of it has a NUL character",
            });
        }
        let link = self.transaction.link();
        let written = link.write(statement.to_owned(), values, true).await;
        written.map_err(|error| DirectoryError::heard_of(self.at, table, row, error))
    }
}
