//! One mailbox of an IMAP server, and how messages get into it once and once only.
//!
//! The order that makes it safe: the base records the intent (a *staged* pair: UID, size, digest, flags); the message is
//! sent; the server tells the UID, or it is found among the messages that have come since; the base records the pair as
//! placed. After an interruption anywhere in between, the intents that are left are looked for on the server, among the
//! messages from the UIDNEXT that the base recorded: what is there was sent, what is not is carried again.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use tokio::sync::Mutex;
use transhume_db::{Base, MailboxId, StagedMessage};
use transhume_imap::session::Selected;
use transhume_imap::wire::WireName;
use transhume_model::mail::{Digest, FlagSet, InternalDate, Uid, UidValidity};
use transhume_model::plan::Action;

use super::Account;
use super::content::{Foreign, candidates, sizes};
use super::recover::{Opened, pair_anew, recover};
use super::send::at;
use super::session::Session;
use super::spool::Spool;
use crate::confirm::Confirmed;
use crate::endpoint::target::{Draft, Look, Place, Received, Wanted};
use crate::error::SyncError;
use crate::report::FailedMessage;

/// What the server has refused in this pass, and why.
pub(super) type Refusals = HashMap<MailboxId, HashMap<Uid, String>>;

/// A mailbox that is written to.
pub(super) struct ImapPlace {
    pub(super) id: MailboxId,
    account: Arc<Account>,
    spool: Arc<Spool>,
    pub(super) wire: WireName,
    pub(super) selected: Selected,
    pub(super) uid_validity: UidValidity,
    /// The longest message that the server takes.
    limit: Option<u64>,
    /// UIDs on the source and here, ascending by the former, of messages that were here when the mailbox was opened.
    pairs: Vec<(Uid, Uid)>,
    now: InternalDate,
    progress: Mutex<Progress>,
}

/// What changes while messages come in.
pub(super) struct Progress {
    /// Messages of this program have lower UIDs, or are pairs already.
    pub(super) uid_next: Uid,
    /// Messages here that no source message is known to be the counterpart of.
    foreign: Foreign,
    /// The digests of those that had to be looked at.
    digests: BTreeMap<Uid, Digest>,
    /// Copies that were here before the source numbered its messages anew.
    earlier: HashMap<Digest, u64>,
}

impl fmt::Debug for ImapPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImapPlace")
            .field("account", &self.account)
            .field("wire", &self.wire)
            .finish_non_exhaustive()
    }
}

impl ImapPlace {
    /// Opens a mailbox, and clears up what is in doubt about it.
    pub(super) async fn open(
        account: &Arc<Account>,
        session: &mut Session,
        wanted: &Wanted<'_>,
    ) -> Result<(Self, Look), SyncError> {
        let (base, record) = (wanted.mailbox.base, wanted.mailbox.record);
        let wire = session
            .listed(&record.target)
            .ok_or_else(|| SyncError::TargetChanged(record.target.to_string()))?;
        let limit = session.append_limit(&wire).await?;
        let mut opened = Opened::select(session, &wire).await?;
        let known = record.base.target_uid_validity;
        if known.is_some() && known != Some(opened.uid_validity) {
            pair_anew(base, record.id, session, &opened).await?;
        }
        let since = record
            .base
            .target_uid_next
            .filter(|_| known == Some(opened.uid_validity))
            .unwrap_or(Uid::FIRST);
        let recovered = recover(base, record.id, session, &mut opened, since).await?;
        base.set_target(record.id, opened.uid_validity, opened.uid_next)
            .await?;
        let pairs = base.target_uids(record.id).await?;
        let foreign = opened.rows.foreign(&pairs);
        let mut look = opened.rows.into_look(pairs.clone(), &foreign);
        look.recovered = recovered;
        look.refused = account.refusals(record.id);
        let progress = Progress {
            uid_next: opened.uid_next,
            foreign,
            digests: BTreeMap::new(),
            earlier: base.earlier(record.id).await?,
        };
        let place = Self {
            id: record.id,
            account: account.clone(),
            spool: account.spool.clone(),
            wire,
            selected: opened.selected,
            uid_validity: opened.uid_validity,
            limit,
            pairs,
            now: wanted.now,
            progress: Mutex::new(progress),
        };
        Ok((place, look))
    }

