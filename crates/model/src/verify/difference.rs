//! Differences by their causes.

use std::fmt;

/// What a difference means for who wants to switch the old server off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It is as it has to be.
    Settled,
    /// Something of the source is not on the target: moving once more brings it, or says why not.
    Behind,
    /// Nothing that is known explains it.
    Unexplained,
}

/// A way in which both sides differ. Each has one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Difference {
    /// Bytes on the target are not those that were carried.
    BytesDiffer,
    /// The source serves other bytes now than those that were carried.
    ServedOtherwise,
    /// The sizes of both sides differ, and the base does not know the message.
    SizeDiffers,
    /// It is not on the target, and nothing says why.
    Missing,
    /// A message of the same bytes is on the target once more than it should be.
    Duplicate,
    /// INTERNALDATE differs.
    DateDiffers,
    /// The UID differs, and was not so recorded.
    UidDiffers,
    /// Flags differ, and the base does not know the message.
    FlagsDiffer,
    /// The source lists it, but does not deliver it now, when its bytes were to be compared.
    NotDelivered,
    /// The target's UIDVALIDITY is not the one that it was given.
    UidValidityDiffers,
    /// There is no such mailbox on the target, and nothing says why.
    MailboxMissing,
    /// A mailbox could not be read, on one side or the other.
    MailboxUnreadable,
    /// A subscription is missing, and nothing says why.
    SubscriptionMissing,

    /// The source does not deliver it: it is in quarantine.
    Quarantined,
    /// No pass has carried it yet.
    NotYetMoved,
    /// The source's flags have changed since the last pass.
    FlagsChangedThere,
    /// The source counts it, but does not list it.
    Unlisted,
    /// No pass has carried the mailbox yet.
    MailboxNotYetMoved,
    /// The target's mailbox is another one than passes filled, or an older state of it: the next pass fills it again.
    SetBack,
    /// The source has numbered the mailbox's messages anew since the last pass.
    NumberedAnewThere,
    /// No pass has subscribed to the mailbox yet.
    NotYetSubscribed,

    /// The owner has removed it on the target.
    RemovedHere,
    /// The owner has put it into another mailbox on the target.
    MovedHere,
    /// The owner has changed its flags on the target.
    FlagsChangedHere,
    /// It was removed on the source after it had been carried: deletions are not followed.
    RemovedThere,
    /// It came to the target by another way.
    DeliveredHere,
    /// Its UID was taken on the target when it came.
    Renumbered,
    /// It was on the target before, and has been paired by its bytes.
    WasHere,
    /// The format has no room for its keyword.
    KeywordLeftOut,
    /// The source tells no date for it.
    Undated,
    /// Line ends that are no CRLF.
    LineEnds,
    /// NUL bytes.
    Nul,
    /// The source tells another size than the text that it serves has.
    SizeToldWrongly,
    /// The mailbox was left out as asked.
    Excluded,
    /// The mailbox belongs to others.
    NotOwn,
    /// The mailbox has another name on the target.
    NameAdapted,
    /// The target keeps its own numbers for the mailbox.
    OwnNumbers,
    /// The owner has removed or renamed the mailbox on the target.
    MailboxRemovedHere,
    /// The mailbox is no longer on the source.
    MailboxRemovedThere,
    /// The mailbox is on the target only.
    MailboxMadeHere,
    /// The owner has ended a subscription on the target.
    UnsubscribedHere,
    /// A subscription that is on the target only.
    SubscribedHere,
}

/// One difference, with what is particular about it where that is worth a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub difference: Difference,
    /// In plain words; never with a message's content.
    pub detail: Option<String>,
}

impl From<Difference> for Finding {
    fn from(difference: Difference) -> Self {
        Self {
            difference,
            detail: None,
        }
    }
}

impl Difference {
    /// With something particular.
    pub fn with(self, detail: impl fmt::Display) -> Finding {
        Finding {
            difference: self,
            detail: Some(detail.to_string()),
        }
    }

