//! Whose rights the service has: those of the owner of all mail, and no more, from before it answers anybody.

use std::ffi::CString;

use nix::unistd::{Gid, Uid, User, geteuid, initgroups, setgid, setgroups, setuid};
use transhume_sync::Owner;

use crate::exit::{Exit, Failure};

/// Gives up root's rights for those of the owner of all mail. Called before any other thread runs, and after all that only root may
/// read has been read.
///
/// Who is not root must be that owner already: files that belonged to somebody else, Dovecot could not read.
pub(crate) fn become_owner(owner: Owner, named: &str) -> Result<(), Failure> {
    let me = geteuid();
    if me.as_raw() == owner.uid {
        return Ok(());
    }
    if !me.is_root() {
        return Err(Failure::usage(
            format!("this runs as user {me}, and all mail belongs to {named}"),
            "Start it as that user, or as root (it gives up root's rights at once); or correct owner in [mail].",
        ));
    }
    change(owner).map_err(|error| {
        Failure::new(
            Exit::Internal,
            format!("the rights of {named} cannot be taken: {error}"),
            "See whether what starts this program allows it (in a systemd unit, User= is simpler).",
        )
    })
}

fn change(owner: Owner) -> nix::Result<()> {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    // Other groups of that user may be what lets it read the directory.
    match User::from_uid(uid)?.and_then(|user| CString::new(user.name).ok()) {
        Some(name) => initgroups(&name, gid)?,
        None => setgroups(&[gid])?,
    }
    setgid(gid)?;
    setuid(uid)
}
