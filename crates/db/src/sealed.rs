//! Secrets that must be read again, such as the password of an account on an old server: sealed with a key that lies in a file
//! apart from the database, so that whoever gets a copy of the database gets no password.
//!
//! A sealed secret is a text, since both databases have the same kind of texts: in hexadecimal digits, a version (one octet),
//! the key's id (four), a nonce (24), and XChaCha20-Poly1305's output (RFC 8439; draft-irtf-cfrg-xchacha). Table and row are
//! sealed in: moved to another row, a secret cannot be read.

use std::fmt::{self, Write as _};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};

/// The only version so far.
const VERSION: u8 = 1;
const ID: usize = 4;
const NONCE: usize = 24;
const KEY: usize = 32;
/// What stands in the key's file before the key.
const HEADER: &str = "transhume-key-1";

/// A secret that could not be sealed or read. It says nothing of the secret or the key.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key's file cannot be made or read.
    #[error("the key file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner may read the key.
    #[error("the key file {} may be read by others than its owner; run “chmod 600 {}”", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
    },
    /// Something else lies there.
    #[error("the key file {} does not hold a key of transhume; put the right file there", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    /// The secret was sealed with another key.
    #[error(
        "the secret of “{row}” was sealed with another key ({sealed}; here is {here}); put that key's file back"
    )]
    OtherKey {
        /// Whose secret.
        row: String,
        /// The id of the key that it was sealed with.
        sealed: String,
        /// The id of the key that is here.
        here: String,
    },
    /// It was changed, or sealed for another row, or by a newer version of this program.
    #[error(
        "the secret of “{row}” is damaged, or was written by a newer version of transhume; enter it again"
    )]
    Damaged {
        /// Whose secret.
        row: String,
    },
}

/// Seals and reads secrets with one key. `Debug` shows the key's id only.
#[derive(Clone)]
pub struct Sealer {
    id: [u8; ID],
    cipher: XChaCha20Poly1305,
}

impl Sealer {
    /// Takes the key from its file, which is made, readable by its owner only, when it is not there yet.
    pub fn open(path: &Path) -> Result<Self, SealError> {
        let failed = |source| SealError::File {
            path: path.to_owned(),
            source,
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make(path)?;
                fs::read_to_string(path).map_err(failed)?
            }
            Err(error) => return Err(failed(error)),
        };
        if fs::metadata(path).map_err(failed)?.mode() & 0o077 != 0 {
            return Err(SealError::Open {
                path: path.to_owned(),
            });
        }
        let key = key_in(&text).ok_or_else(|| SealError::NoKey {
            path: path.to_owned(),
        })?;
        Ok(Self {
            id: id_of(&key),
            cipher: XChaCha20Poly1305::new(&key.into()),
        })
    }

    /// Seals a secret for one row of one table.
    pub fn seal(&self, table: &str, row: &str, secret: &[u8]) -> Result<String, SealError> {
        let nonce: [u8; NONCE] = random()?;
        let aad = self.bound_to(table, row);
        let payload = Payload {
            msg: secret,
            aad: &aad,
        };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        // It fails for secrets of many gigabytes only.
        let sealed = sealed.map_err(|_| SealError::Damaged { row: row.to_owned() })?;
        Ok(hex(&[&[VERSION][..], &self.id, &nonce, &sealed].concat()))
    }

    /// Reads what was sealed for this row of this table.
    pub fn unseal(&self, table: &str, row: &str, sealed: &str) -> Result<Vec<u8>, SealError> {
        let damaged = || SealError::Damaged { row: row.to_owned() };
        let sealed = unhex(sealed).ok_or_else(damaged)?;
        let rest = sealed.strip_prefix(&[VERSION]).ok_or_else(damaged)?;
        let (id, rest) = rest.split_first_chunk::<ID>().ok_or_else(damaged)?;
        let (nonce, secret) = rest.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
        if *id != self.id {
            return Err(SealError::OtherKey {
                row: row.to_owned(),
                sealed: hex(id),
                here: hex(&self.id),
            });
        }
        let aad = self.bound_to(table, row);
        let payload = Payload {
            msg: secret,
            aad: &aad,
        };
        let secret = self.cipher.decrypt(&XNonce::from(*nonce), payload);
        secret.map_err(|_| damaged())
    }

    /// What has to be the same when a secret is read. No table's name has a NUL in it.
    fn bound_to(&self, table: &str, row: &str) -> Vec<u8> {
        [&[VERSION][..], &self.id, table.as_bytes(), &[0], row.as_bytes()].concat()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer({})", hex(&self.id))
    }
}

