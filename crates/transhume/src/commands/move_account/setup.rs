//! From arguments to a pass: both ends, owner, state file.

use std::path::{Path, PathBuf};

use transhume_db::{Base, Store};
use transhume_model::plan::Selection;
use transhume_sync::{
    AnyTarget, Claim, Deletions, Durability, Observer, Owner, Pass, Report, Source, SourceAddress, Stop,
    SyncError,
};

use super::super::account::{Ends, Manner, Rules, Trouble, address, ask_password, now, owner, state_file};
use super::target::Destination;
use super::{Arguments, Moving};
use crate::exit::Failure;

/// What holds for every account that a command moves.
#[derive(Debug)]
pub(crate) struct MoveRules {
    pub(super) rules: Rules,
    pub(super) owner: Option<String>,
    pub(super) durability: Durability,
    pub(super) deletions: Deletions,
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
    source: Source,
    target: Destination,
    state: PathBuf,
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
        let source = address::parse_source(&account.from)?;
        let target = address::parse_target(&account.to)?;
        let rules = MoveRules::new(&account.manner, &arguments.moving, CONNECTIONS)?;
        let target = Destination::check(arguments, &rules, target)?;
        let state = match &account.state {
            Some(state) => state.clone(),
            None => target.usual_state()?,
        };
        let password = ask_password(account, &source)?;
        let target = target.with_password(arguments)?;
        Ok(Self::build(
            rules.rules.source(source, password),
            target,
            state,
            &rules,
        ))
    }

    /// For one account that goes into a Maildir. The password is asked for last.
    pub(crate) fn of(
        ends: Ends,
        rules: &MoveRules,
        password: impl FnOnce(&SourceAddress) -> Result<Vec<u8>, Failure>,
    ) -> Result<Self, Failure> {
        let target = Destination::maildir(ends.maildir, rules)?;
        let password = password(&ends.source)?;
        let source = rules.rules.source(ends.source, password);
        Ok(Self::build(source, target, ends.state, rules))
    }

    fn build(source: Source, target: Destination, state: PathBuf, rules: &MoveRules) -> Self {
        Self {
            source,
            target,
            state,
            selection: rules.rules.selection.clone(),
            deletions: rules.deletions,
            connections: rules.connections,
            retries: rules.rules.retries,
            dry_run: rules.dry_run,
        }
    }

    /// Runs the pass.
    pub(crate) async fn move_account(self, observer: &dyn Observer, stop: &Stop) -> Result<Report, Failure> {
        let trouble = Trouble::new(&self.source.address, &self.target.address(), &self.state);
        self.pass(observer, stop)
            .await
            .map_err(|error| trouble.explain(&error))
    }

    async fn pass(self, observer: &dyn Observer, stop: &Stop) -> Result<Report, SyncError> {
        let (name, owner) = (self.target.name(), self.target.owner());
        let (target, claim) = open(self.target, self.state.clone(), self.dry_run).await?;
        // A dry run that finds nothing to remember leaves no trace.
        let store = if self.dry_run && (!target.exists() || !self.state.exists()) {
            Store::in_memory().await?
        } else {
            make_ready(&self.state, owner)?;
            Store::open(&self.state).await?
        };
        let base = Base::open(store, &self.source.address.account(), &name).await?;
        let pass = Pass {
            source: self.source,
            target,
            base,
            selection: self.selection,
            deletions: self.deletions,
            connections: self.connections,
            retries: self.retries,
            makes_mailboxes: true,
            fence: None,
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
}

/// The target, claimed if it is to be written. On a thread that may block: other accounts do not wait for its disk.
async fn open(
    target: Destination,
    state: PathBuf,
    dry_run: bool,
) -> Result<(AnyTarget, Option<Claim>), SyncError> {
    let open = move || {
        if dry_run {
            return Ok((target.open(&state, true)?, None));
        }
        // What holds an account on a server against other runs is the state file.
        if target.is_server() {
            state_file::make_folder(&state).map_err(|error| SyncError::state_file(&state, error))?;
            make_ready(&state, target.owner())?;
        }
        let target = target.open(&state, false)?;
        let claim = target.claim()?;
        Ok((target, Some(claim)))
    };
    tokio::task::spawn_blocking(open)
        .await
        .map_err(|error| SyncError::Internal(error.to_string()))?
}

/// The state file, made with the owner of the mail.
fn make_ready(state: &Path, owner: Option<Owner>) -> Result<(), SyncError> {
    state_file::make_ready(state, owner).map_err(|error| SyncError::state_file(state, error))
}
