//! CSV files that come and go through a page or the API, in somebody's name.

use tokio::runtime::Handle;
use transhume_db::directory::DirectoryStore;
use transhume_model::directory::password::{NewScheme, SALT_OCTETS, hash_new};
use transhume_model::import::csv::{Options, Part, write};
use transhume_model::plan::directory::{IfExists, Recipients, Rules};
use transhume_model::rights::{Actor, Right, may_touch};

use crate::Asked;
use crate::admit_login::Surroundings;
use crate::asked::ChangeError;
use crate::audit::Did;
use crate::import_csv::{FileReport, How, Into, import_csv};

/// A file, and how it is to be read.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The file.
    pub bytes: Vec<u8>,
    /// What stands between its fields.
    pub separator: char,
    /// Whether what is there already is kept, instead of being an error.
    pub continue_if_exists: bool,
    /// Whether its passwords are to be hashed.
    pub crypt_passwords: bool,
    /// Its encoding, where that is known.
    pub encoding: Option<String>,
}

/// Imports a file; all of it, or, where anything is wrong, nothing. `dry_run` shows what would happen.
pub async fn import(asked: Asked<'_>, upload: Upload, dry_run: bool) -> Result<FileReport, ChangeError> {
    let (around, actor) = (asked.around.clone(), asked.actor.clone());
    let handle = Handle::current();
    // Reading and hashing occupy a core for long, and others want to be answered.
    let work = move || handle.block_on(carry_out(around, actor, upload, dry_run));
    let report = tokio::task::spawn_blocking(work).await;
    let report = report.map_err(|error| ChangeError::Internal(error.to_string()))??;
    if !dry_run && report.errors.is_empty() {
        let added = report.added;
        let told = format!(
            "{} domains, {} other names, {} accounts, {} aliases",
            added.domains + added.relay_domains,
            added.domain_aliases,
            added.accounts,
            added.aliases
        );
        crate::audit::note(asked, Did::Imported, "CSV", &told).await?;
    }
    Ok(report)
}

async fn carry_out(
    around: Surroundings,
    actor: Actor,
    upload: Upload,
    dry_run: bool,
) -> Result<FileReport, ChangeError> {
    let hash = |password: &str| {
        let mut salt = [0; SALT_OCTETS];
        (around.random)(&mut salt)?;
        hash_new(NewScheme::default(), password, salt).map_err(|problem| problem.to_string())
    };
    let if_exists = if upload.continue_if_exists {
        IfExists::Keep
    } else {
        IfExists::Refuse
    };
    let how = How {
        options: Options {
            separator: upload.separator,
            crypt_passwords: upload.crypt_passwords,
            rules: Rules {
                if_exists,
                recipients: Recipients::Known,
            },
        },
        encoding: upload.encoding.as_deref(),
        hash: &hash,
        actor: Some(&actor),
    };
    if dry_run {
        let mut directory = around.directory.read().await?;
        return Ok(import_csv(upload.bytes, how, Into::Memory(&mut directory), &mut |_| {}).await?);
    }
    let mut store = DirectoryStore::open(around.directory.location()).await?;
    let report = import_csv(upload.bytes, how, Into::Store(&mut store), &mut |_| {}).await;
    store.close().await?;
    Ok(report?)
}

/// What lies within somebody's scope, as rows that can be imported again. Hashes of passwords are those of accounts that they
/// may change: to know others' would be a way to become them.
pub async fn export(asked: Asked<'_>, part: Part, separator: char) -> Result<String, ChangeError> {
    let right = match part {
        Part::Domains => Right::SeeDomains,
        Part::Identities | Part::All => Right::Export,
    };
    let directory = asked.around.directory.read().await?;
    let mut directory = asked.scope(right).narrow(directory);
    for account in directory.accounts.values_mut() {
        if may_touch(asked.actor, account).is_err() {
            account.password = None;
        }
    }
    let mut text = String::new();
    write(&directory, part, separator, |row| {
        text.push_str(row);
        text.push_str("\r\n");
    });
    if part != Part::Domains {
        crate::audit::note(asked, Did::Exported, "CSV", "").await?;
    }
    Ok(text)
}
