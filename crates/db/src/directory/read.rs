//! The whole directory, read table by table.

use std::collections::BTreeSet;
use std::num::{NonZeroU16, NonZeroU64};

use futures_util::TryStreamExt as _;
use transhume_model::directory::{
    Account, Address, Alias, AliasAddress, Directory, Domain, DomainAlias, DomainKind, DomainName, Limit,
    Limits, Login, Mailbox, NameProblem, Quota, Recipient, Relay, Role, StoredPassword, Vacation,
    VacationInterval,
};

use super::link::{Link, Row};
use super::{DirectoryError, DirectoryLocation};

pub(super) const DOMAINS: &str = "SELECT name, kind, enabled, quota, default_mailbox_quota, mailbox_limit, alias_limit, \
                       mailbox_quota_limit, description, created, relay_service, relay_host, relay_port, relay_verify \
                       FROM domain";
pub(super) const DOMAIN_ALIASES: &str = "SELECT name, target, enabled, description FROM domain_alias";
pub(super) const ACCOUNTS: &str = "SELECT a.login, a.password, a.first_name, a.last_name, a.enabled, a.role, a.secondary_email, \
                        a.phone, a.created, m.address, m.domain_quota, m.quota, m.keeps_copy, m.may_send, m.old_maildir \
                        FROM account a LEFT JOIN mailbox m ON m.login = a.login";
pub(super) const ADMINISTRATORS: &str = "SELECT login, domain FROM administrator";
pub(super) const ALIASES: &str = "SELECT address, enabled, description, created FROM alias";
pub(super) const RECIPIENTS: &str = "SELECT address, recipient FROM alias_recipient";
const VACATIONS: &str = "SELECT address, subject, body, enabled, begins, ends, again FROM vacation";

/// Reads everything. The link's transaction sees to it that it is one moment's.
pub(super) async fn directory(link: Link<'_>, at: &DirectoryLocation) -> Result<Directory, DirectoryError> {
    let mut directory = Directory::default();
    let mut reader = Reader { link, at };
    reader
        .each("domain", DOMAINS, |row| domain(row, &mut directory))
        .await?;
    reader
        .each("domain_alias", DOMAIN_ALIASES, |row| {
            domain_alias(row, &mut directory)
        })
        .await?;
    reader
        .each("account", ACCOUNTS, |row| account(row, &mut directory))
        .await?;
    reader
        .each("administrator", ADMINISTRATORS, |row| {
            administrator(row, &mut directory)
        })
        .await?;
    reader
        .each("alias", ALIASES, |row| alias(row, &mut directory))
        .await?;
    reader
        .each("alias_recipient", RECIPIENTS, |row| {
            recipient(row, &mut directory)
        })
        .await?;
    reader
        .each("vacation", VACATIONS, |row| vacation(row, &mut directory))
        .await?;
    Ok(directory)
}

struct Reader<'r> {
    link: Link<'r>,
    at: &'r DirectoryLocation,
}

/// Why a row cannot be read.
pub(super) enum Trouble {
    /// A column is not what it should be.
    Column(sqlx::Error),
    /// What stands in it is not what this program writes.
    Content(String),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Column(error)
    }
}

impl Reader<'_> {
    async fn each(
        &mut self,
        table: &'static str,
        question: &'static str,
        mut take: impl FnMut(&Row) -> Result<(), Trouble>,
    ) -> Result<(), DirectoryError> {
        let at = self.at;
        let mut rows = self.link.same().rows(question);
        while let Some(row) = rows
            .try_next()
            .await
            .map_err(|error| DirectoryError::heard(at, error))?
        {
            take(&row).map_err(|trouble| trouble.told(at, table))?;
        }
        Ok(())
    }
}

impl Trouble {
    /// The same, with where the row is.
    pub(super) fn told(self, at: &DirectoryLocation, table: &'static str) -> DirectoryError {
        match self {
            Self::Column(error) => DirectoryError::heard(at, error),
            Self::Content(what) => {
                let at = at.clone();
                DirectoryError::Unreadable { at, table, what }
            }
        }
    }
}

/// A name, which must be spelled as this program spells it: else Postfix and Dovecot would look for another.
pub(super) fn name<T: ToString>(
    row: &Row,
    column: usize,
    parse: impl Fn(&str) -> Result<T, NameProblem>,
) -> Result<T, Trouble> {
    let text = row.text(column)?;
    spelled(&text, parse)
}

pub(super) fn spelled<T: ToString>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, NameProblem>,
) -> Result<T, Trouble> {
    let name = parse(text).map_err(|problem| Trouble::Content(format!("“{text}”: {problem}")))?;
    let expected = name.to_string();
    if expected == text {
        return Ok(name);
    }
    Err(Trouble::Content(format!("“{text}” is not spelled “{expected}”")))
}

pub(super) fn of(name: &impl ToString, what: &str) -> Trouble {
    Trouble::Content(format!("“{}”: {what}", name.to_string()))
}

fn octets(row: &Row, column: usize) -> Result<Option<u64>, Trouble> {
    Ok(row.number(column)?.and_then(|octets| octets.try_into().ok()))
}

