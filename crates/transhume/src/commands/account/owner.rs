//! Whom the files on the target belong to.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User, geteuid};
use transhume_sync::Owner;

use crate::exit::{Exit, Failure};

/// The owner of all files that are made: as asked, else, when run as root, the owner of the folder that the Maildir
/// lies in. `None` when nobody but root could change owners: then the files belong to whoever runs this.
pub(crate) fn resolve(asked: Option<&str>, maildir: &Path) -> Result<Option<Owner>, Failure> {
    let folder = maildir.parent().unwrap_or(maildir);
    let metadata = std::fs::metadata(folder);
    let unreadable = |error: &std::io::Error| {
        Failure::new(
            Exit::TargetFailed,
            format!(
                "the folder {}, in which the Maildir is to lie, cannot be read: {error}",
                folder.display()
            ),
            "It is the mail user's home: create it with the owner that Dovecot uses (for example \
             “install -d -o vmail -g vmail -m 700 PATH”), or correct --to.",
        )
    };
    // Whoever the files are to belong to: the home is not ours to make.
    if let Err(error) = &metadata
        && error.kind() == std::io::ErrorKind::NotFound
    {
        return Err(unreadable(error));
    }
    if let Some(asked) = asked {
        return parse(asked).map(Some);
    }
    if !geteuid().is_root() {
        return Ok(None);
    }
    let metadata = metadata.map_err(|error| unreadable(&error))?;
    let owner = Owner {
        uid: metadata.uid(),
        gid: metadata.gid(),
    };
    if owner.uid == 0 {
        return Err(Failure::usage(
            format!(
                "the folder {} belongs to root, and Dovecot never serves mail as root",
                folder.display()
            ),
            "Name the user that Dovecot uses for mail, for example --owner vmail (or give the folder to that user).",
        ));
    }
    Ok(Some(owner))
}

/// Reads `USER`, `USER:GROUP`, or numbers in their place. Without a group it is the user's own.
pub(crate) fn parse(text: &str) -> Result<Owner, Failure> {
    let unknown = |what: &str| {
        Failure::usage(
            format!("--owner: this machine knows no {what}"),
            "Give USER, USER:GROUP, or their numbers as UID:GID.",
        )
    };
    let (user, group) = match text.split_once([':', '.']) {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    let found = match user.parse() {
        Ok(uid) => User::from_uid(Uid::from_raw(uid)),
        Err(_) => User::from_name(user),
    };
    let found = found.ok().flatten();
    let uid = found
        .as_ref()
        .map(|user| user.uid.as_raw())
        .or_else(|| user.parse().ok())
        .ok_or_else(|| unknown(&format!("user “{user}”")))?;
    let gid = match group {
        None => found
            .map(|user| user.gid.as_raw())
            .ok_or_else(|| unknown(&format!("user {uid}, so the group must be named too")))?,
        Some(group) => Group::from_name(group)
            .ok()
            .flatten()
            .map(|group| group.gid)
            .or_else(|| group.parse().ok().map(Gid::from_raw))
            .map(Gid::as_raw)
            .ok_or_else(|| unknown(&format!("group “{group}”")))?,
    };
    Ok(Owner { uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_names_or_numbers() {
        assert_eq!(parse("root").unwrap(), Owner { uid: 0, gid: 0 });
        assert_eq!(parse("0:daemon").unwrap().uid, 0);
        assert_eq!(
            parse("61234:61235").unwrap(),
            Owner {
                uid: 61234,
                gid: 61235
            }
        );
        assert!(
            parse("no-such-user-here")
                .unwrap_err()
                .to_string()
                .contains("no-such-user-here")
        );
        assert!(parse("61234").unwrap_err().to_string().contains("group"));
        assert!(parse("root:no-such-group").is_err());
    }
}
