//! The old server behind a line that can be cut, the new folders, and the directory with everybody in it.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::num::NonZeroU32;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use transhume_db::Sealer;
use transhume_db::directory::{
    CredentialFor, CredentialOwner, DirectoryLocation, DirectoryPool, Filter, MigrationRecord, NewMigration,
    PassRecord,
};
use transhume_model::directory::{
    Account, Address, Domain, DomainName, Entry, HostName, Login, Mailbox, Provider, ProviderName,
    ProviderSecurity, Settings,
};
use transhume_model::migration::{Event, MigrationId};
use transhume_model::plan::directory::Change;
use transhume_testkit::databases::{PASSWORD, USER};
use transhume_testkit::maildir::DiskMailbox;
use transhume_testkit::{Dovecot, Fault, FaultProxy, MailboxSpec, Maildir, Postgres, write_account};

use crate::people::Person;

/// Time that a lease lasts here, in seconds: as short as a machine with much to do bears.
const LEASE: u32 = 8;

/// Where the configuration file goes on.
const MORE: &str = "# more\n";

/// What notes each lease that is given away while another holds.
const AUDIT: &str = "
CREATE TABLE lease_audit (migration BIGINT, epoch BIGINT, worker TEXT, before TEXT, until BIGINT, at BIGINT);
CREATE FUNCTION lease_audit() RETURNS trigger AS $$ BEGIN
    IF NEW.epoch <> OLD.epoch THEN
        INSERT INTO lease_audit VALUES (NEW.id, NEW.epoch, NEW.leased_by, OLD.leased_by, OLD.leased_until,
                                  extract(epoch FROM clock_timestamp())::BIGINT);
    END IF;
    RETURN NEW;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER lease_audit AFTER UPDATE ON migration FOR EACH ROW EXECUTE FUNCTION lease_audit();";

pub(crate) struct Platform {
    pub(crate) old: Dovecot,
    pub(crate) line: FaultProxy,
    pub(crate) pool: DirectoryPool,
    pub(crate) config: PathBuf,
    pub(crate) mail: PathBuf,
    database: String,
    // Last, so that nothing is removed under whoever works on it.
    _temp: TempDir,
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn provider_name() -> ProviderName {
    ProviderName::parse("Old").unwrap()
}

impl Platform {
    /// Everybody on the old server, and in the directory with a migration that is due.
    pub(crate) async fn start(database: &str, people: &[Person], settings: Settings) -> Self {
        let temp = tempfile::Builder::new().prefix("tk").tempdir_in("/tmp").unwrap();
        let dir = temp.path();
        fs::set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
        let old = old_server(people);
        let line = FaultProxy::start(old.imap_port(), Fault::None).unwrap();
        let (uid, gid) = Dovecot::mail_user().unwrap();
        let [mail, state] = ["mail", "state"].map(|name| dir.join(name));
        for folder in [&mail, &state] {
            fs::create_dir(folder).unwrap();
            // Who is not root runs the old server, and all else, as himself.
            let _ = chown(folder, Some(uid), Some(gid));
        }
        let server = Postgres::shared();
        server.create_database(database).unwrap();
        let (config, key) = (dir.join("transhume.toml"), dir.join("secret.key"));
        let password = dir.join("password");
        fs::write(&password, PASSWORD).unwrap();
        fs::set_permissions(&password, Permissions::from_mode(0o600)).unwrap();
        let text = format!(
            "[directory]\nurl = \"postgres://{USER}@127.0.0.1:{}/{database}\"\npassword-file = \"password\"\n\
             [secrets]\nkey-file = \"secret.key\"\n[service]\nlease = {LEASE}\nstate-dir = \"{}\"\n\
             [mail]\nfolder = \"{}\"\nowner = \"{uid}:{gid}\"\n{MORE}doveadm = false\n",
            server.port(),
            state.display(),
            mail.display()
        );
        fs::write(&config, text).unwrap();
        let location = DirectoryLocation::parse(&server.url(database)).unwrap();
        let pool = DirectoryPool::open(&location).await.unwrap();
        let platform = Self {
            old,
            line,
            pool,
            config,
            mail,
            database: database.to_owned(),
            _temp: temp,
        };
        platform
            .enter(people, &settings, &Sealer::open(&key).unwrap())
            .await;
        server.sql(database, AUDIT).unwrap();
        platform
    }

    /// Fills the directory, as admission does.
    async fn enter(&self, people: &[Person], settings: &Settings, sealer: &Sealer) {
        let domain = DomainName::parse("new.example").unwrap();
        let provider = Provider {
            port: self.line.port().try_into().unwrap(),
            security: ProviderSecurity::Clear,
            connections: NonZeroU32::new(12).unwrap(),
            domains: BTreeMap::from([(DomainName::parse("old.example").unwrap(), Some(domain.clone()))]),
            ..Provider::new(provider_name(), HostName::parse("127.0.0.1").unwrap())
        };
        let mut transaction = self.pool.begin().await.unwrap();
        let mut changes = vec![Change::Add(Entry::Domain(Domain::local(domain)))];
        for person in people {
            let address = address(&person.address());
            let mut account = Account::new(Login::from(&address));
            account.mailbox = Some(Mailbox::new(address));
            changes.push(Change::Add(Entry::Account(Box::new(account))));
        }
        transaction.apply(&changes).await.unwrap();
        transaction.set_settings(settings).await.unwrap();
        transaction.add_provider(&provider).await.unwrap();
        for person in people {
            let (old, new) = (address(&person.old_address()), address(&person.address()));
            let migration = NewMigration {
                login: &Login::from(&new),
                address: &new,
                old_address: &old,
                provider: &provider.name,
                created: now(),
            };
            let id = transaction.add_migration(migration).await.unwrap();
            let known = person.known.as_bytes();
            let credential = CredentialFor::OldAddress(&old).seal(sealer, known).unwrap();
            let owner = CredentialOwner::Migration(id);
            transaction
                .set_credential(owner, &credential, now())
                .await
                .unwrap();
        }
        transaction.commit().await.unwrap();
    }