fn limit(row: &Row, column: usize) -> Result<Limit, Trouble> {
    Ok(row.number(column)?.map_or(Limit::Unlimited, |number| {
        Limit::At(number.try_into().unwrap_or(u32::MAX))
    }))
}

pub(super) fn domain(row: &Row, directory: &mut Directory) -> Result<(), Trouble> {
    let name = name(row, 0, DomainName::parse)?;
    let kind = match row.text(1)?.as_str() {
        "relay" => DomainKind::Relay(Relay {
            service: row.text(10)?,
            host: row.text_or_none(11)?,
            port: port(row, 12)?,
            verify_recipients: row.truth(13)?,
        }),
        _ => DomainKind::Local,
    };
    let domain = Domain {
        name: name.clone(),
        kind,
        enabled: row.truth(2)?,
        quota: octets(row, 3)?,
        default_mailbox_quota: octets(row, 4)?,
        limits: Limits {
            mailboxes: limit(row, 5)?,
            aliases: limit(row, 6)?,
            mailbox_quota: octets(row, 7)?,
        },
        description: row.text(8)?,
        created: row.number(9)?,
    };
    directory.domains.insert(name, domain);
    Ok(())
}

fn port(row: &Row, column: usize) -> Result<Option<NonZeroU16>, Trouble> {
    let port = row.small_number(column)?;
    Ok(port
        .and_then(|port| u16::try_from(port).ok())
        .and_then(NonZeroU16::new))
}

pub(super) fn domain_alias(row: &Row, directory: &mut Directory) -> Result<(), Trouble> {
    let alias = DomainAlias {
        name: name(row, 0, DomainName::parse)?,
        target: name(row, 1, DomainName::parse)?,
        enabled: row.truth(2)?,
        description: row.text(3)?,
    };
    directory.domain_aliases.insert(alias.name.clone(), alias);
    Ok(())
}

pub(super) fn account(row: &Row, directory: &mut Directory) -> Result<(), Trouble> {
    let login = name(row, 0, Login::parse)?;
    // Not shown: it may be a password in clear.
    let password = row
        .text_or_none(1)?
        .map(|text| {
            StoredPassword::from_stored(&text)
                .ok_or_else(|| of(&login, "the password has no {SCHEME} in front"))
        })
        .transpose()?;
    let role = row.text(5)?;
    let account = Account {
        password,
        first_name: row.text(2)?,
        last_name: row.text(3)?,
        enabled: row.truth(4)?,
        role: Role::named(&role).ok_or_else(|| of(&login, "the role is unknown"))?,
        secondary_email: row.text(6)?,
        phone: row.text(7)?,
        created: row.number(8)?,
        mailbox: mailbox(row)?,
        ..Account::new(login.clone())
    };
    directory.accounts.insert(login, account);
    Ok(())
}

/// The mailbox of an account's row, where it has one.
fn mailbox(row: &Row) -> Result<Option<Mailbox>, Trouble> {
    let Some(address) = row.text_or_none(9)? else {
        return Ok(None);
    };
    let quota = octets(row, 11)?.and_then(NonZeroU64::new);
    Ok(Some(Mailbox {
        address: spelled(&address, Address::parse)?,
        quota: match (row.truth(10)?, quota) {
            (true, _) => Quota::OfDomain,
            (false, None) => Quota::Unlimited,
            (false, Some(octets)) => Quota::Octets(octets),
        },
        keeps_copy: row.truth(12)?,
        may_send: row.truth(13)?,
        old_maildir: row.text_or_none(14)?,
    }))
}

pub(super) fn administrator(row: &Row, directory: &mut Directory) -> Result<(), Trouble> {
    let login = name(row, 0, Login::parse)?;
    let domain = name(row, 1, DomainName::parse)?;
    let account = directory.accounts.get_mut(&login);
    let account = account.ok_or_else(|| of(&login, "there is no such account"))?;
    account.administers.insert(domain);
    Ok(())
}

pub(super) fn alias(row: &Row, directory: &mut Directory) -> Result<(), Trouble> {
    let alias = Alias {
        address: name(row, 0, AliasAddress::parse)?,
        recipients: BTreeSet::new(),
        enabled: row.truth(1)?,
        description: row.text(2)?,
        created: row.number(3)?,
    };
    directory.aliases.insert(alias.address.clone(), alias);
    Ok(())
}

pub(super) fn recipient(row: &Row, directory: &mut Directory) -> Result<(), Trouble> {
    let address = name(row, 0, AliasAddress::parse)?;
    let recipient = name(row, 1, Recipient::parse)?;
    let alias = directory.aliases.get_mut(&address);
    let alias = alias.ok_or_else(|| of(&address, "there is no such alias"))?;
    alias.recipients.insert(recipient);
    Ok(())
}

fn vacation(row: &Row, directory: &mut Directory) -> Result<(), Trouble> {
    let address = name(row, 0, Address::parse)?;
    let again = row.number(6)?.and_then(|seconds| seconds.try_into().ok());
    let vacation = Vacation {
        subject: row.text(1)?,
        body: row.text(2)?,
        enabled: row.truth(3)?,
        from: row.number(4)?,
        until: row.number(5)?,
        interval: again.map_or(VacationInterval::Once, VacationInterval::Seconds),
        address: address.clone(),
    };
    directory.vacations.insert(address, vacation);
    Ok(())
}
