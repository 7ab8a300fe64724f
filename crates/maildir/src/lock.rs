//! Dovecot's lock files.
//!
//! A lock is a file that exists: `dovecot-uidlist.lock` beside `dovecot-uidlist`. It says who made it
//! (`pid:hostname`), and it appears complete, owner and content included, by a `link()` from a scratch file:
//! Dovecot watches it, and complains about one that it cannot open.
//!
//! A lock whose process is gone is taken over: at once where the file names a dead process of this host, else
//! when it has not changed for two minutes (Dovecot's own rule). So whoever holds one for long
//! has to touch it. In a container, process numbers say nothing about the outside: there the lock is held
//! in another host's name ([`Options::lock_host`](crate::Options::lock_host)).

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::Pid;

use crate::disk::{self, Dir};
use crate::error::MaildirError;
use crate::open::{Scratch, scratch_name};
use crate::root::Settings;

/// How long a lock must stay unchanged until it counts as left behind.
const STALE: Duration = Duration::from_mins(2);
/// How often a held lock is touched at the most.
const TOUCH: Duration = Duration::from_secs(5);
/// How long to wait between two looks: at first, and at the most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// A lock that we hold; dropped, it is released.
#[derive(Debug)]
pub(crate) struct DotLock {
    dir: Arc<Dir>,
    name: &'static [u8],
    file: File,
    identity: Identity,
    touched: Instant,
}

/// Which file it is, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// What a lock held by others looks like.
struct Holder {
    identity: Identity,
    /// Changes whenever the lock is touched.
    modified: Modified,
    content: String,
}

impl DotLock {
    /// Waits for the lock `name` in `dir`. `scratch` is a directory on the same file system.
    pub(crate) fn acquire(
        dir: &Arc<Dir>,
        name: &'static [u8],
        scratch: &Arc<Dir>,
        settings: &Arc<Settings>,
    ) -> Result<Self, MaildirError> {
        let began = Instant::now();
        let mut pause = PAUSE.0;
        let mut seen: Option<((Identity, Modified), Instant)> = None;
        loop {
            if let Some(lock) = Self::try_acquire(dir, name, scratch, settings)? {
                return Ok(lock);
            }
            let Some(holder) = Holder::look(dir, name)? else {
                continue;
            };
            let look = (holder.identity, holder.modified);
            let since = match seen {
                Some((before, since)) if before == look => since,
                _ => Instant::now(),
            };
            seen = Some((look, since));
            if holder.is_dead(&settings.lock_host) || since.elapsed() >= STALE {
                holder.clear_away(dir, name, scratch)?;
                continue;
            }
            if began.elapsed() >= settings.lock_timeout {
                return Err(MaildirError::Busy {
                    path: dir.join(name),
                    holder: holder.describe(),
                    waited: began.elapsed(),
                });
            }
            sleep(pause);
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    fn try_acquire(
        dir: &Arc<Dir>,
        name: &'static [u8],
        scratch: &Arc<Dir>,
        settings: &Arc<Settings>,
    ) -> Result<Option<Self>, MaildirError> {
        if dir.stat(name)?.is_some() {
            return Ok(None);
        }
        let mut offer = Scratch::new(scratch, "lock", settings)?;
        offer.write(format!("{}:{}", dir.power().process_id(), settings.lock_host).as_bytes())?;
        let Some(file) = offer.link(dir, name)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            dir: Arc::clone(dir),
            name,
            identity: Identity::of(&file).map_err(|errno| dir.fail("looking at", name, errno))?,
            file,
            touched: Instant::now(),
        }))
    }

    /// To be called again and again while the lock is held: touches it every few seconds.
    pub(crate) fn keep(&mut self) -> Result<(), MaildirError> {
        if self.touched.elapsed() >= TOUCH {
            self.check()?;
            self.dir.set_modified(&self.file, self.name, disk::now())?;
            self.touched = Instant::now();
        }
        Ok(())
    }

    /// Makes sure that nobody has taken the lock over. To be called right before what cannot be undone.
    pub(crate) fn check(&self) -> Result<(), MaildirError> {
        if self.is_ours()? {
            Ok(())
        } else {
            Err(MaildirError::LockLost {
                path: self.dir.join(self.name),
            })
        }
    }

    fn is_ours(&self) -> Result<bool, MaildirError> {
        let stat = self.dir.stat(self.name)?;
        Ok(stat.is_some_and(|stat| Identity::from(&stat) == self.identity))
    }
}

impl Drop for DotLock {
    fn drop(&mut self) {
        // What cannot be removed here is taken over by others, as of a process that died.
        if matches!(self.is_ours(), Ok(true)) {
            let _ = self.dir.remove(self.name);
        }
    }
}

impl Identity {
    fn of(file: &File) -> rustix::io::Result<Self> {
        rustix::fs::fstat(file).map(|stat| Self::from(&stat))
    }

    fn from(stat: &rustix::fs::Stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
        }
    }
}

/// Seconds and nanoseconds.
type Modified = (i64, i64);

fn modified(stat: &rustix::fs::Stat) -> Modified {
    (stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0))
}

