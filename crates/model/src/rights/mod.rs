//! Who may ask for what, and of whose things.
//!
//! [`permits`] is all of it: a [`Right`] is either none of somebody's role (they are told so), or it has a [`Scope`], which
//! every question and every change takes. What lies outside the scope is not there for them.

mod entry;
mod right;
mod scope;

use std::collections::BTreeSet;

use crate::directory::{Account, DomainName, Login, Role};

pub use entry::{Denied, may_add, may_give, may_touch};
pub use right::Right;
pub use scope::Scope;

/// Somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub login: Login,
    /// What they may do.
    pub role: Role,
    /// The domains that they administer; of meaning for [`Role::DomainAdmins`] and [`Role::Resellers`] alone.
    pub administers: BTreeSet<DomainName>,
}

impl Actor {
    /// The actor that an account is.
    pub fn of(account: &Account) -> Self {
        Self {
            login: account.login.clone(),
            role: account.role,
            administers: account.administers.clone(),
        }
    }
}

/// Whether somebody may, and of whose things: `None` where their role never may.
pub fn permits(actor: &Actor, right: Right) -> Option<Scope> {
    let own = || Scope::Own(actor.login.clone());
    if right.is_own() {
        return Some(own());
    }
    match actor.role {
        Role::SuperAdmins => Some(Scope::All),
        Role::Resellers if right.is_of_resellers() => Some(Scope::Domains(actor.administers.clone())),
        Role::DomainAdmins if right.is_of_domain_admins() => Some(Scope::Domains(actor.administers.clone())),
        Role::SimpleUsers if right.is_of_simple_users() => Some(own()),
        Role::Resellers | Role::DomainAdmins | Role::SimpleUsers => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn actor(role: Role) -> Actor {
        Actor {
            login: Login::parse("me").unwrap(),
            role,
            administers: BTreeSet::from([DomainName::parse("a.example").unwrap()]),
        }
    }

    #[test]
    fn every_right_of_every_role() {
        let cell = |role, right| match permits(&actor(role), right) {
            None => "–",
            Some(Scope::All) => "all",
            Some(Scope::Domains(_)) => "domains",
            Some(Scope::Own(_)) => "own",
        };
        let line = |right: &Right| {
            let cells = Role::ALL.map(|role| format!("{:<8}", cell(role, *right)));
            format!("{:<19}{}", right.as_str(), cells.concat())
                .trim_end()
                .to_owned()
                + "\n"
        };
        let table: String = Right::ALL.iter().map(line).collect();
        expect![[r#"
            see-profile        own     own     own     own
            change-profile     own     own     own     own
            see-own-progress   own     own     own     own
            see-overview       –       domains domains all
            see-providers      –       domains domains all
            list-providers     own     domains domains all
            change-providers   –       –       –       all
            check-providers    –       –       –       all
            see-migrations     –       domains domains all
            list-migrations    own     domains domains all
            steer-migrations   –       domains domains all
            add-migrations     –       –       –       all
            delete-migrations  –       –       –       all
            see-domains        –       domains domains all
            change-domains     –       –       domains all
            see-identities     –       domains domains all
            change-identities  –       domains domains all
            import-domains     –       –       domains all
            import-identities  –       domains domains all
            export             –       domains domains all
            convert-platform   –       –       –       all
            see-settings       –       domains domains all
            change-settings    –       –       –       all
            see-audit          –       –       –       all
        "#]]
        .assert_eq(&table);
    }

    #[test]
    fn words_of_rights_differ() {
        let words: BTreeSet<&str> = Right::ALL.iter().map(|right| right.as_str()).collect();
        assert_eq!(words.len(), Right::ALL.len());
    }
}
