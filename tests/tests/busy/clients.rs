//! The people and programs that use the new server while a pass runs. Each goes on until the pass has ended, and keeps
//! to its own messages; a connection that the server ends is made anew.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;

use transhume_e2e::{Pair, wait_until};
use transhume_testkit::{Lmtp, Oracle, TestkitError};

use super::ledger::{Fate, Key, Ledger, Row, rows, text};

/// Mailboxes that clients look into. The last is theirs alone.
pub(crate) const MAILBOXES: [&str; 4] = ["INBOX", "Work", "Other", FILED];
const FILED: &str = "Filed";
/// What each client does at least.
const STEPS: u32 = 8;
/// Messages that a client works on at a time.
const HANDFUL: usize = 3;

/// What a client does again and again.
#[derive(Clone, Copy, Debug)]
enum Job {
    Deliver,
    Append,
    Flag,
    Remove,
    Copy,
    Read,
}

const JOBS: [Job; 6] = [
    Job::Deliver,
    Job::Append,
    Job::Flag,
    Job::Remove,
    Job::Copy,
    Job::Read,
];

/// All clients of one account.
pub(crate) struct Office<'a> {
    pair: &'a Pair,
    ledger: Mutex<Ledger>,
    numbers: AtomicU32,
}

/// Lets the clients go home, also when the test fails.
struct Evening<'a>(&'a AtomicBool);

