//! Errors of a pass, as a person reads them: what happened and where, then what to do.

use std::path::Path;

use transhume_sync::{Cause, CertificateFault, Security, SourceAddress, SyncError};

use super::address::TargetAddress;
use crate::exit::{Exit, Failure};

const AGAIN: &str = "Nothing is lost: run the same command again, and it goes on where it stopped.";

/// Knows the two ends by name.
#[derive(Debug)]
pub(crate) struct Trouble {
    source: Server,
    /// The target's, where it is on one.
    target: Option<Server>,
    /// The Maildir, or the account.
    maildir: String,
    state: String,
}

/// A server, and the options by which it is given.
#[derive(Debug)]
struct Server {
    address: SourceAddress,
    option: &'static str,
    pin: &'static str,
    word: &'static str,
}

impl Trouble {
    /// For a move between these.
    pub(crate) fn new(source: &SourceAddress, target: &TargetAddress, state: &Path) -> Self {
        let (maildir, account) = match target {
            TargetAddress::Maildir(path) => (path.display().to_string(), None),
            TargetAddress::Imap(address) => (
                format!("the account {}", address.account()),
                Some(Server {
                    address: address.clone(),
                    option: "--to",
                    pin: "--to-pin",
                    word: "new",
                }),
            ),
        };
        Self {
            source: Server {
                address: source.clone(),
                option: "--from",
                pin: "--pin",
                word: "old",
            },
            target: account,
            maildir,
            state: state.display().to_string(),
        }
    }

    /// The server that an error is about.
    fn server(&self, error: &SyncError) -> &Server {
        match &self.target {
            Some(target) if error.is_of_target_server() => target,
            _ => &self.source,
        }
    }

    /// Puts an error into words.
    pub(crate) fn explain(&self, error: &SyncError) -> Failure {
        match error.cause() {
            Cause::Untrusted { fault, fingerprint } => {
                untrusted(self.server(error), fault, &fingerprint.to_string())
            }
            Cause::LoginRefused | Cause::LoginDisabled | Cause::LoginUnavailable => self.login(error),
            Cause::UnknownHost
            | Cause::Unreachable
            | Cause::NoStartTls
            | Cause::NoTls
            | Cause::SourceFault => self.connection(error),
            Cause::DiskFull
            | Cause::OverQuota
            | Cause::ReadOnly
            | Cause::PermissionDenied
            | Cause::Busy
            | Cause::Corrupt
            | Cause::MailboxChanged
            | Cause::TargetFault
            | Cause::BaseFault => self.target(error),
            Cause::Interrupted => Failure::new(
                Exit::Interrupted,
                "stopped as asked",
                "What has been moved stays. Run the same command again, and it goes on where it stopped.",
            ),
            // A command has no fence: whoever it moves is nobody else's.
            Cause::FencedOff | Cause::FenceUnknown | Cause::Internal => Failure::new(
                Exit::Internal,
                error,
                format!("This is a mistake of transhume: please report it. {AGAIN}"),
            ),
        }
    }

    fn login(&self, error: &SyncError) -> Failure {
        let Server { address, option, .. } = self.server(error);
        let SourceAddress {
            host, user, security, ..
        } = address;
        match error.cause() {
            Cause::LoginDisabled => Failure::new(
                Exit::LoginRefused,
                format!("{host} takes no password on this connection"),
                if *security == Security::Insecure {
                    format!("It wants encryption first: write imaps:// or imap:// in {option}.")
                } else {
                    "It offers neither AUTH=PLAIN nor LOGIN; ask its administrator to allow one of them."
                        .to_owned()
                },
            ),
            Cause::LoginUnavailable => Failure::new(
                Exit::Unreachable,
                format!(
                    "{host} cannot log {user} in at the moment: {}",
                    words_of_server(error)
                ),
                format!("Try again in some minutes. {AGAIN}"),
            ),
            _ => Failure::new(
                Exit::LoginRefused,
                format!("{host} refuses the login of {user}: {}", words_of_server(error)),
                "Check user name and password (some servers want the full address, some an app password). Nothing was \
                 changed.",
            ),
        }
    }

