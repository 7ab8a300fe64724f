//! The target as an account on an IMAP server.
//!
//! The server gives messages UIDs of its own, and nothing in a message says which source message it holds. So the base
//! does: the *intent* to bring a message is in it, with the digest of its text, before the message is sent; the UID that
//! it got is recorded after. What an interruption leaves in doubt is looked for among the messages that came since
//! ([`place`]).

mod content;
mod place;
mod recover;
mod send;
mod session;
mod spool;

use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, MutexGuard};
use transhume_imap::CertificateRule;
use transhume_model::mail::{Checkpoint, MailboxName, Uid, UidValidity};
use transhume_model::plan::{
    MailboxBase, MailboxStep, NameRules, TargetHeader, TargetState, decide_mailbox_by_content,
};

use self::content::Rows;
use self::place::ImapPlace;
use self::session::Session;
use self::spool::Spool;
use super::source::{SourceAddress, log_in};
use super::target::{Batch, Claim, Counterpart, Look, Place, Target, Wanted};
use crate::error::SyncError;

/// What goes to the server in one stroke: long enough that its flushing to disk does not count, short enough that little
/// is in doubt when the connection ends.
const BATCH: Batch = Batch {
    // The server numbers messages in the order in which they come: clients show them so. All go over one connection, so
    // that more than one to the source would bring nothing but disorder.
    writers: 1,
    lines: 1,
    messages: 200,
    octets: 8 << 20,
    mailboxes: 1,
};

/// Octets of a mailbox's name on the wire. The shortest line that some server is known to take has 1,000.
const NAME_OCTETS: usize = 700;

/// Pairs whose texts are looked at to tell whether a mailbox that was numbered anew is still the same.
const SAMPLE: u32 = 50;

/// All that it takes to write to an account. `Debug` does not show the password (I10).
pub struct ImapTargetOptions {
    /// Where it is.
    pub address: SourceAddress,
    /// Bytes, as servers compare them.
    pub password: Vec<u8>,
    /// Which certificate is believed.
    pub certificate: CertificateRule,
    /// How long the server may be silent before the connection counts as lost.
    pub patience: Duration,
    /// A file of this program's own, which must exist: whoever holds it locked may write to the account.
    pub lock: PathBuf,
    /// The folder for the texts of long messages while they wait to be sent; they have no names there, and end with the
    /// process.
    pub spool: PathBuf,
}

/// An account on an IMAP server.
#[derive(Clone, Debug)]
pub struct ImapTarget {
    account: Arc<Account>,
}

impl ImapTarget {
    /// Does nothing yet.
    pub fn new(options: ImapTargetOptions) -> Self {
        Self {
            account: Arc::new(Account {
                spool: Arc::new(Spool::new(options.spool.clone())),
                options,
                session: Mutex::new(None),
                refused: std::sync::Mutex::default(),
            }),
        }
    }
}

/// The account, and the one connection to it.
pub(super) struct Account {
    options: ImapTargetOptions,
    spool: Arc<Spool>,
    session: Mutex<Option<Session>>,
    /// What the server has refused in this pass.
    refused: std::sync::Mutex<place::Refusals>,
}

impl Account {
    /// The connection, made where there is none.
    async fn session(&self) -> Result<Held<'_>, SyncError> {
        let mut slot = self.session.lock().await;
        let session = if let Some(session) = slot.take() {
            session
        } else {
            let ImapTargetOptions {
                address,
                password,
                certificate,
                patience,
                ..
            } = &self.options;
            let connection = log_in(address, password, *certificate, *patience).await;
            Session::begin(connection.map_err(SyncError::TargetServer)?).await?
        };
        Ok(Held { slot, session })
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("address", &self.options.address)
            .field("certificate", &self.options.certificate)
            .finish_non_exhaustive()
    }
}

/// The connection while somebody uses it. Dropped without [`give_back`](Held::give_back), it is closed: half an answer may
/// still be on its way.
struct Held<'a> {
    slot: MutexGuard<'a, Option<Session>>,
    session: Session,
}

impl Held<'_> {
    /// Keeps the connection for the next one, unless the error has ended it.
    fn give_back<T>(mut self, result: Result<T, SyncError>) -> Result<T, SyncError> {
        if result.as_ref().err().is_none_or(SyncError::leaves_target_usable) {
            *self.slot = Some(self.session);
        }
        result
    }
}

#[async_trait]
impl Target for ImapTarget {
    fn exists(&self) -> bool {
        true
    }

