//! What is around every page: its title, the menu that fits whoever looks, a word on what was just done.

use transhume_model::rights::{Actor, Right, permits};

use super::assets::{ICON, SCRIPT, SHEET};

/// What is around a page.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) sheet: &'static str,
    pub(super) script: &'static str,
    pub(super) icon: &'static str,
    /// What forms send along, to show that they are ours.
    pub(super) csrf: String,
    pub(super) login: String,
    pub(super) role: &'static str,
    pub(super) menu: Vec<Group>,
    /// The page above this one.
    pub(super) trail: Option<Trail>,
    /// What was just done.
    pub(super) said: Option<Said>,
    /// Where what moves on the page is told.
    pub(super) live: Option<String>,
}

/// A part of the menu.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) items: Vec<Item>,
}

/// A line of the menu.
pub(super) struct Item {
    pub(super) name: &'static str,
    pub(super) href: &'static str,
    pub(super) is_here: bool,
}

/// A page, and the way to it.
pub(super) struct Trail {
    pub(super) name: &'static str,
    pub(super) href: &'static str,
}

/// A word on what was done.
pub(super) struct Said {
    pub(super) tone: &'static str,
    pub(super) text: String,
}

/// A line of the menu: what it says, where it leads, and the right of those who see it.
type Offered = (&'static str, &'static str, Right);

/// The menu, part by part.
const MENU: [(&str, &[Offered]); 4] = [
    ("Transhume", &[("Overview", "/", Right::SeeOverview)]),
    (
        "IMAP Migration",
        &[
            ("Migrations", "/migrations", Right::SeeMigrations),
            ("Email providers", "/providers", Right::SeeProviders),
        ],
    ),
    (
        "Directory",
        &[
            ("Domains", "/domains", Right::SeeDomains),
            ("Domain aliases", "/domain-aliases", Right::SeeDomains),
            ("Accounts", "/accounts", Right::SeeIdentities),
            ("Aliases", "/aliases", Right::SeeIdentities),
            ("Convert PostfixAdmin", "/convert", Right::ConvertPlatform),
        ],
    ),
    (
        "Platform",
        &[
            ("Settings", "/settings", Right::SeeSettings),
            ("Audit log", "/audit", Right::SeeAudit),
        ],
    ),
];

impl Frame {
    /// Around a page of somebody who has signed in. `path` is the page's, or that of the list that it belongs to.
    pub(super) fn of(actor: &Actor, csrf: &str, path: &str, title: impl Into<String>) -> Self {
        Self {
            login: actor.login.to_string(),
            role: actor.role.as_str(),
            menu: menu(actor, path),
            ..Self::alone(csrf, title)
        }
    }

    /// Around a page of somebody who has not.
    pub(super) fn alone(csrf: &str, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            sheet: &SHEET.href,
            script: &SCRIPT.href,
            icon: &ICON.href,
            csrf: csrf.to_owned(),
            login: String::new(),
            role: "",
            menu: Vec::new(),
            trail: None,
            said: None,
            live: None,
        }
    }

    pub(super) fn below(self, name: &'static str, href: &'static str) -> Self {
        Self {
            trail: Some(Trail { name, href }),
            ..self
        }
    }

    /// Shows what moves: events come from that address.
    pub(super) fn live(self, events: impl Into<String>) -> Self {
        Self {
            live: Some(events.into()),
            ..self
        }
    }

    pub(super) fn saying(self, said: Option<Said>) -> Self {
        Self { said, ..self }
    }
}

impl Said {
    pub(super) fn good(text: impl Into<String>) -> Self {
        Self {
            tone: "good",
            text: text.into(),
        }
    }
}

fn menu(actor: &Actor, path: &str) -> Vec<Group> {
    let groups = MENU.iter().map(|(name, items)| {
        let seen = items
            .iter()
            .filter(|(_, _, right)| permits(actor, *right).is_some());
        let items = seen.map(|&(name, href, _)| Item {
            name,
            href,
            is_here: href == path,
        });
        Group {
            name,
            items: items.collect(),
        }
    });
    let own = permits(actor, Right::SeeOverview).is_none().then(|| Group {
        name: "Transhume",
        items: vec![Item {
            name: "Your mail",
            href: "/progress",
            is_here: path == "/progress",
        }],
    });
    own.into_iter()
        .chain(groups.filter(|group| !group.items.is_empty()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use transhume_model::directory::{Login, Role};

    use super::*;

    #[test]
    fn everybody_sees_the_menu_that_is_theirs() {
        let shown = |role| {
            let login = Login::parse("alice@a.example").unwrap();
            let actor = Actor {
                login,
                role,
                administers: BTreeSet::new(),
            };
            let menu = menu(&actor, "/accounts");
            let items = menu.iter().flat_map(|group| &group.items);
            items
                .map(|item| if item.is_here { "*" } else { item.href })
                .collect::<Vec<_>>()
                .join(" ")
        };
        for (role, menu) in [
            (Role::SimpleUsers, "/progress"),
            (
                Role::DomainAdmins,
                "/ /migrations /providers /domains /domain-aliases * /aliases /settings",
            ),
            (
                Role::SuperAdmins,
                "/ /migrations /providers /domains /domain-aliases * /aliases /convert /settings /audit",
            ),
        ] {
            assert_eq!(shown(role), menu);
        }
    }
}
