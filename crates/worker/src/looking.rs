//! Both sides of a migration looked at and compared, by whoever asks; whoever carries it meanwhile has to wait. Nothing is written.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use transhume_model::migration::Migration;
use transhume_sync::{Claim, Depth, Observer, Pass, Recorder, SourceAddress, Stop, SyncError, Verification};

use crate::WorkerOptions;
use crate::carrying::Carrier;
use crate::pass::Ingredients;
use crate::plan::PlanError;
use crate::rest::Resting;

/// A comparison that is about to be made.
pub struct Looking {
    pass: Pass,
    depth: Depth,
    maildir: PathBuf,
    _claim: Claim,
}

impl Looking {
    /// Opens both ends' files to be read. Where the source is not asked ([`Depth::Target`]), nothing has to be known of it but
    /// where it was.
    pub async fn open(
        options: &WorkerOptions,
        migration: &Migration,
        depth: Depth,
    ) -> Result<Self, PlanError> {
        let carrier = Carrier {
            options: options.clone(),
            resting: RefCell::new(Resting::default()),
        };
        let known = carrier.look_up(migration).await?.ok_or(PlanError::NotNow)?;
        let password = match known.password {
            Ok(password) => password,
            Err(_) if !depth.asks_source() => Vec::new(),
            Err(ended) => return Err(PlanError::NoPassword(ended.what.unwrap_or_default())),
        };
        let ingredients = Ingredients {
            migration,
            provider: &known.provider,
            settings: &known.settings,
            folders: &options.folders,
            below: &known.below,
            password,
            fence: None,
            now: options.surroundings.now(),
        };
        let maildir = ingredients.maildir();
        if !maildir.join("cur").is_dir() {
            return Err(PlanError::NothingHere);
        }
        let (pass, claim) = ingredients.into_read().await?;
        Ok(Self {
            pass,
            depth,
            maildir,
            _claim: claim,
        })
    }

    /// The account on the old server.
    pub fn source(&self) -> &SourceAddress {
        &self.pass.source.address
    }

    /// The Maildir here.
    pub fn maildir(&self) -> &Path {
        &self.maildir
    }

    /// Compares both sides, and hands what is seen to `recorder`.
    pub async fn compare(
        self,
        recorder: &mut dyn Recorder,
        observer: &dyn Observer,
        stop: &Stop,
    ) -> Result<Verification, SyncError> {
        let compared = self.pass.verify(self.depth, recorder, observer, stop).await;
        self.pass.base.close().await;
        compared
    }
}