    fn connection(&self, error: &SyncError) -> Failure {
        let Server { address, option, .. } = self.server(error);
        let SourceAddress { host, port, .. } = address;
        let (what, advice) = match error.cause() {
            Cause::UnknownHost => (
                format!("the host name {host} is not known"),
                format!(
                    "Check the spelling in {option}, and whether this machine's name service works. Nothing was changed."
                ),
            ),
            Cause::NoStartTls => (
                format!("{host} offers no STARTTLS on port {port}, so the password would go over the net in the clear"),
                format!(
                    "Write imaps:// in {option} if the server has TLS on port 993; only if everybody on the way may read \
                     the mail, write imap+insecure://. Nothing was sent."
                ),
            ),
            Cause::NoTls => (
                format!("no encrypted connection to {host}, port {port}: {error}"),
                "Check the port: imaps:// is for ports that begin with TLS (993), imap:// for those that begin in the \
                 clear (143). Servers that know only TLS 1.1 or older are not supported. Nothing was sent."
                    .to_owned(),
            ),
            Cause::SourceFault => (
                format!("{host} answered in a way that cannot be worked with: {error}"),
                format!("{AGAIN} If it fails at the same place, please report it with the words above."),
            ),
            _ => (
                at_server(host, *port, error),
                format!("Check that the server runs and lets this machine in. {AGAIN}"),
            ),
        };
        Failure::new(Exit::Unreachable, what, advice)
    }

    fn target(&self, error: &SyncError) -> Failure {
        let Self { maildir, state, .. } = self;
        let (what, advice) = match error.cause() {
            Cause::Busy => {
                return Failure::new(
                    Exit::Busy,
                    format!("{maildir} is in use ({error})"),
                    "Wait until the other run has ended, or stop it. Nothing was changed by this one.",
                );
            }
            Cause::OverQuota => (
                format!("there is no room on the target: the quota of {maildir} is used up ({error})"),
                format!("Raise the quota, or have its owner make room. {AGAIN}"),
            ),
            Cause::DiskFull if self.target.is_some() => (
                format!(
                    "there is no room for the state file {state}, or for long messages beside it ({error})"
                ),
                format!("Make room. {AGAIN}"),
            ),
            Cause::DiskFull => (
                format!("the disk that holds {maildir} is full, or its quota used up ({error})"),
                format!("Make room. {AGAIN}"),
            ),
            Cause::ReadOnly => (
                format!("the file system of {maildir} is read-only ({error})"),
                format!("Mount it writable. {AGAIN}"),
            ),
            Cause::PermissionDenied => (
                format!("{maildir} may not be written ({error})"),
                format!("Run this as root, or as the user that owns the mail. {AGAIN}"),
            ),
            Cause::Corrupt => (
                format!("a file of Dovecot's in {maildir} is damaged ({error})"),
                "Repair it or move it aside (Dovecot makes a new one), then run the same command again."
                    .to_owned(),
            ),
            Cause::BaseFault => (
                error.to_string(),
                format!(
                    "Check that the folder of {state} can be written. If the file is damaged, move it aside: the next \
                     run makes a new one and recognises what it moved before."
                ),
            ),
            _ => (
                format!("{maildir} cannot be written ({error})"),
                format!("Mend that. {AGAIN}"),
            ),
        };
        Failure::new(Exit::TargetFailed, what, advice)
    }
}

fn untrusted(server: &Server, fault: &CertificateFault, fingerprint: &str) -> Failure {
    let Server {
        address, pin, word, ..
    } = server;
    let what = format!("the certificate of {} is not trusted: {fault}", address.host);
    let advice = if *fault == CertificateFault::PinDiffers {
        format!(
            "Its SHA-256 is now {fingerprint}. If the server got a new certificate (ask its administrator), give \
             {pin} sha256:{fingerprint}; if not, somebody may be listening in. Nothing was sent."
        )
    } else {
        format!(
            "If this is your {word} server with a self-signed certificate, compare the fingerprint there (openssl x509 \
             -noout -fingerprint -sha256 -in its certificate file) and add {pin} sha256:{fingerprint}. \
             Nothing was sent."
        )
    };
    Failure::new(Exit::Untrusted, what, advice)
}

/// The error with the server's name, which not every error says by itself.
fn at_server(host: &str, port: u16, error: &SyncError) -> String {
    let text = error.to_string();
    if text.contains(host) {
        text
    } else {
        format!("{host}, port {port}: {text}")
    }
}

/// The server's own words, without ours around them.
fn words_of_server(error: &SyncError) -> String {
    let text = error.to_string();
    text.split_once(": ")
        .map_or(text.clone(), |(_, words)| words.to_owned())
}
