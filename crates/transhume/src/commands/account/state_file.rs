//! The state file: where it lies, and that it is nothing but a file of ours.

use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::libc;
use nix::unistd::geteuid;
use transhume_sync::Owner;

/// `/path/Maildir` → `/path/Maildir.transhume.db`
pub(crate) fn beside(maildir: &Path) -> PathBuf {
    let mut name = maildir.as_os_str().to_owned();
    name.push(".transhume.db");
    PathBuf::from(name)
}

/// An account's name as a part of a file's: user names may be any text, and paths are not.
pub(crate) fn plain(account: &str) -> String {
    account.replace('%', "%25").replace('/', "%2F")
}

/// Makes the folder of the state file, where it is missing: readable for whoever runs this only.
pub(crate) fn make_folder(state: &Path) -> std::io::Result<()> {
    match state.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => DirBuilder::new().recursive(true).mode(0o700).create(folder),
        None => Ok(()),
    }
}

/// Makes a file that only its owner reads; one that is there has to be writable. The database would say that it cannot
/// open it, and not why. Nor may it be anything that others could have put there to have another file written: it lies
/// in the mail user's home, and we may be root.
pub(crate) fn make_ready(path: &Path, owner: Option<Owner>) -> std::io::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
