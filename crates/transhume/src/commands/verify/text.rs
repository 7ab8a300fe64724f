//! The outcome for a person.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use transhume_model::mail::{MailboxName, Uid, UidSet};
use transhume_model::verify::{Difference, Standing};
use transhume_sync::{Depth, Group, MailboxVerification, Verification};

use super::{NO_BASE, verdict};

/// Ranges of UIDs that a line shows.
const RANGES: usize = 8;

/// Particulars that are shown of one kind of difference.
const DETAILS: usize = 3;

/// Everything: what was compared, what differs and why, and the verdict.
pub(crate) fn report(verification: &Verification, depth: Depth, took: Duration) -> String {
    let mut out = String::new();
    summary(&mut out, verification, depth, took);
    if !verification.has_base {
        line(&mut out, format_args!("Note: {NO_BASE}"));
    }
    for standing in [Standing::Unexplained, Standing::Behind, Standing::Settled] {
        differences(&mut out, verification, standing);
    }
    line(
        &mut out,
        format_args!(
            "Verdict: unexplained: {}, not here: {}, explained: {}. {}",
            verification.count(Standing::Unexplained),
            verification.count(Standing::Behind),
            verification.count(Standing::Settled),
            verdict(verification),
        ),
    );
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{text}");
}

fn summary(out: &mut String, verification: &Verification, depth: Depth, took: Duration) {
    let sum = |count: fn(&MailboxVerification) -> u64| verification.mailboxes.iter().map(count).sum();
    let messages: u64 = sum(|mailbox| mailbox.on_source);
    let mailboxes = verification.mailboxes.len();
    let (seconds, here) = (took.as_secs_f64(), HumanCount(sum(|mailbox| mailbox.on_target)));
    if depth.asks_source() {
        let equal = HumanCount(sum(|mailbox| mailbox.equal));
        let there = HumanCount(messages);
        line(
            out,
            format_args!(
                "Looked at {mailboxes} mailboxes in {seconds:.1} s: {there} messages on the old server, {here} here, {equal} the \
                 same in every respect.",
            ),
        );
    } else {
        line(
            out,
            format_args!(
                "Looked at {mailboxes} mailboxes in {seconds:.1} s: {here} messages here. The old server was not asked."
            ),
        );
    }
    let read = HumanBytes(sum(|mailbox| mailbox.bytes_read));
    let what = match depth {
        Depth::Names => "Files here were read only where their bytes are not on record",
        Depth::Rows | Depth::Target => "Every file here was read and compared with what was moved",
        Depth::Texts => {
            "Every file here was read and compared with what was moved and with what the old server serves now"
        }
    };
    line(out, format_args!("{what} ({read})."));
}

fn differences(out: &mut String, verification: &Verification, standing: Standing) {
    let label = label(standing);
    if standing == Standing::Unexplained && verification.unreadable_mailboxes > 0 {
        line(
            out,
            format_args!(
                "  {label}: {} mailboxes whose names the old server tells in a way that cannot be read.",
                verification.unreadable_mailboxes
            ),
        );
    }
    for mailbox in &verification.mailboxes {
        for (difference, group) in of_standing(mailbox, standing) {
            group_lines(out, label, &name(mailbox), *difference, group);
        }
    }
    for (name, difference) in &verification.subscriptions {
        if difference.standing() == standing {
            line(
                out,
                format_args!(
                    "  {label}: subscription to “{name}” {}.",
                    difference.explanation()
                ),
            );
        }
    }
}

fn group_lines(out: &mut String, label: &str, name: &str, difference: Difference, group: &Group) {
    if difference.is_of_messages() {
        line(
            out,
            format_args!(
                "  {label}: “{name}”: {} {}{}.",
                HumanCount(group.count),
                difference.explanation(),
                uids(&group.uids)
            ),
        );
    } else {
        line(
            out,
            format_args!("  {label}: mailbox “{name}” {}.", difference.explanation()),
        );
    }
    for (uid, detail) in details(difference, group).iter().take(DETAILS) {
        match uid {
            Some(uid) => line(out, format_args!("      UID {uid}: {detail}")),
            None => line(out, format_args!("      {detail}")),
        }
    }
}

/// What is worth telling of single messages: nothing, where all is as it has to be.
pub(super) fn details(difference: Difference, group: &Group) -> &[(Option<Uid>, String)] {
    if difference.is_of_messages() && difference.standing() == Standing::Settled {
        return &[];
    }
    &group.details
}

/// The mailbox's differences of one standing.
pub(super) fn of_standing(
    mailbox: &MailboxVerification,
    standing: Standing,
) -> impl Iterator<Item = (&Difference, &Group)> {
    mailbox
        .differences
        .iter()
        .filter(move |(difference, _)| difference.standing() == standing)
}

/// What a standing is called.
pub(super) const fn label(standing: Standing) -> &'static str {
    match standing {
        Standing::Settled => "Explained",
        Standing::Behind => "Not here",
        Standing::Unexplained => "Unexplained",
    }
}

/// The name by which people know the mailbox: the old server's, where it has one.
pub(super) fn name(mailbox: &MailboxVerification) -> String {
    let name = mailbox.source.as_ref().or(mailbox.target.as_ref());
    name.map(MailboxName::to_string).unwrap_or_default()
}

/// The first few UIDs, in the form of IMAP.
pub(crate) fn uids(set: &UidSet) -> String {
    if set.is_empty() {
        return String::new();
    }
    let text = set.to_string();
    let shown: Vec<&str> = text.split(',').take(RANGES).collect();
    let more = if shown.len() < set.ranges().len() {
        ", …"
    } else {
        ""
    };
    format!(" (UID {}{more})", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sets_are_cut_and_short_ones_are_not() {
        let set = |uids: &[u32]| -> UidSet { uids.iter().filter_map(|uid| Uid::new(*uid)).collect() };
        assert_eq!(uids(&set(&[])), "");
        assert_eq!(uids(&set(&[1, 2, 3, 7])), " (UID 1:3, 7)");
        assert_eq!(
            uids(&set(&[1, 3, 5, 7, 9, 11, 13, 15])),
            " (UID 1, 3, 5, 7, 9, 11, 13, 15)"
        );
        assert_eq!(
            uids(&set(&[1, 3, 5, 7, 9, 11, 13, 15, 17])),
            " (UID 1, 3, 5, 7, 9, 11, 13, 15, …)"
        );
    }
}
