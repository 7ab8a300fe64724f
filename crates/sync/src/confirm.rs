//! Confirm: what was staged becomes part of the mailbox, and the base learns where everything is.

mod twins;

use std::collections::{HashMap, HashSet};

use transhume_db::{Base, Placed as PlacedRow, StagedMessage};
use transhume_maildir::{
    Commit, CommitKind, FlagOutcome, MessageKey, Origin, Placed, Removal, Staged, ToPlace,
};
use transhume_model::mail::{FlagSet, Keyword, MessageRow, Uid};
use transhume_model::plan::{Action, PairState};

use crate::endpoint::{How, MaildirPlace, blocking};
use crate::error::SyncError;
use crate::report::{FailedMessage, MailboxReport};

/// Messages that are placed with one call.
const PAGE: u32 = 1_000;

/// What became of a mailbox's messages.
#[derive(Debug, Default)]
pub(crate) struct Confirmed {
    /// Kept, and the octets of those.
    pub(crate) messages: u64,
    pub(crate) octets: u64,
    /// Placed under another UID than the source's.
    pub(crate) renumbered: u64,
    /// Paired with messages that were there, by their bytes.
    pub(crate) twins: u64,
    /// Found to be removed by their owner.
    pub(crate) removed: u64,
    /// Removed, since the source has removed them.
    pub(crate) expunged: u64,
    /// Staged once, and gone before they were placed: to be carried again.
    pub(crate) vanished: u64,
    /// Refused by the target.
    pub(crate) failed: Vec<FailedMessage>,
    /// Whether the mailbox was filled.
    pub(crate) filled: bool,
    pub(crate) keywords_left_out: Vec<(String, u64)>,
    pub(crate) error: Option<String>,
}

impl Confirmed {
    pub(crate) fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.octets += other.octets;
        self.failed.extend(other.failed);
        self.renumbered += other.renumbered;
        self.twins += other.twins;
        self.removed += other.removed;
        self.expunged += other.expunged;
        self.vanished += other.vanished;
        self.filled |= other.filled;
        for (flag, messages) in other.keywords_left_out {
            match self
                .keywords_left_out
                .iter_mut()
                .find(|(known, _)| *known == flag)
            {
                Some((_, known)) => *known += messages,
                None => self.keywords_left_out.push((flag, messages)),
            }
        }
        self.error = other.error.or(self.error.take());
    }

    /// Notes flags of a message that the target does not keep.
    pub(crate) fn leave_out(&mut self, flags: Vec<String>) {
        for flag in flags {
            match self
                .keywords_left_out
                .iter_mut()
                .find(|(known, _)| *known == flag)
            {
                Some((_, messages)) => *messages += 1,
                None => self.keywords_left_out.push((flag, 1)),
            }
        }
    }

    /// Whether all that was received is where it belongs.
    pub(crate) fn is_clean(&self) -> bool {
        self.error.is_none() && self.vanished == 0 && self.failed.is_empty()
    }

    /// Whether a further round has to look at it.
    pub(crate) fn has_changed(&self) -> bool {
        self.vanished > 0 || self.filled
    }

    /// Enters it in the mailbox's report.
    pub(crate) fn report(self, report: &mut MailboxReport) {
        report.done.renumbered += self.renumbered;
        report.done.removed_by_owner += self.removed;
        report.done.expunged += self.expunged;
        report.done.adopted += self.twins;
        // They were carried, but only to find that they are there, or cannot be.
        let in_vain = self.twins + self.vanished + self.failed.len() as u64;
        report.done.carried -= in_vain.min(report.done.carried);
        report.failed.extend(self.failed);
        report.keywords_left_out.extend(self.keywords_left_out);
        report.error = report.error.take().or(self.error);
    }
}

/// A change of one message's flags on the source.
struct FlagChange {
    uid: Uid,
    key: MessageKey,
    base: FlagSet,
    source: FlagSet,
}

