//! From arguments to a pass: addresses, password, owner, state file.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::libc;
use nix::unistd::geteuid;
use transhume_db::{Base, Store};
use transhume_model::mail::{Digest, InternalDate};
use transhume_model::plan::{Pattern, Selection};
use transhume_sync::{
    AnyTarget, CertificateRule, Durability, MaildirTarget, Observer, Owner, Pass, Report, Source, Stop,
    SyncError, TargetOptions,
};

use super::{Arguments, address, owner, password, trouble};
use crate::exit::Failure;

/// All that a move needs, checked as far as it can be without touching anything.
#[derive(Debug)]
pub(crate) struct Setup {
    source: Source,
    maildir: PathBuf,
    options: TargetOptions,
    owner: Option<Owner>,
    state: PathBuf,
    selection: Selection,
    retries: u32,
    dry_run: bool,
}

impl Setup {
    /// Checks the arguments, and asks for the password last, when all else is right.
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let from = address::parse_source(&arguments.from)?;
        let maildir = address::parse_target(&arguments.to)?;
        let certificate = certificate_rule(arguments.pin.as_deref())?;
        let owner = owner::resolve(arguments.owner.as_deref(), &maildir)?;
        let durability = match arguments.durability {
            super::Durability::Batch => Durability::Batch,
            super::Durability::File => Durability::File,
            super::Durability::None => Durability::None,
        };
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
        let selection = Selection {
            include: patterns(&arguments.include),
            exclude: patterns(&arguments.exclude),
        };
        let password = password::obtain(arguments.password_file.as_deref(), &from.user, &from.host)?.reveal();
        Ok(Self {
            source: Source {
                address: from,
                password,
                certificate,
                patience: Duration::from_secs(arguments.timeout),
            },
            options: TargetOptions { owner, durability },
            owner,
            state: arguments.state.clone().unwrap_or_else(|| beside(&maildir)),
            maildir,
            selection,
            retries: arguments.retries,
            dry_run: arguments.dry_run,
        })
    }

    /// Runs the pass.
    pub(crate) async fn move_account(self, observer: &dyn Observer, stop: &Stop) -> Result<Report, Failure> {
        let trouble = trouble::Trouble::new(&self.source.address, &self.maildir, &self.state);
        self.pass(observer, stop)
            .await
            .map_err(|error| trouble.explain(&error))
    }

    async fn pass(self, observer: &dyn Observer, stop: &Stop) -> Result<Report, SyncError> {
        let target = if self.dry_run {
            MaildirTarget::look_only(&self.maildir, self.options)?
        } else {
            MaildirTarget::open(&self.maildir, self.options)?
        };
        let target = AnyTarget::from(target);
        let claim = if self.dry_run { None } else { Some(target.claim()?) };
        let store = self.open_store(&target).await?;
        let account = self.source.address.account();
        let base = Base::open(store, &account, &self.maildir.to_string_lossy()).await?;
        let pass = Pass {
            source: self.source,
            target,
            base,
            selection: self.selection,
            retries: self.retries,
            now: now(),
        };
        let result = if self.dry_run {
            pass.show(observer, stop).await
        } else {
            pass.run(observer, stop).await
        };
        pass.base.close().await;
        drop(claim);
        result
    }

    /// The state file, made with the owner of the mail. A dry run that finds none does without one.
    async fn open_store(&self, target: &AnyTarget) -> Result<Store, SyncError> {
        if self.dry_run && (!target.exists() || !self.state.exists()) {
            return Ok(Store::in_memory().await?);
        }
        make_ready(&self.state, self.owner).map_err(|error| SyncError::state_file(&self.state, error))?;
        Ok(Store::open(&self.state).await?)
    }
}

/// `/path/Maildir` → `/path/Maildir.transhume.db`
fn beside(maildir: &Path) -> PathBuf {
    let mut name = maildir.as_os_str().to_owned();
    name.push(".transhume.db");
    PathBuf::from(name)
}

/// Makes a file that only its owner reads; one that is there has to be writable. The database would say that it cannot
/// open it, and not why. Nor may it be anything that others could have put there to have another file written: it lies
/// in the mail user's home, and we may be root.
fn make_ready(path: &Path, owner: Option<Owner>) -> std::io::Result<()> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(file) => match owner {
            Some(owner) => fchown(&file, Some(owner.uid), Some(owner.gid)),
            None => Ok(()),
        },
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match oddity(path, owner)? {
            Some(what) => Err(std::io::Error::other(format!(
                "the state file {what}; move it aside, or name another with --state"
            ))),
            None => Ok(()),
        },
        Err(error) => Err(error),
    }
}

