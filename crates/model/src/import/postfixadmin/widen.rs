//! Limits that are less than what is there: PostfixAdmin looks at them only when something is made, and so does this program.
//! Nobody loses a mailbox to a limit that was lowered after it; the limit gives way, and that is told.

use std::collections::{BTreeMap, HashMap};

use super::domains::Domains;
use super::ledger::{Ledger, RowOf};
use super::mailboxes::Made;
use crate::directory::{Alias, Limit, Login, Quota};

/// What a domain holds.
#[derive(Default)]
struct Held {
    mailboxes: u32,
    aliases: u32,
    octets: u64,
    largest: u64,
}

/// Raises limits to what is there.
pub(super) fn limits(
    domains: &mut Domains,
    accounts: &BTreeMap<Login, Made>,
    aliases: &[(RowOf, Alias)],
    ledger: &mut Ledger,
) {
    let mut held: HashMap<&str, Held> = HashMap::new();
    for mailbox in accounts
        .values()
        .filter_map(|(_, account)| account.mailbox.as_ref())
    {
        let of = held.entry(mailbox.address.domain()).or_default();
        of.mailboxes += 1;
        if let Quota::Octets(octets) = mailbox.quota {
            of.octets = of.octets.saturating_add(octets.get());
            of.largest = of.largest.max(octets.get());
        }
    }
    for (_, alias) in aliases {
        held.entry(domains.target(alias.address.domain()))
            .or_default()
            .aliases += 1;
    }
    let held: HashMap<String, Held> = held
        .into_iter()
        .map(|(name, held)| (name.to_owned(), held))
        .collect();
    for (row, domain) in domains.all.values_mut() {
        let Some(held) = held.get(domain.name.as_str()) else {
            continue;
        };
        let name = domain.name.to_string();
        let mut told = |what, from: String, to: String| {
            ledger.note(*row, &name, what, format_args!("{from} → {to}"));
        };
        for (limit, count, what) in [
            (
                &mut domain.limits.mailboxes,
                held.mailboxes,
                "it has more mailboxes than its limit: the limit is raised",
            ),
            (
                &mut domain.limits.aliases,
                held.aliases,
                "it has more aliases than its limit, with its mailboxes' forwards: the limit is raised",
            ),
        ] {
            if let Limit::At(most) = *limit
                && count > most
            {
                told(what, most.to_string(), count.to_string());
                *limit = Limit::At(count);
            }
        }
        for (limit, octets, what) in [
            (
                &mut domain.limits.mailbox_quota,
                held.largest,
                "one of its mailboxes may hold more than its limit: the limit is raised",
            ),
            (
                &mut domain.quota,
                held.octets,
                "its mailboxes may hold more than the domain: its quota is raised",
            ),
        ] {
            if let Some(most) = *limit
                && octets > most
            {
                told(what, format!("{most} octets"), octets.to_string());
                // More than the directory can count is as good as unlimited.
                *limit = i64::try_from(octets).is_ok().then_some(octets);
            }
        }
        if let (Some(quota), Some(largest)) = (domain.quota, domain.limits.mailbox_quota)
            && largest > quota
        {
            // A mailbox cannot have more than its domain: nothing is lost, and nothing is to be told.
            domain.limits.mailbox_quota = Some(quota);
        }
    }
}
