//! What is asked for by its name: one question for one thing, never the whole directory.

use transhume_model::directory::{
    Account, Address, Directory, Domain, DomainAlias, DomainName, Login, Provider, Settings,
};
use transhume_model::migration::MigrationId;

use super::credential::{self, CredentialOwner, SealedCredential};
use super::link::{Link, Row, Value};
use super::migration::{self, Filter, MigrationRecord};
use super::pass::{self, PassRecord};
use super::read::{self, Trouble};
use super::{DirectoryError, DirectoryLocation, DirectoryPool, DirectoryTransaction, provider, settings};

/// The same questions, of what is committed ([`DirectoryPool`]) and of what is about to be ([`DirectoryTransaction`]).
macro_rules! lookups {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $answer:ty = $ask:path;)*) => {
        impl DirectoryPool {
            $($(#[$doc])*
            pub async fn $name(&self $(, $argument: $type)*) -> Result<$answer, DirectoryError> {
                let mut lent = self.lend().await?;
                $ask(lent.link(), self.location() $(, $argument)*).await
            })*
        }

        impl DirectoryTransaction<'_> {
            $($(#[$doc])*
            pub async fn $name(&mut self $(, $argument: $type)*) -> Result<$answer, DirectoryError> {
                $ask(self.transaction.link(), self.at $(, $argument)*).await
            })*
        }
    };
}

lookups! {
    /// The account of that login, with its mailbox and what it administers.
    account(login: &Login) -> Option<Account> = account;
    /// The account that has a mailbox of that address.
    owner(address: &Address) -> Option<Login> = owner;
    /// The domain of that name.
    domain(name: &DomainName) -> Option<Domain> = domain;
    /// The other name of a domain.
    domain_alias(name: &DomainName) -> Option<DomainAlias> = domain_alias;
    /// How many mailboxes a domain has.
    mailboxes_in(name: &DomainName) -> u64 = mailboxes_in;
    /// Whether there is an alias of that address.
    has_alias(address: &Address) -> bool = has_alias;
    /// Where a mailbox lies below the folder of all mail, as Dovecot is told. `None` where nobody may use it now: account or
    /// domain are disabled, or there is none.
    folder(address: &Address) -> Option<String> = folder;
    /// All providers, in the order of their names.
    providers() -> Vec<Provider> = provider::all;
    /// The settings.
    settings() -> Settings = settings::read;
    /// The migration of that number.
    migration(id: MigrationId) -> Option<MigrationRecord> = migration::by_id;
    /// The migration of an account.
    migration_of(login: &Login) -> Option<MigrationRecord> = migration::by_login;
    /// The migration from an address on the old server.
    migration_from(old: &Address) -> Option<MigrationRecord> = migration::by_old_address;
    /// Migrations, by address, as many as the filter says.
    migrations(filter: &Filter) -> Vec<MigrationRecord> = migration::all;
    /// The last passes of a migration, newest first.
    passes(id: MigrationId, most: u32) -> Vec<PassRecord> = pass::last;
    /// The password of an old server that is known.
    credential(owner: CredentialOwner<'_>) -> Option<SealedCredential> = credential::find;
}

/// Asks a question, and takes every row of the answer.
pub(super) async fn each(
    link: Link<'_>,
    at: &DirectoryLocation,
    table: &'static str,
    question: String,
    values: &[Value<'_>],
    mut take: impl FnMut(&Row) -> Result<(), Trouble>,
) -> Result<(), DirectoryError> {
    let rows = link.ask(question, values).await;
    for row in rows.map_err(|error| DirectoryError::heard(at, error))? {
        take(&row).map_err(|trouble| trouble.told(at, table))?;
    }
    Ok(())
}

async fn account(
    mut link: Link<'_>,
    at: &DirectoryLocation,
    login: &Login,
) -> Result<Option<Account>, DirectoryError> {
    let mut found = Directory::default();
    let values = [Value::text(login.as_str())];
    let question = format!("{} WHERE a.login = $1", read::ACCOUNTS);
    each(link.same(), at, "account", question, &values, |row| {
        read::account(row, &mut found)
    })
    .await?;
    if !found.accounts.is_empty() {
        let question = format!("{} WHERE login = $1", read::ADMINISTRATORS);
        each(link, at, "administrator", question, &values, |row| {
            read::administrator(row, &mut found)
        })
        .await?;
    }
    Ok(found.accounts.remove(login))
}

async fn owner(
    link: Link<'_>,
    at: &DirectoryLocation,
    address: &Address,
) -> Result<Option<Login>, DirectoryError> {
    let mut found = None;
    let values = [Value::text(address.as_str())];
    let question = "SELECT login FROM mailbox WHERE address = $1".to_owned();
    each(link, at, "mailbox", question, &values, |row| {
        found = Some(read::name(row, 0, Login::parse)?);
        Ok(())
    })
    .await?;
    Ok(found)
}

async fn domain(
    link: Link<'_>,
    at: &DirectoryLocation,
    name: &DomainName,
) -> Result<Option<Domain>, DirectoryError> {
    let mut found = Directory::default();
    let values = [Value::text(name.as_str())];
    let question = format!("{} WHERE name = $1", read::DOMAINS);
    each(link, at, "domain", question, &values, |row| {
        read::domain(row, &mut found)
    })
    .await?;
    Ok(found.domains.remove(name))
}

async fn domain_alias(
    link: Link<'_>,
    at: &DirectoryLocation,
    name: &DomainName,
) -> Result<Option<DomainAlias>, DirectoryError> {
    let mut found = Directory::default();
    let values = [Value::text(name.as_str())];
    let question = format!("{} WHERE name = $1", read::DOMAIN_ALIASES);
    each(link, at, "domain_alias", question, &values, |row| {
        read::domain_alias(row, &mut found)
    })
    .await?;
    Ok(found.domain_aliases.remove(name))
}

async fn mailboxes_in(
    link: Link<'_>,
    at: &DirectoryLocation,
    name: &DomainName,
) -> Result<u64, DirectoryError> {
    let mut found = 0;
    let values = [Value::text(name.as_str())];
    let question = "SELECT count(*) FROM mailbox WHERE domain = $1".to_owned();
    each(link, at, "mailbox", question, &values, |row| {
        found = row.count(0)?;
        Ok(())
    })
    .await?;
    Ok(found)
}

async fn has_alias(
    link: Link<'_>,
    at: &DirectoryLocation,
    address: &Address,
) -> Result<bool, DirectoryError> {
    let values = [Value::text(address.as_str())];
    let question = "SELECT address FROM alias WHERE address = $1".to_owned();
    let rows = link.ask(question, &values).await;
    Ok(!rows.map_err(|error| DirectoryError::heard(at, error))?.is_empty())
}

async fn folder(
    link: Link<'_>,
    at: &DirectoryLocation,
    address: &Address,
) -> Result<Option<String>, DirectoryError> {
    let mut found = None;
    let values = [Value::text(address.as_str())];
    let question = "SELECT below FROM mail_user WHERE address = $1".to_owned();
    each(link, at, "mail_user", question, &values, |row| {
        found = Some(row.text(0)?);
        Ok(())
    })
    .await?;
    Ok(found)
}