/// Carries out actions that need no bytes from the source.
pub(crate) async fn apply(
    base: &Base,
    place: &MaildirPlace,
    actions: Vec<Action>,
) -> Result<Confirmed, SyncError> {
    let mut adopt = Vec::new();
    let mut changes = Vec::new();
    let mut agree = Vec::new();
    let mut forget = Vec::new();
    let mut missing = Vec::new();
    let mut found = Vec::new();
    let mut removals = Vec::new();
    let mut released = Vec::new();
    for action in actions {
        match action {
            Action::Adopt { row } => {
                // What both sides once agreed on is not known: flags are added, and none is taken away.
                changes.push(FlagChange {
                    uid: row.uid,
                    key: MessageKey::Origin(place.origin(row.uid)),
                    base: FlagSet::new(),
                    source: row.flags.clone(),
                });
                adopt.push(row);
            }
            Action::SetFlags {
                uid,
                base_flags,
                source_flags,
                target_name,
            } => changes.push(FlagChange {
                uid,
                key: place.key(uid, target_name),
                base: base_flags,
                source: source_flags,
            }),
            Action::Agree { uid, source_flags } => agree.push((uid, source_flags)),
            Action::Forget { uid } => forget.push(uid),
            Action::Miss { uid, since } => missing.push((uid, since)),
            Action::Find { uid } => found.push(uid),
            Action::Expunge { uid, flags } => removals.push((uid, place.key(uid, None), flags)),
            Action::Release { uid } => released.push(uid),
            Action::Carry { .. } => {}
        }
    }
    for part in missing.chunk_by(|(_, a), (_, b)| a == b) {
        let uids: Vec<Uid> = part.iter().map(|(uid, _)| *uid).collect();
        let since = part.first().map(|(_, since)| *since);
        base.set_missing(place.id, &uids, since).await?;
    }
    base.set_missing(place.id, &found, None).await?;
    adopt_marked(base, place, adopt).await?;
    let mut confirmed = Confirmed::default();
    let gone = set_flags(base, place, changes, &mut agree, &mut confirmed).await?;
    confirmed.removed = gone.len() as u64;
    forget.extend(gone);
    confirmed.expunged = expunge(base, place, removals).await?;
    base.drop_pairs(place.id, &released).await?;
    base.agree_flags(place.id, &agree).await?;
    base.forget(place.id, &forget).await?;
    Ok(confirmed)
}

/// Removes what the source has removed, unless its owner has touched it here since: then it is his (I7). Gives how many.
async fn expunge(
    base: &Base,
    place: &MaildirPlace,
    removals: Vec<(Uid, MessageKey, FlagSet)>,
) -> Result<u64, SyncError> {
    if removals.is_empty() {
        return Ok(0);
    }
    let uids: Vec<Uid> = removals.iter().map(|(uid, ..)| *uid).collect();
    let keys: Vec<MessageKey> = removals.iter().map(|(_, key, _)| key.clone()).collect();
    let agreed: HashMap<MessageKey, FlagSet> =
        removals.into_iter().map(|(_, key, flags)| (key, flags)).collect();
    let dir = place.dir.clone();
    let outcomes = blocking(move || dir.remove(&keys, |key, now| agreed.get(key) == Some(now))).await?;
    base.drop_pairs(place.id, &uids).await?;
    let removed = outcomes.iter().filter(|outcome| **outcome == Removal::Removed);
    Ok(removed.count() as u64)
}

/// Pairs messages by the marks that they bear. The base learns their digests by reading them.
async fn adopt_marked(base: &Base, place: &MaildirPlace, rows: Vec<MessageRow>) -> Result<(), SyncError> {
    if rows.is_empty() {
        return Ok(());
    }
    let dir = place.dir.clone();
    let mut wanted: HashMap<Origin, MessageRow> =
        rows.into_iter().map(|row| (place.origin(row.uid), row)).collect();
    let now = place.now;
    let messages = blocking(move || {
        let origins: HashSet<Origin> = wanted.keys().copied().collect();
        let mut messages = Vec::new();
        dir.read_contents(
            |entry| entry.origin.is_some_and(|origin| origins.contains(&origin)),
            |entry, contents| {
                let row = entry.origin.and_then(|origin| wanted.remove(&origin));
                messages.extend(row.map(|row| StagedMessage {
                    uid: row.uid,
                    internal_date: row.internal_date.unwrap_or(now),
                    flags: row.flags,
                    size: contents.size,
                    line_feeds: contents.virtual_size - contents.size,
                    digest: contents.stored,
                }));
            },
        )?;
        Ok(messages)
    })
    .await?;
    base.stage(place.id, &messages).await?;
    let placed: Vec<PlacedRow> = messages
        .iter()
        .map(|message| PlacedRow {
            uid: message.uid,
            target_uid: None,
            target_name: None,
        })
        .collect();
    base.place(place.id, &placed).await?;
    Ok(())
}

