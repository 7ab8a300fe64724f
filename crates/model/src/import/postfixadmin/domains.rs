//! Domains, and other names of domains.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::ledger::{Ledger, RowOf};
use super::rows::{AliasDomainRow, DomainRow, Table};
use super::{Options, preferred, transport};
use crate::directory::{Alias, AliasAddress, Domain, DomainAlias, DomainName, Limit, Limits, Recipient};

/// PostfixAdmin's word for every domain, which is a row of its tables, and no domain.
pub(super) const EVERY: &str = "ALL";

/// Domains and their other names, each with the rows that it came from.
#[derive(Default)]
pub(super) struct Domains {
    /// Local and relay domains.
    pub(super) all: BTreeMap<DomainName, (RowOf, Domain)>,
    /// Other names.
    pub(super) others: BTreeMap<DomainName, (Vec<RowOf>, DomainAlias)>,
    /// Other names that have mailboxes of their own, as catch-alls.
    pub(super) catch_alls: Vec<(RowOf, Alias)>,
}

impl Domains {
    /// The domain itself, where the name is another name of one.
    pub(super) fn target<'n>(&'n self, name: &'n str) -> &'n str {
        self.others
            .get(name)
            .map_or(name, |(_, other)| other.target.as_str())
    }
}

/// Reads both tables. `with_mailboxes` are the domains in which there are mailboxes.
pub(super) fn domains(
    rows: &[DomainRow],
    others: &[AliasDomainRow],
    with_mailboxes: &HashSet<String>,
    options: &Options,
    ledger: &mut Ledger,
) -> Domains {
    let mut read = Domains::default();
    let order = preferred(
        rows.len(),
        |place| rows[place].domain.as_deref(),
        |name| DomainName::parse(name).is_ok_and(|parsed| parsed.as_str() == name),
    );
    for place in order {
        let row = RowOf {
            table: Table::Domain,
            place,
        };
        if let Some(domain) = domain(&rows[place], row, options, ledger) {
            if read.all.contains_key(&domain.name) {
                ledger.skip(row, domain.name.as_str(), "another row has the same name", "");
            } else {
                read.all.insert(domain.name.clone(), (row, domain));
            }
        }
    }
    add_others(&mut read, others, with_mailboxes, ledger);
    read
}

fn domain(from: &DomainRow, row: RowOf, options: &Options, ledger: &mut Ledger) -> Option<Domain> {
    let text = from.domain.as_deref().unwrap_or_default();
    if text == EVERY {
        ledger.skip(
            row,
            text,
            "PostfixAdmin's own mark for every domain, and no domain",
            "",
        );
        return None;
    }
    let name = match DomainName::parse(text) {
        Ok(name) => name,
        Err(problem) => {
            ledger.skip(row, text, "its name is not a domain name", problem);
            return None;
        }
    };
    ledger.note_unreadable(row, text, &from.unreadable);
    let transport = from.transport.as_deref().unwrap_or_default();
    let (kind, remark) = transport::kind(transport, from.backupmx == Some(true));
    if let Some(remark) = remark {
        ledger.note(row, text, remark, transport);
    }
    if let Some(days) = from.password_expiry.filter(|days| *days > 0) {
        ledger.note(
            row,
            text,
            "passwords of its mailboxes had to be changed from time to time; here they do not",
            format_args!("every {days} days"),
        );
    }
    let megabytes = |count: Option<i64>| {
        let count = u64::try_from(count.unwrap_or_default()).ok()?;
        (count > 0)
            .then(|| count.saturating_mul(options.quota_multiplier))
            .filter(|octets| i64::try_from(*octets).is_ok())
    };
    Some(Domain {
        kind,
        enabled: from.active.unwrap_or(true),
        quota: megabytes(from.quota),
        limits: Limits {
            mailboxes: limit(from.mailboxes),
            aliases: limit(from.aliases),
            mailbox_quota: megabytes(from.maxquota),
        },
        description: from.description.clone().unwrap_or_default(),
        created: from.created,
        ..Domain::local(name)
    })
}

/// PostfixAdmin's limits mean the opposite of what they look like: 0 is unlimited, and -1 is none.
fn limit(count: Option<i64>) -> Limit {
    match count {
        None | Some(0) => Limit::Unlimited,
        Some(count) => Limit::At(u32::try_from(count.max(0)).unwrap_or(u32::MAX)),
    }
}

fn add_others(
    read: &mut Domains,
    rows: &[AliasDomainRow],
    with_mailboxes: &HashSet<String>,
    ledger: &mut Ledger,
) {
    let mut links = BTreeMap::new();
    for (place, from) in rows.iter().enumerate() {
        let row = RowOf {
            table: Table::AliasDomain,
            place,
        };
        let text = from.alias_domain.as_deref().unwrap_or_default();
        let target = from.target_domain.as_deref().unwrap_or_default();
        ledger.note_unreadable(row, text, &from.unreadable);
        match (DomainName::parse(text), DomainName::parse(target)) {
            (Ok(name), Ok(target)) if !links.contains_key(&name) => {
                links.insert(name, (row, target, from));
            }
            (Ok(_), Ok(_)) => ledger.skip(row, text, "another row has the same name", ""),
            (Err(problem), _) => ledger.skip(row, text, "its name is not a domain name", problem),
            (_, Err(problem)) => ledger.skip(row, text, "its target is not a domain name", problem),
        }
    }
    for (name, (row, first, from)) in &links {
        // Other names of other names: followed to the end, unless they go round.
        let (mut target, mut enabled) = (first.clone(), from.active.unwrap_or(true));
        let mut seen = BTreeSet::from([name.clone()]);
        while let Some((_, next, link)) = links.get(&target).filter(|_| seen.insert(target.clone())) {
            enabled &= link.active.unwrap_or(true);
            target = next.clone();
        }
        if seen.contains(&target) {
            ledger.skip(*row, name.as_str(), "it leads to itself", "");
            continue;
        }
        if target != *first {
            ledger.note(
                *row,
                name.as_str(),
                "its target is another name itself, and was followed to the end",
                &target,
            );
        }
        if !read.all.contains_key(&target) {
            ledger.skip(
                *row,
                name.as_str(),
                "its target is not among the domains",
                &target,
            );
            continue;
        }
        if with_mailboxes.contains(name.as_str()) && read.all.contains_key(name) {
            ledger.note(
                *row,
                name.as_str(),
                "it has mailboxes of its own: it stays a domain, and all other addresses of it lead on",
                &target,
            );
            read.catch_alls
                .push((*row, catch_all(name, &target, enabled, from)));
            continue;
        }
        let mut parts = vec![*row];
        let mut description = from.description.clone().unwrap_or_default();
        if let Some((own, domain)) = read.all.remove(name) {
            parts.push(own);
            enabled &= domain.enabled;
            if description.is_empty() {
                description = domain.description;
            }
        }
        let alias = DomainAlias {
            name: name.clone(),
            target,
            enabled,
            description,
        };
        read.others.insert(name.clone(), (parts, alias));
    }
}

fn catch_all(name: &DomainName, target: &DomainName, enabled: bool, from: &AliasDomainRow) -> Alias {
    let target = AliasAddress::Domain(target.clone());
    Alias {
        address: AliasAddress::Domain(name.clone()),
        recipients: BTreeSet::from([Recipient::from(&target)]),
        enabled,
        description: from.description.clone().unwrap_or_default(),
        created: None,
    }
}
