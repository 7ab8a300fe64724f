//! The domains that a provider hosts, read from what was sent.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use transhume_db::directory::ProviderRow;
use transhume_model::directory::DomainName;
use transhume_model::rights::Scope;

use super::wrong;
use crate::WebState;
use crate::api::fields::Said;
use crate::api::problem::{Faults, Problem};

/// Domains, each with what it is called here where that is something else.
pub(super) type Domains = BTreeMap<DomainName, Option<DomainName>>;

/// The domains here of the numbers that were said; `None` where there is none.
type Numbered = BTreeMap<i64, Option<DomainName>>;

/// The domains that are said, each with what it is to be called here; `None` where nothing is said of them. `of` is the provider
/// that is to have them, where it is here already.
pub(super) async fn said(
    state: &WebState,
    said: &Said,
    there: &[ProviderRow],
    of: Option<i64>,
) -> Result<Option<Domains>, Problem> {
    let Some(list) = said.list("domains") else {
        return Ok(None);
    };
    let numbered = numbered(state, &Scope::All, &list).await?;
    let domains = domains(&list, &numbered)?;
    for name in domains.keys() {
        let mut others = there.iter().filter(|row| Some(row.id) != of);
        if others.any(|row| row.provider.domains.contains_key(name)) {
            let what = format!("Migrated domain with name {name} already exists");
            return Err(Problem::new(StatusCode::BAD_REQUEST, what).with_error());
        }
    }
    Ok(Some(domains))
}

/// One domain that is said.
pub(super) async fn one(
    state: &WebState,
    scope: &Scope,
    said: &Said,
) -> Result<(DomainName, Option<DomainName>), Problem> {
    let numbered = numbered(state, scope, std::slice::from_ref(said)).await?;
    Ok(domain(said, &numbered)?)
}

async fn numbered(state: &WebState, scope: &Scope, list: &[Said]) -> Result<Numbered, Problem> {
    let mut numbered = Numbered::new();
    for number in list.iter().filter_map(|domain| domain.number("new_domain")) {
        let row = state.directory().domain_within(scope, number).await?;
        numbered.insert(number, row.map(|row| row.domain.name));
    }
    Ok(numbered)
}

/// What is wrong with one is told at its place.
fn domains(list: &[Said], numbered: &Numbered) -> Result<Domains, Faults> {
    let mut domains = Domains::new();
    let mut within = Faults::default();
    for (at, said) in list.iter().enumerate() {
        match domain(said, numbered) {
            Err(faults) => within.within(&at.to_string(), faults),
            Ok((old, _)) if domains.contains_key(&old) => {
                within.within(&at.to_string(), wrong("name", &format!("{old} is named twice.")));
            }
            Ok((old, new)) => {
                // The same name is no new one.
                let new = new.filter(|new| *new != old);
                domains.insert(old, new);
            }
        }
    }
    if within.is_empty() {
        return Ok(domains);
    }
    let mut faults = Faults::default();
    faults.within("domains", within);
    Err(faults)
}

fn domain(said: &Said, numbered: &Numbered) -> Result<(DomainName, Option<DomainName>), Faults> {
    let old = DomainName::parse(said.text("name").unwrap_or_default());
    let old = old.map_err(|problem| wrong("name", &problem))?;
    let new = match (said.number("new_domain"), said.text("new_domain_name")) {
        (Some(number), _) => {
            let missing = || {
                let what = format!("Invalid pk \"{number}\" - object does not exist.");
                wrong("new_domain", &what)
            };
            Some(numbered.get(&number).cloned().flatten().ok_or_else(missing)?)
        }
        (None, Some(name)) => {
            Some(DomainName::parse(name).map_err(|problem| wrong("new_domain_name", &problem))?)
        }
        (None, None) => None,
    };
    Ok((old, new))
}
