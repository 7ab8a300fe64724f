//! From arguments to a pass: both ends, owner, state file.

use transhume_db::{Base, Store};
use transhume_model::plan::Selection;
use transhume_sync::{
    Claim, Deletions, Durability, Observer, Pass, Report, Source, SourceAddress, Stop, SyncError, Target,
    TargetOptions,
};

use super::super::account::{Ends, Manner, Rules, Trouble, ask_password, now, owner, state_file};
use super::{Arguments, Moving};
use crate::exit::Failure;

/// What holds for every account that a command moves.
#[derive(Debug)]
pub(crate) struct MoveRules {
    rules: Rules,
    owner: Option<String>,
    durability: Durability,
    deletions: Deletions,
    connections: u32,
    dry_run: bool,
}

impl MoveRules {
    /// Checks what was typed. `connections` is how many an account may take if nothing was said about that.
    pub(crate) fn new(manner: &Manner, moving: &Moving, connections: u32) -> Result<Self, Failure> {
        if let Some(owner) = &moving.owner {
            owner::parse(owner)?;
        }
        Ok(Self {
            rules: Rules::new(manner)?,
            owner: moving.owner.clone(),
            durability: match moving.durability {
                super::Durability::Batch => Durability::Batch,
                super::Durability::File => Durability::File,
                super::Durability::None => Durability::None,
            },
            deletions: match moving.deletions {
                super::Deletions::Keep => Deletions::Keep,
                super::Deletions::Follow => Deletions::Follow {
                    most: moving.most_deletions,
                },
            },
            connections: moving.connections.unwrap_or(connections),
            dry_run: moving.dry_run,
        })
    }

    /// Whether nothing is to be changed.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run
    }
}

/// All that a move needs, checked as far as it can be without touching anything.
#[derive(Debug)]
pub(crate) struct Setup {
    ends: Ends,
    source: Source,
    options: TargetOptions,
    selection: Selection,
    deletions: Deletions,
    connections: u32,
    retries: u32,
    dry_run: bool,
}

/// Connections that one account may take, if nothing is said about that.
const CONNECTIONS: u32 = 2;

impl Setup {
    /// Checks the arguments, and asks for the password last, when all else is right.
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let account = &arguments.account;
        let ends = Ends::typed(account)?;
        let rules = MoveRules::new(&account.manner, &arguments.moving, CONNECTIONS)?;
        Self::of(ends, &rules, |source| ask_password(account, source))
    }

    /// For one account. The password is asked for last.
    pub(crate) fn of(
        ends: Ends,
        rules: &MoveRules,
        password: impl FnOnce(&SourceAddress) -> Result<Vec<u8>, Failure>,
    ) -> Result<Self, Failure> {
        let owner = owner::resolve(rules.owner.as_deref(), &ends.maildir)?;
        let password = password(&ends.source)?;
        Ok(Self {
            source: rules.rules.source(ends.source.clone(), password),
            ends,
            options: TargetOptions {
                owner,
                durability: rules.durability,
            },
            selection: rules.rules.selection.clone(),
            deletions: rules.deletions,
            connections: rules.connections,
            retries: rules.rules.retries,
            dry_run: rules.dry_run,
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
        let (target, claim) = self.open_target().await?;
        let store = self.open_store(&target).await?;
        let account = self.source.address.account();
        let base = Base::open(store, &account, &maildir.to_string_lossy()).await?;
        let pass = Pass {
            source: self.source,
            target,
            base,
            selection: self.selection,
            deletions: self.deletions,
            connections: self.connections,
            retries: self.retries,
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

    /// The Maildir, claimed if it is to be written. On a thread that may block: other accounts do not wait for its disk.
    async fn open_target(&self) -> Result<(Target, Option<Claim>), SyncError> {
        let (maildir, options, dry_run) = (self.ends.maildir.clone(), self.options, self.dry_run);
        let open = move || {
            if dry_run {
                return Ok((Target::look_only(&maildir, options)?, None));
            }
            let target = Target::open(&maildir, options)?;
            let claim = target.claim()?;
            Ok((target, Some(claim)))
        };
        tokio::task::spawn_blocking(open)
            .await
            .map_err(|error| SyncError::Internal(error.to_string()))?
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
