//! What an interruption has left in doubt about a mailbox, and what a new numbering has: the server is asked, never guessed.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use transhume_db::{Base, MailboxId, Placed, StagedMessage};
use transhume_imap::ImapError;
use transhume_imap::session::Selected;
use transhume_imap::wire::{Code, Status, WireName};
use transhume_model::mail::{Uid, UidValidity};
use transhume_model::plan::PairState;

use super::content::{Rows, assign, candidates};
use super::send::at;
use super::session::{Session, on_server};
use crate::error::SyncError;

/// Pairs that are read from the base at a time.
const PAGE: u32 = 1_000;

/// How long a server may still be at work on what it had received when a connection ended: until then, what is not there is
/// waited for. And how often it is looked for.
const SETTLING: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A mailbox as it is opened.
pub(super) struct Opened {
    wire: WireName,
    pub(super) selected: Selected,
    pub(super) uid_validity: UidValidity,
    pub(super) uid_next: Uid,
    pub(super) rows: Rows,
}

impl Opened {
    pub(super) async fn select(session: &mut Session, wire: &WireName) -> Result<Self, SyncError> {
        let selected = session.select(wire).await?;
        if selected.read_only {
            return Err(on_server(ImapError::Refused {
                command: "SELECT",
                status: Status::No,
                code: Some(Code::ReadOnly),
                text: "the mailbox may only be read".to_owned(),
            }));
        }
        let checkpoint = selected.examined.checkpoint;
        let rows = session.rows(&checkpoint).await?;
        let above = rows.last().and_then(Uid::next).unwrap_or(Uid::FIRST);
        Ok(Self {
            wire: wire.clone(),
            // A server without UIDVALIDITY has no UIDs that hold beyond a session; all are looked for anew then.
            uid_validity: checkpoint.uid_validity.unwrap_or(UidValidity::MAX),
            uid_next: checkpoint.uid_next.map_or(above, |next| next.max(above)),
            selected,
            rows,
        })
    }
}

/// The mailbox has been numbered anew: pairs are found again by their bytes. What is not found, its owner has removed.
pub(super) async fn pair_anew(
    base: &Base,
    id: MailboxId,
    session: &mut Session,
    opened: &Opened,
) -> Result<(), SyncError> {
    let mut foreign = opened.rows.foreign(&[]);
    let mut after = None;
    loop {
        let page = base.belonging(id, after, PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = Some(last.uid);
        let messages: Vec<StagedMessage> = page
            .into_iter()
            .filter(|(_, state)| *state == PairState::Placed)
            .map(|(message, _)| message)
            .collect();
        let found = session.find(&foreign, &messages).await?;
        let targets: HashSet<Uid> = found.iter().map(|(_, target)| *target).collect();
        for uids in foreign.values_mut() {
            uids.retain(|uid| !targets.contains(uid));
        }
        let sources: HashSet<Uid> = found.iter().map(|(uid, _)| *uid).collect();
        let gone: Vec<Uid> = messages
            .iter()
            .map(|message| message.uid)
            .filter(|uid| !sources.contains(uid))
            .collect();
        let placed: Vec<Placed> = found
            .into_iter()
            .map(|(uid, target)| at(uid, Some(target)))
            .collect();
        base.place(id, &placed).await?;
        base.forget(id, &gone).await?;
    }
}

/// Looks for messages that an interrupted pass meant to bring, from the UID on that the mailbox had got to by then. Those
/// that are there are paired; of the others nothing is left. Gives how many were there.
pub(super) async fn recover(
    base: &Base,
    id: MailboxId,
    session: &mut Session,
    opened: &mut Opened,
    since: Uid,
) -> Result<u64, SyncError> {
    let mut in_doubt = Vec::new();
    let mut after = None;
    loop {
        let page = base.staged(id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.uid);
        in_doubt.extend(page);
    }
    if in_doubt.is_empty() {
        return Ok(0);
    }
    let pairs = base.target_uids(id).await?;
    let begun = Instant::now();
    let mut digests = BTreeMap::new();
    let found = loop {
        let mut foreign = opened.rows.foreign(&pairs);
        for uids in foreign.values_mut() {
            uids.retain(|&uid| uid >= since);
        }
        let unread: Vec<Uid> = candidates(&foreign, &in_doubt)
            .into_iter()
            .filter(|uid| !digests.contains_key(uid))
            .collect();
        digests.extend(session.digests(&unread).await?);
        let found = assign(&in_doubt, &digests);
        if found.len() == in_doubt.len() || begun.elapsed() >= SETTLING {
            break found;
        }
        sleep(LOOK_AGAIN).await;
        let wire = opened.wire.clone();
        *opened = Opened::select(session, &wire).await?;
    };
    let placed: Vec<Placed> = found.iter().map(|&(uid, target)| at(uid, Some(target))).collect();
    let recovered: HashSet<Uid> = found.iter().map(|(uid, _)| *uid).collect();
    let lost: Vec<Uid> = in_doubt
        .iter()
        .map(|message| message.uid)
        .filter(|uid| !recovered.contains(uid))
        .collect();
    base.place(id, &placed).await?;
    base.unstage(id, &lost).await?;
    Ok(placed.len() as u64)
}