    /// The word by which programs know it; never changed.
    pub const fn word(self) -> &'static str {
        self.about().0
    }

    /// What it means.
    pub const fn standing(self) -> Standing {
        self.about().1
    }

    /// The explanation, to follow a number of messages, mailboxes or subscriptions.
    pub const fn explanation(self) -> &'static str {
        self.about().2
    }

    /// Whether it is about messages; if not, about a mailbox or a subscription.
    pub const fn is_of_messages(self) -> bool {
        !matches!(
            self,
            Self::UidValidityDiffers
                | Self::MailboxMissing
                | Self::MailboxUnreadable
                | Self::SubscriptionMissing
                | Self::MailboxNotYetMoved
                | Self::SetBack
                | Self::NumberedAnewThere
                | Self::NotYetSubscribed
                | Self::Excluded
                | Self::NotOwn
                | Self::NameAdapted
                | Self::OwnNumbers
                | Self::MailboxRemovedHere
                | Self::MailboxRemovedThere
                | Self::MailboxMadeHere
                | Self::UnsubscribedHere
                | Self::SubscribedHere
        )
    }

    #[rustfmt::skip]
    const fn about(self) -> (&'static str, Standing, &'static str) {
        use Standing::{Behind, Settled, Unexplained};
        match self {
            Self::BytesDiffer => ("bytes_differ", Unexplained, "with other bytes on the new side than were moved"),
            Self::ServedOtherwise => ("served_otherwise", Unexplained, "that the old server serves with other bytes now than when they were moved"),
            Self::SizeDiffers => ("size_differs", Unexplained, "of another size than on the old server, with no record of the move"),
            Self::Missing => ("missing", Unexplained, "missing on the new side, and nothing says why"),
            Self::Duplicate => ("duplicate", Unexplained, "with the same bytes as a message that was moved, and in addition to it"),
            Self::DateDiffers => ("date_differs", Unexplained, "with another date (INTERNALDATE)"),
            Self::UidDiffers => ("uid_differs", Unexplained, "with another UID than on the old server"),
            Self::FlagsDiffer => ("flags_differ", Unexplained, "with other flags, with no record of what both sides once agreed on"),
            Self::NotDelivered => ("not_delivered", Unexplained, "that the old server does not deliver now, so that their bytes cannot be compared"),
            Self::UidValidityDiffers => ("uid_validity_differs", Unexplained, "with another UIDVALIDITY than it was given: clients download it again"),
            Self::MailboxMissing => ("mailbox_missing", Unexplained, "missing on the new side, and nothing says why"),
            Self::MailboxUnreadable => ("mailbox_unreadable", Unexplained, "not readable, so that nothing is known of it"),
            Self::SubscriptionMissing => ("subscription_missing", Unexplained, "missing on the new side, and nothing says why"),

            Self::Quarantined => ("quarantined", Behind, "quarantined: the old server lists them, but does not deliver them"),
            Self::NotYetMoved => ("not_yet_moved", Behind, "not moved yet: they arrived since the last run, or it did not get so far"),
            Self::FlagsChangedThere => ("flags_changed_there", Behind, "with flags that have changed on the old server since the last run"),
            Self::Unlisted => ("unlisted", Behind, "that the old server counts, but does not list in a readable way"),
            Self::MailboxNotYetMoved => ("mailbox_not_yet_moved", Behind, "not moved yet"),
            Self::SetBack => ("set_back", Behind, "set back on the new side to an older state than it was moved to, or made anew"),
            Self::NumberedAnewThere => ("numbered_anew_there", Behind, "whose messages the old server has numbered anew since the last run"),
            Self::NotYetSubscribed => ("not_yet_subscribed", Behind, "not subscribed to yet"),

            Self::RemovedHere => ("removed_here", Settled, "removed on the new side by their owner after the move"),
            Self::MovedHere => ("moved_here", Settled, "put elsewhere on the new side by their owner after the move"),
            Self::FlagsChangedHere => ("flags_changed_here", Settled, "with flags that their owner has changed on the new side"),
            Self::RemovedThere => ("removed_there", Settled, "removed on the old server after they were moved, and kept here"),
            Self::DeliveredHere => ("delivered_here", Settled, "on the new side only: delivered or filed there"),
            Self::Renumbered => ("renumbered", Settled, "with another UID than on the old server, since it was taken on the new side"),
            Self::WasHere => ("was_here", Settled, "that were here before they were paired by their bytes, and keep their own UID, date and flags"),
            Self::KeywordLeftOut => ("keyword_left_out", Settled, "without a keyword for which a Maildir has no room (26 in a mailbox)"),
            Self::Undated => ("undated", Settled, "without a date on the old server: they bear the time of the move"),
            Self::LineEnds => ("line_ends", Settled, "with line ends that are no CRLF: kept as they came, and served as CRLF"),
            Self::Nul => ("nul", Settled, "with NUL bytes, each of which Dovecot serves as 0x80"),
            Self::SizeToldWrongly => ("size_told_wrongly", Settled, "of which the old server tells another size than that of the text it served"),
            Self::Excluded => ("excluded", Settled, "left out as asked (--include, --exclude)"),
            Self::NotOwn => ("not_own", Settled, "shared by others and not part of this account"),
            Self::NameAdapted => ("name_adapted", Settled, "called otherwise here, where its name cannot be, or was taken"),
            Self::OwnNumbers => ("own_numbers", Settled, "with the numbers (UIDVALIDITY) of the new side, which clients know by now"),
            Self::MailboxRemovedHere => ("mailbox_removed_here", Settled, "removed or renamed on the new side by its owner"),
            Self::MailboxRemovedThere => ("mailbox_removed_there", Settled, "removed or renamed on the old server after it was moved, and kept here"),
            Self::MailboxMadeHere => ("mailbox_made_here", Settled, "on the new side only: made there"),
            Self::UnsubscribedHere => ("unsubscribed_here", Settled, "ended on the new side by its owner"),
            Self::SubscribedHere => ("subscribed_here", Settled, "on the new side only"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_kept_beside_the_difference() {
        let finding = Difference::Quarantined.with(format_args!("{} tries", 3));
        assert_eq!(finding.detail.as_deref(), Some("3 tries"));
        assert_eq!(finding.difference.word(), "quarantined");
        assert_eq!(finding.difference.standing(), Standing::Behind);
        assert!(finding.difference.is_of_messages());
        assert!(!Difference::NameAdapted.is_of_messages());
    }
}
