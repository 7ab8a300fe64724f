//! Maildir++: which directory a mailbox lies in.
//!
//! INBOX is the Maildir itself. A mailbox `A/B` is the directory `.A.B` in it, whatever its parents are; names are
//! in modified UTF-7 (Maildir++ specification; Dovecot's `LAYOUT=Maildir++`).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use transhume_model::mail::{MailboxName, mutf7};

/// The longest directory name of a mailbox, in bytes. File systems allow 255; this leaves Dovecot room for
/// names that it derives from it.
pub const DIRECTORY_NAME_MAX: usize = 240;

/// A mailbox's directory as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundMailbox {
    /// The directory's name in the Maildir; empty for INBOX.
    pub directory: OsString,
    /// The mailbox's name; [`None`] where the directory's is none that this layout has: not modified UTF-7, an
    /// empty level, or another spelling of a name that has its own directory.
    pub name: Option<MailboxName>,
}

/// Why a mailbox name cannot exist in a Maildir++.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NameProblem {
    /// `.` separates levels in directory names.
    #[error("a dot within a name")]
    Dot,
    /// `/` separates directories.
    #[error("a slash within a name")]
    Slash,
    /// Control characters, and the line and paragraph separators of Unicode: Dovecot refuses them.
    #[error("a control character")]
    Control,
    /// Dovecot takes a name that begins with `~` for a user's home directory.
    #[error("a tilde at the beginning")]
    Tilde,
    /// The directory's name would be too long.
    #[error("a directory name of {0} bytes, of {DIRECTORY_NAME_MAX} at the most")]
    TooLong(
        /// The length it would have, in bytes.
        usize,
    ),
}

/// Whether a mailbox of this name can exist. What to call it otherwise is for others to say.
///
/// # Errors
///
/// The first problem found.
pub fn representable(name: &MailboxName) -> Result<(), NameProblem> {
    for component in name.components() {
        for c in component.chars() {
            match c {
                '.' => return Err(NameProblem::Dot),
                '/' => return Err(NameProblem::Slash),
                '\u{2028}' | '\u{2029}' => return Err(NameProblem::Control),
                _ if c.is_control() => return Err(NameProblem::Control),
                _ => {}
            }
        }
    }
    if name
        .components()
        .first()
        .is_some_and(|first| first.starts_with('~'))
    {
        return Err(NameProblem::Tilde);
    }
    match directory(name).len() {
        0..=DIRECTORY_NAME_MAX => Ok(()),
        length => Err(NameProblem::TooLong(length)),
    }
}

/// A name's levels as the disk has them.
pub(crate) fn encoded(name: &MailboxName) -> Vec<String> {
    name.components().iter().map(|part| mutf7::encode(part)).collect()
}

/// The name of a mailbox's directory; empty for INBOX.
pub(crate) fn directory(name: &MailboxName) -> String {
    if name.is_inbox() {
        return String::new();
    }
    encoded(name)
        .into_iter()
        .fold(String::new(), |path, part| path + "." + &part)
}

/// What a directory in the Maildir is: [`None`] where it is no mailbox's.
pub(crate) fn found(directory_name: &[u8]) -> Option<FoundMailbox> {
    let rest = directory_name.strip_prefix(b".")?;
    // Dovecot moves deleted mailboxes to `..DOVECOT-TRASHED`.
    if rest.is_empty() || rest.starts_with(b".") {
        return None;
    }
    let name =
        decoded(rest.split(|&byte| byte == b'.')).filter(|name| directory(name).as_bytes() == directory_name);
    Some(FoundMailbox {
        directory: OsString::from_vec(directory_name.to_owned()),
        name,
    })
}

/// The reverse of [`encoded`].
pub(crate) fn decoded<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Option<MailboxName> {
    let parts: Option<Vec<String>> = parts.map(mutf7::decode).collect();
    MailboxName::from_components(parts?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(path: &str) -> MailboxName {
        MailboxName::from_path(path, Some('/')).unwrap()
    }

    #[test]
    fn directories_are_those_of_dovecot() {
        assert_eq!(directory(&name("INBOX")), "");
        assert_eq!(directory(&name("inbox/x")), ".INBOX.x");
        assert_eq!(directory(&name("Entwürfe/R&D")), ".Entw&APw-rfe.R&-D");
    }

    #[test]
    fn directories_that_are_no_mailbox_name_are_reported_raw() {
        for raw in [".A..B", ".A.", ".caf\u{e9}", ".inbox.x", ".INBOX", ".&AEE-"] {
            assert_eq!(found(raw.as_bytes()).unwrap().name, None, "{raw}");
        }
        for raw in ["cur", ".", "..DOVECOT-TRASHED", "dovecot.index"] {
            assert_eq!(found(raw.as_bytes()), None, "{raw}");
        }
    }

    #[test]
    fn some_names_cannot_exist() {
        for (path, problem) in [
            ("a.b", NameProblem::Dot),
            ("a\tb", NameProblem::Control),
            ("a\u{85}", NameProblem::Control),
            ("~x", NameProblem::Tilde),
        ] {
            assert_eq!(representable(&name(path)), Err(problem));
        }
        let slash = MailboxName::from_components(["a/b"]).unwrap();
        assert_eq!(representable(&slash), Err(NameProblem::Slash));
        let fits = "x".repeat(DIRECTORY_NAME_MAX - 1);
        assert_eq!(representable(&name(&fits)), Ok(()));
        assert_eq!(
            representable(&name(&(fits + "x"))),
            Err(NameProblem::TooLong(241))
        );
        assert_eq!(representable(&name("a b/*%\\\"~")), Ok(()));
    }

    proptest! {
        #[test]
        fn any_representable_name_comes_back(path in "[^./]{1,12}(/[^./]{1,12}){0,2}") {
            let name = name(&path);
            if representable(&name).is_ok() && !name.is_inbox() {
                let found = found(directory(&name).as_bytes()).unwrap();
                prop_assert_eq!(found.name, Some(name));
            }
        }
    }
}