    /// Pairs messages with those of the same bytes that are here, brought by another tool, or by this program before the
    /// source numbered its messages anew. Each of those is paired once. Gives the messages that are left.
    async fn recognise(
        &self,
        base: &Base,
        session: &mut Session,
        progress: &mut Progress,
        received: Vec<Received>,
        confirmed: &mut Confirmed,
    ) -> Result<Vec<Received>, SyncError> {
        if progress.foreign.is_empty() && progress.earlier.is_empty() {
            return Ok(received);
        }
        let messages: Vec<StagedMessage> = received.iter().map(|received| received.message.clone()).collect();
        let unread: Vec<Uid> = candidates(&progress.foreign, &messages)
            .into_iter()
            .filter(|uid| !progress.digests.contains_key(uid))
            .collect();
        if !unread.is_empty() {
            session.select(&self.wire).await?;
            progress.digests.extend(session.digests(&unread).await?);
        }
        let (mut placed, mut gone, mut used_up) = (Vec::new(), Vec::new(), Vec::new());
        let mut left = Vec::new();
        for received in received {
            let message = &received.message;
            let copies = progress
                .earlier
                .get_mut(&message.digest)
                .filter(|copies| **copies > 0);
            let was_here = copies.is_some();
            if let Some(copies) = copies {
                *copies -= 1;
                used_up.push(message.digest);
            }
            match progress.take_twin(message) {
                Some(target) => placed.push(at(message.uid, Some(target))),
                None if was_here => gone.push(message.uid),
                None => left.push(received),
            }
        }
        base.recognise(self.id, &placed, &gone, &used_up).await?;
        confirmed.twins += placed.len() as u64;
        confirmed.removed += gone.len() as u64;
        Ok(left)
    }

    /// The message stays behind, and is not tried again in this pass.
    pub(super) fn leave(&self, uid: Uid, reason: String, confirmed: &mut Confirmed) {
        let refused = self.account.refused.lock();
        let mut refused = refused.unwrap_or_else(PoisonError::into_inner);
        refused.entry(self.id).or_default().insert(uid, reason.clone());
        confirmed.failed.push(FailedMessage { uid, reason });
    }

    /// Takes out messages that are longer than the server takes.
    fn fit(&self, received: Vec<Received>, confirmed: &mut Confirmed) -> Vec<Received> {
        let Some(limit) = self.limit else {
            return received;
        };
        let (fit, too_long): (Vec<Received>, Vec<Received>) = received
            .into_iter()
            .partition(|received| received.message.size <= limit);
        for received in too_long {
            let size = received.message.size;
            let reason = format!("it has {size} octets, and the new server takes no more than {limit}");
            self.leave(received.message.uid, reason, confirmed);
        }
        fit
    }

    async fn set_flags(
        &self,
        session: &mut Session,
        changes: Vec<Change>,
        agree: &mut Vec<(Uid, FlagSet)>,
        confirmed: &mut Confirmed,
    ) -> Result<Vec<Uid>, SyncError> {
        session.select(&self.wire).await?;
        let targets: Vec<Uid> = changes.iter().filter_map(|change| change.target).collect();
        let found = session.flags(&targets).await?;
        let mut missing = Vec::new();
        let mut stores: HashMap<(FlagSet, FlagSet), Vec<Uid>> = HashMap::new();
        for change in changes {
            let Some((target, current)) = change
                .target
                .and_then(|target| Some((target, found.get(&target)?)))
            else {
                missing.push(change.uid);
                continue;
            };
            let merged = FlagSet::merge(&change.base, &change.source, current);
            let (set, left_out) = self.selected.keeps(&merged.without(current));
            confirmed.leave_out(left_out);
            let clear = current.without(&merged);
            if set != FlagSet::new() || clear != FlagSet::new() {
                stores.entry((set, clear)).or_default().push(target);
            }
            agree.push((change.uid, change.source));
        }
        for ((set, clear), uids) in stores {
            session.store(&uids, &set, &clear).await?;
        }
        Ok(missing)
    }
}

