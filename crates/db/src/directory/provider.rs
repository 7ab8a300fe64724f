//! Providers in the database.

use std::num::{NonZeroU16, NonZeroU32};

use transhume_model::directory::{
    CertificateTrust, DomainName, HostName, LoginForm, Master, Provider, ProviderName, ProviderSecurity,
};

use super::link::{Link, Row, Value};
use super::lookup::each;
use super::read::{self, Trouble};
use super::{DirectoryError, DirectoryLocation, DirectoryTransaction};

const ALL: &str = "SELECT p.name, p.host, p.port, p.security, p.pin, p.login_form, p.master_login, p.master_separator, \
                   p.connections, p.connections_per_account, p.enabled, d.old_domain, d.new_domain \
                   FROM provider p LEFT JOIN provider_domain d ON d.provider = p.name ORDER BY p.folded, d.old_domain";
const ADD: &str = "INSERT INTO provider (name, folded, host, port, security, pin, login_form, master_login, \
                   master_separator, connections, connections_per_account, enabled) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const CHANGE: &str = "UPDATE provider SET name = $1, folded = $2, host = $3, port = $4, security = $5, pin = $6, \
                      login_form = $7, master_login = $8, master_separator = $9, connections = $10, \
                      connections_per_account = $11, enabled = $12 WHERE folded = $13";
const ADD_DOMAIN: &str = "INSERT INTO provider_domain (old_domain, provider, new_domain) VALUES ($1, $2, $3)";
const CHANGE_DOMAIN: &str =
    "UPDATE provider_domain SET new_domain = $3 WHERE old_domain = $1 AND provider = $2";
const DOMAINS: &str = "SELECT old_domain FROM provider_domain WHERE provider = $1";
const REMOVE_DOMAIN: &str = "DELETE FROM provider_domain WHERE old_domain = $1 AND provider = $2";
const REMOVE: &str = "DELETE FROM provider WHERE folded = $1";

impl DirectoryTransaction<'_> {
    /// Adds a provider. [`DirectoryError::Contradiction`] where its name, or one of its domains, is taken.
    pub async fn add_provider(&mut self, provider: &Provider) -> Result<(), DirectoryError> {
        self.provider_row(ADD, provider, &columns(provider)).await?;
        self.provider_domains(provider).await
    }

    /// Puts a provider in place of the one of that name; its migrations, its password and the numbers of its domains stay.
    /// `false` where there is none of that name.
    pub async fn change_provider(
        &mut self,
        name: &ProviderName,
        provider: &Provider,
    ) -> Result<bool, DirectoryError> {
        let mut values = columns(provider);
        values.push(Value::text(name.folded()));
        let changed = self.provider_row(CHANGE, provider, &values).await?;
        self.remove_other_domains(provider).await?;
        self.provider_domains(provider).await?;
        Ok(changed > 0)
    }

    /// Removes a provider. [`DirectoryError::Contradiction`] where it has migrations; `false` where there is none of that
    /// name.
    pub async fn remove_provider(&mut self, name: &ProviderName) -> Result<bool, DirectoryError> {
        let values = [Value::text(name.folded())];
        let removed = self
            .transaction
            .link()
            .write(REMOVE.to_owned(), &values, true)
            .await;
        let removed = removed.map_err(|error| DirectoryError::heard_of(self.at, "provider", name, error));
        Ok(removed? > 0)
    }

    async fn provider_row(
        &mut self,
        statement: &str,
        provider: &Provider,
        values: &[Value<'_>],
    ) -> Result<u64, DirectoryError> {
        let link = self.transaction.link();
        let written = link.write(statement.to_owned(), values, true).await;
        written.map_err(|error| DirectoryError::heard_of(self.at, "provider", &provider.name, error))
    }

    /// Removes the domains that a provider has no longer.
    async fn remove_other_domains(&mut self, provider: &Provider) -> Result<(), DirectoryError> {
        let mut gone = Vec::new();
        let of_it = [Value::text(provider.name.as_str())];
        let link = self.transaction.link();
        each(
            link,
            self.at,
            "provider_domain",
            DOMAINS.to_owned(),
            &of_it,
            |row| {
                let old = row.text(0)?;
                if !provider.domains.contains_key(old.as_str()) {
                    gone.push(old);
                }
                Ok(())
            },
        )
        .await?;
        for old in &gone {
            let values = [Value::text(old), Value::text(provider.name.as_str())];
            let link = self.transaction.link();
            let removed = link.write(REMOVE_DOMAIN.to_owned(), &values, true).await;
            removed.map_err(|error| DirectoryError::heard(self.at, error))?;
        }
        Ok(())
    }

    /// Writes the domains that a provider has; those that it had keep their rows.
    async fn provider_domains(&mut self, provider: &Provider) -> Result<(), DirectoryError> {
        for (old, new) in &provider.domains {
            let values = [
                Value::text(old.as_str()),
                Value::text(provider.name.as_str()),
                Value::text_or_none(new.as_ref().map(DomainName::as_str)),
            ];
            let refused = |error| DirectoryError::heard_of(self.at, "provider_domain", old, error);
            let link = self.transaction.link();
            let changed = link.write(CHANGE_DOMAIN.to_owned(), &values, true).await;
            if changed.map_err(refused)? == 0 {
                let link = self.transaction.link();
                link.write(ADD_DOMAIN.to_owned(), &values, true)
                    .await
                    .map_err(refused)?;
            }
        }
        Ok(())
    }
}

