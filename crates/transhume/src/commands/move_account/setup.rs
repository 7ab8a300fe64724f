//! From arguments to a pass: addresses, password, owner, state file.

use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::libc;
use nix::unistd::geteuid;
use transhume_db::{Base, Store};
use transhume_model::mail::{Digest, InternalDate};
use transhume_model::plan::{Pattern, Selection};
use transhume_sync::{CertificateRule, Observer, Owner, Pass, Report, Source, Stop, SyncError};

use super::target::Destination;
use super::{Arguments, address, password, trouble};
use crate::exit::Failure;

/// All that a move needs, checked as far as it can be without touching anything.
#[derive(Debug)]
pub(crate) struct Setup {
    source: Source,
    target: Destination,
    state: PathBuf,
    selection: Selection,
    retries: u32,
    dry_run: bool,
}

impl Setup {
    /// Checks the arguments, and asks for the password last, when all else is right.
    pub(crate) fn new(arguments: &Arguments) -> Result<Self, Failure> {
        let from = address::parse_source(&arguments.from)?;
        let target = address::parse_target(&arguments.to)?;
        let certificate = certificate_rule(arguments.pin.as_deref(), "--pin")?;
        let target = Destination::check(arguments, target)?;
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
        let selection = Selection {
            include: patterns(&arguments.include),
            exclude: patterns(&arguments.exclude),
        };
        let state = match &arguments.state {
            Some(state) => state.clone(),
            None => target.usual_state()?,
        };
        let file = arguments.password_file.as_deref();
        let password = password::obtain(password::OF_SOURCE, file, &from.user, &from.host)?.reveal();
        let target = target.with_password(arguments)?;
        Ok(Self {
            source: Source {
                address: from,
                password,
                certificate,
                patience: Duration::from_secs(arguments.timeout),
            },
            target,
            state,
            selection,
            retries: arguments.retries,
            dry_run: arguments.dry_run,
        })
    }

    /// Runs the pass.
    pub(crate) async fn move_account(self, observer: &dyn Observer, stop: &Stop) -> Result<Report, Failure> {
        let trouble = trouble::Trouble::new(&self.source.address, &self.target, &self.state);
        self.pass(observer, stop)
            .await
            .map_err(|error| trouble.explain(&error))
    }

    async fn pass(self, observer: &dyn Observer, stop: &Stop) -> Result<Report, SyncError> {
        let (name, owner) = (self.target.name(), self.target.owner());
        let remembers = !self.dry_run || self.target.exists() && self.state.exists();
        // What holds an account on a server against other runs is the state file.
        if remembers && self.target.is_server() {
            make_folder(&self.state).map_err(|error| SyncError::state_file(&self.state, error))?;
            make_ready(&self.state, owner).map_err(|error| SyncError::state_file(&self.state, error))?;
        }
        let target = self.target.open(&self.state, self.dry_run)?;
        let claim = if self.dry_run { None } else { Some(target.claim()?) };
        let store = if remembers {
            make_ready(&self.state, owner).map_err(|error| SyncError::state_file(&self.state, error))?;
            Store::open(&self.state).await?
        } else {
            // A dry run that finds nothing to remember leaves no trace.
            Store::in_memory().await?
        };
        let base = Base::open(store, &self.source.address.account(), &name).await?;
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
}

/// Makes the folder of the state file, where it is missing: readable for whoever runs this only.
fn make_folder(state: &Path) -> std::io::Result<()> {
    match state.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => DirBuilder::new().recursive(true).mode(0o700).create(folder),
        None => Ok(()),
    }
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

/// Reads `--pin` or `--to-pin`.
pub(super) fn certificate_rule(pin: Option<&str>, option: &str) -> Result<CertificateRule, Failure> {
    let Some(pin) = pin else {
        return Ok(CertificateRule::Public);
    };
    let hex = match pin.split_once(':') {
        Some((name, hex)) if name.eq_ignore_ascii_case("sha256") => hex,
        _ => pin,
    };
    Digest::from_hex(hex).map(CertificateRule::Pinned).ok_or_else(|| {
        Failure::usage(
            format!("{option}: this is not a SHA-256 digest"),
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
                matches!(
                    certificate_rule(Some(&pin), "--pin"),
                    Ok(CertificateRule::Pinned(_))
                ),
                "{pin}"
            );
        }
        assert!(certificate_rule(Some("sha256:abcd"), "--pin").is_err());
        assert!(certificate_rule(Some("sha1:abcd"), "--pin").is_err());
        assert!(matches!(
            certificate_rule(None, "--pin"),
            Ok(CertificateRule::Public)
        ));
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