/// What is wrong with a state file that is there.
fn oddity(path: &Path, owner: Option<Owner>) -> std::io::Result<Option<String>> {
    const ODD: &str = "is no ordinary file";
    let metadata = std::fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        return Ok(Some("is a symbolic link".to_owned()));
    }
    if !metadata.is_file() {
        return Ok(Some(ODD.to_owned()));
    }
    // What it is by now: somebody may have been quick. Without O_NONBLOCK, a pipe would hold us up.
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let metadata = file.metadata()?;
    let may_own = [Some(geteuid().as_raw()), owner.map(|owner| owner.uid)];
    Ok(if !metadata.is_file() {
        Some(ODD.to_owned())
    } else if metadata.nlink() != 1 {
        Some(format!("has {} names (hard links)", metadata.nlink()))
    } else if !may_own.contains(&Some(metadata.uid())) {
        Some(format!(
            "belongs to user {}, neither to who runs this nor to the owner of the mail",
            metadata.uid()
        ))
    } else {
        None
    })
}

fn certificate_rule(pin: Option<&str>) -> Result<CertificateRule, Failure> {
    let Some(pin) = pin else {
        return Ok(CertificateRule::Public);
    };
    let hex = match pin.split_once(':') {
        Some((name, hex)) if name.eq_ignore_ascii_case("sha256") => hex,
        _ => pin,
    };
    Digest::from_hex(hex).map(CertificateRule::Pinned).ok_or_else(|| {
        Failure::usage(
            "--pin: this is not a SHA-256 digest",
            "Write sha256: and the 64 hexadecimal digits of the certificate's fingerprint, as the error about an \
             untrusted certificate shows them.",
        )
    })
}

/// The only place where this command asks for the time.
fn now() -> InternalDate {
    let seconds = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    InternalDate::from_unix(seconds.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_in_the_forms_that_tools_print() {
        let hex = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        for pin in [
            hex.clone(),
            format!("sha256:{hex}"),
            format!("SHA256:{colons}"),
            colons,
        ] {
            assert!(
                matches!(certificate_rule(Some(&pin)), Ok(CertificateRule::Pinned(_))),
                "{pin}"
            );
        }
        assert!(certificate_rule(Some("sha256:abcd")).is_err());
        assert!(certificate_rule(Some("sha1:abcd")).is_err());
        assert!(matches!(certificate_rule(None), Ok(CertificateRule::Public)));
    }

    #[test]
    fn the_state_lies_beside_the_maildir() {
        assert_eq!(
            beside(Path::new("/v/a/Maildir")),
            Path::new("/v/a/Maildir.transhume.db")
        );
    }

    #[test]
    fn a_state_file_that_may_lead_elsewhere_is_refused() {
        use std::fs::{self, metadata, read_dir};
        use std::os::unix::fs::symlink;

        let home = tempfile::tempdir().unwrap();
        let state = home.path().join("state.db");
        let other = home.path().join("other");
        let own = metadata(home.path()).unwrap();
        let owner = Some(Owner {
            uid: own.uid(),
            gid: own.gid(),
        });
        let check = |expected: Option<&str>| {
            let words = make_ready(&state, owner).err().map(|error| error.to_string());
            let told = words.as_deref().map(|words| words.contains("--state"));
            assert_eq!(told, expected.map(|_| true), "{words:?}");
            assert!(
                words.unwrap_or_default().contains(expected.unwrap_or_default()),
                "{expected:?}"
            );
        };
        check(None);
        check(None);
        assert_eq!(metadata(&state).unwrap().mode() & 0o777, 0o600);
        fs::hard_link(&state, &other).unwrap();
        check(Some("2 names"));
        fs::remove_file(&state).unwrap();
        symlink(&other, &state).unwrap();
        check(Some("symbolic link"));
        fs::remove_file(&other).unwrap();
        check(Some("symbolic link"));
        assert_eq!(read_dir(home.path()).unwrap().count(), 1);
        fs::remove_file(&state).unwrap();
        fs::create_dir(&state).unwrap();
        check(Some("no ordinary file"));
        fs::remove_dir(&state).unwrap();
        if geteuid().is_root() {
            check(None);
            std::os::unix::fs::chown(&state, Some(61_234), None).unwrap();
            check(Some("user 61234"));
            let owner = Owner { uid: 61_234, gid: 0 };
            make_ready(&state, Some(owner)).unwrap();
        }
    }
}
