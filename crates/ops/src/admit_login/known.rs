//! What the directory knows of somebody who logs in.

use transhume_db::directory::{CredentialFor, CredentialOwner, MigrationRecord};
use transhume_model::admission::{
    Attempt, Known, MailboxHere, Moving, Name, Obstacles, Origin, Person, Route, route,
};
use transhume_model::directory::password::Verdict;
use transhume_model::directory::{Account, Address, DomainName, Login, Provider, Role, Settings};

use super::{Shared, Trouble, Visitor};

/// What was read, and what came of comparing the password.
pub(super) struct Seen {
    settings: Settings,
    providers: Vec<Provider>,
    name: Name,
    /// Whether there is an account of the very name that was typed.
    is_here: bool,
    account: Option<Account>,
    verdict: Verdict,
    disabled_domain: Option<DomainName>,
    pub(super) migration: Option<MigrationRecord>,
    changed_here: bool,
    obstacles: Obstacles,
}

/// Reads what stands in the way of an account, from a pool or within a transaction.
macro_rules! obstacles {
    ($directory:expr, $old:expr, $new:expr) => {{
        let mut found = Obstacles::default();
        let migration = $directory.migration_from($old).await?;
        found.moves_to = migration.map(|record| record.migration.login);
        found.mailbox_of = $directory.owner($new).await?;
        found.alias = $directory.has_alias($new).await?;
        if let Ok(name) = DomainName::parse($new.domain()) {
            found.alias_of = $directory.domain_alias(&name).await?.map(|alias| alias.target);
            found.domain = $directory.domain(&name).await?;
            if found
                .domain
                .as_ref()
                .is_some_and(|domain| domain.limits.mailboxes.most().is_some())
            {
                found.mailboxes = $directory.mailboxes_in(&name).await?;
            }
        }
        found
    }};
}
pub(super) use obstacles;

impl Shared {
    /// Reads what is known of whoever has this name, and compares the password.
    pub(super) async fn see(&self, attempt: &Attempt) -> Result<Seen, Trouble> {
        let directory = &self.around.directory;
        let typed = directory.account(&attempt.name.login()).await?;
        let mut seen = Seen {
            settings: directory.settings().await?,
            providers: directory.providers().await?,
            name: attempt.name.clone(),
            is_here: typed.is_some(),
            account: typed,
            verdict: Verdict::Wrong,
            disabled_domain: None,
            migration: None,
            changed_here: false,
            obstacles: Obstacles::default(),
        };
        let Route {
            here,
            renamed,
            origin,
        } = seen.route();
        let newcomer = match origin {
            Origin::One { old, new, .. } => Some((old, new)),
            Origin::Nowhere | Origin::Several(_) => None,
        };
        if renamed {
            seen.account = directory.account(&here).await?;
        }
        if let Some(account) = seen.account.clone() {
            self.see_account(&account, attempt, &mut seen).await?;
        } else if let Some((old, new)) = newcomer {
            seen.obstacles = obstacles!(directory, &old, &new);
        }
        Ok(seen)
    }

    async fn see_account(
        &self,
        account: &Account,
        attempt: &Attempt,
        seen: &mut Seen,
    ) -> Result<(), Trouble> {
        let directory = &self.around.directory;
        if let Some(mailbox) = &account.mailbox
            && let Ok(name) = DomainName::parse(mailbox.address.domain())
        {
            let domain = directory.domain(&name).await?;
            let in_use = domain.is_some_and(|domain| domain.enabled && domain.is_local());
            seen.disabled_domain = (!in_use).then_some(name);
        }
        seen.migration = directory.migration_of(&account.login).await?;
        seen.verdict = self.compare(account, attempt.password.reveal().to_vec()).await?;
        if seen.verdict != Verdict::Right
            && let Some(record) = &seen.migration
            && record.migration.phase.is_under_way()
        {
            seen.changed_here = self.is_changed_here(account, record).await?;
        }
        Ok(())
    }

    /// Compares a password with an account's.
    async fn compare(&self, account: &Account, password: Vec<u8>) -> Result<Verdict, Trouble> {
        let Some(stored) = account.password.clone() else {
            return Ok(Verdict::Wrong);
        };
        let compare =
            move || std::str::from_utf8(&password).map_or(Verdict::Wrong, |text| stored.verify(text));
        self.hashing.run(compare).await
    }

    /// Whether the account's password is another than the one that its mail is fetched with. Where that cannot be told, its
    /// owner's word counts.
    async fn is_changed_here(&self, account: &Account, record: &MigrationRecord) -> Result<bool, Trouble> {
        let owner = CredentialOwner::Migration(record.migration.id);
        let Some(sealed) = self.around.directory.credential(owner).await? else {
            return Ok(true);
        };
        let bound = CredentialFor::OldAddress(&record.migration.old_address);
        let Ok(credential) = bound.unseal(&self.around.sealer, &sealed) else {
            return Ok(true);
        };
        Ok(self.compare(account, credential).await? != Verdict::Right)
    }
}

impl Seen {
    fn route(&self) -> Route<'_> {
        route(&self.name, self.is_here, &self.providers)
    }

    /// In the model's words.
    pub(super) fn known(&self, visitor: &Visitor) -> Known<'_> {
        Known {
            door: visitor.door,
            asked_here: visitor.asked_here,
            settings: &self.settings,
            route: self.route(),
            person: self.account.as_ref().map(|account| self.person(account)),
            obstacles: self.obstacles.clone(),
        }
    }

    fn person(&self, account: &Account) -> Person<'_> {
        let mailbox = account.mailbox.as_ref().map(|mailbox| MailboxHere {
            address: mailbox.address.clone(),
            disabled_domain: self.disabled_domain.clone(),
            may_send: mailbox.may_send,
        });
        let moving = self.migration.as_ref().map(|record| {
            let migration = &record.migration;
            Moving {
                provider_name: migration.provider.clone(),
                provider: self
                    .providers
                    .iter()
                    .find(|provider| provider.name == migration.provider),
                old_address: migration.old_address.clone(),
                phase: migration.phase,
                hold: migration.hold.clone(),
                changed_here: self.changed_here,
            }
        });
        Person {
            login: account.login.clone(),
            enabled: account.enabled,
            mailbox,
            verdict: self.verdict,
            moving,
        }
    }

    /// Login, mailbox and role of whoever is let in: those of the account, or those that a newcomer has now.
    pub(super) fn whose(&self) -> (Login, Option<Address>, Role) {
        match (&self.account, self.route()) {
            (Some(account), _) => {
                let address = account.mailbox.as_ref().map(|mailbox| mailbox.address.clone());
                (account.login.clone(), address, account.role)
            }
            (
                None,
                Route {
                    here,
                    origin: Origin::One { new, .. },
                    ..
                },
            ) => (here, Some(new), Role::SimpleUsers),
            (None, Route { here, .. }) => (here, None, Role::SimpleUsers),
        }
    }
}