    /// The new server, which serves what is here to whoever has a migration.
    pub(crate) fn new_server(&self, people: &[Person]) -> Dovecot {
        let (uid, gid) = Dovecot::mail_user().unwrap();
        let logins = format!(
            "passdb {{\n  driver = static\n  args = password=here\n}}\nuserdb {{\n  driver = static\n  \
             args = uid={uid} gid={gid} home={}/%d/%n allow_all_users=yes\n}}\n",
            self.mail.display()
        );
        let builder = Dovecot::builder().without_accounts().extra_config(&logins);
        let builder = people
            .iter()
            .fold(builder, |builder, person| builder.user(&person.address(), "here"));
        builder.start().unwrap()
    }

    /// Says more in `[mail]`, in place of what was said so before.
    pub(crate) fn configure_mail(&self, lines: &str) {
        let text = fs::read_to_string(&self.config).unwrap();
        let (kept, _) = text.split_once(MORE).unwrap_or((&text, ""));
        fs::write(&self.config, format!("{kept}{MORE}{lines}")).unwrap();
    }

    /// All migrations, by address.
    pub(crate) async fn migrations(&self) -> Vec<MigrationRecord> {
        self.pool.migrations(&Filter::default()).await.unwrap()
    }

    pub(crate) async fn passes(&self, id: MigrationId) -> Vec<PassRecord> {
        self.pool.passes(id, 1_000).await.unwrap()
    }

    /// Every migration's next pass is due now, as if somebody had asked for it.
    pub(crate) async fn retry(&self, record: &MigrationRecord) {
        self.pool
            .happen(record.migration.id, Event::Retry, now())
            .await
            .unwrap();
    }

    /// A number that the database counts.
    pub(crate) fn count(&self, question: &str) -> u64 {
        let answer = Postgres::shared().sql(&self.database, question).unwrap();
        answer.trim().parse().unwrap()
    }

    /// Changes the database behind everybody's back.
    pub(crate) fn change(&self, statement: &str) {
        Postgres::shared().sql(&self.database, statement).unwrap();
    }

    /// Leases that were given away while another worker's still held.
    pub(crate) fn held_twice(&self) -> u64 {
        self.count("SELECT count(*) FROM lease_audit WHERE before IS NOT NULL AND until > at")
    }

    /// Leases of a worker that was silent, which others have taken over.
    pub(crate) fn taken_over(&self, worker: &str) -> u64 {
        self.count(&format!(
            "SELECT count(*) FROM lease_audit WHERE before = '{worker}' AND worker <> before"
        ))
    }

    pub(crate) fn maildir(&self, person: &Person) -> PathBuf {
        self.mail.join("new.example").join(&person.name).join("Maildir")
    }

    /// Fails unless all of somebody's mail is here, once, with its UIDs.
    pub(crate) fn assert_moved(&self, person: &Person) {
        let found = Maildir::new(self.maildir(person)).read();
        let expected: BTreeMap<String, Content> = person
            .mailboxes
            .iter()
            .map(|mailbox| (mailbox.name.join("/"), Content::of(mailbox)))
            .collect();
        let found: BTreeMap<String, Content> = found
            .into_iter()
            .map(|(name, mailbox)| (name, Content::found(&mailbox)))
            .collect();
        assert_eq!(found, expected, "{}", person.name);
    }

    /// Whether nothing of somebody's mail is here.
    pub(crate) fn is_untouched(&self, person: &Person) -> bool {
        let inbox = self.maildir(person).join("cur");
        fs::read_dir(inbox).map_or(true, |entries| entries.count() == 0)
    }
}

/// What a mailbox holds: UIDVALIDITY, and the bytes by UID.
#[derive(Debug, PartialEq, Eq)]
struct Content {
    uid_validity: Option<u32>,
    messages: BTreeMap<u32, Vec<u8>>,
}

impl Content {
    fn of(mailbox: &MailboxSpec) -> Self {
        let bytes = |body: &transhume_testkit::Body| {
            let mut bytes = Vec::new();
            body.write_to(&mut bytes).unwrap();
            bytes
        };
        Self {
            uid_validity: Some(mailbox.uid_validity),
            messages: mailbox
                .messages
                .iter()
                .map(|message| (message.uid, bytes(&message.body)))
                .collect(),
        }
    }

    fn found(mailbox: &DiskMailbox) -> Self {
        let messages = mailbox.messages.iter();
        Self {
            uid_validity: mailbox.numbers.map(|(uid_validity, _)| uid_validity),
            messages: messages
                .map(|message| (message.uid.unwrap(), message.bytes.clone()))
                .collect(),
        }
    }
}

/// The old server, with everybody's mail.
fn old_server(people: &[Person]) -> Dovecot {
    let builder = Dovecot::builder().separator('/');
    let builder = people.iter().fold(builder, |builder, person| {
        builder.user(&person.old_address(), &person.password)
    });
    let old = builder.start().unwrap();
    for person in people {
        let home = old.maildir(&person.old_address());
        write_account(Path::new(&home), old.chown_to(), &person.mailboxes).unwrap();
    }
    old
}
