//! The power that a pass works by: every change of the Maildir and of the base is one action, and it can be cut between any two.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The supply of one pass.
#[derive(Debug, Default)]
pub(crate) struct Power {
    /// Actions that are granted; `u64::MAX` stands for all.
    granted: AtomicU64,
    asked: AtomicU64,
    /// Those of `asked` that concern the Maildir.
    on_disk: AtomicU64,
}

impl Power {
    /// One that goes out before the action of that number (from 0), or never.
    pub(crate) fn new(cut_before: Option<u64>) -> Arc<Self> {
        Arc::new(Self {
            granted: AtomicU64::new(cut_before.unwrap_or(u64::MAX)),
            ..Self::default()
        })
    }

    /// Gates for what is opened on this thread while the value lives.
    pub(crate) fn supply(self: &Arc<Self>) -> impl Drop {
        let (disk, base) = (Arc::clone(self), Arc::clone(self));
        let disk = transhume_maildir::supply(Arc::new(move || {
            disk.on_disk.fetch_add(1, Ordering::SeqCst);
            disk.grants()
        }));
        let base = transhume_db::supply(Arc::new(move || base.grants()));
        Both {
            _disk: disk,
            _base: base,
        }
    }

    fn grants(&self) -> bool {
        let before = self.asked.fetch_add(1, Ordering::SeqCst);
        before < self.granted.load(Ordering::SeqCst)
    }

    /// Whether it has gone out and something would have been done after.
    pub(crate) fn is_out(&self) -> bool {
        self.asked.load(Ordering::SeqCst) > self.granted.load(Ordering::SeqCst)
    }

    /// Changes.
    pub(crate) fn actions(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Those of the Maildir.
    pub(crate) fn disk_actions(&self) -> u64 {
        self.on_disk.load(Ordering::SeqCst)
    }
}

struct Both {
    _disk: transhume_maildir::Supply,
    _base: transhume_db::Supply,
}

impl Drop for Both {
    fn drop(&mut self) {}
}
