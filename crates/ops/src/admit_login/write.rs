//! What is written for somebody whose password the old server has confirmed: all of it, or nothing.

use transhume_db::directory::{
    CredentialFor, CredentialOwner, DirectoryError, DirectoryTransaction, NewMigration, TransitionError,
};
use transhume_model::admission::{Attempt, Obstacles, Question, Refusal};
use transhume_model::directory::{
    Account, Address, Domain, DomainName, Entry, Login, Mailbox, StoredPassword,
};
use transhume_model::migration::Event;
use transhume_model::plan::directory::Change;

use super::known::{Seen, obstacles};
use super::{Shared, Trouble};

impl Shared {
    /// Makes domain, account, mailbox and migration. A refusal where somebody else was faster with something that stands in the
    /// way; then nothing is written.
    pub(super) async fn make(
        &self,
        question: &Question<'_>,
        new: &Address,
        password: StoredPassword,
        attempt: &Attempt,
    ) -> Result<Option<Refusal>, Trouble> {
        let old = &question.old;
        let bound = CredentialFor::OldAddress(old);
        let sealed = bound.seal(&self.around.sealer, attempt.password.reveal())?;
        let now = self.now();
        let mut transaction = self.around.directory.begin().await?;
        let login = Login::from(new);
        if transaction.account(&login).await?.is_some() {
            let address = new.clone();
            return Ok(Some(Refusal::AccountHas { address, login }));
        }
        let found = read(&mut transaction, old, new).await?;
        if let Some(refusal) = found.refusal(old, new) {
            return Ok(Some(refusal));
        }
        let mut changes = Vec::new();
        if found.domain.is_none()
            && let Ok(name) = DomainName::parse(new.domain())
        {
            changes.push(Change::Add(Entry::Domain(Domain {
                created: Some(now),
                ..Domain::local(name)
            })));
        }
        changes.push(Change::Add(Entry::Account(Box::new(Account {
            password: Some(password),
            mailbox: Some(Mailbox::new(new.clone())),
            created: Some(now),
            ..Account::new(login.clone())
        }))));
        transaction.apply(&changes).await?;
        let migration = NewMigration {
            login: &login,
            address: new,
            old_address: old,
            provider: &question.provider.name,
            created: now,
        };
        let id = transaction.add_migration(migration).await?;
        let owner = CredentialOwner::Migration(id);
        transaction.set_credential(owner, &sealed, now).await?;
        transaction.commit().await?;
        Ok(None)
    }

    /// Keeps a password that is new on the old server; with a hash, it becomes that of the account as well.
    pub(super) async fn learn(
        &self,
        seen: &Seen,
        question: &Question<'_>,
        hash: Option<StoredPassword>,
        attempt: &Attempt,
    ) -> Result<(), Trouble> {
        let Some(record) = &seen.migration else {
            return Err(Trouble::Internal(
                "a password is learnt without a migration".to_owned(),
            ));
        };
        let bound = CredentialFor::OldAddress(&question.old);
        let sealed = bound.seal(&self.around.sealer, attempt.password.reveal())?;
        let now = self.now();
        let mut transaction = self.around.directory.begin().await?;
        let id = record.migration.id;
        transaction
            .set_credential(CredentialOwner::Migration(id), &sealed, now)
            .await?;
        if let Some(hash) = hash {
            transaction.set_password(&record.migration.login, &hash).await?;
        }
        match transaction.happen(id, Event::CredentialRenewed, now).await {
            Ok(_) => {}
            Err(TransitionError::Directory(error)) => return Err(error.into()),
            // It was finished, stopped or deleted meanwhile: nothing is kept of it.
            Err(other) => return Err(Trouble::Internal(other.to_string())),
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Seconds since 1970 UTC.
    fn now(&self) -> i64 {
        i64::try_from((self.around.clock)().as_secs()).unwrap_or(i64::MAX)
    }
}

async fn read(
    transaction: &mut DirectoryTransaction<'_>,
    old: &Address,
    new: &Address,
) -> Result<Obstacles, DirectoryError> {
    Ok(obstacles!(transaction, old, new))
}
