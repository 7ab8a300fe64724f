//! How a pass has ended, in the words in which the model decides what becomes of the migration.

use std::time::Duration;

use transhume_model::migration::{Ending, Hold};
use transhume_sync::{Cause, Report, SyncError};

use crate::heartbeat::Stopped;

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
        let done = report.totals();
        let changed = done.carried + done.adopted + done.flags_set + done.expunged;
        let ending = if has_mailbox_trouble(report) {
            Ending::Partial
        } else if report.settled {
            Ending::Equal {
                changed,
                refused,
                all,
            }
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

    /// With what could not be done after the pass: then it has to come again.
    pub(crate) fn or_trouble(mut self, trouble: Option<String>) -> Self {
        if let Some(trouble) = trouble {
            self.ending = Ending::Partial;
            self.what = Some(match self.what {
                Some(what) => format!("{what}; {trouble}"),
                None => trouble,
            });
        }
        self
    }

    /// With the reason for which it was stopped, where that is its own.
    pub(crate) fn or_stopped(self, stopped: Option<Stopped>) -> Self {
        match (&self.ending, stopped) {
            (Ending::Stopped, Some(Stopped::Stalled)) => Self {
                ending: Ending::Failed,
                what: Some("the pass did not get any further for half an hour, and was stopped".to_owned()),
                ..self
            },
            _ => self,
        }
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
        let unlisted = (mailbox.unlisted > 0).then(|| {
            format!(
                "mailbox {name}: {} messages are counted, and not listed",
                mailbox.unlisted
            )
        });
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

#[cfg(test)]
mod tests {
    use super::*;
    use transhume_model::mail::{MailboxName, Uid};
    use transhume_sync::{Counts, FailedMessage, MailboxReport, MailboxState};

    fn mailbox(name: &str, messages: u64, failed: u32, error: Option<&str>) -> MailboxReport {
        let name = MailboxName::from_path(name, Some('/')).unwrap();
        let failed = (1..=failed).map(|uid| FailedMessage {
            uid: Uid::new(uid).unwrap(),
            reason: "refused".to_owned(),
        });
        MailboxReport {
            source: name.clone(),
            target: name,
            role: None,
            uid_validity: None,
            highest_mod_seq: None,
            state: MailboxState::Followed,
            messages,
            done: Counts::default(),
            failed: failed.collect(),
            quarantined: Vec::new(),
            unlisted: 0,
            keywords_left_out: Vec::new(),
            error: error.map(str::to_owned),
        }
    }

    #[test]
    fn a_pass_that_came_to_its_end() {
        let equal = |refused, all| Ending::Equal {
            changed: 0,
            refused,
            all,
        };
        for (mailboxes, settled, ending, what) in [
            (vec![mailbox("INBOX", 9, 0, None)], true, equal(0, 9), None),
            (vec![mailbox("INBOX", 9, 0, None)], false, Ending::Moving, None),
            (
                vec![mailbox("INBOX", 9, 1, None), mailbox("A", 4, 4, None)],
                true,
                equal(5, 13),
                Some("mailbox A, UID 2: refused; 2 more messages are not delivered"),
            ),
            (
                vec![mailbox("INBOX", 9, 0, Some("damaged"))],
                true,
                Ending::Partial,
                Some("mailbox INBOX: damaged"),
            ),
        ] {
            let report = Report {
                mailboxes,
                settled,
                ..Report::default()
            };
            let ended = Ended::whole(&report);
            assert_eq!(ended.ending, ending);
            assert_eq!(ended.what.is_some(), what.is_some());
            assert!(ended.what.unwrap_or_default().ends_with(what.unwrap_or_default()));
        }
    }

    #[test]
    fn an_error_says_what_may_help() {
        let says = |code| SyncError::state_file("/s".as_ref(), std::io::Error::from_raw_os_error(code));
        // ENOSPC and EACCES.
        let (full, denied) = (says(28), says(13));
        let unsure = SyncError::FenceUnknown("no directory".to_owned());
        for (error, ending, is_told) in [
            (SyncError::FencedOff, None, false),
            (SyncError::Interrupted, Some(Ending::Stopped), false),
            (SyncError::Held("/m".into()), Some(Ending::Busy), false),
            (full, Some(Ending::Blocked(Hold::TargetFull)), true),
            (denied, Some(Ending::Blocked(Hold::TargetUnwritable)), true),
            (unsure, Some(Ending::Failed), true),
        ] {
            let ended = Ended::by(&error, false);
            assert_eq!(
                ended.as_ref().map(|ended| ended.ending.clone()),
                ending,
                "{error}"
            );
            assert_eq!(
                ended.is_some_and(|ended| ended.what.is_some()),
                is_told,
                "{error}"
            );
        }
        let stopped = Ended::by(&SyncError::Interrupted, true).unwrap();
        assert_eq!(stopped.clone().or_stopped(Some(Stopped::Asked)), stopped);
        assert_eq!(stopped.or_stopped(Some(Stopped::Stalled)).ending, Ending::Failed);
    }
}
