//! A pass that is fenced off, at any moment, writes nothing after; and the next one ends as if it had not been.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use transhume_sync::{Fence, SyncError};
use transhume_testkit::SimulatedServer;

use crate::history::Event::{Pass, Source};
use crate::history::OnSource;
use crate::interruption::{BEGINNING, end, prepare};
use crate::power::Power;

/// What has been written: the Maildir without what is only staged, and how often the base was changed.
type Written = (BTreeSet<String>, u64);

/// A fence that closes when it has been asked so many times, and remembers what had been written by then.
#[derive(Debug)]
struct Closing {
    open: u64,
    asked: AtomicU64,
    maildir: PathBuf,
    power: Arc<Power>,
    closed_at: Mutex<Option<Written>>,
}

impl Closing {
    fn written(&self) -> Written {
        let mut files = BTreeSet::new();
        collect(&self.maildir, &mut files);
        (files, self.power.actions() - self.power.disk_actions())
    }
}

#[async_trait]
impl Fence for Closing {
    async fn holds(&self) -> Result<bool, String> {
        if self.asked.fetch_add(1, Ordering::SeqCst) < self.open {
            return Ok(true);
        }
        let mut closed_at = self.closed_at.lock().unwrap();
        if closed_at.is_none() {
            *closed_at = Some(self.written());
        }
        Ok(false)
    }
}

/// Every file that is not in a `tmp`, with its inode and its length.
fn collect(folder: &Path, files: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("tmp") {
                collect(&path, files);
            }
        } else if let Ok(found) = path.metadata() {
            files.insert(format!("{} {} {}", path.display(), found.ino(), found.len()));
        }
    }
}

// I11: whoever comes back from a pause, when the account has been given to somebody else, writes nothing.
#[test]
fn nothing_is_written_after_the_fence_has_closed() {
    let first = prepare(Arc::new(SimulatedServer::start(&[]).unwrap()), &[BEGINNING]).unwrap();
    let later = [
        Source(OnSource::Arrive { mailbox: 0, flags: 1 }),
        Source(OnSource::Create { mailbox: 2 }),
        Source(OnSource::Arrive { mailbox: 2, flags: 0 }),
        Source(OnSource::Flag {
            mailbox: 0,
            message: 0,
            flag: 1,
            on: true,
        }),
    ];
    let second = prepare(
        Arc::new(SimulatedServer::start(&[]).unwrap()),
        &[BEGINNING, &[Pass], &later],
    )
    .unwrap();
    for prepared in [first, second] {
        let mut whole = prepared.fork(Arc::new(SimulatedServer::start(&[]).unwrap()));
        whole.happen(Pass).unwrap();
        let whole = end(&whole);
        let mut closings = 0;
        for open in 0.. {
            let mut player = prepared.fork(Arc::new(SimulatedServer::start(&[]).unwrap()));
            let mut fence = None;
            let outcome = player.world.fenced_pass(|power| {
                let closing = Arc::new(Closing {
                    open,
                    asked: AtomicU64::new(0),
                    maildir: player.world.maildir.path().to_owned(),
                    power: Arc::clone(power),
                    closed_at: Mutex::new(None),
                });
                fence = Some(Arc::clone(&closing));
                closing
            });
            let fence = fence.unwrap();
            let Some(closed_at) = fence.closed_at.lock().unwrap().take() else {
                assert!(outcome.result.unwrap().is_complete(), "it was never closed");
                break;
            };
            closings += 1;
            assert!(
                matches!(outcome.result, Err(SyncError::FencedOff)),
                "closed at {open}: {:?}",
                outcome.result
            );
            assert_eq!(fence.written(), closed_at, "closed at {open}");
            player.happen(Pass).unwrap();
            player.nothing_is_left().unwrap();
            assert_eq!(end(&player), whole, "closed at {open}");
        }
        assert!(closings > 6, "asked before each commit: {closings}");
    }
}