impl Drop for Evening<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<'a> Office<'a> {
    pub(crate) fn new(pair: &'a Pair) -> Self {
        Self {
            pair,
            ledger: Mutex::default(),
            numbers: AtomicU32::new(0),
        }
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    /// Does the work while all clients are at theirs; with `early`, each has done something before it begins.
    pub(crate) fn while_busy(&self, early: bool, work: impl FnOnce()) {
        let over = AtomicBool::new(false);
        let steps = JOBS.map(|_| AtomicU32::new(0));
        thread::scope(|scope| {
            let evening = Evening(&over);
            for (job, steps) in JOBS.into_iter().zip(&steps) {
                let over = &over;
                scope.spawn(move || self.go_on(job, over, steps));
            }
            if early {
                wait_until("every client has begun", || {
                    steps.iter().all(|steps| steps.load(Ordering::Relaxed) > 0)
                });
            }
            work();
            drop(evening);
        });
    }

    fn go_on(&self, job: Job, over: &AtomicBool, steps: &AtomicU32) {
        let mut client = None;
        let mut delivery = None;
        while !over.load(Ordering::Relaxed) || steps.load(Ordering::Relaxed) < STEPS {
            let done = match job {
                Job::Deliver => self.with(&mut delivery, || Lmtp::connect(&self.pair.new), Self::deliver),
                _ => self.with(
                    &mut client,
                    || Oracle::login(&self.pair.new, &self.pair.user),
                    |office, client| office.step(job, client),
                ),
            };
            match done {
                Ok(()) | Err(TestkitError::Refused { .. }) => drop(steps.fetch_add(1, Ordering::Relaxed)),
                Err(_) => (client, delivery) = (None, None),
            }
        }
    }

    fn with<C>(
        &self,
        held: &mut Option<C>,
        connect: impl FnOnce() -> Result<C, TestkitError>,
        work: impl FnOnce(&Self, &mut C) -> Result<(), TestkitError>,
    ) -> Result<(), TestkitError> {
        let connection = match held {
            Some(connection) => connection,
            None => held.insert(connect()?),
        };
        work(self, connection)
    }

    fn step(&self, job: Job, client: &mut Oracle) -> Result<(), TestkitError> {
        match job {
            Job::Deliver => Ok(()),
            Job::Append => self.append(client),
            Job::Flag => self.flag(client),
            Job::Remove => self.remove(client),
            Job::Copy => self.copy(client),
            Job::Read => MAILBOXES
                .iter()
                .try_for_each(|mailbox| match self.look(client, mailbox) {
                    Err(TestkitError::Refused { .. }) | Ok(_) => Ok(()),
                    Err(other) => Err(other),
                }),
        }
    }

    /// A subject that nobody had before.
    pub(crate) fn subject(&self, word: &str) -> String {
        format!("{word}-{}", self.numbers.fetch_add(1, Ordering::Relaxed))
    }

    fn look(&self, client: &mut Oracle, mailbox: &str) -> Result<(u32, Vec<Row>), TestkitError> {
        let (uid_validity, rows) = rows(client, mailbox)?;
        self.ledger().sees(mailbox, uid_validity, &rows);
        Ok((uid_validity, rows))
    }

    /// UIDVALIDITY, and some messages of this fate, the newest first.
    fn some(&self, client: &mut Oracle, mailbox: &str, fate: Fate) -> Result<(u32, Vec<Row>), TestkitError> {
        let (uid_validity, mut rows) = self.look(client, mailbox)?;
        rows.retain(|row| Fate::of(&row.subject) == fate && !row.flagged);
        rows.reverse();
        rows.truncate(HANDFUL);
        Ok((uid_validity, rows))
    }

    fn deliver(&self, server: &mut Lmtp) -> Result<(), TestkitError> {
        let subject = self.subject("delivered");
        let key = key("INBOX", &subject);
        self.put(key, || server.deliver(&self.pair.user, &text(&subject)))
    }

    fn append(&self, client: &mut Oracle) -> Result<(), TestkitError> {
        for mailbox in ["INBOX", "Work"] {
            let subject = self.subject("appended");
            let put = |client: &mut Oracle| {
                let append = || client.append(&[mailbox], &[], None, &text(&subject)).map(drop);
                self.put(key(mailbox, &subject), append)
            };
            match put(client) {
                // The pass makes this mailbox too: whoever comes second is told that it is there.
                Err(TestkitError::Refused { .. }) => match client.create(&[mailbox]) {
                    Ok(()) | Err(TestkitError::Refused { .. }) => put(client)?,
                    Err(other) => return Err(other),
                },
                other => other?,
            }
        }
        Ok(())
    }

    fn flag(&self, client: &mut Oracle) -> Result<(), TestkitError> {
        for mailbox in ["INBOX", "Work"] {
            for row in self.some(client, mailbox, Fate::Flagged)?.1 {
                client.store(&row.uid.to_string(), "+FLAGS", &["\\Flagged", "mine"])?;
                self.ledger().flagged(key(mailbox, &row.subject));
            }
        }
        Ok(())
    }

    fn remove(&self, client: &mut Oracle) -> Result<(), TestkitError> {
        for mailbox in ["INBOX", "Work"] {
            let (uid_validity, rows) = self.some(client, mailbox, Fate::Removed)?;
            for row in rows {
                let key = key(mailbox, &row.subject);
                self.ledger().begin_removal(key.clone(), uid_validity, row.uid);
                client.expunge(&row.uid.to_string())?;
                self.ledger().removed(key);
            }
        }
        Ok(())
    }

    fn copy(&self, client: &mut Oracle) -> Result<(), TestkitError> {
        match client.create(&[FILED]) {
            Ok(()) | Err(TestkitError::Refused { .. }) => {}
            Err(other) => return Err(other),
        }
        for row in self.some(client, "INBOX", Fate::Copied)?.1 {
            for target in [FILED, "Work"] {
                let copy = || client.copy(&row.uid.to_string(), &[target]);
                self.put(key(target, &row.subject), copy)?;
            }
        }
        Ok(())
    }

    /// Puts a message somewhere and keeps the books.
    fn put(&self, key: Key, work: impl FnOnce() -> Result<(), TestkitError>) -> Result<(), TestkitError> {
        self.ledger().begin(key.clone());
        let done = work();
        match &done {
            Ok(()) => self.ledger().done(key),
            Err(TestkitError::Refused { .. }) => self.ledger().refused(key),
            Err(_) => {}
        }
        done
    }
}

pub(crate) fn key(mailbox: &str, subject: &str) -> Key {
    (mailbox.to_owned(), subject.to_owned())
}
