//! A PostfixAdmin database becomes part of the directory: every row of it that can, and a reason for every other one.

use std::collections::HashSet;

use transhume_db::SealError;
use transhume_db::directory::{DirectoryError, DirectoryLocation, DirectoryStore};
use transhume_db::foreign::postfixadmin::{ForeignError, ForeignLocation, TableNames, read};
use transhume_model::directory::{Directory, RemoteMailbox, Secret};
use transhume_model::import::postfixadmin::{Options, Planned, Report, convert};

/// What passwords of remote mailboxes are sealed for: the table that they stand in.
pub const REMOTE_MAILBOXES: &str = "remote_mailbox";

/// Changes carried out in one go.
const CHUNK: usize = 5_000;

/// Where a PostfixAdmin database is, and what only its operator knows of it.
#[derive(Clone, Debug)]
pub struct PostfixadminSource {
    /// The database.
    pub at: ForeignLocation,
    /// What its tables are called.
    pub names: TableNames,
    /// The rest.
    pub options: Options,
}

/// What came of it.
pub struct Conversion {
    /// What became of every row.
    pub report: Report,
    /// Whether anything is new in the directory.
    pub changed: bool,
    /// The directory as it is now.
    pub directory: Directory,
}

/// Why nothing was converted. Bad rows are no reason.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The old database cannot be read.
    #[error(transparent)]
    Source(#[from] ForeignError),
    /// The directory cannot be read or written.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A password cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Seals the password of a remote mailbox, so that it can be stored.
pub type Seal<'s> = &'s dyn Fn(&RemoteMailbox, &Secret) -> Result<String, SealError>;

/// Converts into the directory, in one transaction.
pub async fn convert_postfixadmin(
    source: &PostfixadminSource,
    target: &DirectoryLocation,
    seal: Seal<'_>,
) -> Result<Conversion, ConvertError> {
    let rows = read(&source.at, &source.names).await?;
    let converted = convert(rows, &source.options);
    let mut store = DirectoryStore::open(target).await?;
    let mut transaction = store.begin().await?;
    let mut directory = transaction.read().await?;
    let there = transaction.remote_mailboxes().await?;
    let planned = converted.plan(&directory, &there);
    let changed = is_change(&planned);
    for chunk in planned.changes.chunks(CHUNK) {
        transaction.apply(chunk).await?;
    }
    for remote in &planned.remote_mailboxes {
        let password = remote.password.as_ref();
        let sealed = password.map(|password| seal(remote, password)).transpose();
        transaction.add_remote_mailbox(remote, sealed?).await?;
    }
    transaction.commit().await?;
    store.close().await?;
    for change in planned.changes {
        change.apply_to(&mut directory);
    }
    Ok(Conversion {
        report: planned.report,
        changed,
        directory,
    })
}

/// Shows what would be done, and does nothing.
pub async fn preview_postfixadmin(
    source: &PostfixadminSource,
    target: &DirectoryLocation,
) -> Result<Conversion, ConvertError> {
    let rows = read(&source.at, &source.names).await?;
    let (mut directory, there) = match DirectoryStore::open_to_read(target).await {
        Ok(mut store) => {
            let directory = store.read().await?;
            let there = store.remote_mailboxes().await?;
            store.close().await?;
            (directory, there)
        }
        Err(DirectoryError::NotThere { .. }) => (Directory::default(), HashSet::new()),
        Err(error) => return Err(error.into()),
    };
    let planned = convert(rows, &source.options).plan(&directory, &there);
    let changed = is_change(&planned);
    for change in planned.changes {
        change.apply_to(&mut directory);
    }
    Ok(Conversion {
        report: planned.report,
        changed,
        directory,
    })
}

fn is_change(planned: &Planned) -> bool {
    !planned.changes.is_empty() || !planned.remote_mailboxes.is_empty()
}
