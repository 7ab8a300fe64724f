//! Mailboxes as a whole, and subscriptions.

use std::collections::BTreeSet;

use super::{Difference, Finding};
use crate::mail::{MailboxName, UidValidity};
use crate::plan::{MailboxBase, MailboxStep};

/// How a mailbox is found on the target, as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// As it was left, or never made.
    Kept,
    /// Its owner has removed it.
    RemovedHere,
    /// It is an older state of itself, or another of its name: what the base knows of its messages is void, and the next pass
    /// carries all that is missing once more.
    SetBack,
}

/// A mailbox of the source, or one that was carried from there, as it is found.
#[derive(Clone, Copy, Debug)]
pub struct MailboxSight<'a> {
    /// Whether there is a base at all.
    pub has_base: bool,
    /// What the base knows of the mailbox.
    pub base: Option<&'a MailboxBase>,
    /// The source's UIDVALIDITY; `None` within where it gives none, and without where there is no such mailbox.
    pub source: Option<Option<UidValidity>>,
    /// Whether the target has it.
    pub exists: bool,
    /// The target's UIDVALIDITY; `None` where the mailbox was never numbered.
    pub target: Option<UidValidity>,
    /// What the next pass would do with it; `None` where it is no longer on the source.
    pub step: Option<MailboxStep>,
}

impl MailboxSight<'_> {
    fn was_filled(&self) -> bool {
        self.base.is_some_and(|base| base.target_uid_validity.is_some())
    }

    /// How the target's mailbox is found.
    pub fn condition(&self) -> Condition {
        if !self.exists && self.was_filled() {
            Condition::RemovedHere
        } else if matches!(self.step, Some(MailboxStep::Restart(_))) {
            Condition::SetBack
        } else {
            Condition::Kept
        }
    }

    /// Whether the source's UIDs mean other messages than those that the base knows.
    pub fn is_numbered_anew_there(&self) -> bool {
        self.was_filled() && self.source.is_some() && self.source != self.base.map(|base| base.uid_validity)
    }
}

/// Compares a mailbox as a whole.
pub fn compare_mailbox(sight: &MailboxSight<'_>) -> Vec<Finding> {
    let Some(source) = sight.source else {
        let is_here = sight.exists && sight.was_filled();
        return is_here
            .then(|| Difference::MailboxRemovedThere.into())
            .into_iter()
            .collect();
    };
    if !sight.exists {
        return vec![match (sight.was_filled(), sight.has_base) {
            (true, _) => Difference::MailboxRemovedHere.into(),
            (false, true) => Difference::MailboxNotYetMoved.into(),
            (false, false) => Difference::MailboxMissing.into(),
        }];
    }
    let numbers = || {
        let show =
            |value: Option<UidValidity>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
        format!("{} here, {} on the old server", show(sight.target), show(source))
    };
    let mut findings = Vec::new();
    if sight.is_numbered_anew_there() {
        findings.push(Difference::NumberedAnewThere.into());
    }
    match sight.base.and_then(|base| base.target_uid_validity) {
        _ if sight.condition() == Condition::SetBack => findings.push(Difference::SetBack.into()),
        Some(known) if sight.target != Some(known) => {
            findings.push(Difference::UidValidityDiffers.with(numbers()));
        }
        Some(_) if sight.target != source => findings.push(Difference::OwnNumbers.with(numbers())),
        None if sight.has_base => findings.push(Difference::MailboxNotYetMoved.into()),
        None if sight.target != source => findings.push(Difference::UidValidityDiffers.with(numbers())),
        _ => {}
    }
    findings
}

