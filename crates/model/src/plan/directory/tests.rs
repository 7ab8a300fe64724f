//! Tables and properties of the plan. Entries are written as words, the way a file would have them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::directory::Domain;

mod words;

use words::{MEGABYTE, entry};

fn keep(recipients: Recipients) -> Rules {
    let if_exists = IfExists::Keep;
    Rules {
        if_exists,
        recipients,
    }
}

fn refuse() -> Rules {
    let (if_exists, recipients) = (IfExists::Refuse, Recipients::Known);
    Rules {
        if_exists,
        recipients,
    }
}

fn planned(lines: &[&str], rules: Rules) -> (Planned<usize>, Directory) {
    let mut directory = Directory::default();
    let entries = lines.iter().enumerate().map(|(place, line)| (place, entry(line)));
    let planned = plan(&directory, entries, rules);
    for change in planned.changes.clone() {
        change.apply_to(&mut directory);
    }
    (planned, directory)
}

/// Each row: the entries, and the problems as `entry: what is wrong`.
const CASES: &[(&[&str], &[&str])] = &[
    (
        &["domain a.org", "account u@a.org", "alias info@a.org u@a.org"],
        &[],
    ),
    (
        &["domain a.org", "domain A.ORG."],
        &["1: the domain a.org exists already"],
    ),
    (
        &["domain a.org", "relay a.org"],
        &["1: a.org is a local domain already"],
    ),
    (
        &["relay a.org", "domain a.org"],
        &["1: a.org is a relay domain already"],
    ),
    (
        &["domain a.org", "also b.org a.org", "domain b.org"],
        &["2: b.org is another name of a.org already"],
    ),
    (
        &["domain a.org", "domain b.org", "also b.org a.org"],
        &["2: b.org is a local domain already"],
    ),
    (
        &["domain a.org", "also a.org a.org"],
        &["1: a.org cannot be another name of itself"],
    ),
    (&["also b.org a.org"], &["0: the domain a.org does not exist"]),
    (
        &["relay a.org", "also b.org a.org"],
        &["1: a.org is a relay domain: its mail does not end here"],
    ),
    (
        &["domain a.org", "also b.org a.org", "also c.org b.org"],
        &["2: b.org is another name of a.org"],
    ),
    (
        &["domain a.org 100 200"],
        &["0: the default for a mailbox, 200 MB, is more than the domain may hold, 100 MB"],
    ),
    (&["account u@a.org"], &["0: the domain a.org does not exist"]),
    (
        &["relay a.org", "account u@a.org"],
        &["1: a.org is a relay domain: its mail does not end here"],
    ),
    (
        &["domain a.org", "also b.org a.org", "account u@b.org"],
        &["2: b.org is another name of a.org"],
    ),
    (
        &["domain a.org 100 0", "account u@a.org u@a.org 101"],
        &["1: 101 MB is more than a mailbox of a.org may hold, 100 MB"],
    ),
    (
        &[
            "domain a.org 1000 100",
            "account u@a.org u@a.org 400",
            "account v@a.org v@a.org 400",
            "account w@a.org",
            "account x@a.org x@a.org 101",
        ],
        &["4: with it, the mailboxes of a.org may hold 1001 MB; the domain may hold 1000 MB"],
    ),
    (
        &[
            "domain a.org 0 0 1 1",
            "account u@a.org",
            "account v@a.org",
            "alias a@a.org u@a.org",
            "alias b@a.org u@a.org",
        ],
        &[
            "2: a.org may have 1 mailboxes, and has them",
            "4: a.org may have 1 aliases, and has them",
        ],
    ),
    (
        &["domain a.org", "account a1 box@a.org", "account a2 box@a.org"],
        &["2: box@a.org is the mailbox of the account a1"],
    ),
    (
        &["domain a.org", "account a1 box@a.org", "account box@a.org -"],
        &["2: box@a.org is the mailbox of the account a1"],
    ),
    (
        &["domain a.org", "account box@a.org -", "account a1 box@a.org"],
        &["2: box@a.org is another account's login, and cannot be the address of this one's mailbox"],
    ),
    (&["domain a.org", "relay b.org", "admin boss a.org b.org"], &[]),
    (
        &["domain a.org", "admin boss a.org c.org"],
        &["1: the domain c.org does not exist"],
    ),
    (
        &["domain a.org", "alias info@a.org u@a.org Ext@else.net"],
        &["1: the recipient u@a.org does not exist, and its domain is one of these"],
    ),
    (
        &[
            "domain a.org",
            "alias @a.org all@else.net",
            "alias info@a.org u@a.org",
        ],
        &[],
    ),
    (
        &[
            "domain a.org",
            "also b.org a.org",
            "account u@a.org",
            "alias x@b.org u@b.org",
            "alias y@a.org X@B.org",
        ],
        &[],
    ),
    (&["domain a.org", "domain b.org", "alias @a.org @b.org"], &[]),
    (
        &["domain a.org", "alias x@a.org x@a.org"],
        &["1: x@a.org leads to itself alone, and there is no such mailbox"],
    ),
    (
        &[
            "domain a.org",
            "account x@a.org",
            "alias x@a.org x@a.org y@else.net",
        ],
        &[],
    ),
    (
        &["alias x@a.org y@else.net"],
        &["0: the domain a.org does not exist"],
    ),
    (&["relay a.org", "alias x@a.org y@else.net"], &[]),
    (
        &[
            "domain a.org",
            "alias x@a.org y@else.net",
            "alias x@a.org y@else.net",
        ],
        &["2: the alias x@a.org exists already"],
    ),
    (
        &["domain a.org", "away u@a.org"],
        &["1: there is no mailbox u@a.org"],
    ),
    (&["domain a.org", "account u@a.org", "away u@a.org"], &[]),
    // What needs something refused is no problem of its own.
    (
        &[
            "domain a.org 1 2",
            "account u@a.org",
            "alias x@a.org u@a.org",
            "admin boss a.org",
        ],
        &[
            "0: the default for a mailbox, 2 MB, is more than the domain may hold, 1 MB",
            "1: a.org has been refused before",
            "2: a.org has been refused before",
            "3: a.org has been refused before",
        ],
    ),
    (
        &[
            "domain a.org",
            "account a1 box@a.org",
            "account a2 box@a.org",
            "account u@b.org",
            "domain b.org",
            "alias i@a.org u@b.org",
        ],
        &[
            "2: box@a.org is the mailbox of the account a1",
            "3: the domain b.org does not exist",
            "5: u@b.org has been refused before",
        ],
    ),
];

