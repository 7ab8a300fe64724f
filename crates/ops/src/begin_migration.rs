//! The move of an account, begun in somebody's name.

use transhume_model::directory::{Address, Secret};
use transhume_model::rights::{Denied, Right, Scope};

use crate::add_migration::{AddMigrationError, Begun, Mover, add_within};
use crate::asked::ChangeError;
use crate::audit::Did;
use crate::{Asked, new_password};

impl From<AddMigrationError> for ChangeError {
    fn from(error: AddMigrationError) -> Self {
        match error {
            AddMigrationError::Refused(problems) => Self::problems(problems),
            AddMigrationError::Seal(error) => error.into(),
            AddMigrationError::Directory(error) => error.into(),
            AddMigrationError::NoPassword(_) => Self::refused("password", error.to_string()),
            AddMigrationError::NoProvider(_) => Self::refused("old_address", error.to_string()),
            AddMigrationError::Exists { .. } | AddMigrationError::Taken { .. } => {
                Self::Conflict(error.to_string())
            }
        }
    }
}

/// Begins a migration: `old` is the password on the old server, `new` what a new account logs in with here.
pub async fn begin_migration(
    asked: Asked<'_>,
    old_address: &Address,
    old: Option<&Secret>,
    new: Option<&Secret>,
) -> Result<Begun, ChangeError> {
    if asked.scope(Right::AddMigrations) != Scope::All {
        return Err(Denied::Kind("migrations").into());
    }
    let stored = match new {
        Some(new) => Some(new_password::hash(asked.around, "new_password", new).await?),
        None => None,
    };
    let mover = Mover {
        old_address,
        password: old,
        stored: stored.as_ref(),
        sealer: &asked.around.sealer,
        now: asked.now(),
    };
    let mut transaction = asked.around.directory.begin().await?;
    let begun = add_within(&mut transaction, mover).await?;
    let (what, from) = (begun.address.to_string(), old_address.to_string());
    asked
        .note(&mut transaction, Did::BeganMigration, &what, &from)
        .await?;
    transaction.commit().await?;
    (asked.around.wake)();
    Ok(begun)
}
