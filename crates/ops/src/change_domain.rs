//! Domains and their other names, changed in somebody's name.

use transhume_model::directory::{Domain, DomainAlias, DomainKind, DomainName, Entry, Limits, Role};
use transhume_model::rights::{Denied, Right, may_add};

use crate::Asked;
use crate::account::add_within;
use crate::asked::ChangeError;
use crate::audit::Did;
use crate::remove_domain::{RemoveDomainError, remove_within};

/// What a domain is to be; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct DomainChange {
    /// Whether mail for it is accepted, and its people may log in to their mail.
    pub enabled: Option<bool>,
    /// Octets that all its mailboxes may hold together; `Some(None)` is unlimited.
    pub quota: Option<Option<u64>>,
    /// Octets that a mailbox may hold which has no quota of its own; `Some(None)` is unlimited.
    pub default_mailbox_quota: Option<Option<u64>>,
    /// How much it may hold.
    pub limits: Option<Limits>,
    /// What its owner writes about it.
    pub description: Option<String>,
    /// Whether its mail ends here.
    pub kind: Option<DomainKind>,
}

/// What another name of a domain is to be; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct DomainAliasChange {
    /// The domain that it leads to.
    pub target: Option<DomainName>,
    /// Whether mail for it is accepted.
    pub enabled: Option<bool>,
    /// What its owner writes about it.
    pub description: Option<String>,
}

impl From<RemoveDomainError> for ChangeError {
    fn from(error: RemoveDomainError) -> Self {
        match error {
            RemoveDomainError::Unknown(name) => Self::Unknown(format!("domain {name}")),
            RemoveDomainError::Directory(error) => error.into(),
            other => Self::Conflict(other.to_string()),
        }
    }
}