    /// Holds against runs that remember what they moved in the same file. Others cannot be known: servers have no lock.
    fn claim(&self) -> Result<Claim, SyncError> {
        let path = &self.account.options.lock;
        let unusable = |source| SyncError::state_file(path, source);
        let file = File::open(path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Claim::new(file)),
            Err(std::fs::TryLockError::WouldBlock) => Err(SyncError::Held(path.clone())),
            Err(std::fs::TryLockError::Error(source)) => Err(unusable(source)),
        }
    }

    /// INBOX is in every account, and has its number from the beginning of the account: where all mail was lost and the
    /// account made anew, it has another.
    async fn identity(&self) -> Result<Option<String>, SyncError> {
        let mut held = self.account.session().await?;
        let found = held.session.status(&MailboxName::inbox()).await;
        let found = held.give_back(found)?;
        let address = &self.account.options.address;
        let number = found.and_then(|checkpoint| checkpoint.uid_validity);
        Ok(number.map(|number| format!("{} {number}", address.account())))
    }

    async fn mark(&self) -> Result<String, SyncError> {
        Ok(self.account.options.address.account())
    }

    async fn begin_round(&self) -> Result<(), SyncError> {
        let mut held = self.account.session().await?;
        let listed = held.session.list().await;
        held.give_back(listed)
    }

    async fn name_rules(&self) -> Result<NameRules, SyncError> {
        let mut held = self.account.session().await?;
        let forbidden = held.session.forbidden().await;
        Ok(NameRules {
            forbidden: held.give_back(forbidden)?,
            max_octets: NAME_OCTETS,
        })
    }

    async fn state(&self, mailbox: &Counterpart<'_>) -> Result<TargetState, SyncError> {
        let mut held = self.account.session().await?;
        let state = state(&mut held.session, mailbox).await;
        held.give_back(state)
    }

    fn decide(&self, source: &Checkpoint, base: &MailboxBase, state: &TargetState) -> MailboxStep {
        decide_mailbox_by_content(source, base, state)
    }

    async fn make_mailbox(&self, name: &MailboxName) -> Result<bool, SyncError> {
        let mut held = self.account.session().await?;
        let made = held.session.create(name).await;
        held.give_back(made)
    }

    async fn rename_mailbox(&self, from: &MailboxName, to: &MailboxName) -> Result<bool, SyncError> {
        let mut held = self.account.session().await?;
        let renamed = held.session.rename(from, to).await;
        held.give_back(renamed)
    }

    async fn look(&self, mailbox: &Counterpart<'_>, _: Option<UidValidity>) -> Result<Look, SyncError> {
        let mut held = self.account.session().await?;
        let rows = look_at(&mut held.session, &mailbox.record.target).await;
        let rows = held.give_back(rows)?;
        let pairs = mailbox.base.target_uids(mailbox.record.id).await?;
        let foreign = rows.foreign(&pairs);
        Ok(rows.into_look(pairs, &foreign))
    }

    async fn place(&self, wanted: &Wanted<'_>) -> Result<(Arc<dyn Place>, Look), SyncError> {
        let mut held = self.account.session().await?;
        let opened = ImapPlace::open(&self.account, &mut held.session, wanted).await;
        let (place, look) = held.give_back(opened)?;
        Ok((Arc::new(place), look))
    }

    async fn subscribe(&self, names: Vec<MailboxName>) -> Result<usize, SyncError> {
        let mut held = self.account.session().await?;
        let added = held.session.subscribe(&names).await;
        held.give_back(added)
    }

    /// The server says so itself when it has taken a message.
    async fn make_durable(&self) -> Result<(), SyncError> {
        Ok(())
    }

    fn batch(&self) -> Batch {
        BATCH
    }
}

async fn state(session: &mut Session, mailbox: &Counterpart<'_>) -> Result<TargetState, SyncError> {
    let record = mailbox.record;
    let Some(checkpoint) = session.status(&record.target).await? else {
        return Ok(TargetState::default());
    };
    let known = record.base.target_uid_validity;
    let holds_ours = if known.is_some() && known != checkpoint.uid_validity {
        let sample = mailbox.base.belonging(record.id, None, SAMPLE).await?;
        let sample: Vec<_> = sample.into_iter().map(|(message, _)| message).collect();
        let rows = look_at(session, &record.target).await?;
        !session.find(&rows.foreign(&[]), &sample).await?.is_empty()
    } else {
        false
    };
    let header = checkpoint.uid_validity.map(|uid_validity| TargetHeader {
        uid_validity,
        // A server that does not tell is taken not to have gone back.
        uid_next: checkpoint
            .uid_next
            .or(record.base.target_uid_next)
            .unwrap_or(Uid::FIRST),
    });
    Ok(TargetState {
        exists: true,
        header,
        holds_ours,
    })
}

/// The rows of a mailbox, without a trace; none where it is not there.
async fn look_at(session: &mut Session, name: &MailboxName) -> Result<Rows, SyncError> {
    match session.listed(name) {
        Some(wire) => {
            let checkpoint = session.examine(&wire).await?;
            session.rows(&checkpoint).await
        }
        None => Ok(Rows::default()),
    }
}