fn columns(provider: &Provider) -> Vec<Value<'_>> {
    let master = provider.master.as_ref();
    let owned = |text: String| Value::Text(Some(text.into()));
    vec![
        Value::text(provider.name.as_str()),
        Value::text(provider.name.folded()),
        Value::text(provider.host.as_str()),
        Value::number(provider.port.get()),
        Value::text(provider.security.as_str()),
        provider.certificate.hex().map_or(Value::Text(None), owned),
        Value::text(provider.login_form.as_str()),
        Value::text_or_none(master.map(|master| master.login.as_str())),
        master.map_or(Value::Text(None), |master| owned(master.separator.to_string())),
        Value::number(provider.connections.get()),
        Value::number(provider.connections_per_account.get()),
        Value::truth(provider.enabled),
    ]
}

/// All providers, in the order of their names.
pub(super) async fn all(link: Link<'_>, at: &DirectoryLocation) -> Result<Vec<Provider>, DirectoryError> {
    let mut providers: Vec<Provider> = Vec::new();
    each(link, at, "provider", ALL.to_owned(), &[], |row| {
        let name = row.text(0)?;
        if providers.last().is_none_or(|last| last.name.as_str() != name) {
            providers.push(provider(&name, row)?);
        }
        if let (Some(last), Some(old)) = (providers.last_mut(), row.text_or_none(11)?) {
            let old = read::spelled(&old, DomainName::parse)?;
            let new = row.text_or_none(12)?;
            let new = new
                .map(|new| read::spelled(&new, DomainName::parse))
                .transpose()?;
            last.domains.insert(old, new);
        }
        Ok(())
    })
    .await?;
    Ok(providers)
}

fn provider(name: &str, row: &Row) -> Result<Provider, Trouble> {
    let wrong = |what: &str| read::of(&name, what);
    let number = |column| -> Result<Option<NonZeroU32>, Trouble> {
        let number = row.small_number(column)?;
        Ok(number
            .and_then(|number| u32::try_from(number).ok())
            .and_then(NonZeroU32::new))
    };
    let port = row.small_number(2)?.and_then(|port| u16::try_from(port).ok());
    let pin = row.text_or_none(4)?;
    let separator = row.text_or_none(7)?.and_then(|text| text.chars().next());
    let master = row.text_or_none(6)?.zip(separator);
    let master = master.map(|(login, separator)| Master::new(&login, separator));
    Ok(Provider {
        name: ProviderName::parse(name).map_err(|problem| wrong(&problem.to_string()))?,
        host: HostName::parse(&row.text(1)?).map_err(|problem| wrong(&problem.to_string()))?,
        port: port
            .and_then(NonZeroU16::new)
            .ok_or_else(|| wrong("there is no such port"))?,
        security: ProviderSecurity::named(&row.text(3)?).ok_or_else(|| wrong("the security is unknown"))?,
        certificate: match pin {
            None => CertificateTrust::Public,
            Some(pin) => CertificateTrust::pinned(&pin).map_err(|problem| wrong(&problem.to_string()))?,
        },
        login_form: LoginForm::named(&row.text(5)?).ok_or_else(|| wrong("the login form is unknown"))?,
        master: master
            .transpose()
            .map_err(|problem| wrong(&problem.to_string()))?,
        connections: number(8)?.unwrap_or(Provider::CONNECTIONS),
        connections_per_account: number(9)?.unwrap_or(Provider::CONNECTIONS_PER_ACCOUNT),
        enabled: row.truth(10)?,
        domains: std::collections::BTreeMap::new(),
    })
}
