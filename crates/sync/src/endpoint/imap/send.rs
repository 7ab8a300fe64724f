//! Messages go to the server: many with one command where it can do that, and none is kept back by another that it refuses.

use std::collections::HashSet;
use std::sync::Arc;

use transhume_db::{Base, Placed, StagedMessage};
use transhume_imap::ImapError;
use transhume_imap::session::ToAppend;
use transhume_imap::wire::{Code, Octets, Tagged};
use transhume_model::mail::Uid;

use super::place::{ImapPlace, Progress};
use super::session::{Answer, Session, on_server};
use crate::confirm::Confirmed;
use crate::endpoint::target::Received;
use crate::error::{SyncError, is_for_now, is_full};

/// Messages, and octets, that go with one command where the server can do that.
const GROUP_MESSAGES: usize = 100;
const GROUP_OCTETS: u64 = 4 << 20;

/// What the server has taken.
#[derive(Default)]
struct Sent {
    placed: Vec<Placed>,
    /// It has not said where these went.
    somewhere: Vec<StagedMessage>,
}

impl ImapPlace {
    /// Sends messages whose intents are in the base, and records what became of them.
    pub(super) async fn send(
        &self,
        base: &Base,
        session: &mut Session,
        progress: &mut Progress,
        received: Vec<Received>,
        confirmed: &mut Confirmed,
    ) -> Result<(), SyncError> {
        let (messages, texts): (Vec<StagedMessage>, Vec<ToAppend>) = received
            .into_iter()
            .filter_map(|received| {
                let text = received.text?;
                let to_append = self.to_append(&received.message, text, confirmed);
                Some((received.message, to_append))
            })
            .unzip();
        let together = if session.appends_many() { GROUP_MESSAGES } else { 1 };
        let mut sent = Sent::default();
        let groups = groups(&texts, together);
        let refused = self
            .send_groups(session, &messages, &texts, &groups, &mut sent)
            .await?;
        // One message that the server does not take keeps none of the others back.
        let singles: Vec<(usize, usize)> = refused
            .iter()
            .filter(|((first, end), _)| end - first > 1)
            .flat_map(|&((first, end), _)| (first..end).map(|at| (at, at + 1)))
            .collect();
        let mut left = refused;
        left.retain(|((first, end), _)| end - first == 1);
        left.extend(
            self.send_groups(session, &messages, &texts, &singles, &mut sent)
                .await?,
        );
        drop(texts);
        self.locate(session, progress, &mut sent).await?;
        progress.uid_next = sent.placed.iter().fold(progress.uid_next, |next, placed| {
            let above = placed.target_uid.and_then(Uid::next);
            above.map_or(next, |above| next.max(above))
        });
        base.place(self.id, &sent.placed).await?;
        let refused: Vec<(Uid, Tagged)> = left
            .into_iter()
            .map(|((at, _), reply)| (messages[at].uid, reply))
            .collect();
        let uids: Vec<Uid> = refused.iter().map(|(uid, _)| *uid).collect();
        base.unstage(self.id, &uids).await?;
        base.set_target(self.id, self.uid_validity, progress.uid_next)
            .await?;
        for (uid, reply) in refused {
            self.refuse(uid, reply, confirmed)?;
        }
        Ok(())
    }

    fn to_append(
        &self,
        message: &StagedMessage,
        text: Arc<dyn Octets>,
        confirmed: &mut Confirmed,
    ) -> ToAppend {
        let (flags, left_out) = self.selected.keeps(&message.flags);
        confirmed.leave_out(left_out);
        ToAppend {
            flags,
            internal_date: message.internal_date,
            text,
        }
    }

