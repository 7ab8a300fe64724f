//! Errors of a pass, as a person reads them: what happened and where, then what to do.

use std::path::Path;

use transhume_sync::{Cause, CertificateFault, Security, SourceAddress, SyncError};

use crate::exit::{Exit, Failure};

const AGAIN: &str = "Nothing is lost: run the same command again, and it goes on where it stopped.";

/// Knows the two ends by name.
#[derive(Debug)]
pub(crate) struct Trouble {
    source: SourceAddress,
    maildir: String,
    state: String,
}

impl Trouble {
    /// For a move between these.
    pub(crate) fn new(source: &SourceAddress, maildir: &Path, state: &Path) -> Self {
        Self {
            source: source.clone(),
            maildir: maildir.display().to_string(),
            state: state.display().to_string(),
        }
    }

    /// Puts an error into words.
    pub(crate) fn explain(&self, error: &SyncError) -> Failure {
        let Self {
            source,
            maildir,
            state,
        } = self;
        let SourceAddress {
            host,
            port,
            user,
            security,
        } = source;
        let (exit, what, advice) = match error.cause() {
            Cause::LoginRefused => (
                Exit::LoginRefused,
                format!("{host} refuses the login of {user}: {}", self.words(error)),
                "Check user name and password (some servers want the full address, some an app password). Nothing was \
                 changed."
                    .to_owned(),
            ),
            Cause::LoginDisabled => (
                Exit::LoginRefused,
                format!("{host} takes no password on this connection"),
                if *security == Security::Insecure {
                    "It wants encryption first: write imaps:// or imap:// in --from.".to_owned()
                } else {
                    "It offers neither AUTH=PLAIN nor LOGIN; ask its administrator to allow one of them.".to_owned()
                },
            ),
            Cause::LoginUnavailable => (
                Exit::Unreachable,
                format!("{host} cannot log {user} in at the moment: {}", self.words(error)),
                format!("Try again in some minutes. {AGAIN}"),
            ),
            Cause::UnknownHost => (
                Exit::Unreachable,
                format!("the host name {host} is not known"),
                "Check the spelling in --from, and whether this machine's name service works. Nothing was changed."
                    .to_owned(),
            ),
            Cause::Unreachable => (
                Exit::Unreachable,
                format!("{host}, port {port}: {error}"),
                format!("Check that the server runs and lets this machine in. {AGAIN}"),
            ),
            Cause::NoStartTls => (
                Exit::Unreachable,
                format!("{host} offers no STARTTLS on port {port}, so the password would go over the net in the clear"),
                "Write imaps:// in --from if the server has TLS on port 993; only if everybody on the way may read the \
                 mail, write imap+insecure://. Nothing was sent."
                    .to_owned(),
            ),
            Cause::NoTls => (
                Exit::Unreachable,
                format!("no encrypted connection to {host}, port {port}: {error}"),
                "Check the port: imaps:// is for ports that begin with TLS (993), imap:// for those that begin in the \
                 clear (143). Servers that know only TLS 1.1 or older are not supported. Nothing was sent."
                    .to_owned(),
            ),
            Cause::Untrusted { fault, fingerprint } => return self.untrusted(fault, &fingerprint.to_string()),
            Cause::SourceFault => (
                Exit::Unreachable,
                format!("{host} answered in a way that cannot be worked with: {error}"),
                format!("{AGAIN} If it fails at the same place, please report it with the words above."),
            ),
            Cause::DiskFull => (
                Exit::TargetFailed,
                format!("the disk that holds {maildir} is full, or its quota used up ({error})"),
                format!("Make room. {AGAIN}"),
            ),
            Cause::ReadOnly => (
                Exit::TargetFailed,
                format!("the file system of {maildir} is read-only ({error})"),
                format!("Mount it writable. {AGAIN}"),
            ),
            Cause::PermissionDenied => (
                Exit::TargetFailed,
                format!("{maildir} may not be written ({error})"),
                format!("Run this as root, or as the user that owns the mail. {AGAIN}"),
            ),
            Cause::Busy => (
                Exit::Busy,
                format!("{maildir} is in use ({error})"),
                "Wait until the other run has ended, or stop it. Nothing was changed by this one.".to_owned(),
            ),
            Cause::Corrupt => (
                Exit::TargetFailed,
                format!("a file of Dovecot's in {maildir} is damaged ({error})"),
                "Repair it or move it aside (Dovecot makes a new one), then run the same command again.".to_owned(),
            ),
            Cause::TargetFault => (
                Exit::TargetFailed,
                format!("{maildir} cannot be written ({error})"),
                format!("Mend that. {AGAIN}"),
            ),
            Cause::BaseFault => (
                Exit::TargetFailed,
                error.to_string(),
                format!(
                    "Check that the folder of {state} can be written. If the file is damaged, move it aside: the next \
                     run makes a new one and recognises what it moved before."
                ),
            ),
            Cause::Interrupted => (
                Exit::Interrupted,
                "stopped as asked".to_owned(),
                "What has been moved stays. Run the same command again, and it goes on where it stopped.".to_owned(),
            ),
            Cause::Internal => (
                Exit::Internal,
                error.to_string(),
                format!("This is a mistake of transhume: please report it. {AGAIN}"),
            ),
        };
        Failure::new(exit, what, advice)
    }

    fn untrusted(&self, fault: &CertificateFault, fingerprint: &str) -> Failure {
        let host = &self.source.host;
        let what = format!("the certificate of {host} is not trusted: {fault}");
        let advice = if *fault == CertificateFault::PinDiffers {
            format!(
                "Its SHA-256 is now {fingerprint}. If the server got a new certificate (ask its administrator), give \
                 --pin sha256:{fingerprint}; if not, somebody may be listening in. Nothing was sent."
            )
        } else {
            format!(
                "If this is your old server with a self-signed certificate, compare the fingerprint there (openssl x509 \
                 -noout -fingerprint -sha256 -in its certificate file) and add --pin sha256:{fingerprint}. \
                 Nothing was sent."
            )
        };
        Failure::new(Exit::Untrusted, what, advice)
    }

    /// The server's own words, without ours around them.
    fn words(&self, error: &SyncError) -> String {
        let text = error.to_string();
        text.split_once(": ")
            .map_or(text.clone(), |(_, words)| words.to_owned())
    }
}
