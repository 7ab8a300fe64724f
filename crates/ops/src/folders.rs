//! The folders of a migration, on both sides: what each is called, what it holds, what stays behind. As the last pass has left them:
//! neither server is asked.

use std::path::Path;

use transhume_db::directory::{DirectoryError, DirectoryPool};
use transhume_db::{Base, DbError, Quarantined, Store};
use transhume_model::directory::Provider;
use transhume_model::mail::MailboxName;
use transhume_model::migration::Migration;

/// A folder on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// What it is called on the old server.
    pub source: MailboxName,
    /// What it is called here.
    pub target: MailboxName,
    /// Messages on the old server when a pass last left nothing to do; `None` while none has.
    pub there: Option<u64>,
    /// Of its messages, those that are here.
    pub here: u64,
    /// Those that were removed here by their owner.
    pub removed: u64,
    /// Those that stay behind, because the old server does not deliver them.
    pub behind: Vec<Quarantined>,
}

/// Why the folders cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum FoldersError {
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The state file cannot be read.
    #[error(transparent)]
    State(#[from] DbError),
}

/// The folders of a migration, by their names on the old server; none before its first pass. `state` is the folder of the state
/// files: where another machine has them, none are known here.
pub async fn folders(
    pool: &DirectoryPool,
    state: &Path,
    provider: &Provider,
    migration: &Migration,
) -> Result<Vec<Folder>, FoldersError> {
    let Some(below) = pool.folder(&migration.address).await? else {
        return Ok(Vec::new());
    };
    // As the workers call it.
    let file = state.join(format!("{below}.db"));
    if !file.is_file() {
        return Ok(Vec::new());
    }
    let store = Store::open_to_read(&file).await?;
    let source = format!(
        "{}@{}",
        provider.login(&migration.old_address),
        provider.host.as_str().to_ascii_lowercase()
    );
    let Some(base) = Base::find(store.clone(), &source, migration.address.as_str()).await? else {
        store.close().await;
        return Ok(Vec::new());
    };
    let mut folders = Vec::new();
    for mailbox in base.mailboxes().await? {
        let (_, here, removed) = base.counts(mailbox.id).await?;
        folders.push(Folder {
            behind: base.quarantined(mailbox.id).await?,
            there: mailbox.base.agreed.map(|agreed| u64::from(agreed.messages)),
            source: mailbox.source,
            target: mailbox.target,
            here,
            removed,
        });
    }
    base.close().await;
    folders.sort_by(|one, other| one.source.components().cmp(other.source.components()));
    Ok(folders)
}
