//! What somebody may add, and whose account they may touch: nobody may become more than they are.

use std::collections::BTreeSet;

use super::{Actor, Right, permits};
use crate::directory::{Account, DomainName, Entry, Role};

/// Why somebody may not, for them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Not one of their domains.
    #[error("“{0}” is not in a domain that you administer")]
    Elsewhere(String),
    /// Their role never may.
    #[error("your role does not add {0}")]
    Kind(&'static str),
    /// More than they are themselves.
    #[error("your role does not make {0}")]
    Role(Role),
    /// An account that is more than they are.
    #[error(
        "“{0}” may do more than you, or administers domains that you do not: a SuperAdmin has to do this"
    )]
    Above(String),
}

/// Whether somebody may give this role, with these domains to administer.
pub fn may_give(actor: &Actor, role: Role, administers: &BTreeSet<DomainName>) -> Result<(), Denied> {
    if actor.role == Role::SuperAdmins {
        return Ok(());
    }
    let most = match actor.role {
        Role::Resellers => Role::DomainAdmins,
        _ => Role::SimpleUsers,
    };
    if role > most {
        return Err(Denied::Role(role));
    }
    match administers.difference(&actor.administers).next() {
        Some(foreign) => Err(Denied::Elsewhere(foreign.to_string())),
        None => Ok(()),
    }
}

/// Whether somebody may change or remove an account that lies within their scope. Whoever may set a password is whoever it
/// belongs to.
pub fn may_touch(actor: &Actor, account: &Account) -> Result<(), Denied> {
    let is_below = account.role < actor.role && account.administers.is_subset(&actor.administers);
    if actor.role == Role::SuperAdmins || is_below {
        return Ok(());
    }
    Err(Denied::Above(account.login.to_string()))
}

/// Whether somebody may add an entry.
pub fn may_add(actor: &Actor, entry: &Entry) -> Result<(), Denied> {
    let right = match entry {
        Entry::Domain(_) | Entry::DomainAlias(_) => Right::ChangeDomains,
        _ => Right::ChangeIdentities,
    };
    let Some(scope) = permits(actor, right) else {
        return Err(Denied::Kind(match right {
            Right::ChangeDomains => "domains",
            _ => "accounts and aliases",
        }));
    };
    let within = |domain: &str, what: String| {
        if scope.has_domain(domain) {
            Ok(())
        } else {
            Err(Denied::Elsewhere(what))
        }
    };
    match entry {
        // It is theirs from then on.
        Entry::Domain(_) => Ok(()),
        Entry::DomainAlias(alias) => within(alias.target.as_str(), alias.target.to_string()),
        Entry::Account(account) => {
            may_give(actor, account.role, &account.administers)?;
            match &account.mailbox {
                Some(mailbox) => within(mailbox.address.domain(), mailbox.address.to_string()),
                None => within("", account.login.to_string()),
            }
        }
        Entry::Alias(alias) => within(alias.address.domain(), alias.address.to_string()),
        Entry::Vacation(vacation) => within(vacation.address.domain(), vacation.address.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Address, Domain, Login, Mailbox};

    fn domains(names: &[&str]) -> BTreeSet<DomainName> {
        names
            .iter()
            .map(|name| DomainName::parse(name).unwrap())
            .collect()
    }

    fn actor(role: Role) -> Actor {
        Actor {
            login: Login::parse("me").unwrap(),
            role,
            administers: domains(&["a.example"]),
        }
    }

    fn account(login: &str, role: Role, administers: &[&str]) -> Account {
        let login = Login::parse(login).unwrap();
        Account {
            mailbox: Address::parse(login.as_str()).ok().map(Mailbox::new),
            role,
            administers: domains(administers),
            ..Account::new(login)
        }
    }

    #[test]
    fn nobody_becomes_more_than_they_are() {
        use Role::{DomainAdmins, Resellers, SimpleUsers, SuperAdmins};
        for (who, login, role, administers, adds, touches) in [
            (SuperAdmins, "x@b.example", SuperAdmins, &[][..], true, true),
            (
                Resellers,
                "x@a.example",
                DomainAdmins,
                &["a.example"][..],
                true,
                true,
            ),
            (
                Resellers,
                "x@a.example",
                DomainAdmins,
                &["b.example"][..],
                false,
                false,
            ),
            (Resellers, "x@a.example", Resellers, &[][..], false, false),
            (Resellers, "x@b.example", SimpleUsers, &[][..], false, true),
            (DomainAdmins, "x@a.example", SimpleUsers, &[][..], true, true),
            (DomainAdmins, "x", SimpleUsers, &[][..], false, true),
            (
                DomainAdmins,
                "x@a.example",
                DomainAdmins,
                &["a.example"][..],
                false,
                false,
            ),
            (DomainAdmins, "x@a.example", SuperAdmins, &[][..], false, false),
            (SimpleUsers, "x@a.example", SimpleUsers, &[][..], false, false),
        ] {
            let account = account(login, role, administers);
            let actor = actor(who);
            let entry = Entry::Account(Box::new(account.clone()));
            assert_eq!(may_add(&actor, &entry).is_ok(), adds, "{who} adds {account:?}");
            assert_eq!(
                may_touch(&actor, &account).is_ok(),
                touches,
                "{who} touches {account:?}"
            );
        }
    }

    #[test]
    fn domains_are_added_by_resellers() {
        let domain = Entry::Domain(Domain::local(DomainName::parse("new.example").unwrap()));
        for (role, may) in [
            (Role::SuperAdmins, true),
            (Role::Resellers, true),
            (Role::DomainAdmins, false),
            (Role::SimpleUsers, false),
        ] {
            assert_eq!(may_add(&actor(role), &domain).is_ok(), may, "{role}");
        }
    }
}
