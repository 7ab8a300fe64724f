//! One flush of a file system serves all who ask for it meanwhile.
//!
//! `syncfs` writes out whatever there is on a file system, whoever wrote it. Where many accounts are moved onto one, a flush
//! for each would do the same work again and again. So whoever asks while one is running waits for the next, which serves all
//! who have asked by the time it begins. The one that is running serves none of them: what they wrote may have come too late
//! for it. Whoever is alone has a flush at once, and notices nothing of all this.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use rustix::io::Errno;

use crate::disk::Dir;
use crate::error::MaildirError;
use crate::seam::Power;

/// The file systems that are written to now, by their device numbers.
static FILE_SYSTEMS: Mutex<Vec<(u64, Weak<FileSystem>)>> = Mutex::new(Vec::new());

/// A file system, and the flushes of it.
#[derive(Debug)]
struct FileSystem {
    /// One of its directories, opened before any message was written for which it is flushed: the system tells of each failure
    /// once for everything that was opened before it, and never of one that came earlier.
    dir: Dir,
    turns: Turns,
}

/// The flushes of one file system that a Maildir asks for.
#[derive(Debug)]
pub(crate) struct Flusher {
    file_system: Arc<FileSystem>,
    /// The failures that were known when this Maildir last heard of them.
    heard: AtomicU64,
    path: PathBuf,
    power: Power,
}

impl Flusher {
    /// For what will be written below `dir`.
    pub(crate) fn of(dir: &Dir) -> Result<Self, MaildirError> {
        let file_system = FileSystem::of(dir)?;
        Ok(Self {
            heard: AtomicU64::new(file_system.turns.failures()),
            file_system,
            path: dir.path().to_owned(),
            power: dir.power().clone(),
        })
    }

    /// Makes everything that was written by now outlive a power cut.
    pub(crate) fn flush(&self) -> Result<(), MaildirError> {
        let FileSystem { dir, turns } = &*self.file_system;
        self.power
            .flush(|| turns.flush(&self.heard, || rustix::fs::syncfs(dir.fd())))
            .map_err(|error| MaildirError::io("flushing the file system of", &self.path, error))
    }
}

impl FileSystem {
    fn of(dir: &Dir) -> Result<Arc<Self>, MaildirError> {
        let device = device(dir)?;
        let mut known = FILE_SYSTEMS.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, file_system)| file_system.strong_count() > 0);
        let found = known.iter().find(|(known, _)| *known == device);
        if let Some(found) = found.and_then(|(_, file_system)| file_system.upgrade()) {
            return Ok(found);
        }
        let made = Arc::new(Self {
            dir: dir.again()?,
            turns: Turns::default(),
        });
        known.push((device, Arc::downgrade(&made)));
        Ok(made)
    }
}

fn device(dir: &Dir) -> Result<u64, MaildirError> {
    let path: &Path = dir.path();
    let stat = rustix::fs::fstat(dir.fd()).map_err(|errno| MaildirError::io("looking at", path, errno))?;
    Ok(stat.st_dev)
}

/// Who flushes, and who waits for it.
#[derive(Debug, Default)]
struct Turns {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Flushes that were begun, and those of them that have ended; they differ by one at most.
    begun: u64,
    ended: u64,
    /// Flushes that failed, and how the last of them did.
    failures: u64,
    failure: Option<Errno>,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failures(&self) -> u64 {
        self.lock().failures
    }

    /// Returns when a flush has ended that was begun after this was called: by `flush`, or by somebody else's.
    ///
    /// A failed flush may have lost anybody's data, also of those who did not wait for it: it fails for everybody once, by
    /// what each has `heard`.
    fn flush(&self, heard: &AtomicU64, flush: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        let mut state = self.lock();
        let awaited = state.begun + 1;
        while state.ended < awaited && state.begun > state.ended {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended < awaited {
            state.begun += 1;
            drop(state);
            let outcome = flush();
            state = self.lock();
            state.ended = state.begun;
            if let Err(errno) = outcome {
                state.failures += 1;
                state.failure = Some(errno);
            }
            self.ended.notify_all();
        }
        match state.failure {
            Some(errno) if heard.swap(state.failures, Ordering::Relaxed) < state.failures => Err(errno),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;
    use crate::testing::Account;

    fn heard() -> AtomicU64 {
        AtomicU64::new(0)
    }

    /// Waits until so many have asked besides the one that flushes.
    fn wait_for(asked: &AtomicU64, number: u64) {
        while asked.load(Ordering::SeqCst) < number {
            thread::yield_now();
        }
    }

    #[test]
    fn who_is_alone_flushes_at_once_each_time() {
        let turns = Turns::default();
        let mut flushes = 0;
        for _ in 0..3 {
            turns
                .flush(&heard(), || {
                    flushes += 1;
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!(flushes, 3);
    }

    #[test]
    fn who_asks_during_a_flush_is_served_by_the_next_and_all_by_the_same() {
        const WAITING: u64 = 20;
        let turns = Turns::default();
        let flushes = AtomicU64::new(0);
        let asked = AtomicU64::new(0);
        let (begun, has_begun) = channel();
        let (go_on, may_go_on) = channel();
        thread::scope(|scope| {
            let (turns, flushes, asked) = (&turns, &flushes, &asked);
            scope.spawn(move || {
                let long = || {
                    begun.send(()).unwrap();
                    may_go_on.recv().unwrap();
                    flushes.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                };
                turns.flush(&heard(), long)
            });
            has_begun.recv().unwrap();
            for _ in 0..WAITING {
                scope.spawn(move || {
                    asked.fetch_add(1, Ordering::SeqCst);
                    turns
                        .flush(&heard(), || {
                            // Those that are late are served by a third.
                            wait_for(asked, WAITING);
                            flushes.fetch_add(1, Ordering::SeqCst);
                            Ok(())
                        })
                        .unwrap();
                    assert!(
                        flushes.load(Ordering::SeqCst) >= 2,
                        "served by the one that was running"
                    );
                });
            }
            wait_for(asked, WAITING);
            go_on.send(()).unwrap();
        });
        let flushes = flushes.into_inner();
        assert!((2..=3).contains(&flushes), "{flushes} flushes");
        let state = turns.lock();
        assert_eq!((state.begun, state.ended), (flushes, flushes));
    }

    #[test]
    fn a_failure_is_told_to_everybody_once() {
        let turns = Turns::default();
        let (one, other) = (heard(), heard());
        assert_eq!(turns.flush(&one, || Err(Errno::IO)), Err(Errno::IO));
        assert_eq!(turns.flush(&one, || Ok(())), Ok(()), "the failure was told");
        assert_eq!(
            turns.flush(&other, || Ok(())),
            Err(Errno::IO),
            "it may have been its data"
        );
        assert_eq!(turns.flush(&other, || Ok(())), Ok(()));
        let later = AtomicU64::new(turns.failures());
        assert_eq!(
            turns.flush(&later, || Ok(())),
            Ok(()),
            "it had written nothing by then"
        );
    }

    #[test]
    fn maildirs_of_one_file_system_share_its_flushes() {
        let account = Account::new();
        let root = account.open().unwrap();
        let one = Flusher::of(&root.dir).unwrap();
        let other = Flusher::of(&root.dir.dir(b"cur").unwrap()).unwrap();
        assert!(Arc::ptr_eq(&one.file_system, &other.file_system));
        one.flush().unwrap();
        let elsewhere = Flusher::of(&Dir::open(Path::new("/proc")).unwrap()).unwrap();
        assert!(!Arc::ptr_eq(&one.file_system, &elsewhere.file_system));
    }
}
