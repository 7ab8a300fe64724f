//! Changes, written hundreds of rows at a time.

use std::borrow::Cow;
use std::fmt::Write as _;

use transhume_model::directory::{
    Account, Alias, AliasAddress, Domain, DomainAlias, DomainKind, Entry, Limit, Mailbox, Quota, Recipient,
    StoredPassword, Vacation, VacationInterval,
};
use transhume_model::plan::directory::Change;

use super::link::{Link, Value};
use super::{DirectoryError, DirectoryLocation};
use crate::base::BATCH;

/// Carries out changes.
pub(super) async fn apply(
    link: Link<'_>,
    at: &DirectoryLocation,
    changes: &[Change],
) -> Result<(), DirectoryError> {
    let mut waiting = Waiting::new(link, at);
    for change in changes {
        match change {
            Change::Add(Entry::Domain(domain)) => waiting.domain(domain)?,
            Change::Add(Entry::DomainAlias(alias)) => waiting.domain_alias(alias)?,
            Change::Add(Entry::Account(account)) => waiting.account(account)?,
            Change::Add(Entry::Alias(alias)) => waiting.alias(alias)?,
            Change::Add(Entry::Vacation(vacation)) => waiting.vacation(vacation)?,
            Change::AddRecipients { alias, recipients } => {
                for recipient in recipients {
                    waiting.recipient(alias, recipient)?;
                }
            }
        }
        if waiting.is_full() {
            waiting.flush().await?;
        }
    }
    waiting.flush().await
}

/// A table and its columns, the first of which names the row.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
}

/// In this order: each refers to those before it only.
const TABLES: [Table; 8] = [
    Table {
        name: "domain",
        columns: &[
            "name",
            "kind",
            "enabled",
            "quota",
            "default_mailbox_quota",
            "mailbox_limit",
            "alias_limit",
            "mailbox_quota_limit",
            "description",
            "created",
            "relay_service",
            "relay_host",
            "relay_port",
            "relay_verify",
        ],
    },
    Table {
        name: "domain_alias",
        columns: &["name", "target", "enabled", "description"],
    },
    Table {
        name: "account",
        columns: &[
            "login",
            "password",
            "first_name",
            "last_name",
            "enabled",
            "role",
            "secondary_email",
            "phone",
            "created",
        ],
    },
    Table {
        name: "administrator",
        columns: &["login", "domain"],
    },
    Table {
        name: "mailbox",
        columns: &[
            "address",
            "domain",
            "login",
            "domain_quota",
            "quota",
            "keeps_copy",
            "may_send",
            "old_maildir",
        ],
    },
    Table {
        name: "alias",
        columns: &["address", "domain", "enabled", "description", "created"],
    },
    Table {
        name: "alias_recipient",
        columns: &["address", "recipient"],
    },
    Table {
        name: "vacation",
        columns: &["address", "subject", "body", "enabled", "begins", "ends", "again"],
    },
];

/// Their places in [`TABLES`].
const DOMAIN: usize = 0;
const DOMAIN_ALIAS: usize = 1;
const ACCOUNT: usize = 2;
const ADMINISTRATOR: usize = 3;
const MAILBOX: usize = 4;
const ALIAS: usize = 5;
const ALIAS_RECIPIENT: usize = 6;
const VACATION: usize = 7;

/// Rows that are not written yet, table by table. All tables are written together, in the order of [`TABLES`]: what a row
/// refers to was declared before it, and is therefore written before it too.
struct Waiting<'w, 'c> {
    link: Link<'w>,
    at: &'w DirectoryLocation,
    rows: [Vec<Value<'c>>; TABLES.len()],
}

fn text(text: &str) -> Value<'_> {
    Value::Text(Some(Cow::Borrowed(text)))
}

fn owned(text: &impl ToString) -> Value<'static> {
    Value::Text(Some(Cow::Owned(text.to_string())))
}

fn text_or_none(text: Option<&str>) -> Value<'_> {
    Value::Text(text.map(Cow::Borrowed))
}

/// Octets, of which databases count fewer than there might be. `None` is unlimited.
fn octets<'v>(name: &str, octets: Option<u64>) -> Result<Value<'v>, DirectoryError> {
    let why = match octets.map(i64::try_from) {
        None => return Ok(Value::Number(None)),
        Some(Ok(octets)) if octets > 0 => return Ok(Value::Number(Some(octets))),
        Some(Ok(_)) => "a quota of 0 octets lets nothing in; unlimited is said otherwise",
        Some(Err(_)) => "its quota is larger than 8 EiB, which no database can count",
    };
    let name = name.to_owned();
    Err(DirectoryError::Unstorable { name, why })
}

