//! A CSV file becomes part of the directory: the whole of it, or, where anything is wrong, nothing.
//!
//! Passwords that are still to be hashed take long, and others want to write meanwhile. So the file is planned twice where it
//! has such: once to see which passwords are needed, and, when they are hashed, once more with the directory held.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use transhume_db::directory::{DirectoryError, DirectoryStore};
use transhume_model::directory::{Directory, Entry, Login, Role, StoredPassword};
use transhume_model::import::csv::{
    ClearPassword, Complaint, FilePlan, Options, Place, Text, TextProblem, decode, plan_file_of,
};
use transhume_model::plan::directory::Change;
use transhume_model::rights::{Actor, may_add};

/// Changes carried out between two words on the progress.
const CHUNK: usize = 5_000;

/// Hashes one password. Called from several threads at a time.
pub type Hash<'h> = &'h (dyn Fn(&str) -> Result<StoredPassword, String> + Sync);

/// How a file is imported.
#[derive(Clone, Copy)]
pub struct How<'h> {
    /// How its rows are read.
    pub options: Options,
    /// Its encoding, where that is known.
    pub encoding: Option<&'h str>,
    /// How passwords are hashed.
    pub hash: Hash<'h>,
    /// In whose name; `None` is that of whoever owns the directory. Domains that they add, they administer.
    pub actor: Option<&'h Actor>,
}

/// Where a file's entries go.
pub enum Into<'d> {
    /// Into the directory, for good.
    Store(&'d mut DirectoryStore),
    /// Into a directory in memory that nobody keeps: to see what would happen. Passwords are not hashed for that.
    Memory(&'d mut Directory),
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Octets of the text read, of so many.
    Reading(usize, usize),
    /// Passwords hashed, of so many.
    Hashing(usize, usize),
    /// Changes written, of so many.
    Writing(usize, usize),
}

/// What came of a file.
#[derive(Debug, Default)]
pub struct FileReport {
    /// The encoding, where it was guessed.
    pub guessed: Option<&'static str>,
    /// Rows that are not blank.
    pub rows: u64,
    /// What is new in the directory; nothing where there are errors.
    pub added: Added,
    /// Rows of which all was there already.
    pub kept: u64,
    /// Rows that need something with an error, and have none of their own.
    pub held_up: u64,
    /// What is wrong. If there is anything, nothing was imported.
    pub errors: Vec<Complaint>,
    /// What was read otherwise than it may have been meant.
    pub notices: Vec<Complaint>,
}

/// What an import adds, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// Local domains.
    pub domains: u64,
    /// Relay domains.
    pub relay_domains: u64,
    /// Other names of domains.
    pub domain_aliases: u64,
    /// Accounts.
    pub accounts: u64,
    /// Mailboxes of these accounts.
    pub mailboxes: u64,
    /// Aliases.
    pub aliases: u64,
    /// Recipients that aliases got which were there before.
    pub recipients: u64,
}

/// Imports one file. Its bytes are let go as soon as it is planned.
pub async fn import_csv(
    bytes: Vec<u8>,
    how: How<'_>,
    target: Into<'_>,
    tell: &mut dyn FnMut(Step),
) -> Result<FileReport, DirectoryError> {
    match target {
        Into::Store(store) => into_store(bytes, how, store, tell).await,
        Into::Memory(directory) => Ok(match decode(&bytes, how.encoding) {
            Ok(text) => into_memory(&text, how, directory, tell),
            Err(problem) => unreadable(&problem),
        }),
    }
}

async fn into_store(
    bytes: Vec<u8>,
    how: How<'_>,
    store: &mut DirectoryStore,
    tell: &mut dyn FnMut(Step),
) -> Result<FileReport, DirectoryError> {
    let text = match decode(&bytes, how.encoding) {
        Ok(text) => text,
        Err(problem) => return Ok(unreadable(&problem)),
    };
    let mut hashed = HashMap::new();
    if how.options.crypt_passwords {
        let planned = planned(&text, &store.read().await?, how, tell);
        if !planned.errors.is_empty() {
            return Ok(report(&text, &planned));
        }
        hashed = match hash_all(&planned.to_hash, how.hash, tell) {
            Ok(hashed) => hashed,
            Err(complaint) => return Ok(refused(&text, planned, complaint)),
        };
    }
    let mut transaction = store.begin().await?;
    let directory = transaction.read().await?;
    let mut planned = planned(&text, &directory, how, tell);
    drop(directory);
    if !planned.errors.is_empty() {
        return Ok(report(&text, &planned));
    }
    // What others have removed in between is new again, and needs its hash.
    planned.to_hash.retain(|login, _| !hashed.contains_key(login));
    match hash_all(&planned.to_hash, how.hash, &mut |_| {}) {
        Ok(late) => hashed.extend(late),
        Err(complaint) => return Ok(refused(&text, planned, complaint)),
    }
    for change in &mut planned.changes {
        if let Change::Add(Entry::Account(account)) = change
            && let Some(password) = hashed.remove(&account.login)
        {
            account.password = Some(password);
        }
    }
    let report = report(&text, &planned);
    // Memory goes as it is no longer needed: there may be hundreds of thousands of accounts.
    drop(text);
    drop(bytes);
    let all = planned.changes.len();
    let mut written = 0;
    let mut changes = planned.changes.into_iter();
    while written < all {
        let chunk: Vec<Change> = changes.by_ref().take(CHUNK).collect();
        transaction.apply(&chunk).await?;
        if let Some(actor) = how.actor.filter(|actor| actor.role != Role::SuperAdmins) {
            for change in &chunk {
                if let Change::Add(Entry::Domain(domain)) = change {
                    transaction.administer(&actor.login, &domain.name).await?;
                }
            }
        }
        written += chunk.len();
        tell(Step::Writing(written, all));
    }
    transaction.commit().await?;
    Ok(report)
}

