//! The connections of a pass: one that surveys, and more where there is much to carry.

use transhume_db::Base;
use transhume_imap::Connection;

use crate::endpoint::Source;
use crate::error::SyncError;
use crate::stop::Stop;
use crate::work::Work;

/// Messages to be read for which one more connection is worth its login.
const MESSAGES_PER_LINE: u64 = 2_000;

/// Connections to one source.
pub(super) struct Lines<'a> {
    source: &'a Source,
    base: &'a Base,
    limit: usize,
    open: Vec<Connection>,
}

impl<'a> Lines<'a> {
    /// None is open yet; never more than `limit` will be.
    pub(super) fn new(source: &'a Source, base: &'a Base, limit: u32) -> Self {
        Self {
            source,
            base,
            limit: usize::try_from(limit).unwrap_or(1).max(1),
            open: Vec::new(),
        }
    }

    /// The connection that surveys.
    pub(super) async fn first(&mut self, stop: &Stop) -> Result<&mut Connection, SyncError> {
        if self.open.is_empty() {
            let connection = connect(self.source, stop).await?;
            self.open.push(connection);
        }
        let lost = || SyncError::Internal("a connection was to be open".to_owned());
        self.open.first_mut().ok_or_else(lost)
    }

    /// Opens as many as `works` are worth. A server that refuses one is not asked for it again in this pass, and the next pass
    /// begins with what it gave, and one more: the limit may have been full of the owner's own clients.
    pub(super) async fn widen(&mut self, works: &[Work], stop: &Stop) -> Result<(), SyncError> {
        let wanted = worth(works).min(self.limit);
        if wanted <= self.open.len() {
            return Ok(());
        }
        let learned = self.base.connections().await?;
        let allowed = learned.map_or(wanted, |learned| usize::try_from(learned).unwrap_or(1) + 1);
        while self.open.len() < wanted.min(allowed) {
            match connect(self.source, stop).await {
                Ok(connection) => self.open.push(connection),
                Err(SyncError::Interrupted) => return Err(SyncError::Interrupted),
                Err(_) => {
                    self.limit = self.open.len();
                    let given = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
                    return Ok(self.base.set_connections(Some(given)).await?);
                }
            }
        }
        if let Some(learned) = learned
            && self.open.len() > usize::try_from(learned).unwrap_or(usize::MAX)
        {
            let given = u32::try_from(self.open.len()).unwrap_or(u32::MAX);
            self.base.set_connections(Some(given)).await?;
        }
        Ok(())
    }

    /// All that are open.
    pub(super) fn all(&mut self) -> &mut [Connection] {
        &mut self.open
    }

    /// Closes them without a word: one of them is lost, and what the others are in the middle of is nobody's any more.
    pub(super) fn abandon(&mut self) {
        self.open.clear();
    }

    /// Says good-bye on each.
    pub(super) async fn log_out(self) {
        for connection in self.open {
            connection.logout().await;
        }
    }
}

/// Connects and logs in, unless somebody asks to stop.
pub(crate) async fn connect(source: &Source, stop: &Stop) -> Result<Connection, SyncError> {
    tokio::select! {
        connection = source.connect() => Ok(connection?),
        () = stop.asked() => Err(SyncError::Interrupted),
    }
}

/// How many connections what is to be read is worth. A mailbox is read over one of them.
fn worth(works: &[Work]) -> usize {
    let messages: u64 = works.iter().map(Work::to_read).sum();
    let mailboxes = works.iter().filter(|work| work.to_read() > 0).count();
    usize::try_from(messages / MESSAGES_PER_LINE)
        .unwrap_or(usize::MAX)
        .min(mailboxes)
        .max(1)
}

/// Gives each connection its share of the mailboxes: the largest first, each to the one that has the least by then.
pub(super) fn share_out(mut works: Vec<Work>, lines: usize) -> Vec<Vec<Work>> {
    let mut shares: Vec<(u64, Vec<Work>)> = (0..lines.max(1)).map(|_| (0, Vec::new())).collect();
    if lines > 1 {
        works.sort_by_key(|work| std::cmp::Reverse(work.to_read()));
    }
    for work in works {
        if let Some((messages, share)) = shares.iter_mut().min_by_key(|(messages, _)| *messages) {
            *messages += work.to_read();
            share.push(work);
        }
    }
    shares.into_iter().map(|(_, share)| share).collect()
}
