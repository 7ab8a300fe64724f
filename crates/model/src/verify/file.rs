//! A message's file on the target.

use super::Known;
use crate::mail::{Digest, InternalDate};

/// What reading a message's file has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// Digest of the bytes on disk.
    pub stored: Digest,
    /// Digest of the bytes with every line ended by CRLF.
    pub served: Digest,
    /// Octets on disk.
    pub size: u64,
    /// Octets with every line ended by CRLF.
    pub virtual_size: u64,
    /// Whether there is a NUL among them.
    pub has_nul: bool,
    /// The date that it bears.
    pub date: InternalDate,
}

impl File {
    /// The one of its digests that tells whether it holds the bytes of `other`: a file that was there before may have other line
    /// ends than what was carried.
    pub fn digest_beside(&self, other: Option<Digest>) -> Digest {
        if other == Some(self.served) {
            self.served
        } else {
            self.stored
        }
    }

    /// Whether it holds the bytes that were carried. One that was there before may have other line ends.
    pub(super) fn has_bytes_of(&self, known: &Known) -> bool {
        self.stored == known.digest || (known.was_there && self.served == known.digest)
    }
}

/// Whether a file is just what the base says, so that nothing more need be known of it than that it is there.
pub fn is_as_recorded(known: &Known, file: &File) -> bool {
    file.stored == known.digest
        && file.size == known.size
        && file.size == file.virtual_size
        && !file.has_nul
        && file.date == known.internal_date
}
