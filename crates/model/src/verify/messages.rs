//! Messages of one mailbox.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Condition, Difference, File, Finding};
use crate::mail::{Digest, FlagSet, InternalDate, Keyword, MessageRow, SystemFlag, Uid};
use crate::plan::PairState;

/// A source message as the base knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// On the source.
    pub uid: Uid,
    /// Where it stands.
    pub state: PairState,
    /// The flags that both sides last agreed on.
    pub flags: FlagSet,
    /// The date under which it was carried.
    pub internal_date: InternalDate,
    /// Octets as the source served them.
    pub size: u64,
    /// Line feeds among them without a carriage return before.
    pub line_feeds: u64,
    /// Digest of the octets.
    pub digest: Digest,
    /// Its UID on the target, where the base knows it.
    pub target_uid: Option<Uid>,
    /// Whether its counterpart was on the target before, and does not bear its mark.
    pub was_there: bool,
}

/// A source message's counterpart on the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterpart {
    /// On the target; `None` where it has no number yet.
    pub uid: Option<Uid>,
    /// Its flags now.
    pub flags: FlagSet,
    /// What reading its file has shown; `None` for [just what the base says](super::is_as_recorded).
    pub file: Option<File>,
}

/// What came of fetching a source message's text once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// It has this digest.
    Served(Digest),
    /// The source did not deliver it.
    Withheld,
}

/// What holds for all messages of a mailbox.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// Whether there is a base at all.
    pub has_base: bool,
    /// Whether the source's rows were read: without, nothing is known of what it has.
    pub source_is_read: bool,
    /// Whether the target is looked at alone: what the base knows is then looked for, whatever the source has.
    pub is_alone: bool,
    /// How the target's mailbox as a whole is found.
    pub condition: Condition,
    /// The source's UIDNEXT when a pass last left nothing to do.
    pub agreed_uid_next: Option<Uid>,
    /// Whether the target's mailbox has no room for a keyword.
    pub has_no_room: &'a dyn Fn(&Keyword) -> bool,
}

/// All that is known of the messages in a range of source UIDs.
pub struct Window<'a> {
    /// What the source lists.
    pub rows: &'a [MessageRow],
    /// What the base knows.
    pub known: &'a [Known],
    /// What is on the target.
    pub here: &'a BTreeMap<Uid, Counterpart>,
    /// What is in quarantine, and why.
    pub quarantined: &'a BTreeMap<Uid, String>,
    /// What fetching texts once more has shown; a message that was not asked for is not in it.
    pub texts: &'a HashMap<Uid, Text>,
}

/// Everything about one source message.
#[derive(Clone, Copy, Debug)]
pub struct MessageSight<'a> {
    /// On the source.
    pub uid: Uid,
    /// What the source lists of it.
    pub row: Option<&'a MessageRow>,
    /// What the base knows of it.
    pub known: Option<&'a Known>,
    /// Its counterpart, where it is in its place on the target.
    pub here: Option<&'a Counterpart>,
    /// Why it is in quarantine, if it is.
    pub quarantined: Option<&'a str>,
    /// What fetching its text once more has shown, if it was fetched.
    pub text: Option<Text>,
}

/// Compares the messages of a window, and hands each to `see` with what it finds, ascending by UID: also those that are the same
/// on both sides in every respect, with nothing, and those of which nothing is left on either.
pub fn compare_window<'a>(
    window: &Window<'a>,
    circumstances: Circumstances<'_>,
    mut see: impl FnMut(&MessageSight<'a>, Vec<Finding>),
) {
    let rows: BTreeMap<Uid, &MessageRow> = window.rows.iter().map(|row| (row.uid, row)).collect();
    let known: BTreeMap<Uid, &Known> = window.known.iter().map(|known| (known.uid, known)).collect();
    let uids: BTreeSet<Uid> = rows
        .keys()
        .chain(known.keys())
        .chain(window.here.keys())
        .copied()
        .collect();
    for uid in uids {
        let message = MessageSight {
            uid,
            row: rows.get(&uid).copied(),
            known: known.get(&uid).copied(),
            here: window.here.get(&uid),
            quarantined: window.quarantined.get(&uid).map(String::as_str),
            text: window.texts.get(&uid).copied(),
        };
        let findings = message.compare(circumstances);
        see(&message, findings);
    }
}