fn limit<'v>(limit: Limit) -> Value<'v> {
    Value::Number(match limit {
        Limit::Unlimited => None,
        Limit::At(number) => Some(number.into()),
    })
}

impl<'w, 'c> Waiting<'w, 'c> {
    fn new(link: Link<'w>, at: &'w DirectoryLocation) -> Self {
        let rows = [const { Vec::new() }; TABLES.len()];
        Self { link, at, rows }
    }

    fn domain(&mut self, domain: &'c Domain) -> Result<(), DirectoryError> {
        let name = domain.name.as_str();
        let relay = match &domain.kind {
            DomainKind::Local => None,
            DomainKind::Relay(relay) => Some(relay),
        };
        self.put(
            DOMAIN,
            [
                text(name),
                text(if relay.is_some() { "relay" } else { "local" }),
                Value::Truth(Some(domain.enabled)),
                octets(name, domain.quota)?,
                octets(name, domain.default_mailbox_quota)?,
                limit(domain.limits.mailboxes),
                limit(domain.limits.aliases),
                octets(name, domain.limits.mailbox_quota)?,
                text(&domain.description),
                Value::Number(domain.created),
                text_or_none(relay.map(|relay| relay.service.as_str())),
                text_or_none(relay.and_then(|relay| relay.host.as_deref())),
                Value::Number(relay.and_then(|relay| relay.port).map(|port| port.get().into())),
                Value::Truth(relay.map(|relay| relay.verify_recipients)),
            ],
        )
    }

    fn domain_alias(&mut self, alias: &'c DomainAlias) -> Result<(), DirectoryError> {
        self.put(
            DOMAIN_ALIAS,
            [
                text(alias.name.as_str()),
                text(alias.target.as_str()),
                Value::Truth(Some(alias.enabled)),
                text(&alias.description),
            ],
        )
    }

    fn account(&mut self, account: &'c Account) -> Result<(), DirectoryError> {
        let login = account.login.as_str();
        self.put(
            ACCOUNT,
            [
                text(login),
                text_or_none(account.password.as_ref().map(StoredPassword::as_str)),
                text(&account.first_name),
                text(&account.last_name),
                Value::Truth(Some(account.enabled)),
                text(account.role.as_str()),
                text(&account.secondary_email),
                text(&account.phone),
                Value::Number(account.created),
            ],
        )?;
        for domain in &account.administers {
            self.put(ADMINISTRATOR, [text(login), text(domain.as_str())])?;
        }
        match &account.mailbox {
            Some(mailbox) => self.mailbox(login, mailbox),
            None => Ok(()),
        }
    }

    fn mailbox(&mut self, login: &'c str, mailbox: &'c Mailbox) -> Result<(), DirectoryError> {
        let quota = match mailbox.quota {
            Quota::OfDomain | Quota::Unlimited => None,
            Quota::Octets(octets) => Some(octets.get()),
        };
        let address = mailbox.address.as_str();
        self.put(
            MAILBOX,
            [
                text(address),
                text(mailbox.address.domain()),
                text(login),
                Value::Truth(Some(mailbox.quota == Quota::OfDomain)),
                octets(address, quota)?,
                Value::Truth(Some(mailbox.keeps_copy)),
                Value::Truth(Some(mailbox.may_send)),
                text_or_none(mailbox.old_maildir.as_deref()),
            ],
        )
    }

    fn alias(&mut self, alias: &'c Alias) -> Result<(), DirectoryError> {
        self.put(
            ALIAS,
            [
                alias_address(&alias.address),
                text(alias.address.domain()),
                Value::Truth(Some(alias.enabled)),
                text(&alias.description),
                Value::Number(alias.created),
            ],
        )?;
        let mut recipients = alias.recipients.iter();
        recipients.try_for_each(|recipient| self.recipient(&alias.address, recipient))
    }

    fn recipient(&mut self, alias: &'c AliasAddress, recipient: &'c Recipient) -> Result<(), DirectoryError> {
        self.put(ALIAS_RECIPIENT, [alias_address(alias), text(recipient.as_str())])
    }

