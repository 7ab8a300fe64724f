//! From arguments to a pass: both ends, owner, state file.

use transhume_db::{Base, Store};
use transhume_sync::{
    Deletions, Durability, Observer, Pass, Report, Source, Stop, SyncError, Target, TargetOptions,
};

use super::super::account::{Ends, Trouble, now, owner, state_file};
use super::Arguments;
use crate::exit::Failure;

/// All that a move needs, checked as far as it can be without touching anything.
#[derive(Debug)]
pub(crate) struct Setup {
    ends: Ends,
    source: Source,
    options: TargetOptions,
    deletions: Deletions,
    connections: u32,
    dry_run: bool,
}

impl Setup {
    /// Checks the arguments, and asks for the password last, when all else is right.
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let ends = Ends::new(&arguments.account)?;
        let owner = owner::resolve(arguments.owner.as_deref(), &ends.maildir)?;
        let durability = match arguments.durability {
            super::Durability::Batch => Durability::Batch,
            super::Durability::File => Durability::File,
            super::Durability::None => Durability::None,
        };
        Ok(Self {
            source: ends.source()?,
            ends,
            options: TargetOptions { owner, durability },
            deletions: match arguments.deletions {
                super::Deletions::Keep => Deletions::Keep,
                super::Deletions::Follow => Deletions::Follow {
                    most: arguments.most_deletions,
                },
            },
            connections: arguments.connections,
            dry_run: arguments.dry_run,
        })
    }

    /// Runs the pass.
    pub(crate) async fn move_account(self, observer: &dyn Observer, stop: &Stop) -> Result<Report, Failure> {
        let trouble = Trouble::new(&self.ends);
        self.pass(observer, stop)
            .await
            .map_err(|error| trouble.explain(&error))
    }

    async fn pass(self, observer: &dyn Observer, stop: &Stop) -> Result<Report, SyncError> {
        let maildir = &self.ends.maildir;
        let target = if self.dry_run {
            Target::look_only(maildir, self.options)?
        } else {
            Target::open(maildir, self.options)?
        };
        let claim = if self.dry_run { None } else { Some(target.claim()?) };
        let store = self.open_store(&target).await?;
        let account = self.source.address.account();
        let base = Base::open(store, &account, &maildir.to_string_lossy()).await?;
        let pass = Pass {
            source: self.source,
            target,
            base,
            selection: self.ends.selection,
            deletions: self.deletions,
            connections: self.connections,
            retries: self.ends.retries,
            now: now(),
        };
        let result = if self.dry_run {
            pass.show(observer, stop).await
        } else {
            pass.run(observer, stop).await
        };
        pass.base.close().await;
        drop(claim);
        result
    }

    /// The state file, made with the owner of the mail. A dry run that finds none does without one.
    async fn open_store(&self, target: &Target) -> Result<Store, SyncError> {
        let state = &self.ends.state;
        if self.dry_run && (!target.exists() || !state.exists()) {
            return Ok(Store::in_memory().await?);
        }
        state_file::make_ready(state, self.options.owner)
            .map_err(|error| SyncError::state_file(state, error))?;
        Ok(Store::open(state).await?)
    }
}