impl MessageSight<'_> {
    fn compare(&self, circumstances: Circumstances<'_>) -> Vec<Finding> {
        let Some(here) = self.here else {
            let is_expected = self.row.is_some() || (circumstances.is_alone && self.known.is_some());
            return is_expected
                .then(|| self.absent(circumstances))
                .into_iter()
                .collect();
        };
        let mut findings = Vec::new();
        if self.row.is_none() && circumstances.source_is_read {
            findings.push(Difference::RemovedThere.into());
        }
        self.compare_bytes(here, &mut findings);
        self.compare_dates(here, &mut findings);
        if let Some(row) = self.row {
            self.compare_uids(here, &mut findings);
            self.compare_flags(row, here, circumstances, &mut findings);
        }
        if self.known.is_some_and(|known| known.was_there) {
            // Its own UID, date and flags are one thing: it is not the message that was carried. And Dovecot writes what it
            // takes in without carriage returns.
            findings.retain(|finding| {
                !matches!(
                    finding.difference,
                    Difference::DateDiffers
                        | Difference::UidDiffers
                        | Difference::Renumbered
                        | Difference::FlagsChangedHere
                        | Difference::LineEnds
                )
            });
            findings.push(Difference::WasHere.into());
        }
        findings
    }

    /// Why a message that is expected is not on the target.
    fn absent(&self, circumstances: Circumstances<'_>) -> Finding {
        let was_placed = self
            .known
            .is_some_and(|known| matches!(known.state, PairState::Placed | PairState::Gone));
        if circumstances.condition == Condition::SetBack && self.quarantined.is_none() {
            return Difference::NotYetMoved.into();
        }
        if was_placed || circumstances.condition == Condition::RemovedHere {
            return Difference::RemovedHere.into();
        }
        if let Some(reason) = self.quarantined {
            return Difference::Quarantined.with(reason);
        }
        let was_agreed = circumstances
            .agreed_uid_next
            .is_some_and(|uid_next| self.uid < uid_next);
        match self.known {
            None if !circumstances.has_base || was_agreed => Difference::Missing.into(),
            _ => Difference::NotYetMoved.into(),
        }
    }

    fn compare_bytes(&self, here: &Counterpart, findings: &mut Vec<Finding>) {
        if let Some(known) = self.known {
            match &here.file {
                Some(file) if !file.has_bytes_of(known) => findings.push(
                    Difference::BytesDiffer
                        .with(format_args!("{} octets, {} were moved", file.size, known.size)),
                ),
                Some(file) => kept_otherwise(file, findings),
                None => {}
            }
            match self.text {
                Some(Text::Served(digest)) if digest != known.digest => {
                    findings.push(Difference::ServedOtherwise.into());
                }
                Some(Text::Withheld) => findings.push(Difference::NotDelivered.into()),
                Some(Text::Served(_)) => {}
                None => {
                    let sizes = [known.size, known.size + known.line_feeds];
                    if let Some(row) = self.row.filter(|row| !sizes.contains(&row.size)) {
                        let detail = format_args!("{} octets told, {} served", row.size, known.size);
                        findings.push(Difference::SizeToldWrongly.with(detail));
                    }
                }
            }
            return;
        }
        let (Some(row), Some(file)) = (self.row, &here.file) else {
            return;
        };
        match self.text {
            Some(Text::Served(digest)) if ![file.stored, file.served].contains(&digest) => {
                findings.push(Difference::BytesDiffer.with(format_args!("{} octets", file.size)));
            }
            Some(Text::Withheld) => findings.push(Difference::NotDelivered.into()),
            None if ![file.size, file.virtual_size].contains(&row.size) => {
                let detail = format_args!("{} octets, {} on the old server", file.size, row.size);
                findings.push(Difference::SizeDiffers.with(detail));
            }
            _ => kept_otherwise(file, findings),
        }
    }

    fn compare_dates(&self, here: &Counterpart, findings: &mut Vec<Finding>) {
        let recorded = self.known.map(|known| known.internal_date);
        let Some(found) = here.file.map(|file| file.date).or(recorded) else {
            return;
        };
        let expected = self.row.and_then(|row| row.internal_date).or(recorded);
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            let detail = format_args!("{found} here, {expected} expected");
            findings.push(Difference::DateDiffers.with(detail));
        } else if self.row.is_some_and(|row| row.internal_date.is_none()) {
            findings.push(Difference::Undated.into());
        }
    }

    fn compare_uids(&self, here: &Counterpart, findings: &mut Vec<Finding>) {
        if here.uid == Some(self.uid) {
            return;
        }
        let shown = here
            .uid
            .map_or_else(|| "no UID yet".to_owned(), |uid| format!("UID {uid} here"));
        let difference = match self.known {
            // One that was found by its mark when the base was lost has no UID on record.
            Some(known) if here.uid.is_some() && known.target_uid.is_none_or(|uid| here.uid == Some(uid)) => {
                Difference::Renumbered
            }
            _ => Difference::UidDiffers,
        };
        findings.push(difference.with(shown));
    }

    fn compare_flags(
        &self,
        row: &MessageRow,
        here: &Counterpart,
        circumstances: Circumstances<'_>,
        findings: &mut Vec<Finding>,
    ) {
        let detail = || format!("“{}” here, “{}” on the old server", here.flags, row.flags);
        let mut found: BTreeSet<Difference> = BTreeSet::new();
        for flag in SystemFlag::ALL {
            let is_set = |flags: &FlagSet| flags.contains(flag);
            found.extend(self.whose_change(is_set(&row.flags), is_set(&here.flags), is_set));
        }
        let words = row.flags.keywords().iter().chain(here.flags.keywords());
        for word in words {
            let is_set = |flags: &FlagSet| flags.keywords().contains(word);
            let (there, set_here) = (is_set(&row.flags), is_set(&here.flags));
            if there && !set_here && (circumstances.has_no_room)(word) {
                found.insert(Difference::KeywordLeftOut);
            } else {
                found.extend(self.whose_change(there, set_here, is_set));
            }
        }
        findings.extend(found.into_iter().map(|difference| difference.with(detail())));
    }

    /// Who has changed a flag that is not the same on both sides.
    fn whose_change(&self, there: bool, here: bool, is_set: impl Fn(&FlagSet) -> bool) -> Option<Difference> {
        (there != here).then(|| match self.known {
            None => Difference::FlagsDiffer,
            Some(known) if is_set(&known.flags) == there => Difference::FlagsChangedHere,
            Some(_) => Difference::FlagsChangedThere,
        })
    }
}

/// What is on disk otherwise than Dovecot serves it.
fn kept_otherwise(file: &File, findings: &mut Vec<Finding>) {
    if file.virtual_size != file.size {
        findings.push(Difference::LineEnds.into());
    }
    if file.has_nul {
        findings.push(Difference::Nul.into());
    }
}

/// What a message on the target is that is no source message's counterpart: `carried` are the source messages of the same
/// bytes, `removed` those of them whose own counterparts are gone. Filed back, it takes the place of one of those.
pub fn judge_stranger(bears_old_mark: bool, carried: &[Uid], removed: &mut BTreeSet<Uid>) -> Difference {
    if carried.iter().any(|uid| removed.remove(uid)) || (carried.is_empty() && !bears_old_mark) {
        Difference::DeliveredHere
    } else if carried.is_empty() {
        Difference::RemovedThere
    } else {
        Difference::Duplicate
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