    fn vacation(&mut self, vacation: &'c Vacation) -> Result<(), DirectoryError> {
        self.put(
            VACATION,
            [
                text(vacation.address.as_str()),
                text(&vacation.subject),
                text(&vacation.body),
                Value::Truth(Some(vacation.enabled)),
                Value::Number(vacation.from),
                Value::Number(vacation.until),
                Value::Number(match vacation.interval {
                    VacationInterval::Once => None,
                    VacationInterval::Seconds(seconds) => Some(seconds.into()),
                }),
            ],
        )
    }

    fn put<const COLUMNS: usize>(
        &mut self,
        table: usize,
        row: [Value<'c>; COLUMNS],
    ) -> Result<(), DirectoryError> {
        debug_assert_eq!(COLUMNS, TABLES[table].columns.len(), "{}", TABLES[table].name);
        // PostgreSQL has no NUL in its texts, and programs that read SQLite stop at one.
        let has_nul = |value: &Value<'_>| matches!(value, Value::Text(Some(text)) if text.contains('\0'));
        if row.iter().any(has_nul) {
            return Err(DirectoryError::Unstorable {
                name: key(row.first()).replace('\0', "\u{fffd}"),
                why: "a text of it has a NUL character",
            });
        }
        self.rows[table].extend(row);
        Ok(())
    }

    fn is_full(&self) -> bool {
        TABLES
            .iter()
            .zip(&self.rows)
            .any(|(table, values)| values.len() >= BATCH * table.columns.len())
    }

    async fn flush(&mut self) -> Result<(), DirectoryError> {
        for (table, values) in TABLES.iter().zip(&mut self.rows) {
            // Again in batches: one entry may bring any number of rows.
            for batch in values.chunks(BATCH * table.columns.len()) {
                insert(self.link.same(), self.at, table, batch).await?;
            }
            values.clear();
        }
        Ok(())
    }
}

fn alias_address(address: &AliasAddress) -> Value<'_> {
    match address {
        AliasAddress::Address(address) => text(address.as_str()),
        AliasAddress::Domain(_) => owned(address),
    }
}

/// What a row is called.
fn key(first_column: Option<&Value<'_>>) -> String {
    match first_column {
        Some(Value::Text(Some(text))) => text.to_string(),
        _ => String::new(),
    }
}

/// Writes rows by one statement. When the database finds a contradiction in them, they are written again one by one, so
/// that it can be told which row it is.
async fn insert(
    mut link: Link<'_>,
    at: &DirectoryLocation,
    table: &Table,
    values: &[Value<'_>],
) -> Result<(), DirectoryError> {
    let hear = |error| DirectoryError::heard(at, error);
    let columns = table.columns.len();
    let rows = values.len() / columns;
    link.same()
        .run("SAVEPOINT batch".to_owned())
        .await
        .map_err(hear)?;
    let is_sqlite = link.is_sqlite();
    let batch = statement(table, rows, is_sqlite);
    let written = link.same().write(batch, values, rows == BATCH).await;
    let Err(error) = written else {
        return link.run("RELEASE SAVEPOINT batch".to_owned()).await.map_err(hear);
    };
    if is_contradiction(&error) {
        link.same()
            .run("ROLLBACK TO SAVEPOINT batch".to_owned())
            .await
            .map_err(hear)?;
        for row in values.chunks(columns) {
            let written = link.same().write(statement(table, 1, is_sqlite), row, true).await;
            written.map_err(|source| DirectoryError::Contradiction {
                at: at.clone(),
                table: table.name,
                row: key(row.first()),
                source,
            })?;
        }
    }
    Err(hear(error))
}

/// SQLite takes `$1` for a name, and looks for each among all of them: with thousands, that takes longer than anything else.
fn statement(table: &Table, rows: usize, is_sqlite: bool) -> String {
    let columns = table.columns.len();
    let mut statement = format!(
        "INSERT INTO {} ({}) VALUES ",
        table.name,
        table.columns.join(", ")
    );
    for value in 0..rows * columns {
        let before = match (value % columns, value) {
            (0, 0) => "(",
            (0, _) => "), (",
            _ => ", ",
        };
        statement.push_str(before);
        if is_sqlite {
            statement.push('?');
        } else {
            // Writing to a string cannot fail.
            let _ = write!(statement, "${}", value + 1);
        }
    }
    statement.push(')');
    statement
}

pub(super) fn is_contradiction(error: &sqlx::Error) -> bool {
    use sqlx::error::ErrorKind;
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    matches!(
        error.kind(),
        ErrorKind::UniqueViolation
            | ErrorKind::ForeignKeyViolation
            | ErrorKind::NotNullViolation
            | ErrorKind::CheckViolation
    )
}
