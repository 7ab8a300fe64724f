//! Servers whose packages exclude Dovecot's: they are downloaded and unpacked into a folder beside the
//! build, never installed. So nothing on the machine changes, and nothing starts by itself.
//!
//! As with the other packages, only the project's own command calls this.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::TestkitError;

/// What must be there, and the package that brings it with all that it depends on. Each package is
/// resolved by itself, since they exclude each other too.
const NEEDED: [(&str, &str); 4] = [
    ("usr/lib/cyrus/bin/imapd", "cyrus-imapd"),
    ("usr/sbin/saslpasswd2", "sasl2-bin"),
    ("usr/lib/courier/courier/imaplogin", "courier-imap"),
    (
        "usr/lib/courier/courier-authlib/authdaemond",
        "courier-authlib-userdb",
    ),
];

/// Lists and archives are kept here, apart from the machine's own: no lock of apt is waited for, and no
/// right is needed. Configuration of the machine (its mirrors and proxies) is used as it is.
const UNPACK: &str = r#"set -eu
work=$1
shift
mkdir -p "$work/lists/partial" "$work/archives/partial" "$work/root"
get() {
    apt-get -q -y -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work" \
        -o "Dir::Cache::archives=$work/archives" -o "APT::Sandbox::User=$(id -un)" -o Debug::NoLocking=1 "$@"
}
# What an update could not do shows when the packages are asked for.
get update || true
for package; do
    get install --download-only --no-install-recommends "$package"
done
for archive in "$work"/archives/*.deb; do
    dpkg-deb --extract "$archive" "$work/root"
done
# Some packages still carry what is a link to a folder of /usr on the machine.
for folder in bin sbin lib lib64; do
    if [ -d "$work/root/$folder" ]; then
        mkdir -p "$work/root/usr/$folder"
        cp -a "$work/root/$folder/." "$work/root/usr/$folder/"
    fi
done
"#;

/// The folder in which the unpacked packages look like a machine's root.
pub(crate) fn root() -> Result<PathBuf, TestkitError> {
    let folder = folder()?;
    match missing_in(&folder).as_slice() {
        [] => Ok(folder.join("root")),
        missing => Err(TestkitError::Missing(missing.join(", "))),
    }
}

/// The packages that are still to be unpacked.
pub fn missing_servers() -> Result<Vec<&'static str>, TestkitError> {
    Ok(missing_in(&folder()?))
}

/// Downloads and unpacks what [`missing_servers`] names. Whoever comes while another does it waits.
pub fn unpack_missing() -> Result<(), TestkitError> {
    let folder = folder()?;
    let io = |path: &Path| TestkitError::io(path.display().to_string());
    fs::create_dir_all(&folder).map_err(io(&folder))?;
    let lock = folder.join("lock");
    let held = File::create(&lock).map_err(io(&lock))?;
    held.lock().map_err(io(&lock))?;
    if missing_in(&folder).is_empty() {
        return Ok(());
    }
    let work = tempfile::tempdir_in(&folder).map_err(io(&folder))?;
    let status = Command::new("sh")
        .args(["-c", UNPACK, "unpack"])
        .arg(work.path())
        .args(NEEDED.map(|(_, package)| package))
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .status()
        .map_err(TestkitError::io("running sh"))?;
    if !status.success() {
        return Err(TestkitError::Command {
            program: "apt-get".into(),
            detail: status.to_string(),
        });
    }
    let root = folder.join("root");
    if root.exists() {
        fs::remove_dir_all(&root).map_err(io(&root))?;
    }
    fs::rename(work.path().join("root"), &root).map_err(io(&root))?;
    self::root().map(drop)
}

fn folder() -> Result<PathBuf, TestkitError> {
    Ok(beside_the_build()?.join("unpacked-servers"))
}

/// Beside what cargo builds: this program is below its folder, whether it is a test or the project's command.
pub(crate) fn beside_the_build() -> Result<PathBuf, TestkitError> {
    let program = env::current_exe().map_err(TestkitError::io("looking for this program"))?;
    let profile = program.ancestors().find(|folder| folder.join("deps").is_dir());
    let target = profile.and_then(Path::parent);
    target.map(Path::to_owned).ok_or_else(|| {
        TestkitError::Start(format!(
            "{} is in no folder that cargo builds in",
            program.display()
        ))
    })
}

/// What is installed on the machine is not downloaded, so it counts too.
fn missing_in(folder: &Path) -> Vec<&'static str> {
    let there = |file: &str| folder.join("root").join(file).is_file() || Path::new("/").join(file).is_file();
    NEEDED
        .iter()
        .filter(|(file, _)| !there(file))
        .map(|(_, package)| *package)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unpacked_is_not_missing() {
        let dir = tempfile::tempdir().unwrap();
        let before = missing_in(dir.path());
        assert!(before.contains(&"cyrus-imapd"), "{before:?}");
        let file = dir.path().join("root/usr/lib/cyrus/bin/imapd");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
        let after = missing_in(dir.path());
        assert_eq!(after.len() + 1, before.len());
        assert!(!after.contains(&"cyrus-imapd"), "{after:?}");
    }
}