#[test]
fn what_cannot_stand_is_named() {
    for (lines, problems) in CASES {
        let (planned, _) = planned(lines, refuse());
        let found: Vec<String> = planned
            .problems
            .iter()
            .map(|(origin, problem)| format!("{origin}: {}", problem.fault))
            .collect();
        assert_eq!(found, *problems, "{lines:?}");
        assert!(
            planned
                .problems
                .iter()
                .all(|(_, problem)| !problem.fault.remedy().is_empty())
        );
    }
}

#[test]
fn recipients_elsewhere_may_be_forbidden() {
    let rules = Rules {
        if_exists: IfExists::Refuse,
        recipients: Recipients::Own,
    };
    let (planned, _) = planned(
        &["domain a.org", "relay r.org", "alias x@a.org y@else.net z@r.org"],
        rules,
    );
    let found: Vec<String> = planned
        .problems
        .iter()
        .map(|(_, problem)| problem.fault.to_string())
        .collect();
    assert_eq!(
        found,
        ["the recipient y@else.net is elsewhere, and that is not allowed"]
    );
}

#[test]
fn what_leads_nowhere_is_named_when_all_is_planned() {
    let lines = [
        "domain a.org",
        "alias x@a.org y@a.org z@a.org",
        "alias y@a.org u@a.org",
        "account u@a.org",
    ];
    let (planned, directory) = planned(&lines, keep(Recipients::Any));
    assert_eq!(planned.problems, []);
    let named: Vec<String> = planned
        .dead_ends
        .iter()
        .map(|(alias, to)| format!("{alias} {to}"))
        .collect();
    assert_eq!(named, ["x@a.org z@a.org"]);
    assert_eq!(directory.aliases.len(), 2);
}

#[test]
fn what_is_there_is_kept_and_aliases_get_what_they_lack() {
    let lines = [
        "domain a.org 1000 100",
        "domain a.org 5000 10",
        "domain a.org 1000 100",
        "account u@a.org",
        "account u@a.org u@a.org 50",
        "alias x@a.org u@a.org Y@Else.net",
        "off x@a.org U@A.org Y@else.net",
        "alias x@a.org y@else.net U@A.org",
    ];
    let (planned, directory) = planned(&lines, keep(Recipients::Known));
    assert_eq!(planned.problems, []);
    assert_eq!(
        planned.kept,
        [
            (1, Kept::Differs),
            (2, Kept::Same),
            (4, Kept::Differs),
            (6, Kept::Differs)
        ]
    );
    let domain = directory.domains.values().next().unwrap();
    assert_eq!(domain.quota, Some(1000 * MEGABYTE));
    let alias = directory.aliases.values().next().unwrap();
    // One's own addresses are in lower case, others' as they were written.
    let recipients: Vec<&str> = alias.recipients.iter().map(Recipient::as_str).collect();
    assert_eq!(recipients, ["Y@else.net", "u@a.org", "y@else.net"]);
    assert!(alias.enabled);
}

