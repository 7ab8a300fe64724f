//! Aliases, changed in somebody's name.

use std::collections::BTreeSet;

use transhume_model::directory::{Alias, AliasAddress, Entry, Recipient};
use transhume_model::plan::directory::{Field, IfExists, Recipients, Rules, plan};
use transhume_model::rights::{Right, may_add};

use crate::Asked;
use crate::account::add_within;
use crate::asked::ChangeError;
use crate::audit::Did;

/// What an alias is to be; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct AliasChange {
    /// Whether it is in use.
    pub enabled: Option<bool>,
    /// What its owner writes about it.
    pub description: Option<String>,
    /// Where it leads.
    pub recipients: Option<BTreeSet<Recipient>>,
}

/// Adds an alias.
pub async fn add_alias(asked: Asked<'_>, alias: Alias) -> Result<(), ChangeError> {
    let address = alias.address.to_string();
    let to = told(&alias);
    if alias.recipients.is_empty() {
        return Err(no_recipients());
    }
    let created = alias.created.or(Some(asked.now()));
    let entry = Entry::Alias(Alias { created, ..alias });
    may_add(asked.actor, &entry)?;
    let mut transaction = asked.around.directory.begin().await?;
    add_within(&mut transaction, entry).await?;
    asked
        .note(&mut transaction, Did::AddedAlias, &address, &to)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Changes an alias, and says what it is now.
pub async fn change_alias(
    asked: Asked<'_>,
    address: &AliasAddress,
    change: AliasChange,
) -> Result<Alias, ChangeError> {
    let mut transaction = asked.around.directory.begin().await?;
    let before = transaction.alias(address).await?;
    let before = theirs(asked, address, before)?;
    let alias = Alias {
        enabled: change.enabled.unwrap_or(before.enabled),
        description: change.description.unwrap_or_else(|| before.description.clone()),
        recipients: change.recipients.unwrap_or_else(|| before.recipients.clone()),
        ..before.clone()
    };
    if alias.recipients.is_empty() {
        return Err(no_recipients());
    }
    if alias.recipients != before.recipients {
        let mut directory = transaction.read().await?;
        directory.aliases.remove(address);
        let rules = Rules {
            if_exists: IfExists::Refuse,
            recipients: Recipients::Known,
        };
        let planned = plan(&directory, [((), Entry::Alias(alias.clone()))], rules);
        let problems = planned.problems.into_iter().map(|((), problem)| problem);
        let problems: Vec<_> = problems
            .filter(|problem| matches!(problem.field, Field::Recipient(_)))
            .collect();
        if !problems.is_empty() {
            return Err(ChangeError::problems(problems));
        }
    }
    transaction.change_alias(&alias).await?;
    let what = address.to_string();
    let to = told(&alias);
    asked
        .note(&mut transaction, Did::ChangedAlias, &what, &to)
        .await?;
    transaction.commit().await?;
    Ok(alias)
}

/// Removes an alias.
pub async fn remove_alias(asked: Asked<'_>, address: &AliasAddress) -> Result<(), ChangeError> {
    let mut transaction = asked.around.directory.begin().await?;
    let before = transaction.alias(address).await?;
    let before = theirs(asked, address, before)?;
    transaction.remove_alias(address).await?;
    let what = address.to_string();
    let to = told(&before);
    asked
        .note(&mut transaction, Did::RemovedAlias, &what, &to)
        .await?;
    transaction.commit().await?;
    Ok(())
}

fn theirs(asked: Asked<'_>, address: &AliasAddress, alias: Option<Alias>) -> Result<Alias, ChangeError> {
    let scope = asked.scope(Right::ChangeIdentities);
    let alias = alias.filter(|alias| scope.has_alias(alias));
    alias.ok_or_else(|| ChangeError::Unknown(format!("alias “{address}”")))
}

fn no_recipients() -> ChangeError {
    ChangeError::refused("recipients", "an alias leads to at least one address")
}

fn told(alias: &Alias) -> String {
    let recipients: Vec<&str> = alias.recipients.iter().map(Recipient::as_str).collect();
    recipients.join(" ")
}
