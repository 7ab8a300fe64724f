//! Migrations, let go on or not in somebody's name: one, or many at a time.

use transhume_db::directory::{DirectoryTransaction, MigrationSearch, TransitionError};
use transhume_model::migration::{Event, MigrationId, Phase};
use transhume_model::rights::{Right, Scope};

use crate::Asked;
use crate::asked::ChangeError;
use crate::audit::Did;

/// What is to become of migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steering {
    /// They wait.
    Pause,
    /// They go on after a pause.
    Resume,
    /// They are tried again now.
    Retry,
    /// One more pass, and the old server is not asked any more.
    CutOver,
    /// They end before their time; what is here stays.
    Stop,
    /// They are forgotten, with their history and what is known of the old password; account and mail stay.
    Delete {
        /// Those that are under way, too.
        force: bool,
    },
}

/// Which migrations.
#[derive(Clone, Debug)]
pub enum Chosen {
    /// These.
    Ids(Vec<MigrationId>),
    /// All that match.
    Search(MigrationSearch),
}

/// What became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steered {
    /// Those of which it is true now.
    pub done: Vec<MigrationId>,
    /// Those that stay as they are, and why.
    pub refused: Vec<(MigrationId, String)>,
}

/// Migrations that are steered in one stroke: others want to write, too.
const AT_A_TIME: usize = 100;

impl Steering {
    /// All of them; deleting without force.
    pub const ALL: [Self; 6] = [
        Self::Pause,
        Self::Resume,
        Self::Retry,
        Self::CutOver,
        Self::Stop,
        Self::Delete { force: false },
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::CutOver => "cut-over",
            Self::Stop => "stop",
            Self::Delete { .. } => "delete",
        }
    }

    /// What the word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|steering| steering.as_str() == word)
    }

    /// The right that it takes.
    pub fn right(self) -> Right {
        match self {
            Self::Delete { .. } => Right::DeleteMigrations,
            _ => Right::SteerMigrations,
        }
    }

    fn did(self) -> Did {
        match self {
            Self::Pause => Did::Paused,
            Self::Resume => Did::Resumed,
            Self::Retry => Did::Retried,
            Self::CutOver => Did::CutOver,
            Self::Stop => Did::Stopped,
            Self::Delete { .. } => Did::DeletedMigration,
        }
    }

    fn event(self, by: &str) -> Option<Event> {
        match self {
            Self::Pause => Some(Event::Pause { by: by.to_owned() }),
            Self::Resume => Some(Event::Resume),
            Self::Retry => Some(Event::Retry),
            Self::CutOver => Some(Event::CutOver),
            Self::Stop => Some(Event::Cancel),
            Self::Delete { .. } => None,
        }
    }
}

impl From<TransitionError> for ChangeError {
    fn from(error: TransitionError) -> Self {
        match error {
            TransitionError::Unknown(id) => Self::Unknown(format!("migration {id}")),
            TransitionError::Invalid(why) => Self::Conflict(why.to_string()),
            TransitionError::Directory(error) => error.into(),
        }
    }
}

/// Steers one migration.
pub async fn steer_one(asked: Asked<'_>, id: MigrationId, steering: Steering) -> Result<(), ChangeError> {
    let scope = asked.scope(steering.right());
    let mut transaction = asked.around.directory.begin().await?;
    one(asked, &mut transaction, &scope, id, steering).await?;
    transaction.commit().await?;
    (asked.around.wake)();
    Ok(())
}

/// Steers many. What cannot be is told of each, and keeps none of the others.
pub async fn steer(asked: Asked<'_>, chosen: Chosen, steering: Steering) -> Result<Steered, ChangeError> {
    let scope = asked.scope(steering.right());
    let directory = &asked.around.directory;
    let ids = match chosen {
        Chosen::Ids(ids) => ids,
        Chosen::Search(search) => directory.migration_ids(&scope, &search).await?,
    };
    let mut steered = Steered::default();
    for ids in ids.chunks(AT_A_TIME) {
        let mut transaction = directory.begin().await?;
        for id in ids {
            match one(asked, &mut transaction, &scope, *id, steering).await {
                Ok(()) => steered.done.push(*id),
                // Whatever the database does not do ends the transaction, too.
                Err(error @ (ChangeError::Directory(_) | ChangeError::Internal(_))) => return Err(error),
                Err(other) => steered.refused.push((*id, other.to_string())),
            }
        }
        transaction.commit().await?;
    }
    (asked.around.wake)();
    Ok(steered)
}

async fn one(
    asked: Asked<'_>,
    transaction: &mut DirectoryTransaction<'_>,
    scope: &Scope,
    id: MigrationId,
    steering: Steering,
) -> Result<(), ChangeError> {
    let unknown = || ChangeError::Unknown(format!("migration {id}"));
    let record = transaction.migration(id).await?.ok_or_else(unknown)?;
    let migration = record.migration;
    if !scope.has_migration(&migration) {
        return Err(unknown());
    }
    let address = migration.address.to_string();
    match (steering.event(asked.actor.login.as_str()), steering) {
        (Some(event), _) => {
            transaction.happen(id, event, asked.now()).await?;
        }
        (None, Steering::Delete { force: false })
            if migration.phase.is_under_way() && migration.phase != Phase::Pending =>
        {
            return Err(ChangeError::Conflict(format!(
                "the migration of {address} is under way; stop it first"
            )));
        }
        (None, _) => {
            transaction.delete_migration(id).await?;
        }
    }
    let from = migration.old_address.to_string();
    asked.note(transaction, steering.did(), &address, &from).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_again() {
        for steering in Steering::ALL {
            assert_eq!(Steering::named(steering.as_str()), Some(steering));
        }
    }
}