fn into_memory(
    text: &Text<'_>,
    how: How<'_>,
    directory: &mut Directory,
    tell: &mut dyn FnMut(Step),
) -> FileReport {
    let mut planned = planned(text, directory, how, tell);
    let report = report(text, &planned);
    if report.errors.is_empty() {
        for change in planned.changes.drain(..) {
            change.apply_to(directory);
        }
    }
    report
}

fn planned(text: &Text<'_>, directory: &Directory, how: How<'_>, tell: &mut dyn FnMut(Step)) -> FilePlan {
    let all = text.text.len();
    let mut actor = how.actor.cloned();
    let may = |entry: &Entry| {
        let Some(actor) = &mut actor else { return Ok(()) };
        may_add(actor, entry).map_err(|denied| denied.to_string())?;
        // What is new with this file is theirs, and lines below may go into it; what is there is whose it is.
        if let Entry::Domain(domain) = entry
            && !directory.domains.contains_key(&domain.name)
        {
            actor.administers.insert(domain.name.clone());
        }
        Ok(())
    };
    plan_file_of(text, directory, how.options, may, |octets| {
        tell(Step::Reading(octets, all));
    })
}

fn report(text: &Text<'_>, planned: &FilePlan) -> FileReport {
    let mut report = FileReport {
        guessed: text.guessed,
        rows: planned.rows,
        kept: planned.kept,
        held_up: planned.held_up,
        errors: planned.errors.clone(),
        notices: planned.notices.clone(),
        added: Added::default(),
    };
    report.errors.sort_by_key(|complaint| complaint.place);
    report.notices.sort_by_key(|complaint| complaint.place);
    if report.errors.is_empty() {
        planned
            .changes
            .iter()
            .for_each(|change| report.added.count(change));
    }
    report
}

fn unreadable(problem: &TextProblem) -> FileReport {
    let errors = vec![Complaint {
        place: problem.place().unwrap_or(Place { line: 1, column: 1 }),
        wrong: problem.to_string(),
        right: problem.remedy().to_owned(),
    }];
    FileReport {
        errors,
        ..FileReport::default()
    }
}

fn refused(text: &Text<'_>, mut planned: FilePlan, complaint: Complaint) -> FileReport {
    planned.errors.push(complaint);
    report(text, &planned)
}

/// Hashes on every core. Stops at the first password that cannot be hashed.
fn hash_all(
    passwords: &HashMap<Login, ClearPassword>,
    hash: Hash<'_>,
    tell: &mut dyn FnMut(Step),
) -> Result<HashMap<Login, StoredPassword>, Complaint> {
    let all: Vec<(&Login, &ClearPassword)> = passwords.iter().collect();
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let next = AtomicUsize::new(0);
    let hashed = Mutex::new(HashMap::with_capacity(all.len()));
    let refused = Mutex::new(None);
    let one = || {
        let (login, password) = all.get(next.fetch_add(1, Ordering::Relaxed))?;
        match hash(password.as_str()) {
            Ok(stored) => {
                let mut hashed = hashed.lock().unwrap_or_else(PoisonError::into_inner);
                hashed.insert((*login).clone(), stored);
                Some(hashed.len())
            }
            Err(why) => {
                next.store(all.len(), Ordering::Relaxed);
                let complaint = Complaint {
                    place: password.place(),
                    wrong: why,
                    right: "another password, or its hash".into(),
                };
                *refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(complaint);
                None
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..cores.min(all.len()) {
            scope.spawn(|| while one().is_some() {});
        }
        // This thread works too, and tells.
        while let Some(done) = one() {
            tell(Step::Hashing(done, all.len()));
        }
    });
    let refused = refused.into_inner().unwrap_or_else(PoisonError::into_inner);
    refused.map_or_else(
        || Ok(hashed.into_inner().unwrap_or_else(PoisonError::into_inner)),
        Err,
    )
}

impl Added {
    fn count(&mut self, change: &Change) {
        match change {
            Change::Add(Entry::Domain(domain)) if domain.is_local() => self.domains += 1,
            Change::Add(Entry::Domain(_)) => self.relay_domains += 1,
            Change::Add(Entry::DomainAlias(_)) => self.domain_aliases += 1,
            Change::Add(Entry::Account(account)) => {
                self.accounts += 1;
                self.mailboxes += u64::from(account.mailbox.is_some());
            }
            Change::Add(Entry::Alias(_)) => self.aliases += 1,
            Change::Add(Entry::Vacation(_)) => {}
            Change::AddRecipients { recipients, .. } => {
                self.recipients += u64::try_from(recipients.len()).unwrap_or(u64::MAX);
            }
        }
    }

    /// Whether nothing is new.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
