//! What can end a pass.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use transhume_db::DbError;
use transhume_imap::wire::{Code, Patience, Shortage};
use transhume_imap::{CertificateFault, Fingerprint, ImapError};
use transhume_maildir::{ErrorKind, MaildirError};

/// An error that ends a pass. What it ended is safe: everything carried so far is kept, and the next pass goes on.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The source.
    #[error(transparent)]
    Source(#[from] ImapError),
    /// The target.
    #[error(transparent)]
    Target(#[from] MaildirError),
    /// The target, where it is an account on a server.
    #[error("on the new side, {0}")]
    TargetServer(ImapError),
    /// A mailbox of the target was removed or made anew meanwhile.
    #[error("mailbox {0} was removed or made anew on the new side meanwhile")]
    TargetChanged(String),
    /// Another run of this program holds the target, by this file.
    #[error("another run holds {}", .0.display())]
    Held(PathBuf),
    /// Texts could not be put by until they are sent.
    #[error("writing a long message into {}: {source}", folder.display())]
    Spool {
        /// Where they were to wait.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was seen could not be taken down: see [`Recorder`](crate::Recorder).
    #[error("the report: {0}")]
    Record(io::Error),
    /// The base.
    #[error(transparent)]
    Base(#[from] DbError),
    /// Somebody asked to stop.
    #[error("stopped as asked")]
    Interrupted,
    /// The account is no longer ours to write: see [`Fence`](crate::Fence).
    #[error("another worker has taken the account over")]
    FencedOff,
    /// Nobody can say whether it still is.
    #[error("it cannot be told whether the account is still this worker's: {0}")]
    FenceUnknown(String),
    /// A part of this program has ended that should not have.
    #[error("a part of the program has failed: {0}")]
    Internal(String),
}

/// Whether a server says that there is no room for a message: by its code (RFC 5530), or in the words of those that have
/// none.
pub(crate) fn is_full(error: &ImapError) -> bool {
    const WORDS: [&str; 4] = ["over quota", "overquota", "quota exceeded", "mailbox is full"];
    match error {
        ImapError::Refused { code, text, .. } => {
            let text = text.to_ascii_lowercase();
            *code == Some(Code::OverQuota) || code.is_none() && WORDS.iter().any(|words| text.contains(words))
        }
        _ => false,
    }
}

/// Whether a server refuses only for now. `LIMIT` says so with some (rate limits), and with others that a message is too long:
/// there only the words tell.
pub(crate) fn is_for_now(error: &ImapError) -> bool {
    let (code, text) = match error {
        ImapError::Refused { code, text, .. } => (code, text),
        ImapError::Later {
            command: Some(command),
            ..
        } => return !matches!(*command, "LOGIN" | "AUTHENTICATE"),
        _ => return false,
    };
    match code {
        Some(Code::Unavailable | Code::InUse | Code::Throttled) => true,
        _ => Patience::asked(None, text).is_some(),
    }
}

/// What a person, or whoever schedules passes, can do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<'a> {
    /// Name or password are wrong, or the account may not log in.
    LoginRefused,
    /// The server takes no password on this kind of connection.
    LoginDisabled,
    /// The server cannot log anyone in now.
    LoginUnavailable,
    /// No address is known for the host.
    UnknownHost,
    /// The connection could not be made, or was lost: trying again may help.
    Unreachable,
    /// STARTTLS is not offered.
    NoStartTls,
    /// TLS could not be agreed on.
    NoTls,
    /// The certificate is not trusted.
    Untrusted {
        /// Why.
        fault: &'a CertificateFault,
        /// What a pin must be for this certificate to be trusted.
        fingerprint: Fingerprint,
    },
    /// The source breaks the protocol, or refuses what it has to do.
    SourceFault,
    /// No room on the target.
    DiskFull,
    /// The account's quota on the target's server is used up.
    OverQuota,
    /// The target takes no changes.
    ReadOnly,
    /// The target may not be written by this user.
    PermissionDenied,
    /// Another program holds the target.
    Busy,
    /// A control file on the target is damaged.
    Corrupt,
    /// A mailbox was removed or made anew on the target meanwhile.
    MailboxChanged,
    /// The target cannot be written for another reason.
    TargetFault,
    /// The base cannot be used.
    BaseFault,
    /// Somebody asked to stop.
    Interrupted,
    /// Somebody else has the account by now.
    FencedOff,
    /// Nobody can say who has it.
    FenceUnknown,
    /// A mistake of this program.
    Internal,
}

impl SyncError {
    /// What can be done about it.
    pub fn cause(&self) -> Cause<'_> {
        match self {
            Self::TargetServer(error) if is_full(error) => Cause::OverQuota,
            Self::TargetServer(error) if is_for_now(error) => Cause::Unreachable,
            Self::Source(error) | Self::TargetServer(error) => server_cause(error),
            Self::TargetChanged(_) => Cause::MailboxChanged,
            Self::Held(_) => Cause::Busy,
            Self::Spool { source, .. } | Self::Record(source) => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Cause::DiskFull,
                io::ErrorKind::PermissionDenied => Cause::PermissionDenied,
                _ => Cause::TargetFault,
            },
            Self::Target(error) => match error.kind() {
                ErrorKind::DiskFull => Cause::DiskFull,
                ErrorKind::ReadOnly => Cause::ReadOnly,
                ErrorKind::PermissionDenied => Cause::PermissionDenied,
                ErrorKind::Busy => Cause::Busy,
                ErrorKind::Corrupt => Cause::Corrupt,
                ErrorKind::Missing | ErrorKind::NeedsFill => Cause::MailboxChanged,
                ErrorKind::Other => Cause::TargetFault,
            },
            Self::Base(error) if error.is_disk_full() => Cause::DiskFull,
            Self::Base(_) => Cause::BaseFault,
            Self::Interrupted => Cause::Interrupted,
            Self::FencedOff => Cause::FencedOff,
            Self::FenceUnknown(_) => Cause::FenceUnknown,
            Self::Internal(_) => Cause::Internal,
        }
    }

    /// Whether a new connection may get further.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.cause(), Cause::Unreachable | Cause::LoginUnavailable)
    }

    /// How long the source asks to be left alone, where it says so.
    pub fn asked_wait(&self) -> Option<Duration> {
        match self {
            Self::Source(ImapError::Later { patience, .. }) => patience.retry_after,
            _ => None,
        }
    }

    /// Whether it concerns one mailbox only, so that the pass can go on with the others.
    pub(crate) fn is_of_one_mailbox(&self) -> bool {
        match self {
            Self::TargetServer(ImapError::Refused { .. }) => self.cause() == Cause::SourceFault,
            Self::Held(_) => false,
            _ => matches!(self.cause(), Cause::Busy | Cause::Corrupt | Cause::MailboxChanged),
        }
    }

    /// Whether it is an error of the target's server, not of the source's.
    pub fn is_of_target_server(&self) -> bool {
        matches!(self, Self::TargetServer(_))
    }

    /// Whether the connection to the target's server can be used further.
    pub(crate) fn leaves_target_usable(&self) -> bool {
        match self {
            Self::TargetServer(error) => matches!(error, ImapError::Refused { .. }),
            Self::TargetChanged(_) | Self::Base(_) => true,
            _ => false,
        }
    }

    /// Whether the source has refused a command, but works on.
    pub(crate) fn is_refusal(&self) -> bool {
        let is_refused = matches!(
            self,
            Self::Source(ImapError::Refused { .. } | ImapError::Later { command: Some(_), .. })
        );
        is_refused && !self.is_passing()
    }

    /// The state file could not be made.
    pub fn state_file(path: &Path, source: std::io::Error) -> Self {
        Self::Target(MaildirError::Io {
            action: "making",
            path: path.to_owned(),
            source,
        })
    }
}