/// Makes a key and its file: whole, or not at all. When another program was faster, its key counts.
fn make(path: &Path) -> Result<(), SealError> {
    let key: [u8; KEY] = random()?;
    let text = format!("{HEADER} {} {}\n", hex(&id_of(&key)), hex(&key));
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", hex(&random::<8>()?)));
    let unfinished = PathBuf::from(name);
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&unfinished, path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    };
    let written = write();
    let removed = fs::remove_file(&unfinished);
    written.and(removed).map_err(|source| SealError::File {
        path: path.to_owned(),
        source,
    })
}

/// The key in the text of its file; its id tells when a digit was lost.
fn key_in(text: &str) -> Option<[u8; KEY]> {
    let mut words = text.split_whitespace();
    let is_ours = words.next() == Some(HEADER);
    let (id, key) = (words.next()?, unhex(words.next()?)?.try_into().ok()?);
    (is_ours && words.next().is_none() && id == hex(&id_of(&key))).then_some(key)
}

/// What a key is called: it tells nothing of the key.
fn id_of(key: &[u8; KEY]) -> [u8; ID] {
    let digest = Sha256::new()
        .chain_update("transhume key id")
        .chain_update(key)
        .finalize();
    let mut id = [0; ID];
    id.iter_mut().zip(digest).for_each(|(id, octet)| *id = octet);
    id
}

fn random<const COUNT: usize>() -> Result<[u8; COUNT], SealError> {
    let mut octets = [0; COUNT];
    getrandom::fill(&mut octets).map_err(|error| SealError::Random(error.to_string()))?;
    Ok(octets)
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .map(|digit| digit.to_digit(16))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        &[high, low] => u8::try_from(16 * high + low).ok(),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const SECRET: &[u8] = b"geheim \xff";

    #[test]
    fn what_was_sealed_is_read_again_by_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let sealed = Sealer::open(&path)
            .unwrap()
            .seal("provider", "bob", SECRET)
            .unwrap();
        assert!(!sealed.contains("geheim") && !sealed.contains(&hex(b"geheim")));
        let again = Sealer::open(&path).unwrap();
        assert_eq!(again.unseal("provider", "bob", &sealed).unwrap(), SECRET);
        assert_ne!(
            again.seal("provider", "bob", SECRET).unwrap(),
            sealed,
            "each time with another nonce"
        );
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "nothing unfinished is left"
        );
        let text = fs::read_to_string(&path).unwrap();
        // I10: no secret in Debug.
        assert!(!format!("{again:?}").contains(text.split_whitespace().last().unwrap()));
    }

    #[test]
    fn elsewhere_or_changed_it_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let one = Sealer::open(&folder.path().join("key")).unwrap();
        let sealed = one.seal("provider", "bob", SECRET).unwrap();
        for (table, row) in [
            ("provider", "eve"),
            ("account", "bob"),
            ("providerb", "ob"),
            ("", ""),
        ] {
            assert!(
                matches!(one.unseal(table, row, &sealed), Err(SealError::Damaged { .. })),
                "{table} {row}"
            );
        }
        for at in 0..sealed.len() {
            for other in ["0", "f", "x", "ü", ""] {
                let changed = format!("{}{other}{}", &sealed[..at], &sealed[at + 1..]);
                let read = one.unseal("provider", "bob", &changed);
                assert!(read.is_err() || changed == sealed, "digit {at}");
            }
            assert!(
                one.unseal("provider", "bob", &sealed[..at]).is_err(),
                "cut at {at}"
            );
        }
        let other = Sealer::open(&folder.path().join("other")).unwrap();
        let error = other.unseal("provider", "bob", &sealed).unwrap_err();
        assert!(matches!(error, SealError::OtherKey { .. }), "{error}");
    }

    #[test]
    fn only_a_key_of_ours_that_nobody_else_may_read_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        Sealer::open(&path).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        let key = good.split_whitespace().last().unwrap().to_owned();
        let (kept, lost) = (&good[..good.len() - 2], good.replace("key-1", "key-2"));
        let digit = if key.ends_with('0') { "1" } else { "0" };
        for text in [
            "",
            "geheim",
            kept,
            &lost,
            &format!("{good} more"),
            &format!("{kept}{digit}\n"),
        ] {
            fs::write(&path, text).unwrap();
            let error = Sealer::open(&path).unwrap_err();
            assert!(matches!(error, SealError::NoKey { .. }), "{text}: {error}");
            assert!(!error.to_string().contains(&key[..8]), "{error}");
            assert_eq!(
                fs::read_to_string(&path).unwrap(),
                text,
                "what is there is never replaced"
            );
        }
        fs::write(&path, &good).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Sealer::open(&path), Err(SealError::Open { .. })));
        let missing = folder.path().join("no folder/key");
        assert!(matches!(Sealer::open(&missing), Err(SealError::File { .. })));
    }

    #[test]
    fn programs_that_begin_together_have_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let open = || Sealer::open(&path).unwrap().id;
        let ids = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        });
        assert!(ids.iter().all(|id| *id == ids[0]));
    }
}
