//! Writing the files: each is there at once, and never readable for more people than it should be.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, chown};
use std::path::Path;

use nix::unistd::{Gid, Group, geteuid};
use transhume_ops::serving::{ConfigFile, Readers, Rendered};

use crate::exit::{Exit, Failure};

/// Writes all files. Returns what a person should know of their permissions.
pub(super) fn files(folder: &Path, group: &str, rendered: &Rendered) -> Result<String, Failure> {
    let failed = |path: &Path, error: &io::Error| {
        Failure::new(
            Exit::TargetFailed,
            format!("{} cannot be written: {error}", path.display()),
            "",
        )
    };
    let made = DirBuilder::new().recursive(true).mode(0o755).create(folder);
    made.map_err(|error| failed(folder, &error))?;
    // Only root can give a file to a group that it is not in itself.
    let gid = Group::from_name(group)
        .ok()
        .flatten()
        .filter(|_| geteuid().is_root())
        .map(|group| group.gid);
    for file in &rendered.files {
        let path = folder.join(&file.name);
        write(&path, file, gid).map_err(|error| failed(&path, &error))?;
    }
    let is_for_group = |file: &ConfigFile| file.readers == Readers::Server;
    if gid.is_some() || !rendered.files.iter().any(is_for_group) {
        return Ok(String::new());
    }
    Ok(format!(
        "The group {group} could not be given the files with a password in them (it is not there, or you are not root): \
         do so with “chgrp {group}”.\n"
    ))
}

fn write(path: &Path, file: &ConfigFile, gid: Option<Gid>) -> io::Result<()> {
    let mode = match file.readers {
        Readers::Everybody => 0o644,
        Readers::Server => 0o640,
        Readers::Root => 0o600,
    };
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let aside = Path::new(&aside);
    // What an interrupted run has left.
    match fs::remove_file(aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut open = options.write(true).create_new(true).mode(0o600).open(aside)?;
    open.write_all(file.text.as_bytes())?;
    if let Some(gid) = gid.filter(|_| file.readers == Readers::Server) {
        chown(aside, None, Some(gid.as_raw()))?;
    }
    open.set_permissions(Permissions::from_mode(mode))?;
    open.sync_all()?;
    fs::rename(aside, path)
}
