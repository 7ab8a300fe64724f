//! Remote mailboxes: where an account has mail besides, on somebody else's server.

use std::fmt;
use std::num::NonZeroU16;

use super::name::Address;

/// A mailbox on somebody else's IMAP server, whose mail belongs into one of ours. Nothing is moved from it by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteMailbox {
    /// The mailbox here.
    pub mailbox: Address,
    /// The server, by name or address.
    pub host: String,
    /// Its port.
    pub port: NonZeroU16,
    /// How the connection is secured.
    pub security: RemoteSecurity,
    /// The login there.
    pub user: String,
    /// The folder there; empty is all of them, or INBOX, as the old platform took it.
    pub folder: String,
    /// The password there, where it is known.
    pub password: Option<Secret>,
    /// Whether it was in use.
    pub enabled: bool,
}

/// How a connection to a remote mailbox is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RemoteSecurity {
    /// TLS from the first octet.
    Tls,
    /// TLS after STARTTLS.
    StartTls,
}

/// Octets that must not be shown. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// What tells a remote mailbox from others: mailbox, server, port, login, folder.
pub type RemoteKey = (Address, String, u16, String, String);

impl RemoteMailbox {
    /// What tells it from others.
    pub fn key(&self) -> RemoteKey {
        let Self {
            mailbox,
            host,
            user,
            folder,
            ..
        } = self;
        (
            mailbox.clone(),
            host.clone(),
            self.port.get(),
            user.clone(),
            folder.clone(),
        )
    }
}

impl fmt::Display for RemoteMailbox {
    /// What tells it from others, as text: `name@example.org ← user at imap.example.net:993, folder “INBOX”`. Its password is
    /// sealed for this name, so it never changes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            mailbox,
            host,
            port,
            user,
            folder,
            ..
        } = self;
        write!(f, "{mailbox} ← {user} at {host}:{port}, folder “{folder}”")
    }
}

impl RemoteSecurity {
    /// The port that it usually has.
    pub fn port(self) -> NonZeroU16 {
        let port = match self {
            Self::Tls => 993,
            Self::StartTls => 143,
        };
        NonZeroU16::new(port).unwrap_or(NonZeroU16::MIN)
    }

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
        }
    }
}

impl Secret {
    /// Takes octets.
    pub fn new(octets: Vec<u8>) -> Self {
        Self(octets)
    }

    /// The octets, to seal them or to log in with them.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