/// Applies flag changes to what the flags are at that moment. Adds what was done to `agree`, and gives what is no longer
/// there.
async fn set_flags(
    base: &Base,
    place: &MaildirPlace,
    changes: Vec<FlagChange>,
    agree: &mut Vec<(Uid, FlagSet)>,
    confirmed: &mut Confirmed,
) -> Result<Vec<Uid>, SyncError> {
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let dir = place.dir.clone();
    let keys: Vec<MessageKey> = changes.iter().map(|change| change.key.clone()).collect();
    let merges: HashMap<MessageKey, (FlagSet, FlagSet)> = changes
        .iter()
        .map(|change| (change.key.clone(), (change.base.clone(), change.source.clone())))
        .collect();
    let staged = staged_once(base, place, &changes).await?;
    let seen = place.seen.clone();
    let update = blocking(move || {
        let name = |message: &Staged| dir.file_name(seen.as_ref()?, message);
        let names = staged
            .iter()
            .filter_map(|(at, message)| Some((*at, name(message)?)))
            .collect();
        dir.update_flags(&keys, names, |key, current| match merges.get(key) {
            Some((base, source)) => FlagSet::merge(base, source, current),
            None => current.clone(),
        })
    })
    .await?;
    for word in &update.keywords_left_out {
        let messages = changes
            .iter()
            .filter(|change| change.source.keywords().contains(word))
            .count();
        confirmed
            .keywords_left_out
            .push((word.to_string(), messages as u64));
    }
    let mut missing = Vec::new();
    for (change, outcome) in changes.into_iter().zip(update.outcomes) {
        match outcome {
            FlagOutcome::Changed(_) | FlagOutcome::Unchanged(_) => agree.push((change.uid, change.source)),
            FlagOutcome::Missing => missing.push(change.uid),
        }
    }
    Ok(missing)
}

/// Those of the messages that this program has brought, as they were staged, with their places among the changes.
async fn staged_once(
    base: &Base,
    place: &MaildirPlace,
    changes: &[FlagChange],
) -> Result<Vec<(usize, Staged)>, SyncError> {
    let ours = |change: &FlagChange| matches!(change.key, MessageKey::Origin(_));
    let places: HashMap<Uid, usize> = (changes.iter().enumerate())
        .filter(|(_, change)| ours(change))
        .map(|(at, change)| (change.uid, at))
        .collect();
    let uids: Vec<Uid> = places.keys().copied().collect();
    let known = base.known_among(place.id, &uids).await?;
    let staged = known.into_iter().filter_map(|known| {
        let message = Staged {
            origin: place.origin(known.uid),
            internal_date: known.internal_date,
            size: known.size,
            virtual_size: known.size + known.line_feeds,
            digest: known.digest,
        };
        Some((*places.get(&known.uid)?, message))
    });
    Ok(staged.collect())
}