/// Compares subscriptions, all by the target's names: those that the source has, those that passes have made (`None` without
/// a base), and those that the target has.
pub fn compare_subscriptions(
    wanted: &BTreeSet<MailboxName>,
    made: Option<&BTreeSet<MailboxName>>,
    found: &BTreeSet<MailboxName>,
) -> Vec<(MailboxName, Difference)> {
    let missing = wanted.difference(found).map(|name| {
        let difference = match made {
            Some(made) if made.contains(name) => Difference::UnsubscribedHere,
            Some(_) => Difference::NotYetSubscribed,
            None => Difference::SubscriptionMissing,
        };
        (name.clone(), difference)
    });
    let own = found.difference(wanted);
    missing
        .chain(own.map(|name| (name.clone(), Difference::SubscribedHere)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::Difference::{
        MailboxMissing, MailboxNotYetMoved, MailboxRemovedHere, MailboxRemovedThere, NotYetSubscribed,
        NumberedAnewThere, OwnNumbers, SetBack, SubscribedHere, SubscriptionMissing, UidValidityDiffers,
        UnsubscribedHere,
    };

    // What the base knows (source, target); source; target (0: never numbered); what is found.
    type Case<'a> = (
        Option<MailboxBase>,
        Option<u32>,
        Option<u32>,
        bool,
        &'a [Difference],
    );

    #[test]
    fn mailboxes() {
        let number = UidValidity::new;
        let base = |source, target| MailboxBase {
            uid_validity: number(source),
            target_uid_validity: number(target),
            target_uid_next: None,
            agreed: None,
        };
        let cases: &[Case<'_>] = &[
            (Some(base(7, 7)), Some(7), Some(7), true, &[]),
            (Some(base(7, 7)), Some(7), None, true, &[MailboxRemovedHere]),
            (Some(base(7, 7)), None, Some(7), true, &[MailboxRemovedThere]),
            (Some(base(7, 7)), None, None, true, &[]),
            (Some(base(7, 7)), Some(7), Some(9), true, &[UidValidityDiffers]),
            (Some(base(7, 7)), Some(7), Some(0), true, &[UidValidityDiffers]),
            (Some(base(7, 5)), Some(7), Some(5), true, &[OwnNumbers]),
            (
                Some(base(6, 6)),
                Some(7),
                Some(6),
                true,
                &[NumberedAnewThere, OwnNumbers],
            ),
            (Some(base(7, 0)), Some(7), Some(7), true, &[MailboxNotYetMoved]),
            (None, Some(7), None, true, &[MailboxNotYetMoved]),
            (None, Some(7), None, false, &[MailboxMissing]),
            (None, Some(7), Some(7), false, &[]),
            (None, Some(7), Some(8), false, &[UidValidityDiffers]),
        ];
        for (at, (base, source, target, has_base, expected)) in cases.iter().enumerate() {
            let sight = MailboxSight {
                has_base: *has_base,
                base: base.as_ref(),
                source: source.map(number),
                exists: target.is_some(),
                target: target.and_then(number),
                step: None,
            };
            let found: Vec<Difference> = compare_mailbox(&sight)
                .iter()
                .map(|finding| finding.difference)
                .collect();
            assert_eq!(found, *expected, "case {at}");
        }
        let restored = MailboxSight {
            has_base: true,
            base: Some(&base(7, 7)),
            source: Some(number(7)),
            exists: true,
            target: number(7),
            step: Some(MailboxStep::Restart(number(7))),
        };
        assert_eq!(compare_mailbox(&restored), [SetBack.into()]);
    }

    #[test]
    fn subscriptions() {
        let names = |text: &str| -> BTreeSet<MailboxName> {
            text.split_whitespace()
                .filter_map(|name| MailboxName::from_path(name, None))
                .collect()
        };
        let check = |wanted: &str, made: Option<&str>, found: &str, expected: &[Difference]| {
            let made = made.map(names);
            let differences = compare_subscriptions(&names(wanted), made.as_ref(), &names(found));
            let differences: Vec<_> = differences.iter().map(|(_, difference)| *difference).collect();
            assert_eq!(differences, expected, "{wanted}; {made:?}; {found}");
        };
        check("a b", Some("a b"), "a b", &[]);
        check("a b", Some("a b"), "b c", &[UnsubscribedHere, SubscribedHere]);
        check("a", Some(""), "", &[NotYetSubscribed]);
        check("a", None, "", &[SubscriptionMissing]);
        check("", Some("a"), "a", &[SubscribedHere]);
    }
}