/// Adds a domain. A Reseller administers it from then on.
pub async fn add_domain(asked: Asked<'_>, domain: Domain) -> Result<(), ChangeError> {
    let name = domain.name.clone();
    let created = domain.created.or(Some(asked.now()));
    let entry = Entry::Domain(Domain { created, ..domain });
    may_add(asked.actor, &entry)?;
    let mut transaction = asked.around.directory.begin().await?;
    add_within(&mut transaction, entry).await?;
    if asked.actor.role != Role::SuperAdmins {
        transaction.administer(&asked.actor.login, &name).await?;
    }
    asked
        .note(&mut transaction, Did::AddedDomain, name.as_str(), "")
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Changes a domain, and says what it is now.
pub async fn change_domain(
    asked: Asked<'_>,
    name: &DomainName,
    change: DomainChange,
) -> Result<Domain, ChangeError> {
    in_scope(asked, name, || format!("domain {name}"))?;
    let mut transaction = asked.around.directory.begin().await?;
    let before = transaction.domain(name).await?;
    let before = before.ok_or_else(|| ChangeError::Unknown(format!("domain {name}")))?;
    let domain = Domain {
        enabled: change.enabled.unwrap_or(before.enabled),
        quota: change.quota.unwrap_or(before.quota),
        default_mailbox_quota: change
            .default_mailbox_quota
            .unwrap_or(before.default_mailbox_quota),
        limits: change.limits.unwrap_or(before.limits),
        description: change.description.unwrap_or_else(|| before.description.clone()),
        kind: change.kind.unwrap_or_else(|| before.kind.clone()),
        ..before.clone()
    };
    for (field, octets) in [
        ("quota", domain.quota),
        ("default_mailbox_quota", domain.default_mailbox_quota),
        ("mailbox_quota", domain.limits.mailbox_quota),
    ] {
        if octets == Some(0) || octets.is_some_and(|octets| i64::try_from(octets).is_err()) {
            return Err(ChangeError::refused(
                field,
                "a quota is 1 octet to 8 EiB, or unlimited",
            ));
        }
    }
    if let (Some(default), Some(quota)) = (domain.default_mailbox_quota, domain.quota)
        && default > quota
    {
        let said = "the default for a mailbox is more than the domain may hold";
        return Err(ChangeError::refused("default_mailbox_quota", said));
    }
    if before.is_local() && !domain.is_local() {
        let content = transaction.domain_content(name).await?;
        if content.mailboxes > 0 || content.domain_aliases > 0 {
            let said = "it has mailboxes or other names here, so its mail ends here; remove them first";
            return Err(ChangeError::refused("kind", said));
        }
    }
    transaction.change_domain(&domain).await?;
    let told = match (before.enabled, domain.enabled) {
        (true, false) => "disabled",
        (false, true) => "enabled",
        _ => "",
    };
    asked
        .note(&mut transaction, Did::ChangedDomain, name.as_str(), told)
        .await?;
    transaction.commit().await?;
    Ok(domain)
}

/// Removes a domain, when nothing is in it.
pub async fn remove_domain(asked: Asked<'_>, name: &DomainName) -> Result<(), ChangeError> {
    in_scope(asked, name, || format!("domain {name}"))?;
    let mut transaction = asked.around.directory.begin().await?;
    remove_within(&mut transaction, name).await?;
    asked
        .note(&mut transaction, Did::RemovedDomain, name.as_str(), "")
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Adds another name of a domain.
pub async fn add_domain_alias(asked: Asked<'_>, alias: DomainAlias) -> Result<(), ChangeError> {
    let (name, target) = (alias.name.clone(), alias.target.to_string());
    let entry = Entry::DomainAlias(alias);
    may_add(asked.actor, &entry)?;
    let mut transaction = asked.around.directory.begin().await?;
    add_within(&mut transaction, entry).await?;
    asked
        .note(&mut transaction, Did::AddedDomainAlias, name.as_str(), &target)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// Changes another name of a domain, and says what it is now.
pub async fn change_domain_alias(
    asked: Asked<'_>,
    name: &DomainName,
    change: DomainAliasChange,
) -> Result<DomainAlias, ChangeError> {
    let unknown = || ChangeError::Unknown(format!("domain alias {name}"));
    let mut transaction = asked.around.directory.begin().await?;
    let before = transaction.domain_alias(name).await?.ok_or_else(unknown)?;
    in_scope(asked, &before.target, || format!("domain alias {name}"))?;
    let alias = DomainAlias {
        name: name.clone(),
        target: change.target.unwrap_or(before.target),
        enabled: change.enabled.unwrap_or(before.enabled),
        description: change.description.unwrap_or(before.description),
    };
    if !asked
        .scope(Right::ChangeDomains)
        .has_domain(alias.target.as_str())
    {
        return Err(Denied::Elsewhere(alias.target.to_string()).into());
    }
    let target = transaction.domain(&alias.target).await?;
    if !target.is_some_and(|domain| domain.is_local()) {
        let said = format!("the local domain {} does not exist", alias.target);
        return Err(ChangeError::refused("target", said));
    }
    transaction.change_domain_alias(&alias).await?;
    let to = alias.target.to_string();
    asked
        .note(&mut transaction, Did::ChangedDomainAlias, name.as_str(), &to)
        .await?;
    transaction.commit().await?;
    Ok(alias)
}

/// Removes another name of a domain.
pub async fn remove_domain_alias(asked: Asked<'_>, name: &DomainName) -> Result<(), ChangeError> {
    let unknown = || ChangeError::Unknown(format!("domain alias {name}"));
    let mut transaction = asked.around.directory.begin().await?;
    let before = transaction.domain_alias(name).await?.ok_or_else(unknown)?;
    in_scope(asked, &before.target, || format!("domain alias {name}"))?;
    transaction.remove_domain_alias(name).await?;
    asked
        .note(&mut transaction, Did::RemovedDomainAlias, name.as_str(), "")
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// What is not theirs is not there.
fn in_scope(asked: Asked<'_>, domain: &DomainName, what: impl FnOnce() -> String) -> Result<(), ChangeError> {
    if asked.scope(Right::ChangeDomains).has_domain(domain.as_str()) {
        return Ok(());
    }
    Err(ChangeError::Unknown(what()))
}
