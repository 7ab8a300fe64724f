//! What somebody did, in words that stay the same: people search for them.

use crate::Asked;
use crate::asked::ChangeError;

/// What somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each says what its word says")]
pub enum Did {
    SignedIn,
    MadeSuperAdmin,
    ChangedProfile,
    ChangedPassword,
    AddedToken,
    RemovedToken,
    AddedAccount,
    ChangedAccount,
    RemovedAccount,
    AddedDomain,
    ChangedDomain,
    RemovedDomain,
    AddedDomainAlias,
    ChangedDomainAlias,
    RemovedDomainAlias,
    AddedAlias,
    ChangedAlias,
    RemovedAlias,
    AddedProvider,
    ChangedProvider,
    RemovedProvider,
    BeganMigration,
    Paused,
    Resumed,
    Retried,
    CutOver,
    Stopped,
    DeletedMigration,
    ChangedSettings,
    Imported,
    Exported,
    Converted,
}

impl Did {
    /// All of them.
    pub const ALL: [Self; 32] = [
        Self::SignedIn,
        Self::MadeSuperAdmin,
        Self::ChangedProfile,
        Self::ChangedPassword,
        Self::AddedToken,
        Self::RemovedToken,
        Self::AddedAccount,
        Self::ChangedAccount,
        Self::RemovedAccount,
        Self::AddedDomain,
        Self::ChangedDomain,
        Self::RemovedDomain,
        Self::AddedDomainAlias,
        Self::ChangedDomainAlias,
        Self::RemovedDomainAlias,
        Self::AddedAlias,
        Self::ChangedAlias,
        Self::RemovedAlias,
        Self::AddedProvider,
        Self::ChangedProvider,
        Self::RemovedProvider,
        Self::BeganMigration,
        Self::Paused,
        Self::Resumed,
        Self::Retried,
        Self::CutOver,
        Self::Stopped,
        Self::DeletedMigration,
        Self::ChangedSettings,
        Self::Imported,
        Self::Exported,
        Self::Converted,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignedIn => "signed-in",
            Self::MadeSuperAdmin => "made-super-admin",
            Self::ChangedProfile => "changed-profile",
            Self::ChangedPassword => "changed-password",
            Self::AddedToken => "added-token",
            Self::RemovedToken => "removed-token",
            Self::AddedAccount => "added-account",
            Self::ChangedAccount => "changed-account",
            Self::RemovedAccount => "removed-account",
            Self::AddedDomain => "added-domain",
            Self::ChangedDomain => "changed-domain",
            Self::RemovedDomain => "removed-domain",
            Self::AddedDomainAlias => "added-domain-alias",
            Self::ChangedDomainAlias => "changed-domain-alias",
            Self::RemovedDomainAlias => "removed-domain-alias",
            Self::AddedAlias => "added-alias",
            Self::ChangedAlias => "changed-alias",
            Self::RemovedAlias => "removed-alias",
            Self::AddedProvider => "added-provider",
            Self::ChangedProvider => "changed-provider",
            Self::RemovedProvider => "removed-provider",
            Self::BeganMigration => "began-migration",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Retried => "retried",
            Self::CutOver => "cut-over",
            Self::Stopped => "stopped",
            Self::DeletedMigration => "deleted-migration",
            Self::ChangedSettings => "changed-settings",
            Self::Imported => "imported",
            Self::Exported => "exported",
            Self::Converted => "converted",
        }
    }

    /// What the word means.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|did| did.as_str() == word)
    }
}

/// Notes what was done elsewhere than by the changes of this crate, which note it themselves.
pub async fn note(asked: Asked<'_>, did: Did, what: &str, details: &str) -> Result<(), ChangeError> {
    let mut transaction = asked.around.directory.begin().await?;
    asked.note(&mut transaction, did, what, details).await?;
    transaction.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_again() {
        for did in Did::ALL {
            assert_eq!(Did::named(did.as_str()), Some(did));
        }
    }
}