    /// Sends groups of messages. Gives those that the server refuses, with its words.
    async fn send_groups(
        &self,
        session: &mut Session,
        messages: &[StagedMessage],
        texts: &[ToAppend],
        groups: &[(usize, usize)],
        sent: &mut Sent,
    ) -> Result<Vec<((usize, usize), Tagged)>, SyncError> {
        let parts: Vec<&[ToAppend]> = groups.iter().map(|&(first, end)| &texts[first..end]).collect();
        let answers = session.append(&self.wire, &parts).await?;
        let mut refused = Vec::new();
        for (&(first, end), answer) in groups.iter().zip(answers) {
            match answer {
                Answer::Refused(reply) => refused.push(((first, end), reply)),
                Answer::Taken(Some(appended)) if appended.uid_validity == self.uid_validity => {
                    let uids = messages[first..end].iter().zip(appended.uids);
                    sent.placed
                        .extend(uids.map(|(message, target)| at(message.uid, Some(target))));
                }
                Answer::Taken(Some(_)) => return Err(SyncError::TargetChanged(format!("{:?}", self.wire))),
                Answer::Taken(None) => sent.somewhere.extend_from_slice(&messages[first..end]),
            }
        }
        Ok(refused)
    }

    /// Finds the UIDs of messages that the server has taken without telling where to: among those that have come since.
    async fn locate(
        &self,
        session: &mut Session,
        progress: &Progress,
        sent: &mut Sent,
    ) -> Result<(), SyncError> {
        if sent.somewhere.is_empty() {
            return Ok(());
        }
        session.select(&self.wire).await?;
        let rows = session.rows_from(progress.uid_next).await?;
        let known: Vec<(Uid, Uid)> = sent
            .placed
            .iter()
            .filter_map(|placed| Some((placed.uid, placed.target_uid?)))
            .collect();
        let mut somewhere = std::mem::take(&mut sent.somewhere);
        if let Some(found) = rows.in_order(&known, &somewhere) {
            sent.placed
                .extend(found.into_iter().map(|(uid, target)| at(uid, Some(target))));
            return Ok(());
        }
        let found = session.find(&rows.foreign(&known), &somewhere).await?;
        let located: HashSet<Uid> = found.iter().map(|(uid, _)| *uid).collect();
        sent.placed
            .extend(found.into_iter().map(|(uid, target)| at(uid, Some(target))));
        // The server has taken them, and made something else of them. They are not brought again.
        somewhere.retain(|message| !located.contains(&message.uid));
        sent.placed
            .extend(somewhere.into_iter().map(|message| at(message.uid, None)));
        Ok(())
    }

    /// What a single message's refusal means: for the message only, or for all that is to come.
    fn refuse(&self, uid: Uid, reply: Tagged, confirmed: &mut Confirmed) -> Result<(), SyncError> {
        let error = ImapError::Refused {
            command: "APPEND",
            status: reply.status,
            code: reply.code,
            text: reply.text,
        };
        if is_full(&error) || is_for_now(&error) || is_of_mailbox(&error) {
            return Err(on_server(error));
        }
        if let ImapError::Refused { text, .. } = error {
            let reason = format!("the new server does not take it: {text}");
            self.leave(uid, reason, confirmed);
        }
        Ok(())
    }
}

/// Whether a refusal is for all that the mailbox is to be given: it is gone, or may not be written to.
fn is_of_mailbox(error: &ImapError) -> bool {
    match error {
        ImapError::Refused { code, .. } => match code {
            Some(Code::NonExistent | Code::NoPerm | Code::ReadOnly) => true,
            Some(Code::Other(code)) => code == "TRYCREATE",
            _ => false,
        },
        _ => false,
    }
}

pub(super) fn at(uid: Uid, target_uid: Option<Uid>) -> Placed {
    Placed {
        uid,
        target_uid,
        target_name: None,
    }
}

/// Cuts messages into groups for one command each: from, and up to but not including.
fn groups(texts: &[ToAppend], together: usize) -> Vec<(usize, usize)> {
    let mut groups: Vec<(usize, usize)> = Vec::new();
    let mut octets = 0;
    for (at, text) in texts.iter().enumerate() {
        let len = text.text.len();
        match groups.last_mut() {
            Some((first, end)) if *end - *first < together && octets + len <= GROUP_OCTETS => {
                *end = at + 1;
                octets += len;
            }
            _ => {
                groups.push((at, at + 1));
                octets = len;
            }
        }
    }
    groups
}
