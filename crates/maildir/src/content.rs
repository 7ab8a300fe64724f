//! What messages in the mailbox consist of, to compare them with others.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt as _;

use transhume_model::mail::{Digest, Hasher, InternalDate};

use crate::error::MaildirError;
use crate::name::Entry;
use crate::open::OpenMailbox;
use crate::stage::LineEnds;

/// A message's digests and sizes, from reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Digest of the bytes on disk.
    pub stored: Digest,
    /// Digest of the bytes as Dovecot serves them: every line ended by CRLF. The same as `stored` for a message
    /// that has no other line ends.
    pub served: Digest,
    /// Bytes on disk.
    pub size: u64,
    /// Bytes as Dovecot serves them.
    pub virtual_size: u64,
    /// Whether there is a NUL among them, which Dovecot serves as 0x80.
    pub has_nul: bool,
    /// When the file was last modified: the message's INTERNALDATE for Dovecot.
    pub modified: InternalDate,
}

impl Contents {
    fn read(mut file: impl Read, modified: InternalDate, buffer: &mut [u8]) -> std::io::Result<Self> {
        let (mut stored, mut size) = (Hasher::default(), 0);
        let mut line_ends = LineEnds::default();
        // Begun where the two part: at the first line end that is no CRLF.
        let mut served: Option<Hasher> = None;
        let (mut after_cr, mut has_nul) = (false, false);
        loop {
            let chunk = match file.read(buffer)? {
                0 => break,
                length => &buffer[..length],
            };
            let bare_before = line_ends.bare;
            line_ends.count(chunk);
            if served.is_some() || line_ends.bare > bare_before {
                let served = served.get_or_insert_with(|| stored.clone());
                update_with_crlf(served, chunk, after_cr);
            }
            stored.update(chunk);
            size += chunk.len() as u64;
            has_nul |= chunk.contains(&0);
            after_cr = chunk.last() == Some(&b'\r');
        }
        let stored = stored.digest();
        Ok(Self {
            stored,
            served: served.map_or(stored, |served| served.digest()),
            size,
            virtual_size: size + line_ends.bare,
            has_nul,
            modified,
        })
    }
}

fn update_with_crlf(hasher: &mut Hasher, chunk: &[u8], mut after_cr: bool) {
    for line in chunk.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                let has_cr = text.last().map_or(after_cr, |&last| last == b'\r');
                hasher.update(text);
                hasher.update(if has_cr { b"\n".as_slice() } else { b"\r\n" });
            }
            None => hasher.update(line),
        }
        after_cr = false;
    }
}

pub(crate) fn read_all(
    mailbox: &OpenMailbox,
    mut wanted: impl FnMut(&Entry<'_>) -> bool,
    mut visit: impl FnMut(&Entry<'_>, Contents),
) -> Result<(), MaildirError> {
    let mut buffer = vec![0; 1 << 16];
    let mut read = |entry: &Entry<'_>| -> Result<Option<Contents>, MaildirError> {
        let dir = mailbox.place(entry.is_new);
        let Some(file): Option<File> = dir.read(entry.name)? else {
            return Ok(None);
        };
        let contents = file.metadata().and_then(|metadata| {
            let modified = InternalDate::from_unix(metadata.mtime());
            Contents::read(file, modified, &mut buffer)
        });
        contents
            .map(Some)
            .map_err(|error| dir.fail("reading", entry.name, error))
    };
    // Files that were renamed between listing and opening: another flag, or moved from new/ to cur/.
    let mut missed: HashSet<Vec<u8>> = HashSet::new();
    mailbox.for_each_entry(|entry| {
        if wanted(&entry) {
            match read(&entry)? {
                Some(contents) => {
                    missed.remove(entry.base);
                    visit(&entry, contents);
                }
                None => {
                    missed.insert(entry.base.to_owned());
                }
            }
        }
        Ok(())
    })?;
    if missed.is_empty() {
        return Ok(());
    }
    mailbox.for_each_entry(|entry| {
        if missed.contains(entry.base)
            && let Some(contents) = read(&entry)?
        {
            missed.remove(entry.base);
            visit(&entry, contents);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives a chunk of the given size at a time.
    struct Chunks<'a>(&'a [u8], usize);

    impl Read for Chunks<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let length = self.1.min(out.len()).min(self.0.len());
            let (chunk, rest) = self.0.split_at(length);
            out[..length].copy_from_slice(chunk);
            self.0 = rest;
            Ok(length)
        }
    }

    fn digest(bytes: &[u8]) -> Digest {
        Digest::of(bytes)
    }

    proptest! {
        #[test]
        fn are_those_of_the_normalised_text(text in "[\r\n\0ab]{0,60}", chunk in 1usize..9) {
            let normalised = text.replace("\r\n", "\n").replace('\n', "\r\n");
            let contents = Contents::read(Chunks(text.as_bytes(), chunk), InternalDate::from_unix(7), &mut [0; 64]).unwrap();
            prop_assert_eq!(contents.stored, digest(text.as_bytes()));
            prop_assert_eq!(contents.served, digest(normalised.as_bytes()));
            prop_assert_eq!(contents.size, text.len() as u64);
            prop_assert_eq!(contents.virtual_size, normalised.len() as u64);
            prop_assert_eq!(contents.has_nul, text.contains('\0'));
            prop_assert_eq!(contents.modified.unix(), 7);
        }
    }
}