impl Account {
    fn refusals(&self, id: MailboxId) -> HashMap<Uid, String> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.get(&id).cloned().unwrap_or_default()
    }
}

impl Progress {
    /// A message here of the same bytes that is nobody's counterpart yet.
    fn take_twin(&mut self, message: &StagedMessage) -> Option<Uid> {
        sizes(message).find_map(|size| {
            let uids = self.foreign.get_mut(&size)?;
            let at = uids
                .iter()
                .position(|uid| self.digests.get(uid) == Some(&message.digest))?;
            Some(uids.remove(at))
        })
    }
}

/// A change of one message's flags on the source.
struct Change {
    uid: Uid,
    target: Option<Uid>,
    base: FlagSet,
    source: FlagSet,
}

#[async_trait]
impl Place for ImapPlace {
    fn id(&self) -> MailboxId {
        self.id
    }

    fn begin(&self, _: Option<Uid>) -> Result<Box<dyn Draft>, SyncError> {
        Ok(Box::new(self.spool.begin(self.now)))
    }

    async fn keep(&self, base: &Base, received: Vec<Received>) -> Result<Confirmed, SyncError> {
        let mut confirmed = Confirmed::default();
        let mut received = self.fit(received, &mut confirmed);
        // The server numbers them as they come.
        received.sort_by_key(|received| received.message.uid);
        let intents: Vec<StagedMessage> = received.iter().map(|received| received.message.clone()).collect();
        base.stage(self.id, &intents).await?;
        drop(intents);
        let mut progress = self.progress.lock().await;
        let mut held = self.account.session().await?;
        let session = &mut held.session;
        let outcome = async {
            let left = self
                .recognise(base, session, &mut progress, received, &mut confirmed)
                .await?;
            self.send(base, session, &mut progress, left, &mut confirmed)
                .await
        }
        .await;
        held.give_back(outcome)?;
        Ok(confirmed)
    }

    async fn apply(&self, base: &Base, actions: Vec<Action>) -> Result<Confirmed, SyncError> {
        let mut confirmed = Confirmed::default();
        let (mut changes, mut agree, mut forget) = (Vec::new(), Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::SetFlags {
                    uid,
                    base_flags,
                    source_flags,
                    ..
                } => {
                    let at = self.pairs.binary_search_by_key(&uid, |&(source, _)| source);
                    changes.push(Change {
                        uid,
                        target: at.ok().map(|at| self.pairs[at].1),
                        base: base_flags,
                        source: source_flags,
                    });
                }
                Action::Agree { uid, source_flags } => agree.push((uid, source_flags)),
                Action::Forget { uid } => forget.push(uid),
                // Nothing here bears a mark to be adopted by, and removals on the source are not followed here.
                Action::Adopt { .. }
                | Action::Carry { .. }
                | Action::Miss { .. }
                | Action::Find { .. }
                | Action::Expunge { .. }
                | Action::Release { .. } => {}
            }
        }
        if !changes.is_empty() {
            let mut held = self.account.session().await?;
            let missing = self
                .set_flags(&mut held.session, changes, &mut agree, &mut confirmed)
                .await;
            let missing = held.give_back(missing)?;
            confirmed.removed = missing.len() as u64;
            forget.extend(missing);
        }
        base.agree_flags(self.id, &agree).await?;
        base.forget(self.id, &forget).await?;
        Ok(confirmed)
    }

    /// All that was received is in the mailbox already.
    async fn commit(&self, base: &Base, _is_whole: bool) -> Result<Confirmed, SyncError> {
        let uid_next = self.progress.lock().await.uid_next;
        base.set_target(self.id, self.uid_validity, uid_next).await?;
        Ok(Confirmed::default())
    }
}
