//! How far a pass is, as it tells, and when it last told anything.

use std::cell::{Cell, RefCell};

use tokio::time::Instant;
use transhume_model::migration::{Progress, Share};
use transhume_sync::{self as sync, Observer, Report};

/// Hears a pass.
#[derive(Debug)]
pub(crate) struct Hearing {
    counts: RefCell<Counts>,
    has_surveyed: Cell<bool>,
    last: Cell<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    mailboxes: u64,
    mailboxes_done: u64,
    /// In the mailboxes that are looked at.
    messages: u64,
    messages_done: u64,
    octets: u64,
}

impl Hearing {
    pub(crate) fn new() -> Self {
        Self {
            counts: RefCell::default(),
            has_surveyed: Cell::new(false),
            last: Cell::new(Instant::now()),
        }
    }

    /// Whether the old server has shown its mailboxes.
    pub(crate) fn has_surveyed(&self) -> bool {
        self.has_surveyed.get()
    }

    /// When the pass last got any further.
    pub(crate) fn last(&self) -> Instant {
        self.last.get()
    }

    /// How far it is. How many octets there are in all nobody has said: it is reckoned from those that came.
    pub(crate) fn progress(&self) -> Progress {
        let counts = *self.counts.borrow();
        let share = |done: u64, all: u64| Share {
            done,
            all: self.has_surveyed().then_some(all.max(done)),
        };
        let messages = share(counts.messages_done, counts.messages);
        let mean = counts.octets.checked_div(counts.messages_done);
        Progress {
            mailboxes: share(counts.mailboxes_done, counts.mailboxes),
            messages,
            octets: Share {
                done: counts.octets,
                all: mean.and_then(|mean| {
                    Some(
                        counts
                            .octets
                            .saturating_add(mean.saturating_mul(messages.left()?)),
                    )
                }),
            },
        }
    }

    /// What has come in so far.
    pub(crate) fn counts(&self) -> sync::Counts {
        let counts = *self.counts.borrow();
        sync::Counts {
            carried: counts.messages_done,
            bytes: counts.octets,
            ..sync::Counts::default()
        }
    }

    /// How much there is when a pass has found both sides equal. Octets are those that were carried, in this pass and before.
    pub(crate) fn whole(report: &Report, octets_before: u64) -> Progress {
        let mailboxes = report.mailboxes.len() as u64;
        let messages: u64 = report.mailboxes.iter().map(|mailbox| mailbox.messages).sum();
        let octets = octets_before.saturating_add(report.totals().bytes);
        let all_of = |number| Share {
            done: number,
            all: Some(number),
        };
        Progress {
            mailboxes: all_of(mailboxes),
            messages: all_of(messages),
            octets: all_of(octets),
        }
    }
}

impl Observer for Hearing {
    fn hear(&self, progress: &sync::Progress<'_>) {
        self.last.set(Instant::now());
        let mut counts = self.counts.borrow_mut();
        match progress {
            sync::Progress::Surveyed { mailboxes, messages } => {
                self.has_surveyed.set(true);
                // Each round surveys. The first sees most; a later one only what is left.
                counts.mailboxes = counts.mailboxes.max(*mailboxes as u64);
                counts.messages = counts.messages.max(*messages);
            }
            sync::Progress::Received { bytes } => counts.octets += bytes,
            sync::Progress::Message { .. } => counts.messages_done += 1,
            sync::Progress::Mailbox { .. } => {
                counts.mailboxes_done = (counts.mailboxes_done + 1).min(counts.mailboxes);
            }
            sync::Progress::Planned { .. }
            | sync::Progress::Verifying
            | sync::Progress::Reconnecting { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync::Progress as Told;
    use transhume_model::mail::MailboxName;

    #[tokio::test]
    async fn what_is_left_is_reckoned_from_what_came() {
        let hearing = Hearing::new();
        assert_eq!(hearing.progress(), Progress::default(), "nothing is known");
        hearing.hear(&Told::Surveyed {
            mailboxes: 2,
            messages: 10,
        });
        assert_eq!(hearing.progress().messages.left(), Some(10));
        assert_eq!(hearing.progress().octets.left(), None);
        let inbox = MailboxName::from_path("INBOX", None).unwrap();
        hearing.hear(&Told::Received { bytes: 300 });
        for _ in 0..2 {
            hearing.hear(&Told::Message { mailbox: &inbox });
        }
        hearing.hear(&Told::Surveyed {
            mailboxes: 1,
            messages: 1,
        });
        let progress = hearing.progress();
        assert_eq!((progress.messages.done, progress.messages.left()), (2, Some(8)));
        assert_eq!(progress.octets.left(), Some(8 * 150));
    }
}