/// Puts everything that is staged into the mailbox. Does nothing when there is nothing to put and the numbers are right. Where that
/// makes the mailbox whole, no UID is left below the source's UIDNEXT.
pub(crate) async fn commit(
    base: &Base,
    place: &MaildirPlace,
    is_whole: bool,
) -> Result<Confirmed, SyncError> {
    let reserved = place.behind().filter(|_| is_whole);
    let mut confirmed = Confirmed::default();
    if place.may_have_twins {
        twins::pair(base, place, &mut confirmed).await?;
    }
    let (kind, is_fill) = match place.how {
        How::Fill {
            uid_validity,
            uid_next,
        } => (
            CommitKind::Fill {
                uid_validity,
                uid_next,
            },
            true,
        ),
        How::Add { uid_validity } => (CommitKind::Add { uid_validity }, false),
    };
    let mut staged = if is_fill {
        None
    } else {
        Some(base.staged(place.id, None, PAGE).await?)
    };
    if staged.as_ref().is_some_and(Vec::is_empty) && reserved.is_none() {
        sweep(place).await?;
        if let (false, Some(header)) = (place.numbers_known, place.header) {
            base.set_target(place.id, header.uid_validity, header.uid_next)
                .await?;
        }
        return Ok(confirmed);
    }
    let keywords = base.staged_keywords(place.id).await?;
    let words: Vec<Keyword> = keywords
        .iter()
        .filter_map(|(word, _)| Keyword::new(word))
        .collect();
    let dir = place.dir.clone();
    let seen = place.seen.clone();
    let mut commit = blocking(move || match (kind, seen) {
        (CommitKind::Add { uid_validity }, Some(seen)) => dir.begin_adding(uid_validity, &words, seen),
        (kind, _) => dir.begin_commit(kind, &words),
    })
    .await?;
    let mut after = None;
    loop {
        let page = if is_fill {
            base.belonging_by_any_name(place.id, after, PAGE).await?
        } else {
            let page = match staged.take() {
                Some(page) => page,
                None => base.staged(place.id, after, PAGE).await?,
            };
            page.into_iter()
                .map(|message| (message, PairState::Staged, None))
                .collect()
        };
        let Some((last, ..)) = page.last() else { break };
        after = Some(last.uid);
        let is_last = page.len() < PAGE as usize;
        commit = place_page(base, place, commit, page, is_fill, &mut confirmed).await?;
        if is_fill && confirmed.vanished > 0 {
            // Filled without it, the message would lose its UID: the next round brings it, and fills the mailbox then.
            return Ok(confirmed);
        }
        if is_last {
            break;
        }
    }
    let reserved = reserved.filter(|_| confirmed.vanished == 0);
    let report = blocking(move || {
        if let Some(uid_next) = reserved {
            commit.reserve(uid_next)?;
        }
        commit.finish()
    })
    .await?;
    let left_out = |(word, messages): &(String, u64)| {
        let mut words = report.keywords_left_out.iter();
        words
            .any(|left| left.as_str().eq_ignore_ascii_case(word))
            .then(|| (word.clone(), *messages))
    };
    confirmed
        .keywords_left_out
        .extend(keywords.iter().filter_map(left_out));
    let (uid_validity, uid_next) = (report.header.uid_validity, report.header.uid_next);
    if report.filled {
        base.filled(place.id, uid_validity, uid_next).await?;
    } else {
        base.set_target(place.id, uid_validity, uid_next).await?;
    }
    confirmed.filled = is_fill;
    sweep(place).await?;
    Ok(confirmed)
}

/// Removes what is left in the staging place: all that is staged has been placed.
async fn sweep(place: &MaildirPlace) -> Result<(), SyncError> {
    let stage = place.stage.clone();
    blocking(move || stage.sweep(|_| false)).await?;
    Ok(())
}

async fn place_page(
    base: &Base,
    place: &MaildirPlace,
    mut commit: Commit,
    page: Vec<(StagedMessage, PairState, Option<String>)>,
    is_fill: bool,
    confirmed: &mut Confirmed,
) -> Result<Commit, SyncError> {
    let messages: Vec<(Staged, FlagSet, Option<String>)> = page
        .iter()
        .map(|(message, _, twin)| (place.staged(message), message.flags.clone(), twin.clone()))
        .collect();
    let (commit, outcomes) = blocking(move || {
        let to_place: Vec<ToPlace<'_>> = messages
            .iter()
            .map(|(staged, flags, twin)| ToPlace {
                staged,
                flags,
                twin: twin.as_ref().map(String::as_bytes),
            })
            .collect();
        let outcomes = commit.place(&to_place)?;
        Ok((commit, outcomes))
    })
    .await?;
    let mut placed = Vec::new();
    let mut vanished = Vec::new();
    let mut removed = Vec::new();
    for ((message, state, _), outcome) in page.into_iter().zip(outcomes) {
        let uid = message.uid;
        match (outcome, state) {
            (Placed::New { uid: target } | Placed::Present { uid: target, .. }, _) => {
                confirmed.renumbered += u64::from(target != uid && state == PairState::Staged);
                placed.push(PlacedRow {
                    uid,
                    target_uid: Some(target),
                    target_name: None,
                });
            }
            (Placed::Vanished, PairState::Staged) => vanished.push(uid),
            // It was in the mailbox, and is no longer: its owner has removed it.
            (Placed::Vanished, _) => removed.push(uid),
        }
    }
    // What a fill has placed is certain only when it is finished.
    if !is_fill {
        base.place(place.id, &placed).await?;
    }
    base.unstage(place.id, &vanished).await?;
    base.forget(place.id, &removed).await?;
    confirmed.vanished += vanished.len() as u64;
    confirmed.removed += removed.len() as u64;
    Ok(commit)
}
