//! The fence: whether an account is still ours to write. Asked before each commit, into the Maildir and into the base.
//!
//! Whoever carries an account for a lease may have been asleep: a machine that was paused, a process that was stopped.
//! Somebody else has the account by then. What was begun before is safe (a commit takes Dovecot's lock, and the same message
//! has the same name whoever stages it); but nothing must be begun after. See `docs/adr/0011-leases-and-the-fence.md`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::SyncError;

/// Knows whether an account is still ours. Asked once for each batch and each mailbox that is committed: an answer may take
/// a round trip to a database, not more.
#[async_trait]
pub trait Fence: fmt::Debug + Send + Sync {
    /// Whether it is still ours; what is wrong, in words, where that cannot be told.
    async fn holds(&self) -> Result<bool, String>;
}

/// The fence of a pass; without one, the account is ours for as long as the pass runs.
pub(crate) type Guard = Option<Arc<dyn Fence>>;

/// Nothing, while the account is still ours; else the error that ends the pass.
pub(crate) async fn still_ours(guard: &Guard) -> Result<(), SyncError> {
    let Some(fence) = guard else { return Ok(()) };
    match fence.holds().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(SyncError::FencedOff),
        Err(what) => Err(SyncError::FenceUnknown(what)),
    }
}