/// Lines that fit together often, and often do not.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let domain = || prop::sample::select(vec!["a.org", "b.org", "c.org"]);
    let local = || prop::sample::select(vec!["u", "V", "w"]);
    let address = || (local(), domain()).prop_map(|(local, domain)| format!("{local}@{domain}"));
    let recipient = prop_oneof![
        4 => address(),
        1 => domain().prop_map(|domain| format!("@{domain}")),
        1 => local().prop_map(|local| format!("{local}@else.net")),
    ];
    let line = prop_oneof![
        2 => domain().prop_map(|name| format!("domain {name}")),
        1 => (domain(), 0..4_u32, 0..4_u32).prop_map(|(name, quota, default)| format!("domain {name} {quota} {default} 2 2")),
        1 => domain().prop_map(|name| format!("relay {name}")),
        1 => (domain(), domain()).prop_map(|(name, target)| format!("also {name} {target}")),
        4 => (address(), 0..3_u32).prop_map(|(address, quota)| format!("account {address} {address} {quota}")),
        1 => (local(), address()).prop_map(|(login, address)| format!("account {login} {address}")),
        1 => address().prop_map(|address| format!("account {address} -")),
        1 => (local(), domain()).prop_map(|(login, domain)| format!("admin {login} {domain}")),
        3 => (address(), prop::collection::vec(recipient, 1..3))
            .prop_map(|(address, to)| format!("alias {address} {}", to.join(" "))),
        1 => (domain(), address()).prop_map(|(domain, to)| format!("alias @{domain} {to}")),
        1 => address().prop_map(|address| format!("away {address}")),
    ];
    prop::collection::vec(line, 0..30)
}

fn rules() -> impl Strategy<Value = Rules> {
    let recipients = prop::sample::select(vec![Recipients::Known, Recipients::Own, Recipients::Any]);
    let if_exists = prop::sample::select(vec![IfExists::Keep, IfExists::Refuse]);
    (if_exists, recipients).prop_map(|(if_exists, recipients)| Rules {
        if_exists,
        recipients,
    })
}

/// What must be true of a directory whatever has been imported.
fn hangs_together(directory: &Directory) {
    let is_local = |name: &str| directory.domains.get(name).is_some_and(Domain::is_local);
    for alias in directory.domain_aliases.values() {
        assert!(is_local(alias.target.as_str()) && !directory.domains.contains_key(alias.name.as_str()));
    }
    let mut mailboxes = BTreeSet::new();
    for account in directory.accounts.values() {
        assert!(
            account
                .administers
                .iter()
                .all(|domain| directory.domains.contains_key(domain))
        );
        if let Some(mailbox) = &account.mailbox {
            assert!(is_local(mailbox.address.domain()));
            assert!(mailboxes.insert(&mailbox.address));
            let of_the_name = directory.accounts.get(mailbox.address.as_str());
            assert!(of_the_name.is_none_or(|other| other.login == account.login));
        }
    }
    for domain in directory.domains.values() {
        let of_it = mailboxes
            .iter()
            .filter(|address| address.domain() == domain.name.as_str());
        assert!(
            domain
                .limits
                .mailboxes
                .most()
                .is_none_or(|most| of_it.count() <= most as usize)
        );
    }
    for alias in directory.aliases.values() {
        let domain = alias.address.domain();
        assert!(directory.domains.contains_key(domain) || directory.domain_aliases.contains_key(domain));
        assert!(!alias.recipients.is_empty());
    }
    assert!(
        directory
            .vacations
            .keys()
            .all(|address| mailboxes.contains(address))
    );
}

proptest! {
    // I4: a second import of the same changes nothing.
    #[test]
    fn planning_again_changes_nothing(lines in lines(), rules in rules()) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (first, directory) = planned(&lines, rules);
        hangs_together(&directory);
        let refused: BTreeSet<usize> = first.problems.iter().map(|(origin, _)| *origin).collect();
        let stood = lines.iter().enumerate().filter(|(place, _)| !refused.contains(place));
        let entries: Vec<(usize, Entry)> = stood.map(|(place, line)| (place, entry(line))).collect();
        let again = plan(&directory, entries.clone(), keep(rules.recipients));
        prop_assert_eq!(&again.changes, &[]);
        prop_assert_eq!(&again.problems, &[]);
        prop_assert_eq!(again.kept.len(), entries.len());
        if rules.if_exists == IfExists::Refuse {
            prop_assert!(again.kept.iter().all(|(_, kept)| *kept == Kept::Same));
        }
    }

    #[test]
    fn the_order_of_independent_entries_does_not_matter(
        (names, shuffled) in Just((0..9_usize).collect::<Vec<_>>())
            .prop_flat_map(|names| (Just(names.clone()), Just(names).prop_shuffle()))
    ) {
        let result = |names: &[usize]| {
            let mut lines = vec!["domain a.org 100 1".to_owned(), "domain b.org".to_owned()];
            lines.extend(names.iter().map(|name| format!("account u{name}@a.org u{name}@a.org {name}")));
            lines.extend(names.iter().map(|name| format!("alias l{name}@b.org u{name}@a.org")));
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            planned(&lines, refuse()).1
        };
        prop_assert_eq!(result(&names), result(&shuffled));
    }
}