impl Holder {
    /// [`None`] where the lock has gone meanwhile.
    fn look(dir: &Dir, name: &[u8]) -> Result<Option<Self>, MaildirError> {
        let Some(file) = dir.read(name)? else {
            return Ok(None);
        };
        let stat = rustix::fs::fstat(&file).map_err(|errno| dir.fail("looking at", name, errno))?;
        let mut content = Vec::new();
        // Enough for any host name; Dovecot writes a whole new `subscriptions` into that file's lock.
        file.take(300)
            .read_to_end(&mut content)
            .map_err(|error| dir.fail("reading", name, error))?;
        Ok(Some(Self {
            identity: Identity::from(&stat),
            modified: modified(&stat),
            content: String::from_utf8_lossy(&content).trim_end().to_owned(),
        }))
    }

    /// The process and host that the content names.
    fn process(&self) -> Option<(Pid, &str)> {
        let (pid, host) = self.content.split_once(':')?;
        Some((Pid::from_raw(pid.parse().ok().filter(|&pid| pid > 0)?)?, host))
    }

    /// Whether a process of this host made the lock and is gone.
    fn is_dead(&self, this_host: &str) -> bool {
        self.process().is_some_and(|(pid, host)| {
            host == this_host && rustix::process::test_kill_process(pid) == Err(Errno::SRCH)
        })
    }

    fn describe(&self) -> String {
        match self.process() {
            Some((pid, host)) => format!("process {} on {host}", pid.as_raw_nonzero()),
            None => "an unknown process".to_owned(),
        }
    }

    /// Removes a lock that was left behind, and no other: others judge it at the same time, and one of them
    /// may have put its own in its place since we looked. So it is moved aside first and looked at again.
    fn clear_away(&self, dir: &Dir, name: &[u8], scratch: &Dir) -> Result<(), MaildirError> {
        let aside = scratch_name("stale");
        if !dir.rename(name, scratch, &aside)? {
            return Ok(());
        }
        let moved = scratch.stat(&aside)?;
        let judged = (self.identity, self.modified);
        if moved.is_some_and(|stat| (Identity::from(&stat), modified(&stat)) != judged) {
            scratch.link(&aside, dir, name)?;
        }
        scratch.remove(&aside)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::{Account, dead_process};

    const LOCK: &str = "dovecot-uidlist.lock";

    fn this_host() -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    fn acquire(account: &Account) -> Result<DotLock, MaildirError> {
        account.inbox().open()?.lock()
    }

    #[test]
    fn says_who_holds_it_and_goes_with_its_holder() {
        let account = Account::new();
        let lock = acquire(&account).unwrap();
        assert_eq!(
            account.read(LOCK),
            format!("{}:{}", std::process::id(), this_host())
        );
        let error = acquire(&account).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Busy);
        assert!(
            error
                .to_string()
                .contains(&format!("process {}", std::process::id())),
            "{error}"
        );
        drop(lock);
        assert!(!account.path().join(LOCK).exists());
        assert_eq!(account.names("tmp"), [""; 0]);
    }

    #[test]
    fn is_taken_over_from_the_dead_of_this_host_only() {
        let account = Account::new();
        account.open().unwrap();
        let dead = dead_process();
        for content in [
            format!("{dead}:elsewhere"),
            "0:x".to_owned(),
            String::new(),
            format!("1:{}", this_host()),
        ] {
            account.write(LOCK, &content);
            assert!(acquire(&account).is_err(), "{content}");
        }
        account.write(LOCK, &format!("{dead}:{}", this_host()));
        drop(acquire(&account).unwrap());
        assert_eq!(account.names("tmp"), [""; 0]);
    }

    #[test]
    fn of_another_is_never_removed() {
        let account = Account::new();
        let lock = acquire(&account).unwrap();
        fs::remove_file(account.path().join(LOCK)).unwrap();
        account.write(LOCK, "1:another");
        assert!(matches!(lock.check(), Err(MaildirError::LockLost { .. })));
        drop(lock);
        assert_eq!(account.read(LOCK), "1:another");
    }

    #[test]
    fn of_another_that_came_meanwhile_is_put_back() {
        let account = Account::new();
        let mailbox = account.inbox().open().unwrap();
        account.write(LOCK, "1:first");
        let judged = Holder::look(&mailbox.base, LOCK.as_bytes()).unwrap().unwrap();
        account.write("second", "1:second");
        fs::rename(account.path().join("second"), account.path().join(LOCK)).unwrap();
        judged
            .clear_away(&mailbox.base, LOCK.as_bytes(), &mailbox.tmp)
            .unwrap();
        assert_eq!(account.read(LOCK), "1:second");
        assert_eq!(account.names("tmp"), [""; 0]);
    }

    #[test]
    fn many_want_it_and_one_at_a_time_has_it() {
        let account = Account::new();
        account.open().unwrap();
        account.write(LOCK, &format!("{}:{}", dead_process(), this_host()));
        account.write("counter", "0");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let lock = loop {
                            if let Ok(lock) = acquire(&account) {
                                break lock;
                            }
                        };
                        let count: u32 = account.read("counter").parse().unwrap();
                        account.write("counter", &(count + 1).to_string());
                        lock.check().unwrap();
                    }
                });
            }
        });
        assert_eq!(account.read("counter"), "160");
    }
}
