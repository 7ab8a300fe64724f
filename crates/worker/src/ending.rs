//! How a pass has ended, in the words in which the model decides what becomes of the migration.

use std::time::Duration;

use transhume_model::migration::{Ending, Hold};
use transhume_sync::{Cause, Report, SyncError};

/// How a pass has ended, and what a person should know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// For the model.
    pub(crate) ending: Ending,
    /// For a person; `None` where all is well.
    pub(crate) what: Option<String>,
    /// Whether the old server has answered, as far as that is known.
    pub(crate) has_answered: Option<bool>,
}

/// Mailboxes and messages that are named in one sentence, at most.
const NAMED: usize = 3;

impl Ended {
    /// A pass that came to its end.
    pub(crate) fn whole(report: &Report) -> Self {
        let refused: u64 = report
            .mailboxes
            .iter()
            .map(|mailbox| mailbox.failed.len() as u64 + mailbox.unlisted)
            .sum();
        let all = report.mailboxes.iter().map(|mailbox| mailbox.messages).sum();
        let ending = if has_mailbox_trouble(report) {
            Ending::Partial
        } else if report.settled {
            Ending::Equal { refused, all }
        } else {
            Ending::Moving
        };
        Self {
            ending,
            what: trouble(report),
            has_answered: Some(true),
        }
    }

    /// A pass that an error has ended; `None` where the account is somebody else's by now, and nothing is to be said of it.
    /// `has_surveyed` says whether the old server had shown its mailboxes.
    pub(crate) fn by(error: &SyncError, has_surveyed: bool) -> Option<Self> {
        let ending = match error.cause() {
            Cause::FencedOff => return None,
            Cause::Interrupted => Ending::Stopped,
            Cause::Busy => Ending::Busy,
            Cause::LoginRefused => Ending::Blocked(Hold::CredentialRejected),
            Cause::Untrusted { .. } => Ending::Blocked(Hold::CertificateChanged),
            Cause::DiskFull | Cause::OverQuota => Ending::Blocked(Hold::TargetFull),
            Cause::ReadOnly | Cause::PermissionDenied => Ending::Blocked(Hold::TargetUnwritable),
            Cause::Unreachable | Cause::UnknownHost | Cause::LoginUnavailable => Ending::Unreachable {
                asked: error.asked_wait().map(seconds),
            },
            Cause::LoginDisabled
            | Cause::NoStartTls
            | Cause::NoTls
            | Cause::SourceFault
            | Cause::Corrupt
            | Cause::MailboxChanged
            | Cause::TargetFault
            | Cause::BaseFault
            | Cause::FenceUnknown
            | Cause::Internal => Ending::Failed,
        };
        let has_answered = match error.cause() {
            _ if has_surveyed => Some(true),
            Cause::Unreachable | Cause::UnknownHost => Some(false),
            Cause::LoginRefused
            | Cause::LoginDisabled
            | Cause::LoginUnavailable
            | Cause::NoStartTls
            | Cause::NoTls
            | Cause::Untrusted { .. }
            | Cause::SourceFault => Some(true),
            _ => None,
        };
        let is_told = !matches!(ending, Ending::Stopped | Ending::Busy);
        Some(Self {
            ending,
            what: is_told.then(|| in_words(error)),
            has_answered,
        })
    }
}

/// The error, with what a pin would have to be where it is about a certificate.
fn in_words(error: &SyncError) -> String {
    match error.cause() {
        Cause::Untrusted { fingerprint, .. } => {
            format!("{error}; the certificate's SHA-256 is {fingerprint}")
        }
        _ => error.to_string(),
    }
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

/// Whether whole mailboxes are missing, rather than single messages.
fn has_mailbox_trouble(report: &Report) -> bool {
    report.unreadable_mailboxes > 0 || report.mailboxes.iter().any(|mailbox| mailbox.error.is_some())
}

/// What a person should know of a pass that came to its end.
fn trouble(report: &Report) -> Option<String> {
    let mut parts = Vec::new();
    let with_error = report
        .mailboxes
        .iter()
        .filter_map(|mailbox| Some(format!("mailbox {}: {}", mailbox.source, mailbox.error.as_ref()?)));
    named(&mut parts, with_error, "more mailboxes have trouble");
    if report.unreadable_mailboxes > 0 {
        parts.push(format!(
            "{} lines of the old server's list of mailboxes cannot be read",
            report.unreadable_mailboxes
        ));
    }
    let refused = report.mailboxes.iter().flat_map(|mailbox| {
        let name = &mailbox.source;
        let failed = mailbox
            .failed
            .iter()
            .map(move |message| format!("mailbox {name}, UID {}: {}", message.uid.get(), message.reason));
        let unlisted = (mailbox.unlisted > 0)
            .then(|| format!("mailbox {name}: {} messages are counted, and not listed", mailbox.unlisted));
        failed.chain(unlisted)
    });
    named(&mut parts, refused, "more messages are not delivered");
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// The first few, and how many more.
fn named(parts: &mut Vec<String>, mut found: impl Iterator<Item = String>, more: &str) {
    parts.extend(found.by_ref().take(NAMED));
    let rest = found.count();
    if rest > 0 {
        parts.push(format!("{rest} {more}"));
    }
}
