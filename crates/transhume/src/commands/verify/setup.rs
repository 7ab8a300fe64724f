//! From arguments to a comparison: both ends, the state file opened to be read.

use std::path::Path;

use transhume_db::{Base, DbError, Store};
use transhume_sync::{
    Cause, Deletions, Depth, Durability, MaildirTarget, Observer, Pass, Recorder, Source, Stop, SyncError,
    TargetOptions, Verification,
};

use super::html::Title;
use crate::commands::account::{Ends, Options, Rules, ask_password, now};
use crate::commands::report::typed;
use crate::commands::report::write::About;
use crate::exit::{Exit, Failure};

/// All that a comparison needs.
#[derive(Debug)]
pub(crate) struct Setup {
    ends: Ends,
    rules: Rules,
    source: Source,
    target: MaildirTarget,
    depth: Depth,
}

/// Nothing is made, so nobody has to own it.
const OPTIONS: TargetOptions = TargetOptions {
    owner: None,
    durability: Durability::None,
    mailboxes: 1,
};

impl Setup {
    /// Checks the arguments, and asks for the password last, when all else is right.
    pub(crate) fn new(options: &Options, page: Option<&Path>, depth: Depth) -> Result<Self, Failure> {
        let ends = Ends::typed(options)?;
        let rules = Rules::new(&options.manner)?;
        if let Some(folder) = page.and_then(Path::parent)
            && !folder.as_os_str().is_empty()
            && !folder.is_dir()
        {
            return Err(Failure::usage(
                format!("--html: there is no folder {}", folder.display()),
                "Make it, or name another.",
            ));
        }
        let target =
            MaildirTarget::look_only(&ends.maildir, OPTIONS).map_err(|error| explain(&ends, &error))?;
        if !target.is_there() {
            return Err(Failure::usage(
                format!("--to: there is no Maildir at {}", ends.maildir.display()),
                "Correct the path; or move the account first, with “transhume move”.",
            ));
        }
        let password = if depth.asks_source() {
            ask_password(options, &ends.source)?
        } else if ends.state.exists() {
            Vec::new()
        } else {
            return Err(Failure::usage(
                format!(
                    "--target-only: there is no record of a move at {}",
                    ends.state.display()
                ),
                "Name the state file with --state: without it nobody can tell which file here is which message.",
            ));
        };
        Ok(Self {
            source: rules.source(ends.source.clone(), password),
            ends,
            rules,
            target,
            depth,
        })
    }

    pub(crate) fn title(&self) -> Title {
        Title {
            account: self.ends.source.account(),
            maildir: self.ends.maildir.clone(),
            when: now().to_string(),
            depth: self.depth,
        }
    }

    /// What a report begins with.
    pub(crate) fn about(&self) -> About<'_> {
        About {
            account: self.ends.source.account(),
            source: typed(&self.ends.source),
            maildir: &self.ends.maildir,
            migration: None,
            made: now().unix(),
            depth: self.depth,
        }
    }

    /// Compares.
    pub(crate) async fn verify(
        self,
        recorder: &mut dyn Recorder,
        observer: &dyn Observer,
        stop: &Stop,
    ) -> Result<Verification, Failure> {
        let Self {
            ends,
            rules,
            source,
            target,
            depth,
        } = self;
        let compared = async {
            let claim = target.claim_to_read()?;
            let base = open_base(&ends).await?;
            let pass = Pass {
                source,
                target: target.into(),
                base,
                selection: rules.selection,
                deletions: Deletions::Keep,
                connections: 1,
                retries: rules.retries,
                makes_mailboxes: true,
                fence: None,
                now: now(),
            };
            let compared = pass.verify(depth, recorder, observer, stop).await;
            pass.base.close().await;
            drop(claim);
            compared
        };
        compared.await.map_err(|error| explain(&ends, &error))
    }
}

/// What is known of the account; nothing, where there is no state file or the account is not in it.
async fn open_base(ends: &Ends) -> Result<Base, SyncError> {
    let (account, maildir) = (ends.source.account(), ends.maildir.to_string_lossy());
    if ends.state.exists() {
        let store = Store::open_to_read(&ends.state).await?;
        if let Some(base) = Base::find(store, &account, &maildir).await? {
            return Ok(base);
        }
    }
    Ok(Base::open(Store::in_memory().await?, &account, &maildir).await?)
}

/// As for a move, except where a move would write.
fn explain(ends: &Ends, error: &SyncError) -> Failure {
    const CHANGED: &str = "Nothing was changed.";
    let maildir = ends.maildir.display();
    match error.cause() {
        _ if matches!(error, SyncError::Record(_)) => Failure::new(Exit::TargetFailed, error, CHANGED),
        Cause::Interrupted => Failure::new(Exit::Interrupted, "stopped as asked", CHANGED),
        Cause::BaseFault => Failure::new(
            Exit::TargetFailed,
            error,
            match error {
                SyncError::Base(DbError::Older { .. } | DbError::Newer { .. }) => CHANGED.to_owned(),
                _ => format!(
                    "Check that {} can be read. Without it (--state names another) messages are known by their marks \
                     only. {CHANGED}",
                    ends.state.display()
                ),
            },
        ),
        Cause::PermissionDenied => Failure::new(
            Exit::TargetFailed,
            format!("{maildir} may not be read ({error})"),
            format!("Run this as root, or as the user that owns the mail. {CHANGED}"),
        ),
        Cause::DiskFull | Cause::ReadOnly | Cause::Corrupt | Cause::MailboxChanged | Cause::TargetFault => {
            Failure::new(
                Exit::TargetFailed,
                format!("{maildir} cannot be read ({error})"),
                CHANGED,
            )
        }
        _ => ends.trouble().explain(error),
    }
}