fn server_cause(error: &ImapError) -> Cause<'_> {
    match error {
        ImapError::LoginRefused { .. } => Cause::LoginRefused,
        ImapError::LoginDisabled => Cause::LoginDisabled,
        ImapError::LoginUnavailable { .. }
        | ImapError::Later {
            command: Some("LOGIN" | "AUTHENTICATE"),
            ..
        } => Cause::LoginUnavailable,
        ImapError::Resolve { .. } => Cause::UnknownHost,
        ImapError::Connect { .. }
        | ImapError::Timeout { .. }
        | ImapError::Bye { .. }
        | ImapError::Later { command: None, .. }
        | ImapError::Later {
            patience: Patience {
                shortage: Shortage::Rate,
                ..
            },
            ..
        }
        | ImapError::ConnectionLost { .. } => Cause::Unreachable,
        ImapError::StartTlsRefused => Cause::NoStartTls,
        ImapError::Tls { .. } => Cause::NoTls,
        ImapError::Certificate {
            reason, fingerprint, ..
        } => Cause::Untrusted {
            fault: reason,
            fingerprint: *fingerprint,
        },
        ImapError::Refused { .. }
        | ImapError::Later { .. }
        | ImapError::Protocol { .. }
        | ImapError::TooLong => Cause::SourceFault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transhume_imap::wire::Status;

    #[test]
    fn what_a_refusal_of_the_target_means() {
        let check = |code: Option<Code>, text: &str, cause: Cause<'_>, of_one_mailbox| {
            let error = SyncError::TargetServer(ImapError::Refused {
                command: "APPEND",
                status: Status::No,
                code,
                text: text.to_owned(),
            });
            assert_eq!(
                (error.cause(), error.is_of_one_mailbox()),
                (cause, of_one_mailbox),
                "{text}"
            );
            assert!(error.leaves_target_usable());
        };
        check(Some(Code::OverQuota), "no", Cause::OverQuota, false);
        check(None, "User is over quota", Cause::OverQuota, false);
        check(
            None,
            "Quota exceeded (mailbox for user is full)",
            Cause::OverQuota,
            false,
        );
        check(Some(Code::TooBig), "quota exceeded", Cause::SourceFault, true);
        check(Some(Code::Limit), "Rate limit hit", Cause::Unreachable, false);
        check(
            Some(Code::Limit),
            "Mail size is larger than the maximum",
            Cause::SourceFault,
            true,
        );
        check(Some(Code::Unavailable), "later", Cause::Unreachable, false);
        check(Some(Code::NoPerm), "no", Cause::SourceFault, true);
        check(None, "no", Cause::SourceFault, true);
    }
}
